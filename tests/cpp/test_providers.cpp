// Every fast implementation against `ref`: elementwise ops, reductions, products, losses, structure and updates.
#include <map>

#include "providers.h"
#include "pydl/random.h"

using namespace providers;

namespace {

struct ElementwiseOp {
  OpId op;
  std::span<const DType> dtypes;
  size_t operands;
};

std::vector<ElementwiseOp> elementwise_ops() {
  const std::map<std::string_view, std::pair<std::span<const DType>, size_t>> kinds = {
      {"UNARY", {numeric_dtypes, 1}},           {"UNARY_FLOAT", {floating_dtypes, 1}},
      {"UNARY_TEST", {all_dtypes, 1}},          {"BINARY", {numeric_dtypes, 2}},
      {"BINARY_FLOAT", {floating_dtypes, 2}},   {"COMPARE", {all_dtypes, 2}},
      {"LOGICAL", {boolean_only, 2}},           {"UNARY_INTEGER", {integral_dtypes, 1}},
      {"BINARY_INTEGER", {integral_dtypes, 2}}, {"TERNARY_FLOAT", {floating_dtypes, 3}}};
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
    case OpId::atanh:
    case OpId::erfinv: return {-0.9, 0.9};
    case OpId::logit: return {0.05, 0.95};
    case OpId::acosh: return {1.1, 9};
    case OpId::lgamma:
    case OpId::digamma: return {2.1, 9};
    case OpId::log:
    case OpId::log2:
    case OpId::log10:
    case OpId::sqrt:
    case OpId::rsqrt:
    case OpId::pow:
    case OpId::xlogy:
    case OpId::celu:
    case OpId::reciprocal:
    case OpId::divide:
    case OpId::gradient_over: return {0.01, 4};
    case OpId::log1p: return {-0.9, 4};
    case OpId::tan: return {-1.4, 1.4};
    // Quotients near an integer may round to either side in low precision.
    case OpId::floor_divide:
    case OpId::fmod:
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
      if (entry.operands > 1) inputs.push_back(pydl::matrix_transpose(left));
      if (entry.operands > 2) inputs.push_back(left);
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
                 {"nesterov", flag},
                 {"decoupled", flag},
                 {"maximize", flag}},
                operands(dtype, 1, step));
        compare(OpId::rmsprop_update,
                {{"count", count},
                 {"alpha", 0.9},
                 {"epsilon", 1e-8},
                 {"momentum", flag ? 0.5 : 0.0},
                 {"weight_decay", 0.01},
                 {"centered", false},
                 {"maximize", flag}},
                operands(dtype, flag ? 2 : 1, step), 4);
        compare(OpId::adam_update,
                {{"count", count},
                 {"beta1", 0.9},
                 {"beta2", 0.999},
                 {"epsilon", 1e-8},
                 {"weight_decay", 0.01},
                 {"decoupled", flag},
                 {"amsgrad", false},
                 {"maximize", flag}},
                operands(dtype, 2, step), 4);
      }
    }
    compare(OpId::sgd_update,
            {{"count", count},
             {"momentum", 0.0},
             {"dampening", 0.0},
             {"weight_decay", 0.0},
             {"nesterov", false},
             {"decoupled", false},
             {"maximize", false}},
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
