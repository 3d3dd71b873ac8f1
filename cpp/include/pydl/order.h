// Order and sets: where elements stand in order, where numbers belong in a sorted list, and which ones differ. The
// order is that of `sort`: equal elements keep theirs, -0 equals 0, and NaN is the largest number.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pydl/export.h"
#include "pydl/ops.h"
#include "pydl/statistics.h"
#include "pydl/tensor.h"

namespace pydl {

// --- order -----------------------------------------------------------------------------------------
/// Where the elements of `sort(x, axis, descending)` are in x.
PYDL_API Tensor argsort(const Tensor& x, int64_t axis = -1, bool descending = false);
PYDL_API ValuesAndIndices sort_with_indices(const Tensor& x, int64_t axis = -1, bool descending = false);
/// The k largest or smallest elements along an axis, in order.
PYDL_API ValuesAndIndices topk(const Tensor& x, int64_t k, int64_t axis = -1, bool largest = true);
/// The k-th smallest element along an axis, k from 1 on.
PYDL_API ValuesAndIndices kthvalue(const Tensor& x, int64_t k, int64_t axis = -1, bool keepdims = false);
/// The most frequent element along an axis, the smallest one if there are several, and where the last of it is.
PYDL_API ValuesAndIndices mode(const Tensor& x, int64_t axis = -1, bool keepdims = false);
/// The order by several keys of one shape along an axis; the last key matters most.
PYDL_API Tensor lexsort(std::span<const Tensor> keys, int64_t axis = -1);

// --- search ----------------------------------------------------------------------------------------
/// For each of `values` (..., M), the position at which it would be inserted into a sorted line (..., N), whose other
/// axes are the same, or into a sorted (N): the number of elements that are less, or with `right`, not greater. int64,
/// of the shape of `values`. `sorter` (..., N), as from `argsort`, is the order in which the elements would be sorted.
PYDL_API Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right = false, const Tensor& sorter = {});
/// The number of the interval between ascending `boundaries` (N) that contains each element of x. A boundary belongs to
/// the interval below it, or with `right`, above it.
PYDL_API Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool right = false);
/// The same as NumPy has it: `right` means that a bin contains its right edge.
PYDL_API Tensor digitize(const Tensor& x, const Tensor& bins, bool right = false);
/// Whether each element of x is among `values` (any shape). NaN equals nothing.
PYDL_API Tensor isin(const Tensor& x, const Tensor& values, bool invert = false);

// --- sets ------------------------------------------------------------------------------------------
// The sizes of results depend on values: inside compiled functions, `TraceError` is thrown. Results are sorted.

struct Unique {
  Tensor values;
  Tensor indices;  ///< where each value is first, in the flattened tensor or along the axis (int64)
  Tensor inverse;  ///< for each element the position of its value (int64): of the shape of x, or along the axis
  Tensor counts;   ///< how often each value occurs (int64)
};
/// The different elements, or with `axis` the different slices along it. NaN differs from NaN, unless `equal_nan`.
PYDL_API Unique unique(const Tensor& x, std::optional<int64_t> axis = {}, bool equal_nan = true);
/// The different elements alone, which is faster.
PYDL_API Tensor unique_elements(const Tensor& x, bool equal_nan = true);
/// The same as the array API has them: NaN differs from NaN.
PYDL_API Tensor unique_values(const Tensor& x);
struct UniqueCounts {
  Tensor values;
  Tensor counts;
};
PYDL_API UniqueCounts unique_counts(const Tensor& x);
struct UniqueInverse {
  Tensor values;
  Tensor inverse;
};
PYDL_API UniqueInverse unique_inverse(const Tensor& x);
PYDL_API Unique unique_all(const Tensor& x);
/// The different elements of both tensors, of either, and of the first that are not in the second.
PYDL_API Tensor intersect1d(const Tensor& a, const Tensor& b);
PYDL_API Tensor union1d(const Tensor& a, const Tensor& b);
PYDL_API Tensor setdiff1d(const Tensor& a, const Tensor& b);

}  // namespace pydl
