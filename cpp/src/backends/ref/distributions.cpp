// Random numbers by rejection, element by element (runtime/variates.h), and random choices.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/distributions.h"
#include "runtime/choices.h"
#include "runtime/variates.h"

namespace pydl::backends::ref {

namespace {

using runtime::ElementStream;

// The state is the last input.
struct GeneratorState {
  explicit GeneratorState(const RefCall& call) {
    const size_t last = call.inputs.size() - 1;
    seed = static_cast<uint64_t>(load<int64_t>(call.input_data[last], 0));
    offset = static_cast<uint64_t>(load<int64_t>(call.input_data[last], call.inputs[last].strides[0]));
  }
  ElementStream element(int64_t i) const { return {seed, offset, i}; }

  uint64_t seed;
  uint64_t offset;
};

// Calls `draw(i, stream)` for every element of the result.
template <class Draw>
void draw_each(const RefCall& call, const Draw& draw) {
  const GeneratorState state(call);
  std::vector<double> drawn(static_cast<size_t>(element_count(call.outputs[0].shape)));
  for (size_t i = 0; i < drawn.size(); ++i) {
    ElementStream stream = state.element(static_cast<int64_t>(i));
    drawn[i] = draw(i, stream);
  }
  store_values(call.outputs[0], call.output_data[0], drawn);
}

void run_standard_gamma(const RefCall& call) {
  const std::vector<double> concentration = values_of(call.inputs[0], call.input_data[0]);
  const bool logarithm = op::from_attrs<op::GammaAttrs>(call.attrs).logarithm;
  draw_each(call, [&](size_t i, ElementStream& stream) {
    return runtime::variates::gamma(concentration[i], logarithm, stream);
  });
}

void run_poisson(const RefCall& call) {
  const std::vector<double> rate = values_of(call.inputs[0], call.input_data[0]);
  draw_each(call, [&](size_t i, ElementStream& stream) { return runtime::variates::poisson(rate[i], stream); });
}

void run_truncated_normal(const RefCall& call) {
  const std::vector<double> low = values_of(call.inputs[0], call.input_data[0]);
  const std::vector<double> high = values_of(call.inputs[1], call.input_data[1]);
  draw_each(call, [&](size_t i, ElementStream& stream) {
    return runtime::variates::truncated_normal(low[i], high[i], stream);
  });
}

// Searches the sums of the weights for a uniform number each.
void draw_with_replacement(std::span<const double> weights, const GeneratorState& state, int64_t first,
                           std::span<int64_t> chosen) {
  std::vector<double> sums(weights.size());
  runtime::sum_weights(weights, sums.data());
  // What rounding takes beyond the last sum belongs to the last category that is possible.
  const auto last = std::lower_bound(sums.begin(), sums.end(), sums.back());
  for (size_t i = 0; i < chosen.size(); ++i) {
    const double u = state.element(first + static_cast<int64_t>(i)).next();
    const auto found = std::upper_bound(sums.begin(), last, u * sums.back());
    chosen[i] = found - sums.begin();
  }
}

// The categories whose exponential clocks, with their weights as rates, ring first: as if they were drawn one after the
// other (Efraimidis and Spirakis 2006).
void draw_without_replacement(std::span<const double> weights, const GeneratorState& state, int64_t first,
                              std::span<int64_t> chosen) {
  ElementStream stream = state.element(first);
  std::vector<std::pair<double, int64_t>> times;
  for (size_t k = 0; k < weights.size(); ++k) {
    const double time = -stream.next_log() / weights[k];
    if (weights[k] > 0) times.emplace_back(time, static_cast<int64_t>(k));
  }
  const auto count = static_cast<std::ptrdiff_t>(chosen.size());
  std::partial_sort(times.begin(), times.begin() + count, times.end());
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = times[i].second;
}

void run_multinomial(const RefCall& call) {
  const auto attrs = op::from_attrs<op::MultinomialAttrs>(call.attrs);
  const BufferSpec& probs = call.inputs[0];
  const std::vector<double> values = values_of(probs, call.input_data[0]);
  const auto categories = static_cast<size_t>(probs.shape[probs.shape.rank() - 1]);
  const auto count = static_cast<size_t>(attrs.count);
  const GeneratorState state(call);
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  for (size_t row = 0; row * categories < values.size(); ++row) {
    const auto weights = std::span(values).subspan(row * categories, categories);
    runtime::require_weights(weights, attrs.replacement ? 1 : attrs.count);
    const auto first = static_cast<int64_t>(row * count);
    if (attrs.replacement) {
      draw_with_replacement(weights, state, first, {y + first, count});
      continue;
    }
    draw_without_replacement(weights, state, first, {y + first, count});
  }
}

}  // namespace

void register_distributions(KernelTable& table) {
  table.add(OpId::standard_gamma, Provider::ref, prepare<run_standard_gamma>);
  table.add(OpId::poisson, Provider::ref, prepare<run_poisson>);
  table.add(OpId::truncated_normal, Provider::ref, prepare<run_truncated_normal>);
  table.add(OpId::multinomial, Provider::ref, prepare<run_multinomial>);
}

}  // namespace pydl::backends::ref
