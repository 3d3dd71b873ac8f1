// A square of elements, transposed in registers.
#pragma once

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

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

/// Rows become columns. In each stage, blocks of `step` elements beside the diagonal change places.
template <class T>
inline void transpose_square(Vector<T> (&rows)[vector_length<T>]) {
  constexpr int length = static_cast<int>(vector_length<T>);
  using Mask = Vector<typename IntegerOfSize<sizeof(T)>::type>;
#pragma GCC unroll 4
  for (int step = 1; step < length; step *= 2) {
    Mask first;
    Mask second;
#pragma GCC unroll 16
    for (int lane = 0; lane < length; ++lane) {
      const bool moved = (lane & step) != 0;
      first[lane] = moved ? length + lane - step : lane;
      second[lane] = moved ? length + lane : lane + step;
    }
#pragma GCC unroll 16
    for (int row = 0; row < length; ++row) {
      if ((row & step) != 0) continue;
      const Vector<T> a = rows[row];
      const Vector<T> b = rows[row + step];
      rows[row] = __builtin_shuffle(a, b, first);
      rows[row + step] = __builtin_shuffle(a, b, second);
    }
  }
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
