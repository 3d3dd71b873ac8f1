// Diagonals and triangles of the matrices in the last two axes.
#pragma once

#include "pydl/tensor.h"

namespace pydl::ops {

/// x[..., i, i + offset]: a view if the matrices are row-major.
Tensor diagonal_of(const Tensor& x, int64_t offset = 0);
/// Square matrices with these diagonals, and 0 elsewhere.
Tensor diagonal_matrix(const Tensor& diagonal);
/// x on the diagonal `offset` and below it, and 0 above.
Tensor lower_triangle(const Tensor& x, int64_t offset = 0);
/// x on the diagonal `offset` and above it, and 0 below.
Tensor upper_triangle(const Tensor& x, int64_t offset = 0);
/// Whether row and column are the same, for matrices of this size: bool (size, size).
Tensor diagonal_mask(int64_t size);

}  // namespace pydl::ops
