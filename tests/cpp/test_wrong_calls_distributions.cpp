// Wrong calls of distributions, of functions on what tensors are like, and of options for printing.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(distributions) {
  using namespace pydl::random;
  for (const auto function : {bernoulli, exponential, geometric, poisson}) {
    REFUSED(function(none, {}));
    REFUSED(function(-1, {}));
    REFUSED(function(ones({2}), {.shape = Dims{3}}));
    REFUSED(function(1, {.shape = Dims{-1}}));
    REFUSED(function(1, {.dtype = DType::int64}));
  }
  using TwoParameters = Tensor (*)(const DistributionParameter&, const DistributionParameter&, const DrawOptions&);
  for (const TwoParameters function :
       {static_cast<TwoParameters>(uniform), static_cast<TwoParameters>(normal), static_cast<TwoParameters>(log_normal),
        static_cast<TwoParameters>(laplace), static_cast<TwoParameters>(gumbel), static_cast<TwoParameters>(cauchy),
        static_cast<TwoParameters>(random::gamma), static_cast<TwoParameters>(beta)}) {
    REFUSED(function(none, 1, {}));
    REFUSED(function(1, none, {}));
    REFUSED(function(1, -1, {}));
    REFUSED(function(ones({2}), ones({3}), {}));
  }
  REFUSED(truncated_normal(1, 0));
  REFUSED(truncated_normal(none, 0));
  REFUSED(truncated_normal(0, 1, 0, 0));
  REFUSED(dirichlet(none));
  REFUSED(dirichlet(ones({})));
  REFUSED(dirichlet(ones({2}), {.shape = Dims::filled(max_rank, 1)}));
}

TEST(choices_and_orders) {
  REFUSED(random::multinomial(none, 1));
  REFUSED(random::multinomial(ones({}), 1));
  REFUSED(random::multinomial(ones({2}), -1));
  REFUSED(random::multinomial(ones({2}), 3));
  REFUSED(random::multinomial(ones({2, 0}), 1, true));
  REFUSED(random::multinomial(zeros({2}), 1));
  REFUSED(random::categorical(none));
  REFUSED(random::categorical(ones({2}), {-1}));
  REFUSED(random::permutation(none));
  REFUSED(random::permutation(ones({2}), 1));
  REFUSED(random::permutation(ones({})));
  REFUSED(random::shuffle(none));
  REFUSED(random::shuffle(ones({2}), 1));
}

TEST(tensors_like_others) {
  REFUSED(full_like(none, 1));
  REFUSED(full_like(ones({2}), 300, DType::uint8));
  REFUSED(empty_like(none));
  REFUSED(linspace_open(0, 1, -1));
  REFUSED(linspace_open(0, 1, 2, DType::boolean));
  REFUSED(logspace(0, 1, -1));
  REFUSED(logspace(0, 1, 2, 10, true, DType::int64));
}

TEST(options_for_printing) {
  const PrintOptions before = print_options();
  REFUSED(set_print_options({.precision = -1}));
  REFUSED(set_print_options({.precision = 31}));
  REFUSED(set_print_options({.threshold = -1}));
  REFUSED(PrintScope({.edge_items = -1}));
  REFUSED(to_string(ones({2}), {.line_width = -1}));
  CHECK_EQUAL(to_string(none, {}), "tensor(undefined)");
  CHECK_EQUAL(print_options().precision, before.precision);
  {
    const PrintScope scope({.precision = 1});
    CHECK_EQUAL(to_string(full({}, 0.25, DType::float32)), "tensor(0.2, dtype=float32)");
  }
  CHECK_EQUAL(print_options().precision, before.precision);
}
