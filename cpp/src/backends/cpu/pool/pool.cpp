// Pooling of row-major and channels-last tensors.
#include <algorithm>
#include <cstring>
#include <limits>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/pool_geometry.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

using op::PoolGeometry;
using op::Window;

// The number of elements for which waking a thread pays off.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
// The number of channels of one piece of a gradient, if there are too few images to keep all threads busy.
constexpr int64_t channel_block = 64;

// One side of a pooling, an input or an output, of shape (N, C, S0, S1, S2).
struct Side {
  int64_t image;  // strides in elements
  int64_t channel;
  std::array<int64_t, 3> axes;

  Side(const PoolGeometry::Sizes& sizes, int64_t channels, Layout layout) {
    const int64_t size = sizes[0] * sizes[1] * sizes[2];
    const int64_t step = layout == Layout::channels_last ? channels : 1;
    image = channels * size;
    channel = layout == Layout::channels_last ? 1 : size;
    axes = {sizes[1] * sizes[2] * step, sizes[2] * step, step};
  }
};

class PoolKernel final : public Kernel {
 public:
  PoolKernel(const KernelCall& call, PoolGeometry geometry, Layout layout)
      : op_(call.op),
        geometry_(std::move(geometry)),
        x_(geometry_.input, geometry_.channels, layout),
        y_(geometry_.output, geometry_.channels, layout),
        unit_(call.op == OpId::max_pool_with_indices ? x_.axes[2] : 1),
        steps_{x_.axes[0] / unit_, x_.axes[1] / unit_, x_.axes[2] / unit_},
        planes_(layout == Layout::row_major),
        item_(static_cast<int64_t>(item_size(call.outputs[0].dtype))),
        kernels_(kernels().pool[call.outputs[0].dtype == DType::float64 ? 1 : 0]) {
    for (size_t axis = 0; axis < 3; ++axis) {
      windows_overlap_ = windows_overlap_ || overlap(geometry_.windows[axis]);
      windows_cover_ = windows_cover_ && cover(geometry_.windows[axis], geometry_.input[axis]);
    }
    if (op_ == OpId::avg_pool || op_ == OpId::avg_pool_backward) divisors_ = op::pool_divisors(call.attrs, geometry_);
    find_runs();
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* first = static_cast<const char*>(inputs[0]);
    auto* result = static_cast<char*>(outputs[0]);
    const size_t overwrites = windows_overlap_ ? 0 : 1;
    switch (op_) {
      case OpId::max_pool:
        return forward([&](const Piece& p) {
          kernels_.max(first + p.x * item_, p.shape, p.row, p.channels, result + p.y * item_);
        });
      case OpId::max_pool_with_indices: {
        auto* indices = static_cast<int64_t*>(outputs[1]);
        return forward([&](const Piece& p) {
          kernels_.max_with_indices(first + p.x * item_, p.shape, p.row, p.channels, p.position, result + p.y * item_,
                                    indices + p.y);
        });
      }
      case OpId::avg_pool:
        return forward([&](const Piece& p) {
          kernels_.sum(first + p.x * item_, p.shape, p.row, p.channels, p.scale, result + p.y * item_);
        });
      case OpId::max_pool_backward: {
        const auto* x = static_cast<const char*>(inputs[1]);
        return backward(result, [&](const Piece& p) {
          kernels_.max_backward[overwrites](x + p.x * item_, first + p.y * item_, p.shape, p.row, p.channels,
                                            result + p.x * item_);
        });
      }
      default:
        return backward(result, [&](const Piece& p) {
          kernels_.spread[overwrites](first + p.y * item_, p.shape, p.row, p.channels, p.scale, result + p.x * item_);
        });
    }
  }

 private:
  // A row of windows of some channels: the offsets of the first window's first element and of its result, and the
  // distance of that element from the beginning of the image, in the unit of steps in x.
  struct Piece {
    int64_t x;
    int64_t y;
    int64_t position;
    WindowShape shape;
    WindowRow row;
    int64_t channels;
    double scale;
  };

  // The number of images and planes, or of images alone: the units whose channels are contiguous.
  int64_t outer_count() const { return geometry_.batch * (planes_ ? geometry_.channels : 1); }

  // Rows of the output are distributed over threads.
  template <class Function>
  void forward(const Function& function) const {
    const auto& t = geometry_.output;
    const int64_t channels = planes_ ? 1 : geometry_.channels;
    const int64_t grain = elements_per_thread / std::max<int64_t>(t[2] * channels, 1);
    runtime::parallel_for(outer_count() * t[0] * t[1], grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        pool_row(row / (t[0] * t[1]), row / t[1] % t[0], row % t[1], 0, channels, function);
      }
    });
  }

  // Windows may overlap, so all windows that share an element of dx are processed by one thread.
  template <class Function>
  void backward(char* dx, const Function& function) const {
    const auto& t = geometry_.output;
    const int64_t channels = planes_ ? 1 : geometry_.channels;
    const bool by_images = outer_count() >= 4 * runtime::thread_count() || channels <= channel_block;
    const int64_t block = by_images ? channels : channel_block;
    const int64_t blocks = (channels + block - 1) / block;
    const int64_t grain = elements_per_thread / std::max<int64_t>(geometry_.input_size() * block, 1);
    runtime::parallel_for(outer_count() * blocks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t first = piece % blocks * block;
        const int64_t width = std::min(block, channels - first);
        if (windows_overlap_ || !windows_cover_) clear(dx, piece / blocks, first, width);
        for (int64_t row = 0; row < t[0] * t[1]; ++row) {
          pool_row(piece / blocks, row / t[1], row % t[1], first, width, function);
        }
      }
    });
  }

  void clear(char* dx, int64_t outer, int64_t first, int64_t width) const {
    const int64_t size = geometry_.input_size();
    char* from = dx + (outer_offset(x_, outer) + first) * item_;
    if (planes_ || width == geometry_.channels) {
      std::memset(from, 0, static_cast<size_t>(size * width * item_));
      return;
    }
    for (int64_t i = 0; i < size; ++i) {
      std::memset(from + i * geometry_.channels * item_, 0, static_cast<size_t>(width * item_));
    }
  }

  int64_t outer_offset(const Side& side, int64_t outer) const {
    if (!planes_) return outer * side.image;
    return outer / geometry_.channels * side.image + outer % geometry_.channels * side.channel;
  }

  template <class Function>
  void pool_row(int64_t outer, int64_t i, int64_t j, int64_t first, int64_t width, const Function& function) const {
    const Window& a = geometry_.windows[0][static_cast<size_t>(i)];
    const Window& b = geometry_.windows[1][static_cast<size_t>(j)];
    const int64_t x = outer_offset(x_, outer) + first;
    const int64_t y = outer_offset(y_, outer) + i * y_.axes[0] + j * y_.axes[1] + first;
    Piece piece = {0, 0, 0, {{a.count, b.count, 0}, {a.step * steps_[0], b.step * steps_[1], 0}}, {}, width, 1.0};
    for (const Run& run : runs_) {
      const Window& c = geometry_.windows[2][static_cast<size_t>(run.first)];
      piece.position = a.first * steps_[0] + b.first * steps_[1] + c.first * steps_[2];
      piece.x = x + piece.position * unit_;
      piece.y = y + run.first * y_.axes[2];
      piece.shape.count[2] = c.count;
      piece.shape.stride[2] = c.step * steps_[2];
      piece.row = {run.positions, run.step * steps_[2], y_.axes[2]};
      if (!divisors_[0].empty()) piece.scale = 1.0 / static_cast<double>(divisor(i, j, run.first));
      function(piece);
    }
  }

  // Cuts the last axis into runs of windows that differ only in where they begin, always by the same step.
  void find_runs() {
    const std::vector<Window>& windows = geometry_.windows[2];
    for (size_t k = 0; k < windows.size(); ++k) {
      const auto position = static_cast<int64_t>(k);
      const bool alike = k > 0 && windows[k].count == windows[k - 1].count && windows[k].step == windows[k - 1].step &&
                         (divisors_[2].empty() || divisors_[2][k] == divisors_[2][k - 1]);
      const int64_t step = k > 0 ? windows[k].first - windows[k - 1].first : 0;
      if (alike && (runs_.back().positions == 1 || runs_.back().step == step)) {
        ++runs_.back().positions;
        runs_.back().step = step;
      } else {
        runs_.push_back({position, 1, 0});
      }
    }
  }

  int64_t divisor(int64_t i, int64_t j, int64_t k) const {
    return divisors_[0][static_cast<size_t>(i)] * divisors_[1][static_cast<size_t>(j)] *
           divisors_[2][static_cast<size_t>(k)];
  }

  // Whether every element is in some window.
  static bool cover(const std::vector<Window>& windows, int64_t size) {
    int64_t end = 0;
    for (const Window& window : windows) {
      if (window.first > end || (window.step != 1 && window.count > 1)) return false;
      end = std::max(end, window.first + window.count);
    }
    return end >= size;
  }

  // Whether an element may be in several windows.
  static bool overlap(const std::vector<Window>& windows) {
    for (size_t t = 1; t < windows.size(); ++t) {
      const Window& before = windows[t - 1];
      if (before.first + before.step * (before.count - 1) >= windows[t].first) return true;
    }
    return false;
  }

  struct Run {
    int64_t first;
    int64_t positions;
    int64_t step;  // from one to the next, in elements along the axis
  };

  OpId op_;
  PoolGeometry geometry_;
  std::vector<Run> runs_;  // of the last axis
  Side x_;
  Side y_;
  int64_t unit_;                  // of steps in x: an element, or a position where indices are computed
  std::array<int64_t, 3> steps_;  // between neighbours along each axis of x, in this unit
  bool windows_overlap_ = false;
  bool windows_cover_ = true;
  bool planes_;  // row-major: one channel at a time
  int64_t item_;
  PoolKernels kernels_;
  std::array<std::vector<int64_t>, 3> divisors_;
};

std::unique_ptr<Kernel> prepare_pool(const KernelCall& call) {
  const BufferSpec& result = call.outputs[0];
  if (result.dtype != DType::float32 && result.dtype != DType::float64) return nullptr;
  if (element_count(result.shape) == 0 || element_count(call.inputs[0].shape) == 0) return nullptr;
  const Layout layout = layout_of(result);
  const auto fits = [&](const BufferSpec& spec) {
    return layout == Layout::channels_last ? is_channels_last(spec.shape, spec.strides)
                                           : is_contiguous(spec.shape, spec.strides);
  };
  if (!std::ranges::all_of(call.inputs, fits) || !std::ranges::all_of(call.outputs, fits)) return nullptr;
  const bool is_gradient = call.op == OpId::max_pool_backward || call.op == OpId::avg_pool_backward;
  const Dims& x = is_gradient ? result.shape : call.inputs[0].shape;
  const Dims& y = is_gradient ? call.inputs[0].shape : result.shape;
  PoolGeometry geometry = op::pool_geometry(call.attrs, x, y);
  // Vectors of channels have offsets of 32 bits.
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (call.op == OpId::max_pool_with_indices && geometry.input_size() > most) return nullptr;
  return std::make_unique<PoolKernel>(call, std::move(geometry), layout);
}

}  // namespace

void register_pool(KernelTable& table) {
  for (const OpId id : {OpId::max_pool, OpId::max_pool_with_indices, OpId::max_pool_backward, OpId::avg_pool,
                        OpId::avg_pool_backward}) {
    table.add(id, Provider::cpu, adapted<prepare_pool, as_output>);
  }
}

}  // namespace pydl::cpu
