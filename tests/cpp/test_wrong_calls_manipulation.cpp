// Wrong calls of functions that rearrange, join and divide tensors, and that write to indexed positions.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(views) {
  const Tensor x = ones({2, 3});
  REFUSED(diagonal(none));
  REFUSED(diagonal(ones({2})));
  REFUSED(diagonal(x, 0, 1, 1));
  REFUSED(pydl::unfold(none, 0, 1));
  REFUSED(pydl::unfold(x, 1, 4));
  REFUSED(pydl::unfold(x, 2, 1));
  REFUSED(as_strided(none, {1}, {1}));
  REFUSED(as_strided(x, {7}, {1}));
  REFUSED(as_strided(x, {2}, {1}, -1));
  REFUSED(narrow(none, 0, 0, 1));
  REFUSED(narrow(x, 0, 1, 2));
  REFUSED(select(none, 0, 0));
  REFUSED(select(x, 0, 2));
  REFUSED(unflatten(none, 0, {1}));
  REFUSED(unflatten(x, 1, {2, 2}));
  REFUSED(unflatten(x, 1, {}));
  REFUSED(atleast_1d(none));
  REFUSED(atleast_2d(none));
  REFUSED(atleast_3d(none));
  REFUSED(moveaxis(none, Dims{0}, Dims{0}));
  REFUSED(moveaxis(x, Dims{0, 1}, Dims{0}));
  REFUSED(moveaxis(x, Dims{0, 0}, Dims{0, 1}));
  REFUSED(swapaxes(none, 0, 1));
  REFUSED(swapaxes(x, 0, 2));
  REFUSED(rot90(none));
  REFUSED(rot90(x, 1, 0, 0));
  REFUSED(diag(none));
  REFUSED(diag(ones({1, 1, 1})));
  REFUSED(diagflat(none));
  REFUSED(diagflat(x, INT64_MAX));
  REFUSED(diag_embed(none));
  REFUSED(diag_embed(x, 0, 1, 1));
  REFUSED(tril(none));
  REFUSED(tril(ones({2})));
  REFUSED(triu(none));
  REFUSED(tril_indices(-1, 2));
  REFUSED(triu_indices(INT64_MAX, INT64_MAX));
}

TEST(dividing_and_joining) {
  const Tensor x = ones({2, 3});
  const Tensors nothing;
  const Tensors undefined = {x, none};
  const Tensors wrong = {x, ones({2, 2, 2, 2})};
  REFUSED(array_split(none, 2));
  REFUSED(array_split(x, 0));
  REFUSED(split_at(none, Dims{1}));
  REFUSED(split_at(x, Dims{1}, 2));
  REFUSED(chunk(none, 1));
  REFUSED(chunk(x, -1));
  REFUSED(unbind(none));
  REFUSED(unbind(x, -3));
  for (const Tensors& tensors : {nothing, undefined, wrong}) {
    REFUSED(hstack(tensors));
    REFUSED(vstack(tensors));
    REFUSED(dstack(tensors));
    REFUSED(column_stack(tensors));
    REFUSED(block_diag(tensors));
    REFUSED(cartesian_prod(tensors));
  }
  REFUSED(broadcast_arrays(undefined));
  REFUSED(broadcast_arrays(wrong));
  REFUSED(meshgrid(undefined));
  REFUSED(meshgrid(wrong));
  REFUSED(combinations(none));
  REFUSED(combinations(ones({3}), -1));
  REFUSED(combinations(ones({3000}), 1000));
}

TEST(moving_and_repeating) {
  const Tensor x = ones({2, 3});
  REFUSED(roll(none, Dims{1}));
  REFUSED(roll(x, Dims{1, 2, 3}, {0, 1}));
  REFUSED(roll(x, Dims{1}, {2}));
  REFUSED(tile(none, {2}));
  REFUSED(tile(x, {-1}));
  REFUSED(tile(x, {INT64_MAX, 3}));
  REFUSED(repeat(none, 2));
  REFUSED(repeat(x, -1));
  REFUSED(repeat(x, 2, 2));
  REFUSED(repeat(x, none));
  REFUSED(repeat(x, ones({2}), 0));
  REFUSED(repeat(x, zeros({5}, DType::int64), 0));
}

TEST(windows_of_images) {
  const Tensor image = ones({1, 1, 3, 3});
  REFUSED(nn::unfold(none, {2, 2}));
  REFUSED(nn::unfold(image, {}));
  REFUSED(nn::unfold(image, {4, 1}));
  REFUSED(nn::unfold(image, {2, 2}, {.stride = {0, 1}}));
  REFUSED(nn::fold(none, {3, 3}, {2, 2}));
  REFUSED(nn::fold(ones({1, 4, 4}), {3}, {2, 2}));
  REFUSED(nn::fold(ones({1, 3, 4}), {3, 3}, {2, 2}));
  REFUSED(nn::fold(ones({1, 4, 5}), {3, 3}, {2, 2}));
}

TEST(indexed_positions) {
  const Tensor x = ones({3});
  const Tensor index = full({1}, 3, DType::int64);
  const Tensor number = ones({});
  REFUSED(take_along_axis(none, index));
  REFUSED(take_along_axis(x, none));
  REFUSED(take_along_axis(x, index));
  REFUSED(take_along_axis(x, ones({1})));
  REFUSED(index_copy(none, index, x));
  REFUSED(index_copy(x, none, x));
  REFUSED(index_copy(x, index, none));
  REFUSED(index_copy(x, index, ones({1})));
  REFUSED(index_fill(none, index, number));
  REFUSED(index_fill(x, none, number));
  REFUSED(index_fill(x, index, none));
  REFUSED(index_fill(x, index, number));
  REFUSED(put(none, index, number));
  REFUSED(put(x, none, number));
  REFUSED(put(x, index, none));
  REFUSED(put(x, index, number));
  REFUSED(masked_scatter(none, none, none));
  REFUSED(masked_scatter(x, x, x));
  REFUSED(masked_scatter(x, equal(x, 1), ones({2})));
  for (const auto reduction : {ScatterReduction::sum, ScatterReduction::prod, ScatterReduction::mean}) {
    REFUSED(scatter_reduce(none, index, ones({1}), reduction));
    REFUSED(scatter_reduce(x, none, ones({1}), reduction));
    REFUSED(scatter_reduce(x, index, none, reduction));
    REFUSED(scatter_reduce(x, index, ones({1}), reduction));
  }
  REFUSED(one_hot(none));
  REFUSED(one_hot(x));
  REFUSED(one_hot(index, 3));
  for (const auto function : {segment_sum, segment_mean, segment_prod, segment_max, segment_min}) {
    REFUSED(function(none, index, 4));
    REFUSED(function(x, none, 4));
    REFUSED(function(x, index, 4));
    REFUSED(function(x, full({3}, 3, DType::int64), 3));
  }
}
