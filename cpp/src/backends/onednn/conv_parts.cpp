#include "backends/onednn/conv_parts.h"

#include <algorithm>
#include <bit>

#include "backends/onednn/primitive.h"
#include "op/conv_geometry.h"

namespace pydl::backends::onednn {

namespace {

using exec::BufferSpec;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

// A part should have at least this many output positions, unless there are only two parts.
constexpr int64_t positions_per_part = 512;
// Every part has its own gradient of the weight, which is written, and read again to be summed. Unless there are only
// two parts, each should sum at least this many terms, and their gradients together should not be larger than this.
constexpr int64_t terms_worth_a_sum = 256;
constexpr int64_t most_gradient_elements = int64_t{1} << 22;

struct Range {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

Range part_of(int64_t size, int64_t count, int64_t index) { return {size * index / count, size * (index + 1) / count}; }

// Restricts an axis to a range, and returns the offset of the range in bytes.
int64_t narrow(BufferSpec& spec, int axis, Range range) {
  spec.shape[axis] = range.size();
  return range.begin * spec.strides[axis] * static_cast<int64_t>(item_size(spec.dtype));
}

ConvPart images(const KernelCall& call, Range range) {
  ConvPart part(call);
  part.inputs[0] = narrow(part.call.inputs[0], 0, range);
  if (call.op == OpId::conv_backward_weight) {
    part.inputs[1] = narrow(part.call.inputs[1], 0, range);
  } else {
    part.output = narrow(part.call.outputs[0], 0, range);
  }
  return part;
}

op::Attrs with_padding(const op::Attrs& attrs, int64_t low, int64_t high) {
  op::Attrs changed;
  for (const auto& [name, value] : attrs.entries()) {
    if (name == "padding_low" || name == "padding_high") {
      Dims padding = std::get<Dims>(value);
      padding[0] = name == "padding_low" ? low : high;
      changed.add(name, padding);
    } else {
      changed.add(name, value);
    }
  }
  return changed;
}

// Rows [begin, end) of the output of a single image along the first spatial axis, with the rows of the input in their
// windows. Windows that extend beyond the image become padding.
ConvPart band(const KernelCall& call, const ConvGeometry& g, Range range) {
  const auto axis = static_cast<size_t>(3 - g.spatial);
  const int64_t first = range.begin * g.stride[axis] - g.low[axis];
  const int64_t end = (range.end - 1) * g.stride[axis] - g.low[axis] + (g.kernel[axis] - 1) * g.dilation[axis] + 1;
  const Range rows = {std::max<int64_t>(first, 0), std::min(end, g.input[axis])};
  ConvPart part(call);
  part.call.attrs = with_padding(call.attrs, rows.begin - first, end - rows.end);
  if (call.op == OpId::conv_backward_weight) {
    part.inputs[0] = narrow(part.call.inputs[0], 2, range);
    part.inputs[1] = narrow(part.call.inputs[1], 2, rows);
  } else {
    part.inputs[0] = narrow(part.call.inputs[0], 2, rows);
    part.output = narrow(part.call.outputs[0], 2, range);
  }
  return part;
}

// Whether the windows of every band contain rows of the image.
bool may_cut_bands(const KernelCall& call, const ConvGeometry& g) {
  const auto axis = static_cast<size_t>(3 - g.spatial);
  const int64_t reach = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
  return call.op != OpId::conv_backward_input && g.batch == 1 && std::max(g.low[axis], g.high[axis]) < reach &&
         g.output[axis] > 1 && is_channels_last(call.inputs[0].shape, call.inputs[0].strides);
}

// The number of parts that is worthwhile for the gradient of the weight.
int64_t gradient_parts(const KernelCall& call, const ConvGeometry& g) {
  const int64_t elements = std::max<int64_t>(element_count(call.outputs[0].shape), 1);
  const int64_t by_terms = g.batch * g.output_size() / terms_worth_a_sum;
  const int64_t most = std::min(by_terms, most_gradient_elements / elements);
  int64_t parts = 2;
  while (2 * parts <= most) parts *= 2;
  return parts;
}

}  // namespace

std::vector<ConvPart> cut(const KernelCall& call, bool in_parts) {
  const ConvGeometry g = op::conv_geometry(call);
  // Every part reads the whole weight. A power of two divides evenly among the usual numbers of threads.
  const auto positions = static_cast<uint64_t>(g.batch * g.output_size());
  const auto worth_a_weight =
      static_cast<int64_t>(std::bit_floor(std::max<uint64_t>(positions / positions_per_part, 2)));
  int64_t count = in_parts ? std::min(part_count(g.work()), worth_a_weight) : 1;
  if (call.op == OpId::conv_backward_weight) {
    // oneDNN can write float32 sums for bfloat16, but not for float16.
    count = call.outputs[0].dtype == DType::float16 ? 1 : std::min(count, gradient_parts(call, g));
  }
  std::vector<ConvPart> parts;
  if (count > 1 && may_cut_bands(call, g)) {
    const int64_t rows = g.output[static_cast<size_t>(3 - g.spatial)];
    count = std::min(count, rows);
    for (int64_t i = 0; i < count; ++i) parts.push_back(band(call, g, part_of(rows, count, i)));
    return parts;
  }
  count = std::min(count, g.batch);
  for (int64_t i = 0; i < count; ++i) parts.push_back(images(call, part_of(g.batch, count, i)));
  return parts;
}

}  // namespace pydl::backends::onednn
