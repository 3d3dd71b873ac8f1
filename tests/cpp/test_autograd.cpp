// Gradients and second gradients of every op by finite differences, and what the tape promises beside numbers.
#include "pydl/autograd.h"

#include <functional>
#include <map>
#include <thread>

#include "op/op_def.h"
#include "pydl/nn.h"
#include "pydl/special.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;

namespace {

using Inputs = std::vector<Tensor>;
using Function = std::function<Tensor(const Inputs&)>;

struct Case {
  std::string op;  // whose derivative this tests
  Function function;
  std::vector<Dims> shapes;
  double low = -2;
  double high = 2;
  bool twice = true;  // whether there is a second derivative
};

Tensor dot(const Inputs& a, const Inputs& b) {
  Tensor total = pydl::zeros({}, DType::float64);
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].defined()) total = total + pydl::sum(a[i] * b[i]);
  }
  return total;
}

Inputs random_like(const Inputs& tensors) {
  Inputs result;
  for (const Tensor& tensor : tensors) result.push_back(support::random_doubles(tensor.shape()));
  return result;
}

Inputs leaves_at(const Inputs& point, const Inputs& direction, double step) {
  const pydl::GradMode without_history(false);
  Inputs result;
  for (size_t i = 0; i < point.size(); ++i) {
    result.push_back((point[i] + direction[i] * step).set_requires_grad(true));
  }
  return result;
}

Inputs gradients(const Tensor& output, const Inputs& inputs, bool create_graph) {
  if (!output.requires_grad()) return Inputs(inputs.size());
  return pydl::grad({&output, 1}, inputs, {}, {.create_graph = create_graph, .allow_unused = true});
}

// The derivative of a scalar function along `direction`: by backward, and by central differences.
void check_derivative(const std::string& name, const Function& scalar, const Inputs& point, const Inputs& direction) {
  constexpr double step = 1e-5;
  const Inputs here = leaves_at(point, direction, 0);
  const double exact = dot(gradients(scalar(here), here, false), direction).item();
  const double above = scalar(leaves_at(point, direction, step)).item();
  const double below = scalar(leaves_at(point, direction, -step)).item();
  const double estimate = (above - below) / (2 * step);
  check::close(name.c_str(), 0, "derivative", exact, estimate, 1e-6 * (1 + std::abs(estimate)));
}

void check_gradients(const Case& test) {
  Inputs point;
  for (const Dims& shape : test.shapes) point.push_back(support::random_doubles(shape, test.low, test.high));
  const Tensor weight = support::random_doubles(test.function(point).shape(), 0.5, 1.5);
  const Function loss = [&](const Inputs& inputs) { return pydl::sum(test.function(inputs) * weight); };
  check_derivative(test.op, loss, point, random_like(point));
  if (!test.twice) return;

  const Inputs along = random_like(point);
  const Function directional = [&](const Inputs& inputs) { return dot(gradients(loss(inputs), inputs, true), along); };
  check_derivative(test.op + ", second order", directional, point, random_like(point));
}

// Where the elementwise functions are defined, as far as that is not everywhere.
std::pair<double, double> domain(const std::string& op) {
  static const std::map<std::string, std::pair<double, double>> domains = {
      {"reciprocal", {0.5, 2}}, {"sqrt", {0.5, 2}},          {"rsqrt", {0.5, 2}},     {"log", {0.5, 2}},
      {"log1p", {-0.5, 2}},     {"log2", {0.5, 2}},          {"log10", {0.5, 2}},     {"tan", {-1, 1}},
      {"asin", {-0.8, 0.8}},    {"acos", {-0.8, 0.8}},       {"divide", {0.5, 2}},    {"floor_divide", {0.5, 2}},
      {"polygamma", {0.5, 2}},  {"gradient_over", {0.5, 2}}, {"remainder", {0.5, 2}}, {"pow", {0.5, 2}},
      {"atan2", {0.5, 2}},      {"acosh", {1.5, 3}},         {"atanh", {-0.8, 0.8}},  {"erfinv", {-0.8, 0.8}},
      {"logit", {0.1, 0.9}},    {"lgamma", {0.5, 3}},        {"digamma", {0.5, 3}},   {"fmod", {0.5, 2}},
      {"hypot", {0.5, 2}},      {"copysign", {0.5, 2}},      {"xlogy", {0.5, 2}},     {"celu", {0.5, 2}},
      {"hardshrink", {0.5, 2}}, {"softshrink", {0.5, 2}}};
  const auto found = domains.find(op);
  return found == domains.end() ? std::pair(-2.0, 2.0) : found->second;
}

Case unary_case(const char* op, Tensor (*function)(const Tensor&)) {
  const auto [low, high] = domain(op);
  return {op, [=](const Inputs& x) { return function(x[0]); }, {{3, 4}}, low, high};
}

Case binary_case(const char* op, Tensor (*function)(const Tensor&, const Tensor&)) {
  const auto [low, high] = domain(op);
  // The order of a polygamma function is a whole number, and not differentiable.
  const auto call = [=](const Inputs& x) {
    return function(std::string_view(op) == "polygamma" ? pydl::full({}, 2.0, DType::float64) : x[0], x[1]);
  };
  return {op, call, {{3, 1}, {2, 1, 4}}, low, high};
}

Case ternary_case(const char* op, Tensor (*function)(const Tensor&, const Tensor&, const Tensor&)) {
  return {op, [=](const Inputs& x) { return function(x[0], x[1], x[2]); }, {{3, 1}, {2, 1, 4}, {4}}};
}

std::vector<Case> elementwise_cases() {
#define PYDL_CASE_UNARY(name) cases.push_back(unary_case(#name, pydl::name));
#define PYDL_CASE_UNARY_FLOAT(name) PYDL_CASE_UNARY(name)
#define PYDL_CASE_BINARY(name) cases.push_back(binary_case(#name, pydl::name));
#define PYDL_CASE_BINARY_FLOAT(name) PYDL_CASE_BINARY(name)
#define PYDL_CASE_TERNARY_FLOAT(name) cases.push_back(ternary_case(#name, pydl::name));
#define PYDL_CASE_UNARY_TEST(name)
#define PYDL_CASE_COMPARE(name)
#define PYDL_CASE_UNARY_INTEGER(name)
#define PYDL_CASE_BINARY_INTEGER(name)
#define PYDL_CASE_LOGICAL(name)
#define PYDL_CASE(kind, name, ...) PYDL_CASE_##kind(name)
  std::vector<Case> cases;
  PYDL_ELEMENTWISE_TABLE(PYDL_CASE)
  for (Case& one : cases) {
    if (std::string(one.op) != "huber") continue;
    // Its limit is positive.
    one.function = [](const Inputs& x) { return pydl::huber(x[0], x[1], pydl::abs(x[2]) + 0.1); };
  }
  return cases;
#undef PYDL_CASE
}

// Two results of a call as one tensor.
Tensor both(const Tensor& first, const Tensor& second) {
  const Tensor parts[] = {first, second};
  return pydl::concat(parts);
}

std::vector<Case> structural_cases() {
  const std::vector<int64_t> first = {0};
  const std::vector<int64_t> outer = {0, 2};
  const Tensor index = pydl::randint(-4, 4, {2, 5});
  const Tensor mask = pydl::greater(support::random_doubles({3, 4}), pydl::zeros({}, DType::float64));
  const Tensor state = pydl::Generator(1).state();
  const Tensor labels = Tensor::from_values<int64_t>(std::vector<int64_t>{1, 1, 3, 2, 3, 0}, {2, 3});
  const Tensor steps = Tensor::from_values<int64_t>(std::vector<int64_t>{6, 4}, {2});
  const Tensor label_counts = Tensor::from_values<int64_t>(std::vector<int64_t>{3, 2}, {2});
  const Tensor log_probs = pydl::log_softmax(support::random_doubles({6, 2, 4}));
  const auto gather_index = pydl::randint(-3, 3, {2, 4});
  const std::vector<int64_t> order = {2, 0, 1};
  return {
      {"cast", [](const Inputs& x) { return pydl::astype(pydl::astype(x[0], DType::float64), DType::float64); }, {{3}}},
      {"copy", [](const Inputs& x) { return pydl::copy(pydl::matrix_transpose(x[0])); }, {{3, 4}}},
      {"where", [=](const Inputs& x) { return pydl::where(mask, x[0], x[1]); }, {{3, 1}, {4}}},
      {"clip", [](const Inputs& x) { return pydl::clip(x[0], x[1], x[1] + 1); }, {{5, 6}, {}}},
      {"reshape", [](const Inputs& x) { return pydl::reshape(pydl::matrix_transpose(x[0]), {2, -1}); }, {{3, 4}}},
      {"permute_dims", [=](const Inputs& x) { return pydl::permute_dims(x[0], order); }, {{2, 3, 4}}},
      {"expand", [](const Inputs& x) { return pydl::expand(x[0], {2, 3, 4}); }, {{3, 1}}},
      {"slice", [](const Inputs& x) { return pydl::slice(x[0], {4, 1}, {2, 3}, {-2, 1}); }, {{5, 4}}},
      {"slice_backward", [](const Inputs& x) { return pydl::slice_backward(x[0], {5, 4}, {4, 1}, {-2, 1}); }, {{2, 3}}},
      {"concat", [](const Inputs& x) { return pydl::concat(x, 1); }, {{2, 3}, {2, 1}, {2, 0}}},
      {"gather", [=](const Inputs& x) { return pydl::gather(x[0], gather_index, 0); }, {{3, 4}}},
      {"gather_backward", [=](const Inputs& x) { return pydl::gather_backward(x[0], gather_index, 0, 3); }, {{2, 4}}},
      {"take", [=](const Inputs& x) { return pydl::take(x[0], index, 1); }, {{3, 4, 2}}},
      {"take_backward", [=](const Inputs& x) { return pydl::take_backward(x[0], index, 1, 4); }, {{3, 2, 5, 2}}},
      {"sum", [=](const Inputs& x) { return pydl::sum(x[0], outer); }, {{2, 3, 4}}},
      {"mean", [=](const Inputs& x) { return pydl::mean(x[0], first, true); }, {{2, 3}}},
      {"prod", [=](const Inputs& x) { return pydl::prod(x[0], outer); }, {{2, 3, 2}}},
      {"max", [=](const Inputs& x) { return pydl::max(x[0], outer); }, {{2, 3, 4}}},
      {"min", [=](const Inputs& x) { return pydl::min(x[0]); }, {{2, 3}}},
      {"var", [=](const Inputs& x) { return pydl::var(x[0], outer, 1); }, {{2, 3, 4}}},
      {"matmul", [](const Inputs& x) { return pydl::matmul(x[0], x[1]); }, {{2, 1, 3, 4}, {3, 4, 2}}},
      {"linear", [](const Inputs& x) { return pydl::linear(x[0], x[1], x[2]); }, {{2, 3, 4}, {5, 4}, {5}}},
      {"conv",
       [](const Inputs& x) {
         return pydl::conv(x[0], x[1], x[2], {.stride = {2, 1}, .padding_low = {1, 0}, .groups = 2});
       },
       {{2, 4, 5, 4}, {6, 2, 3, 2}, {6}}},
      {"conv_backward_input",
       [](const Inputs& x) { return pydl::conv_backward_input(x[0], x[1], {9}, {.stride = {2}, .dilation = {2}}); },
       {{2, 3, 3}, {3, 2, 3}}},
      {"conv_backward_weight",
       [](const Inputs& x) { return pydl::conv_backward_weight(x[0], x[1], {2, 1, 2}); },
       {{2, 3, 2, 3, 2}, {2, 2, 3, 3, 3}}},
      {"max_pool", [](const Inputs& x) { return pydl::max_pool(x[0], {.kernel = {2, 2}}); }, {{2, 3, 4, 5}}},
      {"max_pool_with_indices",
       [](const Inputs& x) { return pydl::max_pool_with_indices(x[0], {.kernel = {2, 2}}).values; },
       {{2, 3, 4, 5}}},
      {"max_pool_backward",
       [](const Inputs& x) { return pydl::max_pool_backward(x[0], x[1], {.kernel = {3}, .stride = {1}}); },
       {{2, 3, 4}, {2, 3, 6}}},
      {"avg_pool",
       [](const Inputs& x) { return pydl::avg_pool(x[0], {.kernel = {3, 2}, .stride = {2, 2}, .padding = {1, 0}}); },
       {{2, 3, 5, 4}}},
      {"avg_pool_backward",
       [](const Inputs& x) { return pydl::avg_pool_backward(x[0], {7}, {.kernel = {3}, .stride = {2}}); },
       {{2, 3, 3}}},
      {"resample",
       [](const Inputs& x) { return pydl::resample(x[0], {5, 7}, {.mode = pydl::Resampling::cubic}); },
       {{2, 3, 4, 3}}},
      {"resample",
       [](const Inputs& x) {
         return pydl::resample(x[0], {2, 3}, {.mode = pydl::Resampling::linear, .antialias = true});
       },
       {{2, 2, 5, 4}}},
      {"resample_backward",
       [](const Inputs& x) { return pydl::resample_backward(x[0], {4}, {pydl::Resampling::linear, false, {0.6}}); },
       {{2, 3, 7}}},
      {"softmax", [](const Inputs& x) { return pydl::softmax(x[0], 1); }, {{2, 3, 4}}},
      {"log_softmax", [](const Inputs& x) { return pydl::log_softmax(x[0], 0); }, {{3, 4}}},
      {"softmax_backward", [](const Inputs& x) { return pydl::softmax_backward(x[0], x[1], -1); }, {{3, 4}, {3, 4}}},
      {"softmax_cross_entropy",
       [](const Inputs& x) { return pydl::softmax_cross_entropy(x[0], pydl::arange(0, 3, 1, pydl::DType::int64)); },
       {{3, 4}}},
      {"softmax_cross_entropy_backward",
       [](const Inputs& x) {
         const Tensor target = pydl::arange(0, 3, 1, pydl::DType::int64);
         return pydl::softmax_cross_entropy_backward(x[0], x[1], target, 1, -100, pydl::Reduction::none);
       },
       {{3}, {3, 4}}},
      {"ctc_loss",
       [=](const Inputs& x) { return pydl::ctc_loss(x[0], labels, steps, label_counts); },
       {{6, 2, 4}},
       -2,
       0,
       false},
      {"ctc_loss_backward",
       [=](const Inputs& x) { return pydl::ctc_loss_backward(x[0], log_probs, labels, steps, label_counts); },
       {{2}}},
      {"channel_statistics",
       [](const Inputs& x) {
         const auto found = pydl::channel_statistics(x[0]);
         return both(found.mean, found.variance);
       },
       {{3, 4, 2}}},
      {"batch_norm",
       [](const Inputs& x) { return pydl::batch_norm(x[0], x[1], pydl::square(x[2]), x[3], x[4], 0.1); },
       {{3, 4, 2}, {4}, {4}, {4}, {4}}},
      {"batch_norm_train",
       [](const Inputs& x) {
         const auto results = pydl::batch_norm_train(x[0], x[1], x[2], 0.1);
         return pydl::reshape(results.mean * results.variance, {4, 1}) * results.y;
       },
       {{3, 4, 2}, {4}, {4}}},
      {"channel_sums",
       [](const Inputs& x) {
         const auto sums = pydl::channel_sums(x[0], x[1], x[2], pydl::square(x[3]), 0.1);
         return both(sums.dbias, sums.dweight);
       },
       {{3, 4, 2}, {3, 4, 2}, {4}, {4}}},
      {"batch_norm_backward",
       [](const Inputs& x) {
         return pydl::batch_norm_backward(x[0], x[1], x[2], pydl::square(x[3]), x[4], {x[5], x[6]}, 0.1);
       },
       {{3, 4, 2}, {3, 4, 2}, {4}, {4}, {4}, {4}, {4}}},
      {"normalize", [](const Inputs& x) { return pydl::normalize(x[0], 2, 0.1); }, {{2, 3, 4}}},
      {"normalize_backward",
       [](const Inputs& x) { return pydl::normalize_backward(x[0], x[1], 1, 0.1); },
       {{3, 4}, {3, 4}}},
      {"log_softmax_backward",
       [](const Inputs& x) { return pydl::log_softmax_backward(x[0], x[1], 0); },
       {{3, 4}, {3, 4}}},
      {"dropout",
       [=](const Inputs& x) {
         pydl::Generator generator;
         generator.set_state(state);
         return pydl::dropout(x[0], 0.4, true, generator);
       },
       {{3, 4}}},
  };
}

// All elements of the results of a recurrent layer.
Tensor all_of(const pydl::RecurrentStates& states) {
  std::vector<Tensor> flat;
  for (const Tensor& tensor : {states.output, states.h, states.c}) {
    if (tensor.defined()) flat.push_back(pydl::reshape(tensor, {-1}));
  }
  return pydl::concat(flat);
}

std::vector<Case> composed_cases() {
  const Tensor target = Tensor::from_values<int64_t>(std::vector<int64_t>{2, 0, 1}, {3});
  const Tensor binary = support::random_doubles({3, 4}, 0, 1);
  return {
      {"cross_entropy",
       [=](const Inputs& x) { return pydl::nn::cross_entropy(x[0], target, {.label_smoothing = 0.1}); },
       {{3, 4}}},
      {"mse_loss", [=](const Inputs& x) { return pydl::nn::mse_loss(x[0], x[1]); }, {{3, 4}, {3, 4}}},
      {"l1_loss", [=](const Inputs& x) { return pydl::nn::l1_loss(x[0], x[1]); }, {{3, 4}, {3, 4}}},
      {"binary_cross_entropy_with_logits",
       [=](const Inputs& x) { return pydl::nn::binary_cross_entropy_with_logits(x[0], binary); },
       {{3, 4}}},
      {"binary_cross_entropy",
       [=](const Inputs& x) { return pydl::nn::binary_cross_entropy(x[0], binary); },
       {{3, 4}},
       0.1,
       0.9},
      {"batch_norm in training",
       [](const Inputs& x) {
         return pydl::nn::batch_norm(x[0], {}, {}, x[1], x[2], {.training = true, .epsilon = 0.1});
       },
       {{3, 4, 2}, {4}, {4}}},
      {"group_norm",
       [](const Inputs& x) { return pydl::nn::group_norm(x[0], 2, x[1], x[2], 0.1); },
       {{3, 4, 2}, {4}, {4}}},
      {"rms_norm", [](const Inputs& x) { return pydl::nn::rms_norm(x[0], {4}, x[1], 0.1); }, {{3, 4}, {4}}},
      {"local_response_norm",
       [](const Inputs& x) { return pydl::nn::local_response_norm(x[0], 3, 0.5, 0.6, 2.0); },
       {{2, 5, 2}}},
      {"recurrent, lstm",
       [](const Inputs& x) {
         const Tensor lengths = Tensor::from_values<int64_t>(std::vector<int64_t>{3, 1}, {2});
         return all_of(pydl::recurrent(x[0], x[1], x[2], {x[3], x[4], x[5], x[6]}, lengths, {.reverse = true}));
       },
       {{3, 2, 2}, {2, 3}, {2, 3}, {12, 2}, {12, 3}, {12}, {12}}},
      {"recurrent, gru",
       [](const Inputs& x) {
         return all_of(
             pydl::recurrent(x[0], x[1], {}, {x[2], x[3], x[4], x[5]}, {}, {.cell = pydl::RecurrentCell::gru}));
       },
       {{3, 2, 2}, {2, 3}, {9, 2}, {9, 3}, {9}, {9}}},
      {"recurrent, gru with reset before",
       [](const Inputs& x) {
         return all_of(pydl::recurrent(x[0], x[1], {}, {x[2], x[3]}, {},
                                       {.cell = pydl::RecurrentCell::gru, .reset_after = false}));
       },
       {{3, 2, 2}, {2, 3}, {9, 2}, {9, 3}}},
      {"lstm of two layers and directions, with projections",
       [](const Inputs& x) {
         std::vector<pydl::RecurrentWeights> weights;
         for (size_t i = 2; i < 10; i += 2) weights.push_back({x[i], x[i + 1], {}, {}, x[10]});
         return all_of(pydl::nn::lstm(x[0], x[11], x[1], weights, {}, {.bidirectional = true}));
       },
       {{2, 2, 2}, {4, 2, 2}, {8, 2}, {8, 1}, {8, 2}, {8, 1}, {8, 2}, {8, 1}, {8, 2}, {8, 1}, {1, 2}, {4, 2, 1}}},
      {"logsumexp", [](const Inputs& x) { return pydl::logsumexp(x[0], std::vector<int64_t>{1}); }, {{3, 4}}},
      {"std", [](const Inputs& x) { return pydl::std(x[0]); }, {{3, 4}}},
      {"stack and split",
       [](const Inputs& x) {
         const std::vector<int64_t> sizes = {1, 3};
         return pydl::split(pydl::stack(x, 1), sizes, 2)[1];
       },
       {{3, 4}, {3, 4}}},
      {"pad",
       [](const Inputs& x) {
         const std::vector<int64_t> pads = {2, 1, -1, 3};
         return pydl::nn::pad(pydl::nn::pad(x[0], pads, pydl::nn::Padding::reflect), pads, pydl::nn::Padding::constant,
                              2.0);
       },
       {{2, 4, 5}}},
      {"embedding_bag",
       [=](const Inputs& x) {
         const Tensor words = Tensor::from_values<int64_t>(std::vector<int64_t>{0, 2, 1, 2, 3}, {5});
         const Tensor offsets = Tensor::from_values<int64_t>(std::vector<int64_t>{0, 2, 2}, {3});
         return pydl::nn::embedding_bag(words, x[0], {.offsets = offsets}) +
                pydl::nn::embedding_bag(words, x[0], {.mode = pydl::nn::BagMode::max, .offsets = offsets});
       },
       {{4, 3}}},
      {"scaled_dot_product_attention",
       [](const Inputs& x) { return pydl::nn::scaled_dot_product_attention(x[0], x[1], x[2], {.causal = true}); },
       {{2, 3, 4}, {2, 5, 4}, {2, 5, 3}}},
      {"adaptive_avg_pool", [](const Inputs& x) { return pydl::nn::adaptive_avg_pool(x[0], {3, 2}); }, {{1, 2, 5, 4}}},
      {"pixel_shuffle", [](const Inputs& x) { return pydl::nn::pixel_shuffle(x[0], 2); }, {{2, 8, 3, 2}}},
      {"one leaf used twice",
       [](const Inputs& x) { return pydl::matmul(x[0], pydl::matrix_transpose(x[0])) * x[1]; },
       {{3, 4}, {}}},
  };
}

Tensor leaf(const Dims& shape) { return support::random_doubles(shape).set_requires_grad(true); }

}  // namespace

TEST(derivatives_of_elementwise_ops) {
  for (const Case& test : elementwise_cases()) check_gradients(test);
}

TEST(derivatives_of_structural_ops) {
  for (const Case& test : structural_cases()) check_gradients(test);
}

TEST(derivatives_of_compositions) {
  for (const Case& test : composed_cases()) check_gradients(test);
}

TEST(gradients_of_empty_tensors) {
  const Tensor x = leaf({0, 3});
  pydl::sum(pydl::exp(x) * 2.0).backward();
  CHECK_EQUAL(x.grad().shape(), (Dims{0, 3}));
  const Tensor w = leaf({3, 2});
  pydl::sum(pydl::matmul(x, w)).backward();
  CHECK_TENSORS_CLOSE(w.grad(), pydl::zeros({3, 2}), 0);
}

TEST(gradients_accumulate_and_the_graph_is_freed) {
  const Tensor x = leaf({3});
  const Tensor y = pydl::sum(x * x);
  y.backward({}, true);
  y.backward();
  CHECK_TENSORS_CLOSE(x.grad(), x.detach() * 4.0, 1e-12);
  CHECK_THROWS(pydl::Error, "retain_graph", y.backward());
}

TEST(wrong_uses_say_what_is_wrong) {
  const Tensor x = leaf({3});
  const Tensor unrelated = leaf({2});
  const Tensor y = x * 2.0;
  CHECK_THROWS(pydl::Error, "more than one element", y.backward());
  CHECK_THROWS(pydl::ValueError, "expected a gradient of shape (3,), got (2,)", y.backward(pydl::ones({2})));
  CHECK_THROWS(pydl::Error, "does not depend", pydl::sum(x.detach()).backward());
  const Tensor total = pydl::sum(y);
  CHECK_THROWS(pydl::Error, "no influence", pydl::grad({&total, 1}, {&unrelated, 1}));
  CHECK_THROWS(pydl::Error, "cannot be overwritten", pydl::assign(x, pydl::zeros({3})));
}

TEST(an_overwritten_tensor_that_is_still_needed_raises) {
  const Tensor x = leaf({3});
  const Tensor factor = support::random_doubles({3});
  const Tensor y = pydl::sum(x * factor);
  pydl::assign(factor, pydl::zeros({3}));
  CHECK_THROWS(pydl::Error, "overwritten in place", y.backward());
  const Tensor unneeded = support::random_doubles({3});
  const Tensor z = pydl::sum(x + unneeded);
  pydl::assign(unneeded, pydl::zeros({3}));
  z.backward();
  CHECK_TENSORS_CLOSE(x.grad(), pydl::ones({3}), 0);
}

TEST(nothing_is_recorded_in_a_scope_without_gradients) {
  const Tensor x = leaf({3});
  {
    const pydl::GradMode off(false);
    CHECK(!pydl::grad_enabled() && !(x * 2.0).requires_grad());
    std::thread([] { CHECK(pydl::grad_enabled()); }).join();
    const pydl::GradMode on(true);
    CHECK((x * 2.0).requires_grad());
  }
  CHECK(pydl::grad_enabled());
}

TEST(gradients_in_the_dtype_of_each_input) {
  const Tensor half = pydl::ones({3}, DType::float16).set_requires_grad(true);
  const Tensor wide = leaf({3});
  pydl::sum(half * wide).backward();
  CHECK_EQUAL(half.grad().dtype(), DType::float16);
  CHECK_EQUAL(wide.grad().dtype(), DType::float64);
}

TEST(a_graph_of_a_million_nodes_neither_overflows_nor_leaks) {
  const int64_t before = pydl::live_tensor_count();
  {
    const Tensor x = pydl::ones({1}).set_requires_grad(true);
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = pydl::negative(y);
    pydl::sum(y).backward();
    CHECK_EQUAL(x.grad().item(), 1.0);
    for (int i = 0; i < 1'000'000; ++i) y = y * y;  // keeps what it needs, and is dropped without backward
  }
  CHECK_EQUAL(pydl::live_tensor_count(), before);
}

TEST(training_steps_do_not_leak) {
  const Tensor weight = leaf({8, 8});
  int64_t after_first = 0;
  for (int step = 0; step < 5; ++step) {
    const Tensor loss = pydl::mean(pydl::square(pydl::tanh(pydl::linear(pydl::ones({4, 8}, DType::float64), weight))));
    const auto first = pydl::grad({&loss, 1}, {&weight, 1}, {}, {.create_graph = true});
    pydl::sum(pydl::square(first[0])).backward();
    if (step == 0) after_first = pydl::live_tensor_count();
    CHECK_EQUAL(pydl::live_tensor_count(), after_first);
  }
}
