// Distributions in C++: shapes, dtypes, gradients and generators. How the numbers are distributed is tested in Python.
#include "pydl/distributions.h"

#include <cmath>

#include "pydl/compile.h"
#include "pydl/ops.h"
#include "support.h"

using pydl::Dims;
using pydl::DType;
using pydl::Generator;
using pydl::Tensor;
using support::doubles;

namespace random_numbers = pydl::random;

TEST(shapes_and_dtypes_follow_the_parameters) {
  CHECK_EQUAL(random_numbers::exponential(2).shape(), Dims{});
  CHECK_EQUAL(random_numbers::exponential(2, {.shape = Dims{3, 4}}).shape(), (Dims{3, 4}));
  const Tensor scale = doubles({1, 2}, {2, 1});
  const Tensor drawn = random_numbers::laplace(pydl::zeros({3}), scale);
  CHECK_EQUAL(drawn.shape(), (Dims{2, 3}));
  CHECK_EQUAL(drawn.dtype(), DType::float64);
  CHECK_EQUAL(random_numbers::gamma(scale, 1, {.dtype = DType::float32}).dtype(), DType::float32);
  CHECK_EQUAL(random_numbers::dirichlet(scale, {.shape = Dims{5}}).shape(), (Dims{5, 2, 1}));
  CHECK_EQUAL(random_numbers::categorical(pydl::ones({4, 3}), {2}).shape(), (Dims{2, 4}));
  CHECK(std::isnan(random_numbers::poisson(doubles({-1}, {1})).item()));
}

TEST(gradients_reach_the_scale) {
  Tensor scale = doubles({0.5, 3}, {2});
  scale.set_requires_grad(true);
  Generator generator(1);
  const Tensor drawn = random_numbers::exponential(scale, {.generator = generator});
  pydl::sum(drawn).backward();
  CHECK_TENSORS_CLOSE(scale.grad() * scale.detach(), drawn.detach(), 1e-12);
}

TEST(generators_go_on_and_forks_return) {
  Generator generator(5);
  const Tensor first = random_numbers::gamma(2, 1, {.shape = Dims{10}, .generator = generator});
  CHECK_EQUAL(generator.state().data<int64_t>()[1], 5);
  {
    const pydl::ForkedGenerator fork(generator);
    generator.manual_seed(7);
    random_numbers::poisson(3, {.shape = Dims{100}, .generator = generator});
  }
  CHECK_EQUAL(generator.seed(), uint64_t{5});
  CHECK_EQUAL(generator.state().data<int64_t>()[1], 5);
  Generator again(5);
  CHECK_TENSORS_CLOSE(random_numbers::gamma(2, 1, {.shape = Dims{10}, .generator = again}), first, 0);
}

TEST(orders) {
  Generator generator(3);
  const Tensor x = pydl::arange(0, 20, 1, DType::int64);
  const Tensor y = random_numbers::permutation(x, 0, generator);
  CHECK_EQUAL(pydl::sum(y).item_int(), int64_t{190});
  random_numbers::shuffle(y, 0, generator);
  CHECK_EQUAL(pydl::sum(y).item_int(), int64_t{190});
}
