// Forms in which arguments can be written: shapes, axes and tensors in braces, and the old order of `randint`.
#include "pydl/pydl.h"
#include "support.h"

using namespace pydl;

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
  CHECK_EQUAL(max_pool_with_indices(x, {.kernel = {2}, .stride = {1}}).indices.shape(), Dims({2, 1, 2}));
  CHECK_EQUAL(adaptive_max_pool(x, {2}).shape(), Dims({2, 1, 2}));
  CHECK_EQUAL(adaptive_max_pool_with_indices(x, {2}).indices.shape(), Dims({2, 1, 2}));
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
