// Every fast implementation against `ref`: convolutions, pooling, resampling, normalisation and recurrent layers.
#include "providers.h"

using namespace providers;

namespace {

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

// With the channels last: what stays is a permuted view.
Tensor with_channels_last(const Tensor& dense) {
  std::vector<int64_t> order = {0};
  for (int axis = 2; axis < dense.rank(); ++axis) order.push_back(axis);
  order.push_back(1);
  std::vector<int64_t> back = {0, dense.rank() - 1};
  for (int axis = 1; axis + 1 < dense.rank(); ++axis) back.push_back(axis);
  return pydl::permute_dims(pydl::copy(pydl::permute_dims(dense, order)), back);
}

}  // namespace

TEST(convolutions) {
  const std::vector<ConvCase> cases = {
      {{2, 3, 20}, {5, 3, 3}, {2, 5, 18}, {1}, {0}, {0}, {1}, 1},
      {{2, 3, 9, 8}, {16, 3, 3, 3}, {2, 16, 5, 4}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 1},
      {{2, 32, 9, 8}, {32, 1, 3, 3}, {2, 32, 9, 8}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 32},
      {{1, 8, 10, 9}, {12, 4, 3, 2}, {1, 12, 6, 8}, {1, 1}, {0, 0}, {0, 0}, {2, 1}, 2},
      {{4, 64, 14, 14}, {32, 64, 1, 1}, {4, 32, 14, 14}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
      {{1, 4, 5, 6, 7}, {6, 4, 2, 3, 3}, {1, 6, 4, 6, 7}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1},
      // The gradient of the weight: many positions, shared by threads. The gradient of the input: by rows of the
      // kernel.
      {{8, 32, 16, 16}, {48, 32, 1, 1}, {8, 48, 16, 16}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
      {{2, 6, 14, 13}, {20, 6, 5, 5}, {2, 20, 7, 6}, {2, 2}, {2, 1}, {1, 2}, {1, 1}, 1},
      {{3, 1, 9, 30}, {7, 1, 3, 4}, {3, 7, 5, 27}, {1, 1}, {0, 0}, {0, 0}, {2, 1}, 1},
      // By AMX tiles in float32: as a product, from gathered rows, and with rows read directly from the image.
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
      compare(OpId::max_pool_with_indices, attrs, {x}, 1);
      compare(OpId::max_pool_backward, attrs, {g, x}, 4);
      compare(OpId::avg_pool, attrs, {x}, 8);
      Attrs of_input = attrs;
      of_input.add("input", Dims{shape[2], shape[3]});
      compare(OpId::avg_pool_backward, of_input, {g}, 8);
    }
  }
}

// Few different elements, so that many are equal, and among them -inf and NaN.
TEST(max_pooling_with_indices) {
  struct Windows {
    Dims x;
    Dims kernel;
    Dims stride;
    Dims padding;
    Dims dilation;
    Dims size;
  };
  const std::vector<Windows> cases = {
      {{2, 5, 40}, {3}, {2}, {1}, {2}, {19}},
      {{2, 16, 8, 9}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, {4, 4}},
      {{2, 16, 8, 9}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, {4, 5}},  // the last windows extend beyond the input
      {{2, 70, 9, 8}, {3, 3}, {2, 1}, {1, 1}, {1, 2}, {5, 6}},
      {{3, 1, 9, 8}, {3, 2}, {1, 1}, {0, 1}, {2, 1}, {5, 9}},
      {{1, 7, 4, 5, 6}, {2, 1, 3}, {1, 2, 2}, {1, 0, 1}, {1, 1, 1}, {5, 3, 3}},
      {{2, 19, 4, 4}, {2, 2}, {2, 2}, {4, 0}, {1, 1}, {6, 2}},  // some windows are in the padding alone
      {{2, 9, 7, 5}, {}, {}, {}, {}, {3, 4}},                   // adaptive
  };
  for (const Windows& w : cases) {
    const bool adaptive = w.kernel.empty();
    const int spatial = w.size.rank();
    const auto or_filled = [&](const Dims& dims, int64_t value) {
      return adaptive ? Dims::filled(spatial, value) : dims;
    };
    const Attrs attrs = {{"kernel", or_filled(w.kernel, 1)},
                         {"stride", or_filled(w.stride, 1)},
                         {"padding", or_filled(w.padding, 0)},
                         {"dilation", or_filled(w.dilation, 1)},
                         {"size", w.size},
                         {"adaptive", adaptive}};
    for (const DType dtype : floating_dtypes) {
      for (const int64_t least : {0, 1, 2}) {
        const Tensor few = pydl::astype(pydl::randint(least, 6, w.x) - 1, DType::float64);
        const Tensor x = pydl::astype(pydl::log(few), dtype);
        const int before = compared;
        compare(OpId::max_pool_with_indices, attrs, {x}, 0);
        compare(OpId::max_pool_with_indices, attrs, {with_random_layout(x)}, 0);
        compare(OpId::max_pool_with_indices, attrs, {as_channels_last(x)}, 0);
        CHECK_EQUAL(compared, before + 3);
        const std::vector<Tensor> results = *run(OpId::max_pool_with_indices, attrs, {x}, "cpu");
        CHECK(support::same_bits(results[0], run(OpId::max_pool, attrs, {x}, "cpu")->front()));
      }
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

TEST(normalisation_by_channel) {
  const std::vector<Dims> cases = {{5, 3},        {200, 70},       {1, 1, 1},       {3, 5, 33},     {2, 3, 40, 41},
                                   {9, 20, 7, 7}, {4, 64, 15, 16}, {2, 130, 9, 10}, {1, 1, 50, 60}, {2, 6, 3, 4, 5}};
  for (const Dims& shape : cases) {
    for (const DType dtype : floating_dtypes) {
      const DType own = pydl::item_size(dtype) == 2 ? DType::float32 : dtype;
      const int64_t channels = shape[1];
      const Tensor vector = random_tensor({channels}, own, 0.5, 1.5);
      const Tensor mean = random_tensor({channels}, own, 0.5, 1.5);
      const Tensor variance = random_tensor({channels}, own, 0.5, 1.5);
      const Tensor bias = random_tensor({channels}, own, -1, 1);
      const Tensor dbias = random_tensor({channels}, own);
      const Tensor dweight = random_tensor({channels}, own);
      for (const int layout : {0, 1, 2, 3}) {
        // Row-major, channels last, one of each, and any.
        const auto laid_out = [&](bool channels_last) {
          const Tensor dense = random_dense(shape, dtype, -1, 3);
          return layout == 3 ? with_random_layout(dense) : channels_last ? with_channels_last(dense) : dense;
        };
        const Tensor x = laid_out(layout != 0);
        const Tensor g = laid_out(layout == 1);
        const double scale = own == DType::float64 ? 20 : 10;
        compare(OpId::channel_statistics, {}, {x}, scale);
        const Attrs attrs = {{"epsilon", 1e-3}};
        compare(OpId::channel_sums, attrs, {g, x, mean, variance}, 200);
        compare(OpId::batch_norm_backward, attrs, {g, x, mean, variance, vector, dbias, dweight}, scale);
        compare(OpId::batch_norm_backward, attrs, {g, x, mean, variance, vector}, scale);
        compare(OpId::batch_norm, attrs, {x, mean, variance, vector, random_tensor({channels}, dtype)}, scale);
        // Means of large tensors differ in their last bits, which a small deviation enlarges.
        compare(OpId::batch_norm_train, attrs, {x, vector, random_tensor({channels}, dtype)}, 4 * scale);
        for (const char* activation : {"relu", "relu6"}) {
          Attrs gated = attrs;
          gated.add("gate", pydl::op::Text(activation));
          compare(OpId::channel_sums, gated, {g, x, mean, variance, vector, bias}, 200);
          compare(OpId::batch_norm_backward, gated, {g, x, mean, variance, vector, dbias, dweight, bias}, scale);
        }
      }
    }
  }
}

TEST(statistics_far_from_zero) {
  // One channel of large numbers that hardly differ, and one whose first element is far from all others.
  const Tensor noise = support::random_doubles({4000, 2}, -1, 1);
  const Tensor first = pydl::slice_backward(pydl::ones({1, 1}, DType::float64), {4000, 2}, {0, 1}, {1, 1});
  const Tensor far = Tensor::from_values<double>(std::vector<double>{1e4, 0}, {2});
  const Tensor x = pydl::astype(noise + far + first * 1e4, DType::float32);
  for (const Tensor& values : {x, pydl::reshape(x, {40, 2, 100}), pydl::reshape(x, {400, 2, 10})}) {
    compare(OpId::channel_statistics, {}, {values}, 20);
    compare(OpId::channel_statistics, {}, {with_channels_last(values)}, 20);
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

TEST(normalisation_of_rows_with_weights) {
  struct Case {
    Dims shape;
    int64_t axes;
    Dims weights;
  };
  for (const Case& c : std::vector<Case>{{{7}, 1, {7}},
                                         {{40, 1000}, 1, {1000}},
                                         {{3, 5, 33}, 2, {5, 33}},
                                         {{600, 64}, 1, {64}},
                                         {{300, 1}, 1, {1}},
                                         {{4, 3, 5, 49}, 2, {3, 5, 1}},
                                         {{20, 3, 1, 700}, 1, {3, 1, 1}}}) {
    for (const DType dtype : floating_dtypes) {
      const DType statistics = item_size(dtype) == 2 ? DType::float32 : dtype;
      for (const bool center : {false, true}) {
        const Attrs attrs = {{"axes", c.axes}, {"epsilon", 1e-2}, {"center", center}};
        const Tensor x = random_tensor(c.shape, dtype, -1, 3);
        const Tensor weight = random_tensor(c.weights, statistics);
        compare(OpId::scaled_normalize, attrs, {x, weight}, 40);
        compare(OpId::scaled_normalize, attrs, {x, weight, random_tensor(c.weights, statistics)}, 40);
        compare(OpId::scaled_normalize_backward, attrs, {random_tensor(c.shape, dtype), x, weight}, 200);
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

TEST(the_fast_providers_were_asked) { CHECK(compared > 1000); }
