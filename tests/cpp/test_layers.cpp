// Layers whose tensors lie in a ParamSet: names, first values, results, errors.
#include "pydl/layers.h"

#include <filesystem>

#include "pydl/autograd.h"
#include "support.h"

using namespace pydl;

namespace {

std::string names_of(const ParamSet& params) {
  std::string text;
  for (const auto& [name, tensor] : params.tensors) {
    text += concat_text(text.empty() ? "" : ", ", name, " ", tensor.shape(), tensor.requires_grad() ? "" : " buffer");
  }
  return text;
}

}  // namespace

TEST(linear_by_name) {
  ParamSet params;
  Generator generator(7);
  nn::init_linear(params, "hidden", 5, 3, {}, generator);
  nn::init_linear(params, "out", 3, 2, {.bias = false}, generator);
  CHECK_EQUAL(names_of(params), "hidden.weight (3, 5), hidden.bias (3,), out.weight (2, 3)");

  Generator again(7);
  const Tensor weight = nn::kaiming_uniform({3, 5}, std::sqrt(1.0 / 3.0), DType::float32, again);
  const double bound = 1 / std::sqrt(5.0);
  CHECK(support::same_bits(nn::parameter(params, "hidden.weight"), weight));
  CHECK(support::same_bits(nn::parameter(params, "hidden.bias"), uniform({3}, -bound, bound, DType::float32, again)));

  const Tensor x = normal({4, 2, 5});
  const Tensor hidden = nn::linear(params, "hidden", x);
  CHECK(support::same_bits(hidden, linear(x, params.tensors[0].second, params.tensors[1].second)));
  CHECK_EQUAL(nn::linear(params, "out", hidden).shape(), Dims({4, 2, 2}));
  CHECK_EQUAL(nn::linear(params, "hidden", zeros({0, 5})).shape(), Dims({0, 3}));
  sum(hidden).backward();
  CHECK_EQUAL(params.tensors[0].second.grad().shape(), Dims({3, 5}));
}

TEST(weights_start_as_asked_for) {
  ParamSet params;
  Generator generator(3);
  const nn::Initializer xavier = [](const Dims& shape, DType dtype, Generator& source) {
    return nn::xavier_uniform(shape, 2, dtype, source);
  };
  nn::init_linear(params, "", 4, 6, {.weight = xavier, .dtype = DType::float64}, generator);
  CHECK_EQUAL(names_of(params), "weight (6, 4), bias (6,)");
  Generator again(3);
  CHECK(support::same_bits(params.tensors[0].second, nn::xavier_uniform({6, 4}, 2, DType::float64, again)));
  CHECK_EQUAL(params.tensors[1].second.dtype(), DType::float64);
}

TEST(errors_name_the_layer) {
  ParamSet params;
  nn::init_linear(params, "hidden", 784, 512);
  CHECK_THROWS(ValueError, "hidden: linear: weight (512, 784) expects 784 inputs on the last axis, got input of shape",
               nn::linear(params, "hidden", zeros({32, 100})));
  CHECK_THROWS(ValueError, "hiden.weight: there is no tensor of that name; there are hidden.weight, hidden.bias",
               nn::linear(params, "hiden", zeros({32, 784})));
  CHECK_THROWS(ValueError, "hidden.weight: there is a tensor of that name already",
               nn::init_linear(params, "hidden", 3, 3));
  CHECK_THROWS(ValueError, "out: expected in_features and out_features of at least 1, got (0, 3)",
               nn::init_linear(params, "out", 0, 3));
  CHECK_THROWS(ValueError, "c: 3 input and 4 output channels cannot be divided into 2 groups",
               nn::init_conv(params, "c", 3, 4, {3}, {.groups = 2}));
  CHECK_THROWS(ValueError, "c: expected a kernel of 1 to 3 sizes", nn::init_conv(params, "c", 3, 4, {1, 1, 1, 1}));
  CHECK_THROWS(ValueError, "c: expected a kernel", nn::init_conv(params, "c", 3, 4, {3, 0}));
  CHECK_THROWS(ValueError, "e: expected a padding_index within 4 rows, got 4",
               nn::init_embedding(params, "e", 4, 2, 4));
  CHECK_THROWS(ValueError, "norm: expected sizes of at least 1", nn::init_layer_norm(params, "norm", {}));
  CHECK_THROWS(ValueError, "gru: expected a projection with an LSTM only",
               nn::init_gru(params, "", 2, 4, {.projection = 2}));
  CHECK_EQUAL(params.tensors.size(), size_t{2});

  nn::init_embedding(params, "e", 4, 2);
  CHECK_THROWS(TypeError, "e: embedding: expected indices of integers", nn::embedding(params, "e", zeros({2})));
  CHECK_THROWS(IndexError, "e: ", nn::embedding(params, "e", full({1}, 4, DType::int64)));
  nn::init_lstm(params, "rnn", 3, 5);
  CHECK_THROWS(ValueError, "rnn: expected input of shape (T, N, 3), got (7, 2, 4)",
               nn::lstm(params, "rnn", zeros({7, 2, 4})));
  CHECK_THROWS(ValueError, "rnn: expected at least one time step", nn::lstm(params, "rnn", zeros({0, 2, 3})));
  CHECK_THROWS(ValueError, "rnn: lstm: expected h0 of shape",
               nn::lstm(params, "rnn", zeros({7, 2, 3}), {.h0 = zeros({1, 3, 5})}));
  CHECK_THROWS(ValueError, "rnn: c0 is of an LSTM", nn::gru(params, "rnn", zeros({7, 2, 3}), {.c0 = zeros({1, 2, 5})}));
}

TEST(convolutions_by_name) {
  ParamSet params;
  Generator generator(1);
  nn::init_conv(params, "a", 2, 4, {5}, {.groups = 2}, generator);
  nn::init_conv(params, "b", 3, 4, {3, 3}, {.bias = false}, generator);
  nn::init_conv(params, "c", 1, 2, {2, 2, 2}, {}, generator);
  nn::init_conv_transpose(params, "d", 4, 6, {2, 2}, {.groups = 2}, generator);
  CHECK_EQUAL(names_of(params),
              "a.weight (4, 1, 5), a.bias (4,), b.weight (4, 3, 3, 3), c.weight (2, 1, 2, 2, 2), c.bias (2,), "
              "d.weight (4, 3, 2, 2), d.bias (6,)");
  Generator again(1);
  const double bound = 1 / std::sqrt(5.0);
  nn::default_weight({4, 1, 5}, DType::float32, again);
  CHECK(support::same_bits(nn::parameter(params, "a.bias"), uniform({4}, -bound, bound, DType::float32, again)));

  const ConvOptions groups = {.padding_low = {2}, .padding_high = {2}, .groups = 2};
  const Tensor x = normal({2, 2, 9});
  CHECK(support::same_bits(nn::conv(params, "a", x, groups),
                           conv(x, nn::parameter(params, "a.weight"), nn::parameter(params, "a.bias"), groups)));
  const Tensor images = nn::conv(params, "b", normal({1, 3, 8, 8}), nn::same_padding({3, 3}));
  CHECK_EQUAL(images.shape(), Dims({1, 4, 8, 8}));
  CHECK_EQUAL(nn::conv(params, "c", normal({2, 1, 3, 4, 5})).shape(), Dims({2, 2, 2, 3, 4}));
  CHECK_EQUAL(nn::conv_transpose(params, "d", images, {.stride = {2, 2}, .groups = 2}).shape(), Dims({1, 6, 16, 16}));
  CHECK_THROWS(ValueError, "b: conv2d: weight (4, 3, 3, 3) expects 3 input channels",
               nn::conv(params, "b", zeros({1, 2, 8, 8})));
}

TEST(batch_norm_keeps_its_buffers) {
  ParamSet params;
  nn::init_batch_norm(params, "norm", 3, DType::float16);
  nn::init_batch_norm(params, "other", 3);
  CHECK_EQUAL(nn::parameter(params, "norm.running_var").dtype(), DType::float32);
  CHECK(!nn::parameter(params, "norm.running_mean").requires_grad());
  CHECK(nn::parameter(params, "norm.weight").requires_grad());

  const Tensor x = normal({8, 3, 5}, 2, 3);
  const Tensor mean = zeros({3});
  const Tensor variance = ones({3});
  const nn::BatchNormOptions training = {.training = true};
  const Tensor expected = nn::batch_norm(x, mean, variance, ones({3}), zeros({3}), training);
  CHECK(support::same_bits(nn::batch_norm(params, "other", x, training), expected));
  CHECK(support::same_bits(nn::parameter(params, "other.running_mean"), mean));
  CHECK(support::same_bits(nn::parameter(params, "other.running_var"), variance));
  CHECK_EQUAL(nn::parameter(params, "other.num_batches_tracked").item_int(), 1);

  CHECK(
      support::same_bits(nn::batch_norm(params, "other", x), nn::batch_norm(x, mean, variance, ones({3}), zeros({3}))));
  CHECK_EQUAL(nn::parameter(params, "other.num_batches_tracked").item_int(), 1);
  CHECK_THROWS(ValueError, "other: batch_norm: x of shape (8, 4)", nn::batch_norm(params, "other", zeros({8, 4})));
}

TEST(layer_norm_and_embedding_by_name) {
  ParamSet params;
  Generator generator(5);
  nn::init_layer_norm(params, "norm", {2, 3});
  nn::init_layer_norm(params, "plain", {3}, false);
  nn::init_embedding(params, "words", 4, 3, -1, DType::float32, generator);
  CHECK_EQUAL(names_of(params), "norm.weight (2, 3), norm.bias (2, 3), plain.weight (3,), words.weight (4, 3)");
  const Tensor x = normal({5, 2, 3});
  CHECK(support::same_bits(nn::layer_norm(params, "norm", x), nn::layer_norm(x, {2, 3}, ones({2, 3}), zeros({2, 3}))));
  CHECK(support::same_bits(nn::layer_norm(params, "plain", x, 0.5), nn::layer_norm(x, {3}, ones({3}), {}, 0.5)));

  const int64_t index[] = {0, 3, 3, 1};
  const Tensor rows = nn::embedding(params, "words", Tensor::from_values<int64_t>(index, {2, 2}), -1);
  CHECK_EQUAL(rows.shape(), Dims({2, 2, 3}));
  sum(rows).backward();
  const Tensor& weight = nn::parameter(params, "words.weight");
  CHECK_TENSORS_CLOSE(weight.grad(), support::doubles({1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, {4, 3}), 0);
  const std::vector<double> values = support::values(weight);
  CHECK_EQUAL(values[9] + values[10] + values[11], 0);
  Generator again(5);
  const Tensor drawn = normal({4, 3}, 0, 1, DType::float32, again);
  CHECK_EQUAL(values[4], support::values(drawn)[4]);
}

TEST(recurrent_layers_by_name) {
  ParamSet params;
  Generator generator(2);
  nn::init_lstm(params, "lstm", 3, 5, {.layers = 2, .bidirectional = true, .projection = 2}, generator);
  nn::init_gru(params, "gru", 3, 4, {.bias = false}, generator);
  nn::init_rnn(params, "rnn", 3, 4, {}, generator);
  CHECK_EQUAL(params.tensors.size(), size_t{4 * 5 + 2 + 4});
  CHECK_EQUAL(nn::parameter(params, "lstm.weight_ih_l0_reverse").shape(), Dims({20, 3}));
  CHECK_EQUAL(nn::parameter(params, "lstm.weight_ih_l1").shape(), Dims({20, 4}));
  CHECK_EQUAL(nn::parameter(params, "lstm.weight_hr_l1_reverse").shape(), Dims({2, 5}));
  CHECK_EQUAL(nn::parameter(params, "gru.weight_hh_l0").shape(), Dims({12, 4}));
  Generator again(2);
  const double bound = 1 / std::sqrt(5.0);
  CHECK(support::same_bits(params.tensors[0].second, uniform({20, 3}, -bound, bound, DType::float32, again)));

  const Tensor x = normal({7, 2, 3});
  const int64_t counts[] = {7, 4};
  const Tensor lengths = Tensor::from_values<int64_t>(counts, {2});
  const RecurrentStates lstm = nn::lstm(params, "lstm", x, {.lengths = lengths});
  CHECK_EQUAL(lstm.output.shape(), Dims({7, 2, 4}));
  CHECK_EQUAL(lstm.h.shape(), Dims({4, 2, 2}));
  CHECK_EQUAL(lstm.c.shape(), Dims({4, 2, 5}));

  const RecurrentWeights weights = {.w_ih = nn::parameter(params, "gru.weight_ih_l0"),
                                    .w_hh = nn::parameter(params, "gru.weight_hh_l0")};
  const Tensor h0 = normal({1, 2, 4});
  const RecurrentStates expected = nn::gru(x, h0, {&weights, 1}, {}, {}, false);
  const RecurrentStates gru = nn::gru(params, "gru", x, {.h0 = h0}, false);
  CHECK(support::same_bits(gru.output, expected.output));
  CHECK(support::same_bits(gru.h, expected.h));

  const int64_t axes[] = {1, 0, 2};
  const RecurrentStates plain = nn::rnn(params, "rnn", x, {}, true);
  const RecurrentStates turned = nn::rnn(params, "rnn", permute_dims(x, axes), {.batch_first = true}, true);
  CHECK(support::same_bits(turned.output, permute_dims(plain.output, axes)));
  CHECK(support::same_bits(turned.h, plain.h));
  CHECK(!plain.c.defined());
}

TEST(dropout_between_recurrent_layers) {
  ParamSet params;
  nn::init_gru(params, "gru", 2, 3, {.layers = 2});
  const Tensor x = normal({4, 1, 2});
  Generator first(9);
  Generator second(9);
  const auto run = [&](bool training, Generator* generator) {
    return nn::gru(params, "gru", x, {.dropout = 0.5, .training = training, .generator = generator}).output;
  };
  const Tensor dropped = run(true, &first);
  CHECK(support::same_bits(dropped, run(true, &second)));
  CHECK(!support::same_bits(dropped, run(false, &second)));
}

TEST(values_are_loaded_by_name) {
  ParamSet params;
  nn::init_linear(params, "a", 3, 2);
  nn::init_batch_norm(params, "b", 2);
  const std::string path = (std::filesystem::temp_directory_path() / "pydl-test-layers.safetensors").string();
  save_params(path, params);
  ParamSet other;
  nn::init_linear(other, "a", 3, 2, {.dtype = DType::float64});
  nn::init_batch_norm(other, "b", 2);
  nn::load_values(other, load_params(path));
  std::filesystem::remove(path);
  CHECK_TENSORS_CLOSE(nn::parameter(other, "a.weight"), nn::parameter(params, "a.weight"), 0);
  CHECK(nn::parameter(other, "a.weight").requires_grad());
  CHECK(nn::parameter(other, "a.weight").is_leaf());

  ParamSet wrong;
  nn::init_linear(wrong, "a", 4, 2);
  nn::add_buffer(wrong, "c", zeros({}));
  const Tensor before = copy(nn::parameter(params, "a.bias"));
  CHECK_THROWS(ValueError, "a.weight: expected shape (2, 3), got (2, 4)", nn::load_values(params, wrong));
  CHECK_THROWS(ValueError, "missing: b.running_var", nn::load_values(params, wrong));
  CHECK_THROWS(ValueError, "unexpected: c", nn::load_values(params, wrong));
  CHECK(support::same_bits(nn::parameter(params, "a.bias"), before));
}

TEST(layers_leave_nothing_behind) {
  const int64_t before = live_tensor_count();
  {
    ParamSet params;
    nn::init_conv(params, "conv", 1, 2, {3, 3});
    nn::init_batch_norm(params, "norm", 2);
    nn::init_lstm(params, "lstm", 4, 3);
    const Tensor y =
        relu(nn::batch_norm(params, "norm", nn::conv(params, "conv", normal({2, 1, 6, 6})), {.training = true}));
    const Tensor steps = reshape(y, {8, 2, 4});
    sum(nn::lstm(params, "lstm", steps).output).backward();
    CHECK(nn::parameter(params, "conv.weight").grad().defined());
  }
  CHECK_EQUAL(live_tensor_count(), before);
}
