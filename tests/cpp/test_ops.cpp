// Values of the public functions on small tensors, and their errors. The wide comparison with NumPy is in Python.
#include "pydl/ops.h"

#include "pydl/nn.h"
#include "pydl/optim.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;
using support::doubles;

TEST(creation) {
  CHECK_TENSORS_CLOSE(pydl::arange(2, 9, 3, DType::int32), doubles({2, 5, 8}, {3}), 0);
  CHECK_TENSORS_CLOSE(pydl::arange(1.0, 0.0, -0.25, DType::float32), doubles({1, 0.75, 0.5, 0.25}, {4}), 0);
  CHECK_EQUAL(pydl::arange(3, 3, 1, DType::int64).size(), 0);
  CHECK_TENSORS_CLOSE(pydl::linspace(0, 1, 5), doubles({0, 0.25, 0.5, 0.75, 1}, {5}), 1e-7);
  CHECK_TENSORS_CLOSE(pydl::eye(2, 3, 1), doubles({0, 1, 0, 0, 0, 1}, {2, 3}), 0);
  CHECK_TENSORS_CLOSE(pydl::full({2}, true, DType::boolean), doubles({1, 1}, {2}), 0);
  CHECK_EQUAL(pydl::zeros_like(pydl::ones({2, 0}, DType::int8)).dtype(), DType::int8);
}

TEST(arithmetic_broadcasts_and_promotes) {
  const Tensor column = doubles({1, 2}, {2, 1});
  const Tensor row = doubles({10, 20, 30}, {3});
  CHECK_TENSORS_CLOSE(column + row, doubles({11, 21, 31, 12, 22, 32}, {2, 3}), 0);
  CHECK_EQUAL((pydl::ones({1}, DType::int32) / pydl::ones({1}, DType::int32)).dtype(), DType::float32);
  CHECK_EQUAL((pydl::ones({1}, DType::boolean) * pydl::ones({1}, DType::int16)).dtype(), DType::int16);
  CHECK_EQUAL(pydl::exp(pydl::ones({1}, DType::int64)).dtype(), DType::float32);
  CHECK_EQUAL(pydl::less(column, row).dtype(), DType::boolean);
  CHECK_THROWS(pydl::ValueError, "add", column + doubles({1, 2, 3}, {3, 1}));
  const Tensor flag = pydl::ones({1}, DType::boolean);
  CHECK_THROWS(pydl::TypeError, "subtract: bool has no arithmetic", flag - flag);
  CHECK_EQUAL((flag + flag).dtype(), DType::boolean);
  CHECK_EQUAL((flag * flag).item_int(), int64_t{1});
  CHECK_THROWS(pydl::OverflowError, "300 does not fit into uint8", pydl::ones({1}, DType::uint8) + 300);
}

TEST(integer_division_and_remainders) {
  const Tensor a = Tensor::from_values<int32_t>(std::vector<int32_t>{7, -7, 7, -7, 5}, {5});
  const Tensor b = Tensor::from_values<int32_t>(std::vector<int32_t>{2, 2, -2, -2, 0}, {5});
  CHECK_TENSORS_CLOSE(pydl::floor_divide(a, b), doubles({3, -4, -4, 3, 0}, {5}), 0);
  CHECK_TENSORS_CLOSE(pydl::remainder(a, b), doubles({1, 1, -1, -1, 0}, {5}), 0);
  const Tensor lowest = Tensor::scalar(static_cast<int64_t>(INT32_MIN), DType::int32);
  CHECK_EQUAL(pydl::remainder(lowest, Tensor::scalar(-1, DType::int32)).item_int(), 0);
}

TEST(not_a_number_wins) {
  const Tensor x = doubles({1, NAN, 3}, {3});
  CHECK(std::isnan(pydl::max(x).item()) && std::isnan(pydl::min(x).item()));
  CHECK_EQUAL(pydl::argmax(x).item_int(), 1);
  CHECK_TENSORS_CLOSE(pydl::maximum(x, doubles({2, 2, NAN}, {3})), doubles({2, NAN, NAN}, {3}), 0);
  CHECK_TENSORS_CLOSE(pydl::isnan(x), doubles({0, 1, 0}, {3}), 0);
}

TEST(reductions) {
  const Tensor x = pydl::reshape(pydl::arange(0, 24, 1, DType::float64), {2, 3, 4});
  const std::vector<int64_t> outer = {0, -1};
  CHECK_TENSORS_CLOSE(pydl::sum(x, outer), doubles({60, 92, 124}, {3}), 0);
  CHECK_EQUAL(pydl::mean(x, outer, true).shape(), (Dims{1, 3, 1}));
  CHECK_CLOSE(pydl::var(x, {}, 1).item(), 50, 1e-12);
  CHECK_TENSORS_CLOSE(pydl::argmax(pydl::negative(x), 1), pydl::zeros({2, 4}), 0);
  CHECK_EQUAL(pydl::sum(pydl::ones({300}, DType::uint8)).item_int(), 300);
  CHECK_EQUAL(pydl::sum(pydl::ones({5}, DType::boolean)).dtype(), DType::int64);
  CHECK_CLOSE(pydl::sum(pydl::zeros({0})).item(), 0, 0);
  CHECK_CLOSE(pydl::prod(pydl::zeros({0})).item(), 1, 0);
  CHECK(std::isnan(pydl::mean(pydl::zeros({0})).item()));
  CHECK_THROWS(pydl::ValueError, "max", pydl::max(pydl::zeros({0})));
  CHECK_EQUAL(pydl::max(pydl::zeros({3, 0}), std::vector<int64_t>{0}).shape(), Dims{0});
  CHECK_THROWS(pydl::IndexError, "sum", pydl::sum(x, std::vector<int64_t>{3}));
  CHECK_CLOSE(pydl::sum(pydl::full({20'000'000}, 0.1, DType::float32)).item(), 2e6, 2);
}

TEST(shapes) {
  const Tensor x = pydl::reshape(pydl::arange(0, 6, 1, DType::int64), {2, 3});
  CHECK_TENSORS_CLOSE(pydl::reshape(pydl::matrix_transpose(x), {-1}), doubles({0, 3, 1, 4, 2, 5}, {6}), 0);
  CHECK_THROWS(pydl::ValueError, "reshape", pydl::reshape(x, {4, -1}));
  CHECK_EQUAL(pydl::expand_dims(x, -1).shape(), (Dims{2, 3, 1}));
  CHECK_EQUAL(pydl::squeeze(pydl::ones({1, 2, 1})).shape(), Dims{2});
  CHECK_TENSORS_CLOSE(pydl::slice(x, {1, 2}, {2, 2}, {-1, -2}), doubles({5, 3, 2, 0}, {2, 2}), 0);
  const std::vector<Tensor> pair = {x, pydl::flip(x)};
  CHECK_EQUAL(pydl::concat(pair, 1).shape(), (Dims{2, 6}));
  CHECK_EQUAL(pydl::stack(pair, 2).shape(), (Dims{2, 3, 2}));
  const std::vector<Tensor> wrong = {x, pydl::ones({2, 3, 1}, DType::int64)};
  CHECK_THROWS(pydl::ValueError, "concat", pydl::concat(wrong, 0));
}

TEST(indexing) {
  const Tensor x = pydl::reshape(pydl::arange(0, 6, 1, DType::float32), {3, 2});
  const Tensor index = Tensor::from_values<int64_t>(std::vector<int64_t>{-1, 0, 1, 1}, {2, 2});
  CHECK_TENSORS_CLOSE(pydl::gather(x, index, 0), doubles({4, 1, 2, 3}, {2, 2}), 0);
  CHECK_TENSORS_CLOSE(pydl::take(x, index, 1), doubles({1, 0, 1, 1, 3, 2, 3, 3, 5, 4, 5, 5}, {3, 2, 2}), 0);
  CHECK_THROWS(pydl::IndexError, "take", pydl::take(x, Tensor::scalar(3, DType::int64), 0));
  CHECK_THROWS(pydl::IndexError, "gather", pydl::gather(x, Tensor::full({1, 2}, -4, DType::int64), 0));
  CHECK_THROWS(pydl::ValueError, "gather: index of shape (9, 9)",
               pydl::gather(x, pydl::zeros({9, 9}, DType::int64), 0));
}

TEST(products) {
  const Tensor a = doubles({1, 2, 3, 4}, {2, 2});
  CHECK_TENSORS_CLOSE(pydl::matmul(a, a), doubles({7, 10, 15, 22}, {2, 2}), 1e-12);
  CHECK_TENSORS_CLOSE(pydl::matmul(a, doubles({1, 1}, {2})), doubles({3, 7}, {2}), 1e-12);
  CHECK_CLOSE(pydl::matmul(doubles({1, 2}, {2}), doubles({3, 4}, {2})).item(), 11, 1e-12);
  CHECK_TENSORS_CLOSE(pydl::linear(a, a, doubles({100, 200}, {2})), doubles({105, 211, 111, 225}, {2, 2}), 1e-12);
  CHECK_TENSORS_CLOSE(pydl::matmul(pydl::zeros({2, 0}), pydl::zeros({0, 3})), pydl::zeros({2, 3}), 0);
  CHECK_THROWS(pydl::ValueError, "matmul", pydl::matmul(a, pydl::ones({3, 2}, DType::float64)));
}

TEST(softmax_survives_large_numbers) {
  const Tensor x = doubles({1000, 1001, -1000}, {3});
  const double e = std::exp(-1.0);
  CHECK_TENSORS_CLOSE(pydl::softmax(x), doubles({e / (1 + e), 1 / (1 + e), 0}, {3}), 1e-12);
  CHECK_CLOSE(pydl::logsumexp(x).item(), 1001 + std::log1p(e), 1e-12);
  CHECK(pydl::all(pydl::isfinite(pydl::log_softmax(x))).item_int() == 1);
}

TEST(losses) {
  const Tensor logits = doubles({1, 2, 3, 1, 1, 1}, {2, 3});
  const Tensor target = Tensor::from_values<int64_t>(std::vector<int64_t>{2, -100}, {2});
  CHECK_CLOSE(pydl::nn::cross_entropy(logits, target).item(), 0.40760596444438, 1e-12);
  const Tensor wrong = Tensor::from_values<int64_t>(std::vector<int64_t>{2, 3}, {2});
  CHECK_THROWS(pydl::Error, "", pydl::nn::cross_entropy(logits, wrong));
  CHECK_CLOSE(pydl::nn::mse_loss(doubles({1, 3}, {2}), doubles({0, 0}, {2})).item(), 5, 1e-12);
  const Tensor sure = doubles({1000, -1000}, {2});
  CHECK_CLOSE(pydl::nn::binary_cross_entropy_with_logits(sure, doubles({1, 1}, {2})).item(), 500, 1e-9);
}

TEST(first_steps_of_the_optimisers) {
  const Tensor step = Tensor::scalar(0, DType::int64);
  const Tensor lr = Tensor::scalar(0.1, DType::float64);
  const std::vector<Tensor> parameters = {doubles({1, 2}, {2})};
  const std::vector<Tensor> first = {pydl::zeros({2}, DType::float64)};
  const std::vector<Tensor> second = {pydl::zeros({2}, DType::float64)};
  const std::vector<Tensor> gradients = {doubles({4, -4}, {2})};
  pydl::optim::adam_update(step, parameters, first, second, gradients, lr, {.epsilon = 0});
  CHECK_TENSORS_CLOSE(parameters[0], doubles({0.9, 2.1}, {2}), 1e-12);
  CHECK_EQUAL(step.item_int(), 1);
  const std::vector<Tensor> velocities = {pydl::zeros({2}, DType::float64)};
  const Tensor restart = Tensor::scalar(0, DType::int64);
  pydl::optim::sgd_update(restart, parameters, velocities, gradients, lr, {.momentum = 0.9});
  pydl::optim::sgd_update(restart, parameters, velocities, gradients, lr, {.momentum = 0.9});
  CHECK_TENSORS_CLOSE(parameters[0], doubles({-0.26, 3.26}, {2}), 1e-12);
  CHECK_THROWS(
      pydl::ValueError, "sgd_update",
      pydl::optim::sgd_update(restart, parameters, {}, std::vector<Tensor>{pydl::zeros({3}, DType::float64)}, lr, {}));
}
