// Weighted sums of whole rows, and of elements chosen by an index within one row.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Keeps `width` vectors side by side in registers while the taps are added.
template <class T, int width>
inline void sum_block(const T* x, const int64_t* offsets, const T* weights, int64_t count, T* y) {
  Vector<T> sums[width] = {};
  for (int64_t k = 0; k < count; ++k) {
    const T* row = x + offsets[k];
#pragma GCC unroll 8
    for (int i = 0; i < width; ++i) sums[i] += load(row + i * vector_length<T>) * weights[k];
  }
#pragma GCC unroll 8
  for (int i = 0; i < width; ++i) store(y + i * vector_length<T>, sums[i]);
}

template <class T>
void sum_rows(const void* x, const int64_t* offsets, const void* weights, int64_t count, int64_t length, void* y) {
  constexpr int64_t step = vector_length<T>;
  const T* from = static_cast<const T*>(x);
  const T* factors = static_cast<const T*>(weights);
  T* to = static_cast<T*>(y);
  int64_t j = 0;
  for (; j + 4 * step <= length; j += 4 * step) sum_block<T, 4>(from + j, offsets, factors, count, to + j);
  for (; j + step <= length; j += step) sum_block<T, 1>(from + j, offsets, factors, count, to + j);
  if (j == length) return;
  Vector<T> sum = {};
  for (int64_t k = 0; k < count; ++k) sum += load_part(from + offsets[k] + j, length - j, T(0)) * factors[k];
  store_part(to + j, sum, length - j);
}

// A known number of taps is unrolled, and the loop then compiles to vector gathers where the processor has them.
template <class T, int count>
inline void gather_few(const T* x, const int32_t* index, const T* weights, int64_t length, T* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < length; ++i) {
    T sum = T(0);
#pragma GCC unroll 4
    for (int k = 0; k < count; ++k) sum += weights[k * length + i] * x[index[k * length + i]];
    y[i] = sum;
  }
}

template <class T>
void gather(const void* x, const int32_t* index, const void* weights, int64_t count, int64_t length, void* y) {
  const T* from = static_cast<const T*>(x);
  const T* factors = static_cast<const T*>(weights);
  T* to = static_cast<T*>(y);
  if (count == 1) return gather_few<T, 1>(from, index, factors, length, to);
  if (count == 2) return gather_few<T, 2>(from, index, factors, length, to);
  if (count == 4) return gather_few<T, 4>(from, index, factors, length, to);
  for (int64_t i = 0; i < length; ++i) to[i] = T(0);
  for (int64_t k = 0; k < count; ++k) {
    const int32_t* positions = index + k * length;
    const T* part = factors + k * length;
#pragma GCC ivdep
    for (int64_t i = 0; i < length; ++i) to[i] += part[i] * from[positions[i]];
  }
}

}  // namespace

void fill_resample(KernelSet& set) {
  set.resample[0] = {sum_rows<float>, gather<float>};
  set.resample[1] = {sum_rows<double>, gather<double>};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
