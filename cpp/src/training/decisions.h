// Outputs and targets as decisions, element by element, for the metrics that compare them.
#pragma once

#include "pydl/metrics.h"

namespace pydl::train {

struct Decisions {
  Tensor found;    ///< int64: class indices, or 0 and 1
  Tensor wanted;   ///< int64 of the same shape; 0 where it does not count
  Tensor counts;   ///< bool: targets that are decisions and are not ignored
  Tensor invalid;  ///< float64 of rank 0: the number of targets that are not decisions
  int64_t classes;
  bool binary;  ///< every element is a decision between two
};

/// `caller` begins messages.
Decisions decide(const std::string& caller, const Tensor& output, const Tensor& target, const DecisionOptions& options);

/// float64 of rank 0: the number of elements that are true.
Tensor count_of(const Tensor& condition);

/// Throws a `ValueError` unless the number of targets that are not decisions, the last of the sums, is 0.
void require_decisions(const std::string& caller, std::span<const double> sums, int64_t ignore_index);

}  // namespace pydl::train
