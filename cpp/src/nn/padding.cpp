// Padding, composed from views and concatenation.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

const char* const mode_names[] = {"constant", "reflect", "replicate", "circular", "symmetric"};

// The number of elements added before and after each axis.
struct Margins {
  Dims before;
  Dims behind;
};

Margins margins_of(const Tensor& x, std::span<const int64_t> pads) {
  if (pads.size() % 2 != 0 || pads.size() > 2 * static_cast<size_t>(x.rank())) {
    throw ValueError(concat_text("pad: expected pairs of numbers for at most ", x.rank(), " axes of shape ", x.shape(),
                                 ", got ", pads.size(), " numbers"));
  }
  Margins margins = {Dims::filled(x.rank(), 0), Dims::filled(x.rank(), 0)};
  for (size_t pair = 0; 2 * pair < pads.size(); ++pair) {
    const int axis = x.rank() - 1 - static_cast<int>(pair);
    constexpr int64_t most = int64_t{1} << 61;
    for (const int64_t number : pads.subspan(2 * pair, 2)) {
      if (number >= -most && number <= most && x.size(axis) <= most) continue;
      throw ValueError(
          concat_text("pad: axis ", axis, " of shape ", x.shape(), " has too many elements with ", number, " more"));
    }
    margins.before[axis] = pads[2 * pair];
    margins.behind[axis] = pads[2 * pair + 1];
    const int64_t removed = std::max<int64_t>(-pads[2 * pair], 0) + std::max<int64_t>(-pads[2 * pair + 1], 0);
    if (removed > x.size(axis)) {
      throw ValueError(concat_text("pad: (", margins.before[axis], ", ", margins.behind[axis],
                                   ") removes more than axis ", axis, " of shape ", x.shape(), " has"));
    }
  }
  return margins;
}

Tensor part(const Tensor& x, int axis, int64_t start, int64_t size) {
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  starts[axis] = start;
  sizes[axis] = size;
  return slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

// Removes the elements that negative margins cut off, and sets these margins to 0.
Tensor cropped(const Tensor& x, Margins& margins) {
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    starts[axis] = std::max<int64_t>(-margins.before[axis], 0);
    sizes[axis] -= starts[axis] + std::max<int64_t>(-margins.behind[axis], 0);
    margins.before[axis] = std::max<int64_t>(margins.before[axis], 0);
    margins.behind[axis] = std::max<int64_t>(margins.behind[axis], 0);
  }
  return sizes == x.shape() ? x : slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

Tensor pad_constant(const Tensor& x, Margins margins, Scalar value) {
  const Tensor rest = cropped(x, margins);
  Dims shape = rest.shape();
  for (int axis = 0; axis < x.rank(); ++axis) shape[axis] += margins.before[axis] + margins.behind[axis];
  if (shape == rest.shape()) return rest;
  const Dims steps = Dims::filled(x.rank(), 1);
  const Tensor padded = slice_backward(rest, shape, margins.before, steps);
  if (value.to_double() == 0) return padded;
  const Tensor inside =
      slice_backward(expand(full({}, true, DType::boolean), rest.shape()), shape, margins.before, steps);
  return where(inside, padded, full({}, value, x.dtype()));
}

void require_room(Padding mode, const Tensor& x, int axis, int64_t margin) {
  const int64_t size = x.size(axis);
  const int64_t most = mode == Padding::reflect ? size - 1 : size;
  const bool fits = mode == Padding::replicate ? size > 0 || margin <= 0 : margin <= most;
  if (fits) return;
  throw ValueError(concat_text("pad: mode '", mode_names[static_cast<int>(mode)], "' can add at most ",
                               mode == Padding::replicate ? 0 : std::max<int64_t>(most, 0), " elements to axis ", axis,
                               " of shape ", x.shape(), ", got ", margin));
}

// `count` elements before the first one (or after the last one), taken from x itself.
Tensor margin_of(const Tensor& x, Padding mode, int axis, int64_t count, bool before) {
  const int64_t size = x.size(axis);
  switch (mode) {
    case Padding::reflect: return flip(part(x, axis, before ? 1 : size - 1 - count, count), std::vector<int64_t>{axis});
    case Padding::symmetric: return flip(part(x, axis, before ? 0 : size - count, count), std::vector<int64_t>{axis});
    case Padding::replicate: {
      Dims shape = x.shape();
      shape[axis] = count;
      return expand(part(x, axis, before ? 0 : size - 1, 1), shape);
    }
    default: return part(x, axis, before ? size - count : 0, count);
  }
}

Tensor pad_axis(const Tensor& x, Padding mode, int axis, int64_t before, int64_t behind) {
  require_room(mode, x, axis, std::max(before, behind));
  std::vector<Tensor> parts;
  if (before > 0) parts.push_back(margin_of(x, mode, axis, before, true));
  parts.push_back(x);
  if (behind > 0) parts.push_back(margin_of(x, mode, axis, behind, false));
  const Tensor joined = parts.size() == 1 ? x : concat(parts, axis);
  if (before >= 0 && behind >= 0) return joined;
  return part(joined, axis, std::max<int64_t>(-before, 0), x.size(axis) + before + behind);
}

Tensor pad_row_major(const Tensor& x, Margins margins, Padding mode, Scalar value) {
  if (mode == Padding::constant) return pad_constant(x, margins, value);
  // As in PyTorch, circular padding sees only the elements that are kept, while the mirroring modes also show removed
  // elements.
  Tensor result = mode == Padding::circular ? cropped(x, margins) : x;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (margins.before[axis] == 0 && margins.behind[axis] == 0) continue;
    result = pad_axis(result, mode, axis, margins.before[axis], margins.behind[axis]);
  }
  return result;
}

Dims permuted(const Dims& dims, std::span<const int64_t> order) {
  Dims result;
  for (const int64_t axis : order) result.push_back(dims[static_cast<int>(axis)]);
  return result;
}

}  // namespace

Tensor pad(const Tensor& x, std::span<const int64_t> pads, Padding mode, Scalar value) try {
  const Margins margins = margins_of(x, pads);
  if (x.is_contiguous() || !is_channels_last(x.shape(), x.strides())) return pad_row_major(x, margins, mode, value);
  // New memory is row-major, so the axes are first permuted into memory order to keep the layout of the tensor.
  std::vector<int64_t> order = {0};
  std::vector<int64_t> inverse = {0, x.rank() - 1};
  for (int axis = 2; axis < x.rank(); ++axis) {
    order.push_back(axis);
    inverse.push_back(axis - 1);
  }
  order.push_back(1);
  const Margins moved = {permuted(margins.before, order), permuted(margins.behind, order)};
  return permute_dims(pad_row_major(permute_dims(x, order), moved, mode, value), inverse);
} catch (const Error&) {
  core::rethrow_as("pad");
}

}  // namespace pydl::nn
