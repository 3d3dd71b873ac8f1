// Orthogonal factors, eigenvalues, singular values and pseudoinverses. float32, too, is computed in double precision.
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "backends/cpu/families.h"
#include "backends/cpu/linalg/batch.h"
#include "backends/cpu/linalg/qr.h"
#include "backends/cpu/linalg/spectra.h"
#include "backends/cpu/workspace.h"
#include "op/attrs/linalg.h"

namespace pydl::cpu {

namespace {

using Wide = Block<double>;

// About the number of multiplications of a decomposition, with its steps.
double cost_of(int64_t rows, int64_t columns) {
  const auto size = static_cast<double>(rows) * static_cast<double>(columns);
  return 10.0 * runtime::cost::multiply_add_from_memory * size * static_cast<double>(std::min(rows, columns));
}

template <class T>
bool widen(const Wide& to, const Block<T>& from) {
  bool finite = true;
  for (int64_t i = 0; i < to.rows; ++i) {
    for (int64_t j = 0; j < to.columns; ++j) {
      to(i, j) = static_cast<double>(from(i, j));
      finite = finite && std::isfinite(to(i, j));
    }
  }
  return finite;
}

template <class T>
void narrow(const Block<T>& to, const Wide& from) {
  for (int64_t i = 0; i < to.rows; ++i) {
    for (int64_t j = 0; j < to.columns; ++j) to(i, j) = static_cast<T>(from(i, j));
  }
}

template <class T>
void fill(const Block<T>& to, double value) {
  for (int64_t i = 0; i < to.rows; ++i) {
    for (int64_t j = 0; j < to.columns; ++j) to(i, j) = static_cast<T>(value);
  }
}

// A result, which is not a number if the matrix was not finite.
template <class T>
void write(const Block<T>& to, bool finite, const Wide& from) {
  if (finite) {
    narrow(to, from);
  } else {
    fill(to, std::nan(""));
  }
}

// Rows that are a power of two apart would share few places of the cache.
Wide take_block(Workspace& workspace, int64_t rows, int64_t columns) {
  const int64_t stride = columns >= 64 && columns % 16 == 0 ? columns + 8 : columns;
  return {workspace.take<double>(rows * stride), rows, columns, stride};
}

template <class T>
class QrKernel final : public Kernel {
 public:
  explicit QrKernel(const KernelCall& call)
      : x_(call.inputs[0], 2),
        q_(call.outputs[0], 2),
        r_(call.outputs[1], 2),
        parts_(x_.count(), cost_of(x_.rows(), x_.columns())) {
    Workspace workspace;
    divide(workspace);
    BlockedQr(x_.rows(), x_.columns(), q_.columns(), parts_.threads_of_each(), workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      const auto [a, q] = divide(workspace);
      BlockedQr qr(a.rows, a.columns, q.columns, parts_.threads_of_each(), workspace);
      widen(a, x_.at<T>(inputs[0], number));
      qr.run(a, q);
      narrow(q_.at<T>(outputs[0], number), q);
      const Block<T> r = r_.at<T>(outputs[1], number);
      narrow(r, a.part(0, 0, r.rows, r.columns));
      return true;
    });
  }

 private:
  // The matrix, and room for q.
  std::pair<Wide, Wide> divide(Workspace& workspace) const {
    const Wide a = take_block(workspace, x_.rows(), x_.columns());
    return {a, take_block(workspace, x_.rows(), q_.columns())};
  }

  MatrixBatch x_;
  MatrixBatch q_;
  MatrixBatch r_;
  BatchParts parts_;
};

template <class T>
class EighKernel final : public Kernel {
 public:
  explicit EighKernel(const KernelCall& call)
      : x_(call.inputs[0], 2),
        values_(call.outputs[0], 1),
        vectors_(call.outputs[1], 2),
        parts_(x_.count(), cost_of(x_.rows(), x_.rows())) {
    Workspace workspace;
    const Memory memory = divide(workspace);
    decompose_symmetric(memory.a, nullptr, memory.vectors, workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      const Memory memory = divide(workspace);
      const bool finite = read(x_.at<T>(inputs[0], number), memory.a);
      if (finite) decompose_symmetric(memory.a, memory.values.data, memory.vectors, workspace);
      write(values_.at<T>(outputs[0], number), finite, memory.values);
      write(vectors_.at<T>(outputs[1], number), finite, memory.vectors.transposed());
      return true;
    });
  }

 private:
  struct Memory {
    Wide a;
    Wide vectors;
    Wide values;
  };

  Memory divide(Workspace& workspace) const {
    const int64_t n = x_.rows();
    const Wide a = take_block(workspace, n, n);
    const Wide vectors = take_block(workspace, vectors_.columns(), n);
    return {a, vectors, take_block(workspace, 1, n)};
  }

  // The lower triangle, also in place of the upper one; returns whether it is finite.
  static bool read(const Block<T>& x, const Wide& a) {
    bool finite = true;
    for (int64_t i = 0; i < a.rows; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        a(i, j) = a(j, i) = static_cast<double>(x(i, j));
        finite = finite && std::isfinite(a(i, j));
      }
    }
    return finite;
  }

  MatrixBatch x_;
  MatrixBatch values_;
  MatrixBatch vectors_;
  BatchParts parts_;
};

// Of svd and pinv. Matrices with more columns than rows are transposed.
template <class T, OpId op>
class SvdKernel final : public Kernel {
 public:
  explicit SvdKernel(const KernelCall& call)
      : x_(call.inputs[0], 2),
        first_(call.outputs[0], 2),
        wide_(x_.rows() < x_.columns()),
        rows_(std::max(x_.rows(), x_.columns())),
        columns_(std::min(x_.rows(), x_.columns())),
        left_count_(columns_),
        right_count_(columns_),
        parts_(x_.count(), cost_of(rows_, columns_)) {
    if constexpr (op == OpId::svd) {
      values_ = MatrixBatch(call.outputs[1], 1);
      last_ = MatrixBatch(call.outputs[2], 2);
      const auto given = op::from_attrs<op::SvdAttrs>(call.attrs);
      if (given.full_matrices) left_count_ = rows_;
      if (!given.vectors) left_count_ = right_count_ = 0;
    } else if constexpr (op == OpId::pinv) {
      const double unit =
          sizeof(T) == 8 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
      rtol_ = op::from_attrs<op::PinvAttrs>(call.attrs).rtol.value_or(unit * static_cast<double>(rows_));
      each_rtol_ = call.inputs.size() > 1;
      if (each_rtol_) rtols_ = MatrixBatch(call.inputs[1], 0);
      counted_ = Products<double>(parts_.threads_of_each(), nullptr);
      Workspace none;
      const Memory memory = divide(none);
      subtract_product(memory, counted_);
    }
    Workspace workspace;
    const Memory memory = divide(workspace);
    decompose_rectangular(memory.a, nullptr, memory.left, memory.right, workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      const Memory memory = divide(workspace);
      const Block<T> x = x_.at<T>(inputs[0], number);
      const bool finite = widen(memory.a, wide_ ? x.transposed() : x);
      if (finite) decompose_rectangular(memory.a, memory.values.data, memory.left, memory.right, workspace);
      const Block<T> first = first_.at<T>(outputs[0], number);
      if constexpr (op == OpId::svd) {
        write(first, finite, memory.of_rows(wide_).transposed());
        write(values_.at<T>(outputs[1], number), finite, memory.values);
        write(last_.at<T>(outputs[2], number), finite, memory.of_columns(wide_));
      } else {
        const double rtol = each_rtol_ ? rtols_.at<double>(inputs[1], number)(0, 0) : rtol_;
        if (finite) invert(memory, rtol);
        write(first, finite, memory.inverse);
      }
      return true;
    });
  }

 private:
  struct Memory {
    Wide a;
    Wide left;
    Wide right;
    Wide values;
    Wide inverse;
    char* products;

    // The vectors of the rows of x, and those of its columns.
    const Wide& of_rows(bool wide) const { return wide ? right : left; }
    const Wide& of_columns(bool wide) const { return wide ? left : right; }
  };

  Memory divide(Workspace& workspace) const {
    Memory memory = {};
    memory.a = take_block(workspace, rows_, columns_);
    memory.left = take_block(workspace, left_count_, rows_);
    memory.right = take_block(workspace, right_count_, columns_);
    memory.values = take_block(workspace, 1, columns_);
    if constexpr (op == OpId::pinv) {
      memory.inverse = take_block(workspace, x_.columns(), x_.rows());
      // Without memory, the products would only count.
      memory.products = workspace.take<char>(static_cast<int64_t>(std::max<size_t>(counted_.bytes(), 1)));
    }
    return memory;
  }

  void subtract_product(const Memory& memory, Products<double>& products) const {
    products.subtract(memory.inverse, memory.of_columns(wide_).transposed(), memory.of_rows(wide_));
  }

  // The product of right and left vectors, with the reciprocals of the singular values that count.
  void invert(const Memory& memory, double rtol) const {
    const Wide& v = memory.of_columns(wide_);
    const double* values = memory.values.data;
    for (int64_t k = 0; k < columns_; ++k) {
      const double factor = values[k] > rtol * values[0] ? -1 / values[k] : 0;
      for (int64_t i = 0; i < v.columns; ++i) v(k, i) *= factor;
    }
    fill(memory.inverse, 0);
    Products<double> products(parts_.threads_of_each(), memory.products);
    products.divide_as(counted_);
    subtract_product(memory, products);
  }

  MatrixBatch x_;
  MatrixBatch first_;
  MatrixBatch values_;
  MatrixBatch last_;
  bool wide_;
  int64_t rows_;
  int64_t columns_;
  int64_t left_count_;
  int64_t right_count_;
  BatchParts parts_;
  Products<double> counted_{1, nullptr};
  double rtol_ = 0;
  bool each_rtol_ = false;
  MatrixBatch rtols_;
};

template <template <class> class KernelOf>
std::unique_ptr<Kernel> prepare_for_dtype(const KernelCall& call) {
  if (element_count(call.inputs[0].shape) == 0) return nullptr;
  switch (call.inputs[0].dtype) {
    case DType::float32: return std::make_unique<KernelOf<float>>(call);
    case DType::float64: return std::make_unique<KernelOf<double>>(call);
    default: return nullptr;
  }
}

template <class T>
using FullSvdKernel = SvdKernel<T, OpId::svd>;
template <class T>
using PinvKernel = SvdKernel<T, OpId::pinv>;

}  // namespace

void register_spectral_kernels(KernelTable& table) {
  table.add(OpId::qr, Provider::cpu, prepare_for_dtype<QrKernel>);
  table.add(OpId::eigh, Provider::cpu, prepare_for_dtype<EighKernel>);
  table.add(OpId::svd, Provider::cpu, prepare_for_dtype<FullSvdKernel>);
  table.add(OpId::pinv, Provider::cpu, prepare_for_dtype<PinvKernel>);
}

}  // namespace pydl::cpu
