// The base of the `ref` kernels: each op is one function that reads specs and pointers. These kernels are naive,
// portable, and the oracle of the tests.
#pragma once

#include <span>
#include <vector>

#include "backends/ref/registrations.h"
#include "exec/kernel.h"

namespace pydl::backends::ref {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using exec::KernelContext;
using exec::KernelTable;
using exec::Provider;
using op::OpId;

/// A call together with its pointers.
struct RefCall {
  OpId op;
  const op::Attrs& attrs;
  std::span<const BufferSpec> inputs;
  std::span<const BufferSpec> outputs;
  void* const* input_data;
  void* const* output_data;
  void* scratchpad;
};

using RunFunction = void (*)(const RefCall& call);

/// Keeps the specs of a call and passes them to its function.
class RefKernel final : public Kernel {
 public:
  RefKernel(const KernelCall& call, RunFunction function)
      : op_(call.op),
        attrs_(call.attrs),
        inputs_(call.inputs.begin(), call.inputs.end()),
        outputs_(call.outputs.begin(), call.outputs.end()),
        function_(function) {}

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    function_({op_, attrs_, inputs_, outputs_, inputs, outputs, context.scratchpad});
  }

 private:
  OpId op_;
  op::Attrs attrs_;
  std::vector<BufferSpec> inputs_;
  std::vector<BufferSpec> outputs_;
  RunFunction function_;
};

inline bool any_dtype(DType) { return true; }

/// The `PrepareFunction` for a function whose first input must have a dtype that `accepts` allows.
template <RunFunction function, bool (*accepts)(DType) = any_dtype>
std::unique_ptr<Kernel> prepare(const KernelCall& call) {
  if (!call.inputs.empty() && !accepts(call.inputs[0].dtype)) return nullptr;
  return std::make_unique<RefKernel>(call, function);
}

#define PYDL_DECLARE(family) void register_##family(KernelTable& table);
PYDL_REGISTRATIONS(PYDL_DECLARE)
#undef PYDL_DECLARE

}  // namespace pydl::backends::ref
