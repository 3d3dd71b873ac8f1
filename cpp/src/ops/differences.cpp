// Running sums and products as the array API has them, differences, and integrals of sampled functions.
#include "core/named.h"
#include "ops/composing.h"
#include "pydl/statistics.h"

namespace pydl {

using ops::part_of_axis;

namespace {

using Running = Tensor (*)(const Tensor&, int64_t, bool);

Tensor run_along(Running function, double initial, const Tensor& x, std::optional<int64_t> given_axis,
                 std::optional<DType> dtype, bool include_initial) {
  if (!given_axis && x.rank() != 1) {
    throw ValueError(concat_text("cumulative_sum: expected an axis, because a tensor of shape ", x.shape(),
                                 " does not have exactly one"));
  }
  const int axis = normalize_axis("cumulative_sum", given_axis.value_or(0), x.rank());
  Tensor result = function(dtype ? astype(x, *dtype) : x, axis, false);
  if (dtype) result = astype(result, *dtype);
  if (!include_initial) return result;
  Dims edge = result.shape();
  edge[axis] = 1;
  return concat({full(edge, initial, result.dtype()), result}, axis);
}

// What is joined with x along an axis.
Tensor joined_part(const Tensor& part, const Tensor& x, int axis) {
  if (part.rank() != 0) return part;
  Dims edge = x.shape();
  edge[axis] = 1;
  return expand(part, edge);
}

// The neighbours along an axis: all elements but the last, and all but the first.
struct Neighbours {
  Tensor first;
  Tensor second;
};
Neighbours pairs_along(const Tensor& x, int axis) {
  const int64_t count = std::max<int64_t>(x.size(axis) - 1, 0);
  const int64_t start = x.size(axis) - count;
  return {part_of_axis(x, axis, 0, count), part_of_axis(x, axis, start, count)};
}

// The areas between neighbouring points.
Tensor areas(const Tensor& given, const Tensor& x, double dx, int axis) {
  const Tensor y = ops::to_floating(given);
  const auto [first, second] = pairs_along(y, axis);
  const Tensor means = (first + second) * 0.5;
  if (!x.defined()) return means * dx;
  if (x.shape() != y.shape() && (x.rank() != 1 || x.size() != y.size(axis))) {
    throw ValueError(
        concat_text("trapezoid: expected x of the shape ", y.shape(), " or (", y.size(axis), ",), got ", x.shape()));
  }
  const Tensor points = x.shape() == y.shape() ? x : ops::along_axis(x, y.rank(), axis);
  const auto [left, right] = pairs_along(ops::to_floating(points), axis);
  return means * (right - left);
}

// All points count once, and those at the ends half. The inner ones are summed by themselves: an infinite end would
// leave NaN if half of it were taken from the sum of all.
Tensor integral_of_even_steps(const Tensor& y, double dx, int axis) {
  const int64_t count = y.size(axis);
  Dims shape = y.shape();
  shape.erase(axis);
  if (count < 2) return zeros(shape, y.dtype());
  const Tensor ends = part_of_axis(y, axis, 0, 1) + part_of_axis(y, axis, count - 1, 1);
  const Tensor inner = sum(part_of_axis(y, axis, 1, count - 2), std::vector<int64_t>{axis});
  const Tensor total = inner + reshape(ends, shape) * 0.5;
  return dx == 1 ? total : total * dx;
}

}  // namespace

Tensor cumulative_sum(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype,
                      bool include_initial) try {
  return run_along(cumsum, 0, x, axis, dtype, include_initial);
} catch (const Error&) {
  core::rethrow_as("cumulative_sum");
}

Tensor cumulative_prod(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype,
                       bool include_initial) try {
  return run_along(cumprod, 1, x, axis, dtype, include_initial);
} catch (const Error&) {
  core::rethrow_as("cumulative_prod");
}

Tensor diff(const Tensor& x, int64_t n, int64_t axis, const Tensor& prepend, const Tensor& append) try {
  if (n < 0) throw ValueError(concat_text("diff: expected n of at least 0, got ", n));
  const int along = normalize_axis("diff", axis, x.rank());
  if (n == 0) return x;  // without what is joined, as in NumPy and PyTorch
  std::vector<Tensor> parts;
  if (prepend.defined()) parts.push_back(joined_part(prepend, x, along));
  parts.push_back(x);
  if (append.defined()) parts.push_back(joined_part(append, x, along));
  Tensor result = parts.size() == 1 ? x : concat(parts, along);
  for (int64_t i = 0; i < n && result.size(along) > 0; ++i) {
    const auto [first, second] = pairs_along(result, along);
    result = x.dtype() == DType::boolean ? not_equal(second, first) : second - first;
  }
  return result;
} catch (const Error&) {
  core::rethrow_as("diff");
}

Tensor trapezoid(const Tensor& y, const Tensor& x, double dx, int64_t axis) try {
  const int along = normalize_axis("trapezoid", axis, y.rank());
  if (x.defined()) return sum(areas(y, x, dx, along), std::vector<int64_t>{along});
  return integral_of_even_steps(ops::to_floating(y), dx, along);
} catch (const Error&) {
  core::rethrow_as("trapezoid");
}

Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, double dx, int64_t axis) try {
  const int along = normalize_axis("cumulative_trapezoid", axis, y.rank());
  return cumsum(areas(y, x, dx, along), along);
} catch (const Error&) {
  core::rethrow_as("cumulative_trapezoid");
}

}  // namespace pydl
