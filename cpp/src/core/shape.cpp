#include "pydl/shape.h"

#include <ostream>

#include "pydl/error.h"

namespace pydl {

Dims::Dims(std::span<const int64_t> values) {
  if (values.size() > static_cast<size_t>(max_rank)) {
    throw ValueError(
        concat_text("a tensor has at most ", max_rank, " axes, got a list of ", values.size(), " numbers"));
  }
  std::copy(values.begin(), values.end(), values_.begin());
  rank_ = static_cast<int>(values.size());
}

Dims Dims::filled(int rank, int64_t value) {
  Dims dims;
  for (int i = 0; i < rank; ++i) dims.push_back(value);
  return dims;
}

void Dims::push_back(int64_t value) { insert(rank_, value); }

namespace {

void require_position(const char* name, int position, int end) {
  if (position >= 0 && position < end) return;
  throw IndexError(concat_text(name, ": position ", position, " is outside of 0 .. ", end - 1));
}

}  // namespace

void Dims::insert(int position, int64_t value) {
  if (rank_ == max_rank) throw ValueError(concat_text("a tensor has at most ", max_rank, " axes"));
  require_position("Dims::insert", position, rank_ + 1);
  std::copy_backward(begin() + position, end(), end() + 1);
  values_[position] = value;
  ++rank_;
}

void Dims::erase(int position) {
  require_position("Dims::erase", position, rank_);
  std::copy(begin() + position + 1, end(), begin() + position);
  --rank_;
}

std::ostream& operator<<(std::ostream& out, const Dims& dims) {
  out << '(';
  for (int i = 0; i < dims.rank(); ++i) out << (i > 0 ? ", " : "") << dims[i];
  return out << (dims.rank() == 1 ? ",)" : ")");
}

int64_t element_count(const Dims& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

Dims or_filled(const Dims& dims, int rank, int64_t value) { return dims.empty() ? Dims::filled(rank, value) : dims; }

Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  uint64_t stride = 1;  // unsigned: shapes that are too large for memory are rejected later, and must not overflow here
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(std::max<int64_t>(shape[axis], 1));
  }
  return strides;
}

bool is_contiguous(const Dims& shape, const Dims& strides) {
  int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (shape[axis] == 0) return true;
    if (shape[axis] != 1 && strides[axis] != stride) return false;
    stride *= shape[axis];
  }
  return true;
}

Dims channels_last_strides(const Dims& shape) {
  Dims strides = contiguous_strides(shape);
  if (shape.rank() < 3) return strides;
  strides[1] = 1;
  auto stride = static_cast<uint64_t>(shape[1]);  // as above
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (axis == 1) continue;
    strides[axis] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(shape[axis]);
  }
  return strides;
}

bool is_channels_last(const Dims& shape, const Dims& strides) {
  const Dims expected = channels_last_strides(shape);
  if (element_count(shape) == 0) return true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1 && strides[axis] != expected[axis]) return false;
  }
  return true;
}

Dims broadcast_shapes(const char* op, const Dims& a, const Dims& b) {
  Dims result = a.rank() >= b.rank() ? a : b;
  const Dims& other = a.rank() >= b.rank() ? b : a;
  const int shift = result.rank() - other.rank();
  for (int axis = 0; axis < other.rank(); ++axis) {
    int64_t& size = result[axis + shift];
    if (size == other[axis] || other[axis] == 1) continue;
    if (size != 1) throw ValueError(concat_text(op, ": shapes ", a, " and ", b, " do not broadcast"));
    size = other[axis];
  }
  return result;
}

int normalize_axis(const char* op, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    throw IndexError(concat_text(op, ": axis ", axis, " is outside a tensor of rank ", rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Dims normalize_axes(const char* op, std::span<const int64_t> axes, int rank) {
  Dims result;
  for (const int64_t axis : axes) {
    const int position = normalize_axis(op, axis, rank);
    if (std::find(result.begin(), result.end(), position) != result.end()) {
      throw ValueError(concat_text(op, ": axis ", axis, " is given twice"));
    }
    result.push_back(position);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace pydl
