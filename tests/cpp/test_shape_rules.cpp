// Shape rules refuse what kernels cannot take, whoever calls: attributes may come from a file.
#include <limits>

#include "check.h"
#include "op/apply.h"
#include "pydl/error.h"
#include "pydl/ops.h"
#include "pydl/random.h"

using namespace pydl;
using op::Attrs;
using op::OpId;

namespace {

constexpr int64_t huge = int64_t{1} << 62;
constexpr int64_t most = std::numeric_limits<int32_t>::max();
constexpr int64_t least = std::numeric_limits<int64_t>::min();

Tensor call(OpId id, const Attrs& attrs, std::initializer_list<Tensor> inputs) { return op::apply(id, attrs, inputs); }

Tensor conv(int64_t stride, int64_t padding, int64_t dilation, int64_t groups) {
  const Attrs attrs = {{"stride", Dims{stride}},
                       {"padding_low", Dims{padding}},
                       {"padding_high", Dims{padding}},
                       {"dilation", Dims{dilation}},
                       {"groups", groups}};
  return call(OpId::conv, attrs, {ones({1, 2, 4}), ones({2, 2, 3})});
}

struct Windows {
  int64_t kernel = 2;
  int64_t stride = 2;
  int64_t padding = 0;
  int64_t dilation = 1;
  int64_t size = 2;
  bool adaptive = false;
};

Attrs pool_attrs(const Windows& w) {
  return {{"kernel", Dims{w.kernel}},     {"stride", Dims{w.stride}}, {"padding", Dims{w.padding}},
          {"dilation", Dims{w.dilation}}, {"size", Dims{w.size}},     {"adaptive", w.adaptive}};
}

Tensor max_pool(const Windows& w, int64_t batch = 1) {
  return call(OpId::max_pool, pool_attrs(w), {ones({batch, 1, 4})});
}

Tensor resample(const std::string& mode, double step, int64_t size = 3, bool antialias = false) {
  const Attrs attrs = {{"size", Dims{size}},
                       {"mode", mode},
                       {"align_corners", false},
                       {"antialias", antialias},
                       {"steps", std::vector<double>{step}}};
  return call(OpId::resample, attrs, {ones({1, 1, 4})});
}

}  // namespace

TEST(convolutions_of_absurd_geometry) {
  CHECK_THROWS(ValueError, "at most 2147483647 as stride", conv(huge, 0, 1, 1));
  CHECK_THROWS(ValueError, "as padding_low", conv(1, huge, 1, 1));
  CHECK_THROWS(ValueError, "as dilation", conv(1, 0, huge, 1));
  CHECK_THROWS(ValueError, "does not fit", conv(1, 0, most, 1));
  CHECK_THROWS(ValueError, "expects 9223372036854775807 input channels", conv(1, 0, 1, huge + 1));
  CHECK_THROWS(ValueError, "at least 1 group", conv(1, 0, 1, least));
  // Few results of much padding.
  CHECK_EQUAL(conv(most, most, 1, 1).shape(), Dims({1, 2, 3}));
  CHECK_EQUAL(conv(most, most, most, 1).shape(), Dims({1, 2, 1}));
}

TEST(windows_of_absurd_geometry) {
  CHECK_EQUAL(max_pool({}).shape(), Dims({1, 1, 2}));
  CHECK_THROWS(ValueError, "as kernel", max_pool({.kernel = huge}));
  CHECK_THROWS(ValueError, "as stride", max_pool({.stride = huge}));
  CHECK_THROWS(ValueError, "as padding", max_pool({.padding = huge}));
  CHECK_THROWS(ValueError, "as dilation", max_pool({.dilation = huge}));
  CHECK_THROWS(ValueError, "windows do not fit", max_pool({.size = most}));
  CHECK_THROWS(ValueError, "windows do not fit", max_pool({.stride = most, .padding = 5, .size = 3}));
  CHECK_THROWS(ValueError, "as size", max_pool({.size = huge, .adaptive = true}));
  CHECK_EQUAL(max_pool({.kernel = most, .dilation = most, .size = 1}).item(), 1.0);
  CHECK_EQUAL(max_pool({.stride = 1, .padding = most, .size = most}, 0).shape(), Dims({0, 1, most}));
}

TEST(steps_of_resampling_that_leave_the_numbers) {
  for (const char* mode : {"nearest", "linear", "cubic", "area"}) {
    CHECK_THROWS(ValueError, "expected steps", resample(mode, 1e300));
    CHECK_THROWS(ValueError, "expected steps", resample(mode, std::nan("")));
    CHECK_EQUAL(resample(mode, 0x1p53).shape(), Dims({1, 1, 3}));
  }
  CHECK_EQUAL(resample("linear", 0x1p53, 3, true).shape(), Dims({1, 1, 3}));
  CHECK_EQUAL(resample("cubic", 1e-300, 3, true).shape(), Dims({1, 1, 3}));
}

TEST(gradients_of_recurrent_layers) {
  const Attrs attrs = {{"cell", "gru"}, {"reset_after", true}, {"reverse", false}, {"lengths", false},
                       {"dy", false},   {"dh", false},         {"dc", false}};
  const auto gradients = [&](const Tensor& output, const Tensor& gates) {
    return pydl::op::call(OpId::recurrent_backward, attrs, {output, ones({2, 2}), ones({6, 2}), gates});
  };
  CHECK_EQUAL(gradients(ones({3, 2, 2}), ones({3, 2, 8})).size(), 2U);
  CHECK_THROWS(ValueError, "expected output of shape (T, N, H)", gradients(ones({6, 2}), ones({3, 2, 8})));
  CHECK_THROWS(ValueError, "expected h0 of shape (3, 2)", gradients(ones({3, 3, 2}), ones({3, 3, 8})));
  CHECK_THROWS(ValueError, "expected gates of shape (3, 2, 8)", gradients(ones({3, 2, 2}), ones({3, 2, 6})));
  CHECK_THROWS(TypeError, "expected 4 inputs, got 3",
               pydl::op::call(OpId::recurrent_backward, attrs, {ones({3, 2, 2}), ones({2, 2}), ones({6, 2})}));
}

TEST(shifts_of_products_over_sequences) {
  const Tensor lengths = zeros({1}, DType::int64);
  for (const int64_t shift : {int64_t{2}, int64_t{-2}, least, huge}) {
    CHECK_THROWS(
        ValueError, "expected a shift",
        call(OpId::sequence_product, {{"shift", shift}}, {ones({2, 1, 3}), ones({2, 1, 3}), lengths, ones({1, 3})}));
  }
}

TEST(slices_of_one_element_in_long_steps) {
  const Tensor x = ones({3, 4});
  const Attrs attrs = {{"starts", Dims{1, 1}}, {"sizes", Dims{1, 3}}, {"steps", Dims{huge, 1}}};
  CHECK_EQUAL(sum(call(OpId::slice, attrs, {x})).item(), 3.0);
  CHECK_THROWS(ValueError, "does not hold the index shape",
               call(OpId::take_backward, {{"axis", int64_t{1} << 32}, {"size", int64_t{3}}},
                    {ones({2}), zeros({2}, DType::int64)}));
}

TEST(ranges_go_round) {
  const Attrs attrs = {{"start", huge}, {"step", huge}, {"count", int64_t{4}}, {"dtype", DType::int64}};
  const Tensor range = call(OpId::arange, attrs, {});
  CHECK_EQUAL(range.data<int64_t>()[1], least);
  CHECK_EQUAL(range.data<int64_t>()[3], 0);
}

TEST(updates_that_overwrite_more_than_there_is) {
  const Tensor step = zeros({}, DType::int64);
  const Tensor lr = full({}, 0.1, DType::float64);
  for (const int64_t count : {int64_t{1}, int64_t{2}, int64_t{100}, huge, int64_t{-1}}) {
    const Attrs attrs = {{"count", count},      {"beta1", 0.9},       {"beta2", 0.99},    {"epsilon", 1e-8},
                         {"weight_decay", 0.0}, {"decoupled", false}, {"amsgrad", false}, {"maximize", false}};
    CHECK_THROWS(ValueError, "adam_update: expected", call(OpId::adam_update, attrs, {step, lr}));
  }
}

TEST(streams_go_round) {
  RandomStream stream(1);
  stream.restart(1, std::numeric_limits<int64_t>::max());
  int64_t state[2];
  stream.advance(3, state);
  stream.take_back(3, state);
  stream.advance(1, state);
  CHECK_EQUAL(state[1], std::numeric_limits<int64_t>::max());
  stream.read(state);
  CHECK_EQUAL(state[1], least);
}
