// Segments: runs of consecutive elements, defined by the positions where they begin.
#include "op/attrs/segment.h"
#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

void require_offsets(const char* name, const BufferSpec& offsets) {
  if (offsets.dtype == DType::int64 && offsets.shape.rank() == 1) return;
  throw ValueError(concat_text(name, ": expected offsets of int64 and shape (B,), got ", offsets.dtype, " of shape ",
                               offsets.shape));
}

void infer_segment_ids(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const int64_t count = op::from_attrs<op::SegmentIdsAttrs>(attrs).count;
  require_offsets("segment_ids", inputs[0]);
  if (count < 0) throw ValueError(concat_text("segment_ids: the count must not be negative, got ", count));
  *output = row_major(DType::int64, {count});
}

void infer_segment_argmax(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  if (inputs[0].shape.rank() != 2) {
    throw ValueError(concat_text("segment_argmax: expected x of shape (count, D), got ", inputs[0].shape));
  }
  require_offsets("segment_argmax", inputs[1]);
  *output = row_major(DType::int64, {inputs[1].shape[0], inputs[0].shape[1]});
}

}  // namespace

void define_segment(Registry& registry) {
  // (offsets int64 (B), ascending from 0) -> (y int64 (count)) {count integer}: the segment b that contains element i;
  // it begins at offsets[b] and ends where the next one begins
  registry.declare(OpId::segment_ids, {
                                          .doc = "The segment that each element is in, by where segments begin.",
                                          .inputs = {"offsets"},
                                          .attributes = op::fields_of<op::SegmentIdsAttrs>(),
                                          .traits = flag(op::Trait::checks_values),
                                          .infer = infer_segment_ids,
                                      });
  // (x (count, D), offsets int64 (B)) -> (y int64 (B, D)): the first of equal elements; 0 for an empty segment
  registry.declare(OpId::segment_argmax, {
                                             .doc = "Row of the largest element of each segment, by column; NaN wins.",
                                             .inputs = {"x", "offsets"},
                                             .traits = flag(op::Trait::checks_values),
                                             .infer = infer_segment_argmax,
                                         });
}

}  // namespace ops

namespace {

Tensor as_offsets(const char* name, const Tensor& offsets) {
  if (!is_integer(offsets.dtype())) {
    throw TypeError(concat_text(name, ": expected offsets of integers, got ", offsets.dtype()));
  }
  return astype(offsets, DType::int64);
}

}  // namespace

Tensor segment_ids(const Tensor& offsets, int64_t count) try {
  return op::apply(OpId::segment_ids, op::to_attrs(op::SegmentIdsAttrs{count}), {as_offsets("segment_ids", offsets)});
} catch (const Error&) {
  core::rethrow_as("segment_ids");
}

Tensor segment_argmax(const Tensor& x, const Tensor& offsets) try {
  return op::apply(OpId::segment_argmax, {}, {x, as_offsets("segment_argmax", offsets)});
} catch (const Error&) {
  core::rethrow_as("segment_argmax");
}

}  // namespace pydl
