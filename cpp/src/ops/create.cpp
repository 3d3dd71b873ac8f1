// Creation: ops that make tensors from a rule.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/create.h"
#include "ops/families.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

// Calls from files are checked as well, because kernels convert values without checking.
void require_value(const char* name, Scalar value, DType dtype) {
  if (!is_integer(dtype)) return;
  try {
    value.to_integer(dtype);
  } catch (const OverflowError& error) {
    throw OverflowError(concat_text(name, ": ", error.what()));
  } catch (const ValueError& error) {
    throw ValueError(concat_text(name, ": ", error.what()));
  }
}

void infer_full(const Attrs& attrs, std::span<const BufferSpec>, BufferSpec* output, int64_t*) {
  const auto full = op::from_attrs<op::FullAttrs>(attrs);
  require_value("full", std::visit([](auto value) { return Scalar(value); }, full.value), full.dtype);
  for (const int64_t size : full.shape) require_sizes("full", {size});  // too many in total: a MemoryError
  *output = row_major(full.dtype, full.shape);
}

void infer_arange(const Attrs& attrs, std::span<const BufferSpec>, BufferSpec* output, int64_t*) {
  const auto arange = op::from_attrs<op::ArangeAttrs>(attrs);
  require_sizes("arange", {arange.count});
  *output = row_major(arange.dtype, {arange.count});
}

}  // namespace

void define_create(Registry& registry) {
  // () -> (y) {shape dims, dtype, value: bool, integer or number}
  registry.declare(OpId::full, {
                                   .doc = "Every element the same value.",
                                   .inputs = {},
                                   .attributes = op::fields_of<op::FullAttrs>(),
                                   .infer = infer_full,
                               });
  // () -> (y) {start, step: both integer or both number; count integer; dtype}
  registry.declare(OpId::arange, {
                                     .doc = "start, start + step, start + 2 step, ...",
                                     .inputs = {},
                                     .attributes = op::fields_of<op::ArangeAttrs>(),
                                     .infer = infer_arange,
                                 });
}

}  // namespace ops

namespace {

op::Element element_of(Scalar value) {
  if (value.is_boolean()) return value.to_int64() != 0;
  if (value.is_floating() || value.is_large()) return value.to_real();
  return value.to_int64();
}

int64_t arange_count(Scalar start, Scalar stop, Scalar step) {
  if (step.to_double() == 0) throw ValueError("arange: the step is 0");
  const bool any_large = start.is_large() || stop.is_large() || step.is_large();
  if (!any_large && !start.is_floating() && !stop.is_floating() && !step.is_floating()) {
    const bool rising = step.to_int64() > 0;
    const int64_t low = (rising ? start : stop).to_int64();
    const int64_t high = (rising ? stop : start).to_int64();
    if (low >= high) return 0;
    // Unsigned, because the distance may exceed the range of int64.
    const auto distance = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    const auto stride = rising ? static_cast<uint64_t>(step.to_int64()) : -static_cast<uint64_t>(step.to_int64());
    return static_cast<int64_t>(std::min<uint64_t>((distance - 1) / stride + 1, INT64_MAX));
  }
  const double count = std::ceil((stop.to_double() - start.to_double()) / step.to_double());
  if (!std::isfinite(count)) throw ValueError("arange: start, stop and step must be finite");
  constexpr double most = 0x1p62;
  if (count > most) throw MemoryError(concat_text("arange: ", count, " numbers do not fit into memory"));
  return std::max<int64_t>(0, static_cast<int64_t>(count));
}

// Checks the first and the last number; all others are between them.
void require_range(Scalar start, Scalar step, int64_t count, DType dtype) {
  if (count == 0 || !is_integer(dtype)) return;
  ops::require_value("arange", start, dtype);
  if (start.is_floating() || step.is_floating()) {
    ops::require_value("arange", start.to_double() + step.to_double() * static_cast<double>(count - 1), dtype);
    return;
  }
  // The last number is between start and stop and therefore fits into int64, unlike the product alone.
  const uint64_t moved = static_cast<uint64_t>(step.to_int64()) * static_cast<uint64_t>(count - 1);
  ops::require_value("arange", static_cast<int64_t>(static_cast<uint64_t>(start.to_int64()) + moved), dtype);
}

}  // namespace

Tensor full(const Dims& shape, Scalar value, DType dtype) try {
  // Values too large for int64 are kept as doubles, for floating-point dtypes only.
  if (value.is_large() && is_integer(dtype)) value.to_integer(dtype);
  return op::apply(OpId::full, op::to_attrs(op::FullAttrs{shape, dtype, element_of(value)}), {});
} catch (const Error&) {
  core::rethrow_as("full");
}

Tensor zeros(const Dims& shape, DType dtype) try { return full(shape, 0, dtype); } catch (const Error&) {
  core::rethrow_as("zeros");
}
Tensor ones(const Dims& shape, DType dtype) try { return full(shape, 1, dtype); } catch (const Error&) {
  core::rethrow_as("ones");
}
Tensor zeros_like(const Tensor& x) try { return full(x.shape(), 0, x.dtype()); } catch (const Error&) {
  core::rethrow_as("zeros_like");
}
Tensor ones_like(const Tensor& x) try { return full(x.shape(), 1, x.dtype()); } catch (const Error&) {
  core::rethrow_as("ones_like");
}

Tensor arange(Scalar start, Scalar stop, Scalar step, DType dtype) try {
  // Doubles near large integers are too far apart to count with.
  for (const Scalar& number : {start, stop, step}) {
    if (number.is_large() && !is_floating(dtype)) ops::require_value("arange", number, dtype);
  }
  const int64_t count = arange_count(start, stop, step);
  const bool large = start.is_large() || step.is_large();
  const bool whole = !large && !start.is_floating() && !step.is_floating() && !is_floating(dtype);
  if (dtype == DType::boolean) throw TypeError("arange: bool has no arithmetic; choose a number dtype");
  require_range(start, step, count, dtype);
  const auto number = [&](Scalar value) -> op::Element {
    if (whole) return value.to_int64();
    return value.to_double();
  };
  return op::apply(OpId::arange, op::to_attrs(op::ArangeAttrs{number(start), number(step), count, dtype}), {});
} catch (const Error&) {
  core::rethrow_as("arange");
}

namespace {

// Rounded down, as NumPy does it. Between whole numbers, those that are met exactly must not be missed by a rounding
// error: these are computed as integers, as far as products are exact.
Tensor spaced_integers(double start, double stop, int64_t count, DType dtype) {
  constexpr double exact = 9007199254740992;  // 2^53
  const double range = stop - start;
  const bool is_exact = std::floor(start) == start && std::floor(stop) == stop && std::abs(start) <= exact &&
                        std::abs(stop) <= exact && std::abs(range) * static_cast<double>(count) <= exact;
  if (!is_exact || count < 2) return astype(floor(linspace(start, stop, count, DType::float64)), dtype);
  const Tensor products =
      multiply(arange(0, count, 1, DType::int64), Tensor::scalar(static_cast<int64_t>(range), DType::int64));
  const Tensor steps = floor_divide(products, Tensor::scalar(count - 1, DType::int64));
  return astype(add(steps, Tensor::scalar(static_cast<int64_t>(start), DType::int64)), dtype);
}

}  // namespace

Tensor linspace(double start, double stop, int64_t count, DType dtype) try {
  if (count < 0) throw ValueError(concat_text("linspace: the count must not be negative, got ", count));
  if (is_integer(dtype)) return spaced_integers(start, stop, count, dtype);
  if (!is_floating(dtype)) throw TypeError(concat_text("linspace: expected a dtype of numbers, got ", dtype));
  const double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0.0;
  // Computed in float64, and from the nearer end, so that the last number is exactly `stop`.
  const Tensor ascending =
      op::apply(OpId::arange, op::to_attrs(op::ArangeAttrs{start, step, count, DType::float64}), {});
  if (count < 2) return astype(ascending, dtype);
  const Tensor index = arange(0, count, 1, DType::int64);
  const Tensor last = equal(index, Tensor::scalar(count - 1, DType::int64));
  return astype(where(last, Tensor::scalar(stop, DType::float64), ascending), dtype);
} catch (const Error&) {
  core::rethrow_as("linspace");
}

namespace {

Tensor with_ones_on_diagonal(int64_t rows, int64_t columns, int64_t k, DType dtype) {
  const Tensor matrix = Tensor::empty({rows, columns}, dtype);
  const Tensor one = Tensor::full({}, 1, dtype);
  const auto item = static_cast<int64_t>(item_size(dtype));
  auto* to = static_cast<char*>(matrix.raw_data());
  if (matrix.size() > 0) std::memset(to, 0, static_cast<size_t>(matrix.size() * item));  // zero in all dtypes
  const int64_t first = std::max<int64_t>(-k, 0);
  const int64_t end = std::min(rows, columns - k);
  for (int64_t row = first; row < end; ++row) {
    std::memcpy(to + (row * columns + row + k) * item, one.raw_data(), static_cast<size_t>(item));
  }
  return matrix;
}

}  // namespace

Tensor eye(int64_t rows, int64_t columns, int64_t k, DType dtype) try {
  if (rows < 0 || columns < 0) {
    throw ValueError(concat_text("eye: sizes must not be negative, got ", rows, " and ", columns));
  }
  constexpr int64_t most = int64_t{1} << 59;
  if (rows > most || columns > most / std::max<int64_t>(rows, 1)) {
    throw MemoryError(concat_text("eye: a matrix of ", rows, " x ", columns, " does not fit into memory"));
  }
  // A diagonal outside the matrix contains no elements, however far away it is.
  const int64_t diagonal = std::clamp(k, -rows, columns);
  if (!is_tracing()) return with_ones_on_diagonal(rows, columns, diagonal, dtype);
  const Tensor row = expand_dims(arange(0, rows, 1, DType::int64), 1);
  const Tensor column = arange(-diagonal, columns - diagonal, 1, DType::int64);
  return astype(equal(row, column), dtype);
} catch (const Error&) {
  core::rethrow_as("eye");
}

}  // namespace pydl
