// What a backend sees: shapes, strides and pointers, never tensors. Kernels are prepared once per
// call signature, then run many times; they never allocate.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/module_api.h"
#include "op/attrs.h"
#include "op/op_id.h"
#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::exec {

/// Layout of one operand. Strides are in elements and may be 0 or negative.
struct BufferSpec {
  DType dtype;
  Dims shape;
  Dims strides;
};

/// Everything known of a call before its pointers are.
struct KernelCall {
  op::OpId op;
  const op::Attrs& attrs;
  std::span<const BufferSpec> inputs;
  std::span<const BufferSpec> outputs;
};

/// A call made ready. `inputs` and `outputs` point to the first element of each operand, in the order of the
/// specs. An op that mutates its first operands has no outputs: it writes through `inputs`. `scratchpad` holds
/// `scratchpad_bytes` bytes, 64-byte aligned, with undefined contents. `run` may be called from several threads
/// at once, each with its own scratchpad.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(void* const* inputs, void* const* outputs, void* scratchpad) const = 0;
  /// The same kernel for another thread, where two that run this one at once would be in each other's way; else null.
  virtual std::unique_ptr<Kernel> duplicate() const { return nullptr; }

  size_t scratchpad_bytes = 0;
  const char* provider = "";
};

/// One instruction of a fused elementwise kernel: an op on operands, numbered inputs first, then the instructions
/// before.
struct FusedInstruction {
  op::OpId op;
  op::Attrs attrs;
  DType dtype;  ///< of its result
  std::vector<int> sources;
};

/// A reduction of what an instruction of a fused kernel gives, which need not be written for it.
struct FusedReduction {
  op::OpId op;
  op::Attrs attrs;
  int operand;  ///< numbered like the sources of instructions
};

/// Several elementwise ops on one shape, to which all inputs are expanded. `stored[i]` is the operand that output i is;
/// then comes an output per reduction. Where there are reductions, the stored outputs are row-major.
struct FusedCall {
  std::span<const FusedInstruction> instructions;
  std::span<const BufferSpec> inputs;
  std::span<const BufferSpec> outputs;
  std::span<const int> stored;
  std::span<const FusedReduction> reductions;
  const Dims& shape;    ///< of what the instructions give
  const Dims& strides;  ///< in whose order they run
};

/// Returns null when the provider cannot serve this call; the next one is asked then.
using PrepareFunction = std::unique_ptr<Kernel> (*)(const KernelCall& call);

using PrepareFusedFunction = std::unique_ptr<Kernel> (*)(const FusedCall& call);

/// In the order in which they are asked.
enum class Provider : int { onednn, cpu, ref };
inline constexpr int provider_count = 3;
PYDL_MODULE_API const char* provider_name(Provider provider);

/// Which provider serves which op. One per process, filled by the `register_*` functions below.
class PYDL_MODULE_API KernelTable {
 public:
  void add(op::OpId op, Provider provider, PrepareFunction prepare);
  PrepareFunction find(op::OpId op, Provider provider) const;
  /// One provider serves fused elementwise kernels.
  void add_fused(PrepareFusedFunction prepare) { fused_ = prepare; }
  PrepareFusedFunction fused() const { return fused_; }
  static KernelTable& global();

 private:
  PrepareFunction functions_[static_cast<int>(op::OpId::count)][provider_count] = {};
  PrepareFusedFunction fused_ = nullptr;
};

/// Asks the providers in order, from `first` on; throws `TypeError` that names op and dtypes when nobody can.
std::unique_ptr<Kernel> prepare_kernel(const KernelCall& call, Provider first = Provider::onednn);
/// A fused elementwise kernel; throws `TypeError` when nobody can serve it.
std::unique_ptr<Kernel> prepare_fused_kernel(const FusedCall& call);
/// Asks one provider only, and returns null when it cannot: for tests that compare providers.
PYDL_MODULE_API std::unique_ptr<Kernel> prepare_kernel_from(const KernelCall& call, Provider provider);

}  // namespace pydl::exec

namespace pydl::backends {
void register_ref(exec::KernelTable& table);
void register_cpu(exec::KernelTable& table);
void register_onednn(exec::KernelTable& table);
}  // namespace pydl::backends
