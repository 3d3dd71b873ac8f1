// The samples of a CTC loss, as kernels derive them from lengths and targets.
#pragma once

#include "exec/kernel.h"
#include "op/attrs/ctc.h"

namespace pydl::op {

/// One sample. Its states are the classes of its target, with blanks between, before and after them.
class CtcSample {
 public:
  CtcSample(const int64_t* targets, int64_t stride, int64_t steps_in, int64_t length, int64_t blank)
      : steps(steps_in), states(2 * length + 1), targets_(targets), stride_(stride), blank_(blank) {}

  /// The class of a state: there is a blank before each target and after the last one.
  int64_t label(int64_t state) const { return state % 2 == 0 ? blank_ : targets_[state / 2 * stride_]; }
  /// Whether a path may come from two states earlier: the blank in between is required only between equal targets.
  bool may_skip(int64_t state) const { return state % 2 == 1 && state >= 3 && label(state) != label(state - 2); }

  const int64_t steps;
  const int64_t states;

 private:
  const int64_t* targets_;
  int64_t stride_;
  int64_t blank_;
};

/// All samples of a batch, with arbitrary strides.
class CtcBatch {
 public:
  /// `operands`: log_probs (T, N, C), targets (N, S) or (sum of target lengths), input_lengths (N), target_lengths (N).
  CtcBatch(const CtcAttrs& attrs, std::span<const exec::BufferSpec> operands);

  /// The largest number of states that a sample can have.
  int64_t most_states() const { return 2 * (joined_ ? total_ : width_) + 1; }
  /// Throws for lengths that are inconsistent, and for targets that are not a class or are the blank.
  void check(const int64_t* targets, const int64_t* input_lengths, const int64_t* target_lengths) const;
  CtcSample sample(int64_t n, const int64_t* targets, const int64_t* input_lengths,
                   const int64_t* target_lengths) const;

  const int64_t steps;
  const int64_t count;
  const int64_t classes;
  const int64_t blank;
  const bool zero_infinity;

 private:
  bool joined_;
  int64_t total_ = 0;  // total length of joined targets
  int64_t width_ = 0;  // length of a row of targets
  int64_t row_stride_ = 0;
  int64_t target_stride_;
  int64_t input_length_stride_;
  int64_t target_length_stride_;
};

}  // namespace pydl::op
