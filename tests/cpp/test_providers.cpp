// Every fast provider against `ref`: the same call, random shapes, layouts and values.
#include <map>
#include <optional>
#include <random>

#include "exec/kernel.h"
#include "op/op_def.h"
#include "pydl/random.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;
using pydl::exec::BufferSpec;
using pydl::exec::KernelCall;
using pydl::exec::Provider;
using pydl::op::Attrs;
using pydl::op::OpId;

namespace {

std::mt19937& random_engine() {
  static std::mt19937 engine(1);
  return engine;
}

int64_t random_integer(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random_engine());
}

BufferSpec spec_of(const Tensor& tensor) { return {tensor.dtype(), tensor.shape(), tensor.strides()}; }

/// What one provider computes: the results, or the mutated inputs; nothing where it does not serve the call.
std::optional<std::vector<Tensor>> run(OpId op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                                       std::string_view name) {
  const pydl::op::OpDef& def = pydl::op::op_def(op);
  std::vector<Tensor> operands = inputs;
  std::vector<BufferSpec> specs;
  for (const Tensor& tensor : inputs) specs.push_back(spec_of(tensor));
  const bool mutates = def.has(pydl::op::Trait::mutates);
  std::vector<BufferSpec> outputs(mutates ? 0 : def.count_results(attrs, inputs.size()));
  def.infer(attrs, specs, outputs.data(), nullptr);
  std::vector<Tensor> results;
  if (mutates) {
    for (int i = 0; i < def.mutated(attrs, static_cast<int>(inputs.size())); ++i) {
      const auto index = static_cast<size_t>(i);
      operands[index] = Tensor::empty_strided(specs[index].shape, specs[index].strides, specs[index].dtype);
      pydl::assign(operands[index], inputs[index]);
      results.push_back(operands[index]);
    }
  } else {
    for (const BufferSpec& output : outputs) {
      results.push_back(Tensor::empty_strided(output.shape, output.strides, output.dtype));
    }
  }
  const auto kernel = pydl::exec::prepare_kernel_from(KernelCall{op, attrs, specs, outputs}, name);
  if (!kernel) return std::nullopt;
  std::vector<void*> pointers;
  for (const Tensor& tensor : operands) pointers.push_back(tensor.raw_data());
  std::vector<void*> targets;
  for (const Tensor& tensor : results) targets.push_back(tensor.raw_data());
  // What is not a number in all that nobody has written yet, and behind it what nobody may write.
  constexpr int64_t guard = 256;
  constexpr unsigned char unwritten = 0xff;
  const auto bytes = static_cast<int64_t>(kernel->scratchpad_bytes);
  const Tensor scratchpad = pydl::full({bytes + guard}, unwritten, DType::uint8);
  kernel->run({scratchpad.raw_data()}, pointers.data(), targets.data());
  const auto* behind = static_cast<const unsigned char*>(scratchpad.raw_data()) + bytes;
  if (std::any_of(behind, behind + guard, [](unsigned char byte) { return byte != unwritten; })) {
    check::fail(__FILE__, __LINE__, pydl::concat_text(op_name(op), " writes behind its scratchpad"));
  }
  return results;
}

// Relative difference allowed between two ways to compute one number.
double tolerance(DType dtype) {
  switch (dtype) {
    case DType::float16: return 4e-3;
    case DType::bfloat16: return 3e-2;
    case DType::float32: return 4e-6;
    case DType::float64: return 1e-12;
    default: return 0;
  }
}

int compared = 0;

void compare(OpId op, const Attrs& attrs, const std::vector<Tensor>& inputs, double scale = 1) {
  const auto expected = run(op, attrs, inputs, "ref");
  CHECK(expected.has_value());
  if (!expected) return;
  for (const pydl::exec::Implementation& one : pydl::exec::KernelTable::global().implementations(op)) {
    if (one.provider == Provider::ref) continue;
    const auto got = run(op, attrs, inputs, one.name);
    if (!got) continue;
    ++compared;
    const std::string call = pydl::concat_text(op_name(op), ", ", inputs.empty() ? DType::float32 : inputs[0].dtype(),
                                               inputs.empty() ? Dims{} : inputs[0].shape(), ", ", one.name);
    for (size_t i = 0; i < got->size(); ++i) {
      support::close(call.c_str(), 0, (*got)[i], (*expected)[i], scale * tolerance((*expected)[i].dtype()));
    }
  }
}

// Shows the elements of a fresh tensor in one of several layouts: row-major, permuted, reversed with a step, broadcast.
Tensor with_random_layout(const Tensor& dense) {
  const int rank = dense.rank();
  if (rank == 0) return dense;
  switch (random_integer(0, 4)) {
    case 0: {
      std::vector<int64_t> order;
      for (int axis = rank - 1; axis >= 0; --axis) order.push_back(axis);
      return pydl::permute_dims(pydl::copy(pydl::permute_dims(dense, order)), order);
    }
    case 1: {
      Dims shape = dense.shape();
      Dims starts = Dims::filled(rank, 0);
      Dims steps = Dims::filled(rank, 1);
      const int axis = static_cast<int>(random_integer(0, rank - 1));
      shape[axis] = 2 * shape[axis] + 1;
      starts[axis] = shape[axis] - 1;
      steps[axis] = -2;
      if (dense.size() == 0) return dense;
      return pydl::slice(pydl::slice_backward(dense, shape, starts, steps), starts, dense.shape(), steps);
    }
    case 2: {
      Dims sizes = dense.shape();
      const int axis = static_cast<int>(random_integer(0, rank - 1));
      if (sizes[axis] == 0) return dense;
      sizes[axis] = 1;
      return pydl::expand(pydl::slice(dense, Dims::filled(rank, 0), sizes, Dims::filled(rank, 1)), dense.shape());
    }
    default: return dense;
  }
}

Tensor as_channels_last(const Tensor& x) {
  const Tensor result = Tensor::empty_strided(x.shape(), pydl::channels_last_strides(x.shape()), x.dtype());
  pydl::assign(result, x);
  return result;
}

Tensor random_dense(const Dims& shape, DType dtype, double low, double high) {
  if (dtype == DType::boolean) {
    return pydl::astype(pydl::randint(0, 2, shape), dtype);
  }
  if (pydl::is_integer(dtype)) {
    const int64_t bottom = dtype == DType::uint8 ? 0 : -9;
    return pydl::astype(pydl::randint(bottom, 10, shape), dtype);
  }
  return pydl::astype(support::random_doubles(shape, low, high), dtype);
}

Tensor random_tensor(const Dims& shape, DType dtype, double low = -3, double high = 3) {
  return with_random_layout(random_dense(shape, dtype, low, high));
}

const std::vector<Dims>& shapes() {
  static const std::vector<Dims> list = {{}, {1}, {7}, {1000}, {3, 5}, {33, 65}, {2, 3, 4, 5}, {4, 1, 300}, {40'003}};
  return list;
}

constexpr DType all_dtypes[] = {DType::boolean, DType::uint8,   DType::int8,     DType::int16,   DType::int32,
                                DType::int64,   DType::float16, DType::bfloat16, DType::float32, DType::float64};
constexpr DType numeric_dtypes[] = {DType::uint8,   DType::int8,     DType::int16,   DType::int32,  DType::int64,
                                    DType::float16, DType::bfloat16, DType::float32, DType::float64};
constexpr DType floating_dtypes[] = {DType::float16, DType::bfloat16, DType::float32, DType::float64};
constexpr DType boolean_only[] = {DType::boolean};
constexpr DType integral_dtypes[] = {DType::uint8, DType::int8, DType::int16, DType::int32, DType::int64};

struct ElementwiseOp {
  OpId op;
  std::span<const DType> dtypes;
  size_t operands;
};

std::vector<ElementwiseOp> elementwise_ops() {
  const std::map<std::string_view, std::pair<std::span<const DType>, size_t>> kinds = {
      {"UNARY", {numeric_dtypes, 1}},          {"UNARY_FLOAT", {floating_dtypes, 1}},
      {"UNARY_TEST", {all_dtypes, 1}},         {"BINARY", {numeric_dtypes, 2}},
      {"BINARY_FLOAT", {floating_dtypes, 2}},  {"COMPARE", {all_dtypes, 2}},
      {"LOGICAL", {boolean_only, 2}},          {"UNARY_INTEGER", {integral_dtypes, 1}},
      {"BINARY_INTEGER", {integral_dtypes, 2}}};
  std::vector<ElementwiseOp> ops;
#define PYDL_ROW(kind, name, ...) ops.push_back({OpId::name, kinds.at(#kind).first, kinds.at(#kind).second});
  PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
  return ops;
}

// Values for which every function is defined; where others matter, `special_values` has them.
std::pair<double, double> domain(OpId op) {
  switch (op) {
    case OpId::asin:
    case OpId::acos: return {-1, 1};
    case OpId::log:
    case OpId::log2:
    case OpId::log10:
    case OpId::sqrt:
    case OpId::rsqrt:
    case OpId::pow:
    case OpId::reciprocal:
    case OpId::divide:
    case OpId::gradient_over: return {0.01, 4};
    case OpId::log1p: return {-0.9, 4};
    case OpId::tan: return {-1.4, 1.4};
    // Quotients near an integer may round to either side in low precision.
    case OpId::floor_divide:
    case OpId::remainder: return {2.1, 2.9};
    default: return {-6, 6};
  }
}

}  // namespace

TEST(elementwise_ops) {
  for (const ElementwiseOp& entry : elementwise_ops()) {
    const auto [low, high] = domain(entry.op);
    for (const DType dtype : entry.dtypes) {
      for (const Dims& shape : shapes()) {
        std::vector<Tensor> inputs;
        for (size_t i = 0; i < entry.operands; ++i) inputs.push_back(random_tensor(shape, dtype, low, high));
        compare(entry.op, {}, inputs);
      }
    }
  }
}

TEST(elementwise_ops_at_special_values) {
  const std::vector<double> values = {0.0, -0.0, 1.0,   -1.0, 0.5,   -0.5,  1.5,    2.5,  -2.5,  INFINITY, -INFINITY,
                                      NAN, 20.0, -20.0, 87.0, -87.0, 1e-20, -1e-20, 1e20, -1e20, 3.0};
  const auto count = static_cast<int64_t>(values.size());
  const Tensor column = pydl::reshape(Tensor::from_values<double>(values, {count}), {count, 1});
  for (const ElementwiseOp& entry : elementwise_ops()) {
    // These see outputs of sigmoid and tanh, which lie in [-1, 1].
    if (entry.op == OpId::sigmoid_backward || entry.op == OpId::tanh_backward) continue;
    for (const DType dtype : {DType::float32, DType::float64}) {
      if (std::find(entry.dtypes.begin(), entry.dtypes.end(), dtype) == entry.dtypes.end()) continue;
      const Tensor left = pydl::expand(pydl::astype(column, dtype), {count, count});
      std::vector<Tensor> inputs = {left};
      if (entry.operands == 2) inputs.push_back(pydl::matrix_transpose(left));
      compare(entry.op, {}, inputs);
    }
  }
}

TEST(casts_copies_and_choices) {
  for (const Dims& shape : shapes()) {
    for (const DType from : all_dtypes) {
      const Tensor x = random_tensor(shape, from, 0, 9);
      for (const DType to : all_dtypes) compare(OpId::cast, {{"dtype", to}}, {x});
      compare(OpId::copy, {}, {x});
      const Tensor other = random_tensor(shape, from);
      compare(OpId::where, {}, {random_tensor(shape, DType::boolean), x, other});
      compare(OpId::assign, {}, {random_dense(shape, from, 0, 1), x});
      if (from == DType::boolean) continue;
      compare(OpId::clip, {}, {x, pydl::minimum(other, x), pydl::maximum(x, other)});
    }
  }
}

TEST(reductions) {
  const std::vector<std::pair<Dims, std::vector<Dims>>> cases = {
      {{17}, {{0}}},
      {{5, 7}, {{0}, {1}, {0, 1}}},
      {{300, 200}, {{0}, {1}, {0, 1}}},
      {{3, 4, 5, 6}, {{0}, {2}, {3}, {0, 2}, {1, 3}, {0, 1, 2, 3}}},
      {{2, 100'000}, {{1}, {0}}}};
  for (const auto& [shape, axes_list] : cases) {
    for (const Dims& axes : axes_list) {
      const Attrs attrs = {{"axes", axes}, {"keepdims", random_integer(0, 1) == 1}};
      for (const DType dtype : floating_dtypes) {
        const Tensor x = random_tensor(shape, dtype, -1, 2);
        for (const OpId op : {OpId::sum, OpId::mean, OpId::max, OpId::min}) compare(op, attrs, {x}, 4);
        Attrs with_correction = {{"axes", axes}, {"keepdims", true}, {"correction", 1.0}};
        compare(OpId::var, with_correction, {x}, 4);
        compare(OpId::prod, attrs, {random_tensor(shape, dtype, 0.999, 1.001)}, dtype == DType::float64 ? 10 : 100);
      }
      for (const DType dtype : {DType::int32, DType::int64}) {
        const Tensor x = random_tensor(shape, dtype);
        for (const OpId op : {OpId::sum, OpId::max, OpId::min}) compare(op, attrs, {x});
      }
      const Tensor flags = random_tensor(shape, DType::boolean);
      compare(OpId::any, attrs, {flags});
      compare(OpId::all, attrs, {flags});
      if (axes.rank() > 1 && axes.rank() < shape.rank()) continue;
      for (const DType dtype : numeric_dtypes) {
        const Tensor x = random_tensor(shape, dtype);
        compare(OpId::argmax, attrs, {x});
        compare(OpId::argmin, attrs, {x});
      }
    }
  }
}

TEST(products) {
  const std::vector<std::pair<Dims, Dims>> cases = {
      {{1, 1}, {1, 1}},        {{3, 4}, {4, 5}},           {{64, 100}, {100, 33}},    {{1, 200}, {200, 70}},
      {{70, 200}, {200, 1}},   {{2, 3, 4, 5}, {3, 5, 6}},  {{5, 1, 8, 9}, {4, 9, 7}}, {{130, 260}, {260, 140}},
      {{93, 530}, {530, 105}}, {{3, 70, 80}, {3, 80, 111}}};
  for (const auto& [a, b] : cases) {
    for (const DType dtype : floating_dtypes) {
      compare(OpId::matmul, {}, {random_tensor(a, dtype, -1, 1), random_tensor(b, dtype, -1, 1)}, 30);
    }
  }
  for (const Dims& x : {Dims{10}, Dims{4, 10}, Dims{128, 10}, Dims{2, 3, 10}}) {
    for (const DType dtype : floating_dtypes) {
      std::vector<Tensor> inputs = {random_tensor(x, dtype, -1, 1), random_tensor({7, 10}, dtype, -1, 1)};
      compare(OpId::linear, {}, inputs, 30);
      inputs.push_back(random_tensor({7}, dtype));
      compare(OpId::linear, {}, inputs, 30);
    }
  }
  const std::vector<Tensor> inputs = {random_tensor({129, 200}, DType::float32, -1, 1),
                                      random_tensor({100, 200}, DType::float32, -1, 1),
                                      random_tensor({100}, DType::float32)};
  compare(OpId::linear, {}, inputs, 30);
  compare(OpId::linear, {{"post", pydl::op::Text("relu")}}, inputs, 30);
}

// x, weight, and the output, under the attrs of a convolution.
struct ConvCase {
  Dims x;
  Dims weight;
  Dims y;
  Dims stride;
  Dims low;
  Dims high;
  Dims dilation;
  int64_t groups;
};

TEST(convolutions) {
  const std::vector<ConvCase> cases = {
      {{2, 3, 20}, {5, 3, 3}, {2, 5, 18}, {1}, {0}, {0}, {1}, 1},
      {{2, 3, 9, 8}, {16, 3, 3, 3}, {2, 16, 5, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 1},
      {{2, 32, 9, 8}, {32, 1, 3, 3}, {2, 32, 9, 8}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 32},
      {{1, 8, 10, 9}, {12, 4, 3, 2}, {1, 12, 6, 8}, {1, 1}, {0, 0}, {0, 0}, {2, 1}, 2},
      {{4, 64, 14, 14}, {32, 64, 1, 1}, {4, 32, 14, 14}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
      {{1, 4, 5, 6, 7}, {6, 4, 2, 3, 3}, {1, 6, 4, 6, 7}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1},
      // The gradient of the weight: many places shared by threads. The gradient of the input: by rows of the kernel.
      {{8, 32, 16, 16}, {48, 32, 1, 1}, {8, 48, 16, 16}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
      {{2, 6, 14, 13}, {20, 6, 5, 5}, {2, 20, 7, 6}, {2, 2}, {2, 1}, {1, 2}, {1, 1}, 1},
      {{3, 1, 9, 30}, {7, 1, 3, 4}, {3, 7, 5, 27}, {1, 1}, {0, 0}, {0, 0}, {2, 1}, 1},
      // By AMX tiles in float32: as a product, from gathered rows, and where rows lie in the image.
      {{3, 64, 14, 15}, {96, 64, 1, 1}, {3, 96, 14, 15}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
      {{3, 24, 12, 15}, {80, 24, 3, 3}, {3, 80, 6, 7}, {2, 2}, {1, 1}, {1, 1}, {1, 2}, 1},
      {{2, 40, 13, 64}, {72, 40, 3, 3}, {2, 72, 7, 32}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 1},
      // By Winograd's algorithm in float32.
      {{2, 32, 17, 18}, {48, 32, 3, 3}, {2, 48, 17, 18}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1},
  };
  for (const ConvCase& c : cases) {
    Attrs attrs = {{"stride", c.stride},
                   {"padding_low", c.low},
                   {"padding_high", c.high},
                   {"dilation", c.dilation},
                   {"groups", c.groups}};
    const Dims size(std::span(c.x.begin() + 2, static_cast<size_t>(c.x.rank() - 2)));
    const Dims kernel(std::span(c.weight.begin() + 2, static_cast<size_t>(c.x.rank() - 2)));
    for (const DType dtype : {DType::float32, DType::float64}) {
      const Tensor x = random_tensor(c.x, dtype, -1, 1);
      const Tensor weight = random_tensor(c.weight, dtype, -1, 1);
      const Tensor g = random_tensor(c.y, dtype, -1, 1);
      compare(OpId::conv, attrs, {x, weight}, 60);
      compare(OpId::conv, attrs, {x, weight, random_tensor({c.weight[0]}, dtype)}, 60);
      Attrs of_input = attrs;
      of_input.add("size", size);
      compare(OpId::conv_backward_input, of_input, {g, weight}, 60);
      Attrs of_weight = attrs;
      of_weight.add("kernel", kernel);
      compare(OpId::conv_backward_weight, of_weight, {g, x}, 200);
    }
  }
}

TEST(pooling) {
  for (const Dims& shape : {Dims{2, 3, 9, 8}, Dims{5, 70, 9, 9}, Dims{1, 130, 20, 20}}) {
    const Dims two = {2, 2};
    const Dims pooled = {(shape[2] - 3) / 2 + 1, (shape[3] - 2) / 2 + 1};
    const Attrs attrs = {{"kernel", Dims{3, 2}}, {"stride", two},     {"padding", Dims{0, 0}}, {"dilation", Dims{1, 1}},
                         {"size", pooled},       {"adaptive", false}, {"divisor", int64_t{0}}};
    for (const DType dtype : floating_dtypes) {
      const Tensor x = random_tensor(shape, dtype);
      const Tensor g = random_tensor({shape[0], shape[1], pooled[0], pooled[1]}, dtype, -1, 1);
      compare(OpId::max_pool, attrs, {x}, 1);
      compare(OpId::max_pool_indices, attrs, {x});
      compare(OpId::max_pool_backward, attrs, {g, x}, 4);
      compare(OpId::avg_pool, attrs, {x}, 8);
      Attrs of_input = attrs;
      of_input.add("input", Dims{shape[2], shape[3]});
      compare(OpId::avg_pool_backward, of_input, {g}, 8);
    }
  }
}

TEST(resampling) {
  const std::vector<std::pair<Dims, Dims>> cases = {{{2, 3, 40}, {71}},        {{2, 3, 71}, {40}},
                                                    {{2, 5, 9, 8}, {18, 16}},  {{1, 70, 9, 8}, {20, 5}},
                                                    {{2, 3, 64, 64}, {7, 90}}, {{1, 4, 5, 6, 7}, {9, 4, 15}}};
  for (const auto& [shape, size] : cases) {
    for (const std::string mode : {"nearest", "linear", "cubic", "area"}) {
      for (const auto& [align_corners, antialias] : {std::pair(false, false), {true, false}, {false, true}}) {
        if ((align_corners || antialias) && (mode == "nearest" || mode == "area")) continue;
        std::vector<double> steps(static_cast<size_t>(size.rank()), 0.0);
        steps[0] = 0.71;
        const Attrs attrs = {{"size", size},
                             {"mode", mode},
                             {"align_corners", align_corners},
                             {"antialias", antialias},
                             {"steps", steps}};
        Attrs of_input = attrs;
        of_input.add("input", Dims(std::span(shape.begin() + 2, static_cast<size_t>(size.rank()))));
        Dims result = {shape[0], shape[1]};
        for (const int64_t axis_size : size) result.push_back(axis_size);
        for (const DType dtype : floating_dtypes) {
          for (const bool channels_last : {false, true}) {
            const auto laid_out = [&](const Tensor& x) { return channels_last ? as_channels_last(x) : x; };
            compare(OpId::resample, attrs, {laid_out(random_tensor(shape, dtype))}, 16);
            compare(OpId::resample_backward, of_input, {laid_out(random_tensor(result, dtype, -1, 1))}, 32);
          }
        }
      }
    }
  }
}

TEST(softmax) {
  for (const Dims& shape : {Dims{1}, Dims{7}, Dims{3, 5}, Dims{40, 1000}, Dims{4, 30, 20}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Attrs attrs = {{"axis", static_cast<int64_t>(axis)}};
      for (const DType dtype : floating_dtypes) {
        const Tensor x = random_tensor(shape, dtype);
        compare(OpId::softmax, attrs, {x}, 4);
        compare(OpId::log_softmax, attrs, {x}, 8);
        compare(OpId::softmax_backward, attrs, {x, random_tensor(shape, dtype, 0, 0.5)}, 30);
        compare(OpId::log_softmax_backward, attrs, {x, random_tensor(shape, dtype, -3, -1)}, 60);
      }
    }
  }
}

TEST(cross_entropy) {
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const auto& [shape, axis] : std::vector<std::pair<Dims, int>>{{{7, 10}, 1}, {{3, 5, 70}, 1}, {{300, 33}, 0}}) {
      Dims target_shape = shape;
      target_shape.erase(axis);
      Tensor target = pydl::randint(0, shape[axis], target_shape);
      target.data<int64_t>()[1] = -100;
      const Tensor x = random_tensor(shape, dtype, -4, 4);
      for (const std::string reduction : {"none", "mean", "sum"}) {
        const Attrs attrs = {{"axis", int64_t{axis}}, {"ignore_index", int64_t{-100}}, {"reduction", reduction}};
        const Tensor g = random_tensor(reduction == "none" ? target_shape : Dims{}, dtype, -1, 1);
        compare(OpId::softmax_cross_entropy, attrs, {x, target}, 30);
        compare(OpId::softmax_cross_entropy_backward, attrs, {g, x, target}, 60);
      }
    }
  }
}

TEST(ctc) {
  const Attrs attrs = {{"blank", int64_t{2}}, {"zero_infinity", true}};
  for (const DType dtype : floating_dtypes) {
    const Tensor log_probs = random_tensor({30, 5, 12}, dtype, -4, 0);
    Tensor targets = pydl::randint(3, 12, {5, 9});
    Tensor joined = pydl::randint(3, 12, {21});
    const Tensor steps = Tensor::from_values<int64_t>(std::vector<int64_t>{30, 17, 0, 3, 30}, {5});
    const Tensor lengths = Tensor::from_values<int64_t>(std::vector<int64_t>{9, 4, 0, 8, 0}, {5});
    for (const Tensor& given : {with_random_layout(targets), joined}) {
      compare(OpId::ctc_loss, attrs, {log_probs, given, steps, lengths}, 4);
      compare(OpId::ctc_loss_backward, attrs, {random_tensor({5}, dtype), log_probs, given, steps, lengths}, 30);
    }
  }
}

// With the channels last: what stays is a permuted view.
Tensor with_channels_last(const Tensor& dense) {
  std::vector<int64_t> order = {0};
  for (int axis = 2; axis < dense.rank(); ++axis) order.push_back(axis);
  order.push_back(1);
  std::vector<int64_t> back = {0, dense.rank() - 1};
  for (int axis = 1; axis + 1 < dense.rank(); ++axis) back.push_back(axis);
  return pydl::permute_dims(pydl::copy(pydl::permute_dims(dense, order)), back);
}

TEST(normalisation_by_channel) {
  const std::vector<Dims> cases = {{5, 3},        {200, 70},       {1, 1, 1},       {3, 5, 33},     {2, 3, 40, 41},
                                   {9, 20, 7, 7}, {4, 64, 15, 16}, {2, 130, 9, 10}, {1, 1, 50, 60}, {2, 6, 3, 4, 5}};
  for (const Dims& shape : cases) {
    for (const DType dtype : floating_dtypes) {
      const DType own = pydl::item_size(dtype) == 2 ? DType::float32 : dtype;
      const int64_t channels = shape[1];
      const Tensor vector = random_tensor({channels}, own, 0.5, 1.5);
      const Tensor pair = random_tensor({2, channels}, own, 0.5, 1.5);
      for (const int layout : {0, 1, 2, 3}) {
        // Row-major, channels last, one of each, and any.
        const auto laid_out = [&](bool channels_last) {
          const Tensor dense = random_dense(shape, dtype, -1, 3);
          return layout == 3 ? with_random_layout(dense) : channels_last ? with_channels_last(dense) : dense;
        };
        const Tensor x = laid_out(layout != 0);
        const Tensor g = laid_out(layout == 1);
        const double scale = own == DType::float64 ? 20 : 10;
        compare(OpId::channel_moments, {}, {x}, scale);
        const Attrs attrs = {{"epsilon", 1e-3}, {"batch", true}};
        compare(OpId::channel_sums, attrs, {g, x, pair}, 200);
        compare(OpId::batch_norm_backward, attrs, {g, x, pair, vector, random_tensor({2, channels}, own)}, scale);
        const Attrs constant = {{"epsilon", 1e-3}, {"batch", false}};
        compare(OpId::batch_norm_backward, constant, {g, x, pair, vector}, scale);
        compare(OpId::batch_norm, constant, {x, pair, vector, random_tensor({channels}, dtype)}, scale);
        for (const char* activation : {"relu", "relu6"}) {
          Attrs rectified = attrs;
          rectified.add("post", pydl::op::Text(activation));
          Attrs gated = attrs;
          gated.add("gate", pydl::op::Text(activation));
          const Tensor bias = random_tensor({channels}, own, -1, 1);
          compare(OpId::batch_norm, rectified, {x, pair, vector, bias}, scale);
          compare(OpId::channel_sums, gated, {g, x, pair, vector, bias}, 200);
          const Tensor sums = random_tensor({2, channels}, own);
          compare(OpId::batch_norm_backward, gated, {g, x, pair, vector, sums, bias}, scale);
        }
      }
    }
  }
}

TEST(moments_far_from_zero) {
  // One channel of large numbers that hardly differ, and one whose first element is far from all others.
  const Tensor noise = support::random_doubles({4000, 2}, -1, 1);
  const Tensor first = pydl::slice_backward(pydl::ones({1, 1}, DType::float64), {4000, 2}, {0, 1}, {1, 1});
  const Tensor far = Tensor::from_values<double>(std::vector<double>{1e4, 0}, {2});
  const Tensor x = pydl::astype(noise + far + first * 1e4, DType::float32);
  for (const Tensor& values : {x, pydl::reshape(x, {40, 2, 100}), pydl::reshape(x, {400, 2, 10})}) {
    compare(OpId::channel_moments, {}, {values}, 20);
    compare(OpId::channel_moments, {}, {with_channels_last(values)}, 20);
  }
}

TEST(normalisation_of_rows) {
  for (const auto& [shape, axes] : std::vector<std::pair<Dims, int64_t>>{
           {{7}, 1}, {{40, 1000}, 1}, {{3, 5, 33}, 2}, {{2, 20'000}, 1}, {{300, 1}, 1}, {{2, 3, 4, 5}, 4}}) {
    for (const DType dtype : floating_dtypes) {
      for (const bool center : {false, true}) {
        const Attrs attrs = {{"axes", axes}, {"epsilon", 1e-2}, {"center", center}};
        const Tensor x = random_tensor(shape, dtype, -1, 3);
        compare(OpId::normalize, attrs, {x}, 20);
        compare(OpId::normalize_backward, attrs, {random_tensor(shape, dtype), x}, 60);
      }
    }
  }
}

TEST(recurrent_layers) {
  const std::vector<Dims> sizes = {{3, 2, 4, 5}, {1, 1, 1, 1}, {4, 13, 20, 37}, {6, 40, 7, 66}};  // T, N, I, H
  for (const Dims& size : sizes) {
    for (const DType dtype : floating_dtypes) {
      for (int64_t variant = 0; variant < 10; ++variant) {
        constexpr const char* names[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};
        const int64_t cell = variant / 2 > 3 ? 1 : variant / 2;
        const int64_t rows = (cell == 0 ? 4 : (cell == 1 ? 3 : 1)) * size[3];
        const auto draw = [&](const Dims& shape) { return random_tensor(shape, dtype, -0.5, 0.5); };
        std::vector<Tensor> inputs = {draw({size[0], size[1], size[2]}), draw({size[1], size[3]}),
                                      draw({rows, size[2]}), draw({rows, size[3]})};
        if (cell == 0) inputs.push_back(draw({size[1], size[3]}));
        inputs.insert(inputs.end(), {draw({rows}), draw({rows})});
        Attrs attrs = {{"cell", names[cell]}, {"reset_after", variant < 8}, {"reverse", variant % 2 == 1}};
        attrs.add("lengths", false);
        Attrs backward = attrs;
        attrs.add("bias", true);
        attrs.add("save_gates", true);
        // Rounding errors grow with the steps.
        compare(OpId::recurrent, attrs, inputs, 60);
        const std::vector<Tensor> results = *run(OpId::recurrent, attrs, inputs, "ref");
        for (const char* gradient : {"dy", "dh", "dc"}) backward.add(gradient, cell == 0 || gradient[1] != 'c');
        std::vector<Tensor> operands = {results[0], inputs[1], inputs[3]};
        if (cell < 2) operands.push_back(results[3]);
        if (cell == 0) operands.insert(operands.end(), {inputs[4], results[4]});
        operands.insert(operands.end(), {draw({size[0], size[1], size[3]}), draw({size[1], size[3]})});
        if (cell == 0) operands.push_back(draw({size[1], size[3]}));
        compare(OpId::recurrent_backward, backward, operands, 200);
      }
      const Tensor lengths = pydl::randint(0, size[0] + 1, {size[1]});
      for (int64_t shift = -1; shift <= 1; ++shift) {
        compare(OpId::sequence_product, {{"shift", shift}},
                {random_tensor({size[0], size[1], size[2]}, dtype, -1, 1),
                 random_tensor({size[0], size[1], size[3]}, dtype, -1, 1), lengths,
                 random_tensor({size[1], size[3]}, dtype, -1, 1)},
                60);
      }
    }
  }
}

TEST(sums_over_sequences_of_many_columns) {
  // 384 rows are multiplied at a time; the blocks of the 352 that remain are less deep, and wider.
  const Tensor a = random_tensor({46, 16, 2048}, DType::float32, -1, 1);
  const Tensor b = random_tensor({46, 16, 512}, DType::float32, -1, 1);
  const Tensor first = random_tensor({16, 512}, DType::float32, -1, 1);
  const auto sums = run(OpId::sequence_product, {{"shift", int64_t{0}}},
                        {a, b, pydl::full({16}, int64_t{46}, DType::int64), first}, "cpu");
  CHECK(sums.has_value());
  const Tensor expected =
      pydl::matmul(pydl::matrix_transpose(pydl::reshape(a, {736, 2048})), pydl::reshape(b, {736, 512}));
  support::close("sequence_product", 0, sums->front(), expected, 1e-3);
}

TEST(structure_and_indexing) {
  for (const DType dtype : all_dtypes) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      const Attrs attrs = {{"axis", axis}};
      const Tensor x = random_tensor({6, 5, 7}, dtype);
      compare(OpId::concat, attrs, {x, random_tensor({6, 5, 7}, dtype)});
      Dims chosen = {6, 5, 7};
      chosen[static_cast<int>(axis)] = 4;
      compare(OpId::gather, attrs, {x, with_random_layout(pydl::randint(-5, 5, chosen))});
      const Tensor index = with_random_layout(pydl::randint(-5, 5, {3, 4}));
      compare(OpId::take, attrs, {x, index});
      if (!pydl::is_floating(dtype)) continue;
      const Attrs sized = {{"axis", axis}, {"size", int64_t{5}}};
      const Tensor small = pydl::randint(-5, 5, {6, 5, 7});
      compare(OpId::gather_backward, sized, {x, small}, 4);
      const std::vector<Dims> gradient_shapes = {{3, 4, 5, 7}, {6, 3, 4, 7}, {6, 5, 3, 4}};
      const Tensor gradient = random_tensor(gradient_shapes[static_cast<size_t>(axis)], dtype);
      compare(OpId::take_backward, sized, {gradient, index}, 8);
      Attrs skipping = sized;
      skipping.add("skip", int64_t{2});
      compare(OpId::take_backward, skipping, {gradient, index}, 8);
    }
    const Attrs part = {{"shape", Dims{9, 8}}, {"starts", Dims{8, 1}}, {"steps", Dims{-2, 3}}};
    compare(OpId::slice_backward, part, {random_tensor({4, 2}, dtype)});
  }
}

TEST(rows_of_a_table_are_added_in_columns) {
  for (const DType dtype : floating_dtypes) {
    const Attrs attrs = {{"axis", int64_t{0}}, {"size", int64_t{50}}, {"skip", int64_t{0}}};
    compare(OpId::take_backward, attrs, {random_tensor({40, 30, 67}, dtype), pydl::randint(0, 50, {40, 30})}, 100);
  }
}

TEST(creation_and_random_numbers) {
  const Tensor state = pydl::Generator(77).state();
  for (const DType dtype : floating_dtypes) {
    for (const Dims& shape : shapes()) {
      compare(OpId::uniform, {{"shape", shape}, {"dtype", dtype}, {"low", -2.0}, {"high", 3.0}}, {state});
      compare(OpId::normal, {{"shape", shape}, {"dtype", dtype}, {"mean", 1.0}, {"std", 2.0}}, {state}, 4);
      compare(OpId::dropout, {{"p", 0.3}}, {random_tensor(shape, dtype), state});
      compare(OpId::full, {{"shape", shape}, {"dtype", dtype}, {"value", 2.5}}, {});
    }
    compare(OpId::arange, {{"start", 1.0}, {"step", 0.25}, {"count", int64_t{1000}}, {"dtype", dtype}}, {});
  }
  for (const int64_t n : {0, 1, 2, 1000}) compare(OpId::permutation, {{"n", n}}, {state});
}

TEST(updates) {
  const std::vector<Dims> shapes_of_parameters = {{3}, {40, 30}, {}, {20'000}, {0, 3}};
  const auto count = static_cast<int64_t>(shapes_of_parameters.size());
  const auto operands = [&](DType dtype, int states, int64_t step) {
    std::vector<Tensor> inputs = {Tensor::scalar(step, DType::int64)};
    for (int group = 0; group < states + 2; ++group) {
      const double low = group == 0 || group == states + 1 ? -1 : 0;  // states may be averages of squares
      for (const Dims& shape : shapes_of_parameters) inputs.push_back(random_dense(shape, dtype, low, 1));
    }
    inputs.push_back(Tensor::scalar(0.01, DType::float64));
    return inputs;
  };
  for (const DType dtype : floating_dtypes) {
    for (const int64_t step : {0, 5}) {
      for (const bool flag : {false, true}) {
        compare(OpId::sgd_update,
                {{"count", count},
                 {"momentum", 0.9},
                 {"dampening", flag ? 0.0 : 0.1},
                 {"weight_decay", 0.01},
                 {"nesterov", flag}},
                operands(dtype, 1, step));
        compare(OpId::rmsprop_update,
                {{"count", count},
                 {"alpha", 0.9},
                 {"epsilon", 1e-8},
                 {"momentum", flag ? 0.5 : 0.0},
                 {"weight_decay", 0.01}},
                operands(dtype, flag ? 2 : 1, step), 4);
        compare(OpId::adam_update,
                {{"count", count},
                 {"beta1", 0.9},
                 {"beta2", 0.999},
                 {"epsilon", 1e-8},
                 {"weight_decay", 0.01},
                 {"decoupled", flag}},
                operands(dtype, 2, step), 4);
      }
    }
    compare(OpId::sgd_update,
            {{"count", count}, {"momentum", 0.0}, {"dampening", 0.0}, {"weight_decay", 0.0}, {"nesterov", false}},
            operands(dtype, 0, 1));
  }
}

TEST(updates_of_rows) {
  const Tensor lr = Tensor::scalar(0.01, DType::float64);
  for (const DType dtype : floating_dtypes) {
    const Tensor g = random_dense({40, 30, 67}, dtype, -1, 1);
    const Tensor index = pydl::randint(-50, 52, {40, 30});
    for (const Attrs& attrs : {Attrs{}, Attrs{{"skip", int64_t{3}}}}) {
      compare(OpId::sgd_update_rows, attrs, {random_dense({50, 67}, dtype, -1, 1), g, index, lr}, 20);
    }
  }
}

TEST(the_fast_providers_were_asked) { CHECK(compared > 1000); }
