// Describes how an operand is read in the shape to which it is broadcast.
#pragma once

#include "exec/kernel.h"

namespace pydl::exec {

/// Gives an operand the shape of the output: repeated axes get stride 0.
inline void expand_spec(BufferSpec& spec, const Dims& shape) {
  if (spec.shape == shape) return;
  const int shift = shape.rank() - spec.shape.rank();
  Dims strides = Dims::filled(shape.rank(), 0);
  for (int axis = 0; axis < spec.shape.rank(); ++axis) {
    if (spec.shape[axis] == shape[axis + shift]) strides[axis + shift] = spec.strides[axis];
  }
  spec.shape = shape;
  spec.strides = strides;
}

}  // namespace pydl::exec
