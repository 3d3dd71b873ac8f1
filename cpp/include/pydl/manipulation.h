// Rearranging, joining and dividing tensors, beyond the basic functions of ops.h. Results are views where nothing needs
// to be copied. All functions are differentiable.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "pydl/export.h"
#include "pydl/ops.h"
#include "pydl/tensor.h"

namespace pydl {

// --- views -------------------------------------------------------------------------------------------
/// The elements x[..., i, i + offset], i along the first and i + offset along the second axis, as a last axis.
PYDL_API Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t axis1 = 0, int64_t axis2 = 1);
/// Windows of `size` elements that are `dilation` apart, beginning every `step` elements of an axis. The axis counts
/// the windows, and a new last axis their elements. Windows may overlap.
PYDL_API Tensor unfold(const Tensor& x, int64_t axis, int64_t size, int64_t step = 1, int64_t dilation = 1);
/// Element i of the result is element offset + sum(i * strides) of x in row-major order. A tensor in another layout is
/// copied first. Every element must be inside x. Elements may overlap; their gradients are added.
PYDL_API Tensor as_strided(const Tensor& x, const Dims& shape, const Dims& strides, int64_t offset = 0);
/// `size` elements of an axis from `start`, which may count from the end.
PYDL_API Tensor narrow(const Tensor& x, int64_t axis, int64_t start, int64_t size);
/// One slice of an axis, without that axis.
PYDL_API Tensor select(const Tensor& x, int64_t axis, int64_t index);
/// One axis divided into several; one of the sizes may be -1.
PYDL_API Tensor unflatten(const Tensor& x, int64_t axis, const Dims& sizes);
/// At least that many axes: (n) becomes (1, n) and (1, n, 1), (m, n) becomes (m, n, 1).
PYDL_API Tensor atleast_1d(const Tensor& x);
PYDL_API Tensor atleast_2d(const Tensor& x);
PYDL_API Tensor atleast_3d(const Tensor& x);
/// Axes moved to other positions; the others keep their order.
PYDL_API Tensor moveaxis(const Tensor& x, std::span<const int64_t> source, std::span<const int64_t> destination);
PYDL_API Tensor swapaxes(const Tensor& x, int64_t axis1, int64_t axis2);
/// Rotated by `times` right angles in the plane of two axes, from the first towards the second.
PYDL_API Tensor rot90(const Tensor& x, int64_t times = 1, int64_t axis1 = 0, int64_t axis2 = 1);

// --- dividing, into views ----------------------------------------------------------------------------
/// That many parts of an axis, whose sizes differ by at most 1; the first ones are the larger ones.
PYDL_API std::vector<Tensor> array_split(const Tensor& x, int64_t parts, int64_t axis = 0);
/// Parts of an axis that end at the given positions, and the rest.
PYDL_API std::vector<Tensor> split_at(const Tensor& x, std::span<const int64_t> positions, int64_t axis = 0);
/// At most that many parts of an axis, of equal size except for the last one, as in PyTorch.
PYDL_API std::vector<Tensor> chunk(const Tensor& x, int64_t parts, int64_t axis = 0);
/// The slices of an axis, without that axis.
PYDL_API std::vector<Tensor> unbind(const Tensor& x, int64_t axis = 0);

// --- joining -----------------------------------------------------------------------------------------
/// Joined along the second axis, or the only one; along the first; along the third; and vectors as columns.
PYDL_API Tensor hstack(std::span<const Tensor> tensors);
PYDL_API Tensor vstack(std::span<const Tensor> tensors);
PYDL_API Tensor dstack(std::span<const Tensor> tensors);
PYDL_API Tensor column_stack(std::span<const Tensor> tensors);
/// Matrices on the diagonal of an otherwise zero matrix. Vectors are rows, numbers are 1 x 1.
PYDL_API Tensor block_diag(std::span<const Tensor> matrices);
/// All tensors expanded to one shape, as views.
PYDL_API std::vector<Tensor> broadcast_arrays(std::span<const Tensor> tensors);
/// The coordinates of a grid with these vectors as axes, as views: tensor i varies along axis i. With `swapped`, the
/// first two axes are swapped ("xy" of NumPy).
PYDL_API std::vector<Tensor> meshgrid(std::span<const Tensor> vectors, bool swapped = false);
/// All tuples with one element of each vector, as rows; of one vector, its elements.
PYDL_API Tensor cartesian_prod(std::span<const Tensor> vectors);
/// All choices of `count` elements of a vector in their order, as rows.
PYDL_API Tensor combinations(const Tensor& vector, int64_t count = 2, bool with_replacement = false);

// --- repeating and moving elements -------------------------------------------------------------------
/// The elements moved along axes by `shifts`; what leaves at one end enters at the other. Without axes, the elements
/// are moved in row-major order.
PYDL_API Tensor roll(const Tensor& x, std::span<const int64_t> shifts, const Axes& axes = {});
/// The whole tensor repeated along each axis; missing counts in front are 1.
PYDL_API Tensor tile(const Tensor& x, const Dims& counts);
/// Each element along an axis repeated, in row-major order without an axis.
PYDL_API Tensor repeat(const Tensor& x, int64_t count, std::optional<int64_t> axis = {});
/// The same with one count per element, integers. The size of the result depends on their values: in a compiled
/// function, they must be constants. `ValueError` if their sum is not `output_size`, where that is given.
PYDL_API Tensor repeat(const Tensor& x, const Tensor& counts, std::optional<int64_t> axis = {},
                       std::optional<int64_t> output_size = {});

// --- matrices, with leading axes ---------------------------------------------------------------------
/// The elements on and below (above) diagonal k; zeros elsewhere.
PYDL_API Tensor tril(const Tensor& x, int64_t k = 0);
PYDL_API Tensor triu(const Tensor& x, int64_t k = 0);

struct MatrixIndices {
  Tensor rows;     ///< int64 (count)
  Tensor columns;  ///< int64 (count)
};
/// Where the elements on and below (above) diagonal k of a (rows, columns) matrix are, in row-major order.
PYDL_API MatrixIndices tril_indices(int64_t rows, int64_t columns, int64_t k = 0);
PYDL_API MatrixIndices triu_indices(int64_t rows, int64_t columns, int64_t k = 0);
/// The diagonal of a matrix, a view, or a matrix with the vector on diagonal k.
PYDL_API Tensor diag(const Tensor& x, int64_t k = 0);
/// A matrix with all elements on diagonal k.
PYDL_API Tensor diagflat(const Tensor& x, int64_t k = 0);
/// Square matrices in the plane of two axes of the result, with the last axis of x on diagonal `offset`.
PYDL_API Tensor diag_embed(const Tensor& x, int64_t offset = 0, int64_t axis1 = -2, int64_t axis2 = -1);

namespace nn {

/// How a window moves over the two spatial axes. Empty dims are the defaults: strides and dilations of 1, no padding.
struct WindowOptions {
  Dims dilation = {};
  Dims padding = {};  ///< zeros on both sides
  Dims stride = {};
};
/// The windows of x (N, C, H, W), or (C, H, W), as columns: (N, C * kernel elements, windows). Same as
/// torch.nn.functional.unfold.
PYDL_API Tensor unfold(const Tensor& x, const Dims& kernel, const WindowOptions& options = {});
/// The transpose: the sums of what all windows contribute to each element of (N, C, H, W) with the spatial sizes
/// `size`. Same as torch.nn.functional.fold.
PYDL_API Tensor fold(const Tensor& columns, const Dims& size, const Dims& kernel, const WindowOptions& options = {});

}  // namespace nn

}  // namespace pydl
