// Calls that cannot be right: undefined tensors, empty functions, wrong counts, objects that were moved from. Each is
// an `Error`, and never a crash. tests/packaging/test_wrong_calls.py says which public functions are missing here.
#include <functional>

#include "pydl/pydl.h"
#include "saved_mlp.h"
#include "support.h"

using namespace pydl;
using Tensors = std::vector<Tensor>;

namespace {

const Tensor none;
const Dims no_dims;

// What an error of a call begins with: the function, `sum` of `pydl::sum(x)`, or the name in quotes of a layer or file;
// nothing for members, constructors and functions that stand for several.
std::string_view subject_of(std::string_view call) {
  std::string_view name = call.substr(0, call.find('('));
  if (name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos) return {};
  if (name.find("::") != std::string_view::npos) name.remove_prefix(name.rfind("::") + 2);
  const bool is_name = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string_view::npos;
  const bool stands_for_others =
      name == "function" || name == "traced" || name == "compile" || name == "trace_program" || name == "save_program";
  if (!is_name || stands_for_others) return {};
  const size_t quote = call.find("(params, \"") != std::string_view::npos ||
                               call.find("(layers, \"") != std::string_view::npos ||
                               call.find("\"test\"") != std::string_view::npos
                           ? call.find('"')
                           : std::string_view::npos;
  return quote == std::string_view::npos ? name : call.substr(quote + 1, call.find('"', quote + 1) - quote - 1);
}

// Fails the test unless the call throws an `Error` that says something and begins with what failed.
void refused(const char* call, const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    const std::string_view name = subject_of(call);
    if (message.size() > name.size() + 8 && message.substr(0, name.size()) == name) return;
    check::fail(__FILE__, __LINE__, std::string(call) + ": says " + std::string(message));
    return;
  } catch (const std::exception& error) {
    check::fail(__FILE__, __LINE__, std::string(call) + ": not an Error: " + error.what());
    return;
  }
  check::fail(__FILE__, __LINE__, std::string(call) + ": nothing was thrown");
}

// Whatever the call gives or throws, it does not crash.
void harmless(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error&) {
  }
}

#define REFUSED(...) refused(#__VA_ARGS__, [&] { static_cast<void>(__VA_ARGS__); })
#define HARMLESS(...) harmless([&] { static_cast<void>(__VA_ARGS__); })

RecurrentWeights no_weights() { return {none, none}; }

// Takes its argument, so that what is left was moved from.
template <class T>
T taken(T& object) {
  return std::move(object);
}

Program doubled() {
  Trace trace;
  const Tensor x = trace.argument(ones({2, 3}));
  trace.start();
  const Tensor y = x + x;
  trace.stop();
  const Tensor outputs[] = {y};
  return trace.finish(outputs);
}

}  // namespace

TEST(members_of_undefined_tensors) {
  Tensor x;
  CHECK(!x.defined());
  REFUSED(x.shape());
  REFUSED(x.strides());
  REFUSED(x.rank());
  REFUSED(x.size());
  REFUSED(x.size(0));
  REFUSED(x.dtype());
  REFUSED(x.is_contiguous());
  REFUSED(x.is_writable());
  REFUSED(x.raw_data());
  REFUSED(x.data<float>());
  REFUSED(x.item());
  REFUSED(x.item_int());
  REFUSED(x.requires_grad());
  REFUSED(x.set_requires_grad(true));
  REFUSED(x.is_leaf());
  REFUSED(x.grad());
  REFUSED(x.set_grad({}));
  REFUSED(x.detach());
  REFUSED(x.backward());
  REFUSED(x.version());
  REFUSED(x.bump_version());
  CHECK_EQUAL(to_string(x), "tensor(undefined)");
  REFUSED(Tensor::empty({-1}));
  REFUSED(Tensor::empty_strided({2, 2}, {1}, DType::float32));
  REFUSED(Tensor::empty_strided({2, 2}, {100, 1}, DType::float32));
  REFUSED(Tensor::full({-2}, 1, DType::int64));
  REFUSED(Tensor::from_values<float>({}, {3}));
  REFUSED(Tensor::from_memory(nullptr, {3}, {1}, DType::float32, [] {}));
  float one = 1;
  REFUSED(Tensor::from_memory(&one, {1}, {}, DType::float32, [] {}));
  REFUSED(Tensor::from_memory(&one, {-1}, {1}, DType::float32, [] {}));
}

TEST(a_tensor_that_was_moved_from_is_undefined) {
  Tensor x = ones({2});
  const Tensor y = std::move(x);
  REFUSED(exp(x));  // NOLINT(bugprone-use-after-move)
  CHECK(y.defined());
}

TEST(elementwise_functions) {
  for (const auto function : {negative,    pydl::abs,
                              sign,        square,
                              relu,        relu6,
                              binary_step, pydl::bitwise_invert,
                              pydl::floor, pydl::ceil,
                              pydl::round, pydl::trunc,
                              reciprocal,  pydl::sqrt,
                              rsqrt,       pydl::exp,
                              pydl::expm1, pydl::log,
                              pydl::log1p, pydl::log2,
                              pydl::log10, pydl::sin,
                              pydl::cos,   pydl::tan,
                              pydl::asin,  pydl::acos,
                              pydl::atan,  pydl::sinh,
                              pydl::cosh,  pydl::tanh,
                              pydl::erf,   sigmoid,
                              softplus,    silu,
                              gelu,        gelu_tanh,
                              softsign,    selu,
                              mish,        pydl::isnan,
                              pydl::isinf, pydl::isfinite,
                              logical_not, copy,
                              contiguous,  matrix_transpose,
                              zeros_like,  ones_like}) {
    REFUSED(function(none));
  }
  const Tensor x = ones({2});
  for (const auto function : {add,
                              subtract,
                              multiply,
                              divide,
                              floor_divide,
                              pydl::remainder,
                              pydl::pow,
                              maximum,
                              minimum,
                              pydl::atan2,
                              leaky_relu,
                              elu,
                              relu_backward,
                              relu6_backward,
                              sigmoid_backward,
                              tanh_backward,
                              equal,
                              not_equal,
                              less,
                              less_equal,
                              greater,
                              greater_equal,
                              logical_and,
                              logical_or,
                              logical_xor,
                              matmul,
                              gradient_times,
                              gradient_over,
                              bitwise_and,
                              bitwise_or,
                              bitwise_xor,
                              bitwise_left_shift,
                              bitwise_right_shift}) {
    REFUSED(function(none, x));
    REFUSED(function(x, none));
  }
  REFUSED(scalar_like(1, none));
  REFUSED(none + 1);
  REFUSED(1 + none);
  REFUSED(-none);
  REFUSED(where(none, x, x));
  REFUSED(where(greater(x, x), none, x));
  REFUSED(where(greater(x, x), x, none));
  REFUSED(clip(none, x, x));
  REFUSED(clip(x, none, x));
  REFUSED(clip(x, x, none));
  REFUSED(astype(none, DType::int64));
  HARMLESS(widened(none));
}

TEST(creation) {
  REFUSED(full({-1}, 0, DType::int64));
  REFUSED(zeros({-1}));
  REFUSED(ones({-1}));
  REFUSED(arange(0, 1, 0, DType::int64));
  REFUSED(linspace(0, 1, -1));
  REFUSED(eye(-1, 2));
}

TEST(shape_functions) {
  const Tensor x = ones({2, 3});
  REFUSED(reshape(none, {1}));
  REFUSED(reshape(x, {-1, -1}));
  REFUSED(permute_dims(none, {0, 1}));
  REFUSED(permute_dims(x, {0}));
  REFUSED(permute_dims(x, {0, 0}));
  REFUSED(expand(none, {1}));
  REFUSED(expand_dims(none, 0));
  REFUSED(squeeze(none));
  REFUSED(squeeze(none, {0}));
  REFUSED(slice(none, {0}, {1}, {1}));
  REFUSED(slice(x, {0}, {1}, {1}));
  REFUSED(flip(none));
  REFUSED(flip(none, {0}));
  REFUSED(concat(Tensors{}));
  REFUSED(concat({none, x}));
  REFUSED(concat({x, none}));
  REFUSED(stack(Tensors{}));
  REFUSED(stack({none}));
  REFUSED(stack({x, none}));
  REFUSED(split(none, {1}));
  REFUSED(split(x, {-1, 3}));
  REFUSED(broadcast_to(none, {1}));
  REFUSED(slice_backward(none, {1}, {0}, {1}));
  REFUSED(slice_backward(x, {1}, {0}, {1}));
  REFUSED(assign(none, x));
  REFUSED(assign(x, none));
  REFUSED(Dims::filled(max_rank + 1, 0));
  Dims dims = {1, 2};
  REFUSED(dims.insert(5, 1));
  REFUSED(dims.insert(-1, 1));
  REFUSED(dims.erase(2));
  REFUSED(dims.erase(-1));
  REFUSED(broadcast_shapes("test", {2}, {3}));
  REFUSED(normalize_axis("test", 2, 2));
  REFUSED(normalize_axes("test", Dims{0, 0}, 2));
  CHECK_THROWS(ValueError, "at most 8 axes", or_filled({}, max_rank + 1, 1));
}

TEST(indexing) {
  const Tensor x = ones({2, 3});
  const Tensor index = zeros({2, 3}, DType::int64);
  REFUSED(gather(none, index, 0));
  REFUSED(gather(x, none, 0));
  REFUSED(take(none, index));
  REFUSED(take(x, none));
  REFUSED(gather_backward(none, index, 0, 2));
  REFUSED(gather_backward(x, none, 0, 2));
  REFUSED(take_backward(none, index, 0, 2));
  REFUSED(take_backward(x, none, 0, 2));
  REFUSED(segment_ids(none, 2));
  REFUSED(segment_argmax(none, index));
  REFUSED(segment_argmax(x, none));
}

TEST(reductions) {
  for (const auto function : {sum, mean, prod, pydl::max, pydl::min, any, all, logsumexp}) {
    REFUSED(function(none, {}, false));
    REFUSED(function(none, {0}, false));
    REFUSED(function(ones({2}), {7}, false));
  }
  REFUSED(var(none));
  REFUSED(pydl::std(none, {0}));
  REFUSED(argmax(none));
  REFUSED(argmax(none, 0));
  REFUSED(argmin(none, 0));
  REFUSED(sum_to(none, {1}));
  REFUSED(sum_to(ones({2}), {3}));
  for (const auto function : {softmax, log_softmax}) REFUSED(function(none, 0));
  for (const auto function : {softmax_backward, log_softmax_backward}) {
    REFUSED(function(none, ones({2}), 0));
    REFUSED(function(ones({2}), none, 0));
  }
}

TEST(products_and_windows) {
  const Tensor x = ones({1, 1, 4});
  REFUSED(linear(none, x));
  REFUSED(linear(x, none));
  REFUSED(conv(none, x));
  REFUSED(conv(x, none));
  REFUSED(conv(x, ones({1, 1, 3}), none, {.stride = {1, 1, 1, 1}}));
  REFUSED(conv_backward_input(none, x, {4}));
  REFUSED(conv_backward_input(x, none, {4}));
  REFUSED(conv_backward_weight(none, x, {1}));
  REFUSED(conv_backward_weight(x, none, {1}));
  REFUSED(max_pool(none, {.kernel = {2}}));
  REFUSED(max_pool(x, {.kernel = {}}));
  REFUSED(max_pool_indices(none, {.kernel = {2}}));
  REFUSED(max_pool_backward(none, x, {.kernel = {2}}));
  REFUSED(max_pool_backward(x, none, {.kernel = {2}}));
  REFUSED(adaptive_max_pool(none, {2}));
  REFUSED(adaptive_max_pool(x, {}));
  REFUSED(adaptive_max_pool_indices(none, {2}));
  REFUSED(avg_pool(none, {.kernel = {2}}));
  REFUSED(avg_pool_backward(none, {4}, {.kernel = {2}}));
  REFUSED(max_unpool(none, x, {4}));
  REFUSED(max_unpool(x, none, {4}));
  REFUSED(max_unpool(x, zeros({1, 1, 4}, DType::int64), {}));
  REFUSED(resample(none, {2}));
  REFUSED(resample(x, {}));
  REFUSED(resample_backward(none, {2}));
  REFUSED(resample_backward(x, {}));
}

TEST(losses) {
  const Tensor x = ones({2, 3});
  const Tensor target = zeros({2}, DType::int64);
  REFUSED(softmax_cross_entropy(none, target));
  REFUSED(softmax_cross_entropy(x, none));
  REFUSED(softmax_cross_entropy_backward(none, x, target));
  REFUSED(softmax_cross_entropy_backward(x, none, target));
  REFUSED(softmax_cross_entropy_backward(x, x, none));
  const Tensor log_probs = zeros({4, 2, 3});
  const Tensor labels = ones({2, 2}, DType::int64);
  const Tensor lengths = ones({2}, DType::int64);
  REFUSED(ctc_loss(none, labels, lengths, lengths));
  REFUSED(ctc_loss(log_probs, none, lengths, lengths));
  REFUSED(ctc_loss(log_probs, labels, none, lengths));
  REFUSED(ctc_loss(log_probs, labels, lengths, none));
  REFUSED(ctc_loss_backward(none, log_probs, labels, lengths, lengths));
  REFUSED(ctc_loss_backward(lengths, none, labels, lengths, lengths));
  REFUSED(ctc_loss_backward(ones({2}), log_probs, none, lengths, lengths));
  REFUSED(ctc_loss_backward(ones({2}), log_probs, labels, none, lengths));
  REFUSED(ctc_loss_backward(ones({2}), log_probs, labels, lengths, none));
  REFUSED(nn::ctc_loss(none, labels, lengths, lengths));
  REFUSED(nn::ctc_loss(log_probs, none, lengths, lengths));
  REFUSED(nn::ctc_loss(log_probs, labels, none, lengths));
  REFUSED(nn::ctc_loss(log_probs, labels, lengths, none));
  REFUSED(nn::cross_entropy(none, target));
  REFUSED(nn::cross_entropy(x, none));
  for (const auto function :
       {nn::mse_loss, nn::l1_loss, nn::binary_cross_entropy_with_logits, nn::binary_cross_entropy}) {
    REFUSED(function(none, x, Reduction::mean));
    REFUSED(function(x, none, Reduction::mean));
  }
}

TEST(layer_mathematics) {
  const Tensor x = ones({2, 4, 3});
  const Tensor index = zeros({2}, DType::int64);
  REFUSED(nn::embedding(none, x));
  REFUSED(nn::embedding(index, none));
  REFUSED(nn::embedding_bag(none, x));
  REFUSED(nn::embedding_bag(zeros({1, 2}, DType::int64), none));
  REFUSED(nn::attention_weights(none, x));
  REFUSED(nn::attention_weights(x, none));
  REFUSED(nn::scaled_dot_product_attention(none, x, x));
  REFUSED(nn::scaled_dot_product_attention(x, none, x));
  REFUSED(nn::scaled_dot_product_attention(x, x, none));
  REFUSED(nn::same_padding({3, 3}, {.dilation = {1, 1, 1}}));
  REFUSED(nn::conv_transpose(none, x));
  REFUSED(nn::conv_transpose(x, none));
  REFUSED(nn::conv_transpose(x, ones({4, 1, 3}), none, {.stride = {1, 1}}));
  REFUSED(nn::conv_transpose(x, ones({4, 1, 3}), none, {}, {1, 1}));
  REFUSED(nn::batch_norm(none, ones({4}), ones({4})));
  REFUSED(nn::batch_norm(x, none, ones({4})));
  REFUSED(nn::batch_norm(x, ones({4}), none));
  REFUSED(nn::instance_norm(none));
  REFUSED(nn::instance_norm(x, ones({4}), none, none, none, {.training = false}));
  REFUSED(nn::layer_norm(none, {3}));
  REFUSED(nn::layer_norm(x, {}));
  REFUSED(nn::group_norm(none, 2));
  REFUSED(nn::group_norm(x, 0));
  REFUSED(nn::rms_norm(none, {3}));
  REFUSED(nn::rms_norm(x, {}));
  REFUSED(nn::local_response_norm(none, 2));
  REFUSED(nn::local_response_norm(x, 0));
  REFUSED(nn::channel_dropout(none, 1, 0.5));
  REFUSED(nn::pad(none, {1, 1}));
  REFUSED(nn::pad(x, {1}));
  REFUSED(nn::pad(x, {1, 1, 1, 1, 1, 1, 1, 1}));
  REFUSED(nn::adaptive_avg_pool(none, {1}));
  REFUSED(nn::adaptive_avg_pool(x, {}));
  for (const auto function : {nn::pixel_shuffle, nn::pixel_unshuffle, nn::channel_shuffle}) {
    REFUSED(function(none, 2));
    REFUSED(function(x, 0));
    REFUSED(function(ones({2}), 2));
  }
  for (const auto function : {nn::xavier_uniform, nn::xavier_normal, nn::kaiming_uniform, nn::kaiming_normal}) {
    REFUSED(function({3}, 1, DType::float32, default_generator()));
    REFUSED(function({3, 3}, 1, DType::int64, default_generator()));
  }
  REFUSED(nn::orthogonal({3}));
  REFUSED(nn::fans("test", {}));
  REFUSED(nn::default_weight({}));
  HARMLESS(nn::default_bias({3}, 0));
  const Tensor moments = ones({2, 4});
  const Tensor weight = ones({4});
  REFUSED(channel_moments(none));
  REFUSED(batch_norm(none, moments, weight, weight));
  REFUSED(batch_norm(x, none, weight, weight));
  REFUSED(batch_norm(x, moments, none, weight));
  REFUSED(batch_norm(x, moments, weight, none));
  REFUSED(channel_sums(none, x, moments));
  REFUSED(channel_sums(x, none, moments));
  REFUSED(channel_sums(x, x, none));
  REFUSED(batch_norm_backward(none, x, moments, weight, moments));
  REFUSED(batch_norm_backward(x, none, moments, weight, moments));
  REFUSED(batch_norm_backward(x, x, none, weight, moments));
  REFUSED(batch_norm_backward(x, x, moments, none, moments));
  REFUSED(batch_norm_backward(x, x, moments, weight, none, 1e-5, true));
  REFUSED(normalize(none));
  REFUSED(normalize(x, 9));
  REFUSED(normalize_backward(none, x));
  REFUSED(normalize_backward(x, none));
}

TEST(recurrent_functions) {
  const Tensor x = ones({2, 1, 3});
  const Tensor h0 = zeros({1, 4});
  const RecurrentWeights weights = {ones({16, 3}), ones({16, 4})};
  const RecurrentStates states = {none, h0, h0};
  const Tensor none_of_them[] = {none, none};
  REFUSED(recurrent(none, h0, h0, weights));
  REFUSED(recurrent(x, none, h0, weights));
  REFUSED(recurrent(x, h0, none, weights));
  REFUSED(recurrent(x, h0, h0, no_weights()));
  REFUSED(recurrent(x, h0, h0, {none, ones({16, 4})}));
  REFUSED(recurrent(x, h0, h0, {ones({16, 3}), none}));
  REFUSED(recurrent(x, h0, h0, {ones({16, 3}), ones({16, 4}), ones({16}), none}));
  REFUSED(recurrent(x, h0, h0, {ones({16, 3}), ones({16, 4}), none, ones({16})}));
  REFUSED(recurrent_step(none, states, weights));
  REFUSED(recurrent_step(ones({1, 3}), {none, none, none}, weights));
  REFUSED(recurrent_step(ones({1, 3}), {none, h0, none}, weights));
  REFUSED(recurrent_step(ones({1, 3}), states, no_weights()));
  REFUSED(recurrent_backward({none, h0, h0}, none, h0, h0, weights));
  REFUSED(recurrent_backward({none, h0, h0}, x, none, h0, weights));
  REFUSED(recurrent_backward({none, h0, h0}, x, h0, none, weights));
  REFUSED(recurrent_backward({none, h0, h0}, x, h0, h0, no_weights()));
  HARMLESS(recurrent_backward({none, none, none}, x, h0, h0, weights));
  REFUSED(sequence_product(none, x, ones({1}, DType::int64), ones({1, 3})));
  REFUSED(sequence_product(x, none, ones({1}, DType::int64), ones({1, 3})));
  REFUSED(sequence_product(x, x, none, ones({1, 3})));
  REFUSED(sequence_product(x, x, ones({1}, DType::int64), none, 1));
  const RecurrentWeights layers[] = {weights};
  const RecurrentWeights empty_layers[] = {no_weights()};
  const Tensor h1 = zeros({1, 1, 4});
  REFUSED(nn::lstm(none, h1, h1, layers));
  REFUSED(nn::lstm(x, none, h1, layers));
  REFUSED(nn::lstm(x, h1, none, layers));
  REFUSED(nn::lstm(x, h1, h1, {}));
  REFUSED(nn::lstm(x, h1, h1, empty_layers));
  REFUSED(nn::gru(none, h1, layers));
  REFUSED(nn::gru(x, none, layers));
  REFUSED(nn::gru(x, h1, {}));
  REFUSED(nn::gru(x, h1, empty_layers));
  REFUSED(nn::rnn(none, h1, layers));
  REFUSED(nn::rnn(x, none, layers));
  REFUSED(nn::rnn(x, h1, {}));
  REFUSED(nn::rnn(x, h1, empty_layers));
  static_cast<void>(none_of_them);
}

TEST(layers_by_name) {
  const ParamSet nothing;
  ParamSet undefined;
  undefined.tensors.emplace_back("layer.weight", none);
  undefined.tensors.emplace_back("layer.bias", none);
  const Tensor x = ones({2, 4, 3});
  const Tensor index = zeros({2}, DType::int64);
  for (const ParamSet& params : {nothing, undefined}) {
    REFUSED(nn::linear(params, "layer", x));
    REFUSED(nn::conv(params, "layer", x));
    REFUSED(nn::conv_transpose(params, "layer", x));
    REFUSED(nn::batch_norm(params, "layer", x));
    REFUSED(nn::layer_norm(params, "layer", x));
    REFUSED(nn::embedding(params, "layer", index));
    REFUSED(nn::lstm(params, "layer", x));
    REFUSED(nn::gru(params, "layer", x));
    REFUSED(nn::rnn(params, "layer", x));
    CHECK(params.find("nothing") == nullptr);
    REFUSED(nn::parameter(params, "nothing"));
  }
  ParamSet params;
  REFUSED(nn::add_parameter(params, "a", none));
  REFUSED(nn::add_buffer(params, "a", none));
  CHECK(params.tensors.empty());
  REFUSED(nn::init_linear(params, "a", -1, 2));
  REFUSED(nn::init_linear(params, "a", 1, 2, {.weight = nullptr}));
  REFUSED(nn::init_conv(params, "b", -1, 2, {3}));
  REFUSED(nn::init_conv(params, "b", 2, 2, {3}, {.groups = 0}));
  REFUSED(nn::init_conv_transpose(params, "c", -1, 2, {3}));
  REFUSED(nn::init_conv_transpose(params, "c", 2, 2, {3}, {.groups = 0}));
  REFUSED(nn::init_batch_norm(params, "d", -1));
  REFUSED(nn::init_layer_norm(params, "e", {-1}));
  REFUSED(nn::init_embedding(params, "f", -1, 2));
  REFUSED(nn::init_embedding(params, "f", 3, 2, 7));
  REFUSED(nn::init_lstm(params, "g", -1, 2));
  REFUSED(nn::init_gru(params, "h", 2, -1));
  REFUSED(nn::init_rnn(params, "i", 2, 2, {.layers = -1}));
  ParamSet layers;
  nn::init_linear(layers, "layer", 3, 2);
  REFUSED(nn::linear(layers, "layer", none));
  REFUSED(nn::load_values(layers, undefined));
  REFUSED(nn::load_values(layers, nothing));
  REFUSED(nn::load_values(undefined, layers));
  REFUSED(save_params("/nonexistent/x.safetensors", undefined));
  REFUSED(load_params("/nonexistent/x.safetensors"));
  CHECK_THROWS(FormatError, "'memory' is not a valid", parse_params(nullptr, 0, "memory"));
  CHECK_THROWS(ValueError, "memory: expected the 100 bytes", parse_params(nullptr, 100, "memory"));
}

TEST(differentiation) {
  const Tensor no_tensors[] = {none};
  Tensor x = ones({2});
  x.set_requires_grad(true);
  REFUSED(backward({none}));
  REFUSED(backward({sum(x)}, {none, none}));
  REFUSED(backward({x * x}, {none}));
  REFUSED(grad({none}, {x}));
  REFUSED(grad({sum(x)}, {none}));
  REFUSED(record_function(no_tensors, {}, [](std::span<const Tensor>) { return Tensors{}; }));
  REFUSED(record_function({}, no_tensors, [](std::span<const Tensor>) { return Tensors{}; }));
  const Tensor given[] = {x};
  REFUSED(record_function(given, given, nullptr));
  const Tensors few = record_function(given, given, [](std::span<const Tensor>) { return Tensors{}; });
  REFUSED(backward({sum(few[0])}));
  const Tensors undefined = record_function(given, given, [](std::span<const Tensor>) { return Tensors{none}; });
  HARMLESS(backward({sum(undefined[0])}));
  REFUSED(leaves_of(no_tensors));
  REFUSED(is_differentiable(none));
  REFUSED(AutocastScope(DType::int64));
  CHECK_THROWS(Error, "autocast: ", set_autocast_dtype(DType::int64));
  HARMLESS(product_dtype(DType::boolean));
  CHECK_THROWS(TypeError, "unknown dtype 'nothing'", dtype_from_name("nothing"));
  REFUSED(set_num_threads(0));
}

TEST(random_numbers) {
  const Tensor x = ones({2});
  REFUSED(Generator(std::shared_ptr<RandomStream>()));
  Generator generator(1);
  const Generator moved = std::move(generator);
  CHECK_EQUAL(generator.seed(), moved.seed());  // NOLINT(bugprone-use-after-move)
  REFUSED(generator.set_state(none));
  REFUSED(generator.set_state(x));
  HARMLESS(generator.take(-1));
  REFUSED(uniform({-1}));
  REFUSED(normal({-1}));
  REFUSED(randint(3, 2, {1}));
  REFUSED(randint(0, 2, {-1}));
  REFUSED(permutation(-1));
  REFUSED(dropout(none, 0.5));
  REFUSED(dropout(none, 0));
  REFUSED(dropout(none, 0.5, false));
  RandomTape tape;
  {
    const RandomTape::Scope scope(tape, true);
    CHECK_THROWS(Error, "more random numbers", uniform({2}));
  }
}

TEST(updates_and_optimizers) {
  const Tensor step = zeros({}, DType::int64);
  const Tensor lr = full({}, 0.1, DType::float64);
  const Tensor x[] = {ones({2})};
  const Tensor two[] = {ones({2}), ones({2})};
  const Tensor undefined[] = {none};
  const std::span<const Tensor> empty;
  REFUSED(optim::sgd_update(none, x, {}, x, lr, {}));
  REFUSED(optim::sgd_update(step, undefined, {}, x, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, undefined, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, two, lr, {}));
  REFUSED(optim::sgd_update(step, x, {}, {}, lr, {}));
  REFUSED(optim::sgd_update(step, x, empty, x, lr, {.momentum = 0.9}));
  REFUSED(optim::sgd_update(step, x, {}, x, none, {}));
  REFUSED(optim::sgd_update_rows(none, x[0], step, lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), none, zeros({1}, DType::int64), lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), ones({1, 2}), none, lr));
  REFUSED(optim::sgd_update_rows(ones({2, 2}), ones({1, 2}), zeros({1}, DType::int64), none));
  REFUSED(optim::rmsprop_update(none, x, x, {}, x, lr, {}));
  REFUSED(optim::rmsprop_update(step, x, {}, {}, x, lr, {}));
  REFUSED(optim::rmsprop_update(step, x, undefined, {}, x, lr, {}));
  REFUSED(optim::adam_update(none, x, x, x, x, lr, {}));
  REFUSED(optim::adam_update(step, x, {}, x, x, lr, {}));
  REFUSED(optim::adam_update(step, x, x, undefined, x, lr, {}));
  REFUSED(optim::adam_update(step, x, x, x, x, none, {}));

  ParamSet undefined_set;
  undefined_set.tensors.emplace_back("x", none);
  REFUSED(optim::Sgd(ParamSet{}));
  REFUSED(optim::Sgd(undefined_set));
  REFUSED(optim::Sgd(Tensors{none}));
  REFUSED(optim::Adam(undefined_set));
  REFUSED(optim::Adam(Tensors{none}));
  REFUSED(optim::RmsProp(undefined_set));
  REFUSED(optim::RmsProp(Tensors{none}));
  Tensor parameter = ones({2});
  parameter.set_requires_grad(true);
  optim::Sgd optimizer(Tensors{parameter});
  const optim::Sgd moved = std::move(optimizer);
  CHECK_EQUAL(optimizer.lr(), moved.lr());  // NOLINT(bugprone-use-after-move)
  optimizer.step();
  optimizer.zero_grad();
  REFUSED(optimizer.set_lr(-1));
  REFUSED(optimizer.load_states({}));
  REFUSED(optimizer.load_states(undefined_set));
  REFUSED(optim::clip_grad_norm(undefined, 1));
  REFUSED(optim::clip_grad_norm(x, -1));
}

TEST(batches) {
  REFUSED(data::Batches({}));
  REFUSED(data::Batches({none}));
  REFUSED(data::Batches({ones({2}), none}));
  REFUSED(data::Batches({ones({2})}, {.size = 0}));
  data::Batches batches({ones({3})}, {.size = 2});
  const data::Batches moved = std::move(batches);
  CHECK_EQUAL(moved.count(), 2);
  REFUSED(batches.count());  // NOLINT(bugprone-use-after-move)
  REFUSED(batches.sample_count());
  REFUSED(batches.begin());
  data::Batches::Iterator last = moved.begin();
  for (int i = 0; i < 5; ++i) ++last;
  CHECK(last == moved.end());
  CHECK_EQUAL(data::Batch{}.size(), 0);
}

TEST(programs) {
  Program program = doubled();
  const Tensor undefined[] = {none};
  const Tensor x[] = {ones({2, 3})};
  Tensor room[1];
  REFUSED(program.run(undefined));
  REFUSED(program.run({none}));
  REFUSED(program.run(undefined, room));
  REFUSED(program.run(x, std::span<Tensor>()));
  REFUSED(program.run(std::span<const Tensor>()));
  REFUSED(program.run({x[0], x[0]}));
  REFUSED(program.run({ones({3, 2})}));
  REFUSED(program.run({ones({2, 3}, DType::int64)}));
  CHECK_TENSORS_CLOSE(program.run({x[0]})[0], x[0] + x[0], 0);
  ProgramContext context = program.make_context();
  REFUSED(program.run(context, undefined));
  REFUSED(program.run(context, std::span<const Tensor>()));
  CHECK_TENSORS_CLOSE(program.run(context, {x[0]})[0], x[0] + x[0], 0);
  const ProgramContext kept = std::move(context);
  CHECK_EQUAL(program.run(context, x).size(), 1U);  // NOLINT(bugprone-use-after-move)
  Program other = doubled();
  REFUSED(other.run(context, x));
  ProgramContext empty{nullptr};
  REFUSED(program.run(empty, x));

  const Program moved = std::move(program);
  CHECK_EQUAL(moved.output_count(), 1U);
  REFUSED(program.run(x));  // NOLINT(bugprone-use-after-move)
  REFUSED(program.run(x, room));
  REFUSED(program.run(context, x));
  REFUSED(program.make_context());
  REFUSED(program.output_count());
  REFUSED(program.argument_count());
  REFUSED(program.arena_bytes());
  REFUSED(program.unplanned_bytes());
  REFUSED(program.eager_bytes());
  REFUSED(program.work());
  REFUSED(program.steps());
  REFUSED(program.describe());
  REFUSED(program.to_dot());
}

TEST(traces) {
  const Tensor undefined[] = {none};
  Trace trace;
  REFUSED(trace.argument(none));
  REFUSED(trace.state(none, "x"));
  CHECK(!is_traced(none));
  trace.set_locator(nullptr);
  const Tensor x = trace.argument(ones({2}));
  trace.start();
  trace.start();
  CHECK_THROWS(ValueError, "the state 'x' is an undefined", declare_state(none, "x"));
  REFUSED(exp(none));
  const Tensor y = exp(x);
  trace.stop();
  trace.stop();
  const Tensor outputs[] = {y};
  REFUSED(trace.finish(undefined));
  const Trace::Position far = {1000, 1000};
  REFUSED(trace.finish_halves(outputs, far, outputs));
  HARMLESS(trace.is_dropped(none, none));
  HARMLESS(trace.undeclared());
  REFUSED(trace.finish_halves(outputs, trace.position(), undefined));
  HARMLESS(trace.finish(outputs));
  REFUSED(trace.finish(outputs));
  REFUSED(trace.record(outputs));
  REFUSED(trace.finish_halves(outputs, trace.position(), outputs));
  REFUSED(trace.argument(ones({2})));
  REFUSED(trace.state(ones({2}), "x"));
  REFUSED(trace.start());
  CHECK_EQUAL(trace.live_results(), 2);
  REFUSED(RecordedFunction(nullptr));
  const PauseTracing pause;
  const RecomputeScope region;
  CHECK(!is_tracing());
}

TEST(compiled_functions) {
  const TensorFunction twice = [](std::span<const Tensor> x) { return Tensors{x[0] + x[0]}; };
  REFUSED(compile(nullptr));
  REFUSED(compile(twice, {.cache_size = 0}));
  REFUSED(compile(twice, {.program = {.without = {"nothing"}}}));
  CompiledFunction function = compile(twice);
  REFUSED(function({none}));
  REFUSED(compile([](std::span<const Tensor>) { return Tensors{none}; })({ones({2})}));
  const Tensor x = ones({2});
  const CompiledFunction moved = std::move(function);
  CHECK_TENSORS_CLOSE(function({x})[0], moved({x})[0], 0);  // NOLINT(bugprone-use-after-move)
  CHECK_EQUAL(function.traces(), 1);
  function.clear();
  CHECK(function.programs().empty());
  ParamSet undefined;
  undefined.tensors.emplace_back("x", none);
  REFUSED(compile(twice, {.states = {undefined}})({x}));
  REFUSED(compile(twice, {.states = {none}})({x}));
}

TEST(saved_programs) {
  using Function = FunctionToSave;
  const TensorFunction twice = [](std::span<const Tensor> x) { return Tensors{x[0] + x[0]}; };
  const TensorFunction nothing = [](std::span<const Tensor>) { return Tensors{none}; };
  const auto traced = [](const Function& function) { return trace_program({&function, 1}); };
  const Tensor x = ones({4, 2});
  REFUSED(trace_program({}));
  REFUSED(traced({.name = "f", .function = nullptr, .example_inputs = {x}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {none}}));
  REFUSED(traced({.name = "f", .function = nothing, .example_inputs = {x}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .states = {none}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .inputs = {"a", "b"}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .outputs = {"a", "b"}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {ones({})}, .outputs = {"a", "b"}}));
  REFUSED(save_program("/nonexistent/x.pydl", {}));
  REFUSED(save_program("/nonexistent/x.pydl", {{.name = "f", .function = twice, .example_inputs = {x}}}));
  REFUSED(SavedProgram(std::span<const FunctionRecording>()));
  const FunctionRecording empty[] = {{.name = "f", .recordings = {}, .batches = {}, .inputs = {}, .outputs = {}}};
  REFUSED(SavedProgram(empty));
  REFUSED(SavedProgram::load("/nonexistent/x.pydl"));
  REFUSED(SavedProgram::parse(nullptr, 0, "memory"));
  REFUSED(SavedProgram::parse(nullptr, 10, "memory"));
  REFUSED(SavedProgram::from_params({}, "memory"));
  ParamSet undefined;
  undefined.tensors.emplace_back("x", none);
  REFUSED(SavedProgram::from_params(undefined, "memory"));

  SavedProgram saved = traced({.name = "f", .function = twice, .example_inputs = {x}});
  const Tensor two = ones({3, 2});
  CHECK_TENSORS_CLOSE(saved.run({two})[0], two + two, 0);
  CHECK_TENSORS_CLOSE(saved.run("f", {two})[0], two + two, 0);
  const Tensor undefined_inputs[] = {none};
  REFUSED(saved.run(undefined_inputs));
  REFUSED(saved.run({none}));
  REFUSED(saved.run("f", {none}));
  REFUSED(saved.run("f", {two, two}));
  REFUSED(saved.run("f", {ones({3, 3})}));
  REFUSED(saved.run("g", {two}));
  REFUSED(saved.run(std::span<const Tensor>()));
  REFUSED(saved.function("g"));
  REFUSED(saved.program("g"));
  REFUSED(saved.program("f", -1));
  REFUSED(saved.program("f", -1, {}));
  const SavedProgram moved = std::move(saved);
  CHECK_EQUAL(moved.functions().size(), 1U);
  REFUSED(saved.run({two}));  // NOLINT(bugprone-use-after-move)
  REFUSED(saved.run("f", {two}));
  REFUSED(saved.functions());
  REFUSED(saved.function("f"));
  REFUSED(saved.info());
  REFUSED(saved.state());
  REFUSED(saved.describe());
  REFUSED(saved.program("f"));
  REFUSED(saved.save("/nonexistent/x.pydl"));
}

// What takes a shape, axes or tensors takes them in braces.
TEST(braces) {
  const Tensor x = ones({2, 1, 3});
  CHECK_EQUAL(permute_dims(x, {2, 0, 1}).shape(), Dims({3, 2, 1}));
  CHECK_EQUAL(reshape(x, {3, -1}).shape(), Dims({3, 2}));
  CHECK_EQUAL(expand(x, {2, 5, 3}).shape(), Dims({2, 5, 3}));
  CHECK_EQUAL(broadcast_to(x, {4, 2, 1, 3}).shape(), Dims({4, 2, 1, 3}));
  CHECK_EQUAL(squeeze(x, {1}).shape(), Dims({2, 3}));
  CHECK_EQUAL(squeeze(x, {}).shape(), Dims({2, 3}));
  CHECK_EQUAL(flip(x, {0, 2}).shape(), x.shape());
  CHECK_EQUAL(concat({x, x}, 1).shape(), Dims({2, 2, 3}));
  CHECK_EQUAL(stack({x, x}).shape(), Dims({2, 2, 1, 3}));
  CHECK_EQUAL(split(x, {1, 2}, 2).size(), 2U);
  CHECK_EQUAL(slice(x, {0, 0, 1}, {2, 1, 2}, {1, 1, 1}).shape(), Dims({2, 1, 2}));
  CHECK_EQUAL(slice_backward(x, {4, 1, 3}, {0, 0, 0}, {2, 1, 1}).shape(), Dims({4, 1, 3}));
  for (const auto function : {sum, mean, prod, pydl::max, pydl::min, any, all, logsumexp}) {
    CHECK_EQUAL(function(x, {0}, false).shape(), Dims({1, 3}));
    CHECK_EQUAL(function(x, {0, 2}, true).shape(), Dims({1, 1, 1}));
    CHECK_EQUAL(function(x, {}, false).shape(), Dims());
  }
  CHECK_EQUAL(var(x, {0, 2}).shape(), Dims({1}));
  CHECK_EQUAL(pydl::std(x, {2}, 1, true).shape(), Dims({2, 1, 1}));
  CHECK_EQUAL(argmax(x, {2}).shape(), Dims({2, 1}));
  CHECK_EQUAL(argmin(x, {}).shape(), Dims());
  CHECK_EQUAL(sum_to(x, {1, 3}).shape(), Dims({1, 3}));
  CHECK_EQUAL(zeros({2, 3}).shape(), Dims({2, 3}));
  CHECK_EQUAL(full({2}, 1, DType::int64).shape(), Dims({2}));
  CHECK_EQUAL(uniform({2, 3}, 0, 1).shape(), Dims({2, 3}));
  CHECK_EQUAL(normal({2}, 0, 1).shape(), Dims({2}));
  CHECK_EQUAL(randint(0, 10, {2, 3}).shape(), Dims({2, 3}));
  CHECK_EQUAL(max_pool(x, {.kernel = {2}, .stride = {1}}).shape(), Dims({2, 1, 2}));
  CHECK_EQUAL(adaptive_max_pool(x, {2}).shape(), Dims({2, 1, 2}));
  CHECK_EQUAL(resample(x, {6}).shape(), Dims({2, 1, 6}));
  CHECK_EQUAL(nn::pad(x, {1, 1}).shape(), Dims({2, 1, 5}));
  CHECK_EQUAL(nn::pad(x, {1, 1}, nn::Padding::reflect).shape(), Dims({2, 1, 5}));
  CHECK_EQUAL(nn::layer_norm(x, {3}).shape(), x.shape());
  CHECK_EQUAL(nn::rms_norm(x, {1, 3}).shape(), x.shape());
  CHECK_EQUAL(nn::adaptive_avg_pool(x, {1}).shape(), Dims({2, 1, 1}));
  CHECK_EQUAL(nn::same_padding({3}).padding_low, Dims({1}));
  CHECK_EQUAL(nn::xavier_uniform({2, 3}).shape(), Dims({2, 3}));
  Tensor leaf = ones({2});
  leaf.set_requires_grad(true);
  CHECK_TENSORS_CLOSE(grad({sum(leaf * leaf)}, {leaf})[0], 2 * leaf, 0);
  backward({sum(leaf * leaf)});
  CHECK_TENSORS_CLOSE(leaf.grad(), 2 * leaf, 0);
}

// Programs that were written for the old order of arguments do what they did.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST(randint_in_the_old_order) {
  Generator a(1);
  Generator b(1);
  const Tensor old = randint({3, 2}, 5, 9, DType::int64, a);
  CHECK(support::same_bits(old, randint(5, 9, {3, 2}, DType::int64, b)));
  CHECK_EQUAL(randint(Dims{1}, 2, 4).shape(), Dims({1}));
  CHECK_EQUAL(randint({4}, 0, 10).shape(), Dims({4}));
  CHECK_EQUAL(randint({}, 0, 10).shape(), Dims());
}
#pragma GCC diagnostic pop
