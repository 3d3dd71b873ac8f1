// Normalisation of contiguous rows with weights and biases. The gradients of the weights are summed in parts, whose
// number depends on shapes alone, so that results do not depend on the number of threads.
#include <algorithm>
#include <array>
#include <cstdint>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "backends/cpu/rounding.h"
#include "backends/cpu/workspace.h"
#include "op/scaled_rows.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of elements for which waking a thread pays off, and the least number of elements of one part of the sums.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
constexpr int64_t elements_per_part = 16384;
constexpr int64_t most_parts = 32;
// Terms of a weight's gradient that are added in the type of the computation before the sum continues in double.
constexpr int64_t terms_at_once = 16;

// The index into KernelSet::scaled_norm, or -1 for dtypes that are converted first.
int kernel_index(DType dtype) {
  switch (dtype) {
    case DType::float32: return 0;
    case DType::float64: return 1;
    case DType::bfloat16: return 2;
    default: return -1;
  }
}

// T is the type of the computation, in which weights and biases are given.
template <class T>
class ScaledRowKernel : public Kernel {
 public:
  ScaledRowKernel(const KernelCall& call, size_t x)
      : kernels_(kernels().scaled_norm[kernel_index(call.inputs[x].dtype)]) {
    const auto attrs = op::from_attrs<op::NormalizeAttrs>(call.attrs);
    rows_ = op::ScaledRows::of(attrs, call.inputs[x], call.inputs[x + 1].shape);
    row_ = {rows_.runs, rows_.inner, attrs.epsilon, attrs.center};
    const auto item = static_cast<int64_t>(item_size(call.inputs[x].dtype));
    row_bytes_ = rows_.length() * item;
    const int64_t smallest = rows_.inner > 1 ? rows_.inner * item : row_bytes_;
    streams_ = item == sizeof(T) && smallest % 64 == 0 && rows_.rows * row_bytes_ >= runtime::bytes_beyond_caches();
  }

 protected:
  const T* of_row(const void* weights, int64_t row) const {
    return static_cast<const T*>(weights) + row % rows_.cycle() * rows_.runs;
  }
  bool streams_to(const void* y) const { return streams_ && reinterpret_cast<uintptr_t>(y) % 64 == 0; }

  const ScaledNormKernels& kernels_;
  op::ScaledRows rows_;
  ScaledRow row_;
  int64_t row_bytes_;
  bool streams_;
};

template <class T>
class ScaledForward final : public ScaledRowKernel<T> {
 public:
  explicit ScaledForward(const KernelCall& call) : ScaledRowKernel<T>(call, 0), has_bias_(call.inputs.size() > 2) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const char*>(inputs[0]);
    auto* y = static_cast<char*>(outputs[0]);
    const bool streams = this->streams_to(y);
    runtime::parallel_for(
        this->rows_.rows, elements_per_thread / this->rows_.length() + 1, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            const int64_t offset = row * this->row_bytes_;
            this->kernels_.forward[streams](x + offset, y + offset, this->row_, this->of_row(inputs[1], row),
                                            has_bias_ ? this->of_row(inputs[2], row) : nullptr);
          }
          if (streams) kernels().copy.finish_streams();
        });
  }

 private:
  bool has_bias_;
};

template <class T>
class ScaledBackward final : public ScaledRowKernel<T> {
 public:
  explicit ScaledBackward(const KernelCall& call) : ScaledRowKernel<T>(call, 1) {
    const auto& rows = this->rows_;
    const int64_t elements = rows.rows * rows.length();
    // Parts of few rows would write as much as they read.
    const int64_t enough = std::min(elements / elements_per_part, elements / (rows.weights * terms_at_once));
    parts_ = std::clamp<int64_t>(std::min(enough, most_parts), 1, rows.rows);
    Workspace workspace;
    take(workspace);
    this->scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const Buffers buffers = take(workspace);
    const int64_t rows_per_part = ceil_div(this->rows_.rows, parts_);
    runtime::parallel_for(parts_, elements_per_thread / (rows_per_part * this->rows_.length()) + 1,
                          [&](int64_t begin, int64_t end) {
                            for (int64_t part = begin; part < end; ++part) {
                              const int64_t last = std::min((part + 1) * rows_per_part, this->rows_.rows);
                              run_part(buffers, part, part * rows_per_part, last, inputs, outputs[0]);
                            }
                          });
    const int64_t weights = this->rows_.weights;
    for (int64_t part = 1; part < parts_; ++part) {
      kernels().add_rows[1](buffers.totals, buffers.totals + part * 2 * weights, 2 * weights);
    }
    auto* dweight = static_cast<T*>(outputs[1]);
    auto* dbias = static_cast<T*>(outputs[2]);
    for (int64_t i = 0; i < weights; ++i) {
      dweight[i] = static_cast<T>(buffers.totals[i]);
      dbias[i] = static_cast<T>(buffers.totals[weights + i]);
    }
  }

 private:
  // Of every part: the sums of the weights, followed by those of the biases.
  struct Buffers {
    T* sums;
    double* totals;
    double* along;
  };
  Buffers take(Workspace& workspace) const {
    T* sums = workspace.take<T>(parts_ * 2 * this->rows_.weights);
    double* totals = workspace.take<double>(parts_ * 2 * this->rows_.weights);
    return {sums, totals, workspace.take<double>(parts_ * this->rows_.runs)};
  }

  void run_part(const Buffers& buffers, int64_t part, int64_t first, int64_t last, void* const* inputs,
                void* output) const {
    const int64_t weights = this->rows_.weights;
    const int64_t cycle = this->rows_.cycle();
    T* sums = buffers.sums + part * 2 * weights;
    double* totals = buffers.totals + part * 2 * weights;
    std::fill_n(sums, 2 * weights, T(0));
    std::fill_n(totals, 2 * weights, 0.0);
    const bool streams = this->streams_to(output);
    for (int64_t row = first; row < last; ++row) {
      const int64_t offset = row * this->row_bytes_;
      T* dweight = sums + row % cycle * this->rows_.runs;
      this->kernels_.backward[streams](static_cast<const char*>(inputs[0]) + offset,
                                       static_cast<const char*>(inputs[1]) + offset,
                                       static_cast<char*>(output) + offset, this->row_, this->of_row(inputs[2], row),
                                       dweight, dweight + weights, buffers.along + part * this->rows_.runs);
      if ((row - first + 1) % (terms_at_once * cycle) == 0) this->kernels_.flush(sums, totals, 2 * weights);
    }
    this->kernels_.flush(sums, totals, 2 * weights);
    if (streams) kernels().copy.finish_streams();
  }

  int64_t parts_ = 1;
};

// The dtype of the computation, which weights and biases must have.
DType computed_in(DType dtype) { return dtype == DType::bfloat16 ? DType::float32 : dtype; }

template <template <class> class KernelOf, size_t x_input>
std::unique_ptr<Kernel> prepare_scaled(const KernelCall& call) {
  const BufferSpec& x = call.inputs[x_input];
  if (kernel_index(x.dtype) < 0 || element_count(x.shape) == 0) return nullptr;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const BufferSpec& input = call.inputs[i];
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
    if (i > x_input && input.dtype != computed_in(x.dtype)) return nullptr;
  }
  if (x.dtype == DType::float64) return std::make_unique<KernelOf<double>>(call);
  return std::make_unique<KernelOf<float>>(call);
}

}  // namespace

void register_scaled_norm(KernelTable& table) {
  table.add(OpId::scaled_normalize, Provider::cpu, adapted<prepare_scaled<ScaledForward, 0>>);
  table.add(OpId::scaled_normalize_backward, Provider::cpu, adapted<prepare_scaled<ScaledBackward, 1>>);
}

}  // namespace pydl::cpu
