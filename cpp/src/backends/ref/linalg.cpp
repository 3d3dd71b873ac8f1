// Factorisations of matrices by textbook algorithms, in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/linalg.h"
#include "op/batch_position.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr int most_sweeps = 60;

// A matrix in row-major order.
struct Mat {
  Mat(int64_t rows_in, int64_t columns_in)
      : rows(rows_in), columns(columns_in), values(static_cast<size_t>(rows_in * columns_in)) {}

  double* row(int64_t i) { return values.data() + i * columns; }
  const double* row(int64_t i) const { return values.data() + i * columns; }
  double& operator()(int64_t i, int64_t j) { return row(i)[j]; }
  double operator()(int64_t i, int64_t j) const { return row(i)[j]; }

  int64_t rows;
  int64_t columns;
  std::vector<double> values;
};

Mat identity(int64_t size) {
  Mat result(size, size);
  for (int64_t i = 0; i < size; ++i) result(i, i) = 1;
  return result;
}

Mat transposed(const Mat& a) {
  Mat result(a.columns, a.rows);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.columns; ++j) result(j, i) = a(i, j);
  }
  return result;
}

bool is_finite(const Mat& a) {
  return std::all_of(a.values.begin(), a.values.end(), [](double value) { return std::isfinite(value); });
}

double dot(const double* a, const double* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

void add_scaled(double* to, double factor, const double* from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

// --- operands -----------------------------------------------------------------------------------------------------

// The matrices of an operand: of its last two axes, or of fewer if `axes` says so, which are then one row.
class Matrices {
 public:
  Matrices(const BufferSpec& spec, void* data, int axes) : dtype_(spec.dtype), data_(data) {
    const int rank = spec.shape.rank();
    batch_ = Dims(std::span(spec.shape.begin(), static_cast<size_t>(rank - axes)));
    strides_ = Dims(std::span(spec.strides.begin(), static_cast<size_t>(rank - axes)));
    rows_ = axes > 1 ? spec.shape[rank - 2] : 1;
    columns_ = axes > 0 ? spec.shape[rank - 1] : 1;
    row_stride_ = axes > 1 ? spec.strides[rank - 2] : 0;
    column_stride_ = axes > 0 ? spec.strides[rank - 1] : 0;
  }

  int64_t count() const { return element_count(batch_); }
  const Dims& batch() const { return batch_; }

  Mat read(int64_t number) const {
    Mat result(rows_, columns_);
    visit([&](auto zero, int64_t i, int64_t j,
              int64_t offset) { result(i, j) = static_cast<double>(load<decltype(zero)>(data_, offset)); },
          number);
    return result;
  }

  template <class Values>
  void write(int64_t number, const Values& value_at) const {
    visit(
        [&](auto zero, int64_t i, int64_t j, int64_t offset) { store<decltype(zero)>(data_, offset, value_at(i, j)); },
        number);
  }

  void write(int64_t number, const Mat& values) const {
    write(number, [&](int64_t i, int64_t j) { return values(i, j); });
  }

 private:
  template <class Function>
  void visit(const Function& function, int64_t number) const {
    int64_t first = 0;
    for (int axis = batch_.rank() - 1; axis >= 0; --axis) {
      first += number % batch_[axis] * strides_[axis];
      number /= batch_[axis];
    }
    visit_dtype(dtype_, [&](auto zero) {
      for (int64_t i = 0; i < rows_; ++i) {
        for (int64_t j = 0; j < columns_; ++j) function(zero, i, j, first + i * row_stride_ + j * column_stride_);
      }
    });
  }

  DType dtype_;
  void* data_;
  Dims batch_;
  Dims strides_;
  int64_t rows_;
  int64_t columns_;
  int64_t row_stride_;
  int64_t column_stride_;
};

Matrices input(const RefCall& call, size_t i) { return {call.inputs[i], call.input_data[i], 2}; }
Matrices output(const RefCall& call, size_t i, int axes = 2) { return {call.outputs[i], call.output_data[i], axes}; }

// --- triangles ----------------------------------------------------------------------------------------------------

struct Lu {
  Mat factors;
  std::vector<int64_t> permutation;
  double sign = 1;
};

// Gaussian elimination. The pivot is the largest element on or below the diagonal.
Lu factorise(Mat a) {
  const int64_t n = a.rows;
  Lu result = {std::move(a), std::vector<int64_t>(static_cast<size_t>(n)), 1};
  Mat& lu = result.factors;
  std::iota(result.permutation.begin(), result.permutation.end(), int64_t{0});
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::abs(lu(i, k)) > std::abs(lu(pivot, k))) pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(lu.row(k), lu.row(k) + n, lu.row(pivot));
      std::swap(result.permutation[static_cast<size_t>(k)], result.permutation[static_cast<size_t>(pivot)]);
      result.sign = -result.sign;
    }
    if (lu(k, k) == 0) continue;
    for (int64_t i = k + 1; i < n; ++i) {
      lu(i, k) /= lu(k, k);
      add_scaled(lu.row(i) + k + 1, -lu(i, k), lu.row(k) + k + 1, n - k - 1);
    }
  }
  return result;
}

// Replaces b by the solution of a x = b for a triangle of a.
void solve_triangle(const Mat& a, const op::TriangularAttrs& attrs, Mat& b) {
  const int64_t n = a.rows;
  const bool from_below = attrs.upper != attrs.transpose;
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = from_below ? n - 1 - step : step;
    for (int64_t before = 0; before < step; ++before) {
      const int64_t k = from_below ? n - 1 - before : before;
      add_scaled(b.row(i), -(attrs.transpose ? a(k, i) : a(i, k)), b.row(k), b.columns);
    }
    if (attrs.unit_diagonal) continue;
    for (int64_t j = 0; j < b.columns; ++j) b(i, j) /= a(i, i);
  }
}

bool has_zero_on_diagonal(const Mat& a) {
  for (int64_t i = 0; i < a.rows; ++i) {
    if (a(i, i) == 0) return true;
  }
  return false;
}

void run_lu(const RefCall& call) {
  for (int64_t i = 0; i < input(call, 0).count(); ++i) {
    const Lu lu = factorise(input(call, 0).read(i));
    output(call, 0).write(i, lu.factors);
    output(call, 1, 1).write(i, [&](int64_t, int64_t j) { return lu.permutation[static_cast<size_t>(j)]; });
    output(call, 2, 0).write(i, [&](int64_t, int64_t) { return lu.sign; });
  }
}

void run_solve(const RefCall& call) {
  for (int64_t i = 0; i < input(call, 0).count(); ++i) {
    const Lu lu = factorise(input(call, 0).read(i));
    if (has_zero_on_diagonal(lu.factors)) {
      throw ValueError("solve: " + op::batch_position("the matrix", input(call, 0).batch(), i) + " is singular");
    }
    const Mat b = input(call, 1).read(i);
    Mat x(b.rows, b.columns);
    for (int64_t j = 0; j < b.rows; ++j) {
      std::copy_n(b.row(lu.permutation[static_cast<size_t>(j)]), b.columns, x.row(j));
    }
    solve_triangle(lu.factors, {.upper = false, .unit_diagonal = true}, x);
    solve_triangle(lu.factors, {.upper = true}, x);
    output(call, 0).write(i, x);
  }
}

void run_solve_triangular(const RefCall& call) {
  const auto attrs = op::from_attrs<op::TriangularAttrs>(call.attrs);
  for (int64_t i = 0; i < input(call, 0).count(); ++i) {
    const Mat a = input(call, 0).read(i);
    if (!attrs.unit_diagonal && has_zero_on_diagonal(a)) {
      throw ValueError("solve_triangular: " + op::batch_position("the matrix", input(call, 0).batch(), i) +
                       " is singular: it has a 0 on the diagonal");
    }
    Mat b = input(call, 1).read(i);
    solve_triangle(a, attrs, b);
    output(call, 0).write(i, b);
  }
}

void run_cholesky(const RefCall& call) {
  for (int64_t number = 0; number < input(call, 0).count(); ++number) {
    const Mat a = input(call, 0).read(number);
    Mat lower(a.rows, a.rows);
    for (int64_t i = 0; i < a.rows; ++i) {
      for (int64_t j = 0; j < i; ++j) lower(i, j) = (a(i, j) - dot(lower.row(i), lower.row(j), j)) / lower(j, j);
      const double square = a(i, i) - dot(lower.row(i), lower.row(i), i);
      if (!(square > 0)) {
        throw ValueError("cholesky: " + op::batch_position("the matrix", input(call, 0).batch(), number) +
                         " is not positive definite");
      }
      lower(i, i) = std::sqrt(square);
    }
    output(call, 0).write(number, lower);
  }
}

// --- orthogonal factors -------------------------------------------------------------------------------------------

// The root of the sum of squares, which may be out of range themselves.
double length_of(const double* values, int64_t count, int64_t step) {
  double scale = 0;
  for (int64_t i = 0; i < count; ++i) scale += std::abs(values[i * step]);
  if (scale == 0 || !std::isfinite(scale)) return scale;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += (values[i * step] / scale) * (values[i * step] / scale);
  return scale * std::sqrt(sum);
}

// The reflection I - tau v v^T of each column.
struct Reflections {
  std::vector<std::vector<double>> v;  // reflection k begins in row k
  std::vector<double> tau;

  void apply(size_t k, Mat& a, int64_t first_column) const {
    if (tau[k] == 0) return;
    const auto count = static_cast<int64_t>(v[k].size());
    const int64_t columns = a.columns - first_column;
    std::vector<double> sums(static_cast<size_t>(columns));
    for (int64_t i = 0; i < count; ++i) {
      add_scaled(sums.data(), v[k][static_cast<size_t>(i)], a.row(static_cast<int64_t>(k) + i) + first_column, columns);
    }
    for (int64_t i = 0; i < count; ++i) {
      add_scaled(a.row(static_cast<int64_t>(k) + i) + first_column, -tau[k] * v[k][static_cast<size_t>(i)], sums.data(),
                 columns);
    }
  }
};

// Makes a upper triangular. The signs are those of LAPACK.
Reflections triangularise(Mat& a) {
  Reflections result;
  for (int64_t k = 0; k < std::min(a.rows, a.columns); ++k) {
    const double rest = length_of(a.row(k) + k + a.columns, a.rows - k - 1, a.columns);
    const double first = a(k, k);
    std::vector<double> v(static_cast<size_t>(a.rows - k), 0.0);
    v[0] = 1;
    double tau = 0;
    if (rest != 0) {
      const double diagonal = -std::copysign(std::hypot(first, rest), first);
      tau = (diagonal - first) / diagonal;
      for (int64_t i = k + 1; i < a.rows; ++i) v[static_cast<size_t>(i - k)] = a(i, k) / (first - diagonal);
    }
    result.v.push_back(std::move(v));
    result.tau.push_back(tau);
    result.apply(static_cast<size_t>(k), a, k);
    for (int64_t i = k + 1; i < a.rows; ++i) a(i, k) = 0;
  }
  return result;
}

// The product of the reflections, in its first `columns` columns.
Mat orthogonal_factor(const Reflections& reflections, int64_t rows, int64_t columns) {
  Mat q(rows, columns);
  for (int64_t i = 0; i < std::min(rows, columns); ++i) q(i, i) = 1;
  for (size_t k = reflections.tau.size(); k-- > 0;) reflections.apply(k, q, 0);
  return q;
}

void run_qr(const RefCall& call) {
  const int64_t inner = call.outputs[0].shape.back();
  for (int64_t i = 0; i < input(call, 0).count(); ++i) {
    Mat r = input(call, 0).read(i);
    const Reflections reflections = triangularise(r);
    output(call, 0).write(i, orthogonal_factor(reflections, r.rows, inner));
    output(call, 1).write(i, r);
  }
}

// The rotation that makes two vectors with these products orthogonal.
struct Rotation {
  Rotation(double aa, double bb, double ab) {
    const double zeta = (bb - aa) / (2 * ab);
    const double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + std::hypot(1.0, zeta));
    cosine = 1 / std::hypot(1.0, tangent);
    sine = cosine * tangent;
  }

  void apply(double* a, double* b, int64_t count, int64_t step = 1) const {
    for (int64_t i = 0; i < count; ++i) {
      const double first = a[i * step];
      const double second = b[i * step];
      a[i * step] = cosine * first - sine * second;
      b[i * step] = sine * first + cosine * second;
    }
  }

  double cosine;
  double sine;
};

std::vector<int64_t> order_of(const std::vector<double>& values, bool descending) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const double first = values[static_cast<size_t>(a)];
    const double second = values[static_cast<size_t>(b)];
    return descending ? first > second : first < second;
  });
  return order;
}

// Jacobi's method: rotations of pairs of rows and columns until all elements off the diagonal are negligible.
void diagonalise(Mat& a, Mat& vectors) {
  const int64_t n = a.rows;
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool changed = false;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        if (std::abs(a(i, j)) <= epsilon * 0.5 * std::sqrt(std::abs(a(i, i))) * std::sqrt(std::abs(a(j, j)))) continue;
        // What no number feels is dropped: sweeps would not end if it came back.
        if (std::abs(a(i, j)) < std::numeric_limits<double>::min()) continue;
        const Rotation rotation(a(i, i), a(j, j), a(i, j));
        rotation.apply(a.row(i), a.row(j), n);
        rotation.apply(a.row(0) + i, a.row(0) + j, n, n);
        rotation.apply(vectors.row(i), vectors.row(j), n);
        a(i, j) = a(j, i) = 0;
        changed = true;
      }
    }
    if (!changed) return;
  }
}

void run_eigh(const RefCall& call) {
  for (int64_t number = 0; number < input(call, 0).count(); ++number) {
    Mat a = input(call, 0).read(number);
    const int64_t n = a.rows;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) a(i, j) = a(j, i);
    }
    Mat vectors = identity(n);
    if (is_finite(a)) {
      diagonalise(a, vectors);
    } else {
      for (Mat* each : {&a, &vectors}) std::fill(each->values.begin(), each->values.end(), std::nan(""));
    }
    std::vector<double> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(a(i, i));
    const std::vector<int64_t> order = order_of(values, false);
    const auto source = [&](int64_t j) { return order[static_cast<size_t>(j)]; };
    output(call, 0, 1).write(number, [&](int64_t, int64_t j) { return a(source(j), source(j)); });
    output(call, 1).write(number, [&](int64_t i, int64_t j) { return vectors(source(j), i); });
  }
}

// --- singular values ----------------------------------------------------------------------------------------------

struct Svd {
  Mat u;  // (rows, count)
  std::vector<double> s;
  Mat v;  // (columns, count)
};

// Rotates the rows of `a` until they are orthogonal to each other, and those of `v` with them.
void orthogonalise(Mat& a, Mat& v) {
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool changed = false;
    for (int64_t i = 0; i < a.rows; ++i) {
      for (int64_t j = i + 1; j < a.rows; ++j) {
        const double ii = dot(a.row(i), a.row(i), a.columns);
        const double jj = dot(a.row(j), a.row(j), a.columns);
        const double ij = dot(a.row(i), a.row(j), a.columns);
        if (!(std::abs(ij) > epsilon * std::sqrt(ii) * std::sqrt(jj))) continue;
        const Rotation rotation(ii, jj, ij);
        rotation.apply(a.row(i), a.row(j), a.columns);
        rotation.apply(v.row(i), v.row(j), v.columns);
        changed = true;
      }
    }
    if (!changed) return;
  }
}

// Appends orthonormal columns: those of the complete factor of the given ones.
Mat completed(const Mat& columns, int64_t count) {
  if (columns.columns == count) return columns;
  Mat r = columns;
  const Reflections reflections = triangularise(r);
  Mat result = orthogonal_factor(reflections, columns.rows, count);
  for (int64_t i = 0; i < columns.rows; ++i) std::copy_n(columns.row(i), columns.columns, result.row(i));
  return result;
}

// One-sided Jacobi: the columns of a are rotated until they are orthogonal. Their lengths are the singular values.
Svd decompose_tall(const Mat& a) {
  double scale = 0;
  for (const double value : a.values) scale = std::max(scale, std::abs(value));
  if (scale == 0) scale = 1;
  Mat rows = transposed(a);
  for (double& value : rows.values) value /= scale;
  const int64_t count = a.columns;
  Mat rotations = identity(count);
  orthogonalise(rows, rotations);
  std::vector<double> lengths;
  for (int64_t i = 0; i < count; ++i) lengths.push_back(length_of(rows.row(i), a.rows, 1));
  const std::vector<int64_t> order = order_of(lengths, true);
  // Columns of length 0 have no direction, and what rounding left of them has a wrong one.
  const double least = count > 0 ? lengths[static_cast<size_t>(order[0])] * epsilon * 1e-3 : 0;
  int64_t kept = 0;
  while (kept < count && lengths[static_cast<size_t>(order[static_cast<size_t>(kept)])] > least) ++kept;
  Mat u(a.rows, kept);
  Svd result = {Mat(0, 0), {}, Mat(count, count)};
  for (int64_t j = 0; j < count; ++j) {
    const int64_t from = order[static_cast<size_t>(j)];
    const double length = lengths[static_cast<size_t>(from)];
    result.s.push_back(length * scale);
    for (int64_t i = 0; i < count; ++i) result.v(i, j) = rotations(from, i);
    for (int64_t i = 0; i < a.rows && j < kept; ++i) u(i, j) = rows(from, i) / length;
  }
  result.u = completed(u, count);
  return result;
}

Svd decompose(const Mat& a) {
  if (!is_finite(a)) {
    const int64_t count = std::min(a.rows, a.columns);
    Svd result = {Mat(a.rows, count), std::vector<double>(static_cast<size_t>(count), std::nan("")),
                  Mat(a.columns, count)};
    for (Mat* each : {&result.u, &result.v}) std::fill(each->values.begin(), each->values.end(), std::nan(""));
    return result;
  }
  if (a.rows >= a.columns) return decompose_tall(a);
  Svd result = decompose_tall(transposed(a));
  std::swap(result.u, result.v);
  return result;
}

void run_svd(const RefCall& call) {
  for (int64_t number = 0; number < input(call, 0).count(); ++number) {
    const Svd svd = decompose(input(call, 0).read(number));
    output(call, 1, 1).write(number, [&](int64_t, int64_t i) { return svd.s[static_cast<size_t>(i)]; });
    if (!op::from_attrs<op::SvdAttrs>(call.attrs).vectors) continue;
    const Mat u = completed(svd.u, call.outputs[0].shape.back());
    const Mat v = completed(svd.v, call.outputs[2].shape[call.outputs[2].shape.rank() - 2]);
    output(call, 0).write(number, u);
    output(call, 2).write(number, [&](int64_t i, int64_t j) { return v(j, i); });
  }
}

void run_pinv(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const auto larger = static_cast<double>(std::max(x.shape.back(), x.shape[x.shape.rank() - 2]));
  const double unit = x.dtype == DType::float64 ? epsilon : std::numeric_limits<float>::epsilon();
  const double common = op::from_attrs<op::PinvAttrs>(call.attrs).rtol.value_or(larger * unit);
  for (int64_t number = 0; number < input(call, 0).count(); ++number) {
    const double rtol =
        call.inputs.size() > 1 ? Matrices(call.inputs[1], call.input_data[1], 0).read(number)(0, 0) : common;
    const Svd svd = decompose(input(call, 0).read(number));
    Mat result(svd.v.rows, svd.u.rows);
    for (size_t k = 0; k < svd.s.size() && !(svd.s[k] <= rtol * svd.s[0]); ++k) {
      const auto column = static_cast<int64_t>(k);
      for (int64_t i = 0; i < result.rows; ++i) {
        for (int64_t j = 0; j < result.columns; ++j) result(i, j) += svd.v(i, column) / svd.s[k] * svd.u(j, column);
      }
    }
    output(call, 0).write(number, result);
  }
}

}  // namespace

void register_linalg(KernelTable& table) {
  table.add(OpId::lu_factor, Provider::ref, prepare<run_lu>);
  table.add(OpId::solve, Provider::ref, prepare<run_solve>);
  table.add(OpId::solve_triangular, Provider::ref, prepare<run_solve_triangular>);
  table.add(OpId::cholesky, Provider::ref, prepare<run_cholesky>);
  table.add(OpId::qr, Provider::ref, prepare<run_qr>);
  table.add(OpId::eigh, Provider::ref, prepare<run_eigh>);
  table.add(OpId::svd, Provider::ref, prepare<run_svd>);
  table.add(OpId::pinv, Provider::ref, prepare<run_pinv>);
}

}  // namespace pydl::backends::ref
