// Elements of strided operands: where they are in memory, and how they are read and written.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "exec/kernel.h"

namespace pydl::backends::ref {

/// The type in which elements stored as T are computed: double for floating point, int64_t for integers and bool.
template <class T>
using Compute = std::conditional_t<is_floating(DTypeOf<T>::value), double, int64_t>;

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

template <class T>
Compute<T> load(const void* data, int64_t offset) {
  const T element = static_cast<const T*>(data)[offset];
  if constexpr (is_half<T>) {
    return element.to_float();
  } else {
    return static_cast<Compute<T>>(element);
  }
}

/// Rounds towards zero. A value that int64 cannot represent becomes its smallest value, as on x86.
inline int64_t truncate(double value) {
  return value >= -0x1p63 && value < 0x1p63 ? static_cast<int64_t>(value) : std::numeric_limits<int64_t>::min();
}

/// Rounds to floating-point types, truncates to integers (modulo their range), and stores value != 0 in a bool.
template <class T, class Value>
void store(void* data, int64_t offset, Value value) {
  T& element = static_cast<T*>(data)[offset];
  if constexpr (std::is_same_v<T, bool>) {
    element = value != 0;
  } else if constexpr (is_half<T>) {
    element = T::from_float(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<Value> && std::is_integral_v<T>) {
    element = static_cast<T>(truncate(value));
  } else {
    element = static_cast<T>(value);
  }
}

/// Functions that load and store elements of any dtype with one compute type. An op that calls them has one loop per
/// compute type instead of one per dtype, which takes a fifth of the time to compile.
template <class Value>
using Load = Value (*)(const void* data, int64_t offset);
template <class Value>
using Store = void (*)(void* data, int64_t offset, Value value);

/// `dtype` has the compute type Value.
template <class Value>
Load<Value> load_of(DType dtype) {
  return visit_dtype(dtype, [](auto zero) -> Load<Value> {
    if constexpr (std::is_same_v<Compute<decltype(zero)>, Value>) return &load<decltype(zero)>;
    return nullptr;
  });
}

template <class Value>
Store<Value> store_of(DType dtype) {
  return visit_dtype(dtype, [](auto zero) -> Store<Value> { return &store<decltype(zero), Value>; });
}

/// Calls `function` with a value of the compute type of `dtype`.
template <class Function>
void visit_compute(DType dtype, const Function& function) {
  if (is_floating(dtype)) {
    function(double{});
  } else {
    function(int64_t{});
  }
}

/// Sizes or strides of all axes except one.
inline Dims without(Dims dims, int axis) {
  dims.erase(axis);
  return dims;
}

/// The rows of a shape, in row-major order: the offsets of the first element of each, under N strides. It is compiled
/// once for each N, and loops over elements for each op and dtype.
template <size_t N>
class Rows {
 public:
  Rows(const Dims& shape, const std::array<Dims, N>& strides);

  /// Moves to the next row, in the beginning to the first one; false if there are no more.
  bool next();

  const std::array<int64_t, N>& start() const { return start_; }
  int64_t length() const { return length_; }
  /// What is added to the offsets from element to element.
  const std::array<int64_t, N>& steps() const { return steps_; }

 private:
  Dims shape_;
  std::array<Dims, N> strides_;
  Dims position_;
  std::array<int64_t, N> start_{};
  std::array<int64_t, N> steps_{};
  int64_t length_ = 1;
  bool started_ = false;
};

template <size_t N>
[[gnu::noinline]] Rows<N>::Rows(const Dims& shape, const std::array<Dims, N>& strides)
    : shape_(shape), strides_(strides), position_(Dims::filled(shape.rank(), 0)) {
  if (element_count(shape) == 0) {
    length_ = 0;
  } else if (const int last = shape.rank() - 1; last >= 0) {
    length_ = shape[last];
    for (size_t i = 0; i < N; ++i) steps_[i] = strides[i][last];
  }
}

template <size_t N>
[[gnu::noinline]] bool Rows<N>::next() {
  if (!started_) {
    started_ = true;
    return length_ != 0;
  }
  int axis = shape_.rank() - 2;
  for (; axis >= 0 && ++position_[axis] == shape_[axis]; --axis) {
    for (size_t i = 0; i < N; ++i) start_[i] -= strides_[i][axis] * (shape_[axis] - 1);
    position_[axis] = 0;
  }
  if (axis < 0) return false;
  for (size_t i = 0; i < N; ++i) start_[i] += strides_[i][axis];
  return true;
}

/// Calls `function(offsets)` for every position of `shape` in row-major order; offsets[i] is the offset of the element
/// under strides[i].
template <size_t N, class Function>
void for_each_position(const Dims& shape, const std::array<Dims, N>& strides, const Function& function) {
  Rows<N> rows(shape, strides);
  while (rows.next()) {
    // Copies, which stores to the results cannot change. Additions from element to element would wait for each other.
    const std::array<int64_t, N> start = rows.start();
    const std::array<int64_t, N> steps = rows.steps();
    for (int64_t element = 0; element < rows.length(); ++element) {
      std::array<int64_t, N> offsets;
      for (size_t i = 0; i < N; ++i) offsets[i] = start[i] + element * steps[i];
      function(std::as_const(offsets));
    }
  }
}

/// Calls `function(position)` for every position on three axes, the last axis varying fastest.
template <class Function>
void for_each_position(const std::array<int64_t, 3>& sizes, const Function& function) {
  for (int64_t i = 0; i < sizes[0]; ++i) {
    for (int64_t j = 0; j < sizes[1]; ++j) {
      for (int64_t k = 0; k < sizes[2]; ++k) function(std::array<int64_t, 3>{i, j, k});
    }
  }
}

/// Copies elements between operands of the same shape and dtype.
void copy_elements(DType dtype, const Dims& shape, void* to, const Dims& to_strides, const void* from,
                   const Dims& from_strides);

/// The elements of an operand of any dtype, as doubles in row-major order.
inline std::vector<double> values_of(const exec::BufferSpec& spec, const void* data) {
  std::vector<double> values;
  visit_dtype(spec.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_position(spec.shape, std::array<Dims, 1>{spec.strides},
                      [&](const auto& offsets) { values.push_back(static_cast<double>(load<T>(data, offsets[0]))); });
  });
  return values;
}

/// Stores doubles in row-major order to the strided elements of an operand.
inline void store_values(const exec::BufferSpec& spec, void* data, const std::vector<double>& values) {
  visit_dtype(spec.dtype, [&](auto zero) {
    using T = decltype(zero);
    size_t i = 0;
    for_each_position(spec.shape, std::array<Dims, 1>{spec.strides},
                      [&](const auto& offsets) { store<T>(data, offsets[0], values[i++]); });
  });
}

/// Converts elements to the dtype of `to`; both operands have the same shape.
void convert_elements(const exec::BufferSpec& to, void* to_data, const exec::BufferSpec& from, const void* from_data);

}  // namespace pydl::backends::ref
