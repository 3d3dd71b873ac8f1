// Orthogonal factors, eigenvalues, singular values and pseudoinverses.
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "backends/cpu/families.h"
#include "backends/cpu/linalg/batch.h"
#include "backends/cpu/linalg/qr.h"
#include "backends/cpu/linalg/scaling.h"
#include "backends/cpu/linalg/spectra.h"
#include "backends/cpu/workspace.h"
#include "op/attrs/linalg.h"

namespace pydl::cpu {

namespace {

// About the number of multiplications of a decomposition, with its steps.
double cost_of(int64_t rows, int64_t columns) {
  const auto size = static_cast<double>(rows) * static_cast<double>(columns);
  return 10.0 * runtime::cost::multiply_add_from_memory * size * static_cast<double>(std::min(rows, columns));
}

template <class T>
void fill(const Block<T>& to, double value) {
  for (int64_t i = 0; i < to.rows; ++i) {
    for (int64_t j = 0; j < to.columns; ++j) to(i, j) = static_cast<T>(value);
  }
}

template <class T>
void write_values(const Block<T>& to, const double* values, const Scaling<T>& scaling) {
  for (int64_t i = 0; i < to.columns; ++i) {
    to(0, i) = static_cast<T>(scaling.is_finite() ? scaling.restored(values[i]) : values[i]);
  }
}

template <class T>
class QrKernel final : public Kernel {
 public:
  explicit QrKernel(const KernelCall& call)
      : x_(call.inputs[0], 2),
        q_(call.outputs[0], 2),
        r_(call.outputs[1], 2),
        parts_(x_.count(), cost_of(x_.rows(), x_.columns())),
        counted_(BlockedQr<T>::count(x_.rows(), x_.columns(), q_.columns(), parts_.threads_of_each())) {
    Workspace workspace;
    prepare(workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      auto [a, qr] = prepare(workspace);
      const Block<T> x = x_.at<T>(inputs[0], number);
      const Block<T> q = q_.at<T>(outputs[0], number);
      const Block<T> r = r_.at<T>(outputs[1], number);
      // Within these bounds, no sum of products is out of range.
      const auto scaling = Scaling<T>::into_range(largest_of(x));
      scaling.copy(a, x);
      qr.run(a, q, r);
      scaling.restore(r);
      return true;
    });
  }

 private:
  std::pair<Block<T>, BlockedQr<T>> prepare(Workspace& workspace) const {
    const Block<T> a = take_rows<T>(workspace, x_.rows(), x_.columns());
    return {a, BlockedQr<T>(x_.rows(), x_.columns(), q_.columns(), parts_.threads_of_each(), counted_, workspace)};
  }

  MatrixBatch x_;
  MatrixBatch q_;
  MatrixBatch r_;
  BatchParts parts_;
  Products<T> counted_;
};

template <class T>
class EighKernel final : public Kernel {
 public:
  explicit EighKernel(const KernelCall& call)
      : x_(call.inputs[0], 2),
        values_(call.outputs[0], 1),
        vectors_(call.outputs[1], 2),
        parts_(x_.count(), cost_of(x_.rows(), x_.rows())),
        counted_(SymmetricSpectrum<T>::count(x_.rows(), vectors_.columns() > 0, parts_.threads_of_each())) {
    Workspace workspace;
    prepare(workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      Work work = prepare(workspace);
      const Block<T> x = x_.at<T>(inputs[0], number);
      const auto scaling = Scaling<T>::to_one(largest_of_lower(x));
      const Block<T> vectors = vectors_.at<T>(outputs[1], number);
      if (scaling.is_finite()) {
        scaling.copy_lower(work.a, x);
        work.spectrum.run(work.a, work.values, work.vectors);
        copy_transposed(vectors, work.vectors);
      } else {
        std::fill(work.values, work.values + x.rows, std::nan(""));
        fill(vectors, std::nan(""));
      }
      write_values(values_.at<T>(outputs[0], number), work.values, scaling);
      return true;
    });
  }

 private:
  struct Work {
    Block<T> a;
    Block<T> vectors;
    double* values;
    SymmetricSpectrum<T> spectrum;
  };

  Work prepare(Workspace& workspace) const {
    const int64_t n = x_.rows();
    const Block<T> a = take_rows<T>(workspace, n, n);
    const Block<T> vectors = take_rows<T>(workspace, vectors_.columns(), n);
    auto* values = workspace.take<double>(n);
    return {a, vectors, values, SymmetricSpectrum<T>(n, vectors.rows > 0, counted_, workspace)};
  }

  MatrixBatch x_;
  MatrixBatch values_;
  MatrixBatch vectors_;
  BatchParts parts_;
  Products<T> counted_;
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
      const double unit = std::numeric_limits<T>::epsilon();
      rtol_ = op::from_attrs<op::PinvAttrs>(call.attrs).rtol.value_or(unit * static_cast<double>(rows_));
      each_rtol_ = call.inputs.size() > 1;
      if (each_rtol_) rtols_ = MatrixBatch(call.inputs[1], 0);
      T nothing = 0;
      counted_inverse_ = Products<T>(parts_.threads_of_each(), nullptr);
      multiply_vectors(first_.at<T>(&nothing, 0), block_like(&nothing, columns_, rows_),
                       block_like(&nothing, columns_, columns_), counted_inverse_);
    }
    counted_ = RectangularSpectrum<T>::count(rows_, columns_, left_count_, parts_.threads_of_each());
    Workspace workspace;
    prepare(workspace);
    scratchpad_bytes = parts_.reserve(workspace.used());
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    parts_.run(context.scratchpad, [&](int64_t number, char* scratchpad) {
      Workspace workspace(scratchpad);
      Work work = prepare(workspace);
      const Block<T> x = x_.at<T>(inputs[0], number);
      const auto scaling = Scaling<T>::to_one(largest_of(x));
      if (scaling.is_finite()) {
        scaling.copy(work.a, wide_ ? x.transposed() : x);
        work.spectrum.run(work.a, work.values, work.left, work.right);
      } else {
        std::fill(work.values, work.values + columns_, std::nan(""));
      }
      const Block<T> first = first_.at<T>(outputs[0], number);
      if constexpr (op == OpId::svd) {
        const Block<T> last = last_.at<T>(outputs[2], number);
        write_values(values_.at<T>(outputs[1], number), work.values, scaling);
        if (scaling.is_finite()) {
          copy_transposed(first, wide_ ? work.right : work.left);
          copy_block(last, wide_ ? work.left : work.right);
        } else {
          fill(first, std::nan(""));
          fill(last, std::nan(""));
        }
      } else if (scaling.is_finite()) {
        invert(work, each_rtol_ ? rtols_.at<double>(inputs[1], number)(0, 0) : rtol_, first);
        scaling.remove(first);
      } else {
        fill(first, std::nan(""));
      }
      return true;
    });
  }

 private:
  struct Work {
    Block<T> a;
    Block<T> left;
    Block<T> right;
    double* values;
    RectangularSpectrum<T> spectrum;
    Products<T> products;
  };

  Work prepare(Workspace& workspace) const {
    const Block<T> a = take_rows<T>(workspace, rows_, columns_);
    const Block<T> left = take_rows<T>(workspace, left_count_, rows_);
    const Block<T> right = take_rows<T>(workspace, right_count_, columns_);
    auto* values = workspace.take<double>(columns_);
    RectangularSpectrum<T> spectrum(rows_, columns_, left_count_, counted_, workspace);
    return {a, left, right, values, spectrum, counted_inverse_.with_memory(workspace)};
  }

  void multiply_vectors(const Block<T>& inverse, const Block<T>& left, const Block<T>& right,
                        Products<T>& products) const {
    products.multiply(inverse, (wide_ ? left : right).transposed(), wide_ ? right : left);
  }

  // The product of right and left vectors, with the reciprocals of the singular values that count.
  void invert(Work& work, double rtol, const Block<T>& inverse) const {
    for (int64_t k = 0; k < columns_; ++k) {
      const auto factor = static_cast<T>(work.values[k] > rtol * work.values[0] ? 1 / work.values[k] : 0);
      for (int64_t i = 0; i < work.right.columns; ++i) work.right(k, i) *= factor;
    }
    multiply_vectors(inverse, work.left, work.right, work.products);
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
  Products<T> counted_{1, nullptr};
  Products<T> counted_inverse_{1, nullptr};
  double rtol_ = 0;
  bool each_rtol_ = false;
  MatrixBatch rtols_;
};

template <template <class> class KernelOf>
std::unique_ptr<Kernel> prepare_for_dtype(const KernelCall& call) {
  if (element_count(call.inputs[0].shape) == 0) return nullptr;
  for (const BufferSpec& output : call.outputs) {
    if (!is_contiguous(output.shape, output.strides)) return nullptr;
  }
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
