// Sets of elements, by sorting: what differs from its predecessor begins a group of equal elements.
#include "core/named.h"
#include "ops/composing.h"
#include "pydl/indexing.h"
#include "pydl/order.h"
#include "pydl/program.h"

namespace pydl {

using ops::part_of_axis;

namespace {

void require_eager(const char* name, const Tensor& x) {
  if (!is_tracing()) return;
  throw TraceError(concat_text(name, ": how many elements of a tensor of shape ", x.shape(),
                               " differ depends on their values, but a compiled function has fixed shapes; call it ",
                               "outside, or use sort, isin, or histogram with a number of bins"));
}

Tensor elements_of(const Tensor& x) { return reshape(x, {x.size()}); }

// Whether neighbouring elements along the first axis differ.
Tensor neighbours_differ(const Tensor& sorted, bool equal_nan) {
  const int64_t count = std::max<int64_t>(sorted.size(0) - 1, 0);
  const Tensor first = part_of_axis(sorted, 0, 0, count);
  const Tensor second = part_of_axis(sorted, 0, sorted.size(0) - count, count);
  const Tensor differ = not_equal(first, second);
  if (!equal_nan || !is_floating(sorted.dtype())) return differ;
  return logical_and(differ, logical_not(logical_and(isnan(first), isnan(second))));
}

// Whether each of the sorted elements (count), or rows (count, columns), begins a group of equal ones.
Tensor begins_group(const Tensor& sorted, bool equal_nan) {
  Tensor differ = neighbours_differ(sorted, equal_nan);
  if (differ.rank() == 2) differ = any(differ, std::vector<int64_t>{1});
  return concat({full({std::min<int64_t>(sorted.size(0), 1)}, true, DType::boolean), differ});
}

struct Groups {
  Tensor order;   // of the elements, so that equal ones are together
  Tensor begins;  // in this order: whether the element is the first of its group
};

Groups group_elements(const Tensor& x, bool equal_nan) {
  const auto [sorted, order] = sort_with_indices(x);
  return {order, begins_group(sorted, equal_nan)};
}

Groups group_rows(const Tensor& rows, bool equal_nan) {
  std::vector<Tensor> columns;
  for (int64_t i = rows.size(1); i-- > 0;) columns.push_back(elements_of(part_of_axis(rows, 1, i, 1)));
  const Tensor order = columns.empty() ? arange(0, rows.size(0), 1, DType::int64) : lexsort(columns);
  return {order, begins_group(take(rows, order), equal_nan)};
}

// Which group each element belongs to, in the original order.
Tensor groups_of_elements(const Groups& groups) {
  const Tensor inverse = zeros(groups.order.shape(), DType::int64);
  if (inverse.size() > 0) assign_index(inverse, {groups.order}, cumsum(groups.begins, 0) - 1);
  return inverse;
}

Tensor sizes_of_groups(const Tensor& starts, int64_t count) {
  return diff(concat({starts, full({1}, count, DType::int64)}));
}

// Everything except the values.
Unique unique_positions(const Groups& groups) {
  const Tensor starts = nonzero(groups.begins)[0];
  return {{}, take(groups.order, starts), groups_of_elements(groups), sizes_of_groups(starts, groups.order.size())};
}

Unique group_and_count(const Tensor& x, bool equal_nan) {
  const Tensor elements = elements_of(x);
  Unique found = unique_positions(group_elements(elements.detach(), equal_nan));
  found.values = take(elements, found.indices);
  found.inverse = reshape(found.inverse, x.shape());
  return found;
}

Unique unique_slices(const Tensor& x, int axis, bool equal_nan) {
  Dims order = {axis};
  for (int other = 0; other < x.rank(); ++other) {
    if (other != axis) order.push_back(other);
  }
  const int64_t count = x.size(axis);
  const Tensor moved = permute_dims(x.detach(), order);
  const Tensor rows = reshape(moved, {count, count == 0 ? 0 : x.size() / count});
  Unique found = unique_positions(group_rows(rows, equal_nan));
  found.values = take(x, found.indices, axis);
  return found;
}

// The distinct elements of a tensor, without indices or counts.
Tensor different_elements(const Tensor& x, bool equal_nan) {
  const Tensor sorted = sort(elements_of(x));
  return masked_select(sorted, begins_group(sorted.detach(), equal_nan));
}

Tensor as_common(const Tensor& x, const Tensor& other) { return astype(x, promote(x.dtype(), other.dtype())); }

}  // namespace

Unique unique(const Tensor& x, std::optional<int64_t> axis, bool equal_nan) try {
  require_eager("unique", x);
  if (axis) return unique_slices(x, normalize_axis("unique", *axis, x.rank()), equal_nan);
  return group_and_count(x, equal_nan);
} catch (const Error&) {
  core::rethrow_as("unique");
}

Tensor unique_elements(const Tensor& x, bool equal_nan) try {
  require_eager("unique", x);
  return different_elements(x, equal_nan);
} catch (const Error&) {
  core::rethrow_as("unique_elements");
}

Tensor unique_values(const Tensor& x) try {
  require_eager("unique_values", x);
  return different_elements(x, false);
} catch (const Error&) {
  core::rethrow_as("unique_values");
}

UniqueCounts unique_counts(const Tensor& x) try {
  require_eager("unique_counts", x);
  const Tensor sorted = sort(elements_of(x));
  const Tensor starts = nonzero(begins_group(sorted.detach(), false))[0];
  return {take(sorted, starts), sizes_of_groups(starts, x.size())};
} catch (const Error&) {
  core::rethrow_as("unique_counts");
}

UniqueInverse unique_inverse(const Tensor& x) try {
  require_eager("unique_inverse", x);
  const Unique found = group_and_count(x, false);
  return {found.values, found.inverse};
} catch (const Error&) {
  core::rethrow_as("unique_inverse");
}

Unique unique_all(const Tensor& x) try {
  require_eager("unique_all", x);
  return group_and_count(x, false);
} catch (const Error&) {
  core::rethrow_as("unique_all");
}

Tensor intersect1d(const Tensor& a, const Tensor& b) try {
  require_eager("intersect1d", a);
  const Tensor both =
      sort(concat({different_elements(as_common(a, b), false), different_elements(as_common(b, a), false)}));
  const Tensor is_twice = logical_not(neighbours_differ(both.detach(), false));
  return masked_select(part_of_axis(both, 0, 0, is_twice.size()), is_twice);
} catch (const Error&) {
  core::rethrow_as("intersect1d");
}

Tensor union1d(const Tensor& a, const Tensor& b) try {
  require_eager("union1d", a);
  return different_elements(concat({elements_of(as_common(a, b)), elements_of(as_common(b, a))}), true);
} catch (const Error&) {
  core::rethrow_as("union1d");
}

Tensor setdiff1d(const Tensor& a, const Tensor& b) try {
  require_eager("setdiff1d", a);
  const Tensor elements = different_elements(as_common(a, b), true);
  return masked_select(elements, isin(elements, b, true));
} catch (const Error&) {
  core::rethrow_as("setdiff1d");
}

}  // namespace pydl
