#include "training/decisions.h"

#include "pydl/ops.h"

namespace pydl::train {

namespace {

Tensor within(const Tensor& x, int64_t classes) {
  return logical_and(greater_equal(x, zeros({}, x.dtype())), less(x, full({}, classes, x.dtype())));
}

void refuse_shapes(const std::string& caller, const Tensor& output, const Tensor& target, const char* expected) {
  throw ValueError(concat_text(caller, ": outputs of shape ", output.shape(), " expect ", expected,
                               ", got targets of shape ", target.shape()));
}

Decisions decide_each(const std::string& caller, const Tensor& output, const Tensor& target,
                      const DecisionOptions& options) {
  if (target.size() != output.size() || target.rank() == 0 || target.size(0) != output.size(0)) {
    refuse_shapes(caller, output, target, "targets of the same shape");
  }
  const Tensor labels = astype(reshape(target, output.shape()), DType::float64);
  const Tensor ignored = equal(labels, full({}, options.ignore_index, DType::float64));
  const Tensor positive = equal(labels, ones({}, DType::float64));
  const Tensor valid = logical_or(positive, equal(labels, zeros({}, DType::float64)));
  const Tensor counts = logical_and(valid, logical_not(ignored));
  const Tensor found = greater(output, full({}, options.threshold, output.dtype()));
  return {astype(found, DType::int64),
          astype(positive, DType::int64),
          counts,
          count_of(logical_and(logical_not(valid), logical_not(ignored))),
          2,
          true};
}

// Classes along axis 1 of both: one-hot, or probabilities.
Decisions decide_rows(const Tensor& output, const Tensor& target) {
  const Tensor rows = astype(target, DType::float64);
  const Tensor off = greater(abs(sum(rows, {1}) - ones({}, DType::float64)), full({}, 1e-3, DType::float64));
  const Tensor negative = any(less(rows, zeros({}, DType::float64)), {1});
  const Tensor invalid = logical_or(off, negative);
  return {argmax(output, 1), argmax(rows, 1), logical_not(invalid), count_of(invalid), output.size(1), false};
}

Decisions decide_classes(const std::string& caller, const Tensor& output, const Tensor& target,
                         const DecisionOptions& options) {
  Dims shape{output.size(0)};
  for (int axis = 2; axis < output.rank(); ++axis) shape.push_back(output.size(axis));
  if (target.size() != element_count(shape) || target.rank() == 0 || target.size(0) != output.size(0)) {
    refuse_shapes(caller, output, target, "class indices without the axis of the classes, or one-hot targets");
  }
  const Tensor labels = reshape(target, shape);
  // Indices of other dtypes than signed integers may be no integers, or no negative ones.
  const Tensor indices = astype(labels, DType::int64);
  const Tensor whole = is_floating(labels.dtype()) ? equal(floor(labels), labels) : ones(shape, DType::boolean);
  const Tensor ignored = equal(indices, full({}, options.ignore_index, DType::int64));
  const Tensor valid = logical_and(within(indices, output.size(1)), whole);
  const Tensor counts = logical_and(valid, logical_not(ignored));
  return {argmax(output, 1),
          where(counts, indices, zeros({}, DType::int64)),
          counts,
          count_of(logical_and(logical_not(valid), logical_not(ignored))),
          output.size(1),
          false};
}

}  // namespace

Tensor count_of(const Tensor& condition) { return sum(astype(condition, DType::float64)); }

Decisions decide(const std::string& caller, const Tensor& output, const Tensor& target,
                 const DecisionOptions& options) {
  if (!output.defined() || !target.defined()) throw ValueError(caller + ": an undefined tensor was given");
  if (output.rank() == 0) throw ValueError(caller + ": expected outputs (N, ...), got a tensor of rank 0");
  if (options.each || output.rank() < 2 || output.size(1) == 1) return decide_each(caller, output, target, options);
  if (target.shape() == output.shape()) return decide_rows(output, target);
  return decide_classes(caller, output, target, options);
}

void require_decisions(const std::string& caller, std::span<const double> sums, int64_t ignore_index) {
  if (sums.empty() || sums.back() == 0) return;
  throw ValueError(
      concat_text(caller, ": expected targets that are decisions: class indices, one-hot rows, or 0 and 1; ", "got ",
                  sums.back(), " others. Labels that do not count are those equal to ignore_index, ", ignore_index));
}

}  // namespace pydl::train
