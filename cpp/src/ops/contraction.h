// Contractions: sums of products of tensors whose axes have labels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pydl/tensor.h"

namespace pydl::ops {

/// One label per axis: numbers below `label_count`.
using Labels = std::vector<int>;
inline constexpr int label_count = 64;

/// A set of labels, as bits.
using LabelSet = uint64_t;
inline LabelSet set_of(std::span<const int> labels) {
  LabelSet set = 0;
  for (const int label : labels) set |= LabelSet{1} << label;
  return set;
}
inline bool contains(LabelSet set, int label) { return (set >> label & 1U) != 0; }

/// A tensor with a label for each of its axes.
struct Labelled {
  Tensor tensor;
  Labels labels;
};

/// The sum over all labels that are not in `output` of the products of the operands, with the axes `output`. Labels
/// have the same size wherever they occur, or 1, which is broadcast; all labels of `output` occur in the operands, and
/// none twice. The dtype is the one to which all operands are promoted.
Tensor contract(std::vector<Labelled> operands, const Labels& output);

}  // namespace pydl::ops
