// Segments: which segment each element belongs to, and where each segment has its largest element.
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

// Calls function(segment, begin, end) for each segment of `count` elements.
template <class Function>
void for_each_segment(const RefCall& call, size_t offsets_input, int64_t count, const Function& function) {
  const BufferSpec& spec = call.inputs[offsets_input];
  const int64_t segments = spec.shape[0];
  const auto offset = [&](int64_t b) {
    return b == segments ? count : load<int64_t>(call.input_data[offsets_input], b * spec.strides[0]);
  };
  if (count > 0 && (segments == 0 || offset(0) != 0)) {
    throw ValueError(
        concat_text(op::op_name(call.op), ": expected offsets that begin with 0", segments == 0 ? ", got none" : ""));
  }
  for (int64_t b = 0; b < segments; ++b) {
    if (offset(b) >= 0 && offset(b) <= offset(b + 1)) continue;
    throw ValueError(concat_text(op::op_name(call.op), ": expected ascending offsets up to ", count, ", got ",
                                 offset(b), " before ", offset(b + 1)));
  }
  for (int64_t b = 0; b < segments; ++b) function(b, offset(b), offset(b + 1));
}

void run_segment_ids(const RefCall& call) {
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  for_each_segment(call, 0, call.outputs[0].shape[0],
                   [&](int64_t segment, int64_t begin, int64_t end) { std::fill(y + begin, y + end, segment); });
}

void run_segment_argmax(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const int64_t columns = x.shape[1];
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto at = [&](int64_t row, int64_t column) {
      return load<T>(call.input_data[0], row * x.strides[0] + column * x.strides[1]);
    };
    for_each_segment(call, 1, x.shape[0], [&](int64_t segment, int64_t begin, int64_t end) {
      int64_t* best = y + segment * columns;
      std::fill(best, best + columns, begin < end ? begin : 0);
      for (int64_t row = begin + 1; row < end; ++row) {
        for (int64_t j = 0; j < columns; ++j) {
          const auto largest = at(best[j], j);
          const auto element = at(row, j);
          // NaN is unequal to itself.
          if (element > largest || (element != element && largest == largest)) best[j] = row;
        }
      }
    });
  });
}

}  // namespace

void register_segment(KernelTable& table) {
  table.add(OpId::segment_ids, Provider::ref, prepare<run_segment_ids>);
  table.add(OpId::segment_argmax, Provider::ref, prepare<run_segment_argmax>);
}

}  // namespace pydl::backends::ref
