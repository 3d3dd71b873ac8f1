// Random numbers: element i is a function of seed, offset and i alone, so threads may divide the elements in any way.
#include <algorithm>
#include <cmath>
#include <limits>

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

class NormalKernel final : public Kernel {
 public:
  NormalKernel(const KernelCall& call, const op::NormalAttrs& attrs)
      : state_stride_(call.inputs[0].strides[0]),
        count_(element_count(call.outputs[0].shape)),
        mean_(static_cast<float>(attrs.mean)),
        std_(static_cast<float>(attrs.std)) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    auto* y = static_cast<float*>(outputs[0]);
    for_each_part(inputs[0], state_stride_, count_, [&](uint64_t seed, uint64_t offset, int64_t begin, int64_t count) {
      kernels().random.normal_float(seed, offset, begin, count, mean_, std_, y + begin);
    });
  }

 private:
  int64_t state_stride_;
  int64_t count_;
  float mean_;
  float std_;
};

std::unique_ptr<Kernel> prepare_normal(const KernelCall& call) {
  if (call.outputs[0].dtype != DType::float32) return nullptr;
  return std::make_unique<NormalKernel>(call, op::from_attrs<op::NormalAttrs>(call.attrs));
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
  table.add(OpId::dropout, Provider::cpu, adapted<prepare_dropout>);
}

}  // namespace pydl::cpu
