// The inner loops of eigenvalues and singular values.
#include "backends/cpu/kernels/vector_math.h"
#include "backends/cpu/linalg/kernel_table.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

constexpr int64_t lanes = vector_length<double>;
using Lanes = Vector<double>;

double sum_of(Lanes vector) {
  double sum = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) sum += vector[lane];
  return sum;
}

double dot(const double* a, const double* b, int64_t count) {
  Lanes sums[2] = {};
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    sums[0] += load(a + i) * load(b + i);
    sums[1] += load(a + i + lanes) * load(b + i + lanes);
  }
  for (; i + lanes <= count; i += lanes) sums[0] += load(a + i) * load(b + i);
  double sum = sum_of(sums[0] + sums[1]);
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void add_scaled(double* to, double factor, const double* from, int64_t count) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(to + i, load(to + i) + factor * load(from + i));
  for (; i < count; ++i) to[i] += factor * from[i];
}

void reflect_row(double* row, const double* v, double factor, int64_t count) {
  add_scaled(row, -factor * dot(row, v, count), v, count);
}

// Rows are taken four at a time, so that vectors are loaded once for all of them.
constexpr int64_t group = 4;

// The columns of a group of rows that are left of its diagonal block. The sums of a u go to `sums`.
void update_left_columns(double* a, int64_t stride, int64_t count, const double* v_rows, const double* w_rows,
                         const double* u_rows, const double* v, const double* w, const double* u, double* product,
                         double* sums) {
  Lanes wide[group] = {};
  int64_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    const Lanes vj = load(v + j);
    const Lanes wj = load(w + j);
    const Lanes uj = load(u + j);
    Lanes pj = load(product + j);
    for (int64_t r = 0; r < group; ++r) {
      double* place = a + r * stride + j;
      const Lanes value = load(place) - v_rows[r] * wj - w_rows[r] * vj;
      store(place, value);
      wide[r] += value * uj;
      pj += value * u_rows[r];
    }
    store(product + j, pj);
  }
  for (int64_t r = 0; r < group; ++r) sums[r] = sum_of(wide[r]);
  for (; j < count; ++j) {
    for (int64_t r = 0; r < group; ++r) {
      double& value = a[r * stride + j];
      value -= v_rows[r] * w[j] + w_rows[r] * v[j];
      sums[r] += value * u[j];
      product[j] += value * u_rows[r];
    }
  }
}

void update_symmetric(double* a, int64_t stride, int64_t size, const double* v, const double* w, const double* u,
                      double* product) {
  for (int64_t i = 0; i < size; ++i) product[i] = 0;
  for (int64_t first = 0; first < size; first += group) {
    const int64_t rows = size - first < group ? size - first : group;
    double sums[group] = {};
    int64_t left = 0;
    if (rows == group) {
      left = first;
      update_left_columns(a + first * stride, stride, left, v + first, w + first, u + first, v, w, u, product, sums);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t i = first + r;
      double* row = a + i * stride;
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

void update_and_sum_row(double* row, int64_t columns, double x, const double* z, double y, const double* u, double v,
                        double* sums) {
  for (int64_t j = 0; j < columns; ++j) {
    row[j] -= x * z[j] + y * u[j];
    sums[j] += row[j] * v;
  }
}

void update_and_sum(double* a, int64_t stride, int64_t rows, int64_t columns, const double* x, const double* z,
                    const double* y, const double* u, const double* v, double* sums) {
  const int64_t whole = columns / lanes * lanes;
  int64_t i = 0;
  for (; i + group <= rows; i += group) {
    for (int64_t j = 0; j < whole; j += lanes) {
      const Lanes zj = load(z + j);
      const Lanes uj = load(u + j);
      Lanes sj = load(sums + j);
      for (int64_t r = i; r < i + group; ++r) {
        double* place = a + r * stride + j;
        const Lanes value = load(place) - x[r] * zj - y[r] * uj;
        store(place, value);
        sj += value * v[r];
      }
      store(sums + j, sj);
    }
    for (int64_t r = i; r < i + group; ++r) {
      update_and_sum_row(a + r * stride + whole, columns - whole, x[r], z + whole, y[r], u + whole, v[r], sums + whole);
    }
  }
  for (; i < rows; ++i) update_and_sum_row(a + i * stride, columns, x[i], z, y[i], u, v[i], sums);
}

void multiply(const double* a, int64_t stride, int64_t rows, int64_t columns, const double* u, double* product) {
  int64_t i = 0;
  for (; i + group <= rows; i += group) {
    Lanes sums[group] = {};
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) {
      const Lanes uj = load(u + j);
      for (int64_t r = 0; r < group; ++r) sums[r] += load(a + (i + r) * stride + j) * uj;
    }
    for (int64_t r = 0; r < group; ++r) {
      double sum = sum_of(sums[r]);
      for (int64_t rest = j; rest < columns; ++rest) sum += a[(i + r) * stride + rest] * u[rest];
      product[i + r] = sum;
    }
  }
  for (; i < rows; ++i) product[i] = dot(a + i * stride, u, columns);
}

// One sweep over `width` vectors of columns, of which the row that is passed on stays in registers.
template <int width>
void rotate_columns(double* columns, int64_t stride, const RotationSweep& sweep) {
  double* row = columns + sweep.first * stride;
  const int64_t step = sweep.step * stride;
  Lanes carried[width];
  for (int k = 0; k < width; ++k) carried[k] = load(row + k * lanes);
  for (int64_t i = 0; i < sweep.count; ++i) {
    const double c = sweep.cosines[i];
    const double s = sweep.sines[i];
    double* next = row + step;
    for (int k = 0; k < width; ++k) {
      const Lanes other = load(next + k * lanes);
      store(row + k * lanes, c * carried[k] + s * other);
      carried[k] = c * other - s * carried[k];
    }
    row = next;
  }
  for (int k = 0; k < width; ++k) store(row + k * lanes, carried[k]);
}

void rotate_few_columns(double* columns, int64_t stride, int64_t count, const RotationSweep& sweep) {
  for (int64_t i = 0; i < sweep.count; ++i) {
    double* a = columns + (sweep.first + i * sweep.step) * stride;
    double* b = a + sweep.step * stride;
    for (int64_t j = 0; j < count; ++j) {
      const double first = a[j];
      a[j] = sweep.cosines[i] * first + sweep.sines[i] * b[j];
      b[j] = sweep.cosines[i] * b[j] - sweep.sines[i] * first;
    }
  }
}

// All sweeps pass over a strip of columns before the next strip, which then stays in the L1 cache.
void rotate(double* rows, int64_t stride, int64_t columns, const RotationSweep* sweeps, int64_t count) {
  constexpr int width = vector_bytes == 64 ? 2 : 4;
  int64_t j = 0;
  for (; j + width * lanes <= columns; j += width * lanes) {
    for (int64_t i = 0; i < count; ++i) rotate_columns<width>(rows + j, stride, sweeps[i]);
  }
  for (; j + lanes <= columns; j += lanes) {
    for (int64_t i = 0; i < count; ++i) rotate_columns<1>(rows + j, stride, sweeps[i]);
  }
  for (int64_t i = 0; i < count && j < columns; ++i) rotate_few_columns(rows + j, stride, columns - j, sweeps[i]);
}

}  // namespace

void fill_spectra(SpectralKernels& table);

void fill_spectra(SpectralKernels& table) {
  table = {dot, add_scaled, reflect_row, update_symmetric, update_and_sum, multiply, rotate};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
