// How messages name one of a batch.
#pragma once

#include <string>

#include "pydl/error.h"
#include "pydl/shape.h"

namespace pydl::op {

/// "the matrix" alone, if there is no batch, else "the matrix at (2, 0) of the batch", for the position that has this
/// number in row-major order.
inline std::string batch_position(const char* what, const Dims& batch, int64_t number) {
  if (batch.empty()) return what;
  Dims position = batch;
  for (int axis = batch.rank() - 1; axis >= 0; --axis) {
    position[axis] = number % batch[axis];
    number /= batch[axis];
  }
  return concat_text(what, " at ", position, " of the batch");
}

}  // namespace pydl::op
