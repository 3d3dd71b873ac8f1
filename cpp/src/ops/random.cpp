// Random numbers: the generator, and the ops that draw from its state.
#include "pydl/random.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "autograd/node.h"
#include "core/entropy.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/random.h"
#include "op/op_trace.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

void require_state(const char* name, const BufferSpec& state) {
  if (state.dtype != DType::int64 || state.shape != Dims{2}) {
    throw ValueError(concat_text(name, ": expected a generator state, int64 of shape (2,), got ", state.dtype,
                                 " of shape ", state.shape));
  }
}

template <OpId id, class Fields>
void infer_draw(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const auto given = op::from_attrs<Fields>(attrs);
  require_state(op::op_name(id), inputs[0]);
  require_sizes(op::op_name(id), given.shape);
  *output = row_major(given.dtype, given.shape);
  require_floating(op::op_name(id), *output);
}

// What numbers of 53 bits can tell apart.
constexpr uint64_t most_integers = uint64_t{1} << 53;

// Unsigned, because the distance may exceed the range of int64.
uint64_t width_of(int64_t low, int64_t high) { return static_cast<uint64_t>(high) - static_cast<uint64_t>(low); }

void infer_random_integers(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const auto given = op::from_attrs<op::RandomIntegersAttrs>(attrs);
  require_state("random_integers", inputs[0]);
  require_sizes("random_integers", given.shape);
  if (given.low >= given.high || width_of(given.low, given.high) > most_integers) {
    throw ValueError(
        concat_text("random_integers: expected low < high, at most 2**53 apart, got ", given.low, " and ", given.high));
  }
  *output = row_major(DType::int64, given.shape);
}

void infer_permutation(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_state("permutation", inputs[0]);
  const int64_t n = op::from_attrs<op::PermutationAttrs>(attrs).n;
  require_sizes("permutation", {n});
  *output = row_major(DType::int64, {n});
}

void infer_dropout(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_floating("dropout", inputs[0]);
  require_state("dropout", inputs[1]);
  *output = row_major(inputs[0].dtype, inputs[0].shape);
}

// Draws the same mask again from the same state, so that only the state must be kept.
Gradients dropout_gradients(const BackwardContext& c) {
  return {op::apply(OpId::dropout, c.attrs(), {c.gradient, c.input(1)}), {}};
}

}  // namespace

void define_random(Registry& registry) {
  constexpr uint32_t state_input = 2U;
  // Random ops. `state` is int64 (2): seed, offset in Philox blocks of 4 x 32 bits (runtime/philox.h).
  // (state) -> (y) {shape dims, dtype, low, high number}
  registry.declare(OpId::uniform, {
                                      .doc = "Uniform in [low, high).",
                                      .inputs = {"state"},
                                      .attributes = op::fields_of<op::UniformAttrs>(),
                                      .traits = flag(op::Trait::random),
                                      .infer = infer_draw<OpId::uniform, op::UniformAttrs>,
                                  });
  // (state) -> (y) {shape dims, dtype, mean, std number}
  registry.declare(OpId::normal, {
                                     .doc = "Normal with mean and std.",
                                     .inputs = {"state"},
                                     .attributes = op::fields_of<op::NormalAttrs>(),
                                     .traits = flag(op::Trait::random),
                                     .infer = infer_draw<OpId::normal, op::NormalAttrs>,
                                 });
  // (state) -> (y) {shape dims, dtype, distribution choice}
  registry.declare(OpId::standard_variate, {
                                               .doc = "Standard numbers of a distribution.",
                                               .inputs = {"state"},
                                               .attributes = op::fields_of<op::StandardVariateAttrs>(),
                                               .traits = flag(op::Trait::random),
                                               .infer = infer_draw<OpId::standard_variate, op::StandardVariateAttrs>,
                                           });
  // (state) -> (y int64) {shape dims, low, high integer}
  registry.declare(OpId::random_integers, {
                                              .doc = "Integers in [low, high), at most 2**53 apart.",
                                              .inputs = {"state"},
                                              .attributes = op::fields_of<op::RandomIntegersAttrs>(),
                                              .traits = flag(op::Trait::random),
                                              .infer = infer_random_integers,
                                          });
  // (x, state) -> (y like x) {p number}
  registry.declare(OpId::dropout, {
                                      .doc = "x / (1 - p) where kept, 0 with probability p.",
                                      .inputs = {"x", "state"},
                                      .attributes = op::fields_of<op::DropoutAttrs>(),
                                      .traits = flag(op::Trait::random),
                                      .infer = infer_dropout,
                                      .backward = dropout_gradients,
                                      .saves_inputs = state_input,
                                  });
  // (state) -> (y int64 (n)) {n integer}
  registry.declare(OpId::permutation, {
                                          .doc = "0 .. n-1 in random order.",
                                          .inputs = {"state"},
                                          .attributes = op::fields_of<op::PermutationAttrs>(),
                                          .traits = flag(op::Trait::random),
                                          .infer = infer_permutation,
                                      });
}

}  // namespace ops

RandomStream::RandomStream() : process_(core::fork_count()), seed_(core::system_seed()) {}

void RandomStream::restart(int64_t seed, int64_t offset) {
  process_ = chosen;
  seed_ = seed;
  offset_ = offset;
}

// Threads that draw concurrently in a new child process may both reseed; the numbers are random either way.
void RandomStream::reseed_after_fork() const {
  const int64_t process = process_.load(std::memory_order_relaxed);
  if (process == chosen || process == core::fork_count()) return;
  seed_ = core::system_seed();
  offset_ = 0;
  process_ = core::fork_count();
}

namespace {
// Offsets wrap around, because a file may contain a stream near its end.
int64_t moved(int64_t offset, int64_t blocks) {
  return static_cast<int64_t>(static_cast<uint64_t>(offset) + static_cast<uint64_t>(blocks));
}
}  // namespace

void RandomStream::advance(int64_t blocks, int64_t* seed_and_offset) {
  reseed_after_fork();
  seed_and_offset[0] = seed_;
  seed_and_offset[1] = offset_.fetch_add(blocks);  // this wraps around too
}

void RandomStream::take_back(int64_t blocks, const int64_t* seed_and_offset) {
  if (seed_ != seed_and_offset[0]) return;
  int64_t expected = moved(seed_and_offset[1], blocks);
  offset_.compare_exchange_strong(expected, seed_and_offset[1]);
}

void RandomStream::read(int64_t* seed_and_offset) const {
  reseed_after_fork();
  seed_and_offset[0] = seed_;
  seed_and_offset[1] = offset_;
}

RandomStream::Position RandomStream::position() const {
  reseed_after_fork();
  return {process_, seed_, offset_};
}

void RandomStream::return_to(const Position& position) {
  seed_ = position.seed;
  offset_ = position.offset;
  process_ = position.process;
}

ForkedGenerator::ForkedGenerator(const Generator& generator)
    : stream_(generator.stream()), before_(stream_->position()) {
  if (op::active_op_trace() != nullptr) {
    throw TraceError("fork_rng: a compiled function advances its generators as a whole; fork them outside of it");
  }
}
ForkedGenerator::~ForkedGenerator() { stream_->return_to(before_); }

Generator::Generator() : stream_(std::make_shared<RandomStream>()) {}

Generator::Generator(uint64_t seed) : stream_(std::make_shared<RandomStream>(seed)) {}

Generator::Generator(std::shared_ptr<RandomStream> stream) : stream_(std::move(stream)) {
  if (!stream_) throw ValueError("Generator: expected a stream, got nothing");
}

void Generator::manual_seed(uint64_t seed) { stream_->restart(static_cast<int64_t>(seed), 0); }

uint64_t Generator::seed() const {
  int64_t values[2];
  stream_->read(values);
  return static_cast<uint64_t>(values[0]);
}

Tensor Generator::state() const {
  int64_t values[2];
  stream_->read(values);
  return Tensor::from_values<int64_t>(values, {2});
}

void Generator::set_state(const Tensor& state) {
  if (state.dtype() != DType::int64 || state.shape() != Dims{2}) {
    throw ValueError(
        concat_text("set_state: expected int64 of shape (2,), got ", state.dtype(), " of shape ", state.shape()));
  }
  const Tensor values = contiguous(state);
  stream_->restart(values.data<int64_t>()[0], values.data<int64_t>()[1]);
}

namespace {
thread_local RandomTape::Scope* innermost_tape = nullptr;
}

RandomTape::Scope::Scope(RandomTape& tape, bool replay)
    : tape_(tape), replays_(replay), outer_(std::exchange(innermost_tape, this)) {}
RandomTape::Scope::~Scope() { innermost_tape = outer_; }

Tensor Generator::fresh_state(int64_t blocks) {
  if (op::OpTrace* trace = op::active_op_trace()) return trace->take(*this, blocks);
  int64_t values[2];
  stream_->advance(blocks, values);
  return Tensor::from_values<int64_t>(values, {2});
}

Tensor Generator::take(int64_t count) {
  // The innermost scope that replays provides the state. The scopes inside it, or all scopes if none replays, record
  // it.
  RandomTape::Scope* scope = innermost_tape;
  while (scope != nullptr && !scope->replays_) scope = scope->outer_;
  Tensor state;
  if (scope != nullptr) {
    const auto& states = scope->tape_.states_;
    if (scope->next_ >= states.size())
      throw Error("a function that is run again draws more random numbers than before");
    state = states[scope->next_++];
  } else {
    // A block contains at least two numbers of any dtype.
    state = fresh_state((count + 1) / 2);
  }
  for (RandomTape::Scope* inner = innermost_tape; inner != scope; inner = inner->outer_) {
    inner->tape_.states_.push_back(state);
  }
  return state;
}

namespace {

// The first stream, with a seed that the environment may fix for everything that runs in it.
std::shared_ptr<RandomStream> first_stream() {
  const char* text = std::getenv("PYDL_SEED");
  if (text == nullptr || *text == '\0') return std::make_shared<RandomStream>();
  uint64_t seed = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, seed);
  if (error != std::errc() || rest != end) {
    throw ValueError(concat_text("PYDL_SEED: expected an integer in [0, 2**64), got '", text, "'"));
  }
  return std::make_shared<RandomStream>(seed);
}

}  // namespace

Generator& default_generator() {
  static Generator generator(first_stream());
  return generator;
}

namespace {

template <class Fields>
Tensor draw(OpId id, const Fields& fields, Generator& generator) {
  ops::require_sizes(op::op_name(id), fields.shape);
  return op::apply(id, op::to_attrs(fields), {generator.take(element_count(fields.shape))});
}

}  // namespace

Tensor uniform(const Dims& shape, double low, double high, DType dtype, Generator& generator) try {
  if (!(low <= high)) throw ValueError(concat_text("uniform: expected low <= high, got ", low, " and ", high));
  return draw(OpId::uniform, op::UniformAttrs{shape, dtype, low, high}, generator);
} catch (const Error&) {
  core::rethrow_as("uniform");
}

Tensor normal(const Dims& shape, double mean, double std, DType dtype, Generator& generator) try {
  if (!(std >= 0)) throw ValueError(concat_text("normal: expected std >= 0, got ", std));
  return draw(OpId::normal, op::NormalAttrs{shape, dtype, mean, std}, generator);
} catch (const Error&) {
  core::rethrow_as("normal");
}

namespace {

// Integers in [0, count), for a count of at most 2**53.
Tensor integers_below(int64_t count, const Dims& shape, Generator& generator) {
  return draw(OpId::random_integers, op::RandomIntegersAttrs{shape, 0, count}, generator);
}

// More integers than a number of 53 bits can tell apart: the upper and the lower 32 bits are drawn one after the other.
Tensor wide_integers(int64_t low, uint64_t width, const Dims& shape, Generator& generator) {
  constexpr int64_t base = int64_t{1} << 32;
  const auto last = static_cast<int64_t>(width >> 32);
  const auto rest = static_cast<int64_t>(width % static_cast<uint64_t>(base));
  const auto draw_upper = [&] { return integers_below(last + (rest > 0 ? 1 : 0), shape, generator); };
  const auto draw_lower = [&] { return integers_below(base, shape, generator); };
  const auto is_outside = [&](const Tensor& upper, const Tensor& lower) {
    return logical_and(equal(upper, last), greater_equal(lower, rest));
  };
  Tensor upper = draw_upper();
  Tensor lower = draw_lower();
  // Few are outside, and are drawn again. What is outside twice, with a probability below 2**-42, moves inside.
  const Tensor outside = is_outside(upper, lower);
  upper = where(outside, draw_upper(), upper);
  lower = where(outside, draw_lower(), lower);
  upper = where(is_outside(upper, lower), Tensor::scalar(last - 1, DType::int64), upper);
  return upper * base + lower + low;  // which wraps around
}

}  // namespace

Tensor randint(const Dims& shape, int64_t low, int64_t high, DType dtype, Generator& generator) {
  return randint(low, high, shape, dtype, generator);
}

Tensor randint(int64_t low, int64_t high, const Dims& shape, DType dtype, Generator& generator) try {
  if (low >= high) throw ValueError(concat_text("randint: expected low < high, got ", low, " and ", high));
  if (!is_integer(dtype)) throw TypeError(concat_text("randint: expected an integer dtype, got ", dtype));
  const IntegerRange range = integer_range(dtype);
  if (low < range.least || high - 1 > range.most) {
    throw ValueError(concat_text("randint: ", dtype, " does not hold numbers from ", low, " to ", high - 1));
  }
  const uint64_t width = ops::width_of(low, high);
  if (width > ops::most_integers) return wide_integers(low, width, shape, generator);
  return astype(draw(OpId::random_integers, op::RandomIntegersAttrs{shape, low, high}, generator), dtype);
} catch (const Error&) {
  core::rethrow_as("randint");
}

Tensor permutation(int64_t n, Generator& generator) try {
  if (n < 0) throw ValueError(concat_text("permutation: expected n >= 0, got ", n));
  return op::apply(OpId::permutation, op::to_attrs(op::PermutationAttrs{n}), {generator.take(n)});
} catch (const Error&) {
  core::rethrow_as("permutation");
}

Tensor dropout(const Tensor& x, double p, bool training, Generator& generator) try {
  if (!x.defined()) throw ValueError("dropout: an undefined tensor was given");
  if (!(p >= 0 && p <= 1)) throw ValueError(concat_text("dropout: expected 0 <= p <= 1, got ", p));
  if (!training || p == 0) return x;
  return op::apply(OpId::dropout, op::to_attrs(op::DropoutAttrs{p}), {x, generator.take(x.size())});
} catch (const Error&) {
  core::rethrow_as("dropout");
}

}  // namespace pydl
