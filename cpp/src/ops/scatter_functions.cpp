// Functions that read and write at indexed positions, composed of the ops for scattering and gathering.
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/cumulative.h"
#include "op/attrs/scatter.h"
#include "pydl/indexing.h"
#include "pydl/manipulation.h"
#include "pydl/program.h"
#include "pydl/scatter.h"

namespace pydl {

using op::OpId;

namespace {

Tensor run(OpId id, const Tensor& x, const Tensor& index, const Tensor& source, int64_t axis) {
  return op::call(id, op::to_attrs(op::ScatterAttrs{axis}), {x, index, source})[0];
}

Tensor filled(const Dims& shape, Scalar value, DType dtype) { return expand(full({}, value, dtype), shape); }

void require_integers(const Tensor& index) {
  if (is_integer(index.dtype())) return;
  throw TypeError(concat_text("expected an index of integers, got ", index.dtype()));
}

// An index of one axis, which a single number may be, for slices along `axis` of `shape`.
Tensor as_slice_index(const Tensor& index) {
  require_integers(index);
  if (index.rank() > 1) throw ValueError(concat_text("expected an index of one axis, got shape ", index.shape()));
  return atleast_1d(index);
}

// The number of classes or segments: as given, or as the largest number requires. In eager mode, numbers that are not
// one of them are refused.
int64_t count_of(const char* what, const Tensor& numbers, std::optional<int64_t> given) {
  if (given && *given < 0) throw ValueError(concat_text("the number of ", what, " must not be negative, got ", *given));
  if (is_tracing()) {
    if (given) return *given;
    throw TraceError(concat_text(
        "the number of ", what, " depends on values, but a compiled function has fixed shapes; ", "give their number"));
  }
  const int64_t lowest = numbers.size() > 0 ? min(numbers).item_int() : 0;
  const int64_t highest = numbers.size() > 0 ? max(numbers).item_int() : -1;
  if (lowest < 0 || (given && highest >= *given)) {
    const std::string range = given ? concat_text("0 to ", *given - 1) : std::string("0 on");
    throw IndexError(concat_text("expected ", what, " from ", range, ", got ", lowest < 0 ? lowest : highest));
  }
  return given ? *given : highest + 1;
}

// Negative numbers moved out of range, so that they are refused when a program runs.
Tensor refuse_negative(const Tensor& numbers, int64_t count) {
  if (!is_tracing()) return numbers;
  return where(less(numbers, 0), subtract(numbers, scalar_like(count, numbers)), numbers);
}

// Segments of x: what their ids and their number are, and the shape of the result.
struct Segments {
  Tensor ids;
  Dims shape;

  Segments(const Tensor& x, const Tensor& given, std::optional<int64_t> count) : ids(given) {
    require_integers(ids);
    if (x.rank() == 0 || ids.rank() != 1 || ids.size() != x.size(0)) {
      throw ValueError(concat_text("expected an id for each slice of x, got shapes ", ids.shape(), " and ", x.shape()));
    }
    ids = astype(ids, DType::int64);
    shape = x.shape();
    shape[0] = count_of("segments", ids, count);
    ids = refuse_negative(ids, shape[0]);
  }

  Tensor sum(const Tensor& x) const { return run(OpId::index_add, filled(shape, 0, x.dtype()), ids, x, 0); }

  // The number of slices of each segment, at least 1.
  Tensor sizes(DType dtype) const {
    const Tensor counts =
        run(OpId::index_add, filled({shape[0]}, 0, DType::int64), ids, filled(ids.shape(), 1, DType::int64), 0);
    Dims column = Dims::filled(shape.rank(), 1);
    column[0] = shape[0];
    return astype(reshape(maximum(counts, scalar_like(1, counts)), column), dtype);
  }

  Tensor reduce(const Tensor& x, op::ScatterCombination combination) const {
    const bool is_product = combination == op::ScatterCombination::prod;
    const op::ScatterReduceAttrs attrs = {combination, 0, is_product};
    const Tensor empty = filled(shape, is_product ? 1 : 0, x.dtype());
    return op::call(OpId::scatter_reduce, op::to_attrs(attrs), {empty, ids, x})[0];
  }
};

op::ScatterCombination combination_of(ScatterReduction reduction) {
  if (reduction == ScatterReduction::prod) return op::ScatterCombination::prod;
  return reduction == ScatterReduction::amin ? op::ScatterCombination::amin : op::ScatterCombination::amax;
}

}  // namespace

Tensor take_along_axis(const Tensor& x, const Tensor& index, std::optional<int64_t> axis) try {
  if (!axis) return gather(reshape(x, {-1}), reshape(index, {-1}), 0);
  if (x.rank() != index.rank()) {
    throw ValueError(concat_text("take_along_axis: expected an index with as many axes as shape ", x.shape(), ", got ",
                                 index.shape()));
  }
  const int along = normalize_axis("take_along_axis", *axis, x.rank());
  Dims x_shape = x.shape();
  Dims index_shape = index.shape();
  const int64_t size = std::exchange(x_shape[along], 1);
  const int64_t count = std::exchange(index_shape[along], 1);
  x_shape = index_shape = broadcast_shapes("take_along_axis", x_shape, index_shape);
  x_shape[along] = size;
  index_shape[along] = count;
  return gather(expand(x, x_shape), expand(index, index_shape), along);
} catch (const Error&) {
  core::rethrow_as("take_along_axis");
}

Tensor index_copy(const Tensor& x, const Tensor& index, const Tensor& source, int64_t axis) try {
  const int along = normalize_axis("index_copy", axis, x.rank());
  const Tensor slices = as_slice_index(index);
  Dims expected = x.shape();
  expected[along] = slices.size();
  if (source.shape() != expected) {
    throw ValueError(concat_text("index_copy: expected a source of shape ", expected, ", got ", source.shape()));
  }
  if (source.dtype() != x.dtype()) {
    throw TypeError(concat_text("index_copy: expected a source of ", x.dtype(), ", got ", source.dtype()));
  }
  if (slices.size() == 0) return copy(x);
  if (!is_tracing()) return run(OpId::index_copy, x, slices, source, along);
  // The slice of source that remains at each position, or -1: moving slices is faster than scattering elements.
  const Tensor none = full({x.size(along)}, -1, DType::int64);
  const Tensor last = run(OpId::scatter, none, slices, arange(0, slices.size(), 1, DType::int64), 0);
  const Tensor chosen = take(source, maximum(last, scalar_like(0, last)), along);
  Dims line = Dims::filled(x.rank(), 1);
  line[along] = x.size(along);
  return where(reshape(greater_equal(last, 0), line), chosen, x);
} catch (const Error&) {
  core::rethrow_as("index_copy");
}

Tensor index_fill(const Tensor& x, const Tensor& index, const Tensor& value, int64_t axis) try {
  const int along = normalize_axis("index_fill", axis, x.rank());
  const Tensor slices = as_slice_index(index);
  if (value.rank() > 0) throw ValueError(concat_text("index_fill: expected a value of rank 0, got ", value.shape()));
  const Tensor none = zeros({x.size(along)}, DType::boolean);
  const Tensor named = run(OpId::scatter, none, slices, filled(slices.shape(), true, DType::boolean), 0);
  Dims line = Dims::filled(x.rank(), 1);
  line[along] = x.size(along);
  return where(reshape(named, line), astype(value, x.dtype()), x);
} catch (const Error&) {
  core::rethrow_as("index_fill");
}

Tensor put(const Tensor& x, const Tensor& index, const Tensor& values, bool accumulate) try {
  require_integers(index);
  if (values.size() != 1 && values.size() != index.size()) {
    throw ValueError(
        concat_text("put: expected one value, or one for each of ", index.size(), " indices, got ", values.size()));
  }
  const Tensor positions = reshape(index, {-1});
  const Tensor sources = values.size() == 1 ? expand(reshape(values, {1}), positions.shape()) : reshape(values, {-1});
  const OpId id = accumulate ? OpId::scatter_add : OpId::scatter;
  return reshape(run(id, reshape(x, {-1}), positions, sources, 0), x.shape());
} catch (const Error&) {
  core::rethrow_as("put");
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) try {
  if (mask.dtype() != DType::boolean) {
    throw TypeError(concat_text("masked_scatter: expected a mask of dtype bool, got ", mask.dtype()));
  }
  if (x.dtype() != source.dtype()) {
    throw TypeError(concat_text("masked_scatter: expected a source of ", x.dtype(), ", got ", source.dtype()));
  }
  const Dims shape = broadcast_shapes("masked_scatter", x.shape(), mask.shape());
  const Tensor chosen = reshape(expand(mask, shape), {-1});
  // The first element stands for all that are not chosen, so that it need not exist in the source.
  const Tensor offered = concat({zeros({1}, source.dtype()), reshape(source, {-1})});
  const Tensor number = op::call(OpId::cumsum, op::to_attrs(op::CumulativeAttrs{0}), {chosen})[0];
  const Tensor given = take(offered, where(chosen, number, full({}, 0, DType::int64)), 0);
  return where(expand(mask, shape), reshape(given, shape), x);
} catch (const Error&) {
  core::rethrow_as("masked_scatter");
}

Tensor scatter_reduce(const Tensor& x, const Tensor& index, const Tensor& source, ScatterReduction reduction,
                      int64_t axis, bool include_self) try {
  if (reduction != ScatterReduction::sum && reduction != ScatterReduction::mean) {
    const op::ScatterReduceAttrs attrs = {combination_of(reduction), axis, include_self};
    return op::call(OpId::scatter_reduce, op::to_attrs(attrs), {x, index, source})[0];
  }
  const bool has_slices = index.rank() == 1 && x.rank() > 1;
  const OpId add_id = has_slices ? OpId::index_add : OpId::scatter_add;
  const Tensor zero = full({}, 0, x.dtype());
  const auto without_reached = [&] {
    return has_slices ? index_fill(x, index, zero, axis)
                      : run(OpId::scatter, x, index, expand(zero, source.shape()), axis);
  };
  const Tensor total = run(add_id, include_self ? x : without_reached(), index, source, axis);
  if (reduction == ScatterReduction::sum) return total;
  const Tensor counts = run(add_id, full(x.shape(), include_self ? 1 : 0, DType::int64), index,
                            filled(source.shape(), 1, DType::int64), axis);
  const Tensor divisors = astype(maximum(counts, scalar_like(1, counts)), x.dtype());
  return is_floating(x.dtype()) ? divide(total, divisors) : floor_divide(total, divisors);
} catch (const Error&) {
  core::rethrow_as("scatter_reduce");
}

Tensor one_hot(const Tensor& index, std::optional<int64_t> classes, DType dtype) try {
  require_integers(index);
  const Tensor labels = astype(index, DType::int64);
  const int64_t count = count_of("classes", labels, classes);
  Dims shape = labels.shape();
  shape.push_back(count);
  const Tensor column = expand_dims(refuse_negative(labels, count), -1);
  return run(OpId::scatter, filled(shape, 0, dtype), column, filled(column.shape(), 1, dtype), -1);
} catch (const Error&) {
  core::rethrow_as("one_hot");
}

Tensor segment_sum(const Tensor& x, const Tensor& ids, std::optional<int64_t> count) try {
  return Segments(x, ids, count).sum(x);
} catch (const Error&) {
  core::rethrow_as("segment_sum");
}

Tensor segment_mean(const Tensor& x, const Tensor& ids, std::optional<int64_t> count) try {
  const Segments segments(x, ids, count);
  const Tensor numbers = is_floating(x.dtype()) ? x : astype(x, DType::float32);
  return divide(segments.sum(numbers), segments.sizes(numbers.dtype()));
} catch (const Error&) {
  core::rethrow_as("segment_mean");
}

Tensor segment_prod(const Tensor& x, const Tensor& ids, std::optional<int64_t> count) try {
  return Segments(x, ids, count).reduce(x, op::ScatterCombination::prod);
} catch (const Error&) {
  core::rethrow_as("segment_prod");
}

Tensor segment_max(const Tensor& x, const Tensor& ids, std::optional<int64_t> count) try {
  return Segments(x, ids, count).reduce(x, op::ScatterCombination::amax);
} catch (const Error&) {
  core::rethrow_as("segment_max");
}

Tensor segment_min(const Tensor& x, const Tensor& ids, std::optional<int64_t> count) try {
  return Segments(x, ids, count).reduce(x, op::ScatterCombination::amin);
} catch (const Error&) {
  core::rethrow_as("segment_min");
}

}  // namespace pydl
