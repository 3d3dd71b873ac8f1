// Moves lanes within and between vectors.
#pragma once

#include <utility>

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
using Lanes = std::make_integer_sequence<int, static_cast<int>(vector_length<T>)>;

template <int size>
struct IntegerOfSize;
template <>
struct IntegerOfSize<4> {
  using type = int32_t;
};
template <>
struct IntegerOfSize<8> {
  using type = int64_t;
};

// Chooses lanes by number, where the lanes of b are numbered after those of a.
template <class T, int... lane>
inline Vector<T> choose_lanes(Vector<T> a, Vector<T> b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, lane...);
#else
  return __builtin_shuffle(a, b, Vector<typename IntegerOfSize<sizeof(T)>::type>{lane...});
#endif
}
template <class T, int step, int... lane>
inline Vector<T> rotate_lanes(Vector<T> v, std::integer_sequence<int, lane...>) {
  return choose_lanes<T, ((lane + step) % static_cast<int>(sizeof...(lane)))...>(v, v);
}
template <class T, int step, int... lane>
inline Vector<T> upper_blocks(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  constexpr int length = sizeof...(lane);
  return choose_lanes<T, ((lane & step) != 0 ? length + lane - step : lane)...>(a, b);
}
template <class T, int step, int... lane>
inline Vector<T> lower_blocks(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  constexpr int length = sizeof...(lane);
  return choose_lanes<T, ((lane & step) != 0 ? length + lane : lane + step)...>(a, b);
}

/// Joins all lanes into one value by repeated halving. Items have 4 or 8 bytes.
template <class Join, class T, int step = static_cast<int>(vector_length<T>) / 2>
inline T join_lanes(Vector<T> v) {
  if constexpr (step == 0) {
    return v[0];
  } else {
    return join_lanes<Join, T, step / 2>(Join::join(v, rotate_lanes<T, step>(v, Lanes<T>())));
  }
}

/// Transposes a square: rows become columns. Each stage swaps the blocks of `step` elements on either side of the
/// diagonal.
template <class T, int step = 1>
inline void transpose_square(Vector<T> (&rows)[vector_length<T>]) {
  constexpr int length = static_cast<int>(vector_length<T>);
  if constexpr (step < length) {
#pragma GCC unroll 16
    for (int row = 0; row < length; ++row) {
      if ((row & step) != 0) continue;
      const Vector<T> a = rows[row];
      const Vector<T> b = rows[row + step];
      rows[row] = upper_blocks<T, step>(a, b, Lanes<T>());
      rows[row + step] = lower_blocks<T, step>(a, b, Lanes<T>());
    }
    transpose_square<T, 2 * step>(rows);
  }
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
