// Wrong calls of products, windows, losses, layers and their mathematics.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

namespace {

RecurrentWeights no_weights() { return {none, none}; }

}  // namespace

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
  REFUSED(max_pool_with_indices(none, {.kernel = {2}}));
  REFUSED(max_pool_backward(none, x, {.kernel = {2}}));
  REFUSED(max_pool_backward(x, none, {.kernel = {2}}));
  REFUSED(adaptive_max_pool(none, {2}));
  REFUSED(adaptive_max_pool(x, {}));
  REFUSED(adaptive_max_pool_with_indices(none, {2}));
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
  REFUSED(nn::nll_loss(none, target));
  REFUSED(nn::nll_loss(x, none));
  REFUSED(nn::nll_loss(x, target, {.class_weights = ones({2})}));
  REFUSED(nn::softmax_focal_loss(none, target));
  REFUSED(nn::softmax_focal_loss(x, none));
  REFUSED(nn::softmax_focal_loss(x, target, {.gamma = -1}));
  REFUSED(nn::softmax_focal_loss(x, target, {.alpha = ones({2})}));
  REFUSED(nn::multi_margin_loss(none, target));
  REFUSED(nn::multi_margin_loss(x, none));
  REFUSED(nn::multi_margin_loss(x, target, {.p = 3}));
  REFUSED(nn::multilabel_margin_loss(none, zeros({2, 3}, DType::int64)));
  REFUSED(nn::multilabel_margin_loss(x, none));
  REFUSED(nn::multilabel_margin_loss(x, x));
  REFUSED(nn::multilabel_soft_margin_loss(none, x));
  REFUSED(nn::multilabel_soft_margin_loss(x, none));
  for (const auto function : {nn::mse_loss, nn::l1_loss, nn::log_cosh_loss, nn::msle_loss, nn::mape_loss,
                              nn::hinge_loss, nn::squared_hinge_loss, nn::soft_margin_loss}) {
    REFUSED(function(none, x, Reduction::mean));
    REFUSED(function(x, none, Reduction::mean));
    REFUSED(function(x, ones({3}), Reduction::mean));
  }
}

TEST(losses_with_options) {
  const Tensor x = ones({2, 3});
  const Tensor line = ones({3});
  REFUSED(nn::binary_cross_entropy_with_logits(none, x));
  REFUSED(nn::binary_cross_entropy_with_logits(x, none));
  REFUSED(nn::binary_cross_entropy_with_logits(line, line, Reduction::mean, x));
  REFUSED(nn::binary_cross_entropy_with_logits(line, line, Reduction::mean, none, x));
  REFUSED(nn::binary_cross_entropy(none, x));
  REFUSED(nn::binary_cross_entropy(x, none));
  REFUSED(nn::binary_cross_entropy(line, line, Reduction::mean, x));
  REFUSED(nn::sigmoid_focal_loss(none, x));
  REFUSED(nn::sigmoid_focal_loss(x, none));
  REFUSED(nn::sigmoid_focal_loss(x, x, 2));
  REFUSED(nn::dice_loss(none, x));
  REFUSED(nn::dice_loss(x, none));
  REFUSED(nn::dice_loss(x, x, {2}));
  REFUSED(nn::smooth_l1_loss(none, x));
  REFUSED(nn::smooth_l1_loss(x, none));
  REFUSED(nn::smooth_l1_loss(x, x, -1));
  REFUSED(nn::huber_loss(none, x));
  REFUSED(nn::huber_loss(x, none));
  REFUSED(nn::huber_loss(x, x, 0));
  REFUSED(nn::kl_div(none, x));
  REFUSED(nn::kl_div(x, none));
  REFUSED(nn::poisson_nll_loss(none, x));
  REFUSED(nn::poisson_nll_loss(x, none));
  REFUSED(nn::gaussian_nll_loss(none, x, x));
  REFUSED(nn::gaussian_nll_loss(x, none, x));
  REFUSED(nn::gaussian_nll_loss(x, x, none));
  REFUSED(nn::gaussian_nll_loss(x, x, line));
}

TEST(distances) {
  const Tensor x = ones({2, 3});
  const Tensor target = ones({2});
  REFUSED(nn::normalize_vectors(none));
  REFUSED(nn::normalize_vectors(x, 2, 2));
  REFUSED(nn::cosine_similarity(none, x));
  REFUSED(nn::cosine_similarity(x, none));
  REFUSED(nn::pairwise_distance(none, x));
  REFUSED(nn::pairwise_distance(x, none));
  REFUSED(nn::hinge_embedding_loss(none, x));
  REFUSED(nn::hinge_embedding_loss(x, none));
  REFUSED(nn::margin_ranking_loss(none, x, x));
  REFUSED(nn::margin_ranking_loss(x, none, x));
  REFUSED(nn::margin_ranking_loss(x, x, none));
  REFUSED(nn::cosine_embedding_loss(none, x, target));
  REFUSED(nn::cosine_embedding_loss(x, none, target));
  REFUSED(nn::cosine_embedding_loss(x, x, none));
  REFUSED(nn::triplet_margin_loss(none, x, x));
  REFUSED(nn::triplet_margin_loss(x, none, x));
  REFUSED(nn::triplet_margin_loss(x, x, none));
  REFUSED(nn::contrastive_loss(none, x, target));
  REFUSED(nn::contrastive_loss(x, none, target));
  REFUSED(nn::contrastive_loss(x, x, none));
  REFUSED(nn::bilinear(none, x, ones({4, 3, 3})));
  REFUSED(nn::bilinear(x, none, ones({4, 3, 3})));
  REFUSED(nn::bilinear(x, x, none));
  REFUSED(nn::bilinear(x, x, ones({4, 3, 3}), ones({3})));
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
  const Tensor vector = ones({4});
  REFUSED(channel_statistics(none));
  REFUSED(batch_norm(none, vector, vector, vector, vector));
  REFUSED(batch_norm(x, none, vector, vector, vector));
  REFUSED(batch_norm(x, vector, none, vector, vector));
  REFUSED(batch_norm(x, vector, vector, none, vector));
  REFUSED(batch_norm(x, vector, vector, vector, none));
  REFUSED(batch_norm_train(none, vector, vector));
  REFUSED(batch_norm_train(x, none, vector));
  REFUSED(batch_norm_train(x, vector, none));
  REFUSED(channel_sums(none, x, vector, vector));
  REFUSED(channel_sums(x, none, vector, vector));
  REFUSED(channel_sums(x, x, none, vector));
  REFUSED(channel_sums(x, x, vector, none));
  REFUSED(batch_norm_backward(none, x, vector, vector, vector));
  REFUSED(batch_norm_backward(x, none, vector, vector, vector));
  REFUSED(batch_norm_backward(x, x, none, vector, vector));
  REFUSED(batch_norm_backward(x, x, vector, none, vector));
  REFUSED(batch_norm_backward(x, x, vector, vector, none));
  REFUSED(batch_norm_backward(x, x, vector, vector, vector, {vector, none}));
  REFUSED(batch_norm_backward(x, x, vector, vector, vector, {none, vector}));
  REFUSED(normalize(none));
  REFUSED(normalize(x, 9));
  REFUSED(normalize_backward(none, x));
  REFUSED(normalize_backward(x, none));
  REFUSED(scaled_normalize(none, vector));
  REFUSED(scaled_normalize(x, none));
  REFUSED(scaled_normalize(x, vector, none, 9));
  REFUSED(scaled_normalize_backward(none, x, vector));
  REFUSED(scaled_normalize_backward(x, none, vector));
  REFUSED(scaled_normalize_backward(x, x, none));
}

TEST(recurrent_functions) {
  const Tensor x = ones({2, 1, 3});
  const Tensor h0 = zeros({1, 4});
  const RecurrentWeights weights = {ones({16, 3}), ones({16, 4})};
  const RecurrentStates states = {none, h0, h0};
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
