// All parameters as one vector: several tensors are joined and written back with one pass over memory, and the vectors
// are combined by loops that read each of them once.
#pragma once

#include <span>

#include "pydl/tensor.h"

namespace pydl::optim {

/// The dtype of a vector of all these parameters: at least float32.
DType flat_dtype(std::span<const Tensor> parameters);

/// The elements of all tensors, one after the other.
Tensor join(std::span<const Tensor> tensors, DType dtype);

/// Overwrites the elements of all tensors by those of a vector, in the order of `join`.
void write_back(const Tensor& flat, std::span<const Tensor> tensors);

// The functions below take contiguous vectors of one size, of float32 or of float64. Sums are computed in blocks of a
// fixed length, whose sums are added in order: the number of threads changes no bits.

double inner_product(const Tensor& a, const Tensor& b);

/// Overwrites `vector` by `vector * scale + x * factor`, and returns the inner product of that with `other`.
double combine(const Tensor& vector, double scale, const Tensor& x, double factor, const Tensor& other);

}  // namespace pydl::optim
