// Attention: softmax-weighted sums of values.
#include <cmath>
#include <limits>

#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

constexpr const char* name = "scaled_dot_product_attention";

void check_query_and_key(const Tensor& query, const Tensor& key) {
  for (const auto& [argument, tensor] : {std::pair("query", &query), std::pair("key", &key)}) {
    if (tensor->rank() < 2 || !is_floating(tensor->dtype())) {
      throw ValueError(concat_text(name, ": expected a floating-point ", argument,
                                   " of shape (..., length, size), got ", tensor->dtype(), " of shape ",
                                   tensor->shape()));
    }
  }
  if (query.size(-1) != key.size(-1)) {
    throw ValueError(concat_text(name, ": expected query and key with the same last axis, got shapes ", query.shape(),
                                 " and ", key.shape()));
  }
}

// Whether query i may attend to key j, which means j <= i; shape (L, S).
Tensor causal_mask(int64_t queries, int64_t keys) {
  const Tensor i = reshape(arange(0, queries, 1, DType::int64), {queries, 1});
  return greater_equal(i, arange(0, keys, 1, DType::int64));
}

bool broadcasts_to(const Dims& from, const Dims& to) {
  const int shift = to.rank() - from.rank();
  bool fits = shift >= 0;
  for (int axis = 0; fits && axis < from.rank(); ++axis) fits = from[axis] == 1 || from[axis] == to[shift + axis];
  return fits;
}

// Scores with the mask applied, and which queries have a key to attend to; undefined if all do.
struct MaskedScores {
  Tensor scores;
  Tensor has_key;
};

MaskedScores masked_scores(const Tensor& scores, const AttentionOptions& options) {
  const Tensor nothing = scalar_like(-std::numeric_limits<double>::infinity(), scores);
  const Tensor causal = options.causal ? causal_mask(scores.size(-2), scores.size(-1)) : Tensor{};
  Tensor mask = options.mask;
  if (!mask.defined()) return {options.causal ? where(causal, scores, nothing) : scores, {}};
  if (!broadcasts_to(mask.shape(), scores.shape())) {
    throw ValueError(
        concat_text(name, ": expected a mask that broadcasts to ", scores.shape(), ", got shape ", mask.shape()));
  }
  const std::vector<int64_t> keys = {-1};
  // A row without any key would become NaN, which no later mask removes from gradients, so it keeps its scores.
  if (mask.dtype() == DType::boolean) {
    if (options.causal) mask = logical_and(mask, causal);
    const Tensor has_key = any(mask, keys, true);
    return {where(logical_or(mask, logical_not(has_key)), scores, nothing), has_key};
  }
  if (!is_floating(mask.dtype())) {
    throw TypeError(concat_text(name, ": expected a mask of bools or floating-point numbers, got ", mask.dtype()));
  }
  mask = astype(mask, scores.dtype());
  if (options.causal) mask = where(causal, mask, nothing);
  const Tensor has_key = any(not_equal(mask, nothing), keys, true);
  return {scores + where(has_key, mask, scalar_like(0, mask)), has_key};
}

struct Weights {
  Tensor values;
  Tensor has_key;
};

Weights unfinished_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options) {
  check_query_and_key(query, key);
  if (!(options.dropout >= 0 && options.dropout <= 1)) {
    throw ValueError(concat_text(name, ": expected a dropout probability in [0, 1], got ", options.dropout));
  }
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(query.size(-1))));
  const MaskedScores masked = masked_scores(matmul(query * scale, matrix_transpose(key)), options);
  Tensor values = softmax(masked.scores, -1);
  if (options.dropout > 0) {
    Generator& source = options.generator != nullptr ? *options.generator : default_generator();
    values = dropout(values, options.dropout, true, source);
  }
  return {values, masked.has_key};
}

Tensor finished(const Tensor& x, const Tensor& has_key) {
  return has_key.defined() ? where(has_key, x, scalar_like(0, x)) : x;
}

}  // namespace

Tensor attention_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options) try {
  const Weights weights = unfinished_weights(query, key, options);
  return finished(weights.values, weights.has_key);
} catch (const Error&) {
  core::rethrow_as("attention_weights");
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options) try {
  if (value.rank() < 2 || key.rank() < 2 || value.size(-2) != key.size(-2)) {
    throw ValueError(
        concat_text(name, ": expected as many values as keys, got shapes ", value.shape(), " and ", key.shape()));
  }
  const Weights weights = unfinished_weights(query, key, options);
  return finished(matmul(astype(weights.values, value.dtype()), value), weights.has_key);
} catch (const Error&) {
  core::rethrow_as("scaled_dot_product_attention");
}

}  // namespace pydl::nn
