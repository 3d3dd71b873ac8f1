// Embeddings: rows of a table, and sums, means and maxima of bags of rows.
#include <limits>

#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

// The rows of all bags, concatenated (n, D) or as a matrix (B, L, D), and which of them count.
struct Bags {
  const char* name = "embedding_bag";
  Tensor rows;
  Tensor counted;  // which rows count, as bools; undefined if all do
  Tensor offsets;  // undefined for a matrix
  Tensor ids;      // the bag of each row; only with offsets

  bool is_matrix() const { return !offsets.defined(); }
  int64_t bag_count() const { return is_matrix() ? rows.size(0) : offsets.size(0); }

  // Sums values (n, ...) or (B, L, ...) over each bag.
  Tensor sum_of(const Tensor& values) const {
    return is_matrix() ? sum(values, std::vector<int64_t>{1}) : take_backward(values, ids, 0, bag_count());
  }

  // The number of rows that count in each bag, as a column.
  Tensor sizes() const {
    Dims shape = rows.shape();
    shape.erase(shape.rank() - 1);
    const Tensor each = counted.defined() ? astype(counted, rows.dtype()) : ones(shape, rows.dtype());
    return expand_dims(sum_of(each), 1);
  }
};

Tensor weighted_sum(const Bags& bags, const Tensor& sample_weights) {
  Tensor factors = sample_weights;
  if (bags.counted.defined()) {
    factors = factors.defined() ? where(bags.counted, factors, scalar_like(0, factors))
                                : astype(bags.counted, bags.rows.dtype());
  }
  return bags.sum_of(factors.defined() ? bags.rows * expand_dims(factors, -1) : bags.rows);
}

Tensor largest(const Bags& bags) {
  const Tensor& rows = bags.rows;
  if (rows.size() == 0) return bags.sum_of(rows);  // zeros with a gradient history
  Tensor candidates = rows;
  if (bags.counted.defined()) {
    const double nothing = -std::numeric_limits<double>::infinity();
    candidates = where(expand_dims(bags.counted, -1), rows, scalar_like(nothing, rows));
  }
  const Tensor result = bags.is_matrix() ? max(candidates, std::vector<int64_t>{1})
                                         : gather(candidates, segment_argmax(candidates.detach(), bags.offsets), 0);
  if (bags.is_matrix() && !bags.counted.defined()) return result;
  const Tensor sizes = bags.sizes();
  return where(greater(sizes, scalar_like(0, sizes)), result, scalar_like(0, result));
}

Bags make_bags(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& options) {
  Bags bags;
  const bool is_matrix = indices.rank() == 2;
  if (is_matrix == options.offsets.defined() || (!is_matrix && indices.rank() != 1)) {
    throw ValueError(concat_text(bags.name, ": expected indices (B, L), or (n,) and offsets (B,), got shape ",
                                 indices.shape(), options.offsets.defined() ? " and offsets" : " and no offsets"));
  }
  if (options.sample_weights.defined() &&
      (options.mode != BagMode::sum || options.sample_weights.shape() != indices.shape())) {
    throw ValueError(concat_text(bags.name, ": expected per_sample_weights with mode sum and of the shape ",
                                 indices.shape(), " of the indices, got shape ", options.sample_weights.shape()));
  }
  bags.rows = embedding(indices, weight, options.padding_index);
  if (options.padding_index) {
    const int64_t row = *options.padding_index;
    bags.counted = not_equal(indices, row < 0 ? row + weight.size(0) : row);
  }
  if (!is_matrix) {
    bags.offsets = options.offsets;
    bags.ids = segment_ids(options.offsets, indices.size());
  }
  return bags;
}

}  // namespace

Tensor embedding(const Tensor& indices, const Tensor& weight, std::optional<int64_t> padding_index) try {
  if (weight.rank() != 2) {
    throw ValueError(concat_text("embedding: expected a weight of shape (K, D), got ", weight.shape()));
  }
  if (!is_integer(indices.dtype())) {
    throw TypeError(concat_text("embedding: expected indices of integers, got ", indices.dtype()));
  }
  return take(weight, indices, 0, padding_index);
} catch (const Error&) {
  core::rethrow_as("embedding");
}

Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& options) try {
  const Bags bags = make_bags(indices, weight, options);
  Tensor result;
  switch (options.mode) {
    case BagMode::sum: result = weighted_sum(bags, options.sample_weights); break;
    case BagMode::mean: {
      const Tensor sizes = bags.sizes();
      result = weighted_sum(bags, {}) / maximum(sizes, scalar_like(1, sizes));
      break;
    }
    case BagMode::max: result = largest(bags); break;
  }
  if (bags.is_matrix() || !options.include_last_offset) return result;
  // Anything after the last offset forms a bag of its own, which is dropped.
  return slice(result, {0, 0}, {result.size(0) - 1, result.size(1)}, {1, 1});
} catch (const Error&) {
  core::rethrow_as("embedding_bag");
}

}  // namespace pydl::nn
