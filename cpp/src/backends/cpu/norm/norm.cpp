// Normalisation: by channel, of row-major or channels-last tensors, and of contiguous rows.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "backends/cpu/workspace.h"
#include "op/attrs/norm.h"
#include "op/post_operations.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of elements for which waking a thread pays off, and the number of elements of one part of a sum.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
constexpr int64_t elements_per_part = 16384;
// The minimum number of rows of channels that one part sums.
constexpr int64_t rows_per_sum = 64;
// The maximum number of parts of a sum. It depends on shapes alone, so that results do not depend on the number of
// threads.
constexpr int64_t most_parts = 32;
// The number of elements of each channel whose mean is close enough to the true one to be subtracted before squares are
// summed.
constexpr int64_t samples = 8;

// The index into KernelSet::norm, or nothing for dtypes that are converted first.
std::optional<int> kernel_index(DType dtype) {
  switch (dtype) {
    case DType::float32: return 0;
    case DType::float64: return 1;
    case DType::bfloat16: return 2;
    default: return std::nullopt;
  }
}

// The layout of the elements of (N, C, ...): rows of channels, or N times C runs of one channel each.
struct ChannelForm {
  bool by_columns = false;
  int64_t outer = 0;  // rows; or N
  int64_t channels = 0;
  int64_t run = 1;    // elements of a run
  int64_t count = 0;  // elements per channel
  // Short rows are joined, so that vectors are full: this many rows become one with as many times the channels.
  int64_t fold = 1;

  int64_t width() const { return channels * fold; }
  int64_t wide_rows() const { return outer / fold; }
  int64_t rows_left() const { return outer % fold; }
};

int64_t fold_of(int64_t rows, int64_t channels) {
  constexpr int64_t widest_vector = 16;
  if (channels >= 4 * widest_vector) return 1;
  int64_t fold = widest_vector / std::gcd(channels, widest_vector);
  while (fold * channels < 4 * widest_vector) fold *= 2;
  return fold <= rows ? fold : 1;
}

std::optional<ChannelForm> form_of(const BufferSpec& x) {
  ChannelForm form;
  form.channels = x.shape[1];
  form.count = element_count(x.shape) / form.channels;
  if (is_channels_last(x.shape, x.strides)) {
    form.by_columns = true;
    form.outer = form.count;
    form.fold = fold_of(form.outer, form.channels);
    return form;
  }
  if (!is_contiguous(x.shape, x.strides)) return std::nullopt;
  form.outer = x.shape[0];
  form.run = form.count / form.outer;
  return form;
}

bool lies_as(const ChannelForm& form, const BufferSpec& spec) {
  return form.by_columns ? is_channels_last(spec.shape, spec.strides) : is_contiguous(spec.shape, spec.strides);
}

// The upper bound of the activation after the normalisation: NaN for `relu`, which has none; nothing if there is no
// activation.
std::optional<double> largest_activation(std::string_view activation) {
  if (activation == "relu") return std::numeric_limits<double>::quiet_NaN();
  if (activation == "relu6") return 6.0;
  return std::nullopt;
}

// What the kernels by channel share. T is the type of the computation.
template <class T>
class ChannelKernel : public Kernel {
 public:
  ChannelKernel(const KernelCall& call, const BufferSpec& x, const ChannelForm& form, int index)
      : kernels_(kernels().norm[index]), form_(form), item_size_(static_cast<int64_t>(item_size(x.dtype))) {
    for (const BufferSpec& input : call.inputs) dtypes_.push_back(input.dtype);
    if (!call.attrs.empty()) epsilon_ = op::from_attrs<op::BatchNormAttrs>(call.attrs).epsilon;
  }

 protected:
  // Reads one number per channel and converts them to T.
  void read(size_t input, const void* from, T* to) const {
    visit_dtype(dtypes_[input], [&](auto zero) {
      using S = decltype(zero);
      const auto* values = static_cast<const S*>(from);
      for (int64_t i = 0; i < form_.channels; ++i) {
        if constexpr (std::is_same_v<S, Float16> || std::is_same_v<S, BFloat16>) {
          to[i] = static_cast<T>(values[i].to_float());
        } else {
          to[i] = static_cast<T>(values[i]);
        }
      }
    });
  }

  // Repeats the constants of one row for the rows that are joined.
  void repeat(T* values) const {
    for (int64_t i = 1; i < form_.fold; ++i) {
      std::copy_n(values, form_.channels, values + i * form_.channels);
    }
  }

  // Memory for the constants of a gate, for joined rows.
  struct GateRoom {
    T* scale;
    T* shift;
  };
  GateRoom take_gate(Workspace& workspace) const {
    T* scale = workspace.take<T>(form_.width());
    return {scale, workspace.take<T>(form_.width())};
  }
  // The gate whose scales are in `room` and whose shifts are input number `input`.
  NormGate gate(const GateRoom& room, size_t input, const void* shift, double most) const {
    read(input, shift, room.shift);
    for (T* values : {room.scale, room.shift}) repeat(values);
    return {room.scale, room.shift, most};
  }
  static NormGate gate_of(const NormGate& gate, int64_t channel) {
    return {static_cast<const T*>(gate.scale) + channel, static_cast<const T*>(gate.shift) + channel, gate.most};
  }

  const NormKernels& kernels_;
  ChannelForm form_;
  int64_t item_size_;
  std::vector<DType> dtypes_;
  double epsilon_ = 0;
};

// --- sums ------------------------------------------------------------------------------------------

template <class T>
class SumKernel : public ChannelKernel<T> {
 public:
  SumKernel(const KernelCall& call, const BufferSpec& x, const ChannelForm& form, int index, bool gradient)
      : ChannelKernel<T>(call, x, form, index), gradient_(gradient) {
    const int64_t rows = form.by_columns ? form.wide_rows() : form.outer;
    int64_t enough = form.count * form.channels / elements_per_part;
    // Parts with few rows would write as much as they read.
    if (form.by_columns) enough = std::min(enough, rows / rows_per_sum);
    // Runs are cut along N only as far as there are too few channels to keep the threads busy.
    const int64_t wanted = form.by_columns ? most_parts : (most_parts + form.channels - 1) / form.channels;
    parts_ = std::clamp<int64_t>(std::min(enough, wanted), 1, std::max<int64_t>(rows, 1));
  }

 protected:
  struct Buffers {
    T* shift;       // for joined rows
    double* sums;   // 2 * channels: the results
    double* parts;  // 2 * width for each part
  };
  Buffers take(Workspace& workspace) const {
    const int64_t width = this->form_.width();
    T* shift = workspace.take<T>(width);
    double* sums = workspace.take<double>(2 * this->form_.channels);
    return {shift, sums, workspace.take<double>(parts_ * 2 * width)};
  }

  // Computes the sums of all channels into `buffers.sums`.
  void sum(const void* g, const void* x, const NormGate* gate, const Buffers& buffers) const {
    const int64_t width = this->form_.width();
    std::fill_n(buffers.parts, parts_ * 2 * width, 0.0);
    if (this->form_.by_columns) {
      sum_columns(static_cast<const char*>(g), static_cast<const char*>(x), gate, buffers);
    } else {
      sum_runs(static_cast<const char*>(g), static_cast<const char*>(x), gate, buffers);
    }
    unite(buffers);
  }

 private:
  void sum_columns(const char* g, const char* x, const NormGate* gate, const Buffers& buffers) const {
    const ChannelForm& form = this->form_;
    const int64_t width = form.width();
    const int64_t row_bytes = width * this->item_size_;
    const int64_t rows_per_part = (form.wide_rows() + parts_ - 1) / parts_;
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = std::min(part * rows_per_part, form.wide_rows());
        const int64_t rows = std::min(rows_per_part, form.wide_rows() - first);
        const char* from = gradient_ ? g + first * row_bytes : nullptr;
        this->kernels_.sum_columns[gradient_](from, x + first * row_bytes, rows, width, buffers.shift, gate,
                                              buffers.parts + part * 2 * width);
      }
    });
  }

  void sum_runs(const char* g, const char* x, const NormGate* gate, const Buffers& buffers) const {
    const ChannelForm& form = this->form_;
    const int64_t rows_per_part = (form.outer + parts_ - 1) / parts_;
    const int64_t grain = elements_per_thread * parts_ / form.count + 1;
    runtime::parallel_for(parts_ * form.channels, grain, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t part = item / form.channels;
        const int64_t channel = item % form.channels;
        double sums[2] = {0, 0};
        const NormGate own = gate == nullptr ? NormGate{} : this->gate_of(*gate, channel);
        for (int64_t n = part * rows_per_part; n < std::min((part + 1) * rows_per_part, form.outer); ++n) {
          const int64_t offset = (n * form.channels + channel) * form.run * this->item_size_;
          this->kernels_.sum_run[gradient_](gradient_ ? g + offset : nullptr, x + offset, form.run,
                                            buffers.shift + channel, gate == nullptr ? nullptr : &own, sums);
        }
        buffers.parts[part * 2 * form.channels + channel] = sums[0];
        buffers.parts[(part * 2 + 1) * form.channels + channel] = sums[1];
      }
    });
  }

  // Adds up the parts, then the separate sums of joined rows.
  void unite(const Buffers& buffers) const {
    const ChannelForm& form = this->form_;
    const AddKernel add = kernels().add_rows[1];
    const int64_t width = form.width();
    for (int64_t part = 1; part < parts_; ++part) add(buffers.parts, buffers.parts + part * 2 * width, 2 * width);
    std::fill_n(buffers.sums, 2 * form.channels, 0.0);
    for (int64_t i = 0; i < form.fold; ++i) {
      add(buffers.sums, buffers.parts + i * form.channels, form.channels);
      add(buffers.sums + form.channels, buffers.parts + width + i * form.channels, form.channels);
    }
  }

 protected:
  // Sums the rows that remain after others are joined.
  void sum_rows_left(const char* g, const char* x, const NormGate* gate, const Buffers& buffers) const {
    const ChannelForm& form = this->form_;
    if (!form.by_columns || form.rows_left() == 0) return;
    const int64_t offset = form.wide_rows() * form.width() * this->item_size_;
    this->kernels_.sum_columns[gradient_](gradient_ ? g + offset : nullptr, x + offset, form.rows_left(), form.channels,
                                          buffers.shift, gate, buffers.sums);
  }

  bool gradient_;
  int64_t parts_ = 1;
};

template <class T>
class StatisticsKernel final : public SumKernel<T> {
 public:
  StatisticsKernel(const KernelCall& call, const ChannelForm& form, int index)
      : SumKernel<T>(call, call.inputs[0], form, index, false), dtype_(call.inputs[0].dtype) {
    Workspace workspace;
    this->take(workspace);
    this->scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const auto buffers = this->take(workspace);
    const int64_t channels = this->form_.channels;
    guess_means(inputs[0], buffers);
    this->repeat(buffers.shift);
    this->sum(nullptr, inputs[0], nullptr, buffers);
    this->sum_rows_left(nullptr, static_cast<const char*>(inputs[0]), nullptr, buffers);
    auto* means = static_cast<T*>(outputs[0]);
    auto* variances = static_cast<T*>(outputs[1]);
    const auto n = static_cast<double>(this->form_.count);
    for (int64_t i = 0; i < channels; ++i) {
      const double mean = buffers.sums[i] / n;
      const double variance = buffers.sums[channels + i] / n - mean * mean;
      means[i] = static_cast<T>(static_cast<double>(buffers.shift[i]) + mean);
      variances[i] = static_cast<T>(variance < 0 ? 0 : variance);
    }
  }

 private:
  // Computes the means of a few elements of each channel, taken from all over the tensor. Squares of differences from
  // these means can be summed without cancellation.
  void guess_means(const void* x, const typename SumKernel<T>::Buffers& buffers) const {
    const ChannelForm& form = this->form_;
    std::fill_n(buffers.shift, form.channels, T(0));
    std::fill_n(buffers.sums, 2 * form.channels, 0.0);
    const int64_t taken = std::min(samples, form.count);
    for (int64_t i = 0; i < taken; ++i) {
      const int64_t position = i * form.count / taken;
      if (form.by_columns) {
        const char* row = static_cast<const char*>(x) + position * form.channels * this->item_size_;
        this->kernels_.sum_columns[0](nullptr, row, 1, form.channels, buffers.shift, nullptr, buffers.sums);
      } else {
        const int64_t start = position / form.run * form.channels * form.run + position % form.run;
        add_elements(x, start, form, buffers.sums);
      }
    }
    for (int64_t i = 0; i < form.channels; ++i) {
      const auto guess = static_cast<T>(buffers.sums[i] / static_cast<double>(taken));
      buffers.shift[i] = std::isfinite(guess) ? guess : T(0);
    }
  }

  // Adds one element of each channel's run.
  void add_elements(const void* x, int64_t start, const ChannelForm& form, double* sums) const {
    visit_dtype(dtype_, [&](auto zero) {
      using S = decltype(zero);
      const auto* elements = static_cast<const S*>(x) + start;
      for (int64_t i = 0; i < form.channels; ++i) {
        if constexpr (std::is_same_v<S, BFloat16>) {
          sums[i] += static_cast<double>(elements[i * form.run].to_float());
        } else if constexpr (std::is_floating_point_v<S>) {
          sums[i] += static_cast<double>(elements[i * form.run]);
        }
      }
    });
  }

  DType dtype_;
};

template <class T>
class GradientSumsKernel final : public SumKernel<T> {
 public:
  GradientSumsKernel(const KernelCall& call, const ChannelForm& form, int index)
      : SumKernel<T>(call, call.inputs[1], form, index, true), most_(largest_activation(op::gate_of(call.attrs))) {
    Workspace workspace;
    this->take(workspace);
    take_variances(workspace);
    this->take_gate(workspace);
    this->scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const auto buffers = this->take(workspace);
    T* variances = take_variances(workspace);
    const auto room = this->take_gate(workspace);
    const int64_t channels = this->form_.channels;
    this->read(2, inputs[2], buffers.shift);
    this->read(3, inputs[3], variances);
    this->repeat(buffers.shift);
    NormGate open{};
    if (most_) {
      this->read(4, inputs[4], room.scale);
      this->kernels_.scales(variances, room.scale, this->epsilon_, channels, room.scale);
      open = this->gate(room, 5, inputs[5], *most_);
    }
    const NormGate* gate = most_ ? &open : nullptr;
    this->sum(inputs[0], inputs[1], gate, buffers);
    this->sum_rows_left(static_cast<const char*>(inputs[0]), static_cast<const char*>(inputs[1]), gate, buffers);
    T* scales = variances;
    this->kernels_.scales(variances, nullptr, this->epsilon_, channels, scales);
    auto* plain = static_cast<T*>(outputs[0]);
    auto* along = static_cast<T*>(outputs[1]);
    for (int64_t i = 0; i < channels; ++i) {
      plain[i] = static_cast<T>(buffers.sums[i]);
      along[i] = static_cast<T>(buffers.sums[channels + i] * static_cast<double>(scales[i]));
    }
  }

 private:
  T* take_variances(Workspace& workspace) const { return workspace.take<T>(this->form_.channels); }

  std::optional<double> most_;
};

// --- elements --------------------------------------------------------------------------------------

template <class T>
class ApplyKernel : public ChannelKernel<T> {
 public:
  using ChannelKernel<T>::ChannelKernel;

 protected:
  // Constants of joined rows. Mean and shift are not adjacent, because they are repeated.
  struct Constants {
    T* mean;
    T* scale;
    T* slope;
    T* shift;
    T* pair;  // memory for two numbers per channel
  };
  Constants take(Workspace& workspace) const {
    const int64_t width = this->form_.width();
    T* mean = workspace.take<T>(width);
    T* scale = workspace.take<T>(width);
    T* slope = workspace.take<T>(width);
    T* shift = workspace.take<T>(width);
    return {mean, scale, slope, shift, workspace.take<T>(2 * this->form_.channels)};
  }
  static NormConstants of_channel(const Constants& constants, int64_t channel) {
    return {constants.mean + channel, constants.scale + channel, constants.slope + channel, constants.shift + channel};
  }

  static constexpr int64_t all_channels = -1;
  // Calls apply(offset in bytes, rows, row length, constants, channel) for parts of the tensor: rows of all channels,
  // or a run of one channel.
  template <class Apply>
  void for_each_part(const Constants& constants, const Apply& apply) const {
    const ChannelForm& form = this->form_;
    if (form.by_columns) {
      const int64_t row_bytes = form.width() * this->item_size_;
      const NormConstants all = of_channel(constants, 0);
      runtime::parallel_for(form.wide_rows(), elements_per_thread / form.width() + 1, [&](int64_t begin, int64_t end) {
        apply(begin * row_bytes, end - begin, form.width(), all, all_channels);
      });
      if (form.rows_left() > 0) apply(form.wide_rows() * row_bytes, form.rows_left(), form.channels, all, all_channels);
      return;
    }
    const int64_t run_bytes = form.run * this->item_size_;
    runtime::parallel_for(form.outer * form.channels, elements_per_thread / form.run + 1,
                          [&](int64_t begin, int64_t end) {
                            for (int64_t i = begin; i < end; ++i) {
                              const int64_t channel = i % form.channels;
                              apply(i * run_bytes, 1, form.run, of_channel(constants, channel), channel);
                            }
                          });
  }
};

template <class T>
class ForwardKernel final : public ApplyKernel<T> {
 public:
  ForwardKernel(const KernelCall& call, const ChannelForm& form, int index)
      : ApplyKernel<T>(call, call.inputs[0], form, index), most_(largest_activation(op::post_operations(call.attrs))) {
    Workspace workspace;
    this->take(workspace);
    this->scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const auto constants = this->take(workspace);
    const int64_t channels = this->form_.channels;
    this->read(1, inputs[1], constants.mean);
    this->read(2, inputs[2], constants.pair);
    this->read(3, inputs[3], constants.slope);
    this->read(4, inputs[4], constants.shift);
    this->kernels_.scales(constants.pair, constants.slope, this->epsilon_, channels, constants.scale);
    for (T* values : {constants.mean, constants.scale, constants.shift}) this->repeat(values);
    const auto* x = static_cast<const char*>(inputs[0]);
    auto* y = static_cast<char*>(outputs[0]);
    const double infinity = std::numeric_limits<double>::infinity();
    const double least = most_ ? 0 : -infinity;
    const double most = most_ && *most_ == *most_ ? *most_ : infinity;
    this->for_each_part(constants, [&](int64_t offset, int64_t rows, int64_t length, const auto& own, int64_t channel) {
      this->kernels_.forward[channel != this->all_channels](x + offset, y + offset, rows, length, own, least, most);
    });
  }

 private:
  std::optional<double> most_;
};

// The statistics of x, and then the normalisation with them. Both take their memory from the same scratchpad, one after
// the other.
template <class T>
class TrainKernel final : public Kernel {
 public:
  TrainKernel(const KernelCall& call, const ChannelForm& form, int index)
      : statistics_({call.op, call.attrs, call.inputs.first(1), call.outputs.subspan(1)}, form, index),
        forward_({call.op, call.attrs,
                  std::array{call.inputs[0], call.outputs[1], call.outputs[2], call.inputs[1], call.inputs[2]},
                  call.outputs.first(1)},
                 form, index) {
    scratchpad_bytes = std::max(statistics_.scratchpad_bytes, forward_.scratchpad_bytes);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    statistics_.run(context, inputs, outputs + 1);
    void* const operands[] = {inputs[0], outputs[1], outputs[2], inputs[1], inputs[2]};
    forward_.run(context, operands, outputs);
  }

 private:
  StatisticsKernel<T> statistics_;
  ForwardKernel<T> forward_;
};

template <class T>
class BackwardKernel final : public ApplyKernel<T> {
 public:
  BackwardKernel(const KernelCall& call, const ChannelForm& form, int index)
      : ApplyKernel<T>(call, call.inputs[1], form, index),
        has_sums_(call.inputs.size() > 5),
        most_(largest_activation(op::gate_of(call.attrs))) {
    Workspace workspace;
    this->take(workspace);
    this->take_gate(workspace);
    this->scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const auto constants = this->take(workspace);
    const auto room = this->take_gate(workspace);
    fill_constants(inputs, constants);
    NormGate open{};
    if (most_) {
      std::copy_n(constants.scale, this->form_.channels, room.scale);
      open = this->gate(room, 7, inputs[7], *most_);
    }
    for (T* values : {constants.mean, constants.scale, constants.slope, constants.shift}) this->repeat(values);
    const auto* g = static_cast<const char*>(inputs[0]);
    const auto* x = static_cast<const char*>(inputs[1]);
    auto* y = static_cast<char*>(outputs[0]);
    this->for_each_part(constants, [&](int64_t offset, int64_t rows, int64_t length, const auto& own, int64_t channel) {
      const bool is_run = channel != this->all_channels;
      if (has_sums_) {
        const NormGate own_gate = is_run ? this->gate_of(open, channel) : open;
        this->kernels_.backward[is_run](g + offset, x + offset, y + offset, rows, length, own,
                                        most_ ? &own_gate : nullptr);
      } else {
        const double infinity = std::numeric_limits<double>::infinity();
        this->kernels_.forward[is_run](g + offset, y + offset, rows, length, own, -infinity, infinity);
      }
    });
  }

 private:
  // Expresses w r (g - s0 / n - r (x - mean) s1 / n) as scale g + slope (x - mean) + shift. Without sums, only
  // the scale is not 0, which is the forward pass applied to g.
  void fill_constants(void* const* inputs, const typename ApplyKernel<T>::Constants& constants) const {
    const int64_t channels = this->form_.channels;
    this->read(3, inputs[3], constants.pair);
    this->read(4, inputs[4], constants.slope);
    this->kernels_.scales(constants.pair, constants.slope, this->epsilon_, channels, constants.scale);
    if (!has_sums_) {
      for (T* values : {constants.mean, constants.shift}) std::fill_n(values, channels, T(0));
      return;
    }
    this->read(2, inputs[2], constants.mean);
    this->kernels_.scales(constants.pair, nullptr, this->epsilon_, channels, constants.slope);
    this->read(5, inputs[5], constants.pair);
    this->read(6, inputs[6], constants.pair + channels);
    const T share = T(-1) / static_cast<T>(this->form_.count);
    for (int64_t i = 0; i < channels; ++i) {
      const T part = share * constants.scale[i];
      constants.shift[i] = part * constants.pair[i];
      constants.slope[i] *= part * constants.pair[channels + i];
    }
  }

  bool has_sums_;  // of the gradient; otherwise mean and variance are constants
  std::optional<double> most_;
};

template <template <class> class KernelOf, size_t x_input>
std::unique_ptr<Kernel> prepare_by_channel(const KernelCall& call) {
  const BufferSpec& x = call.inputs[x_input];
  const auto index = kernel_index(x.dtype);
  if (!index || element_count(x.shape) == 0) return nullptr;
  const auto form = form_of(x);
  if (!form) return nullptr;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const BufferSpec& input = call.inputs[i];
    // Inputs up to x are elements; the inputs after it are by channel.
    if (i <= x_input ? !lies_as(*form, input) : !is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (call.op != OpId::channel_statistics && call.op != OpId::channel_sums && !lies_as(*form, call.outputs[0])) {
    return nullptr;
  }
  if (x.dtype == DType::float64) return std::make_unique<KernelOf<double>>(call, *form, *index);
  return std::make_unique<KernelOf<float>>(call, *form, *index);
}

// --- rows ------------------------------------------------------------------------------------------

class RowKernel final : public Kernel {
 public:
  RowKernel(const KernelCall& call, const BufferSpec& x, int index)
      : kernels_(kernels().norm[index]), gradient_(call.inputs.size() == 2) {
    const auto declared = op::from_attrs<op::NormalizeAttrs>(call.attrs);
    epsilon_ = declared.epsilon;
    center_ = declared.center;
    const int rank = x.shape.rank();
    for (int axis = rank - static_cast<int>(declared.axes); axis < rank; ++axis) length_ *= x.shape[axis];
    rows_ = element_count(x.shape) / length_;
    row_bytes_ = length_ * static_cast<int64_t>(item_size(x.dtype));
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* first = static_cast<const char*>(inputs[0]);
    const auto* x = static_cast<const char*>(inputs[gradient_ ? 1 : 0]);
    auto* y = static_cast<char*>(outputs[0]);
    runtime::parallel_for(rows_, elements_per_thread / length_ + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t offset = row * row_bytes_;
        if (gradient_) {
          kernels_.row_backward(first + offset, x + offset, y + offset, length_, epsilon_, center_);
        } else {
          kernels_.row(x + offset, y + offset, length_, epsilon_, center_);
        }
      }
    });
  }

 private:
  const NormKernels& kernels_;
  double epsilon_;
  bool center_;
  bool gradient_;  // whether the first input is the gradient
  int64_t rows_ = 0;
  int64_t length_ = 1;
  int64_t row_bytes_ = 0;
};

std::unique_ptr<Kernel> prepare_rows(const KernelCall& call) {
  const BufferSpec& x = call.inputs.back();
  const auto index = kernel_index(x.dtype);
  if (!index || element_count(x.shape) == 0) return nullptr;
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  return std::make_unique<RowKernel>(call, x, *index);
}

}  // namespace

void register_norm(KernelTable& table) {
  const auto add = [&](OpId op, exec::PrepareFunction prepare) { table.add(op, Provider::cpu, prepare); };
  add(OpId::channel_statistics, adapted<prepare_by_channel<StatisticsKernel, 0>>);
  add(OpId::batch_norm, adapted<prepare_by_channel<ForwardKernel, 0>>);
  add(OpId::batch_norm_train, adapted<prepare_by_channel<TrainKernel, 0>>);
  add(OpId::channel_sums, adapted<prepare_by_channel<GradientSumsKernel, 1>>);
  add(OpId::batch_norm_backward, adapted<prepare_by_channel<BackwardKernel, 1>>);
  add(OpId::normalize, adapted<prepare_rows>);
  add(OpId::normalize_backward, adapted<prepare_rows>);
}

}  // namespace pydl::cpu
