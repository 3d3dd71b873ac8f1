// A line search for a point that fulfils the strong Wolfe conditions.
#pragma once

#include <functional>

#include "pydl/tensor.h"

namespace pydl::optim {

/// A position on a line: the value and the slope of a function there, and its gradient.
struct LinePoint {
  double position;
  double value;
  double slope;
  Tensor gradient;
};

/// Searches from `origin`, whose slope is negative, beginning at the position `start` (Nocedal and Wright, 2006,
/// section 3.5). Intervals that are not longer than `tolerance` end the search. Returns a point that fulfils the
/// conditions, or the lowest that was found.
LinePoint search_line(const std::function<LinePoint(double)>& at, const LinePoint& origin, double start,
                      double tolerance);

}  // namespace pydl::optim
