// The bits of elements as signed integers in their order.
#pragma once

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Zeros share a key, and so do all that are not numbers.
template <class T, bool floating>
struct LaneKeys {
  static constexpr T highest = static_cast<T>(~(T{1} << (8 * sizeof(T) - 1)));
  static constexpr T infinity = sizeof(T) == 4 ? static_cast<T>(0x7f800000) : static_cast<T>(0x7ff0000000000000LL);

  static Vector<T> of(Vector<T> bits, T flips, Vector<T>& shared) {
    if constexpr (!floating) return bits ^ flips;
    const Vector<T> magnitude = bits & highest;
    const Vector<T> is_zero = magnitude == 0;
    const Vector<T> is_not_a_number = magnitude > infinity;
    shared |= is_zero | is_not_a_number;
    Vector<T> key = bits ^ ((bits >> (8 * sizeof(T) - 1)) & highest);
    key &= ~is_zero;
    key = is_not_a_number ? broadcast(highest) : key;
    return key ^ flips;
  }
  static Vector<T> bits_of(Vector<T> key, T flips) {
    key ^= flips;
    if constexpr (!floating) return key;
    return key ^ ((key >> (8 * sizeof(T) - 1)) & highest);
  }
};

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
