// Keys of indexing in C++. The wide comparison with NumPy is in Python.
#include "pydl/indexing.h"

#include "pydl/autograd.h"
#include "pydl/compile.h"
#include "pydl/ops.h"
#include "support.h"

using pydl::assign_index;
using pydl::Dims;
using pydl::DType;
using pydl::Ellipsis;
using pydl::index;
using pydl::NewAxis;
using pydl::Slice;
using pydl::Tensor;
using support::doubles;

namespace {

Tensor numbers() { return pydl::reshape(pydl::arange(0, 12, 1, DType::float64), {3, 4}); }

Tensor integers(std::vector<int64_t> values) {
  return Tensor::from_values<int64_t>(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

TEST(integers_slices_and_new_axes_give_views) {
  const Tensor x = numbers();
  CHECK_TENSORS_CLOSE(index(x, {-1}), doubles({8, 9, 10, 11}, {4}), 0);
  CHECK_TENSORS_CLOSE(index(x, {Ellipsis{}, 1}), doubles({1, 5, 9}, {3}), 0);
  CHECK_TENSORS_CLOSE(index(x, {Slice{1}, Slice{.step = -3}}), doubles({7, 4, 11, 8}, {2, 2}), 0);
  CHECK_EQUAL(index(x, {NewAxis{}, 0, NewAxis{}}).shape(), (Dims{1, 1, 4}));
  CHECK_EQUAL(index(x, {Slice{2, 1}}).shape(), (Dims{0, 4}));
  CHECK_EQUAL(index(x, {Slice{INT64_MIN, INT64_MAX}, Slice{INT64_MAX, INT64_MIN, INT64_MIN}}).shape(), (Dims{3, 1}));
  pydl::assign(index(x, {0}), doubles({7}, {}));
  CHECK_EQUAL(x.data<double>()[3], 7.0);
}

TEST(index_tensors_and_masks) {
  const Tensor x = numbers();
  CHECK_TENSORS_CLOSE(index(x, {integers({2, 0}), integers({-1, 1})}), doubles({11, 1}, {2}), 0);
  CHECK_TENSORS_CLOSE(index(x, {Slice{}, integers({3, 3})}), doubles({3, 3, 7, 7, 11, 11}, {3, 2}), 0);
  CHECK_TENSORS_CLOSE(index(x, {pydl::greater(x, 9)}), doubles({10, 11}, {2}), 0);
  CHECK_TENSORS_CLOSE(pydl::masked_select(x, pydl::less(x, 2)), doubles({0, 1}, {2}), 0);
  assign_index(x, {pydl::greater(x, 5)}, doubles({-1}, {}));
  assign_index(x, {0, integers({0, 1})}, doubles({3, 4}, {2}));
  CHECK_TENSORS_CLOSE(x, doubles({3, 4, 2, 3, 4, 5, -1, -1, -1, -1, -1, -1}, {3, 4}), 0);
  CHECK_TENSORS_CLOSE(pydl::masked_fill(x, pydl::less(x, 0), doubles({0}, {})),
                      doubles({3, 4, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0}, {3, 4}), 0);
  CHECK_TENSORS_CLOSE(pydl::argwhere(pydl::equal(x, 4)), doubles({0, 1, 1, 0}, {2, 2}), 0);
}

TEST(gradients_reach_what_was_chosen) {
  Tensor x = numbers();
  x.set_requires_grad(true);
  pydl::sum(index(x, {integers({1, 1}), integers({0, 0})})).backward();
  CHECK_TENSORS_CLOSE(pydl::sum(x.grad()), doubles({2}, {}), 0);
  CHECK_TENSORS_CLOSE(index(x.grad(), {1, 0}), doubles({2}, {}), 0);
  CHECK_THROWS(pydl::Error, "requires a gradient", assign_index(x, {0}, doubles({1}, {})));
}

TEST(wrong_keys) {
  const Tensor x = numbers();
  CHECK_THROWS(pydl::IndexError, "index 3 is outside axis 0", index(x, {3}));
  CHECK_THROWS(pydl::IndexError, "too many indices: 3", index(x, {0, 0, 0}));
  CHECK_THROWS(pydl::IndexError, "single ellipsis", index(x, {Ellipsis{}, Ellipsis{}}));
  CHECK_THROWS(pydl::ValueError, "step of a slice", index(x, {Slice{.step = 0}}));
  CHECK_THROWS(pydl::IndexError, "mask of shape (2,)", index(x, {pydl::ones({2}, DType::boolean)}));
  CHECK_THROWS(pydl::IndexError, "float64", index(x, {x}));
  CHECK_THROWS(pydl::IndexError, "(2,)", index(x, {integers({0, 1}), integers({0, 1, 2})}));
  CHECK_THROWS(pydl::IndexError, "index 4 of index tensor 1", index(x, {integers({0}), integers({4})}));
  CHECK_THROWS(pydl::Error, "", index(x, {Tensor{}}));
  CHECK_THROWS(pydl::Error, "", index(Tensor{}, {0}));
  CHECK_THROWS(pydl::Error, "", assign_index(x, {0}, Tensor{}));
  CHECK_THROWS(pydl::Error, "", assign_index(x, {integers({0})}, Tensor{}));
}

TEST(compiled_functions_index_by_their_arguments) {
  const pydl::CompiledFunction chosen = pydl::compile([](std::span<const Tensor> arguments) -> std::vector<Tensor> {
    return {index(arguments[0], {arguments[1], arguments[1]})};
  });
  const Tensor x = numbers();
  CHECK_TENSORS_CLOSE(chosen({x, integers({0, 2})})[0], doubles({0, 10}, {2}), 0);
  CHECK_TENSORS_CLOSE(chosen({x, integers({1, -1})})[0], doubles({5, 11}, {2}), 0);
  CHECK_EQUAL(chosen.traces(), 1);
  CHECK_THROWS(pydl::IndexError, "index 3", chosen({x, integers({0, 3})}));
}
