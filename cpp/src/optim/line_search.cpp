#include "optim/line_search.h"

#include <algorithm>
#include <cmath>

namespace pydl::optim {

namespace {

constexpr double sufficient_decrease = 1e-4;
constexpr double curvature_bound = 0.9;
constexpr int most_evaluations = 25;

// The largest value that is low enough at a position.
double bound_at(const LinePoint& origin, double position) {
  return origin.value + sufficient_decrease * position * origin.slope;
}

// The lowest position of the cubic through two points with their slopes, within bounds.
double lowest_of_cubic(const LinePoint& a, const LinePoint& b, double least, double most) {
  const double middle = (least + most) / 2;
  if (a.position == b.position || !std::isfinite(b.value + b.slope)) return middle;
  const LinePoint& left = a.position > b.position ? b : a;
  const LinePoint& right = a.position > b.position ? a : b;
  const double first = left.slope + right.slope - 3 * (left.value - right.value) / (left.position - right.position);
  const double square = first * first - left.slope * right.slope;
  if (!(square >= 0)) return middle;
  const double second = std::sqrt(square);
  const double divisor = right.slope - left.slope + 2 * second;
  if (divisor == 0) return middle;
  const double position = right.position - (right.position - left.position) * (right.slope + second - first) / divisor;
  return std::min(std::max(position, least), most);
}

// Makes the interval between two points smaller; the first one is the lower.
LinePoint zoom(const std::function<LinePoint(double)>& at, const LinePoint& origin, LinePoint low, LinePoint high,
               int used, double tolerance) {
  for (; used < most_evaluations; ++used) {
    const double length = std::abs(high.position - low.position);
    if (length <= tolerance) break;
    // Points too near to an end would hardly make the interval smaller.
    const double margin = 0.1 * length;
    const double least = std::min(low.position, high.position) + margin;
    const double most = std::max(low.position, high.position) - margin;
    const LinePoint point = at(lowest_of_cubic(low, high, least, most));
    if (point.value > bound_at(origin, point.position) || !(point.value < low.value)) {
      high = point;
      continue;
    }
    if (std::abs(point.slope) <= -curvature_bound * origin.slope) return point;
    if (point.slope * (high.position - low.position) >= 0) high = low;
    low = point;
  }
  return low;
}

}  // namespace

LinePoint search_line(const std::function<LinePoint(double)>& at, const LinePoint& origin, double start,
                      double tolerance) {
  LinePoint before = origin;
  LinePoint point = at(start);
  for (int used = 1; used < most_evaluations; ++used) {
    if (!std::isfinite(point.value)) {  // beyond the range of numbers: nearer points are tried
      point = at((before.position + point.position) / 2);
      continue;
    }
    const bool too_high = point.value > bound_at(origin, point.position);
    if (too_high || (used > 1 && point.value >= before.value)) return zoom(at, origin, before, point, used, tolerance);
    if (std::abs(point.slope) <= -curvature_bound * origin.slope) return point;
    if (point.slope >= 0) return zoom(at, origin, point, before, used, tolerance);
    const double least = point.position + 0.01 * (point.position - before.position);
    const double position = lowest_of_cubic(before, point, least, point.position * 10);
    before = point;
    point = at(position);
  }
  return point.value < origin.value ? point : origin;
}

}  // namespace pydl::optim
