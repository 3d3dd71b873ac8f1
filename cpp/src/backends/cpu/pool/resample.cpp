// Resampling of row-major and channels-last tensors, one result row at a time: first the input rows that it depends on
// are added up, then positions are sampled along the row.
#include <algorithm>
#include <limits>
#include <optional>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/resample_taps.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

using op::ResampleGeometry;
using op::Taps;

// The number of multiply-adds for which waking a thread pays off.
constexpr int64_t work_per_thread = runtime::worth_a_thread(runtime::cost::element_accumulated);

// Weighted sums of rows. Result i has the taps [begin[i], begin[i + 1]), with offsets in elements.
template <class T>
struct RowSums {
  std::vector<int64_t> begin = {0};
  std::vector<int64_t> offsets;
  std::vector<T> weights;

  int64_t count(size_t i) const { return begin[i + 1] - begin[i]; }
  /// Whether result i is an unchanged row.
  bool is_row(size_t i) const { return count(i) == 1 && weights[static_cast<size_t>(begin[i])] == T(1); }
};

// The products of the taps of both outer axes.
template <class T>
RowSums<T> outer_sums(const ResampleGeometry& geometry, int64_t row_length) {
  const Taps& a = geometry.taps[0];
  const Taps& b = geometry.taps[1];
  RowSums<T> sums;
  for (size_t i = 0; i + 1 < a.begin.size(); ++i) {
    for (size_t j = 0; j + 1 < b.begin.size(); ++j) {
      for (auto k = static_cast<size_t>(a.begin[i]); k < static_cast<size_t>(a.begin[i + 1]); ++k) {
        for (auto l = static_cast<size_t>(b.begin[j]); l < static_cast<size_t>(b.begin[j + 1]); ++l) {
          sums.offsets.push_back((a.index[k] * geometry.input[1] + b.index[l]) * row_length);
          sums.weights.push_back(static_cast<T>(a.weight[k] * b.weight[l]));
        }
      }
      sums.begin.push_back(static_cast<int64_t>(sums.offsets.size()));
    }
  }
  return sums;
}

template <class T>
RowSums<T> inner_sums(const Taps& taps, int64_t inner) {
  RowSums<T> sums = {taps.begin, {}, {taps.weight.begin(), taps.weight.end()}};
  for (const int64_t index : taps.index) sums.offsets.push_back(index * inner);
  return sums;
}

// The taps of a row of single elements, as arrays that contain one tap for all positions. Positions with fewer taps
// than others read the zero that follows the row.
template <class T>
struct Gather {
  int64_t count = 0;
  bool reads_zero = false;
  std::vector<int32_t> index;
  std::vector<T> weights;

  Gather(const Taps& taps, int64_t row_length) {
    const int64_t length = taps.size();
    for (int64_t i = 0; i < length; ++i) count = std::max(count, taps.count(i));
    index.assign(static_cast<size_t>(count * length), static_cast<int32_t>(row_length));
    weights.assign(index.size(), T(0));
    for (int64_t i = 0; i < length; ++i) {
      reads_zero = reads_zero || taps.count(i) < count;
      for (int64_t k = 0; k < taps.count(i); ++k) {
        const auto tap = static_cast<size_t>(taps.begin[static_cast<size_t>(i)] + k);
        index[static_cast<size_t>(k * length + i)] = static_cast<int32_t>(taps.index[tap]);
        weights[static_cast<size_t>(k * length + i)] = static_cast<T>(taps.weight[tap]);
      }
    }
  }

  // Whether a gather is worth its padding.
  static bool suits(const Taps& taps, int64_t row_length) {
    int64_t most = 0;
    for (int64_t i = 0; i < taps.size(); ++i) most = std::max(most, taps.count(i));
    const auto total = static_cast<int64_t>(taps.index.size());
    return row_length < std::numeric_limits<int32_t>::max() && most * taps.size() <= 4 * total + 64;
  }
};

// The tensor as (outer, S0, S1, S2, inner), where inner is 1, or the channels if these come last.
template <class T>
class ResampleKernel final : public Kernel {
 public:
  ResampleKernel(const ResampleGeometry& geometry, int64_t outer, int64_t inner)
      : kernels_(kernels().resample[sizeof(T) == 8 ? 1 : 0]),
        outer_(outer),
        inner_(inner),
        rows_(geometry.output[0] * geometry.output[1]),
        from_length_(geometry.input[2] * inner),
        to_length_(geometry.output[2] * inner),
        image_(geometry.input[0] * geometry.input[1] * from_length_),
        across_(outer_sums<T>(geometry, from_length_)),
        along_(inner_sums<T>(geometry.taps[2], inner)) {
    if (inner == 1 && Gather<T>::suits(geometry.taps[2], from_length_)) gather_.emplace(geometry.taps[2], from_length_);
    const auto taps_along = static_cast<int64_t>(along_.offsets.size()) * inner;
    const auto taps_across = static_cast<int64_t>(across_.offsets.size()) * from_length_;
    const int64_t work = outer_ * (rows_ * taps_along + taps_across);
    parts_ = std::clamp<int64_t>(work / work_per_thread, 1, runtime::thread_count());
    // A row and the zero after it.
    buffer_ = (from_length_ + 1 + 15) / 16 * 16;
    scratchpad_bytes = static_cast<size_t>(parts_ * buffer_) * sizeof(T);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<T*>(outputs[0]);
    const int64_t count = outer_ * rows_;
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        T* buffer = static_cast<T*>(context.scratchpad) + part * buffer_;
        buffer[from_length_] = T(0);
        for (int64_t row = part * count / parts_; row < (part + 1) * count / parts_; ++row) {
          const T* image = x + row / rows_ * image_;
          resample_row(sum_across(image, static_cast<size_t>(row % rows_), buffer), y + row * to_length_);
        }
      }
    });
  }

 private:
  // The weighted sum of input rows that result row `row` is made from.
  const T* sum_across(const T* image, size_t row, T* buffer) const {
    const auto first = static_cast<size_t>(across_.begin[row]);
    const bool needs_zero = gather_ && gather_->reads_zero;
    if (!needs_zero && across_.is_row(row)) return image + across_.offsets[first];
    kernels_.rows(image, &across_.offsets[first], &across_.weights[first], across_.count(row), from_length_, buffer);
    return buffer;
  }

  void resample_row(const T* row, T* y) const {
    if (gather_) {
      kernels_.gather(row, gather_->index.data(), gather_->weights.data(), gather_->count, to_length_, y);
      return;
    }
    for (size_t i = 0; i + 1 < along_.begin.size(); ++i) {
      const auto first = static_cast<size_t>(along_.begin[i]);
      kernels_.rows(row, along_.offsets.data() + first, along_.weights.data() + first, along_.count(i), inner_,
                    y + static_cast<int64_t>(i) * inner_);
    }
  }

  ResampleKernels kernels_;
  int64_t outer_;
  int64_t inner_;
  int64_t rows_;  // result rows for each outer index
  int64_t from_length_;
  int64_t to_length_;
  int64_t image_;
  RowSums<T> across_;
  RowSums<T> along_;
  std::optional<Gather<T>> gather_;  // set if elements are single
  int64_t parts_;
  int64_t buffer_;
};

std::unique_ptr<Kernel> prepare_resample(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  if (x.dtype != DType::float32 && x.dtype != DType::float64) return nullptr;
  if (element_count(y.shape) == 0) return nullptr;
  const bool row_major = is_contiguous(x.shape, x.strides) && is_contiguous(y.shape, y.strides);
  if (!row_major && !(is_channels_last(x.shape, x.strides) && is_channels_last(y.shape, y.strides))) return nullptr;
  const int64_t outer = x.shape[0] * (row_major ? x.shape[1] : 1);
  const int64_t inner = row_major ? 1 : x.shape[1];
  const ResampleGeometry geometry = op::resample_geometry(call);
  if (x.dtype == DType::float64) return std::make_unique<ResampleKernel<double>>(geometry, outer, inner);
  return std::make_unique<ResampleKernel<float>>(geometry, outer, inner);
}

}  // namespace

void register_resample(KernelTable& table) {
  table.add(OpId::resample, Provider::cpu, adapted<prepare_resample, as_output>);
  table.add(OpId::resample_backward, Provider::cpu, adapted<prepare_resample, as_output>);
}

}  // namespace pydl::cpu
