// Random numbers by rejection (runtime/variates.h), by several threads: every element has a stream of its own.
#include "runtime/variates.h"

#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/distributions.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

using runtime::ElementStream;

constexpr int64_t cost_of_a_variate = 4096;
constexpr int64_t piece = FirstDraws::most;

// The numbers of one op, from its parameters at an element.
using Variate = double (*)(const double* parameters, ElementStream& stream);

template <bool logarithm>
double gamma_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::gamma(parameters[0], logarithm, stream);
}
double poisson_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::poisson(parameters[0], stream);
}
double truncated_normal_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::truncated_normal(parameters[0], parameters[1], stream);
}

// What most elements draw, which is computed for many elements at a time. Gamma variates below a concentration of 1
// take a logarithm first.
struct Recipe {
  Variate variate;
  FirstDrawsNeeded needed;
  bool is_gamma = false;
};

Recipe recipe_of(const KernelCall& call) {
  if (call.op == OpId::poisson) return {poisson_variate, {.second_pair = false, .logs = false, .normals = false}};
  if (call.op == OpId::truncated_normal) {
    return {truncated_normal_variate, {.second_pair = false, .logs = false, .normals = true}};
  }
  const bool logarithm = op::from_attrs<op::GammaAttrs>(call.attrs).logarithm;
  return {logarithm ? gamma_variate<true> : gamma_variate<false>,
          {.second_pair = true, .logs = true, .normals = true},
          true};
}

bool is_one_number(const BufferSpec& operand) {
  return std::all_of(operand.strides.begin(), operand.strides.end(), [](int64_t stride) { return stride == 0; });
}

// T is float or double; all operands have the result's shape, row-major, or are one number, but for the state, which is
// the last input.
template <class T>
class VariateKernel final : public Kernel {
 public:
  VariateKernel(const KernelCall& call, const Recipe& recipe)
      : recipe_(recipe),
        parameters_(call.inputs.size() - 1),
        state_stride_(call.inputs.back().strides[0]),
        count_(element_count(call.outputs[0].shape)) {
    for (size_t k = 0; k < parameters_; ++k) steps_[k] = is_one_number(call.inputs[k]) ? 0 : 1;
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* state = static_cast<const int64_t*>(inputs[parameters_]);
    const auto seed = static_cast<uint64_t>(state[0]);
    const auto offset = static_cast<uint64_t>(state[state_stride_]);
    constexpr int64_t grain = runtime::worth_a_thread(cost_of_a_variate * piece);
    runtime::parallel_for((count_ + piece - 1) / piece, grain, [&](int64_t begin, int64_t end) {
      FirstDraws draws;
      for (int64_t i = begin; i < end; ++i) {
        draw_piece(seed, offset, i * piece, inputs, draws, static_cast<T*>(outputs[0]));
      }
    });
  }

 private:
  void draw_piece(uint64_t seed, uint64_t offset, int64_t begin, void* const* inputs, FirstDraws& draws, T* y) const {
    const int64_t count = std::min(piece, count_ - begin);
    double parameters[2][piece];
    for (size_t k = 0; k < parameters_; ++k) {
      const T* from = static_cast<const T*>(inputs[k]) + begin * steps_[k];
      for (int64_t i = 0; i < count; ++i) parameters[k][i] = from[i * steps_[k]];
    }
    for (int64_t i = 0; i < count; ++i) draws.normal_at[i] = recipe_.is_gamma && parameters[0][i] < 1 ? 1 : 0;
    kernels().variates.first_draws(seed, offset, begin, count, recipe_.needed, draws);
    for (int64_t i = 0; i < count; ++i) {
      const double given[2] = {parameters[0][i], parameters_ > 1 ? parameters[1][i] : 0.0};
      ElementStream stream(seed, offset, begin + i, start_of(draws, i));
      y[begin + i] = static_cast<T>(recipe_.variate(given, stream));
    }
  }

  runtime::StreamStart start_of(const FirstDraws& draws, int64_t i) const {
    return {.units = &draws.units[0][i],
            .distance = piece,
            .count = recipe_.needed.second_pair ? 4 : 2,
            .log = recipe_.needed.logs ? &draws.log[i] : nullptr,
            .normal = recipe_.needed.normals ? &draws.normal[i] : nullptr,
            .normal_at = draws.normal_at[i]};
  }

  Recipe recipe_;
  size_t parameters_;
  int64_t steps_[2] = {};
  int64_t state_stride_;
  int64_t count_;
};

std::unique_ptr<Kernel> prepare_variate(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  for (const BufferSpec& input : call.inputs.first(call.inputs.size() - 1)) {
    if (input.dtype != y.dtype) return nullptr;
    if (!is_contiguous(input.shape, input.strides) && !is_one_number(input)) return nullptr;
  }
  if (y.dtype == DType::float32) return std::make_unique<VariateKernel<float>>(call, recipe_of(call));
  if (y.dtype == DType::float64) return std::make_unique<VariateKernel<double>>(call, recipe_of(call));
  return nullptr;
}

}  // namespace

void register_variates(KernelTable& table) {
  for (const OpId op : {OpId::standard_gamma, OpId::poisson, OpId::truncated_normal}) {
    table.add(op, Provider::cpu, adapted<prepare_variate>);
  }
}

}  // namespace pydl::cpu
