// The interface of backends, which see shapes, strides and pointers but never tensors. Kernels are prepared once per
// call signature and then run many times; they never allocate.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/module_api.h"
#include "exec/kernel_choice.h"
#include "op/attrs.h"
#include "op/op_id.h"
#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::exec {

/// The layout of one operand. Strides are in elements and may be 0 or negative.
struct BufferSpec {
  DType dtype;
  Dims shape;
  Dims strides;
};

/// Everything that is known about a call except its pointers.
struct KernelCall {
  op::OpId op;
  const op::Attrs& attrs;
  std::span<const BufferSpec> inputs;
  std::span<const BufferSpec> outputs;
};

/// What a run has besides its operands. A device with streams adds its stream.
struct KernelContext {
  void* scratchpad;  ///< `Kernel::scratchpad_bytes` bytes, 64-byte aligned, with undefined contents
};

/// A prepared call. `inputs` and `outputs` point to the first element of each operand, in the order of the specs. An op
/// that mutates its first operands has no outputs: it writes through `inputs`. `run` may be called from several threads
/// concurrently, each with its own context.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const KernelContext& context, void* const* inputs, void* const* outputs) const = 0;
  /// The same kernel for another thread, if concurrent runs of this one would get in each other's way; otherwise null.
  virtual std::unique_ptr<Kernel> duplicate() const { return nullptr; }

  size_t scratchpad_bytes = 0;
  const char* provider = "";
  /// What computes the call, such as "winograd 4x4". `KernelTable` sets the name of the implementation; a kernel that
  /// knows more, such as which of a library's kernels it has got, sets it itself.
  std::string implementation;
};

/// One instruction of a fused elementwise kernel: an op on operands, which are numbered inputs first, followed by the
/// preceding instructions.
struct FusedInstruction {
  op::OpId op;
  op::Attrs attrs;
  DType dtype;  ///< dtype of the result
  std::vector<int> sources;
};

/// A reduction of the result of an instruction of a fused kernel. The result itself need not be written.
struct FusedReduction {
  op::OpId op;
  op::Attrs attrs;
  int operand;  ///< numbered like the sources of instructions
};

/// Several elementwise ops on one shape, to which all inputs are expanded. Output i is the operand `stored[i]`; after
/// these follows one output per reduction. If there are reductions, the stored outputs are row-major.
struct FusedCall {
  std::span<const FusedInstruction> instructions;
  std::span<const BufferSpec> inputs;
  std::span<const BufferSpec> outputs;
  std::span<const int> stored;
  std::span<const FusedReduction> reductions;
  const Dims& shape;    ///< shape of the instructions' results
  const Dims& strides;  ///< determines the order in which elements are computed
};

/// Returns null if the implementation does not apply to this call; the next one is then tried.
using PrepareFunction = std::unique_ptr<Kernel> (*)(const KernelCall& call);

using PrepareFusedFunction = std::unique_ptr<Kernel> (*)(const FusedCall& call);

/// What kernels for fused elementwise nodes can do. Passes ask before they fuse.
struct FusedSupport {
  PrepareFusedFunction prepare;
  size_t most_operands;      ///< inputs and outputs
  size_t most_instructions;  ///< sum of `instructions`
  /// The number of instructions that an elementwise call takes; 0 if it cannot be part of a fused node.
  size_t (*instructions)(op::OpId op, std::span<const BufferSpec> inputs, const BufferSpec& output);
  /// Whether a node of this shape, whose results are row-major, can also do these reductions, of operands of these
  /// dtypes.
  bool (*reduces)(std::span<const FusedReduction> reductions, std::span<const DType> dtypes, const Dims& shape);
};

/// Where kernels come from.
enum class Provider : int { onednn, cpu, ref };
inline constexpr int provider_count = 3;
PYDL_MODULE_API const char* provider_name(Provider provider);

/// The estimated time of a call, relative to that of a good general implementation, which is 1.
using CostFunction = double (*)(const KernelCall& call);

/// One way to compute an op. The conditions for its use are in its `prepare` function, beside its kernel.
struct Implementation {
  const char* name;  ///< unique among the implementations of the op
  Provider provider;
  PrepareFunction prepare;
  CostFunction cost;
};

/// The implementations of each op. There is one table per process, filled by the `register_*` functions below.
class PYDL_MODULE_API KernelTable {
 public:
  /// The provider's only implementation, which has the provider's name. oneDNN's cost is 1, `cpu`'s 2, and `ref`'s 100.
  void add(op::OpId op, Provider provider, PrepareFunction prepare);
  void add(op::OpId op, const Implementation& implementation);
  std::span<const Implementation> implementations(op::OpId op) const;
  /// States that all implementations of an op can apply these post-operations (op/post_operations.h).
  void allow_post(op::OpId op, std::string_view operations);
  /// What `allow_post` has stated.
  std::span<const std::string> post_operations(op::OpId op) const;
  /// Only one provider serves fused elementwise kernels.
  void set_fused(const FusedSupport& support) { fused_ = support; }
  const FusedSupport& fused() const { return fused_; }
  static KernelTable& global();

 private:
  std::vector<Implementation> implementations_[static_cast<int>(op::OpId::count)];
  std::vector<std::string> post_[static_cast<int>(op::OpId::count)];
  FusedSupport fused_ = {};
};

/// Prepares the cheapest implementation that applies, or those that `choice` names first; throws a `TypeError` that
/// names the op and dtypes if none applies.
std::unique_ptr<Kernel> prepare_kernel(const KernelCall& call, const KernelChoice& choice = KernelChoice::process());
/// Prepares a fused elementwise kernel; throws `TypeError` if no provider can serve it.
std::unique_ptr<Kernel> prepare_fused_kernel(const FusedCall& call);
/// Tries only the implementations of this name, or of the provider of this name, and returns null if none applies; for
/// tests that compare implementations.
PYDL_MODULE_API std::unique_ptr<Kernel> prepare_kernel_from(const KernelCall& call, std::string_view name);

}  // namespace pydl::exec

namespace pydl::backends {
void register_ref(exec::KernelTable& table);
void register_cpu(exec::KernelTable& table);
void register_onednn(exec::KernelTable& table);
}  // namespace pydl::backends
