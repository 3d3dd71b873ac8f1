// Graphs, passes, plans and programs: random programs traced and run against the same run one op after the other, the
// rules of graphs after every pass, and memory plans.
#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <random>
#include <thread>

#include "exec/memory_plan.h"
#include "exec/plan.h"
#include "graph/graph.h"
#include "graph/passes/passes.h"
#include "graph/tracer.h"
#include "pydl/autograd.h"
#include "pydl/program.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;
using pydl::exec::BufferLifetime;
using pydl::exec::MemoryPlan;
using pydl::graph::Graph;

namespace {

// What random programs leave out because it is known to be broken; tests/compiled/test_passes.py has the small cases.
// A line goes when its bug goes.
constexpr bool alias_sees_views = true;              // a result may take the memory of an operand that has views
constexpr bool simplified_views_keep_layout = true;  // canonicalize gives views of a result the layout of another one
constexpr bool dead_chains_are_fused = true;         // fusion of what nobody reads, without dead_code, crashes

/// What a random program may contain.
struct Patterns {
  bool views_of_results = true;  ///< else only of arguments and states
  bool identities = true;        ///< arithmetic that changes nothing
  bool dead_values = true;       ///< else all values are given back
};

bool contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Patterns patterns_for(const std::vector<std::string>& without) {
  Patterns patterns;
  patterns.views_of_results = alias_sees_views || contains(without, "alias");
  patterns.identities = simplified_views_keep_layout || !patterns.views_of_results || contains(without, "canonicalize");
  patterns.dead_values =
      dead_chains_are_fused || !contains(without, "dead_code") || contains(without, "fuse_elementwise");
  return patterns;
}

/// A program that follows from its seed: the same calls each time it is played, because it looks at shapes only.
class RandomProgram {
 public:
  RandomProgram(uint32_t seed, Patterns patterns) : engine_(seed), patterns_(patterns) {}

  std::vector<Tensor> play(const std::vector<Tensor>& arguments, const std::vector<Tensor>& states,
                           pydl::Generator& generator) {
    generator_ = &generator;
    for (const Tensor& tensor : arguments) add(tensor, Kind::argument);
    for (const Tensor& tensor : states) add(tensor, Kind::state);
    const int64_t length = integer(4, 40);
    for (int64_t i = 0; i < length; ++i) step();
    return outputs();
  }

 private:
  enum class Kind { argument, state, result };
  struct Entry {
    Tensor tensor;
    Kind kind;
    size_t root;  // entries of one root may share memory
  };

  int64_t integer(int64_t low, int64_t high) {  // both included; the same with every standard library
    return low + static_cast<int64_t>(engine_() % static_cast<uint32_t>(high - low + 1));
  }
  bool chance(int64_t percent) { return integer(1, 100) <= percent; }

  void add(const Tensor& tensor, Kind kind, std::optional<size_t> root = {}) {
    if (tensor.size() > 8000) return dropped_.push_back(tensor);
    pool_.push_back({tensor, kind, root.value_or(pool_.size())});
  }
  void add(const Tensor& result) { add(result, Kind::result); }

  const Entry& any() { return pool_[static_cast<size_t>(integer(0, static_cast<int64_t>(pool_.size()) - 1))]; }

  // Later ones more often, so that chains come about; of a floating dtype.
  Tensor operand() {
    for (int attempt = 0;; ++attempt) {
      const auto size = static_cast<int64_t>(pool_.size());
      const int64_t first = chance(60) ? std::max<int64_t>(0, size - 4) : 0;
      const Tensor& tensor = pool_[static_cast<size_t>(integer(first, size - 1))].tensor;
      if (pydl::is_floating(tensor.dtype())) return tensor;
      if (attempt > 20) return pydl::astype(tensor, DType::float64);
    }
  }

  Tensor partner(const Tensor& of) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const Tensor candidate = operand();
      if (fits(candidate.shape(), of.shape())) return candidate;
    }
    return chance(50) ? of : Tensor::scalar(0.25 * static_cast<double>(integer(-8, 8)), of.dtype());
  }

  static bool fits(const Dims& a, const Dims& b) {
    for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
      const int64_t m = a[a.rank() - i];
      const int64_t n = b[b.rank() - i];
      if (m != n && m != 1 && n != 1) return false;
    }
    return true;
  }

  void step() {
    switch (integer(0, 15)) {
      case 0:
      case 1:
      case 2: return add(unary(operand()));
      case 3:
      case 4:
      case 5: return binary();
      case 6:
      case 7: return view();
      case 8: return add(reduction(operand()));
      case 9: return product();
      case 10: return overwrite();
      case 11: return patterns_.identities ? add(identity(operand())) : add(pydl::copy(any().tensor));
      case 12: return structure();
      case 13: return related();
      case 14: return simplified();
      default: return conversion();
    }
  }

  // Bounded, so that nothing overflows however long the program is.
  Tensor unary(const Tensor& x) {
    switch (integer(0, 9)) {
      case 0: return pydl::tanh(x);
      case 1: return pydl::sin(x);
      case 2: return pydl::abs(x);
      case 3: return pydl::negative(x);
      case 4: return pydl::sigmoid(x);
      case 5: return pydl::relu(x);
      case 6: return pydl::cos(pydl::square(x));
      case 7: return pydl::exp(pydl::negative(pydl::abs(x)));
      case 8: return pydl::clip(x, Tensor::scalar(-1.5, x.dtype()), Tensor::scalar(0.5, x.dtype()));
      default: return pydl::gelu(x) * 0.5;
    }
  }

  void binary() {
    const Tensor a = operand();
    const Tensor b = partner(a);
    switch (integer(0, 6)) {
      case 0: return add(a + b);
      case 1: return add(a - b);
      case 2: return add(pydl::tanh(a) * b);
      case 3: return add(pydl::maximum(a, b));
      case 4: return add(a / (pydl::abs(b) + 1.0));
      case 5: return add(pydl::where(pydl::less(a, b), a, b * 0.5));
      default: return add(pydl::logical_or(pydl::less(a, b), pydl::greater(a, Tensor::scalar(1.0, a.dtype()))));
    }
  }

  void view() {
    const Entry entry = any();
    if (entry.kind == Kind::result && !patterns_.views_of_results) return add(unary(operand()));
    const Tensor& x = entry.tensor;
    if (chance(20)) return reshaped(entry);
    if (chance(20) && x.rank() < 4) return add(pydl::expand_dims(x, integer(0, x.rank())), entry.kind, entry.root);
    if (chance(15) && x.rank() < 4) {
      Dims shape = x.shape();
      shape.insert(0, integer(1, 3));
      return add(pydl::expand(x, shape), entry.kind, entry.root);
    }
    if (chance(40)) {
      std::vector<int64_t> axes(static_cast<size_t>(x.rank()));
      std::iota(axes.begin(), axes.end(), 0);
      for (size_t i = axes.size(); i > 1; --i) {
        std::swap(axes[i - 1], axes[static_cast<size_t>(integer(0, static_cast<int64_t>(i) - 1))]);
      }
      return add(pydl::permute_dims(x, axes), entry.kind, entry.root);
    }
    add(sliced(x), entry.kind, entry.root);
  }

  // A view or a copy, as the layout allows.
  void reshaped(const Entry& entry) {
    const Tensor& x = entry.tensor;
    if (x.rank() >= 2 && chance(50)) {
      Dims shape = x.shape();
      shape[1] *= shape[0];
      shape.erase(0);
      return add(pydl::reshape(x, shape), Kind::result, entry.root);
    }
    add(pydl::reshape(x, Dims{x.size()}), Kind::result, entry.root);
  }

  Tensor sliced(const Tensor& x) {
    Dims starts = x.shape();
    Dims sizes = x.shape();
    Dims steps = x.shape();
    for (int axis = 0; axis < x.rank(); ++axis) {
      const int64_t length = x.shape()[axis];
      steps[axis] = integer(1, 2);
      starts[axis] = length > 1 ? integer(0, 1) : 0;
      sizes[axis] = length == 0 ? 0 : (length - starts[axis] + steps[axis] - 1) / steps[axis];
      if (chance(30) && sizes[axis] > 0) {  // the same backwards
        starts[axis] += (sizes[axis] - 1) * steps[axis];
        steps[axis] = -steps[axis];
      }
    }
    return pydl::slice(x, starts, sizes, steps);
  }

  Tensor reduction(const Tensor& x) {
    pydl::Axes axes;
    if (x.rank() > 0 && chance(70)) axes = {integer(0, x.rank() - 1)};
    const bool keepdims = chance(50);
    if (x.size() > 0 && chance(30)) return pydl::max(x, axes, keepdims);
    const Tensor total = pydl::sum(x, axes, keepdims);
    return chance(50) ? pydl::sin(total) : total * 0.1;
  }

  void product() {
    const Tensor x = operand();
    if (x.rank() == 0 || x.size() == 0) return add(unary(x));
    if (chance(40)) return add(chance(50) ? pydl::softmax(x) : pydl::log_softmax(x, 0));
    if (x.rank() < 2) return add(pydl::matmul(x, pydl::copy(x)) * 0.1);
    if (!patterns_.views_of_results) {
      return add(x.rank() == 2 ? pydl::tanh(pydl::linear(x, x)) : pydl::softmax(x, 0));
    }
    add(pydl::tanh(pydl::matmul(x, pydl::matrix_transpose(x))));
  }

  // A part of a state or of a fresh tensor gets the elements of another one.
  void overwrite() {
    std::vector<size_t> states;
    for (size_t i = 0; i < pool_.size(); ++i) {
      if (pool_[i].kind == Kind::state && pool_[i].root == i) states.push_back(i);
    }
    const bool of_state = !states.empty() && chance(50);
    const size_t index =
        of_state ? states[static_cast<size_t>(integer(0, static_cast<int64_t>(states.size()) - 1))] : pool_.size();
    if (!of_state) add(chance(70) ? pydl::copy(operand()) : pydl::zeros({integer(1, 4), 3}, DType::float64));
    if (index >= pool_.size()) return;
    const Tensor target = pool_[index].tensor;
    const Tensor part = chance(50) ? sliced(target) : target;
    Tensor source = pydl::tanh(operand());
    if (!fits(source.shape(), part.shape()) || source.rank() > part.rank() ||
        pydl::broadcast_shapes("overwrite", source.shape(), part.shape()) != part.shape()) {
      source = pydl::cos(part);
    }
    pydl::assign(part, pydl::astype(source, part.dtype()));
  }

  Tensor identity(const Tensor& x) {
    switch (integer(0, 4)) {
      case 0: return x * 1.0;
      case 1: return x / 1.0;
      case 2: return x - 0.0;
      case 3: return x + 0.0;
      // Not pow(x, 1), which eager mode rounds.
      default: return pydl::copy(x);
    }
  }

  // A result beside a view of itself.
  void related() {
    const Tensor x = pydl::sin(operand());
    if (!patterns_.views_of_results || x.rank() == 0) return add(x);
    const bool square = x.rank() == 2 && x.size(0) == x.size(1);
    const Tensor view = square && chance(50) ? pydl::matrix_transpose(x) : pydl::flip(x);
    add(chance(50) ? x + view : x * 0.5 - view * x);
    if (chance(30)) add(pydl::tanh(pool_.back().tensor) + view);
  }

  // A view that something changes nothing of, and a view of the result.
  void simplified() {
    if (!patterns_.views_of_results || !patterns_.identities) return add(unary(operand()));
    const Tensor x = identity(sliced(operand()));
    add(pydl::cos(chance(50) ? pydl::reshape(x, Dims{x.size()}) : sliced(x)));
  }

  void structure() {
    const Tensor x = operand();
    if (x.rank() == 0 || x.size(0) == 0) return add(pydl::full({2, 3}, 0.5, DType::float64) * pydl::tanh(pydl::sum(x)));
    if (chance(30)) {
      const std::vector<Tensor> parts = {x, pydl::sin(x), x};
      return add(pydl::concat(parts, integer(0, x.rank() - 1)));
    }
    if (chance(30)) return add(pydl::dropout(x, 0.4, true, *generator_));
    const std::vector<int64_t> index = {0, x.size(0) - 1, 0};
    add(pydl::take(x, Tensor::from_values<int64_t>(index, {3}), 0));
  }

  void conversion() {
    const Entry& entry = any();
    const DType dtypes[] = {DType::float64, DType::float32, DType::int32, DType::float16};
    const DType dtype = dtypes[integer(0, 3)];
    add(pydl::astype(pydl::clip(pydl::astype(entry.tensor, DType::float64), Tensor::scalar(-99.0, DType::float64),
                                Tensor::scalar(99.0, DType::float64)),
                     dtype));
  }

  std::vector<Tensor> outputs() {
    std::vector<Tensor> result;
    for (const Entry& entry : pool_) {
      if (!patterns_.dead_values || chance(15)) result.push_back(entry.tensor);
    }
    if (!patterns_.dead_values) result.insert(result.end(), dropped_.begin(), dropped_.end());
    result.push_back(pool_.back().tensor);
    return result;
  }

  std::mt19937 engine_;
  Patterns patterns_;
  std::vector<Entry> pool_;
  std::vector<Tensor> dropped_;  // too large to go on with
  pydl::Generator* generator_ = nullptr;
};

Tensor random_tensor(std::mt19937& engine, const Dims& shape, DType dtype = DType::float64) {
  std::vector<double> values(static_cast<size_t>(pydl::element_count(shape)));
  for (double& value : values) value = static_cast<double>(engine() % 4001) / 1000.0 - 2.0;
  return pydl::astype(Tensor::from_values<double>(values, shape), dtype);
}

const std::vector<Dims>& shapes() {
  static const std::vector<Dims> list = {{},        {1},    {5},       {3, 4}, {4, 4}, {1, 4},   {4, 1},
                                         {2, 3, 4}, {0, 3}, {2, 1, 4}, {7, 5}, {4},    {48, 48}, {1500}};
  return list;
}

std::vector<Tensor> random_tensors(std::mt19937& engine, size_t count) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < count; ++i) {
    const Dims& shape = shapes()[engine() % shapes().size()];
    result.push_back(random_tensor(engine, shape, engine() % 5 == 0 ? DType::float32 : DType::float64));
  }
  return result;
}

std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const Tensor& tensor : tensors) result.push_back(pydl::copy(tensor));
  return result;
}

/// Whether two lists are the same within rounding.
bool same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected) {
  if (actual.size() != expected.size()) return false;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (actual[i].dtype() != expected[i].dtype() || actual[i].shape() != expected[i].shape()) return false;
    const std::vector<double> a = support::values(actual[i]);
    const std::vector<double> b = support::values(expected[i]);
    for (size_t k = 0; k < a.size(); ++k) {
      const bool equal = a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]));
      if (!equal && !(std::abs(a[k] - b[k]) <= 1e-10 * (1 + std::abs(b[k])))) return false;
    }
  }
  return true;
}

struct Traced {
  Graph graph;
  std::vector<Tensor> states;
};

Traced trace(uint32_t seed, Patterns patterns, const std::vector<Tensor>& arguments, const std::vector<Tensor>& states,
             pydl::Generator& generator) {
  pydl::graph::Tracer tracer;
  std::vector<Tensor> traced;
  for (const Tensor& argument : arguments) traced.push_back(tracer.argument(argument));
  for (size_t i = 0; i < states.size(); ++i) tracer.state(states[i], "state" + std::to_string(i));
  tracer.resume();
  std::vector<Tensor> outputs = RandomProgram(seed, patterns).play(traced, states, generator);
  Graph graph = tracer.finish(outputs);
  return {std::move(graph), tracer.states()};
}

/// Runs the passes one by one, with the rules of graphs checked after each.
void run_checked(Graph& graph, const std::vector<std::string>& without) {
  pydl::graph::verify(graph, "trace");
  for (const pydl::graph::Pass& pass : pydl::graph::all_passes()) {
    if (contains(without, pass.name)) continue;
    pass.run(graph);
    pydl::graph::verify(graph, pass.name);
  }
}

/// One random program with some passes left out, three calls; the number of the call that went wrong, or nothing.
std::optional<std::string> try_program(uint32_t seed, const std::vector<std::string>& without) {
  const Patterns patterns = patterns_for(without);
  std::mt19937 engine(seed * 7919 + 1);
  std::vector<Tensor> arguments = random_tensors(engine, 1 + engine() % 3);
  const std::vector<Tensor> expected_states = random_tensors(engine, engine() % 3);
  const std::vector<Tensor> states = copies(expected_states);
  pydl::Generator expected_generator(seed);
  pydl::Generator generator(seed);
  try {
    Traced traced = trace(seed, patterns, arguments, states, generator);
    if (!same(states, expected_states)) return "the trace changed a state";
    run_checked(traced.graph, without);
    const size_t count = traced.graph.outputs.size();
    pydl::exec::Plan plan(std::move(traced.graph), traced.states, traced.states,
                          {.alias = !contains(without, "alias"), .reuse = !contains(without, "memory")});
    for (int call = 0; call < 3; ++call) {
      const std::vector<Tensor> before = copies(arguments);
      const std::vector<Tensor> expected =
          RandomProgram(seed, patterns).play(arguments, expected_states, expected_generator);
      std::vector<Tensor> outputs(count);
      plan.run(arguments, outputs);
      const std::string where = "call " + std::to_string(call) + ": ";
      if (!same(outputs, expected)) return where + "other results";
      if (!same(states, expected_states)) return where + "other states";
      if (!same(arguments, before)) return where + "arguments were changed";
      if (!same({generator.state()}, {expected_generator.state()})) return where + "other random numbers";
      for (Tensor& argument : arguments) argument = random_tensor(engine, argument.shape(), argument.dtype());
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

std::vector<std::vector<std::string>> choices() {
  const std::vector<std::string> names = pydl::pass_names();
  std::vector<std::vector<std::string>> result = {{}, names, {"alias", "canonicalize"}, {"alias", "dead_code"}};
  for (const std::string& name : names) result.push_back({name});
  return result;
}

void fuzz(uint32_t first, uint32_t count) {
  for (const std::vector<std::string>& without : choices()) {
    std::string names;
    for (const std::string& name : without) names += " " + name;
    int failures = 0;
    for (uint32_t seed = first; seed < first + count && failures < 3; ++seed) {
      const std::optional<std::string> problem = try_program(seed, without);
      if (!problem) continue;
      ++failures;
      check::fail(__FILE__, __LINE__, "seed " + std::to_string(seed) + " without" + names + ": " + *problem);
    }
  }
}

}  // namespace

// --- memory plans ---------------------------------------------------------------------------------------------------

namespace {

int64_t rounded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

bool live_together(const BufferLifetime& a, const BufferLifetime& b) { return a.first <= b.last && b.first <= a.last; }

int64_t most_live(const std::vector<BufferLifetime>& buffers) {
  int64_t most = 0;
  for (const BufferLifetime& at : buffers) {  // the most is reached where some buffer begins
    int64_t live = 0;
    for (const BufferLifetime& other : buffers) {
      if (other.first <= at.first && at.first <= other.last) live += rounded(other.bytes);
    }
    most = std::max(most, live);
  }
  return most;
}

void check_plan(const std::vector<BufferLifetime>& buffers, const MemoryPlan& plan, bool reuse) {
  CHECK_EQUAL(plan.offsets.size(), buffers.size());
  int64_t total = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    total += rounded(buffers[i].bytes);
    if (plan.offsets[i] % 64 != 0 || plan.offsets[i] < 0 || plan.offsets[i] + buffers[i].bytes > plan.bytes) {
      check::fail(__FILE__, __LINE__, "buffer " + std::to_string(i) + " lies at " + std::to_string(plan.offsets[i]));
    }
    for (size_t k = 0; k < i; ++k) {
      if (reuse && !live_together(buffers[i], buffers[k])) continue;
      if (plan.offsets[i] + buffers[i].bytes <= plan.offsets[k]) continue;
      if (plan.offsets[k] + buffers[k].bytes <= plan.offsets[i]) continue;
      if (buffers[i].bytes == 0 || buffers[k].bytes == 0) continue;
      check::fail(__FILE__, __LINE__, "buffers " + std::to_string(i) + " and " + std::to_string(k) + " overlap");
    }
  }
  CHECK_EQUAL(plan.total, total);
  CHECK_EQUAL(plan.lower_bound, most_live(buffers));
  CHECK(plan.bytes >= (reuse ? plan.lower_bound : plan.total));
  CHECK(plan.bytes <= plan.total);
}

std::vector<BufferLifetime> random_lifetimes(std::mt19937& engine) {
  const int steps = 1 + static_cast<int>(engine() % 200);
  const size_t count = engine() % 120;
  const int longest = 1 + static_cast<int>(engine() % static_cast<uint32_t>(steps));
  const uint32_t largest = 1U << (engine() % 16);
  std::vector<BufferLifetime> buffers;
  for (size_t i = 0; i < count; ++i) {
    const int first = static_cast<int>(engine() % static_cast<uint32_t>(steps));
    const int last = std::min(steps - 1, first + static_cast<int>(engine() % static_cast<uint32_t>(longest)));
    buffers.push_back({static_cast<int64_t>(engine() % largest), first, last});
  }
  return buffers;
}

}  // namespace

TEST(memory_plans_never_overlap) {
  std::mt19937 engine(1);
  int64_t planned = 0;
  int64_t least = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::vector<BufferLifetime> buffers = random_lifetimes(engine);
    const MemoryPlan plan = pydl::exec::plan_memory(buffers, true);
    check_plan(buffers, plan, true);
    CHECK(plan.bytes <= 3 * plan.lower_bound / 2);
    planned += plan.bytes;
    least += plan.lower_bound;
    if (i % 10 == 0) check_plan(buffers, pydl::exec::plan_memory(buffers, false), false);
  }
  CHECK(static_cast<double>(planned) < 1.1 * static_cast<double>(least));
}

TEST(memory_plan_of_nothing) {
  const MemoryPlan plan = pydl::exec::plan_memory({}, true);
  CHECK_EQUAL(plan.bytes, 0);
  CHECK_EQUAL(plan.lower_bound, 0);
  const std::vector<BufferLifetime> empty = {{0, 0, 3}, {0, 1, 2}};
  CHECK_EQUAL(pydl::exec::plan_memory(empty, true).bytes, 0);
}

TEST(memory_plan_of_a_training_step) {
  // Activations are freed in reverse; beside them short-lived gradients.
  std::vector<BufferLifetime> buffers;
  const int layers = 30;
  for (int i = 0; i < layers; ++i) {
    buffers.push_back({4096 * (1 + i % 3), i, 2 * layers - i});
    buffers.push_back({4096 * (1 + i % 3), 2 * layers - i, 2 * layers - i + 1});
  }
  const MemoryPlan plan = pydl::exec::plan_memory(buffers, true);
  check_plan(buffers, plan, true);
  CHECK(10 * plan.bytes <= 11 * plan.lower_bound);
}

// --- random programs ------------------------------------------------------------------------------------------------

TEST(random_programs_are_the_same_every_time) {
  std::mt19937 engine(1);
  const std::vector<Tensor> arguments = random_tensors(engine, 3);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    pydl::Generator a(seed);
    pydl::Generator b(seed);
    CHECK(same(RandomProgram(seed, {}).play(arguments, {}, a), RandomProgram(seed, {}).play(arguments, {}, b)));
  }
}

TEST(random_programs_equal_eager) { fuzz(0, 400); }

TEST(random_programs_are_rich) {
  // What the fuzzer claims to cover is there.
  size_t fused = 0;
  size_t mutations = 0;
  size_t views = 0;
  size_t shared = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 engine(seed);
    const std::vector<Tensor> arguments = random_tensors(engine, 2);
    const std::vector<Tensor> states = random_tensors(engine, 2);
    pydl::Generator generator(seed);
    Traced traced = trace(seed, patterns_for({}), arguments, states, generator);
    for (const pydl::graph::Node& node : traced.graph.nodes) {
      mutations += node.mutated > 0 ? 1 : 0;
      views += traced.graph.is_view(node) ? 1 : 0;
    }
    run_checked(traced.graph, {});
    for (const pydl::graph::Node& node : traced.graph.nodes) fused += node.is_fused() ? 1 : 0;
    const pydl::exec::Plan plan(std::move(traced.graph), traced.states, traced.states, {});
    shared += plan.memory().bytes < plan.memory().total ? 1 : 0;
  }
  CHECK(fused > 50);
  CHECK(mutations > 50);
  CHECK(views > 200);
  CHECK(shared > 20);
}

TEST(passes_keep_the_rules_and_do_less) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 engine(seed);
    const std::vector<Tensor> arguments = random_tensors(engine, 2);
    pydl::Generator generator(seed);
    Traced traced = trace(seed, patterns_for({}), arguments, {}, generator);
    const size_t before = traced.graph.nodes.size();
    run_checked(traced.graph, {});
    CHECK(traced.graph.nodes.size() <= before);
    // Nothing is left to do for passes that only remove.
    Graph again = traced.graph;
    pydl::graph::eliminate_dead_code(again);
    CHECK_EQUAL(again.nodes.size(), traced.graph.nodes.size());
  }
}

TEST(verification_finds_broken_graphs) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3}, {3})};
  const auto make = [&] {
    pydl::graph::Tracer tracer;
    const Tensor x = tracer.argument(arguments[0]);
    tracer.resume();
    const Tensor y = pydl::sum(pydl::exp(x));
    const std::vector<Tensor> outputs = {y};
    return tracer.finish(outputs);
  };
  Graph graph = make();
  pydl::graph::verify(graph, "test");
  std::swap(graph.nodes[0], graph.nodes[1]);
  CHECK_THROWS(pydl::Error, "after test", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes.pop_back();
  CHECK_THROWS(pydl::Error, "never computed", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes.push_back(graph.nodes[0]);
  CHECK_THROWS(pydl::Error, "twice", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.values[static_cast<size_t>(graph.nodes[0].outputs[0])].spec.shape = {4};
  CHECK_THROWS(pydl::Error, "shape", pydl::graph::verify(graph, "test"));
}

// --- single passes ---------------------------------------------------------------------------------------------------

namespace {

template <class Function>
Graph graph_of(const Function& function, const std::vector<Tensor>& arguments, const std::vector<Tensor>& states = {}) {
  pydl::graph::Tracer tracer;
  std::vector<Tensor> traced;
  for (const Tensor& argument : arguments) traced.push_back(tracer.argument(argument));
  for (const Tensor& state : states) tracer.state(state, "state");
  tracer.resume();
  const std::vector<Tensor> outputs = function(traced);
  return tracer.finish(outputs);
}

int count(const Graph& graph, const char* op) {
  int result = 0;
  for (const pydl::graph::Node& node : graph.nodes) {
    const std::string name = pydl::concat_text("+", pydl::graph::node_name(node), "+");
    const std::string wanted = pydl::concat_text("+", op, "+");
    for (size_t at = name.find(wanted); at != std::string::npos; at = name.find(wanted, at + 1)) ++result;
  }
  return result;
}

}  // namespace

TEST(common_subexpressions_look_at_what_was_overwritten) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor before = pydl::exp(states[0]);
        const Tensor again = pydl::exp(states[0]);
        pydl::assign(states[0], inputs[0]);
        const Tensor after = pydl::exp(states[0]);
        return {pydl::sum(before) + pydl::sum(again) + pydl::sum(after)};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  CHECK_EQUAL(count(graph, "exp"), 3);
  pydl::graph::eliminate_common_subexpressions(graph);
  CHECK_EQUAL(count(graph, "exp"), 2);
  pydl::graph::verify(graph, "common_subexpressions");
}

TEST(common_subexpressions_stay_apart_in_recomputations) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3}, {3})};
  pydl::graph::Tracer tracer;
  const Tensor x = tracer.argument(arguments[0]);
  tracer.resume();
  const Tensor first = pydl::sum(pydl::exp(x));
  const int outer = tracer.enter_region();
  const Tensor second = pydl::sum(pydl::exp(x));
  tracer.leave_region(outer);
  const std::vector<Tensor> outputs = {first + second};
  Graph graph = tracer.finish(outputs);
  pydl::graph::eliminate_common_subexpressions(graph);
  CHECK_EQUAL(count(graph, "exp"), 2);
}

TEST(dead_code_keeps_writes_to_states) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor scratch = pydl::copy(inputs[0]);
        pydl::assign(scratch, pydl::cos(inputs[0]));  // nobody reads it
        pydl::assign(states[0], pydl::sin(inputs[0]));
        return {};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  pydl::graph::eliminate_dead_code(graph);
  CHECK_EQUAL(count(graph, "sin"), 1);
  CHECK_EQUAL(count(graph, "cos"), 0);
  CHECK_EQUAL(count(graph, "assign"), 1);
}

TEST(fusion_does_not_reach_across_a_write) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor before = states[0] * 2.0;
        pydl::assign(states[0], before + inputs[0]);
        return {before + states[0]};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  pydl::graph::fuse_elementwise(graph);
  pydl::graph::verify(graph, "fuse_elementwise");
  pydl::exec::Plan plan(std::move(graph), states, states, {});
  const std::vector<Tensor> arguments = {support::doubles({4, 5, 6}, {3})};
  std::vector<Tensor> outputs(1);
  plan.run(arguments, outputs);
  CHECK_TENSORS_CLOSE(outputs[0], support::doubles({8, 13, 18}, {3}), 0);
  CHECK_TENSORS_CLOSE(states[0], support::doubles({6, 9, 12}, {3}), 0);
}

TEST(constants_are_folded) {
  const Graph traced = graph_of(
      [](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor numbers = support::doubles({1, 2, 3}, {3});
        return {inputs[0] * (pydl::exp(numbers) + 1.0)};
      },
      {support::doubles({4, 5, 6}, {3})});
  Graph graph = traced;
  pydl::graph::canonicalize(graph);
  CHECK_EQUAL(count(traced, "exp"), 1);
  CHECK_EQUAL(count(graph, "exp"), 0);
  CHECK_EQUAL(graph.nodes.size(), size_t{1});
}

// --- programs
// -----------------------------------------------------------------------------------------------------------

TEST(programs_check_their_arguments) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({2, 3}));
  trace.start();
  const std::vector<Tensor> outputs = {pydl::exp(x)};
  pydl::Program program = trace.finish(outputs);
  CHECK(!pydl::is_tracing());
  CHECK_EQUAL(program.output_count(), size_t{1});
  CHECK_TENSORS_CLOSE(program.run(std::vector{pydl::zeros({2, 3})})[0], pydl::ones({2, 3}), 0);
  CHECK_THROWS(pydl::ValueError, "1 arguments", program.run(std::vector<Tensor>{}));
  CHECK_THROWS(pydl::ValueError, "shape (2, 3)", program.run(std::vector{pydl::zeros({3, 2})}));
  CHECK_THROWS(pydl::ValueError, "float32", program.run(std::vector{pydl::zeros({2, 3}, DType::float64)}));
  CHECK_THROWS(pydl::ValueError, "strides", program.run(std::vector{pydl::matrix_transpose(pydl::zeros({3, 2}))}));
}

TEST(programs_without_a_pass_that_is_none) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({2}));
  trace.start();
  const std::vector<Tensor> outputs = {pydl::exp(x)};
  CHECK_THROWS(pydl::ValueError, "'fast'", trace.finish(outputs, {.without = {"fast"}}));
}

TEST(programs_tell_what_they_do) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({20, 20}));
  trace.set_locator([] { return std::string("model.py:7"); });
  trace.start();
  const std::vector<Tensor> outputs = {pydl::sum(pydl::tanh(pydl::matmul(x, x) * 2.0 + 1.0))};
  pydl::Program program = trace.finish(outputs, {.without = {}, .explain = true});
  for (int i = 0; i < 3; ++i) CHECK_EQUAL(program.run(std::vector{pydl::ones({20, 20})}).size(), size_t{1});
  const std::string text = program.describe();
  for (const char* part :
       {"after trace", "after canonicalize", "after fuse_elementwise", "matmul", "model.py:7", "arena"}) {
    if (text.find(part) == std::string::npos) check::fail(__FILE__, __LINE__, std::string("not described: ") + part);
  }
  for (const pydl::ProgramStep& step : program.steps()) {
    CHECK(step.seconds > 0);
    CHECK(step.bytes > 0);
    CHECK_EQUAL(step.location, "model.py:7");
  }
  CHECK(program.to_dot().starts_with("digraph"));
  CHECK(program.arena_bytes() <= program.unplanned_bytes());
}

TEST(programs_run_in_several_threads) {
  std::mt19937 engine(3);
  const Tensor weight = random_tensor(engine, {40, 40});
  const auto function = [&](const Tensor& x) {
    const Tensor h = pydl::tanh(pydl::matmul(x, weight));
    return std::vector<Tensor>{pydl::softmax(h * 2.0 + x), pydl::sum(h), pydl::matrix_transpose(h)};
  };
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> expected;
  for (int i = 0; i < 4; ++i) {
    inputs.push_back(random_tensor(engine, {40, 40}));
    expected.push_back(function(inputs.back()));
  }
  pydl::Trace trace;
  const Tensor x = trace.argument(inputs[0]);
  trace.state(weight, "weight");
  trace.start();
  pydl::Program program = trace.finish(function(x));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < inputs.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        if (!same(program.run(std::vector{inputs[t]}), expected[t])) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}

TEST(traces_in_several_threads) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < 25; ++i) wrong += try_program(1000 + 100 * t + i, {}).has_value() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}

TEST(errors_leave_states_alone) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3}), support::doubles({0, 0}, {2})};
  const std::vector<Tensor> before = copies(states);
  pydl::Trace trace;
  const Tensor index = trace.argument(Tensor::scalar(0, DType::int64));
  trace.state(states[0], "a");
  trace.state(states[1], "b");
  trace.start();
  pydl::assign(states[0], states[0] * 2.0);
  const Tensor taken = pydl::take(states[0], index);
  pydl::assign(states[1], pydl::expand(taken, {2}));
  const Tensor again = pydl::take(states[1], index);
  pydl::Program program = trace.finish(std::vector{again});
  const uint32_t version = states[0].version();
  CHECK_THROWS(pydl::IndexError, "take: index 2", program.run(std::vector{Tensor::scalar(2, DType::int64)}));
  CHECK(same(states, before));
  CHECK_THROWS(pydl::IndexError, "take: index 9", program.run(std::vector{Tensor::scalar(9, DType::int64)}));
  CHECK(same(states, before));
  CHECK_EQUAL(states[0].version(), version);
  CHECK_TENSORS_CLOSE(program.run(std::vector{Tensor::scalar(1, DType::int64)})[0], support::doubles({4}, {}), 0);
  CHECK_TENSORS_CLOSE(states[0], support::doubles({2, 4, 6}, {3}), 0);
  CHECK_TENSORS_CLOSE(states[1], support::doubles({4, 4}, {2}), 0);
  CHECK(states[0].version() > version);
}

TEST(traces_refuse_what_they_cannot_do) {
  const Tensor undeclared = support::doubles({1, 2, 3}, {3});
  const Tensor declared = support::doubles({1, 2, 3}, {3});
  pydl::Trace trace;
  const Tensor x = trace.argument(declared);
  trace.state(declared, "weights");
  trace.start();
  CHECK_THROWS(pydl::TraceError, "was not declared", x + undeclared);
  CHECK(is_same(trace.undeclared(), undeclared));
  CHECK_THROWS(pydl::TraceError, "value", pydl::sum(x).item());
  CHECK_THROWS(pydl::TraceError, "weights", declared.raw_data());
  CHECK_THROWS(pydl::TraceError, "argument 0", pydl::assign(x, declared));
  trace.stop();
  CHECK_CLOSE(pydl::sum(undeclared).item(), 6, 0);
  CHECK_THROWS(pydl::TraceError, "", x + undeclared);
}

TEST(traced_tensors_are_counted) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({3}));
  trace.start();
  const int64_t before = trace.live_results();
  {
    const Tensor y = x * 2.0;
    const Tensor view = pydl::reshape(y, {3, 1});
    CHECK_EQUAL(trace.live_results(), before + 2);
    CHECK(pydl::is_traced(view));
  }
  CHECK_EQUAL(trace.live_results(), before);
  trace.stop();
}
