// Wrong calls of members of tensors, functions on tensors, and random numbers.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

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
                              squared_difference,
                              silu_backward,
                              gelu_backward,
                              gelu_tanh_backward,
                              selu_backward,
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
  REFUSED(pydl::index(none, {0}));
  REFUSED(pydl::index(x, {none}));
  REFUSED(pydl::index(x, {0, none}));
  REFUSED(assign_index(none, {0}, x));
  REFUSED(assign_index(x, {0}, none));
  REFUSED(assign_index(x, {none}, x));
  REFUSED(nonzero(none));
  REFUSED(argwhere(none));
  REFUSED(masked_select(none, x));
  REFUSED(masked_select(x, none));
  REFUSED(masked_select(x, x));
  REFUSED(masked_fill(none, x, x));
  REFUSED(masked_fill(x, none, x));
  REFUSED(masked_fill(x, greater(x, x), none));
  REFUSED(masked_fill(x, greater(x, x), x));
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
  REFUSED(sort(none));
  REFUSED(sort(ones({2}), 7));
  REFUSED(argmin(none, 0));
  REFUSED(sum_to(none, {1}));
  REFUSED(sum_to(ones({2}), {3}));
  for (const auto function : {softmax, log_softmax}) REFUSED(function(none, 0));
  for (const auto function : {softmax_backward, log_softmax_backward}) {
    REFUSED(function(none, ones({2}), 0));
    REFUSED(function(ones({2}), none, 0));
  }
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
