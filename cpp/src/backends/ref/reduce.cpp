// Reductions: each output element visits all of its inputs.
#include <algorithm>
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/reduce.h"

namespace pydl::backends::ref {

namespace {

struct Axes {
  Dims shape;
  Dims strides;
};

// The kept axes and the reduced axes. Outputs are row-major over the kept axes.
struct Split {
  Axes kept;
  Axes reduced;
};

Split split_axes(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const Dims axes = op::from_attrs<op::ReduceAttrs>(call.attrs).axes;
  Split split;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    const bool is_reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    Axes& part = is_reduced ? split.reduced : split.kept;
    part.shape.push_back(x.shape[axis]);
    part.strides.push_back(x.strides[axis]);
  }
  return split;
}

// Stores `reduce_one(for_each, zero)` for every output element, where `for_each(visit)` calls `visit` with each input
// of that element, and `zero` has their compute type.
template <class ReduceOne>
void reduce(const RefCall& call, const ReduceOne& reduce_one) {
  const Split split = split_axes(call);
  visit_compute(call.inputs[0].dtype, [&](auto zero) {
    const auto load_input = load_of<decltype(zero)>(call.inputs[0].dtype);
    int64_t position = 0;
    for_each_position<1>(split.kept.shape, {split.kept.strides}, [&](const auto& kept) {
      const auto for_each = [&](const auto& visit) {
        for_each_position<1>(split.reduced.shape, {split.reduced.strides},
                             [&](const auto& reduced) { visit(load_input(call.input_data[0], kept[0] + reduced[0])); });
      };
      const auto result = reduce_one(for_each, zero);
      store_of<std::decay_t<decltype(result)>>(call.outputs[0].dtype)(call.output_data[0], position++, result);
    });
  });
}

void run_sum(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto total) {
    for_each([&](auto x) { total += x; });
    return total;
  });
}

void run_nansum(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto total) {
    for_each([&](auto x) { total += x == x ? x : 0; });
    return total;
  });
}

void run_euclidean_norm(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto) {
    double squares = 0;
    for_each([&](auto x) { squares += static_cast<double>(x) * static_cast<double>(x); });
    return std::sqrt(squares);
  });
}

void run_prod(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto product) {
    product = 1;
    for_each([&](auto x) { product *= x; });
    return product;
  });
}

template <class ForEach>
double mean_of(const ForEach& for_each) {
  double total = 0;
  double count = 0;
  for_each([&](auto x) {
    total += static_cast<double>(x);
    count += 1;
  });
  return total / count;
}

void run_mean(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto) { return mean_of(for_each); });
}

void run_var(const RefCall& call) {
  const double correction = op::from_attrs<op::VarAttrs>(call.attrs).correction;
  reduce(call, [&](const auto& for_each, auto) {
    const double mean = mean_of(for_each);
    double squares = 0;
    double count = 0;
    for_each([&](auto x) {
      const double difference = static_cast<double>(x) - mean;
      squares += difference * difference;
      count += 1;
    });
    return squares / std::max(count - correction, 0.0);
  });
}

// Whether `x` replaces the extremum found so far: NaN replaces any number, and nothing replaces NaN.
template <bool largest, class T>
bool replaces(T x, T extremum) {
  if (extremum != extremum) return false;
  return x != x || (largest ? x > extremum : x < extremum);
}

template <bool largest>
void run_extremum(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto extremum) {
    bool first = true;
    for_each([&](auto x) {
      if (first || replaces<largest>(x, extremum)) extremum = x;
      first = false;
    });
    return extremum;
  });
}

template <bool largest>
void run_arg_extremum(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto extremum) {
    int64_t index = 0;
    int64_t found = 0;
    for_each([&](auto x) {
      if (index == 0 || replaces<largest>(x, extremum)) {
        extremum = x;
        found = index;
      }
      ++index;
    });
    return found;
  });
}

void run_any(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto) {
    bool any = false;
    for_each([&](auto x) { any = any || x != 0; });
    return int64_t{any};
  });
}

void run_all(const RefCall& call) {
  reduce(call, [](const auto& for_each, auto) {
    bool all = true;
    for_each([&](auto x) { all = all && x != 0; });
    return int64_t{all};
  });
}

}  // namespace

void register_reduce(KernelTable& table) {
  table.add(OpId::sum, Provider::ref, prepare<run_sum>);
  table.add(OpId::mean, Provider::ref, prepare<run_mean, is_floating>);
  table.add(OpId::nansum, Provider::ref, prepare<run_nansum, is_floating>);
  table.add(OpId::euclidean_norm, Provider::ref, prepare<run_euclidean_norm, is_floating>);
  table.add(OpId::prod, Provider::ref, prepare<run_prod>);
  table.add(OpId::max, Provider::ref, prepare<run_extremum<true>>);
  table.add(OpId::min, Provider::ref, prepare<run_extremum<false>>);
  table.add(OpId::any, Provider::ref, prepare<run_any>);
  table.add(OpId::all, Provider::ref, prepare<run_all>);
  table.add(OpId::var, Provider::ref, prepare<run_var, is_floating>);
  table.add(OpId::argmax, Provider::ref, prepare<run_arg_extremum<true>>);
  table.add(OpId::argmin, Provider::ref, prepare<run_arg_extremum<false>>);
}

}  // namespace pydl::backends::ref
