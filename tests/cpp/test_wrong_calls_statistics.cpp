// Wrong calls of statistics, order and sets.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(running_reductions) {
  const Tensor x = ones({3});
  REFUSED(cumsum(none, 0));
  REFUSED(cumsum(x, 1));
  REFUSED(cumprod(none, 0));
  REFUSED(cummax(none, 0));
  REFUSED(cummin(none, 0));
  REFUSED(logcumsumexp(none, 0));
  REFUSED(linear_recurrence(none, x, 0));
  REFUSED(linear_recurrence(x, none, 0));
  REFUSED(linear_recurrence(x, ones({2}), 0));
  REFUSED(cumulative_sum(none));
  REFUSED(cumulative_sum(ones({2, 2})));
  REFUSED(cumulative_prod(none));
  REFUSED(diff(none));
  REFUSED(diff(x, -1));
  REFUSED(trapezoid(none));
  REFUSED(trapezoid(x, ones({2})));
  REFUSED(cumulative_trapezoid(none));
  REFUSED(cumulative_trapezoid(x, ones({2})));
}

TEST(statistics_of_tensors) {
  const Tensor x = ones({2, 3});
  REFUSED(amax(none));
  REFUSED(amax(x, {2}));
  REFUSED(amin(none));
  REFUSED(aminmax(none));
  REFUSED(ptp(none));
  REFUSED(count_nonzero(none));
  REFUSED(std_mean(none));
  REFUSED(var_mean(none));
  REFUSED(vector_norm(none));
  REFUSED(average(none));
  REFUSED(average(x, ones({2})));
  REFUSED(nansum(none));
  REFUSED(nanmean(none));
  REFUSED(nanmax(none));
  REFUSED(nanmin(none));
  REFUSED(nanvar(none));
  REFUSED(nanstd(none));
  REFUSED(nanmedian(none));
  REFUSED(median(none));
  REFUSED(median(ones({0})));
  REFUSED(quantile(none, ones({})));
  REFUSED(quantile(x, none));
  REFUSED(quantile(x, full({}, 2, DType::float64)));
  REFUSED(nanquantile(none, ones({})));
  REFUSED(nanquantile(x, none));
  REFUSED(cov(none));
  REFUSED(cov(x, 1, ones({2})));
  REFUSED(corrcoef(none));
  REFUSED(bincount(none));
  REFUSED(bincount(x));
  REFUSED(histogram(none));
  REFUSED(histogram(x, 0));
  REFUSED(histogram(x, none));
  REFUSED(histogram(x, ones({1})));
  REFUSED(histc(none));
}

TEST(order_and_sets) {
  const Tensor x = ones({3});
  REFUSED(argsort(none));
  REFUSED(argsort(x, 1));
  REFUSED(sort_with_indices(none));
  REFUSED(topk(none, 1));
  REFUSED(topk(x, 4));
  REFUSED(kthvalue(none, 1));
  REFUSED(kthvalue(x, 4));
  REFUSED(mode(none));
  REFUSED(lexsort(Tensors{}));
  REFUSED(lexsort(Tensors{none}));
  REFUSED(lexsort(Tensors{x, none}));
  REFUSED(searchsorted(none, x));
  REFUSED(searchsorted(x, none));
  REFUSED(searchsorted(ones({2, 2}), x));
  REFUSED(bucketize(none, x));
  REFUSED(bucketize(x, none));
  REFUSED(digitize(none, x));
  REFUSED(digitize(x, none));
  REFUSED(isin(none, x));
  REFUSED(isin(x, none));
  REFUSED(unique(none));
  REFUSED(unique(x, 1));
  REFUSED(unique_elements(none));
  REFUSED(unique_values(none));
  REFUSED(unique_counts(none));
  REFUSED(unique_inverse(none));
  REFUSED(unique_all(none));
  REFUSED(intersect1d(none, x));
  REFUSED(intersect1d(x, none));
  REFUSED(union1d(none, x));
  REFUSED(union1d(x, none));
  REFUSED(setdiff1d(none, x));
  REFUSED(setdiff1d(x, none));
}
