#include "graph/tracer.h"

#include <atomic>
#include <cstring>

#include "core/tensor_impl.h"
#include "op/apply.h"
#include "pydl/autograd.h"
#include "pydl/random.h"

namespace pydl::graph {

namespace {

uint32_t next_number() {
  static std::atomic<uint32_t> counter{0};
  return counter.fetch_add(1, std::memory_order_relaxed) + 1;
}

BufferSpec spec_of(const core::TensorImpl& impl) { return {impl.dtype, impl.shape, impl.strides}; }

[[noreturn]] void throw_undeclared(const core::TensorImpl& impl) {
  throw TraceError(concat_text("a captured tensor of shape ", impl.shape, " and ", impl.dtype,
                               " was not declared; hand it in as an argument, or list what holds it in state=[...]"));
}

}  // namespace

Tracer::Tracer() : OpTrace(next_number()) {}

Tracer::~Tracer() {
  if (active_) pause();
}

void Tracer::resume() {
  require_going_on();
  if (active_) return;
  outer_ = core::set_active_trace(this);
  active_ = true;
}

void Tracer::pause() {
  if (!active_) return;
  core::set_active_trace(outer_);
  active_ = false;
  gradients_.clear();
}

Tensor* Tracer::gradient_of(core::TensorImpl& owner) {
  if (owner.is_traced() || owner.trace == number()) return nullptr;
  auto [entry, is_new] = gradients_.try_emplace(&owner);
  if (is_new) {
    owner.retain();
    entry->second = {Tensor(&owner), owner.grad};
  }
  return &entry->second.gradient;
}

uint32_t* Tracer::version_of(const core::Storage& storage) {
  return state_by_storage_.contains(&storage) ? &versions_[&storage] : nullptr;
}

bool Tracer::is_dropped(const Tensor& owner, const Tensor& result) const {
  if (!result.defined() || !cleared_.contains(owner.impl())) return false;
  return read_by_updates_.contains(result.impl()->value);
}

int64_t Tracer::live_results() const { return core::live_traced_count(number()); }

Tensor Tracer::argument(const BufferSpec& spec) {
  const auto index = static_cast<int>(graph_.arguments.size());
  const ValueId id = graph_.add_value(spec, Source::argument, index);
  graph_.arguments.push_back(id);
  return core::make_traced(spec.shape, spec.strides, spec.dtype, number(), id);
}

Tensor Tracer::constant(const Tensor& elements) {
  return core::make_traced(elements.shape(), elements.strides(), elements.dtype(), number(),
                           graph_.add_constant(elements));
}

void Tracer::require_going_on() const {
  if (finished_) throw Error("trace: it has ended; begin another one");
}

Tensor Tracer::argument(const Tensor& like) {
  require_going_on();
  if (!like.defined()) throw ValueError("trace: an argument is an undefined tensor");
  Tensor tensor = argument(spec_of(*like.impl()));
  if (like.requires_grad()) tensor.set_requires_grad(true);
  return tensor;
}

void Tracer::state(const Tensor& tensor, std::string name) {
  require_going_on();
  if (!tensor.defined()) throw ValueError(concat_text("trace: the state '", name, "' is an undefined tensor"));
  if (tensor.impl()->is_traced()) throw TraceError(concat_text("state ", name, " has no elements"));
  const auto index = static_cast<int>(states_.size());
  declared_.push_back(tensor);
  if (!state_by_storage_.emplace(tensor.impl()->storage.get(), index).second) return;
  graph_.states.push_back(graph_.add_value(spec_of(*tensor.impl()), Source::state, index));
  graph_.state_names.push_back(std::move(name));
  states_.push_back(tensor);
}

Tensor Tracer::take(Generator& generator, int64_t blocks) {
  size_t index = 0;
  auto& uses = graph_.generator_uses;
  while (index < uses.size() && uses[index].stream != generator.stream()) ++index;
  if (index == uses.size()) {
    uses.push_back({generator.stream(), 0});
    graph_.generators.push_back(graph_.add_value({DType::int64, {2}, {1}}, Source::generator, static_cast<int>(index)));
  }
  const int64_t offset = std::exchange(uses[index].blocks, uses[index].blocks + blocks);
  const Tensor start = core::make_traced({2}, {1}, DType::int64, number(), graph_.generators[index]);
  if (offset == 0) return start;
  const int64_t step[] = {0, offset};
  const Tensor moved[] = {start, Tensor::from_values<int64_t>(step, {2})};
  const BufferSpec layout = spec_of(*start.impl());
  Tensor result;
  note(op::op_def(op::OpId::add), {}, moved, {&layout, 1}, 0, {&result, 1});
  return result;
}

int Tracer::location() {
  if (!locator_) return -1;
  const auto [entry, is_new] = location_numbers_.try_emplace(locator_(), static_cast<int>(graph_.locations.size()));
  if (is_new) graph_.locations.push_back(entry->first);
  return entry->second;
}

// The value of a declared tensor, or of a view of its memory.
ValueId Tracer::state_value(const Tensor& tensor, int state) {
  const core::TensorImpl& base = *states_[static_cast<size_t>(state)].impl();
  const core::TensorImpl& impl = *tensor.impl();
  const ValueId id = graph_.states[static_cast<size_t>(state)];
  if (impl.data == base.data && impl.dtype == base.dtype && impl.shape == base.shape && impl.strides == base.strides) {
    return id;
  }
  const int64_t bytes = static_cast<char*>(impl.data) - static_cast<char*>(base.data);
  const ValueId view = graph_.add_value(spec_of(impl), Source::state, state);
  graph_.values.back().root = id;
  graph_.values.back().offset = bytes / static_cast<int64_t>(item_size(impl.dtype));
  return view;
}

ValueId Tracer::constant_value(const Tensor& tensor) {
  const auto found = constants_.find(tensor.impl());
  if (found != constants_.end()) return found->second;
  // The memory may belong to the caller, who may write to it later.
  Tensor own = core::make_tensor(tensor.shape(), contiguous_strides(tensor.shape()), tensor.dtype());
  {
    const core::PauseTrace paused;
    const GradMode mode(false);
    op::apply(op::OpId::assign, {}, {own, tensor});
  }
  const ValueId id = graph_.add_constant(own);
  constants_.emplace(tensor.impl(), id);
  keep_.push_back(tensor);
  return id;
}

ValueId Tracer::value_of(const Tensor& tensor) {
  if (!tensor.defined()) throw ValueError("trace: an undefined tensor is not a result");
  const core::TensorImpl& impl = *tensor.impl();
  if (impl.is_traced()) {
    if (impl.trace == number()) return impl.value;
    throw TraceError(concat_text("a tensor of shape ", impl.shape, " belongs to another function that was traced"));
  }
  const auto state = state_by_storage_.find(impl.storage.get());
  if (state != state_by_storage_.end()) return state_value(tensor, state->second);
  if (impl.trace == number()) return constant_value(tensor);
  undeclared_ = tensor;
  throw_undeclared(impl);
}

void Tracer::note(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
                  std::span<const BufferSpec> layouts, int64_t offset, std::span<Tensor> results) {
  op::check_attrs(def, attrs);
  Node node;
  node.op = def.id;
  node.attrs = attrs;
  for (const Tensor& input : inputs) node.inputs.push_back(value_of(input));
  node.region = region_;
  node.location = location();
  const bool is_view = def.has(op::Trait::view);
  for (size_t i = 0; i < results.size(); ++i) {
    const BufferSpec& layout = layouts[i];
    const ValueId id = graph_.add_value(layout);
    if (is_view) {
      const Value& base = graph_.value(node.inputs[0]);
      Value& view = graph_.values.back();
      view.root = base.root;
      view.offset = base.offset + offset;
    }
    node.outputs.push_back(id);
    results[i] = core::make_traced(layout.shape, layout.strides, layout.dtype, number(), id,
                                   is_view ? inputs[0].impl() : nullptr);
  }
  graph_.nodes.push_back(std::move(node));
}

void Tracer::note_mutation(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs, int mutated) {
  op::check_attrs(def, attrs);
  Node node;
  node.op = def.id;
  node.attrs = attrs;
  for (const Tensor& input : inputs) node.inputs.push_back(value_of(input));
  node.mutated = mutated;
  node.region = region_;
  node.location = location();
  for (int i = 0; i < mutated; ++i) {
    const Value& root = graph_.value(graph_.root(node.inputs[static_cast<size_t>(i)]));
    if (root.source == Source::argument) {
      throw TraceError(concat_text(def.name, ": argument ", root.index, " of a traced function is overwritten; ",
                                   "return the new value, or list the tensor in state=[...]"));
    }
    if (root.source == Source::constant || root.source == Source::generator) {
      throw TraceError(concat_text(def.name, ": a constant of a traced function is overwritten; make it with zeros(), ",
                                   "full() or copy()"));
    }
  }
  if (def.id != op::OpId::assign) read_by_updates_.insert(node.inputs.begin() + mutated, node.inputs.end());
  graph_.nodes.push_back(std::move(node));
}

void Tracer::check_read(const core::TensorImpl& impl) const {
  const char* const advice =
      "; while a function is traced only shapes and dtypes are known: use pydl.where instead of an if, a loop over a "
      "static length, or compute the value outside and hand it in";
  if (impl.is_traced()) {
    throw TraceError(concat_text("the value of a tensor of shape ", impl.shape, " was asked for", advice));
  }
  const auto state = state_by_storage_.find(impl.storage.get());
  if (state != state_by_storage_.end()) {
    const auto& name = graph_.state_names[static_cast<size_t>(state->second)];
    throw TraceError(concat_text("the value of ", name, " was asked for, which changes between calls", advice));
  }
  if (impl.trace == number()) return;
  auto* own = const_cast<core::TensorImpl*>(&impl);
  own->retain();
  undeclared_ = Tensor(own);
  throw_undeclared(impl);
}

std::vector<ValueId> Tracer::values_of(std::span<const Tensor> tensors) {
  require_going_on();
  std::vector<ValueId> values;
  for (const Tensor& tensor : tensors) values.push_back(value_of(tensor));
  return values;
}

Graph Tracer::finish(std::span<const Tensor> outputs) {
  require_going_on();
  graph_.outputs = values_of(outputs);
  pause();
  finished_ = true;
  return std::move(graph_);
}

}  // namespace pydl::graph
