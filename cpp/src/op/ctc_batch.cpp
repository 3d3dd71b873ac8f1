#include "op/ctc_batch.h"

#include "pydl/error.h"

namespace pydl::op {

CtcBatch::CtcBatch(const CtcAttrs& attrs, std::span<const exec::BufferSpec> operands)
    : steps(operands[0].shape[0]),
      count(operands[0].shape[1]),
      classes(operands[0].shape[2]),
      blank(attrs.blank),
      zero_infinity(attrs.zero_infinity),
      joined_(operands[1].shape.rank() == 1),
      target_stride_(operands[1].strides.back()),
      input_length_stride_(operands[2].strides[0]),
      target_length_stride_(operands[3].strides[0]) {
  if (joined_) {
    total_ = operands[1].shape[0];
  } else {
    width_ = operands[1].shape[1];
    row_stride_ = operands[1].strides[0];
  }
}

void CtcBatch::check(const int64_t* targets, const int64_t* input_lengths, const int64_t* target_lengths) const {
  int64_t used = 0;
  for (int64_t n = 0; n < count; ++n) {
    const int64_t time = input_lengths[n * input_length_stride_];
    const int64_t length = target_lengths[n * target_length_stride_];
    if (time < 0 || time > steps) {
      throw ValueError(concat_text("ctc_loss: input length ", time, " of sample ", n, " is outside the ", steps,
                                   " steps of log_probs"));
    }
    const int64_t room = joined_ ? total_ - used : width_;
    if (length < 0 || length > room) {
      throw ValueError(concat_text("ctc_loss: target length ", length, " of sample ", n, " is outside the ", room,
                                   joined_ ? " targets that are left" : " targets of a row"));
    }
    used += length;
    const CtcSample one = sample(n, targets, input_lengths, target_lengths);
    for (int64_t state = 1; state < one.states; state += 2) {
      const int64_t label = one.label(state);
      if (label >= 0 && label < classes && label != blank) continue;
      throw IndexError(concat_text("ctc_loss: target ", label, " of sample ", n, " is outside the ", classes,
                                   " classes, or the blank ", blank));
    }
  }
  if (joined_ && used != total_) {
    throw ValueError(
        concat_text("ctc_loss: expected target lengths whose sum is the ", total_, " joined targets, got ", used));
  }
}

CtcSample CtcBatch::sample(int64_t n, const int64_t* targets, const int64_t* input_lengths,
                           const int64_t* target_lengths) const {
  int64_t first = n * row_stride_;
  if (joined_) {
    for (int64_t i = 0; i < n; ++i) first += target_lengths[i * target_length_stride_] * target_stride_;
  }
  return {targets + first, target_stride_, input_lengths[n * input_length_stride_],
          target_lengths[n * target_length_stride_], blank};
}

}  // namespace pydl::op
