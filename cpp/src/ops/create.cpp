// Creation: tensors from a rule.
#include <cmath>

#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::AttrValue;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

void infer_full(const Attrs& attrs, std::span<const BufferSpec>, BufferSpec* output, int64_t*) {
  for (const int64_t size : attrs.dims("shape")) require_sizes("full", {size});  // too many in all: a MemoryError
  *output = row_major(attrs.dtype("dtype"), attrs.dims("shape"));
}

void infer_arange(const Attrs& attrs, std::span<const BufferSpec>, BufferSpec* output, int64_t*) {
  require_sizes("arange", {attrs.integer("count")});
  *output = row_major(attrs.dtype("dtype"), {attrs.integer("count")});
}

}  // namespace

void define_create(Registry& registry) {
  define(registry, OpId::full, infer_full);
  define(registry, OpId::arange, infer_arange);
  registry[OpId::full].inputs = registry[OpId::arange].inputs = {0, 0};
}

}  // namespace ops

namespace {

AttrValue attr_of(Scalar value) {
  if (value.is_boolean()) return value.to_int64() != 0;
  if (value.is_floating()) return value.to_double();
  return value.to_int64();
}

int64_t arange_count(Scalar start, Scalar stop, Scalar step) {
  if (step.to_double() == 0) throw ValueError("arange: the step is 0");
  if (!start.is_floating() && !stop.is_floating() && !step.is_floating()) {
    const bool rising = step.to_int64() > 0;
    const int64_t low = (rising ? start : stop).to_int64();
    const int64_t high = (rising ? stop : start).to_int64();
    if (low >= high) return 0;
    // Unsigned, because the distance may be more than int64 holds.
    const auto distance = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    const auto stride = rising ? static_cast<uint64_t>(step.to_int64()) : -static_cast<uint64_t>(step.to_int64());
    return static_cast<int64_t>(std::min<uint64_t>((distance - 1) / stride + 1, INT64_MAX));
  }
  const double count = std::ceil((stop.to_double() - start.to_double()) / step.to_double());
  if (!std::isfinite(count)) throw ValueError("arange: start, stop and step must be finite");
  return std::max<int64_t>(0, static_cast<int64_t>(count));
}

}  // namespace

Tensor full(const Dims& shape, Scalar value, DType dtype) try {
  return op::apply(OpId::full, {{"shape", shape}, {"dtype", dtype}, {"value", attr_of(value)}}, {});
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
  const int64_t count = arange_count(start, stop, step);
  const bool whole = !start.is_floating() && !step.is_floating() && !is_floating(dtype);
  if (dtype == DType::boolean) throw TypeError("arange: bool has no arithmetic; choose a number dtype");
  const AttrValue first = whole ? AttrValue(start.to_int64()) : AttrValue(start.to_double());
  const AttrValue increment = whole ? AttrValue(step.to_int64()) : AttrValue(step.to_double());
  return op::apply(OpId::arange, {{"start", first}, {"step", increment}, {"count", count}, {"dtype", dtype}}, {});
} catch (const Error&) {
  core::rethrow_as("arange");
}

Tensor linspace(double start, double stop, int64_t count, DType dtype) try {
  if (count < 0) throw ValueError(concat_text("linspace: the count must not be negative, got ", count));
  if (!is_floating(dtype)) throw TypeError(concat_text("linspace: expected a floating-point dtype, got ", dtype));
  const double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0.0;
  const Attrs attrs = {{"start", start}, {"step", step}, {"count", count}, {"dtype", DType::float64}};
  // In float64, and from the nearer end, so that the last number is exactly `stop`.
  const Tensor ascending = op::apply(OpId::arange, attrs, {});
  if (count < 2) return astype(ascending, dtype);
  const Tensor index = arange(0, count, 1, DType::int64);
  const Tensor last = equal(index, Tensor::scalar(count - 1, DType::int64));
  return astype(where(last, Tensor::scalar(stop, DType::float64), ascending), dtype);
} catch (const Error&) {
  core::rethrow_as("linspace");
}

Tensor eye(int64_t rows, int64_t columns, int64_t k, DType dtype) try {
  if (rows < 0 || columns < 0) {
    throw ValueError(concat_text("eye: sizes must not be negative, got ", rows, " and ", columns));
  }
  const Tensor row = expand_dims(arange(k, rows + k, 1, DType::int64), 1);
  return astype(equal(row, arange(0, columns, 1, DType::int64)), dtype);
} catch (const Error&) {
  core::rethrow_as("eye");
}

}  // namespace pydl
