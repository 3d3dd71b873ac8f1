#include "exec/plan.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/active_trace.h"
#include "core/tensor_impl.h"
#include "exec/broadcast.h"
#include "exec/schedule.h"
#include "op/apply.h"
#include "pydl/autograd.h"
#include "pydl/random.h"
#include "runtime/threads.h"

namespace pydl::exec {

namespace {

using graph::Graph;
using graph::Node;
using graph::Source;
using graph::ValueId;

int64_t byte_size(const BufferSpec& spec) {
  return element_count(spec.shape) * static_cast<int64_t>(item_size(spec.dtype));
}

int64_t byte_offset(const graph::Value& value) {
  return value.offset * static_cast<int64_t>(item_size(value.spec.dtype));
}

bool same_layout(const BufferSpec& a, const BufferSpec& b) {
  return a.shape == b.shape && a.strides == b.strides && item_size(a.dtype) == item_size(b.dtype);
}

// A new tensor with the elements of a row-major one.
Tensor copy_of(const Tensor& tensor) {
  Tensor copy = core::make_tensor(tensor.shape(), tensor.strides(), tensor.dtype());
  const auto bytes = static_cast<size_t>(tensor.size()) * item_size(tensor.dtype());
  if (bytes > 0) std::memcpy(copy.impl()->data, tensor.impl()->data, bytes);
  return copy;
}

// Whether an output may overwrite this operand of a fused node, because nothing reads the operand after the output is
// written.
bool is_read_last(const Node& node, size_t input, size_t output) {
  const int written = node.stored[output] - static_cast<int>(node.inputs.size());
  for (size_t i = static_cast<size_t>(written) + 1; i < node.fused.size(); ++i) {
    const auto& sources = node.fused[i].sources;
    if (std::find(sources.begin(), sources.end(), static_cast<int>(input)) != sources.end()) return false;
  }
  return true;
}

}  // namespace

struct Plan::Context {
  core::IntrusivePtr<core::Storage> memory;
  char* arena;
  char* scratchpad;
  std::vector<void*> pointers;
  std::vector<int64_t> generator_states;
  std::vector<Tensor> backups;
  std::vector<const Kernel*> kernels;        // by step
  std::vector<std::unique_ptr<Kernel>> own;  // kernels in `kernels` that do not belong to the plan
  std::vector<Tensor> roots;                 // only in contexts that keep their results
  std::vector<Tensor> results;               // likewise
};

Plan::Plan(Graph graph, std::vector<Tensor> states, std::vector<Tensor> declared, PlanOptions options)
    : graph_(std::move(graph)), states_(std::move(states)), declared_(std::move(declared)), profile_(options.profile) {
  times_ = options.concurrent ? schedule(graph_, runtime::thread_count()) : schedule_in_order(graph_);
  place_roots(options);
  plan_arena(options);
  prepare_steps(options.kernels);
  place_scratchpads();
  if (profile_) seconds_.resize(steps_.size());
}

Plan::~Plan() = default;

void Plan::place_roots(const PlanOptions&) {
  locations_.resize(graph_.values.size());
  for (size_t id = 0; id < graph_.values.size(); ++id) {
    const graph::Value& value = graph_.values[id];
    Location& location = locations_[id];
    location.index = value.index;
    switch (value.source) {
      case Source::argument: location.region = Region::argument; break;
      case Source::state: location.region = Region::state; break;
      case Source::generator: location.region = Region::generator; break;
      case Source::constant: location.region = Region::constant; break;
      case Source::node: break;
    }
  }
  for (const ValueId output : graph_.outputs) {
    const ValueId root = graph_.root(output);
    if (graph_.value(root).source != Source::node || locations_[static_cast<size_t>(root)].region == Region::output)
      continue;
    locations_[static_cast<size_t>(root)] = {Region::output, static_cast<int>(output_roots_.size())};
    output_roots_.push_back(root);
  }
}

// Whether another node that runs at the same time reads the memory of a root.
bool Plan::is_read_beside(size_t n, ValueId root) const {
  const auto reads = [&](size_t other) {
    const auto& inputs = graph_.nodes[other].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](ValueId input) { return graph_.root(input) == root; });
  };
  for (size_t other = n; other-- > 0 && times_[other] == times_[n];) {
    if (reads(other)) return true;
  }
  for (size_t other = n + 1; other < times_.size() && times_[other] == times_[n]; ++other) {
    if (reads(other)) return true;
  }
  return false;
}

// Lets the outputs of an elementwise node take over the memory of inputs that are read for the last time.
bool Plan::take_over(size_t n, std::vector<ValueId>& owner, const std::vector<int>& last_use) {
  const Node& node = graph_.nodes[n];
  if (!graph_.is_elementwise(node) || (!node.is_fused() && !graph_.def(node).has(op::Trait::in_place_safe)))
    return false;
  const size_t count = node.is_fused() ? node.stored.size() : node.outputs.size();
  for (size_t o = 0; o < count; ++o) {
    const ValueId output = node.outputs[o];
    if (locations_[static_cast<size_t>(output)].region != Region::none) continue;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      const ValueId root = graph_.root(input);
      const bool whole = root == input && same_layout(graph_.spec(input), graph_.spec(output));
      if (!whole || locations_[static_cast<size_t>(root)].region != Region::arena) continue;
      if (last_use[static_cast<size_t>(root)] != static_cast<int>(n) || owner[static_cast<size_t>(root)] < 0) continue;
      if (node.is_fused() && !is_read_last(node, i, o)) continue;
      if (is_read_beside(n, root)) continue;
      // Other operands may be views of the same memory, and read positions other than those being written.
      const bool viewed = std::any_of(node.inputs.begin(), node.inputs.end(),
                                      [&](ValueId other) { return other != input && graph_.root(other) == root; });
      if (viewed) continue;
      locations_[static_cast<size_t>(output)] = locations_[static_cast<size_t>(root)];
      owner[static_cast<size_t>(output)] = owner[static_cast<size_t>(root)];
      owner[static_cast<size_t>(root)] = -1;  // the buffer has been given away
      break;
    }
  }
  return true;
}

void Plan::plan_arena(const PlanOptions& options) {
  std::vector<int> last_use(graph_.values.size(), -1);
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    for (const ValueId input : node.inputs) last_use[static_cast<size_t>(graph_.root(input))] = static_cast<int>(n);
    for (const ValueId output : node.outputs) {
      int& last = last_use[static_cast<size_t>(graph_.root(output))];
      last = std::max(last, static_cast<int>(n));
    }
  }
  std::vector<BufferLifetime> buffers;
  std::vector<ValueId> owner(graph_.values.size(), -1);  // by root: the buffer that it may give away, or -1
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    if (graph_.is_view(node)) continue;
    if (options.alias) take_over(n, owner, last_use);
    for (const ValueId output : node.outputs) {
      Location& location = locations_[static_cast<size_t>(output)];
      const int last = times_[static_cast<size_t>(last_use[static_cast<size_t>(output)])];
      if (location.region == Region::arena) {
        buffers[static_cast<size_t>(location.index)].last = last;
      } else if (location.region == Region::none) {
        location = {Region::arena, static_cast<int>(buffers.size())};
        buffers.push_back({byte_size(graph_.spec(output)), times_[n], last});
      }
      if (location.region == Region::arena) owner[static_cast<size_t>(output)] = location.index;
    }
  }
  memory_ = plan_memory(buffers, options.reuse);
}

std::unique_ptr<Kernel> Plan::prepare_node(const Node& node, const KernelChoice& choice) const {
  std::vector<BufferSpec> inputs;
  std::vector<BufferSpec> outputs;
  for (const ValueId input : node.inputs) inputs.push_back(graph_.spec(input));
  for (const ValueId output : node.outputs) outputs.push_back(graph_.spec(output));
  if (graph_.is_elementwise(node)) {
    for (BufferSpec& input : inputs) expand_spec(input, node.is_fused() ? node.shape : outputs[0].shape);
  }
  if (node.is_fused()) {
    return prepare_fused_kernel({node.fused, inputs, outputs, node.stored, node.reductions, node.shape, node.strides});
  }
  return prepare_kernel({node.op, node.attrs, inputs, outputs}, choice);
}

void Plan::prepare_steps(const KernelChoice& choice) {
  bool overwritten = false;
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    const auto has_elements = [&](ValueId id) { return element_count(graph_.spec(id).shape) > 0; };
    const bool empty = !node.outputs.empty() && std::none_of(node.outputs.begin(), node.outputs.end(), has_elements);
    if (graph_.is_view(node) || empty) continue;
    Step step = {prepare_node(node, choice), n, operands_.size(), node.inputs.size()};
    for (const ValueId input : node.inputs) operands_.push_back(input);
    for (const ValueId output : node.outputs) operands_.push_back(output);
    work_ += node_time(graph_, node);
    steps_.push_back(std::move(step));
    if (!node.is_fused() && graph_.def(node).has(op::Trait::checks_values))
      keeps_backup_ = keeps_backup_ || overwritten;
    for (int i = 0; i < node.mutated; ++i) {
      const graph::Value& root = graph_.value(graph_.root(node.inputs[static_cast<size_t>(i)]));
      if (root.source != Source::state) continue;
      overwritten = true;
      mutated_states_.push_back(root.index);
    }
  }
  std::sort(mutated_states_.begin(), mutated_states_.end());
  mutated_states_.erase(std::unique(mutated_states_.begin(), mutated_states_.end()), mutated_states_.end());
  for (const int state : mutated_states_) {
    overwritten_.push_back(states_[static_cast<size_t>(state)].impl()->storage.get());
  }
  std::sort(overwritten_.begin(), overwritten_.end());
  for (const Tensor& state : declared_) {
    const bool changes = std::binary_search(overwritten_.begin(), overwritten_.end(), state.impl()->storage.get());
    if (keeps_backup_ && changes) kept_.push_back(state);
  }
  for (size_t i = 0; i < operands_.size(); ++i) {
    const graph::Value& value = graph_.value(operands_[i]);
    const Location& location = locations_[static_cast<size_t>(value.root)];
    if (location.region != Region::argument && location.region != Region::output) continue;
    patches_.push_back({i, location.region, location.index, byte_offset(value)});
  }
}

// Steps that run concurrently need separate scratchpads.
void Plan::place_scratchpads() {
  for (size_t first = 0; first < steps_.size();) {
    size_t used = 0;
    size_t end = first;
    for (; end < steps_.size() && times_[steps_[end].node] == times_[steps_[first].node]; ++end) {
      steps_[end].scratchpad = used;
      used += (steps_[end].kernel->scratchpad_bytes + 63) / 64 * 64;
    }
    steps_[first].concurrent = end - first;
    scratchpad_bytes_ = std::max(scratchpad_bytes_, used);
    first = end;
  }
}

void* Plan::fixed_pointer(ValueId id, char* arena) const {
  const graph::Value& value = graph_.value(id);
  const Location& location = locations_[static_cast<size_t>(value.root)];
  const auto index = static_cast<size_t>(location.index);
  char* base = nullptr;
  switch (location.region) {
    case Region::arena: base = arena + memory_.offsets[index]; break;
    case Region::state: base = static_cast<char*>(states_[index].impl()->data); break;
    case Region::constant: base = static_cast<char*>(graph_.constant_tensors[index].impl()->data); break;
    default: return nullptr;
  }
  return base + byte_offset(value);
}

std::shared_ptr<Plan::Context> Plan::prepare_context() const {
  auto context = std::make_shared<Context>();
  const auto arena_bytes = static_cast<size_t>(memory_.bytes);
  context->memory = core::IntrusivePtr<core::Storage>::adopt(core::Storage::allocate(arena_bytes + scratchpad_bytes_));
  context->arena = static_cast<char*>(context->memory->data());
  context->scratchpad = context->arena + arena_bytes;
  context->generator_states.resize(2 * graph_.generators.size());
  for (const ValueId operand : operands_) {
    void* pointer = fixed_pointer(operand, context->arena);
    const Location& location = locations_[static_cast<size_t>(graph_.root(operand))];
    if (location.region == Region::generator) {
      pointer = context->generator_states.data() + 2 * location.index + graph_.value(operand).offset;
    }
    context->pointers.push_back(pointer);
  }
  for (const Tensor& state : kept_) {
    context->backups.push_back(core::make_tensor(state.shape(), contiguous_strides(state.shape()), state.dtype()));
  }
  for (const Step& step : steps_) context->kernels.push_back(step.kernel.get());
  return context;
}

std::shared_ptr<Plan::Context> Plan::make_context() const {
  std::shared_ptr<Context> context = prepare_context();
  for (const Kernel*& kernel : context->kernels) {
    std::unique_ptr<Kernel> own = kernel->duplicate();
    if (!own) continue;
    kernel = own.get();
    context->own.push_back(std::move(own));
  }
  for (size_t i = 0; i < output_roots_.size(); ++i) context->roots.push_back(make_root(i));
  context->results.resize(graph_.outputs.size());
  return context;
}

void Plan::execute_step(Context& context, size_t index) const {
  const Step& step = steps_[index];
  void** operands = context.pointers.data() + step.first_pointer;
  context.kernels[index]->run({context.scratchpad + step.scratchpad}, operands, operands + step.input_count);
}

void Plan::execute(Context& context) const {
  // If several runs are concurrent, only one is timed.
  if (profile_ && &context == context_.get()) {
    execute_timed(context);
    return;
  }
  for (size_t i = 0; i < steps_.size(); i += steps_[i].concurrent) {
    if (steps_[i].concurrent == 1) {
      execute_step(context, i);
      continue;
    }
    runtime::parallel_for(static_cast<int64_t>(steps_[i].concurrent), 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) execute_step(context, i + static_cast<size_t>(k));
    });
  }
}

// Runs one step after the other, each with all threads.
void Plan::execute_timed(Context& context) const {
  using Clock = std::chrono::steady_clock;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto start = Clock::now();
    execute_step(context, i);
    seconds_[i].push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
}

// In eager mode an argument that shares memory with a state would change along with it, but a program may read it at
// any time during the run.
void Plan::check_arguments(std::span<const Tensor> arguments) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!std::binary_search(overwritten_.begin(), overwritten_.end(), arguments[i].impl()->storage.get())) continue;
    throw ValueError(concat_text("program: argument ", i, " of shape ", arguments[i].shape(),
                                 " shares memory with a state that is overwritten; hand in a copy, or use the state"));
  }
}

Tensor Plan::make_root(size_t index) const {
  const BufferSpec& spec = graph_.spec(output_roots_[index]);
  return core::make_tensor(spec.shape, spec.strides, spec.dtype);
}

void Plan::run_steps(Context& context, std::span<const Tensor> arguments, std::span<const Tensor> roots) const {
  for (const Patch& patch : patches_) {
    const auto index = static_cast<size_t>(patch.index);
    const Tensor& base = patch.region == Region::argument ? arguments[index] : roots[index];
    context.pointers[patch.pointer] = static_cast<char*>(base.impl()->data) + patch.offset;
  }
  for (size_t i = 0; i < graph_.generator_uses.size(); ++i) {
    const graph::GeneratorUse& use = graph_.generator_uses[i];
    use.stream->advance(use.blocks, context.generator_states.data() + 2 * i);
  }
  execute(context);
}

// An output of the graph; `roots` hold the memory computed for outputs.
Tensor Plan::result(size_t index, std::span<const Tensor> arguments, std::span<const Tensor> roots) const {
  const ValueId id = graph_.outputs[index];
  const graph::Value& value = graph_.value(id);
  const Location& location = locations_[static_cast<size_t>(value.root)];
  const auto position = static_cast<size_t>(location.index);
  Tensor base;
  switch (location.region) {
    case Region::output: base = roots[position]; break;
    case Region::argument: base = arguments[position]; break;
    case Region::state: base = states_[position]; break;
    default: base = copy_of(graph_.constant_tensors[position]); break;
  }
  return value.root == id ? base : core::make_view(base, value.spec.shape, value.spec.strides, value.offset);
}

// Copies states to their backups, or back.
void Plan::copy_states(Context& context, bool restore) const {
  if (context.backups.empty()) return;
  const core::PauseTrace pause;
  const GradMode mode(false);
  for (size_t i = 0; i < context.backups.size(); ++i) {
    const Tensor& state = kept_[i];
    if (state.is_contiguous()) {
      void* data = state.impl()->data;
      void* backup = context.backups[i].impl()->data;
      const auto bytes = static_cast<size_t>(state.size()) * item_size(state.dtype());
      if (bytes > 0) std::memcpy(restore ? data : backup, restore ? backup : data, bytes);
      continue;
    }
    op::apply(op::OpId::assign, {},
              restore ? std::initializer_list<Tensor>{state, context.backups[i]}
                      : std::initializer_list<Tensor>{context.backups[i], state});
  }
}

void Plan::run_in(Context& context, std::span<const Tensor> arguments, std::span<const Tensor> roots) const {
  check_arguments(arguments);
  copy_states(context, false);
  try {
    run_steps(context, arguments, roots);
  } catch (...) {
    copy_states(context, true);
    for (size_t i = 0; i < graph_.generator_uses.size(); ++i) {
      graph_.generator_uses[i].stream->take_back(graph_.generator_uses[i].blocks,
                                                 context.generator_states.data() + 2 * i);
    }
    throw;
  }
  for (const int state : mutated_states_) states_[static_cast<size_t>(state)].bump_version();
}

void Plan::run(std::span<const Tensor> arguments, std::span<Tensor> outputs) {
  std::vector<Tensor> many;
  Tensor few[4];
  std::span<Tensor> roots(few, std::min<size_t>(output_roots_.size(), 4));
  if (output_roots_.size() > 4) {
    many.resize(output_roots_.size());
    roots = many;
  }
  for (size_t i = 0; i < roots.size(); ++i) roots[i] = make_root(i);
  if (busy_.exchange(true, std::memory_order_acquire)) {
    run_in(*prepare_context(), arguments, roots);
  } else {
    const auto leave = [](std::atomic<bool>* busy) { busy->store(false, std::memory_order_release); };
    const std::unique_ptr<std::atomic<bool>, decltype(leave)> guard(&busy_, leave);
    if (!context_) context_ = prepare_context();
    run_in(*context_, arguments, roots);
  }
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = result(i, arguments, roots);
}

std::span<const Tensor> Plan::run(Context& context, std::span<const Tensor> arguments) const {
  run_in(context, arguments, context.roots);
  for (size_t i = 0; i < context.results.size(); ++i) {
    // Arguments differ between runs; all other memory stays where it is.
    const ValueId root = graph_.root(graph_.outputs[i]);
    const bool moves = locations_[static_cast<size_t>(root)].region == Region::argument;
    if (!context.results[i].defined() || moves) context.results[i] = result(i, arguments, context.roots);
  }
  return context.results;
}

std::string Plan::describe_location(ValueId id) const {
  const graph::Value& value = graph_.value(id);
  const Location& location = locations_[static_cast<size_t>(value.root)];
  const auto index = static_cast<size_t>(location.index);
  switch (location.region) {
    case Region::arena: return concat_text("arena+", memory_.offsets[index] + byte_offset(value));
    case Region::output: return concat_text("output", index);
    case Region::argument: return concat_text("argument", index);
    case Region::state: return graph_.state_names[index];
    case Region::generator: return concat_text("generator", index);
    default: return concat_text("constant", index);
  }
}

std::vector<PlanStep> Plan::steps() const {
  std::vector<PlanStep> result;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Node& node = graph_.nodes[steps_[i].node];
    const Kernel& kernel = *steps_[i].kernel;
    PlanStep step = {node_name(node),
                     kernel.provider,
                     kernel.implementation,
                     "",
                     node_flops(graph_, node),
                     node_bytes(graph_, node),
                     {},
                     0};
    if (node.location >= 0) step.location = graph_.locations[static_cast<size_t>(node.location)];
    for (const ValueId input : node.inputs) step.buffers.push_back(describe_location(input));
    for (const ValueId output : node.outputs) step.buffers.push_back(describe_location(output));
    if (profile_ && !seconds_[i].empty()) {
      std::vector<double> sorted = seconds_[i];
      std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
      step.seconds = sorted[sorted.size() / 2];
    }
    result.push_back(std::move(step));
  }
  return result;
}

}  // namespace pydl::exec
