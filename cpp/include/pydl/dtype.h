// Element types, their promotion, and the 16-bit floating-point formats.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

#include "pydl/export.h"

namespace pydl {

enum class DType : uint8_t {
  boolean,
  uint8,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
};

inline constexpr int dtype_count = 10;

/// The size of one element in bytes.
constexpr size_t item_size(DType dtype) {
  constexpr size_t sizes[dtype_count] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(dtype)];
}

constexpr bool is_floating(DType dtype) { return dtype >= DType::float16; }
constexpr bool is_integer(DType dtype) { return dtype >= DType::uint8 && dtype <= DType::int64; }

/// The smallest and the largest number of an integer dtype; 0 and 1 for `bool`.
struct IntegerRange {
  int64_t least;
  int64_t most;
};
constexpr IntegerRange integer_range(DType dtype) {
  if (dtype == DType::boolean) return {0, 1};
  if (dtype == DType::uint8) return {0, 255};
  const int bits = static_cast<int>(8 * item_size(dtype));
  const auto most = static_cast<int64_t>((uint64_t{1} << (bits - 1)) - 1);
  return {-most - 1, most};
}

/// The name that Python shows: "float32", "bool", ...
PYDL_API std::string_view dtype_name(DType dtype);

/// The dtype with that name; throws `TypeError` if there is none.
PYDL_API DType dtype_from_name(std::string_view name);

/// The common dtype of two operands. Within a kind this follows the array API's table. A floating-point operand takes
/// precedence over an integer one, and `bool` adopts the other dtype.
PYDL_API DType promote(DType a, DType b);

PYDL_API std::ostream& operator<<(std::ostream& out, DType dtype);

/// IEEE half precision as stored; arithmetic happens in float32.
struct PYDL_API Float16 {
  uint16_t bits;
  static Float16 from_float(float value);
  float to_float() const;
};

/// The upper half of a float32 as stored; arithmetic happens in float32.
struct PYDL_API BFloat16 {
  uint16_t bits;
  static BFloat16 from_float(float value) {
    const uint32_t word = std::bit_cast<uint32_t>(value);
    if ((word & 0x7fffffffU) > 0x7f800000U) return {static_cast<uint16_t>((word >> 16) | 0x40U)};
    return {static_cast<uint16_t>((word + 0x7fffU + ((word >> 16) & 1U)) >> 16)};
  }
  float to_float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// `DTypeOf<T>::value` is the dtype whose elements are stored as `T`.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> : std::integral_constant<DType, DType::boolean> {};
template <>
struct DTypeOf<uint8_t> : std::integral_constant<DType, DType::uint8> {};
template <>
struct DTypeOf<int8_t> : std::integral_constant<DType, DType::int8> {};
template <>
struct DTypeOf<int16_t> : std::integral_constant<DType, DType::int16> {};
template <>
struct DTypeOf<int32_t> : std::integral_constant<DType, DType::int32> {};
template <>
struct DTypeOf<int64_t> : std::integral_constant<DType, DType::int64> {};
template <>
struct DTypeOf<Float16> : std::integral_constant<DType, DType::float16> {};
template <>
struct DTypeOf<BFloat16> : std::integral_constant<DType, DType::bfloat16> {};
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::float32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::float64> {};

/// Calls `function` with a value of the type that stores `dtype`: `visit_dtype(d, [](auto zero) {...})`.
template <class Function>
decltype(auto) visit_dtype(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::boolean: return function(bool{});
    case DType::uint8: return function(uint8_t{});
    case DType::int8: return function(int8_t{});
    case DType::int16: return function(int16_t{});
    case DType::int32: return function(int32_t{});
    case DType::int64: return function(int64_t{});
    case DType::float16: return function(Float16{});
    case DType::bfloat16: return function(BFloat16{});
    case DType::float32: return function(float{});
    case DType::float64: break;
  }
  return function(double{});
}

}  // namespace pydl
