// The inner loops of orthogonal factors, eigenvalues and singular values.
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/vector_math.h"
#include "backends/cpu/linalg/kernel_table.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
constexpr int64_t lanes = vector_length<T>;

template <class T>
T sum_of(Vector<T> vector) {
  T sum = 0;
  for (int64_t lane = 0; lane < lanes<T>; ++lane) sum += vector[lane];
  return sum;
}

// Vectors of as many numbers as there are in a vector of doubles.
Vector<double> load_wide(const double* from) { return load(from); }
Vector<double> load_wide(const float* from) {
  typedef float Half __attribute__((vector_size(vector_bytes / 2)));
  Half half;
  __builtin_memcpy(&half, from, sizeof(half));
  return __builtin_convertvector(half, Vector<double>);
}

template <class T>
double dot(const T* a, const T* b, int64_t count) {
  constexpr int64_t width = lanes<double>;
  Vector<double> sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    for (int64_t k = 0; k < 4; ++k) sums[k] += load_wide(a + i + k * width) * load_wide(b + i + k * width);
  }
  for (; i + width <= count; i += width) sums[0] += load_wide(a + i) * load_wide(b + i);
  double sum = sum_of<double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
void add_scaled(T* to, T factor, const T* from, int64_t count) {
  int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(to + i, load(to + i) + factor * load(from + i));
  if (i == count) return;
  const int64_t rest = count - i;
  store_part(to + i, load_part(to + i, rest, T{0}) + factor * load_part(from + i, rest, T{0}), rest);
}

// A factor, the reciprocal of a small number, need not be a float.
template <class T>
void scale(T* x, double factor, int64_t count) {
  if (factor > -1e30 && factor < 1e30) {
    const T rounded = static_cast<T>(factor);
    for (int64_t i = 0; i < count; ++i) x[i] *= rounded;
  } else {
    for (int64_t i = 0; i < count; ++i) x[i] = static_cast<T>(static_cast<double>(x[i]) * factor);
  }
}

// Bits of numbers without a sign are in the order of the numbers, and NaN is above infinity.
template <class T>
T largest(const T* x, int64_t count) {
  if constexpr (sizeof(T) == 4) {
    uint32_t most = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t bits = __builtin_bit_cast(uint32_t, x[i]) & 0x7fffffffU;
      most = bits > most ? bits : most;
    }
    return __builtin_bit_cast(float, most);
  } else {
    uint64_t most = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t bits = __builtin_bit_cast(uint64_t, x[i]) & 0x7fffffffffffffffULL;
      most = bits > most ? bits : most;
    }
    return __builtin_bit_cast(double, most);
  }
}

// Rows are taken four at a time, so that vectors are loaded once for all of them.
constexpr int64_t group = 4;

template <class T, int64_t count>
void reflect_group(T* rows, int64_t stride, const T* v, T factor, int64_t columns) {
  const int64_t rest = columns % lanes<T>;
  const int64_t whole = columns - rest;
  Vector<T> sums[count] = {};
  for (int64_t j = 0; j < whole; j += lanes<T>) {
    const Vector<T> vj = load(v + j);
    for (int64_t r = 0; r < count; ++r) sums[r] += load(rows + r * stride + j) * vj;
  }
  if (rest > 0) {
    const Vector<T> vj = load_part(v + whole, rest, T{0});
    for (int64_t r = 0; r < count; ++r) sums[r] += load_part(rows + r * stride + whole, rest, T{0}) * vj;
  }
  T factors[count];
  for (int64_t r = 0; r < count; ++r) factors[r] = -factor * sum_of<T>(sums[r]);
  for (int64_t j = 0; j < whole; j += lanes<T>) {
    const Vector<T> vj = load(v + j);
    for (int64_t r = 0; r < count; ++r) {
      T* place = rows + r * stride + j;
      store(place, load(place) + factors[r] * vj);
    }
  }
  if (rest == 0) return;
  const Vector<T> vj = load_part(v + whole, rest, T{0});
  for (int64_t r = 0; r < count; ++r) {
    T* place = rows + r * stride + whole;
    store_part(place, load_part(place, rest, T{0}) + factors[r] * vj, rest);
  }
}

template <class T>
void reflect_rows(T* rows, int64_t stride, int64_t count, const T* v, T factor, int64_t columns) {
  int64_t i = 0;
  for (; i + group <= count; i += group) reflect_group<T, group>(rows + i * stride, stride, v, factor, columns);
  for (; i < count; ++i) reflect_group<T, 1>(rows + i * stride, stride, v, factor, columns);
}

// The columns of a group of rows that are left of its diagonal block. The sums of a u go to `sums`.
template <class T>
void update_left_columns(T* a, int64_t stride, int64_t count, const T* v_rows, const T* w_rows, const T* u_rows,
                         const T* v, const T* w, const T* u, T* product, T* sums) {
  Vector<T> wide[group] = {};
  int64_t j = 0;
  for (; j + lanes<T> <= count; j += lanes<T>) {
    const Vector<T> vj = load(v + j);
    const Vector<T> wj = load(w + j);
    const Vector<T> uj = load(u + j);
    Vector<T> pj = load(product + j);
    for (int64_t r = 0; r < group; ++r) {
      T* place = a + r * stride + j;
      const Vector<T> value = load(place) - v_rows[r] * wj - w_rows[r] * vj;
      store(place, value);
      wide[r] += value * uj;
      pj += value * u_rows[r];
    }
    store(product + j, pj);
  }
  if (j < count) {
    const int64_t rest = count - j;
    const Vector<T> vj = load_part(v + j, rest, T{0});
    const Vector<T> wj = load_part(w + j, rest, T{0});
    const Vector<T> uj = load_part(u + j, rest, T{0});
    Vector<T> pj = load_part(product + j, rest, T{0});
    for (int64_t r = 0; r < group; ++r) {
      T* place = a + r * stride + j;
      const Vector<T> value = load_part(place, rest, T{0}) - v_rows[r] * wj - w_rows[r] * vj;
      store_part(place, value, rest);
      wide[r] += value * uj;
      pj += value * u_rows[r];
    }
    store_part(product + j, pj, rest);
  }
  for (int64_t r = 0; r < group; ++r) sums[r] = sum_of<T>(wide[r]);
}

template <class T>
void update_symmetric(T* a, int64_t stride, int64_t size, const T* v, const T* w, const T* u, T* product) {
  for (int64_t i = 0; i < size; ++i) product[i] = 0;
  for (int64_t first = 0; first < size; first += group) {
    const int64_t rows = size - first < group ? size - first : group;
    T sums[group] = {};
    int64_t left = 0;
    if (rows == group) {
      left = first;
      update_left_columns(a + first * stride, stride, left, v + first, w + first, u + first, v, w, u, product, sums);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t i = first + r;
      T* row = a + i * stride;
      for (int64_t j = left; j < i; ++j) {
        row[j] -= v[i] * w[j] + w[i] * v[j];
        sums[r] += row[j] * u[j];
        product[j] += row[j] * u[i];
      }
      row[i] -= 2 * v[i] * w[i];
      product[i] += sums[r] + row[i] * u[i];
    }
  }
}

template <class T, int64_t count>
void update_and_sum_group(T* a, int64_t stride, int64_t columns, const T* x, const T* z, const T* y, const T* u,
                          const T* v, T* sums) {
  int64_t j = 0;
  for (; j + lanes<T> <= columns; j += lanes<T>) {
    const Vector<T> zj = load(z + j);
    const Vector<T> uj = load(u + j);
    Vector<T> sj = load(sums + j);
    for (int64_t r = 0; r < count; ++r) {
      T* place = a + r * stride + j;
      const Vector<T> value = load(place) - x[r] * zj - y[r] * uj;
      store(place, value);
      sj += value * v[r];
    }
    store(sums + j, sj);
  }
  if (j == columns) return;
  const int64_t rest = columns - j;
  const Vector<T> zj = load_part(z + j, rest, T{0});
  const Vector<T> uj = load_part(u + j, rest, T{0});
  Vector<T> sj = load_part(sums + j, rest, T{0});
  for (int64_t r = 0; r < count; ++r) {
    T* place = a + r * stride + j;
    const Vector<T> value = load_part(place, rest, T{0}) - x[r] * zj - y[r] * uj;
    store_part(place, value, rest);
    sj += value * v[r];
  }
  store_part(sums + j, sj, rest);
}

template <class T>
void update_and_sum(T* a, int64_t stride, int64_t rows, int64_t columns, const T* x, const T* z, const T* y, const T* u,
                    const T* v, T* sums) {
  int64_t i = 0;
  for (; i + group <= rows; i += group) {
    update_and_sum_group<T, group>(a + i * stride, stride, columns, x + i, z, y + i, u, v + i, sums);
  }
  for (; i < rows; ++i) update_and_sum_group<T, 1>(a + i * stride, stride, columns, x + i, z, y + i, u, v + i, sums);
}

template <class T, int64_t count>
void multiply_group(const T* a, int64_t stride, int64_t columns, const T* u, T* product) {
  Vector<T> sums[count] = {};
  int64_t j = 0;
  for (; j + lanes<T> <= columns; j += lanes<T>) {
    const Vector<T> uj = load(u + j);
    for (int64_t r = 0; r < count; ++r) sums[r] += load(a + r * stride + j) * uj;
  }
  if (j < columns) {
    const int64_t rest = columns - j;
    const Vector<T> uj = load_part(u + j, rest, T{0});
    for (int64_t r = 0; r < count; ++r) sums[r] += load_part(a + r * stride + j, rest, T{0}) * uj;
  }
  for (int64_t r = 0; r < count; ++r) product[r] = sum_of<T>(sums[r]);
}

template <class T>
void multiply(const T* a, int64_t stride, int64_t rows, int64_t columns, const T* u, T* product) {
  int64_t i = 0;
  for (; i + group <= rows; i += group) multiply_group<T, group>(a + i * stride, stride, columns, u, product + i);
  for (; i < rows; ++i) multiply_group<T, 1>(a + i * stride, stride, columns, u, product + i);
}

// --- rotations ----------------------------------------------------------------------------------------------------

// This many sweeps of the same rows pass over them together, each one a row behind the sweep before it: a row is then
// read and written once for all of them, and their arithmetic overlaps.
constexpr int together = vector_bytes == 64 ? 4 : 2;

// Sweeps over `width` vectors of columns. The row that a sweep passes on stays in registers.
template <class T, int sweeps, int width>
class Wave {
 public:
  Wave(T* columns, int64_t stride, const RotationSweep<T>* given)
      : row_(columns + given[0].first * stride), step_(given[0].step * stride), count_(given[0].count) {
    for (int q = 0; q < sweeps; ++q) {
      c_[q] = given[q].cosines;
      s_[q] = given[q].sines;
    }
  }

  // At time t, sweep q makes its rotation t - q.
  void run() {
    load_row(0, carried_[0]);
    for (int64_t t = 0; t < sweeps - 1; ++t) {
      Row row;
      load_row(t + 1, row);
      for (int64_t q = 0; q <= t; ++q) turn(carried_[q], row, q, t - q);
      copy(carried_[t + 1], row);
    }
    middle();
    for (int64_t late = 1; late < sweeps; ++late) {
      const int64_t t = count_ - 1 + late;
      Row row;
      copy(row, carried_[late - 1]);
      for (int64_t q = late; q < sweeps; ++q) turn(carried_[q], row, q, t - q);
      store_row(t - sweeps + 1, row);
    }
    store_row(count_, carried_[sweeps - 1]);
  }

 private:
  using Row = Vector<T>[width];

  void middle() {
    Row carried[sweeps];
    for (int q = 0; q < sweeps; ++q) copy(carried[q], carried_[q]);
    const T* next = row_ + sweeps * step_;
    T* done = row_;
    for (int64_t t = sweeps - 1; t < count_; ++t) {
      Row row;
      for (int k = 0; k < width; ++k) row[k] = load(next + k * lanes<T>);
#pragma GCC unroll 4
      for (int q = 0; q < sweeps; ++q) turn(carried[q], row, q, t - q);
      for (int k = 0; k < width; ++k) store(done + k * lanes<T>, row[k]);
      next += step_;
      done += step_;
    }
    for (int q = 0; q < sweeps; ++q) copy(carried_[q], carried[q]);
  }

  void turn(Row& carried, Row& row, int64_t q, int64_t rotation) const {
    const T c = c_[q][rotation];
    const T s = s_[q][rotation];
    for (int k = 0; k < width; ++k) {
      const Vector<T> other = row[k];
      row[k] = c * carried[k] + s * other;
      carried[k] = c * other - s * carried[k];
    }
  }
  static void copy(Row& to, const Row& from) {
    for (int k = 0; k < width; ++k) to[k] = from[k];
  }
  void load_row(int64_t i, Row& row) const {
    for (int k = 0; k < width; ++k) row[k] = load(row_ + i * step_ + k * lanes<T>);
  }
  void store_row(int64_t i, const Row& row) const {
    for (int k = 0; k < width; ++k) store(row_ + i * step_ + k * lanes<T>, row[k]);
  }

  T* row_;
  int64_t step_;
  int64_t count_;
  const T* c_[sweeps];
  const T* s_[sweeps];
  Row carried_[sweeps];
};

template <class T>
bool cover_the_same_rows(const RotationSweep<T>* sweeps) {
  bool same = sweeps[0].count >= together;
  for (int q = 1; q < together; ++q) {
    same = same && sweeps[q].first == sweeps[0].first && sweeps[q].step == sweeps[0].step &&
           sweeps[q].count == sweeps[0].count;
  }
  return same;
}

template <class T, int width>
void rotate_columns(T* columns, int64_t stride, const RotationSweep<T>* sweeps, int64_t count) {
  for (int64_t i = 0; i < count;) {
    if (i + together <= count && cover_the_same_rows(sweeps + i)) {
      Wave<T, together, width>(columns, stride, sweeps + i).run();
      i += together;
    } else if (sweeps[i].count == 0) {
      ++i;
    } else {
      Wave<T, 1, width>(columns, stride, sweeps + i++).run();
    }
  }
}

template <class T>
void rotate_few_columns(T* columns, int64_t stride, int64_t count, const RotationSweep<T>& sweep) {
  for (int64_t i = 0; i < sweep.count; ++i) {
    T* a = columns + (sweep.first + i * sweep.step) * stride;
    T* b = a + sweep.step * stride;
    for (int64_t j = 0; j < count; ++j) {
      const T first = a[j];
      a[j] = sweep.cosines[i] * first + sweep.sines[i] * b[j];
      b[j] = sweep.cosines[i] * b[j] - sweep.sines[i] * first;
    }
  }
}

// All sweeps pass over a strip of columns before the next strip, which then stays in the L1 cache.
template <class T>
void rotate(T* rows, int64_t stride, int64_t columns, const RotationSweep<T>* sweeps, int64_t count) {
  constexpr int width = vector_bytes == 64 ? 2 : 3;
  int64_t j = 0;
  for (; j + width * lanes<T> <= columns; j += width * lanes<T>)
    rotate_columns<T, width>(rows + j, stride, sweeps, count);
  for (; j + lanes<T> <= columns; j += lanes<T>) rotate_columns<T, 1>(rows + j, stride, sweeps, count);
  for (int64_t i = 0; i < count && j < columns; ++i) rotate_few_columns(rows + j, stride, columns - j, sweeps[i]);
}

template <class T>
void fill_table(SpectralKernels<T>& table) {
  table = {dot<T>,      add_scaled<T>, scale<T>, largest<T>, reflect_rows<T>, update_symmetric<T>, update_and_sum<T>,
           multiply<T>, rotate<T>};
}

}  // namespace

void fill_spectra(SpectralKernels<float>& of_float, SpectralKernels<double>& of_double);

void fill_spectra(SpectralKernels<float>& of_float, SpectralKernels<double>& of_double) {
  fill_table(of_float);
  fill_table(of_double);
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
