// What losses have in common.
#pragma once

#include "core/named.h"
#include "pydl/autocast.h"
#include "pydl/losses.h"

namespace pydl::nn {

inline Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::mean ? mean(losses) : sum(losses);
}

/// In the dtype in which a loss is computed: floating point, and wide inside of a scope of mixed precision.
inline Tensor computed(const Tensor& x) { return widened(is_floating(x.dtype()) ? x : astype(x, DType::float32)); }

inline void require_same_shape(const char* name, const char* role, const Tensor& x, const Dims& expected) {
  if (x.shape() != expected) {
    throw ValueError(concat_text(name, ": expected ", role, " of shape ", expected, ", got ", x.shape()));
  }
}

inline void require_one_shape(const char* name, const Tensor& prediction, const Tensor& target) {
  require_same_shape(name, "a target", target, prediction.shape());
}

inline void require_at_least(const char* name, const char* argument, double value, double least) {
  if (!(value >= least)) {
    throw ValueError(concat_text(name, ": expected ", argument, " of at least ", least, ", got ", value));
  }
}

/// Throws an error for weights that would enlarge what they scale.
inline void require_broadcastable(const char* name, const char* role, const Tensor& weight, const Dims& shape) {
  bool fits = weight.rank() <= shape.rank();
  for (int i = 1; fits && i <= weight.rank(); ++i) {
    const int64_t size = weight.shape()[weight.rank() - i];
    fits = size == 1 || size == shape[shape.rank() - i];
  }
  if (!fits) {
    throw ValueError(concat_text(name, ": expected ", role, " that broadcasts to the target's shape ", shape, ", got ",
                                 weight.shape()));
  }
}

/// max(x, 0), with the slope 1 at 0: what lies exactly at a margin is still pushed, as in PyTorch's margin losses.
inline Tensor above_margin(const Tensor& x) {
  const Tensor zero = scalar_like(0, x);
  return where(less(x, zero), zero, x);
}

/// A tensor (K) in the shape that broadcasts along an axis of a tensor of this rank.
inline Tensor line_along(const Tensor& line, int rank, int64_t axis) {
  Dims shape = Dims::filled(rank, 1);
  shape[static_cast<int>(axis)] = line.size();
  return reshape(line, shape);
}

/// Throws an error unless the weights are one for each class.
inline void require_class_weights(const char* name, const Tensor& weights, int64_t classes) {
  if (weights.shape() != Dims{classes}) {
    throw ValueError(concat_text(name, ": expected class weights of shape (", classes, ",), got ", weights.shape()));
  }
}

/// The axis of the classes of scores (N, K, ...) or (K).
int64_t class_axis(const char* name, const Tensor& scores);
/// Throws an error unless the target is integers in the shape of the scores without the axis of the classes.
void check_class_targets(const char* name, const Tensor& scores, const Tensor& target, int64_t axis);

}  // namespace pydl::nn
