// Indexing as in NumPy: by integers, slices, new axes, an ellipsis, index tensors and boolean masks.
//
//   Tensor row = index(x, {0});                             // x[0]
//   Tensor part = index(x, {Slice{1, 3}, NewAxis{}});       // x[1:3, None]
//   Tensor last = index(x, {Ellipsis{}, -1});               // x[..., -1]
//   Tensor positive = index(x, {greater(x, 0)});            // x[x > 0]
//   assign_index(x, {less(x, 0)}, full({}, 0, x.dtype()));  // x[x < 0] = 0
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The elements start, start + step, ... before `stop` of an axis, as in Python: negative numbers count from the end,
/// and what lies outside is left out.
struct Slice {
  std::optional<int64_t> start = {};
  std::optional<int64_t> stop = {};
  int64_t step = 1;
};

/// A new axis of size 1.
struct NewAxis {};

/// As many whole axes as the other entries leave.
struct Ellipsis {};

/// One entry of a key. A tensor is an index of integers of any rank, or a boolean mask of as many axes as it has.
using IndexEntry = std::variant<int64_t, Slice, NewAxis, Ellipsis, Tensor>;

/// x[key], with the rules of NumPy. Without tensors in the key, the result is a view. Index tensors are broadcast
/// together, and their axes stand in the place of the axes that they index, or first, if other axes are between these.
/// Integers beside index tensors count as index tensors of rank 0. Differentiable.
///
/// Throws `IndexError` for an index outside its axis, a mask that does not fit, and too many entries. The size of a
/// result that a mask selects depends on its values: inside compiled functions, `TraceError` is thrown.
PYDL_API Tensor index(const Tensor& x, std::span<const IndexEntry> key);
PYDL_API Tensor index(const Tensor& x, std::initializer_list<IndexEntry> key);

/// x[key] = values, which are broadcast and converted to the dtype of x. Where indices name an element more than once,
/// the last value remains. Compiled functions may assign through a mask if the values do not depend on how many
/// elements it selects.
PYDL_API void assign_index(const Tensor& x, std::span<const IndexEntry> key, const Tensor& values);
PYDL_API void assign_index(const Tensor& x, std::initializer_list<IndexEntry> key, const Tensor& values);

/// The positions of the elements that are not zero, in row-major order: one int64 tensor of shape (count) per axis.
/// NaN is not zero. Inside compiled functions, `TraceError` is thrown.
PYDL_API std::vector<Tensor> nonzero(const Tensor& x);
/// The same as a tensor of shape (count, axes).
PYDL_API Tensor argwhere(const Tensor& x);
/// The elements for which a bool mask is true, in row-major order. The two are broadcast together. Differentiable.
PYDL_API Tensor masked_select(const Tensor& x, const Tensor& mask);
/// x with `value`, of rank 0, where a bool mask is true. x and mask are broadcast together. Differentiable.
PYDL_API Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);

}  // namespace pydl
