#include "graph/recording.h"

#include <algorithm>
#include <unordered_map>

#include "core/tensor_impl.h"
#include "graph/tracer.h"
#include "op/apply.h"
#include "pydl/autograd.h"
#include "pydl/random.h"

namespace pydl::graph {

int64_t OpenInteger::at(int64_t batch) const {
  int64_t result = 0;
  if (__builtin_mul_overflow(times, batch, &result) || __builtin_add_overflow(result, plus, &result)) {
    throw ValueError(concat_text("a batch of ", batch, " is too large"));
  }
  return result;
}

double OpenNumber::at(int64_t batch) const {
  if (!is_open()) return value;
  return (top.is_open() ? static_cast<double>(top.at(batch)) : value) / static_cast<double>(bottom.at(batch));
}

Dims dims_at(const OpenDims& dims, int64_t batch) {
  Dims result;
  for (const OpenInteger& size : dims) result.push_back(size.at(batch));
  return result;
}

OpenDims closed(const Dims& dims) {
  OpenDims result;
  for (const int64_t size : dims) result.push_back({0, size});
  return result;
}

int Recording::first_constant() const { return static_cast<int>(arguments.size() + views.size()) + states; }

// --- from a graph --------------------------------------------------------------------------------

namespace {

OpenAttr closed_attr(const op::AttrValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* integer = std::get_if<int64_t>(&value)) return OpenInteger{0, *integer};
  if (const auto* number = std::get_if<double>(&value)) return OpenNumber{*number};
  if (const auto* dtype = std::get_if<DType>(&value)) return *dtype;
  if (const auto* text = std::get_if<op::Text>(&value)) return *text;
  if (const auto* dims = std::get_if<Dims>(&value)) return closed(*dims);
  OpenNumbers list;
  for (const double number : std::get<op::Numbers>(value)) list.push_back({number});
  return list;
}

class Recorder {
 public:
  explicit Recorder(const Graph& graph) : graph_(graph) {}

  Recording run() {
    for (const ValueId id : graph_.arguments) {
      numbers_[id] = next_++;
      recording_.arguments.push_back({graph_.spec(id).dtype, closed(graph_.spec(id).shape)});
    }
    find_uses();
    number_states();
    for (const ValueId id : graph_.constants) {
      if (!used_[static_cast<size_t>(id)]) continue;
      numbers_[id] = next_++;
      recording_.constants.push_back({graph_.constant_tensors[static_cast<size_t>(graph_.value(id).index)], {}});
    }
    recording_.generators = static_cast<int>(graph_.generators.size());
    for (const Node& node : graph_.nodes) add(node);
    for (const ValueId id : graph_.outputs) recording_.outputs.push_back(number(id));
    return std::move(recording_);
  }

 private:
  // How a trace writes down a draw that follows others: the state of the generator plus the distance they moved it,
  // which follows from the number of values they drew.
  bool is_draw(const Node& node) const {
    return node.op == op::OpId::add && graph_.value(node.inputs[0]).source == Source::generator;
  }

  void find_uses() {
    used_.resize(graph_.values.size(), false);
    for (const Node& node : graph_.nodes) {
      if (is_draw(node)) continue;
      for (const ValueId id : node.inputs) used_[static_cast<size_t>(id)] = true;
    }
    for (const ValueId id : graph_.outputs) used_[static_cast<size_t>(id)] = true;
  }

  void number_states() {
    recording_.states = static_cast<int>(graph_.states.size());
    for (const ValueId id : graph_.states) numbers_[id] = next_++;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (value.source != Source::state || !used_[i] || value.root == static_cast<ValueId>(i)) continue;
      recording_.views.push_back({value.index, value.spec.shape, value.spec.strides, value.offset});
      numbers_[static_cast<ValueId>(i)] = next_++;
    }
  }

  int draw(int generator) {
    recording_.calls.push_back({});
    recording_.calls.back().generator = generator;
    return next_++;
  }

  int number(ValueId id) {
    const auto found = numbers_.find(id);
    if (found != numbers_.end()) return found->second;
    if (graph_.value(id).source != Source::generator) throw Error("a recording reads a value before it is computed");
    return numbers_[id] = draw(graph_.value(id).index);
  }

  void add(const Node& node) {
    if (is_draw(node)) {
      numbers_[node.outputs[0]] = draw(graph_.value(node.inputs[0]).index);
      return;
    }
    RecordedCall call;
    call.op = node.op;
    for (const auto& [name, value] : node.attrs.entries()) call.attrs.emplace_back(name, closed_attr(value));
    for (const ValueId input : node.inputs) call.inputs.push_back(number(input));
    call.region = node.region;
    recording_.calls.push_back(std::move(call));
    for (const ValueId output : node.outputs) numbers_[output] = next_++;
  }

  const Graph& graph_;
  Recording recording_;
  std::unordered_map<ValueId, int> numbers_;
  std::vector<bool> used_;
  int next_ = 0;
};

}  // namespace

Recording record(const Graph& graph) { return Recorder(graph).run(); }

// --- back to calls ---------------------------------------------------------------------------------

namespace {

// No machine has memory for more elements; below this limit, products of sizes and element sizes do not overflow.
constexpr int64_t most_elements = int64_t{1} << 44;

op::AttrValue value_at(const OpenAttr& attr, int64_t batch) {
  if (const auto* flag = std::get_if<bool>(&attr)) return *flag;
  if (const auto* integer = std::get_if<OpenInteger>(&attr)) return integer->at(batch);
  if (const auto* number = std::get_if<OpenNumber>(&attr)) return number->at(batch);
  if (const auto* dtype = std::get_if<DType>(&attr)) return *dtype;
  if (const auto* text = std::get_if<op::Text>(&attr)) return *text;
  if (const auto* dims = std::get_if<OpenDims>(&attr)) return dims_at(*dims, batch);
  std::vector<double> list;
  for (const OpenNumber& number : std::get<OpenNumbers>(attr)) list.push_back(number.at(batch));
  return op::Numbers(list);
}

void require_countable(const Dims& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) {
    if (size < -most_elements || __builtin_mul_overflow(count, std::max<int64_t>(std::abs(size), 1), &count) ||
        count > most_elements) {
      throw ValueError(concat_text("sizes ", sizes, " are too large"));
    }
  }
}

class Player {
 public:
  Player(const Recording& recording, int64_t batch, std::span<const Tensor> states,
         std::span<const std::shared_ptr<RandomStream>> generators, Tracer& tracer)
      : recording_(recording), batch_(batch), generators_(generators), tracer_(tracer) {
    each("inputs", recording.arguments, [&](const RecordedArgument& argument) {
      const Dims shape = dims_at(argument.shape, batch);
      if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; })) {
        throw ValueError(concat_text("a batch of ", batch, " makes the shape ", shape));
      }
      require_elements(shape);
      values_.push_back(tracer.argument({argument.dtype, shape, contiguous_strides(shape)}));
    });
    for (const Tensor& state : states) values_.push_back(state);
    each("views", recording.views, [&](const RecordedView& view) {
      require_elements(view.shape);
      values_.push_back(
          core::make_view(states[static_cast<size_t>(view.state)], view.shape, view.strides, view.offset));
    });
    each("constants", recording.constants, [&](const RecordedConstant& constant) {
      const bool open = constant.number.has_value();
      const DType dtype = constant.tensor.dtype();
      values_.push_back(tracer.constant(open ? Tensor::scalar(constant.number->at(batch), dtype) : constant.tensor));
    });
  }

  std::vector<Tensor> run() {
    each("calls", recording_.calls, [&](const RecordedCall& call) { play(call); });
    std::vector<Tensor> outputs;
    each("results", recording_.outputs, [&](int output) {
      outputs.push_back(values_.at(static_cast<size_t>(output)));
      if (!outputs.back().defined()) throw ValueError("the state of a generator that nothing draws from");
    });
    return outputs;
  }

 private:
  // Adds the position of the element to errors.
  template <class Elements, class Use>
  static void each(const char* name, const Elements& elements, const Use& use) {
    for (size_t i = 0; i < elements.size(); ++i) {
      try {
        use(elements[i]);
      } catch (const Error& error) {
        throw FormatError(concat_text(name, "[", i, "]: ", error.what()));
      }
    }
  }

  // Limits the total number of elements, because shapes in files may be anything.
  void require_elements(const Dims& shape) {
    require_countable(shape);
    elements_ += element_count(shape);
    if (elements_ > most_elements) throw ValueError("its tensors have too many elements in all");
  }

  void play(const RecordedCall& call) {
    tracer_.set_region(call.region);
    if (call.draws()) {
      pending_[static_cast<int>(values_.size())] = call.generator;
      values_.emplace_back();
      return;
    }
    const op::Attrs attrs = attrs_at(call, batch_);
    for (const auto& [name, value] : attrs.entries()) {
      if (const auto* dims = std::get_if<Dims>(&value)) require_countable(*dims);
    }
    op::check_attrs(call.def(), attrs);
    op::check_input_count(call.def(), call.inputs.size());
    const std::vector<Tensor> inputs = inputs_of(call, attrs);
    const bool is_older = call.older != nullptr;
    for (const Tensor& result : is_older ? call.older->run(attrs, inputs) : op::apply_all(call.op, attrs, inputs)) {
      require_elements(result.shape());
      values_.push_back(result);
    }
  }

  std::vector<Tensor> inputs_of(const RecordedCall& call, const op::Attrs& attrs) {
    const op::OpDef& def = call.def();
    std::vector<Tensor> inputs;
    for (const int input : call.inputs) {
      const auto waiting = pending_.find(input);
      if (waiting != pending_.end()) {
        if (!def.has(op::Trait::random) || inputs.size() + 1 != call.inputs.size()) {
          throw ValueError(concat_text(def.name, ": input ", inputs.size(),
                                       " is the state of a generator, which random ops take, as their last input"));
        }
        take(waiting->second, input, count_of(call, attrs, inputs));
        pending_.erase(waiting);
      }
      inputs.push_back(values_.at(static_cast<size_t>(input)));
    }
    return inputs;
  }

  // How many numbers a random op draws: one per element of its result. The inputs lack the state, which is the last
  // one.
  static int64_t count_of(const RecordedCall& call, const op::Attrs& attrs, const std::vector<Tensor>& inputs) {
    std::vector<op::BufferSpec> specs;
    for (const Tensor& input : inputs) specs.push_back({input.dtype(), input.shape(), input.strides()});
    specs.push_back({DType::int64, {2}, {1}});
    op::BufferSpec result;
    int64_t offset = 0;
    call.def().infer(attrs, specs, &result, &offset);
    return element_count(result.shape);
  }

  void take(int generator, int value, int64_t count) {
    if (count < 0 || count > most_elements) throw ValueError(concat_text("cannot draw ", count, " numbers"));
    Generator borrowed(generators_[static_cast<size_t>(generator)]);
    values_[static_cast<size_t>(value)] = borrowed.take(count);
  }

  const Recording& recording_;
  int64_t batch_;
  std::span<const std::shared_ptr<RandomStream>> generators_;
  Tracer& tracer_;
  std::vector<Tensor> values_;
  std::unordered_map<int, int> pending_;  // draws that nothing has read yet, with their generators
  int64_t elements_ = 0;
};

// While an object of this class exists, calls are traced and gradients are not recorded.
class Noting {
 public:
  explicit Noting(Tracer& tracer) : tracer_(tracer) { tracer.resume(); }
  ~Noting() { tracer_.pause(); }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;

 private:
  Tracer& tracer_;
  GradMode mode_{false};
};

}  // namespace

op::Attrs attrs_at(const RecordedCall& call, int64_t batch) {
  op::Attrs attrs;
  for (const auto& [name, attr] : call.attrs) attrs.add(name, value_at(attr, batch));
  return attrs;
}

std::vector<Tensor> replay(const Recording& recording, int64_t batch, std::span<const Tensor> states,
                           std::span<const std::shared_ptr<RandomStream>> generators, Tracer& tracer) {
  const Noting noting(tracer);
  return Player(recording, batch, states, generators, tracer).run();
}

}  // namespace pydl::graph
