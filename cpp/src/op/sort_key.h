// Integer keys that define the order of elements in all kernels.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "pydl/dtype.h"

namespace pydl::op {

/// The unsigned integer type with the size of T.
template <class T>
using SortKey = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

/// The bits of infinity; those of NaN are larger.
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

/// Keys have the same order as the elements: equal elements (such as -0 and 0) have equal keys, NaN has the largest
/// one.
template <class T>
SortKey<T> sort_key(T value) {
  using Key = SortKey<T>;
  constexpr Key sign = static_cast<Key>(Key{1} << (8 * sizeof(T) - 1));
  if constexpr (is_floating(DTypeOf<T>::value)) {
    // Uses only the bits, because kernels may run in a mode in which denormal numbers compare equal to zero.
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

/// Whether several values have this key: zeros, and NaN.
template <class T>
constexpr bool is_shared_key(SortKey<T> key) {
  constexpr auto zeros = static_cast<SortKey<T>>(SortKey<T>{1} << (8 * sizeof(T) - 1));
  return is_floating(DTypeOf<T>::value) && (key == zeros || key == std::numeric_limits<SortKey<T>>::max());
}

/// The value with a key that is not shared.
template <class T>
T value_of_key(SortKey<T> key) {
  using Key = SortKey<T>;
  constexpr Key sign = static_cast<Key>(Key{1} << (8 * sizeof(T) - 1));
  if constexpr (is_floating(DTypeOf<T>::value)) {
    return std::bit_cast<T>(static_cast<Key>((key & sign) != 0 ? key ^ sign : ~key));
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(key ^ sign);
  } else {
    return static_cast<T>(key);
  }
}

}  // namespace pydl::op
