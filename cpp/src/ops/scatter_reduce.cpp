// Products and extrema of elements that an index sends to the same position.
#include "autograd/node.h"
#include "op/apply.h"
#include "ops/scatter_rules.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;
using op::ScatterCombination;

// An index of one axis has an entry per slice of tensors with several axes.
bool has_slices(int index_rank, int rank) { return index_rank == 1 && rank > 1; }

void infer_scatter_reduce(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  const bool slices = has_slices(inputs[1].shape.rank(), inputs[0].shape.rank());
  infer_scattered("scatter_reduce", attrs, inputs, slices, result);
}

// The index with an entry for each element of source.
Tensor index_of_elements(const BackwardContext& c, int64_t axis) {
  const Tensor index = c.input(1);
  const Dims& shape = c.input_shape(2);
  if (!has_slices(index.rank(), shape.rank())) return index;
  Dims line = Dims::filled(shape.rank(), 1);
  line[static_cast<int>(axis)] = index.size();
  return expand(reshape(index, line), shape);
}

Tensor constant(double value, DType dtype) { return full({}, value, dtype); }

// x with a number where the index points.
Tensor overwritten(const Tensor& x, const Tensor& index, double value, int64_t axis) {
  const Tensor values = expand(constant(value, x.dtype()), index.shape());
  return op::apply(OpId::scatter, op::to_attrs(op::ScatterAttrs{axis}), {x, index, values});
}

Tensor added(const Tensor& x, const Tensor& index, const Tensor& source, int64_t axis) {
  return op::apply(OpId::scatter_add, op::to_attrs(op::ScatterAttrs{axis}), {x, index, source});
}

// Not a number is the same as itself here, because it is the extremum of whatever contains it.
Tensor is_same_number(const Tensor& a, const Tensor& b) {
  return logical_or(equal(a, b), logical_and(isnan(a), isnan(b)));
}

// All elements that are equal to the result share its gradient.
Gradients extremum_gradients(const BackwardContext& c, int64_t axis, bool include_self) {
  const Tensor& g = c.gradient;
  const Tensor index = index_of_elements(c, axis);
  const Tensor result = c.result(0);
  Tensor is_self = is_same_number(c.input(0), result);
  if (!include_self) is_self = overwritten(is_self, index, 0, axis);
  const Tensor is_source = is_same_number(c.input(2), gather(result, index, axis));
  const DType counting = g.dtype() == DType::float64 ? DType::float64 : DType::float32;
  const Tensor count = added(astype(is_self, counting), index, astype(is_source, counting), axis);
  const Tensor share = divide(g, astype(count, g.dtype()));
  const Tensor zero = constant(0, g.dtype());
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = where(is_self, share, zero);
  if (c.needs(2)) gradients[2] = where(is_source, gather(share, index, axis), zero);
  return gradients;
}

// A product as that of the factors that are not zero and, by their number, of those that are: written so that
// derivatives are right at zeros, too.
struct Factors {
  Tensor nonzero;  // the product of the factors that are not zero
  Tensor zeros;    // how many are
  Tensor sum;      // of the factors that are zero

  Factors at(const Tensor& index, int64_t axis) const {
    return {gather(nonzero, index, axis), gather(zeros, index, axis), gather(sum, index, axis)};
  }
};

Tensor nonzero_or_one(const Tensor& x) { return where(equal(x, 0), constant(1, x.dtype()), x); }
Tensor zero_factors(const Tensor& x) { return where(equal(x, 0), x, constant(0, x.dtype())); }

// The gradient of a factor `x`: g times the product of all others. Of two zeros, each is the derivative of the other
// one's; of three or more, first and second derivatives are 0.
Tensor factor_gradient(const Tensor& g, const Tensor& x, const Factors& f) {
  const Tensor zero = constant(0, x.dtype());
  const Tensor one = constant(1, x.dtype());
  const Tensor has_one = equal(f.zeros, 1);
  const Tensor whole = multiply(g, f.nonzero);
  const Tensor of_zeros = where(equal(f.zeros, 0), one, where(has_one, f.sum, zero));
  const Tensor other_zeros = where(has_one, one, where(equal(f.zeros, 2), subtract(f.sum, x), zero));
  return where(equal(x, 0), multiply(whole, other_zeros), divide(multiply(whole, of_zeros), nonzero_or_one(x)));
}

Gradients product_gradients(const BackwardContext& c, int64_t axis, bool include_self) {
  const Tensor index = index_of_elements(c, axis);
  const Tensor source = c.input(2);
  const Tensor x = include_self ? c.input(0) : overwritten(c.input(0), index, 1, axis);
  const Attrs attrs = op::to_attrs(op::ScatterReduceAttrs{ScatterCombination::prod, axis, true});
  const Factors factors = {
      op::apply(OpId::scatter_reduce, attrs, {nonzero_or_one(x), index, nonzero_or_one(source)}),
      added(astype(equal(x, 0), DType::int64), index, astype(equal(source, 0), DType::int64), axis),
      added(zero_factors(x), index, zero_factors(source), axis),
  };
  Gradients gradients(3);
  if (c.needs(0)) {
    gradients[0] = factor_gradient(c.gradient, x, factors);
    if (!include_self) gradients[0] = overwritten(gradients[0], index, 0, axis);
  }
  if (c.needs(2)) gradients[2] = factor_gradient(gather(c.gradient, index, axis), source, factors.at(index, axis));
  return gradients;
}

Gradients scatter_reduce_gradients(const BackwardContext& c) {
  const auto [reduce, axis, include_self] = op::from_attrs<op::ScatterReduceAttrs>(c.attrs());
  if (reduce == ScatterCombination::prod) return product_gradients(c, axis, include_self);
  return extremum_gradients(c, axis, include_self);
}

}  // namespace

void define_scatter_reduce(Registry& registry) {
  constexpr uint32_t all_inputs = 7U;
  constexpr uint32_t result = 1U;
  registry.declare(OpId::scatter_reduce,
                   {
                       .doc = "The elements of x combined with those of source that an index sends there.",
                       .inputs = {"x", "index", "source"},
                       .attributes = op::fields_of<op::ScatterReduceAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .canonical = canonical_index<op::ScatterReduceAttrs>,
                       .infer = infer_scatter_reduce,
                       .backward = scatter_reduce_gradients,
                       .saves_inputs = all_inputs,
                       .saves_results = result,
                   });
}

}  // namespace pydl::ops
