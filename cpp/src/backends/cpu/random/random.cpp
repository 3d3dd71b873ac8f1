// Random numbers: element i is a function of seed, offset and i alone, so threads may divide the elements in any way.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/random.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of elements that a thread takes at a time: whole blocks of the stream.
constexpr int64_t piece_length = 256;
constexpr int64_t pieces_per_thread = runtime::worth_a_thread(runtime::cost::random_piece);

// Calls `draw(seed, offset, begin, count)` for parts of [0, count).
template <class Draw>
void for_each_part(const void* state, int64_t state_stride, int64_t count, const Draw& draw) {
  const auto* words = static_cast<const int64_t*>(state);
  const auto seed = static_cast<uint64_t>(words[0]);
  const auto offset = static_cast<uint64_t>(words[state_stride]);
  const int64_t pieces = (count + piece_length - 1) / piece_length;
  runtime::parallel_for(pieces, pieces_per_thread, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * piece_length;
    draw(seed, offset, first, std::min(end * piece_length, count) - first);
  });
}

class UniformKernel final : public Kernel {
 public:
  UniformKernel(const KernelCall& call, const Interval& interval)
      : state_stride_(call.inputs[0].strides[0]),
        count_(element_count(call.outputs[0].shape)),
        is_double_(call.outputs[0].dtype == DType::float64),
        interval_(interval) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const RandomKernels& table = kernels().random;
    for_each_part(inputs[0], state_stride_, count_, [&](uint64_t seed, uint64_t offset, int64_t begin, int64_t count) {
      if (is_double_) {
        table.uniform_double(seed, offset, begin, count, interval_, static_cast<double*>(outputs[0]) + begin);
      } else {
        table.uniform_float(seed, offset, begin, count, interval_, static_cast<float*>(outputs[0]) + begin);
      }
    });
  }

 private:
  int64_t state_stride_;
  int64_t count_;
  bool is_double_;
  Interval interval_;
};

// An empty interval produces only its lower end.
template <class T>
Interval make_interval(double low, double high) {
  const auto bottom = static_cast<T>(low);
  const auto top = static_cast<T>(high);
  const T last = bottom < top ? std::nextafter(top, -std::numeric_limits<T>::infinity()) : bottom;
  return {bottom, top, last};
}

std::unique_ptr<Kernel> prepare_uniform(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::UniformAttrs>(call.attrs);
  switch (call.outputs[0].dtype) {
    case DType::float32: return std::make_unique<UniformKernel>(call, make_interval<float>(attrs.low, attrs.high));
    case DType::float64: return std::make_unique<UniformKernel>(call, make_interval<double>(attrs.low, attrs.high));
    default: return nullptr;
  }
}

// Fills a result from the state alone: `fill(seed, offset, begin, count, y)` writes a part that begins at y.
template <class T, class Fill>
class DrawKernel final : public Kernel {
 public:
  DrawKernel(const KernelCall& call, const Fill& fill)
      : state_stride_(call.inputs[0].strides[0]), count_(element_count(call.outputs[0].shape)), fill_(fill) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    auto* y = static_cast<T*>(outputs[0]);
    for_each_part(inputs[0], state_stride_, count_, [&](uint64_t seed, uint64_t offset, int64_t begin, int64_t count) {
      fill_(seed, offset, begin, count, y + begin);
    });
  }

 private:
  int64_t state_stride_;
  int64_t count_;
  Fill fill_;
};

template <class T, class Fill>
std::unique_ptr<Kernel> draw_kernel(const KernelCall& call, const Fill& fill) {
  return std::make_unique<DrawKernel<T, Fill>>(call, fill);
}

std::unique_ptr<Kernel> prepare_normal(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::NormalAttrs>(call.attrs);
  if (call.outputs[0].dtype == DType::float32) {
    const auto mean = static_cast<float>(attrs.mean);
    const auto std = static_cast<float>(attrs.std);
    return draw_kernel<float>(call, [mean, std](uint64_t seed, uint64_t offset, int64_t begin, int64_t n, float* y) {
      kernels().random.normal_float(seed, offset, begin, n, mean, std, y);
    });
  }
  if (call.outputs[0].dtype != DType::float64) return nullptr;
  return draw_kernel<double>(call, [attrs](uint64_t seed, uint64_t offset, int64_t begin, int64_t n, double* y) {
    kernels().variates.normal(seed, offset, begin, n, attrs.mean, attrs.std, y);
  });
}

std::unique_ptr<Kernel> prepare_standard_variate(const KernelCall& call) {
  const int distribution = static_cast<int>(op::from_attrs<op::StandardVariateAttrs>(call.attrs).distribution);
  if (call.outputs[0].dtype == DType::float32) {
    return draw_kernel<float>(call, [distribution](uint64_t seed, uint64_t offset, int64_t begin, int64_t n, float* y) {
      kernels().variates.standard_float(distribution, seed, offset, begin, n, y);
    });
  }
  if (call.outputs[0].dtype != DType::float64) return nullptr;
  return draw_kernel<double>(call, [distribution](uint64_t seed, uint64_t offset, int64_t begin, int64_t n, double* y) {
    kernels().variates.standard_double(distribution, seed, offset, begin, n, y);
  });
}

std::unique_ptr<Kernel> prepare_random_integers(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::RandomIntegersAttrs>(call.attrs);
  const auto width = static_cast<double>(static_cast<uint64_t>(attrs.high) - static_cast<uint64_t>(attrs.low));
  const int64_t low = attrs.low;
  return draw_kernel<int64_t>(call, [low, width](uint64_t seed, uint64_t offset, int64_t begin, int64_t n, int64_t* y) {
    kernels().variates.integers(seed, offset, begin, n, low, width, y);
  });
}

template <class T>
class BernoulliKernel final : public Kernel {
 public:
  explicit BernoulliKernel(const KernelCall& call)
      : state_stride_(call.inputs[1].strides[0]), count_(element_count(call.outputs[0].shape)) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* p = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<T*>(outputs[0]);
    for_each_part(inputs[1], state_stride_, count_, [&](uint64_t seed, uint64_t offset, int64_t begin, int64_t count) {
      if constexpr (std::is_same_v<T, float>) {
        kernels().variates.bernoulli_float(seed, offset, begin, count, p + begin, y + begin);
      } else {
        kernels().variates.bernoulli_double(seed, offset, begin, count, p + begin, y + begin);
      }
    });
  }

 private:
  int64_t state_stride_;
  int64_t count_;
};

std::unique_ptr<Kernel> prepare_bernoulli(const KernelCall& call) {
  const BufferSpec& p = call.inputs[0];
  if (!is_contiguous(p.shape, p.strides)) return nullptr;
  if (p.dtype == DType::float32) return std::make_unique<BernoulliKernel<float>>(call);
  if (p.dtype == DType::float64) return std::make_unique<BernoulliKernel<double>>(call);
  return nullptr;
}

// The Fisher-Yates shuffle. The words of several steps are drawn at a time, so that what they will swap is already on
// its way into the cache.
class PermutationKernel final : public Kernel {
 public:
  explicit PermutationKernel(const KernelCall& call)
      : state_stride_(call.inputs[0].strides[0]), count_(element_count(call.outputs[0].shape)) {
    scratchpad_bytes = static_cast<size_t>(count_) * sizeof(uint32_t);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* state = static_cast<const int64_t*>(inputs[0]);
    const auto seed = static_cast<uint64_t>(state[0]);
    const auto offset = static_cast<uint64_t>(state[state_stride_]);
    auto* order = static_cast<uint32_t*>(context.scratchpad);
    std::iota(order, order + count_, uint32_t{0});
    uint64_t words[most_steps];
    for (int64_t step = 0; step < count_ - 1; step += most_steps) {
      const int64_t steps = std::min(most_steps, count_ - 1 - step);
      kernels().variates.words(seed, offset, step, steps, words);
      shuffle(order, count_ - 1 - step, steps, words);
    }
    std::copy_n(order, count_, static_cast<int64_t*>(outputs[0]));
  }

 private:
  static constexpr int64_t most_steps = 128;

  // Swaps `last`, the one before it, and so on.
  static void shuffle(uint32_t* order, int64_t last, int64_t steps, const uint64_t* words) {
    uint32_t others[most_steps];
    for (int64_t s = 0; s < steps; ++s) {
      others[s] = other_of(words[s], static_cast<uint64_t>(last - s) + 1);
      __builtin_prefetch(order + others[s], 1);
    }
    for (int64_t s = 0; s < steps; ++s) std::swap(order[last - s], order[others[s]]);
  }

  // The upper half of the product of 128 bits with a count below 2^32.
  static uint32_t other_of(uint64_t word, uint64_t count) {
    return static_cast<uint32_t>(((word >> 32) * count + ((word & 0xffffffffU) * count >> 32)) >> 32);
  }

  int64_t state_stride_;
  int64_t count_;
};

std::unique_ptr<Kernel> prepare_permutation(const KernelCall& call) {
  if (element_count(call.outputs[0].shape) > std::numeric_limits<uint32_t>::max()) return nullptr;
  return std::make_unique<PermutationKernel>(call);
}

class DropoutKernel final : public Kernel {
 public:
  explicit DropoutKernel(const KernelCall& call)
      : state_stride_(call.inputs[1].strides[0]),
        count_(element_count(call.outputs[0].shape)),
        is_double_(call.outputs[0].dtype == DType::float64),
        p_(op::from_attrs<op::DropoutAttrs>(call.attrs).p) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const RandomKernels& table = kernels().random;
    for_each_part(inputs[1], state_stride_, count_, [&](uint64_t seed, uint64_t offset, int64_t begin, int64_t count) {
      if (is_double_) {
        table.dropout_double(seed, offset, begin, count, p_, static_cast<const double*>(inputs[0]) + begin,
                             static_cast<double*>(outputs[0]) + begin);
      } else {
        table.dropout_float(seed, offset, begin, count, p_, static_cast<const float*>(inputs[0]) + begin,
                            static_cast<float*>(outputs[0]) + begin);
      }
    });
  }

 private:
  int64_t state_stride_;
  int64_t count_;
  bool is_double_;
  double p_;
};

std::unique_ptr<Kernel> prepare_dropout(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (x.dtype != DType::float32 && x.dtype != DType::float64) return nullptr;
  if (!is_contiguous(x.shape, x.strides)) return nullptr;
  return std::make_unique<DropoutKernel>(call);
}

}  // namespace

void register_random(KernelTable& table) {
  table.add(OpId::uniform, Provider::cpu, prepare_uniform);
  table.add(OpId::normal, Provider::cpu, adapted<prepare_normal>);
  table.add(OpId::standard_variate, Provider::cpu, adapted<prepare_standard_variate>);
  table.add(OpId::random_integers, Provider::cpu, prepare_random_integers);
  table.add(OpId::bernoulli, Provider::cpu, adapted<prepare_bernoulli>);
  table.add(OpId::permutation, Provider::cpu, prepare_permutation);
  table.add(OpId::dropout, Provider::cpu, adapted<prepare_dropout>);
}

}  // namespace pydl::cpu
