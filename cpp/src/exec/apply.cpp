// Eager execution: every op runs through `apply`.
#include "op/apply.h"

#include <array>
#include <vector>

#include "autograd/anomaly.h"
#include "autograd/node.h"
#include "core/named.h"
#include "core/tensor_impl.h"
#include "exec/broadcast.h"
#include "exec/kernel_cache.h"
#include "op/op_counter.h"
#include "op/op_def.h"
#include "op/op_trace.h"
#include "op/work_hook.h"
#include "pydl/autograd.h"

namespace pydl::op {

namespace {

using exec::Kernel;
using exec::KernelCache;
using exec::KernelCall;

// Holds the operands of nearly every op without allocating memory.
template <class T>
class OperandList {
 public:
  explicit OperandList(size_t size) : size_(size) {
    if (size > few_.size()) many_.resize(size);
  }
  T* data() { return size_ > few_.size() ? many_.data() : few_.data(); }
  T& operator[](size_t index) { return data()[index]; }
  std::span<T> span() { return {data(), size_}; }

 private:
  size_t size_;
  std::array<T, 4> few_;
  std::vector<T> many_;
};

BufferSpec spec_of(const Tensor& tensor) {
  const core::TensorImpl& impl = *tensor.impl();
  return {impl.dtype, impl.shape, impl.strides};
}

// The scratch memory that a kernel may use beside its operands; released at the end of the scope.
class Scratchpad {
 public:
  explicit Scratchpad(size_t bytes) {
    if (bytes > 0) storage_ = core::IntrusivePtr<core::Storage>::adopt(core::Storage::allocate(bytes));
  }
  void* data() const { return storage_ ? storage_->data() : nullptr; }

 private:
  core::IntrusivePtr<core::Storage> storage_;
};

WorkHook work_hook = {};

// Tells the hook about work that takes long enough to let other threads run meanwhile.
class LongWork {
 public:
  explicit LongWork(int64_t work) : tells_(work_hook.begin != nullptr && work >= worth_telling) {
    if (tells_) begun_ = work_hook.begin();
  }
  ~LongWork() {
    if (tells_) work_hook.end(begun_);
  }
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

  // The number of elements that are read and written, plus a share of the floating-point operations.
  static int64_t of(const KernelCall& call) {
    int64_t work = 0;
    for (const BufferSpec& spec : call.inputs) work += element_count(spec.shape);
    for (const BufferSpec& spec : call.outputs) work += element_count(spec.shape);
    const OpDef& def = op_def(call.op);
    if (def.flops != nullptr && !call.outputs.empty()) {
      work += def.flops(call.attrs, call.inputs, call.outputs[0]) / flops_per_element;
    }
    return work;
  }

 private:
  static constexpr int64_t worth_telling = 20'000;
  static constexpr int64_t flops_per_element = 64;
  bool tells_;
  void* begun_ = nullptr;
};

void run_kernel(const KernelCall& call, std::span<const Tensor> inputs, void* const* results) {
  const Kernel& kernel = KernelCache::of_this_thread().get(call);
  OperandList<void*> pointers(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) pointers[i] = inputs[i].impl()->data;
  const Scratchpad scratchpad(kernel.scratchpad_bytes);
  const LongWork told(work_hook.begin != nullptr ? LongWork::of(call) : 0);
  kernel.run({scratchpad.data()}, pointers.data(), results);
}

void check_inputs(const OpDef& def, std::span<const Tensor> inputs) {
  check_input_count(def, inputs.size());
  for (const Tensor& input : inputs) {
    if (!input.defined()) throw ValueError(concat_text(def.name, ": an undefined tensor was given"));
    if (input.impl()->is_traced() && core::active_trace() == nullptr) core::check_read(*input.impl());
  }
}

void check_mutable(const OpDef& def, const Tensor& tensor) {
  if (!tensor.is_writable()) throw ValueError(concat_text(def.name, ": the tensor shares read-only memory"));
  if (!grad_enabled() || !tensor.requires_grad()) return;
  throw Error(concat_text(def.name, ": a tensor that requires a gradient cannot be overwritten while operations are ",
                          "recorded; do it under no_grad(), or compute a new tensor"));
}

void apply_mutating(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs,
                    std::span<const BufferSpec> specs) {
  def.infer(attrs, specs, nullptr, nullptr);  // comes first because the attributes say how many inputs are overwritten
  const int mutated = def.mutated(attrs, static_cast<int>(inputs.size()));
  for (int i = 0; i < mutated; ++i) check_mutable(def, inputs[static_cast<size_t>(i)]);
  for (const Tensor& input : inputs.subspan(static_cast<size_t>(mutated))) {
    if (!grad_enabled() || !input.requires_grad()) continue;
    throw Error(concat_text(def.name, ": a recorded tensor cannot be written into another one; use concat or where, ",
                            "or detach() it"));
  }
  if (OpTrace* trace = active_op_trace()) {
    trace->note_mutation(def, attrs, inputs, mutated);
  } else {
    run_kernel({def.id, attrs, specs, {}}, inputs, nullptr);
    if (autograd::looks_for_anomalies()) {
      const auto count = static_cast<size_t>(mutated);
      autograd::check_results(def, inputs.subspan(count), inputs.first(count));
    }
  }
  for (int i = 0; i < mutated; ++i) inputs[static_cast<size_t>(i)].bump_version();
}

bool any_requires_grad(std::span<const Tensor> inputs) {
  for (const Tensor& input : inputs) {
    if (input.requires_grad()) return true;
  }
  return false;
}

}  // namespace

namespace {

thread_local OpCounter* counter = nullptr;

void count(OpCounter& counted, const OpDef& def, const Attrs& attrs, std::span<const BufferSpec> inputs,
           std::span<const BufferSpec> results) {
  if (def.flops != nullptr) counted.flops += def.flops(attrs, inputs, results[0]);
  if (def.has(Trait::view)) return;
  for (const BufferSpec& result : results) {
    counted.bytes += element_count(result.shape) * static_cast<int64_t>(item_size(result.dtype));
  }
}

}  // namespace

OpCounter::OpCounter() : outer_(std::exchange(counter, this)) {}
OpCounter::~OpCounter() { counter = outer_; }
OpCounter* active_op_counter() { return counter; }

void set_work_hook(WorkHook hook) { work_hook = hook; }

namespace {

void check_views(const OpDef& def, size_t results) {
  if (results != 1) throw Error(concat_text(def.name, ": a view has one result, got ", results));
}

void compute(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs, std::span<BufferSpec> specs,
             std::span<const BufferSpec> layouts, std::span<Tensor> results) {
  OperandList<void*> pointers(results.size());
  bool empty = true;
  for (size_t i = 0; i < results.size(); ++i) {
    const BufferSpec& layout = layouts[i];
    results[i] = core::make_tensor(layout.shape, layout.strides, layout.dtype);
    pointers[i] = results[i].impl()->data;
    empty = empty && element_count(layout.shape) == 0;
  }
  if (empty) return;
  if (def.has(Trait::elementwise)) {
    for (BufferSpec& spec : specs) exec::expand_spec(spec, layouts[0].shape);
  }
  run_kernel({def.id, attrs, specs, layouts}, inputs, pointers.data());
}

void run(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs, std::span<BufferSpec> specs,
         std::span<BufferSpec> layouts, std::span<Tensor> results) {
  int64_t offset = 0;
  def.infer(attrs, specs, layouts.data(), &offset);
  if (counter != nullptr) count(*counter, def, attrs, specs, layouts);
  if (OpTrace* trace = active_op_trace()) {
    trace->note(def, attrs, inputs, layouts, offset, results);
  } else if (def.has(Trait::view)) {
    check_views(def, results.size());
    results[0] = core::make_view(inputs[0], layouts[0].shape, layouts[0].strides, offset);
  } else {
    compute(def, attrs, inputs, specs, layouts, results);
    if (autograd::looks_for_anomalies()) autograd::check_results(def, inputs, results);
  }
  if (grad_enabled() && def.has(Trait::differentiable) && any_requires_grad(inputs)) {
    autograd::record(def, attrs, inputs, results);
  }
}

OperandList<BufferSpec> specs_of(std::span<const Tensor> inputs) {
  OperandList<BufferSpec> specs(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) specs[i] = spec_of(inputs[i]);
  return specs;
}

}  // namespace

namespace {

bool may_overwrite(const OpDef& def, const Tensor& target, const Tensor& operand) {
  if (active_op_trace() != nullptr || counter != nullptr || autograd::looks_for_anomalies()) return false;
  if (grad_enabled() && (target.requires_grad() || operand.requires_grad())) return false;
  if (!def.has(Trait::in_place_safe) || !target.is_writable() || target.size() == 0) return false;
  // Integers are divided in floating point, and bools have logical counterparts of arithmetic.
  const DType dtype = target.dtype();
  const bool computed_as_is = is_floating(dtype) || (is_integer(dtype) && def.id != OpId::divide);
  if (!computed_as_is || operand.dtype() != dtype) return false;
  const core::TensorImpl& a = *target.impl();
  const core::TensorImpl& b = *operand.impl();
  return a.storage.get() != b.storage.get() || (a.data == b.data && a.shape == b.shape && a.strides == b.strides);
}

}  // namespace

bool overwrite(OpId id, const Tensor& target, const Tensor& operand) {
  const OpDef& def = op_def(id);
  const Tensor inputs[] = {target, operand};
  check_inputs(def, inputs);
  if (!may_overwrite(def, target, operand)) return false;
  OperandList<BufferSpec> specs = specs_of(inputs);
  BufferSpec layout;
  def.infer({}, specs.span(), &layout, nullptr);
  if (layout.shape != specs[0].shape || layout.strides != specs[0].strides) return false;
  exec::expand_spec(specs[1], layout.shape);
  void* const result = target.impl()->data;
  run_kernel({id, {}, specs.span(), {&layout, 1}}, inputs, &result);
  target.bump_version();
  return true;
}

Tensor apply(OpId id, const Attrs& attrs, std::span<const Tensor> inputs) {
  const OpDef& def = op_def(id);
  check_inputs(def, inputs);
  OperandList<BufferSpec> specs = specs_of(inputs);
  Tensor result;
  if (def.has(Trait::mutates)) {
    apply_mutating(def, attrs, inputs, specs.span());
    return result;
  }
  const size_t count = def.count_results(attrs, inputs.size());
  if (count != 1) throw Error(concat_text(def.name, ": called for one result, but it has ", count));
  BufferSpec layout;
  run(def, attrs, inputs, specs.span(), {&layout, 1}, {&result, 1});
  return result;
}

std::vector<Tensor> apply_all(OpId id, const Attrs& attrs, std::span<const Tensor> inputs) {
  const OpDef& def = op_def(id);
  check_inputs(def, inputs);
  OperandList<BufferSpec> specs = specs_of(inputs);
  if (def.has(Trait::mutates)) {
    apply_mutating(def, attrs, inputs, specs.span());
    return {};
  }
  std::vector<Tensor> results(def.count_results(attrs, inputs.size()));
  std::vector<BufferSpec> layouts(results.size());
  run(def, attrs, inputs, specs.span(), layouts, results);
  return results;
}

std::vector<Tensor> call(OpId id, Attrs attrs, std::vector<Tensor> inputs) try {
  const OpDef& def = op_def(id);
  check_attrs(def, attrs);
  check_inputs(def, inputs);
  if (def.canonical != nullptr) def.canonical(attrs, inputs);
  return apply_all(id, attrs, inputs);
} catch (const Error&) {
  core::rethrow_as(op_name(id));
}

}  // namespace pydl::op
