#include "ops/matrix_parts.h"

#include <algorithm>

#include "pydl/ops.h"

namespace pydl::ops {

namespace {

// Whether column - row is at most, or at least, the offset.
Tensor triangle_mask(const Tensor& x, int64_t offset, bool lower) {
  const Tensor rows = arange(0, x.size(-2), 1, DType::int64);
  const Tensor columns = arange(0, x.size(-1), 1, DType::int64);
  const Tensor distance = subtract(columns, expand_dims(rows, 1));
  return lower ? less_equal(distance, offset) : greater_equal(distance, offset);
}

// The part of the last two axes that begins at a row and column.
Tensor square_part(const Tensor& x, int64_t row, int64_t column, int64_t size) {
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  starts[x.rank() - 2] = row;
  starts[x.rank() - 1] = column;
  sizes[x.rank() - 2] = size;
  sizes[x.rank() - 1] = size;
  return slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

}  // namespace

Tensor diagonal_of(const Tensor& x, int64_t offset) {
  const int64_t row = std::clamp<int64_t>(-offset, 0, x.size(-2));
  const int64_t column = std::clamp<int64_t>(offset, 0, x.size(-1));
  const int64_t size = std::min(x.size(-2) - row, x.size(-1) - column);
  Tensor square =
      x.size(-2) == size && x.size(-1) == size ? x : square_part(x, size == 0 ? 0 : row, size == 0 ? 0 : column, size);
  // A matrix and its transpose have the same diagonal.
  if (square.strides()[x.rank() - 2] < square.strides()[x.rank() - 1]) square = matrix_transpose(square);
  Dims shape = square.shape();
  shape.erase(shape.rank() - 1);
  const int last = shape.rank() - 1;
  shape[last] = size * size;
  Dims steps = Dims::filled(shape.rank(), 1);
  Dims sizes = shape;
  steps[last] = size + 1;
  sizes[last] = size;
  return slice(reshape(square, shape), Dims::filled(shape.rank(), 0), sizes, steps);
}

Tensor diagonal_mask(int64_t size) {
  const Tensor numbers = arange(0, size, 1, DType::int64);
  return equal(numbers, expand_dims(numbers, 1));
}

Tensor diagonal_matrix(const Tensor& diagonal) {
  return where(diagonal_mask(diagonal.size(-1)), expand_dims(diagonal, -1), scalar_like(0, diagonal));
}

Tensor lower_triangle(const Tensor& x, int64_t offset) {
  return where(triangle_mask(x, offset, true), x, scalar_like(0, x));
}

Tensor upper_triangle(const Tensor& x, int64_t offset) {
  return where(triangle_mask(x, offset, false), x, scalar_like(0, x));
}

}  // namespace pydl::ops
