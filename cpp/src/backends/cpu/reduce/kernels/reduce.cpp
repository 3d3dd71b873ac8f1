// Reductions of matrices along rows and columns. Only a few floating-point elements are summed in float before the sums
// continue in double, so that long sums stay accurate.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
struct AccumulatorOf {
  using type = int64_t;
};
template <>
struct AccumulatorOf<float> {
  using type = double;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

// How two values of T, two accumulators or two vectors of them are joined. `identity` is that of the element type.
struct Sum {
  template <class V>
  static inline V join(V a, V b) {
    return a + b;
  }
  template <class T>
  static constexpr T identity() {
    return T(0);
  }
};
struct Multiply {
  template <class V>
  static inline V join(V a, V b) {
    return a * b;
  }
  template <class T>
  static constexpr T identity() {
    return T(1);
  }
};

template <class T>
constexpr T lowest() {
  if constexpr (T(0.5) != T(0))
    return -static_cast<T>(__builtin_inf());
  else if constexpr (T(-1) > T(0))
    return T(0);
  else
    return static_cast<T>(uint64_t{1} << (8 * sizeof(T) - 1));
}
template <class T>
constexpr T highest() {
  if constexpr (T(0.5) != T(0))
    return static_cast<T>(__builtin_inf());
  else
    return static_cast<T>(~lowest<T>());
}

// NaN wins.
struct Max {
  template <class V>
  static inline V join(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
  template <class T>
  static constexpr T identity() {
    return lowest<T>();
  }
};
struct Min {
  template <class V>
  static inline V join(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
  template <class T>
  static constexpr T identity() {
    return highest<T>();
  }
};

// What becomes of elements before they are joined.
struct AllElements {
  template <class V>
  static inline V of(V x) {
    return x;
  }
};
struct NumbersOnly {
  template <class V>
  static inline V of(V x) {
    return x == x ? x : V{};
  }
};

// Reduces one row. Blocks are short enough for sums in float; four vectors side by side hide the latency of additions.
template <class Join, class T, class Taken = AllElements>
inline Accumulator<T> reduce_row(const T* x, int64_t count) {
  constexpr int64_t length = vector_length<T>;
  constexpr int64_t block = 64 * 4 * length;
  Accumulator<T> total = Join::template identity<T>();
  int64_t i = 0;
  while (count - i >= 4 * length) {
    const int64_t end = i + (count - i < block ? (count - i) / (4 * length) * (4 * length) : block);
    Vector<T> a = Taken::of(load(x + i));
    Vector<T> b = Taken::of(load(x + i + length));
    Vector<T> c = Taken::of(load(x + i + 2 * length));
    Vector<T> d = Taken::of(load(x + i + 3 * length));
    for (i += 4 * length; i < end; i += 4 * length) {
      a = Join::join(a, Taken::of(load(x + i)));
      b = Join::join(b, Taken::of(load(x + i + length)));
      c = Join::join(c, Taken::of(load(x + i + 2 * length)));
      d = Join::join(d, Taken::of(load(x + i + 3 * length)));
    }
    const Vector<T> joined = Join::join(Join::join(a, b), Join::join(c, d));
    if constexpr (sizeof(T) >= 4) {
      total = Join::join(total, static_cast<Accumulator<T>>(join_lanes<Join, T>(joined)));
    } else {
      for (int64_t lane = 0; lane < length; ++lane) total = Join::join(total, static_cast<int64_t>(joined[lane]));
    }
  }
  if constexpr (sizeof(T) >= 4) {
    if (i == count) return total;
    constexpr T nothing = Join::template identity<T>();
    Vector<T> rest = Taken::of(load_part(x + i, count - i, nothing));
    for (i += length; i < count; i += length) rest = Join::join(rest, Taken::of(load_part(x + i, count - i, nothing)));
    return Join::join(total, static_cast<Accumulator<T>>(join_lanes<Join, T>(rest)));
  } else {
    for (; i < count; ++i) total = Join::join(total, static_cast<Accumulator<T>>(Taken::of(x[i])));
    return total;
  }
}

template <class Join, class T, class Taken = AllElements>
void reduce_rows(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double*, void* acc) {
  auto* result = static_cast<Accumulator<T>*>(acc);
  for (int64_t row = 0; row < rows; ++row) {
    result[row] = reduce_row<Join, T, Taken>(static_cast<const T*>(x) + row * row_stride, columns);
  }
}

// Joins `count` rows in T, and then their result with the accumulators.
template <class Join, class T, class Taken, int count>
inline void reduce_row_group(const T* rows, int64_t row_stride, int64_t columns, Accumulator<T>* result) {
  constexpr int64_t length = vector_length<Accumulator<T>>;
  typedef T Part __attribute__((vector_size(length * sizeof(T))));
  int64_t j = 0;
  for (; j + length <= columns; j += length) {
    Part parts[count];
#pragma GCC unroll 8
    for (int k = 0; k < count; ++k) {
      __builtin_memcpy(&parts[k], rows + k * row_stride + j, sizeof(Part));
      parts[k] = Taken::of(parts[k]);
    }
#pragma GCC unroll 4
    for (int step = 1; step < count; step *= 2) {
#pragma GCC unroll 8
      for (int k = 0; k + step < count; k += 2 * step) parts[k] = Join::join(parts[k], parts[k + step]);
    }
    const auto joined = __builtin_convertvector(parts[0], Vector<Accumulator<T>>);
    store(result + j, Join::join(load(result + j), joined));
  }
  for (; j < columns; ++j) {
    for (int k = 0; k < count; ++k) {
      result[j] = Join::join(result[j], static_cast<Accumulator<T>>(Taken::of(rows[k * row_stride + j])));
    }
  }
}

template <class Join, class T, class Taken = AllElements>
void reduce_columns(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double*, void* acc) {
  auto* result = static_cast<Accumulator<T>*>(acc);
  const T* row = static_cast<const T*>(x);
  for (; rows >= 8; rows -= 8, row += 8 * row_stride) {
    reduce_row_group<Join, T, Taken, 8>(row, row_stride, columns, result);
  }
  for (; rows > 0; --rows, row += row_stride) reduce_row_group<Join, T, Taken, 1>(row, row_stride, columns, result);
}

// Sums of squares, or of squared distances from `shift`, which has one number per row or per column.
template <class T, bool centred>
void square_rows(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc) {
  constexpr int64_t length = vector_length<double>;
  typedef T Part __attribute__((vector_size(length * sizeof(T))));
  auto* result = static_cast<double*>(acc);
  for (int64_t i = 0; i < rows; ++i) {
    const T* row = static_cast<const T*>(x) + i * row_stride;
    const double mean = centred ? shift[i] : 0.0;
    Vector<double> sums[4] = {};
    int64_t j = 0;
    for (; j + 4 * length <= columns; j += 4 * length) {
#pragma GCC unroll 4
      for (int64_t k = 0; k < 4; ++k) {
        Part part;
        __builtin_memcpy(&part, row + j + k * length, sizeof(part));
        Vector<double> distance = __builtin_convertvector(part, Vector<double>);
        if constexpr (centred) distance -= mean;
        sums[k] += distance * distance;
      }
    }
    double total = join_lanes<Sum, double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; j < columns; ++j) total += (static_cast<double>(row[j]) - mean) * (static_cast<double>(row[j]) - mean);
    result[i] = total;
  }
}

template <class T, bool centred, int count>
inline void square_row_group(const T* rows, int64_t row_stride, int64_t columns, const double* shift, double* result) {
#pragma GCC ivdep
  for (int64_t j = 0; j < columns; ++j) {
    double total = result[j];
#pragma GCC unroll 4
    for (int k = 0; k < count; ++k) {
      double distance = static_cast<double>(rows[k * row_stride + j]);
      if constexpr (centred) distance -= shift[j];
      total += distance * distance;
    }
    result[j] = total;
  }
}

template <class T, bool centred>
void square_columns(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc) {
  auto* result = static_cast<double*>(acc);
  const T* row = static_cast<const T*>(x);
  for (; rows >= 4; rows -= 4, row += 4 * row_stride) {
    square_row_group<T, centred, 4>(row, row_stride, columns, shift, result);
  }
  for (; rows > 0; --rows, row += row_stride) {
    square_row_group<T, centred, 1>(row, row_stride, columns, shift, result);
  }
}

// The first element that equals the extremum of the row, or is NaN, where the extremum is NaN.
template <class T>
int64_t find_first(const T* row, int64_t count, T extremum) {
  constexpr int64_t block = 64;
  int64_t i = 0;
  for (; i + block <= count; i += block) {
    int any = 0;
    for (int64_t j = 0; j < block; ++j) any |= (row[i + j] == extremum) | (row[i + j] != row[i + j]);
    if (any != 0) break;
  }
  for (; i < count; ++i) {
    if (row[i] == extremum || row[i] != row[i]) return i;
  }
  return 0;
}

// Long rows are read in blocks, so that the best one is still in the cache, or the only one to be read again.
template <class Join, class T>
int64_t find_in_row(const void* x, int64_t count) {
  constexpr int64_t block = 16384 / static_cast<int64_t>(sizeof(T));
  const T* row = static_cast<const T*>(x);
  T extremum = row[0];
  int64_t best = 0;
  for (int64_t first = 0; first < count && extremum == extremum; first += block) {
    const int64_t size = count - first < block ? count - first : block;
    const T joined = Join::join(extremum, static_cast<T>(reduce_row<Join>(row + first, size)));
    if (joined == extremum) continue;
    extremum = joined;
    best = first;
  }
  return best + find_first(row + best, count - best < block ? count - best : block, extremum);
}

template <class Join, class T>
void find_in_columns(const void* x, int64_t rows, int64_t row_stride, int64_t columns, int64_t* index) {
  const T* row = static_cast<const T*>(x);
  T extremum[arg_columns];
  for (int64_t j = 0; j < columns; ++j) {
    extremum[j] = row[j];
    index[j] = 0;
  }
  for (int64_t i = 1; i < rows; ++i) {
    row += row_stride;
    for (int64_t j = 0; j < columns; ++j) {
      const T joined = Join::join(extremum[j], row[j]);
      // Better if unequal to the extremum so far, unless that is already NaN.
      const bool better = (joined != extremum[j]) & (extremum[j] == extremum[j]);
      index[j] = better ? i : index[j];
      extremum[j] = better ? joined : extremum[j];
    }
  }
}

template <class Join, class T>
constexpr ReduceKernels joining() {
  return {reduce_rows<Join, T>, reduce_columns<Join, T>};
}

template <class Join>
void fill_arithmetic(ReduceKernels* kernels) {
  kernels[reduce_float] = joining<Join, float>();
  kernels[reduce_double] = joining<Join, double>();
  kernels[reduce_int64] = joining<Join, int64_t>();
}

template <class Join>
void fill_extremum(ReduceKernels* kernels) {
  fill_arithmetic<Join>(kernels);
  kernels[reduce_int32] = joining<Join, int32_t>();
  kernels[reduce_uint8] = joining<Join, uint8_t>();
}

template <class T>
void fill_of_floating(KernelSet& set, ReduceLane lane) {
  set.reduce[reduce_centred_squares][lane] = {square_rows<T, true>, square_columns<T, true>};
  set.reduce[reduce_squares][lane] = {square_rows<T, false>, square_columns<T, false>};
  set.reduce[reduce_numbers][lane] = {reduce_rows<Sum, T, NumbersOnly>, reduce_columns<Sum, T, NumbersOnly>};
}

template <class Join>
void fill_arg(ArgKernels* kernels) {
  kernels[lane_float] = {find_in_row<Join, float>, find_in_columns<Join, float>};
  kernels[lane_double] = {find_in_row<Join, double>, find_in_columns<Join, double>};
  kernels[lane_int32] = {find_in_row<Join, int32_t>, find_in_columns<Join, int32_t>};
  kernels[lane_int64] = {find_in_row<Join, int64_t>, find_in_columns<Join, int64_t>};
}

}  // namespace

void fill_reduce(KernelSet& set) {
  fill_arithmetic<Sum>(set.reduce[reduce_sum]);
  fill_arithmetic<Multiply>(set.reduce[reduce_prod]);
  fill_extremum<Max>(set.reduce[reduce_max]);
  fill_extremum<Min>(set.reduce[reduce_min]);
  fill_of_floating<float>(set, reduce_float);
  fill_of_floating<double>(set, reduce_double);
  fill_arg<Max>(set.arg[0]);
  fill_arg<Min>(set.arg[1]);
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
