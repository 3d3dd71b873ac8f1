// Numbers in the order of their keys: how elements are ordered, in all kernels.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "pydl/dtype.h"

namespace pydl::op {

/// The unsigned integer of the size of T.
template <class T>
using SortKey = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

/// The bits of infinity; those of not-a-number are larger.
template <class T>
inline constexpr SortKey<T> infinity_bits = 0;
template <>
inline constexpr uint16_t infinity_bits<Float16> = 0x7c00;
template <>
inline constexpr uint16_t infinity_bits<BFloat16> = 0x7f80;
template <>
inline constexpr uint32_t infinity_bits<float> = 0x7f800000;
template <>
inline constexpr uint64_t infinity_bits<double> = 0x7ff0000000000000;

/// Keys are in the order of the elements: equal for equal ones (-0 and 0), the largest one for not-a-number.
template <class T>
SortKey<T> sort_key(T value) {
  using Key = SortKey<T>;
  constexpr Key sign = static_cast<Key>(Key{1} << (8 * sizeof(T) - 1));
  if constexpr (is_floating(DTypeOf<T>::value)) {
    // By the bits alone: kernels may run where denormal numbers compare as zero.
    const Key bits = std::bit_cast<Key>(value);
    const Key magnitude = static_cast<Key>(bits & static_cast<Key>(~sign));
    if (magnitude > infinity_bits<T>) return std::numeric_limits<Key>::max();
    if (magnitude == 0) return sign;
    return static_cast<Key>((bits & sign) != 0 ? ~bits : bits | sign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<Key>(static_cast<Key>(value) ^ sign);
  } else {
    return static_cast<Key>(value);
  }
}

}  // namespace pydl::op
