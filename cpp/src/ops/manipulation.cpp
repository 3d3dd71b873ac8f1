// Axes moved, divided and added, elements moved and repeated: composed of the basic functions on shapes.
#include "pydl/manipulation.h"

#include <algorithm>
#include <numeric>

#include "core/named.h"
#include "core/tensor_impl.h"
#include "pydl/program.h"

namespace pydl {

namespace {

Tensor part_of(const Tensor& x, int axis, int64_t start, int64_t size) {
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  starts[axis] = start;
  sizes[axis] = size;
  return slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

// Blocks that begin at axis `first` repeated, each `count` times in a row; `axis` is the one that becomes longer.
Tensor repeat_blocks(const Tensor& x, int axis, int first, int64_t count) {
  Dims shape = x.shape();
  if (__builtin_mul_overflow(shape[axis], count, &shape[axis])) {
    throw MemoryError(
        concat_text("axis ", axis, " of shape ", x.shape(), " repeated ", count, " times does not fit into memory"));
  }
  int64_t outer = 1;
  int64_t inner = 1;
  for (int i = 0; i < x.rank(); ++i) (i < first ? outer : inner) *= x.size(i);
  return reshape(expand(reshape(x, {outer, 1, inner}), {outer, count, inner}), shape);
}

// A shift as a number of elements from 0 to the size of its axis.
int64_t within(int64_t shift, int64_t size) {
  const int64_t rest = size == 0 ? 0 : shift % size;
  return rest < 0 ? rest + size : rest;
}

Tensor rolled(const Tensor& x, int axis, int64_t shift) {
  const int64_t size = x.size(axis);
  if (shift == 0) return x;
  return concat({part_of(x, axis, size - shift, shift), part_of(x, axis, 0, size - shift)}, axis);
}

// New elements, even if nothing was changed.
Tensor apart_from(const Tensor& x, const Tensor& result) {
  return result.impl()->storage.get() == x.impl()->storage.get() ? copy(result) : result;
}

void require_count(int64_t count) {
  if (count < 0) throw ValueError(concat_text("the number of repetitions must not be negative, got ", count));
}

// The position of the element that each element of the result repeats.
Tensor repeated_positions(const Tensor& counts) {
  const auto* numbers = counts.data<int64_t>();
  const std::span<const int64_t> each(numbers, static_cast<size_t>(counts.size()));
  int64_t total = 0;
  for (const int64_t count : each) {
    require_count(count);
    if (__builtin_add_overflow(total, count, &total)) {
      throw MemoryError("the repeated elements do not fit into memory");
    }
  }
  const Tensor positions = Tensor::empty({total}, DType::int64);
  auto* next = positions.data<int64_t>();
  for (size_t i = 0; i < each.size(); ++i) next = std::fill_n(next, each[i], static_cast<int64_t>(i));
  return positions;
}

}  // namespace

Tensor narrow(const Tensor& x, int64_t axis, int64_t start, int64_t size) try {
  const int along = normalize_axis("narrow", axis, x.rank());
  const int64_t extent = x.size(along);
  const int64_t first = start < 0 ? start + extent : start;
  if (first < 0 || first > extent || size < 0 || size > extent - first) {
    throw IndexError(
        concat_text("narrow: ", size, " elements from ", start, " lie outside axis ", along, " of shape ", x.shape()));
  }
  return part_of(x, along, first, size);
} catch (const Error&) {
  core::rethrow_as("narrow");
}

Tensor select(const Tensor& x, int64_t axis, int64_t index) try {
  const int along = normalize_axis("select", axis, x.rank());
  const int64_t extent = x.size(along);
  if (index < -extent || index >= extent) {
    throw IndexError(concat_text("select: index ", index, " is outside axis ", along, " of shape ", x.shape()));
  }
  return squeeze(part_of(x, along, index < 0 ? index + extent : index, 1), {along});
} catch (const Error&) {
  core::rethrow_as("select");
}

Tensor unflatten(const Tensor& x, int64_t axis, const Dims& sizes) try {
  const int along = normalize_axis("unflatten", axis, x.rank());
  int64_t known = 1;
  int unknown = -1;
  for (int i = 0; i < sizes.rank(); ++i) {
    if (sizes[i] == -1 && unknown < 0) {
      unknown = i;
    } else if (sizes[i] < 0 || __builtin_mul_overflow(known, sizes[i], &known)) {
      throw ValueError(concat_text("unflatten: expected sizes, one of which may be -1, got ", sizes));
    }
  }
  Dims divided = sizes;
  const int64_t extent = x.size(along);
  if (unknown >= 0) divided[unknown] = known > 0 ? extent / known : 0;
  if (sizes.empty() || element_count(divided) != extent || (unknown >= 0 && known == 0)) {
    throw ValueError(concat_text("unflatten: sizes ", sizes, " do not divide axis ", along, " of shape ", x.shape()));
  }
  Dims shape;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != along) {
      shape.push_back(x.size(i));
      continue;
    }
    for (const int64_t size : divided) shape.push_back(size);
  }
  return reshape(x, shape);
} catch (const Error&) {
  core::rethrow_as("unflatten");
}

Tensor atleast_1d(const Tensor& x) try { return x.rank() == 0 ? reshape(x, {1}) : x; } catch (const Error&) {
  core::rethrow_as("atleast_1d");
}

Tensor atleast_2d(const Tensor& x) try { return x.rank() >= 2 ? x : reshape(x, {1, x.size()}); } catch (const Error&) {
  core::rethrow_as("atleast_2d");
}

Tensor atleast_3d(const Tensor& x) try {
  if (x.rank() >= 3) return x;
  return x.rank() == 2 ? expand_dims(x, 2) : reshape(x, {1, x.size(), 1});
} catch (const Error&) {
  core::rethrow_as("atleast_3d");
}

Tensor moveaxis(const Tensor& x, std::span<const int64_t> source, std::span<const int64_t> destination) try {
  if (source.size() != destination.size()) {
    throw ValueError(concat_text("moveaxis: expected as many sources as destinations, got ", source.size(), " and ",
                                 destination.size()));
  }
  const Dims moved = normalize_axes("moveaxis", source, x.rank());
  normalize_axes("moveaxis", destination, x.rank());
  std::vector<int64_t> order(static_cast<size_t>(x.rank()), -1);
  for (size_t i = 0; i < source.size(); ++i) {
    const int to = normalize_axis("moveaxis", destination[i], x.rank());
    order[static_cast<size_t>(to)] = normalize_axis("moveaxis", source[i], x.rank());
  }
  int64_t next = 0;
  for (int64_t& axis : order) {
    if (axis >= 0) continue;
    while (std::find(moved.begin(), moved.end(), next) != moved.end()) ++next;
    axis = next++;
  }
  return permute_dims(x, order);
} catch (const Error&) {
  core::rethrow_as("moveaxis");
}

Tensor swapaxes(const Tensor& x, int64_t axis1, int64_t axis2) try {
  const int first = normalize_axis("swapaxes", axis1, x.rank());
  const int second = normalize_axis("swapaxes", axis2, x.rank());
  std::vector<int64_t> order(static_cast<size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(first)], order[static_cast<size_t>(second)]);
  return permute_dims(x, order);
} catch (const Error&) {
  core::rethrow_as("swapaxes");
}

Tensor rot90(const Tensor& x, int64_t times, int64_t axis1, int64_t axis2) try {
  if (x.rank() < 2) throw ValueError(concat_text("rot90: expected at least 2 axes, got shape ", x.shape()));
  const int64_t first = normalize_axis("rot90", axis1, x.rank());
  const int64_t second = normalize_axis("rot90", axis2, x.rank());
  if (first == second) throw ValueError(concat_text("rot90: expected two axes, got axis ", axis1, " twice"));
  switch (within(times, 4)) {
    case 1: return swapaxes(flip(x, {second}), first, second);
    case 2: return flip(x, {first, second});
    case 3: return flip(swapaxes(x, first, second), {second});
    default: return x;
  }
} catch (const Error&) {
  core::rethrow_as("rot90");
}

Tensor roll(const Tensor& x, std::span<const int64_t> shifts, const Axes& axes) try {
  if (!axes) {
    int64_t shift = 0;
    for (const int64_t each : shifts) shift = within(shift + within(each, x.size()), x.size());
    return apart_from(x, reshape(rolled(reshape(x, {-1}), 0, shift), x.shape()));
  }
  if (shifts.size() != axes->size() && shifts.size() != 1 && axes->size() != 1) {
    throw ValueError(concat_text("roll: expected a shift for each of ", axes->size(), " axes, got ", shifts.size()));
  }
  // An axis that is named more than once is moved by the sum of its shifts.
  Dims moves = Dims::filled(x.rank(), 0);
  const size_t count = shifts.empty() || axes->empty() ? 0 : std::max(shifts.size(), axes->size());
  for (size_t i = 0; i < count; ++i) {
    const int axis = normalize_axis("roll", (*axes)[axes->size() == 1 ? 0 : i], x.rank());
    moves[axis] = within(moves[axis] + within(shifts[shifts.size() == 1 ? 0 : i], x.size(axis)), x.size(axis));
  }
  Tensor result = x;
  for (int axis = 0; axis < x.rank(); ++axis) result = rolled(result, axis, moves[axis]);
  return apart_from(x, result);
} catch (const Error&) {
  core::rethrow_as("roll");
}

Tensor tile(const Tensor& x, const Dims& counts) try {
  Dims shape = x.shape();
  while (shape.rank() < counts.rank()) shape.insert(0, 1);
  Tensor result = reshape(x, shape);
  const int missing = shape.rank() - counts.rank();
  for (int i = counts.rank() - 1; i >= 0; --i) {
    require_count(counts[i]);
    if (counts[i] != 1) result = repeat_blocks(result, missing + i, missing + i, counts[i]);
  }
  return apart_from(x, result);
} catch (const Error&) {
  core::rethrow_as("tile");
}

Tensor repeat(const Tensor& x, int64_t count, std::optional<int64_t> axis) try {
  require_count(count);
  const Tensor source = axis ? x : reshape(x, {-1});
  const int along = normalize_axis("repeat", axis.value_or(0), source.rank());
  return apart_from(x, repeat_blocks(source, along, along + 1, count));
} catch (const Error&) {
  core::rethrow_as("repeat");
}

Tensor repeat(const Tensor& x, const Tensor& counts, std::optional<int64_t> axis,
              std::optional<int64_t> output_size) try {
  if (!is_integer(counts.dtype()) || counts.rank() > 1) {
    throw TypeError(concat_text("repeat: expected counts that are integers of at most one axis, got ", counts.dtype(),
                                " of shape ", counts.shape()));
  }
  const Tensor source = axis ? x : reshape(x, {-1});
  const int along = normalize_axis("repeat", axis.value_or(0), source.rank());
  const Tensor numbers = contiguous(astype(counts, DType::int64));
  if (numbers.impl()->is_traced()) {
    throw TraceError(
        "repeat: the size of the result depends on the values of the counts, but a compiled function has fixed "
        "shapes; give the counts as numbers, or use take with an index of fixed size");
  }
  const auto checked = [&](const Tensor& result) {
    if (output_size && *output_size != result.size(along)) {
      throw ValueError(concat_text("repeat: the counts give ", result.size(along), " elements along axis ", along,
                                   ", but output_size is ", *output_size));
    }
    return result;
  };
  if (numbers.size() == 1) return checked(repeat(x, numbers.data<int64_t>()[0], axis));
  if (numbers.size() != source.size(along)) {
    throw ValueError(concat_text("repeat: expected a count for each of the ", source.size(along), " elements of axis ",
                                 along, " of shape ", source.shape(), ", got ", numbers.size()));
  }
  return checked(take(source, repeated_positions(numbers), along));
} catch (const Error&) {
  core::rethrow_as("repeat");
}

}  // namespace pydl
