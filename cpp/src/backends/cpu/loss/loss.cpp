// Cross-entropy of logits and class indices, computed with the softmax kernels.
#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/loss.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

using op::LossReduction;

namespace {

// The number of elements for which waking a thread pays off.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
// The number of columns of one piece of work.
constexpr int64_t chunk_length = 64;
// Rows of up to this many classes would leave vectors half empty, and each would end in sums across a vector. Such rows
// are transposed, a few at a time, and become columns.
constexpr int64_t few_classes = 32;
constexpr int64_t rows_at_once = 32;

// Logits as (outer, classes, inner) and targets as (outer, inner), cut into pieces of one outer index and some columns.
template <class T>
class CrossEntropy : public Kernel {
 public:
  CrossEntropy(const op::CrossEntropyAttrs& attrs, const BufferSpec& logits, SoftmaxOp op)
      : kernels_(kernels().softmax[op][std::is_same_v<T, double> ? 1 : 0]),
        reduction_(attrs.reduction),
        ignored_(attrs.ignore_index) {
    const auto axis = static_cast<int>(attrs.axis);
    classes_ = logits.shape[axis];
    for (int i = 0; i < axis; ++i) outer_ *= logits.shape[i];
    for (int i = axis + 1; i < logits.shape.rank(); ++i) inner_ *= logits.shape[i];
    by_tiles_ = inner_ == 1 && classes_ <= few_classes && outer_ > 1;
    if (by_tiles_) std::swap(outer_, inner_);
    width_ = std::min(inner_, by_tiles_ ? rows_at_once : chunk_length);
    chunks_ = (inner_ + width_ - 1) / width_;
  }

 protected:
  struct Piece {
    int64_t logits;  // offset of its first column, in elements
    int64_t targets;
    int64_t columns;
  };

  Piece piece(int64_t index) const {
    const int64_t first = index % chunks_ * width_;
    const int64_t outer = index / chunks_;
    const int64_t logits = by_tiles_ ? first * classes_ : outer * classes_ * inner_ + first;
    return {logits, outer * inner_ + first, std::min(width_, inner_ - first)};
  }

  int64_t piece_count() const { return outer_ * chunks_; }
  int64_t grain() const { return elements_per_thread / (classes_ * width_); }

  // Computes softmax or log-softmax of a piece; the classes of `y` are `stride()` apart.
  void normalise(const T* x, T* y, int64_t columns) const {
    if (by_tiles_) {
      transpose(x, classes_, y, rows_at_once, columns, classes_);
      kernels_.columns(y, nullptr, y, classes_, columns, rows_at_once);
    } else if (inner_ == 1) {
      kernels_.row(x, nullptr, y, classes_);
    } else {
      kernels_.columns(x, nullptr, y, classes_, columns, inner_);
    }
  }

  int64_t stride() const { return by_tiles_ ? rows_at_once : inner_; }

  // y[j][i] = x[i][j]
  static void transpose(const T* x, int64_t x_stride, T* y, int64_t y_stride, int64_t rows, int64_t columns) {
    constexpr auto size = static_cast<int64_t>(sizeof(T));
    kernels().copy.transpose[size == 8 ? 3 : 2](x, x_stride * size, y, y_stride * size, rows, columns);
  }

  // Returns how many targets count. Throws for one that is not a class, before anything is written.
  int64_t check(const int64_t* targets) const {
    int64_t counted = 0;
    for (int64_t i = 0; i < outer_ * inner_; ++i) {
      if (targets[i] == ignored_) continue;
      if (targets[i] < 0 || targets[i] >= classes_) {
        throw IndexError(concat_text("cross_entropy: class index ", targets[i], " is outside the ", classes_,
                                     " classes, and not ignore_index ", ignored_));
      }
      ++counted;
    }
    return counted;
  }

  SoftmaxKernels kernels_;
  LossReduction reduction_;
  int64_t ignored_;
  int64_t outer_ = 1;
  int64_t classes_;
  int64_t inner_ = 1;  // the rows, if they become columns
  bool by_tiles_;
  int64_t width_;   // columns of a piece
  int64_t chunks_;  // pieces of one outer index
};

template <class T>
class CrossEntropyForward final : public CrossEntropy<T> {
 public:
  CrossEntropyForward(const op::CrossEntropyAttrs& attrs, const BufferSpec& logits)
      : CrossEntropy<T>(attrs, logits, log_softmax_forward) {
    parts_ = std::min<int64_t>(runtime::usual_parts_per_thread * runtime::thread_count(), this->piece_count());
    part_elements_ = this->classes_ * this->stride() + 16;
    losses_bytes_ = (this->outer_ * this->inner_ * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    this->scratchpad_bytes =
        static_cast<size_t>(losses_bytes_ + parts_ * part_elements_ * static_cast<int64_t>(sizeof(T)));
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    const auto* targets = static_cast<const int64_t*>(inputs[1]);
    const int64_t counted = this->check(targets);
    auto* y = static_cast<T*>(outputs[0]);
    T* losses = this->reduction_ == LossReduction::none ? y : static_cast<T*>(context.scratchpad);
    T* rows = reinterpret_cast<T*>(static_cast<char*>(context.scratchpad) + losses_bytes_);
    const int64_t pieces = this->piece_count();
    const int64_t useful = std::max<int64_t>(this->grain() * parts_ / std::max<int64_t>(pieces, 1), 1);
    runtime::parallel_for(parts_, useful, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        for (int64_t i = part * pieces / parts_; i < (part + 1) * pieces / parts_; ++i) {
          pick(x, targets, this->piece(i), rows + part * part_elements_, losses);
        }
      }
    });
    if (this->reduction_ == LossReduction::none) return;
    double total = 0;
    for (int64_t i = 0; i < this->outer_ * this->inner_; ++i) total += static_cast<double>(losses[i]);
    *y = static_cast<T>(this->reduction_ == LossReduction::mean ? total / static_cast<double>(counted) : total);
  }

 private:
  void pick(const T* x, const int64_t* targets, const typename CrossEntropy<T>::Piece& piece, T* row, T* losses) const {
    this->normalise(x + piece.logits, row, piece.columns);
    for (int64_t j = 0; j < piece.columns; ++j) {
      const int64_t target = targets[piece.targets + j];
      losses[piece.targets + j] = target == this->ignored_ ? T(0) : -row[target * this->stride() + j];
    }
  }

  int64_t parts_;
  int64_t part_elements_;
  int64_t losses_bytes_;
};

template <class T>
class CrossEntropyBackward final : public CrossEntropy<T> {
 public:
  CrossEntropyBackward(const op::CrossEntropyAttrs& attrs, const BufferSpec& logits)
      : CrossEntropy<T>(attrs, logits, softmax_forward) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* g = static_cast<const T*>(inputs[0]);
    const auto* x = static_cast<const T*>(inputs[1]);
    const auto* targets = static_cast<const int64_t*>(inputs[2]);
    auto* y = static_cast<T*>(outputs[0]);
    const int64_t counted = this->check(targets);
    const T share = this->reduction_ == LossReduction::mean ? T(1) / static_cast<T>(counted) : T(1);
    runtime::parallel_for(this->piece_count(), this->grain(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto piece = this->piece(i);
        T tile[few_classes * rows_at_once];
        T* p = this->by_tiles_ ? tile : y + piece.logits;
        this->normalise(x + piece.logits, p, piece.columns);
        subtract_and_scale(p, targets + piece.targets, piece.columns, [&](int64_t j) {
          return share * g[this->reduction_ == LossReduction::none ? piece.targets + j : 0];
        });
        if (this->by_tiles_) {
          this->transpose(tile, rows_at_once, y + piece.logits, this->classes_, this->classes_, piece.columns);
        }
      }
    });
  }

 private:
  // Replaces the softmax with weight * (softmax - onehot), column by column.
  template <class Weight>
  void subtract_and_scale(T* p, const int64_t* targets, int64_t columns, const Weight& weight) const {
    const int64_t stride = this->stride();
    T weights[chunk_length];
    bool all_count = true;
    for (int64_t j = 0; j < columns; ++j) {
      const bool counts = targets[j] != this->ignored_;
      all_count = all_count && counts;
      weights[j] = counts ? weight(j) : T(0);
      if (counts) p[targets[j] * stride + j] -= T(1);
    }
    if (stride == 1) {
      for (int64_t k = 0; k < this->classes_; ++k) p[k] *= weights[0];
    } else {
      for (int64_t k = 0; k < this->classes_; ++k) {
        T* row = p + k * stride;
        for (int64_t j = 0; j < columns; ++j) row[j] *= weights[j];
      }
    }
    if (all_count) return;
    // An infinity in a column that does not count must not become NaN.
    for (int64_t j = 0; j < columns; ++j) {
      if (targets[j] != this->ignored_) continue;
      for (int64_t k = 0; k < this->classes_; ++k) p[k * stride + j] = T(0);
    }
  }
};

template <template <class> class CrossEntropyKernel, size_t logits_input>
std::unique_ptr<Kernel> prepare_cross_entropy(const KernelCall& call) {
  const BufferSpec& logits = call.inputs[logits_input];
  if (logits.dtype != DType::float32 && logits.dtype != DType::float64) return nullptr;
  if (element_count(logits.shape) == 0) return nullptr;
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  const auto attrs = op::from_attrs<op::CrossEntropyAttrs>(call.attrs);
  if (logits.dtype == DType::float64) return std::make_unique<CrossEntropyKernel<double>>(attrs, logits);
  return std::make_unique<CrossEntropyKernel<float>>(attrs, logits);
}

}  // namespace

void register_loss(KernelTable& table) {
  table.add(OpId::softmax_cross_entropy, Provider::cpu, adapted<prepare_cross_entropy<CrossEntropyForward, 0>>);
  table.add(OpId::softmax_cross_entropy_backward, Provider::cpu,
            adapted<prepare_cross_entropy<CrossEntropyBackward, 1>>);
}

}  // namespace pydl::cpu
