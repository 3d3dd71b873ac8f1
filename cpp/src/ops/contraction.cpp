#include "ops/contraction.h"

#include <algorithm>
#include <array>
#include <limits>

#include "pydl/manipulation.h"
#include "pydl/ops.h"

namespace pydl::ops {

namespace {

// Of up to this many operands, the best order is searched among all.
constexpr size_t most_for_search = 8;
// The product has two axes of its own.
constexpr size_t most_batch_axes = max_rank - 2;

using Sizes = std::array<double, label_count>;

int position_of(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

Labels only(const Labels& labels, LabelSet wanted) {
  Labels result;
  for (const int label : labels) {
    if (contains(wanted, label)) result.push_back(label);
  }
  return result;
}

Labels joined(const Labels& a, const Labels& b) {
  Labels result = a;
  result.insert(result.end(), b.begin(), b.end());
  return result;
}

// --- one operand ------------------------------------------------------------------------------------------------

Labelled with_order(const Labelled& operand, const Labels& order) {
  if (operand.labels == order) return operand;
  Dims axes;
  for (const int label : order) axes.push_back(position_of(operand.labels, label));
  return {permute_dims(operand.tensor, axes), order};
}

// Labels that occur twice become the diagonal of their axes.
Labelled with_diagonals(Labelled operand) {
  for (size_t i = 0; i < operand.labels.size(); ++i) {
    const int label = operand.labels[i];
    const auto again = std::find(operand.labels.begin() + static_cast<int64_t>(i) + 1, operand.labels.end(), label);
    if (again == operand.labels.end()) continue;
    const auto other = static_cast<size_t>(again - operand.labels.begin());
    Dims axes;
    Labels rest;
    for (size_t axis = 0; axis < operand.labels.size(); ++axis) {
      if (axis == i || axis == other) continue;
      axes.push_back(static_cast<int64_t>(axis));
      rest.push_back(operand.labels[axis]);
    }
    axes.push_back(static_cast<int64_t>(i));
    axes.push_back(static_cast<int64_t>(other));
    rest.push_back(label);
    return with_diagonals({diagonal(permute_dims(operand.tensor, axes), 0, -2, -1), rest});
  }
  return operand;
}

// An axis of size 1 whose label is larger elsewhere is as good as none.
Labelled without_repeated(const Labelled& operand, const Sizes& sizes) {
  Dims shape;
  Labels labels;
  for (size_t axis = 0; axis < operand.labels.size(); ++axis) {
    const int64_t size = operand.tensor.shape()[static_cast<int>(axis)];
    const int label = operand.labels[axis];
    if (size == 1 && sizes[static_cast<size_t>(label)] != 1) continue;
    shape.push_back(size);
    labels.push_back(label);
  }
  if (labels.size() == operand.labels.size()) return operand;
  return {reshape(operand.tensor, shape), labels};
}

Labelled summed_to(const Labelled& operand, LabelSet kept) {
  std::vector<int64_t> axes;
  for (size_t axis = 0; axis < operand.labels.size(); ++axis) {
    if (!contains(kept, operand.labels[axis])) axes.push_back(static_cast<int64_t>(axis));
  }
  if (axes.empty()) return operand;
  return {astype(sum(operand.tensor, axes), operand.tensor.dtype()), only(operand.labels, kept)};
}

// --- two operands -----------------------------------------------------------------------------------------------

// Whether the axes in this order can be joined into one without copying.
bool can_join(const Labelled& operand, const Labels& order) {
  int64_t expected = -1;
  for (auto label = order.rbegin(); label != order.rend(); ++label) {
    const int axis = position_of(operand.labels, *label);
    const int64_t size = operand.tensor.shape()[axis];
    if (size == 1) continue;
    if (expected >= 0 && operand.tensor.strides()[axis] != expected) return false;
    expected = operand.tensor.strides()[axis] * size;
  }
  return true;
}

// Labels of an operand, those with the largest strides first.
Labels in_memory_order(const Labelled& operand, Labels labels) {
  std::stable_sort(labels.begin(), labels.end(), [&](int a, int b) {
    return operand.tensor.strides()[position_of(operand.labels, a)] >
           operand.tensor.strides()[position_of(operand.labels, b)];
  });
  return labels;
}

// The wanted order, unless only that of the memory can be joined without copying.
Labels joinable_order(const Labelled& operand, const Labels& wanted) {
  if (wanted.size() < 2 || can_join(operand, wanted)) return wanted;
  const Labels order = in_memory_order(operand, wanted);
  return can_join(operand, order) ? order : wanted;
}

// The order of the summed labels for which less must be copied.
Labels summed_order(const Labelled& a, const Labelled& b, const Labels& labels) {
  if (labels.size() < 2) return labels;
  const auto copied = [&](const Labels& order) {
    return (can_join(a, order) ? 0 : a.tensor.size()) + (can_join(b, order) ? 0 : b.tensor.size());
  };
  const Labels from_a = in_memory_order(a, labels);
  const Labels from_b = in_memory_order(b, labels);
  return copied(from_b) < copied(from_a) ? from_b : from_a;
}

Dims sizes_of(const Labelled& operand, const Labels& labels) {
  Dims sizes;
  for (const int label : labels) sizes.push_back(operand.tensor.shape()[position_of(operand.labels, label)]);
  return sizes;
}

// The axes of an operand as (batch..., first, second), where the labels of the last two are joined.
Tensor as_matrices(const Labelled& operand, const Labels& batch, const Labels& first, const Labels& second) {
  const Tensor ordered = with_order(operand, joined(joined(batch, first), second)).tensor;
  Dims shape;
  if (batch.size() > most_batch_axes) {
    shape.push_back(element_count(sizes_of(operand, batch)));
  } else {
    shape = sizes_of(operand, batch);
  }
  shape.push_back(element_count(sizes_of(operand, first)));
  shape.push_back(element_count(sizes_of(operand, second)));
  return reshape(ordered, shape);
}

// Without a sum: the axes of both in one order, with size 1 where an operand lacks one.
Labelled elementwise_product(const Labelled& a, const Labelled& b, const Labels& order) {
  const auto aligned = [&](const Labelled& operand) {
    const Tensor ordered = with_order(operand, only(order, set_of(operand.labels))).tensor;
    Dims shape;
    for (const int label : order) {
      const int axis = position_of(operand.labels, label);
      shape.push_back(axis < operand.tensor.rank() ? operand.tensor.shape()[axis] : 1);
    }
    return reshape(ordered, shape);
  };
  return {multiply(aligned(a), aligned(b)), order};
}

// Whether to write products and add them. Matrix products add 16-bit numbers in float32, and read the factors of a
// single sum once; of many small sums, each would be a product of its own.
bool sums_elementwise(DType dtype, bool is_single) {
  if (dtype == DType::float16 || dtype == DType::bfloat16) return false;
  return !(is_single && is_floating(dtype));
}

// `order` are the labels that the result must have, in the order in which its reader would like them.
Labelled product_of(const Labelled& a, const Labelled& b, const Labels& order) {
  const LabelSet kept = set_of(order);
  const LabelSet in_a = set_of(a.labels);
  const LabelSet in_b = set_of(b.labels);
  if ((in_a & in_b & ~kept) == 0) return elementwise_product(a, b, order);
  const Labels batch = only(order, in_a & in_b);
  const Labels rows = joinable_order(a, only(order, in_a & ~in_b));
  const Labels columns = joinable_order(b, only(order, in_b & ~in_a));
  const Labels summed = summed_order(a, b, only(a.labels, in_b & ~kept));
  if (rows.empty() && columns.empty() && sums_elementwise(a.tensor.dtype(), batch.empty())) {
    return summed_to(elementwise_product(a, b, joined(batch, summed)), kept);
  }
  const Tensor product = matmul(as_matrices(a, batch, rows, summed), as_matrices(b, batch, summed, columns));
  Dims shape = sizes_of(a, joined(batch, rows));
  for (const int64_t size : sizes_of(b, columns)) shape.push_back(size);
  return {reshape(product, shape), joined(joined(batch, rows), columns)};
}

// The operand whose own labels come first in the result is the first factor: its axes are the slower ones of a product.
Labelled combined(const Labelled& a, const Labelled& b, LabelSet kept, const Labels& wanted) {
  Labels order = only(wanted, kept & (set_of(a.labels) | set_of(b.labels)));
  for (const Labels* labels : {&a.labels, &b.labels}) {
    for (const int label : *labels) {
      if (contains(kept & ~set_of(order), label)) order.push_back(label);
    }
  }
  const LabelSet in_both = set_of(a.labels) & set_of(b.labels);
  for (const int label : order) {
    if (contains(in_both, label)) continue;
    return contains(set_of(b.labels), label) ? product_of(b, a, order) : product_of(a, b, order);
  }
  return product_of(a, b, order);
}

// --- the order of products --------------------------------------------------------------------------------------

class Contraction {
 public:
  Contraction(std::vector<Labelled> operands, const Labels& output, const Sizes& sizes)
      : operands_(std::move(operands)), output_(output), sizes_(sizes) {}

  Labelled compute() {
    // A label that only one operand has is summed before anything is multiplied.
    for (size_t i = 0; i < operands_.size(); ++i) operands_[i] = summed_to(operands_[i], needed_outside(i, i));
    if (operands_.size() <= most_for_search) return search();
    while (operands_.size() > 1) combine_cheapest();
    return operands_[0];
  }

 private:
  // The labels of the output and of all operands but two.
  LabelSet needed_outside(size_t a, size_t b) const {
    LabelSet set = set_of(output_);
    for (size_t i = 0; i < operands_.size(); ++i) {
      if (i != a && i != b) set |= set_of(operands_[i].labels);
    }
    return set;
  }

  double size_of(LabelSet set) const {
    double size = 1;
    for (int label = 0; label < label_count; ++label) {
      if (contains(set, label)) size *= sizes_[static_cast<size_t>(label)];
    }
    return size;
  }

  static bool fits(LabelSet set) { return __builtin_popcountll(set) <= max_rank; }

  [[noreturn]] static void fail_of_rank() {
    throw ValueError(concat_text("a product of two operands would have more than ", max_rank, " axes"));
  }

  // Among all orders, by the best order of each subset of the operands, which are numbered by the bits of their
  // members.
  Labelled search() const {
    const size_t count = size_t{1} << operands_.size();
    std::vector<LabelSet> needed(count);
    std::vector<double> costs(count, std::numeric_limits<double>::infinity());
    std::vector<size_t> parts(count, 0);
    for (size_t subset = 1; subset < count; ++subset) {
      LabelSet inside = 0;
      LabelSet outside = set_of(output_);
      for (size_t i = 0; i < operands_.size(); ++i) {
        (subset >> i & 1U ? inside : outside) |= set_of(operands_[i].labels);
      }
      needed[subset] = inside & outside;
    }
    for (size_t subset = 1; subset < count; ++subset) {
      if ((subset & (subset - 1)) == 0) {
        costs[subset] = 0;
        continue;
      }
      if (!fits(needed[subset])) continue;
      // Each pair is met twice; its part with the lowest operand is the first factor.
      const size_t lowest = subset & (~subset + 1);
      for (size_t part = (subset - 1) & subset; part > 0; part = (part - 1) & subset) {
        if ((part & lowest) == 0) continue;
        const size_t rest = subset ^ part;
        const double cost = costs[part] + costs[rest] + size_of(needed[part] | needed[rest]);
        if (cost < costs[subset]) {
          costs[subset] = cost;
          parts[subset] = part;
        }
      }
    }
    return evaluate(count - 1, needed, parts);
  }

  Labelled evaluate(size_t subset, const std::vector<LabelSet>& needed, const std::vector<size_t>& parts) const {
    if ((subset & (subset - 1)) == 0) return operands_[static_cast<size_t>(__builtin_ctzll(subset))];
    if (parts[subset] == 0) fail_of_rank();
    return combined(evaluate(parts[subset], needed, parts), evaluate(subset ^ parts[subset], needed, parts),
                    needed[subset], output_);
  }

  // Replaces the two operands whose product saves most memory by their product.
  void combine_cheapest() {
    size_t first = 0;
    size_t second = 0;
    double best = std::numeric_limits<double>::infinity();
    for (size_t a = 0; a < operands_.size(); ++a) {
      for (size_t b = a + 1; b < operands_.size(); ++b) {
        const LabelSet in_a = set_of(operands_[a].labels);
        const LabelSet in_b = set_of(operands_[b].labels);
        const LabelSet result = (in_a | in_b) & needed_outside(a, b);
        const double growth = size_of(result) - size_of(in_a) - size_of(in_b);
        if (!fits(result) || growth >= best) continue;
        best = growth;
        first = a;
        second = b;
      }
    }
    if (second == 0) fail_of_rank();
    operands_[first] = combined(operands_[first], operands_[second], needed_outside(first, second), output_);
    operands_.erase(operands_.begin() + static_cast<int64_t>(second));
  }

  std::vector<Labelled> operands_;
  const Labels& output_;
  const Sizes& sizes_;
};

}  // namespace

Tensor contract(std::vector<Labelled> operands, const Labels& output) {
  DType dtype = operands[0].tensor.dtype();
  for (const Labelled& operand : operands) dtype = promote(dtype, operand.tensor.dtype());
  Sizes sizes;
  sizes.fill(1);
  for (Labelled& operand : operands) {
    operand = with_diagonals({astype(operand.tensor, dtype), operand.labels});
    for (size_t axis = 0; axis < operand.labels.size(); ++axis) {
      const auto size = static_cast<double>(operand.tensor.shape()[static_cast<int>(axis)]);
      if (size != 1) sizes[static_cast<size_t>(operand.labels[axis])] = size;
    }
  }
  for (Labelled& operand : operands) operand = without_repeated(operand, sizes);
  return with_order(Contraction(std::move(operands), output, sizes).compute(), output).tensor;
}

}  // namespace pydl::ops
