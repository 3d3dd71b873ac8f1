// Counts of integers and of numbers in intervals.
#include <algorithm>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/sort_key.h"

namespace pydl::backends::ref {

namespace {

void run_count_in_bins(const RefCall& call) {
  const BufferSpec& values = call.inputs[0];
  const BufferSpec& edges = call.inputs[1];
  const int64_t bins = edges.shape[0] - 1;
  auto* counts = static_cast<int64_t*>(call.output_data[0]);
  std::fill_n(counts, bins, 0);
  visit_dtype(edges.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto edge = [&](int64_t i) {
      return op::sort_key(static_cast<const T*>(call.input_data[1])[i * edges.strides[0]]);
    };
    for_each_position<1>(values.shape, {values.strides}, [&](const auto& at) {
      const auto key = op::sort_key(static_cast<const T*>(call.input_data[0])[at[0]]);
      int64_t reached = 0;
      for (int64_t i = 0; i <= bins; ++i) reached += edge(i) <= key ? 1 : 0;
      if (key == edge(bins)) reached = bins;
      if (reached > 0 && reached <= bins) ++counts[reached - 1];
    });
  });
}

void run_count_integers(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const int64_t size = call.outputs[0].shape[0];
  auto* counts = static_cast<int64_t*>(call.output_data[0]);
  auto* ends = static_cast<int64_t*>(call.output_data[1]);
  std::fill_n(counts, size, 0);
  ends[0] = 0;
  ends[1] = -1;
  bool is_first = true;
  for_each_position<1>(x.shape, {x.strides}, [&](const auto& at) {
    const int64_t value = load<int64_t>(call.input_data[0], at[0]);
    if (value >= 0 && value < size) ++counts[value];
    ends[0] = is_first ? value : std::min(ends[0], value);
    ends[1] = is_first ? value : std::max(ends[1], value);
    is_first = false;
  });
}

}  // namespace

void register_histogram(KernelTable& table) {
  table.add(OpId::count_in_bins, Provider::ref, prepare<run_count_in_bins>);
  table.add(OpId::count_integers, Provider::ref, prepare<run_count_integers>);
}

}  // namespace pydl::backends::ref
