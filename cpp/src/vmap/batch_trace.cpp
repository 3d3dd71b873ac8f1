#include "vmap/batch_trace.h"

#include <atomic>

#include "core/tensor_impl.h"
#include "op/apply.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "vmap/rules.h"

namespace pydl::vmap {

namespace {

// Traces have numbers of their own; those of batches are counted from the other end.
uint32_t next_batch_number() {
  static std::atomic<uint32_t> counter{0xFFFFFFFFU};
  return counter.fetch_sub(1, std::memory_order_relaxed);
}

// Makes another trace active for a scope.
class InTrace {
 public:
  explicit InTrace(core::ActiveTrace* trace) : previous_(core::set_active_trace(trace)) {}
  ~InTrace() { core::set_active_trace(previous_); }
  InTrace(const InTrace&) = delete;
  InTrace& operator=(const InTrace&) = delete;

 private:
  core::ActiveTrace* previous_;
};

// With one axis at another place.
Tensor moved_axis(const Tensor& x, int64_t from, int64_t to) {
  if (from == to) return x;
  Dims order;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (axis != from) order.push_back(axis);
  }
  order.insert(static_cast<int>(to), from);
  return permute_dims(x, order);
}

int64_t counted_axis(const char* what, int64_t axis, int rank) {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw IndexError(concat_text("vmap: ", what, " ", axis, " is out of range for a tensor of ", rank, " axes"));
}

// The results of a batch without examples, which depend on the same tensors as those of a call: their gradients are 0.
std::vector<Tensor> results_of_none(std::span<const Operand> operands, std::span<const op::BufferSpec> layouts) {
  Tensor history;
  for (const Operand& operand : operands) {
    if (!operand.tensor.requires_grad()) continue;
    const Tensor nothing = sum(operand.tensor) * 0.0;
    history = history.defined() ? add(history, nothing) : nothing;
  }
  std::vector<Tensor> results;
  for (const op::BufferSpec& layout : layouts) {
    Dims shape = layout.shape;
    shape.insert(0, 0);
    const Tensor empty = zeros(shape, layout.dtype);
    const bool depends = history.defined() && is_floating(layout.dtype);
    results.push_back(depends ? add(empty, astype(history, layout.dtype)) : empty);
  }
  return results;
}

}  // namespace

BatchTrace::BatchTrace(int64_t size) : OpTrace(next_batch_number()), size_(size) {
  if (size < 0) throw ValueError(concat_text("vmap: expected a batch of at least 0 examples, got ", size));
}

BatchTrace::~BatchTrace() { abandon(); }

void BatchTrace::start() {
  outer_ = core::set_active_trace(this);
  active_ = true;
}

void BatchTrace::abandon() noexcept {
  if (!active_) return;
  core::set_active_trace(outer_);
  active_ = false;
}

void BatchTrace::stop() {
  abandon();
  for (const auto& entry : gradients_) {
    const OuterGradient& gradient = entry.second;
    if (is_same(gradient.before, gradient.now)) continue;
    throw TraceError(concat_text("vmap: backward() reached a tensor of shape ", gradient.owner.shape(),
                                 " outside of the function; use pydl.grad, and hand the tensor in as an argument"));
  }
}

bool BatchTrace::is_own(const Tensor& tensor) const {
  return tensor.impl()->is_traced() && tensor.impl()->trace == number();
}

BatchTrace::Value BatchTrace::value_of(const Tensor& tensor) const {
  core::TensorImpl& impl = *tensor.impl();
  // A constant that the function made is one of the trace outside.
  if (!impl.is_traced() && impl.trace == number()) impl.trace = outer_ != nullptr ? outer_->number() : 0;
  if (!is_own(tensor)) return {tensor, false};
  // What has no history for the function has none outside either: it was detached, or computed without recording.
  const Value& value = values_[static_cast<size_t>(tensor.impl()->value)];
  if (tensor.requires_grad() || !value.tensor.requires_grad()) return value;
  return {value.tensor.detach(), value.batched};
}

Tensor BatchTrace::stand_in(Value value, const Dims& shape, const Dims& strides, const core::TensorImpl* base) {
  const DType dtype = value.tensor.dtype();
  const core::Storage* memory = value.tensor.impl()->storage.get();
  values_.push_back(std::move(value));
  Tensor made = core::make_traced(shape, strides, dtype, number(), static_cast<int32_t>(values_.size()) - 1, base);
  if (base == nullptr) storages_[made.impl()->storage.get()] = memory;
  return made;
}

Tensor BatchTrace::argument(const Tensor& tensor, std::optional<int64_t> axis) {
  Value value = {tensor, axis.has_value()};
  Dims shape = tensor.shape();
  if (axis) {
    const int64_t from = counted_axis("in_axes", *axis, tensor.rank());
    value.tensor = moved_axis(tensor, from, 0);
    shape.erase(static_cast<int>(from));
  }
  const bool differentiated = value.tensor.requires_grad();
  Tensor made = stand_in(std::move(value), shape, contiguous_strides(shape), nullptr);
  if (differentiated) made.set_requires_grad(true);
  return made;
}

Tensor BatchTrace::result(const Tensor& example, std::optional<int64_t> axis) const {
  Value value = value_of(example);
  if (!axis) {
    if (!value.batched) return value.tensor;
    throw ValueError("vmap: out_axes is None for a result that differs between examples");
  }
  if (!value.batched) {
    Dims shape = value.tensor.shape();
    shape.insert(0, size_);
    value.tensor = expand(value.tensor, shape);
  }
  return moved_axis(value.tensor, 0, counted_axis("out_axes", *axis, value.tensor.rank()));
}

void BatchTrace::note(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
                      std::span<const op::BufferSpec> layouts, int64_t, std::span<Tensor> results) {
  std::vector<Operand> operands;
  bool any_own = false;
  bool any_batched = false;
  for (const Tensor& input : inputs) {
    any_own = any_own || is_own(input);
    Value value = value_of(input);
    any_batched = any_batched || value.batched;
    operands.push_back({std::move(value.tensor), value.batched});
  }
  std::vector<Tensor> computed;
  {
    const InTrace outside(outer_);
    if (any_batched && size_ == 0 && !def.has(op::Trait::view)) {
      computed = results_of_none(operands, layouts);
    } else if (any_batched) {
      computed = run_batched({def, attrs, operands, size_});
    } else {
      std::vector<Tensor> tensors;
      for (Operand& operand : operands) tensors.push_back(std::move(operand.tensor));
      computed = op::apply_all(def.id, attrs, tensors);
    }
  }
  const core::TensorImpl* base = def.has(op::Trait::view) && any_own ? inputs[0].impl() : nullptr;
  for (size_t i = 0; i < results.size(); ++i) {
    // What is computed from outside only needs no stand-in, and can be read.
    results[i] = any_own ? stand_in({std::move(computed[i]), any_batched}, layouts[i].shape, layouts[i].strides, base)
                         : std::move(computed[i]);
  }
}

void BatchTrace::note_mutation(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
                               int mutated) {
  if (mutated != 1) {
    throw TraceError(concat_text(def.name, ": a function under vmap cannot update several tensors at once"));
  }
  std::vector<Operand> operands;
  bool any_batched = false;
  for (const Tensor& input : inputs) {
    Value value = value_of(input);
    any_batched = any_batched || value.batched;
    operands.push_back({std::move(value.tensor), value.batched});
  }
  if (any_batched && !operands[0].batched) {
    throw TraceError(concat_text(def.name, ": under vmap, a tensor of shape ", inputs[0].shape(), " that is the same ",
                                 "in all examples cannot take values that differ; compute it with where or concat, or ",
                                 "begin with one that differs, such as x * 0"));
  }
  if (is_own(inputs[0])) {
    const auto memory = storages_.find(inputs[0].impl()->storage.get());
    if (memory == storages_.end() || memory->second != operands[0].tensor.impl()->storage.get()) {
      throw TraceError(
          concat_text(def.name, ": under vmap this view is a copy; compute a new tensor with where or ", "concat"));
    }
  }
  const InTrace outside(outer_);
  write_batched({def, attrs, operands, size_});
}

Tensor BatchTrace::take(Generator&, int64_t) {
  throw TraceError(
      "random numbers under vmap: it is not clear whether the examples should have the same ones; draw them before, "
      "and "
      "hand them in as an argument, with a batch axis or, for the same ones, with None in in_axes");
}

void BatchTrace::check_read(const core::TensorImpl& impl) const {
  if (!impl.is_traced()) return;
  if (impl.trace == number()) {
    throw TraceError(concat_text("vmap: the elements of a tensor of shape ", impl.shape, " differ between examples ",
                                 "and cannot be read; use pydl.where instead of an if"));
  }
  if (outer_ != nullptr) outer_->check_read(impl);
}

Tensor* BatchTrace::gradient_of(core::TensorImpl& owner) {
  if (owner.is_traced() && owner.trace == number()) return nullptr;
  auto [entry, is_new] = gradients_.try_emplace(&owner);
  if (is_new) {
    owner.retain();
    Tensor* outer = outer_ != nullptr ? outer_->gradient_of(owner) : nullptr;
    const Tensor& gradient = outer != nullptr ? *outer : owner.grad;
    entry->second = {Tensor(&owner), gradient, gradient};
  }
  return &entry->second.now;
}

uint32_t* BatchTrace::version_of(const core::Storage& storage) {
  return outer_ != nullptr ? outer_->version_of(storage) : nullptr;
}

}  // namespace pydl::vmap
