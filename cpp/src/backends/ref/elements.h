// Elements of strided operands: where they are in memory, and how they are read and written.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

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

/// Sizes or strides of all axes except one.
inline Dims without(Dims dims, int axis) {
  dims.erase(axis);
  return dims;
}

/// Calls `function(offsets)` for every position of `shape` in row-major order; offsets[i] is the offset of the element
/// under strides[i].
template <size_t N, class Function>
void for_each_position(const Dims& shape, const std::array<Dims, N>& strides, const Function& function) {
  if (element_count(shape) == 0) return;
  std::array<int64_t, N> offsets{};
  Dims position = Dims::filled(shape.rank(), 0);
  while (true) {
    function(offsets);
    int axis = shape.rank() - 1;
    for (; axis >= 0 && ++position[axis] == shape[axis]; --axis) {
      for (size_t i = 0; i < N; ++i) offsets[i] -= strides[i][axis] * (shape[axis] - 1);
      position[axis] = 0;
    }
    if (axis < 0) return;
    for (size_t i = 0; i < N; ++i) offsets[i] += strides[i][axis];
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
