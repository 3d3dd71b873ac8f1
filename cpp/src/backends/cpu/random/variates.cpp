// Random numbers by rejection (runtime/variates.h), by several threads: every element has a stream of its own.
#include "runtime/variates.h"
#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/attrs/distributions.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

using runtime::ElementStream;

constexpr int64_t cost_of_a_variate = 4096;

// The numbers of one op, from its parameters at an element.
using Variate = double (*)(const double* parameters, ElementStream& stream);

template <bool logarithm>
double gamma_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::gamma(parameters[0], logarithm, stream);
}
double poisson_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::poisson(parameters[0], stream);
}
double truncated_normal_variate(const double* parameters, ElementStream& stream) {
  return runtime::variates::truncated_normal(parameters[0], parameters[1], stream);
}

// T is float or double; all operands have the result's shape, row-major, but for the state, which is the last input.
template <class T>
class VariateKernel final : public Kernel {
 public:
  VariateKernel(const KernelCall& call, Variate variate)
      : variate_(variate),
        parameters_(call.inputs.size() - 1),
        state_stride_(call.inputs.back().strides[0]),
        count_(element_count(call.outputs[0].shape)) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* state = static_cast<const int64_t*>(inputs[parameters_]);
    const auto seed = static_cast<uint64_t>(state[0]);
    const auto offset = static_cast<uint64_t>(state[state_stride_]);
    auto* y = static_cast<T*>(outputs[0]);
    runtime::parallel_for(count_, runtime::worth_a_thread(cost_of_a_variate), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double parameters[2] = {};
        for (size_t k = 0; k < parameters_; ++k) parameters[k] = static_cast<const T*>(inputs[k])[i];
        ElementStream stream(seed, offset, i);
        y[i] = static_cast<T>(variate_(parameters, stream));
      }
    });
  }

 private:
  Variate variate_;
  size_t parameters_;
  int64_t state_stride_;
  int64_t count_;
};

Variate variate_of(const KernelCall& call) {
  if (call.op == OpId::poisson) return poisson_variate;
  if (call.op == OpId::truncated_normal) return truncated_normal_variate;
  return op::from_attrs<op::GammaAttrs>(call.attrs).logarithm ? gamma_variate<true> : gamma_variate<false>;
}

std::unique_ptr<Kernel> prepare_variate(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  for (const BufferSpec& input : call.inputs.first(call.inputs.size() - 1)) {
    if (input.dtype != y.dtype || !is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (y.dtype == DType::float32) return std::make_unique<VariateKernel<float>>(call, variate_of(call));
  if (y.dtype == DType::float64) return std::make_unique<VariateKernel<double>>(call, variate_of(call));
  return nullptr;
}

}  // namespace

void register_variates(KernelTable& table) {
  for (const OpId op : {OpId::standard_gamma, OpId::poisson, OpId::truncated_normal}) {
    table.add(op, Provider::cpu, adapted<prepare_variate>);
  }
}

}  // namespace pydl::cpu
