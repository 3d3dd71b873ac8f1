// Reading and writing at indexed positions, and sums over segments, beyond the basic functions of ops.h. Indices are
// integers; negative ones count from the end, and one out of range throws `IndexError`. All functions are
// differentiable.
#pragma once

#include <optional>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Elements along an axis, selected by an index of the same rank; all other axes are broadcast. Without an axis, both
/// are flattened.
PYDL_API Tensor take_along_axis(const Tensor& x, const Tensor& index, std::optional<int64_t> axis = -1);

/// x with the slices of source where an index of one axis points; the last one remains.
PYDL_API Tensor index_copy(const Tensor& x, const Tensor& index, const Tensor& source, int64_t axis = 0);
/// x with the slices to which an index points filled with `value`, of rank 0.
PYDL_API Tensor index_fill(const Tensor& x, const Tensor& index, const Tensor& value, int64_t axis = 0);
/// x with values where an index into its elements in row-major order points, instead of them or added to them. There
/// are as many values as indices, or one.
PYDL_API Tensor put(const Tensor& x, const Tensor& index, const Tensor& values, bool accumulate = false);
/// x with the elements of source, in row-major order, where a bool mask is true. x and mask are broadcast together.
PYDL_API Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);

enum class ScatterReduction { sum, prod, mean, amin, amax };
/// The elements of x combined with those of source for which an index of its shape points there along an axis. An index
/// of one axis has an entry per slice of tensors with several axes. Without `include_self`, elements of x to which an
/// index points do not count. Elements that are equally the largest or smallest share the gradient. Means of integers
/// are rounded down.
PYDL_API Tensor scatter_reduce(const Tensor& x, const Tensor& index, const Tensor& source, ScatterReduction reduction,
                               int64_t axis = 0, bool include_self = true);

/// index (...) as (..., classes): 1 at the position of each class, and 0 elsewhere. By default, there are as many
/// classes as the largest one requires; in a compiled function, their number must be given. Classes are not negative.
PYDL_API Tensor one_hot(const Tensor& index, std::optional<int64_t> classes = {}, DType dtype = DType::int64);

// Slices of x (n, ...) combined by segments: ids (n) of integers, in any order, give (count, ...). By default, there
// are as many segments as the largest id requires; in a compiled function, their number must be given. An empty segment
// gives 0, its product is 1.
PYDL_API Tensor segment_sum(const Tensor& x, const Tensor& ids, std::optional<int64_t> count = {});
PYDL_API Tensor segment_mean(const Tensor& x, const Tensor& ids, std::optional<int64_t> count = {});
PYDL_API Tensor segment_prod(const Tensor& x, const Tensor& ids, std::optional<int64_t> count = {});
PYDL_API Tensor segment_max(const Tensor& x, const Tensor& ids, std::optional<int64_t> count = {});
PYDL_API Tensor segment_min(const Tensor& x, const Tensor& ids, std::optional<int64_t> count = {});

}  // namespace pydl
