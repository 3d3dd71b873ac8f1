// What the kernels of normalisations share: elements that are computed in another type than they are stored in, and
// sums along a row. Only a few elements are summed in their own type before the sums continue in double.
#pragma once

#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Element types as they are stored, each with the type it is computed in.
struct Brain {
  uint16_t bits;
};
template <class S>
struct ComputeOf {
  using type = S;
};
template <>
struct ComputeOf<Brain> {
  using type = float;
};
template <class S>
using Compute = typename ComputeOf<S>::type;

template <class S>
inline Vector<Compute<S>> load_lanes(const S* from, int64_t count, Compute<S> fill) {
  return load_part(from, count, fill);
}
template <class S>
inline void store_lanes(S* to, Vector<Compute<S>> vector, int64_t count) {
  store_part(to, vector, count);
}

typedef uint16_t Shorts __attribute__((vector_size(vector_bytes / 2)));
typedef uint32_t Words __attribute__((vector_size(vector_bytes)));

inline Vector<float> load_lanes(const Brain* from, int64_t count, float fill) {
  constexpr int64_t length = vector_length<float>;
  Shorts bits = {};
  if (count >= length) {
    __builtin_memcpy(&bits, from, sizeof(bits));
    return (Vector<float>)(__builtin_convertvector(bits, Words) << 16);
  }
  Vector<float> vector = broadcast(fill);
  for (int64_t lane = 0; lane < count; ++lane) {
    vector[lane] = __builtin_bit_cast(float, static_cast<uint32_t>(from[lane].bits) << 16);
  }
  return vector;
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline void store_lanes(Brain* to, Vector<float> vector, int64_t count) {
  const Words bits = (Words)vector;
  const Words rounded = bits + 0x7fff + ((bits >> 16) & 1);
  const Words kept = vector == vector ? rounded : (bits | 0x400000);
  const Shorts upper = __builtin_convertvector(kept >> 16, Shorts);
  if (count >= vector_length<float>) {
    __builtin_memcpy(to, &upper, sizeof(upper));
    return;
  }
  for (int64_t lane = 0; lane < count; ++lane) to[lane].bits = upper[lane];
}

struct Sum {
  template <class V>
  static inline V join(V a, V b) {
    return a + b;
  }
};

// Calls step(offset, lane count, accumulator) for each vector of a run, and flush() often enough that sums in the
// element type stay short.
constexpr int64_t chains = 4;
template <class T, class Step, class Flush>
inline void walk_run(int64_t count, const Step& step, const Flush& flush) {
  constexpr int64_t length = vector_length<T>;
  constexpr int64_t block = 64 * chains * length;
  for (int64_t start = 0; start < count; start += block) {
    const int64_t end = count - start < block ? count : start + block;
    int64_t i = start;
    for (; i + chains * length <= end; i += chains * length) {
#pragma GCC unroll 4
      for (int64_t chain = 0; chain < chains; ++chain) step(i + chain * length, length, chain);
    }
    for (; i < end; i += length) step(i, end - i < length ? end - i : length, 0);
    flush();
  }
}

// Joins the sums of all chains and converts the result to double.
template <class T>
inline double drain(Vector<T> (&sums)[chains]) {
  const Vector<T> joined = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (Vector<T>& sum : sums) sum = Vector<T>{};
  return static_cast<double>(join_lanes<Sum, T>(joined));
}

template <class S>
inline Compute<S> mean_of(const S* x, int64_t count) {
  using T = Compute<S>;
  Vector<T> sum[chains] = {};
  double total = 0;
  walk_run<T>(
      count, [&](int64_t i, int64_t width, int64_t chain) { sum[chain] += load_lanes(x + i, width, T(0)); },
      [&] { total += drain<T>(sum); });
  return static_cast<T>(total / static_cast<double>(count));
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
