#include "op/resample_taps.h"

#include <algorithm>
#include <cmath>

#include "op/attrs/resample.h"

namespace pydl::op {

namespace {

// One axis of a resampling.
struct Axis {
  Interpolation mode;
  bool align_corners;
  bool antialias;
  double step;  // 0: follows from the sizes
  int64_t input;
  int64_t output;

  // The distance between neighbouring result positions, measured in input positions.
  double width() const {
    if (align_corners) return output > 1 ? static_cast<double>(input - 1) / static_cast<double>(output - 1) : 0.0;
    return step > 0 ? step : static_cast<double>(input) / static_cast<double>(output);
  }
  // The input coordinate of result position i; input elements are at 0, 1, ...
  double position(int64_t i) const {
    const auto position = static_cast<double>(i);
    return align_corners ? position * width() : (position + 0.5) * width() - 0.5;
  }
  int64_t inside(double position) const {
    return static_cast<int64_t>(std::clamp(position, 0.0, static_cast<double>(input - 1)));
  }
};

// Computed in float, because PyTorch rounds this way: with exact steps, different elements are chosen for about one
// size in a hundred.
void add_nearest(const Axis& axis, int64_t i, Taps& taps) {
  const float step =
      axis.step > 0 ? static_cast<float>(axis.step) : static_cast<float>(axis.input) / static_cast<float>(axis.output);
  taps.add(axis.inside(std::floor(static_cast<float>(i) * step)), 1);
}

void add_linear(const Axis& axis, int64_t i, Taps& taps) {
  // An axis that keeps its size is left unchanged even if a step is specified: this is PyTorch's convention.
  const double position = axis.input == axis.output ? static_cast<double>(i) : std::max(axis.position(i), 0.0);
  const int64_t left = axis.inside(position);
  const double part = std::min(position - static_cast<double>(left), 1.0);
  taps.add(left, 1 - part);
  taps.add(std::min(left + 1, axis.input - 1), part);
}

// Keys' kernel at distance d; it is 0 for d >= 2.
double cubic_weight(double d, double a) {
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

void add_cubic(const Axis& axis, int64_t i, Taps& taps) {
  const double position = axis.position(i);
  const double left = std::min(std::floor(position), static_cast<double>(axis.input - 1));
  const double part = std::min(position - left, 1.0);
  for (int k = -1; k <= 2; ++k) taps.add(axis.inside(left + k), cubic_weight(std::abs(part - k), -0.75));
}

void add_area(const Axis& axis, int64_t i, Taps& taps) {
  const int64_t first = i * axis.input / axis.output;
  const int64_t end = ((i + 1) * axis.input + axis.output - 1) / axis.output;
  for (int64_t position = first; position < end; ++position) taps.add(position, 1.0 / static_cast<double>(end - first));
}

// The filter is stretched by the factor by which the axis shrinks, cut off at the edges of the input, and then
// normalised to the sum 1. As in PyTorch (and Pillow), the cubic filter is that of Keys with a = -0.5, and
// align_corners changes only the distance between positions, not where they begin.
void add_antialiased(const Axis& axis, int64_t i, Taps& taps) {
  const auto size = static_cast<double>(axis.input);
  const double stretch = std::max(axis.width(), 1.0);
  const double radius = (axis.mode == Interpolation::cubic ? 2 : 1) * stretch;
  // The bound matters for steps set by the caller: beyond it, the whole filter would be outside.
  const double centre = std::min((static_cast<double>(i) + 0.5) * axis.width(), size + (stretch - 1) / 2);
  const auto first = static_cast<int64_t>(std::max(centre - radius + 0.5, 0.0));
  const auto end = static_cast<int64_t>(std::min(centre + radius + 0.5, size));
  const auto weight = [&](int64_t position) {
    const double d = std::abs(static_cast<double>(position) + 0.5 - centre) / stretch;
    return axis.mode == Interpolation::cubic ? cubic_weight(std::min(d, 2.0), -0.5) : std::max(1 - d, 0.0);
  };
  double sum = 0;
  for (int64_t position = first; position < end; ++position) sum += weight(position);
  for (int64_t position = first; position < end; ++position) taps.add(position, weight(position) / sum);
}

void add_taps(const Axis& axis, int64_t i, Taps& taps) {
  if (axis.antialias) return add_antialiased(axis, i, taps);
  switch (axis.mode) {
    case Interpolation::nearest: return add_nearest(axis, i, taps);
    case Interpolation::linear: return add_linear(axis, i, taps);
    case Interpolation::cubic: return add_cubic(axis, i, taps);
    case Interpolation::area: return add_area(axis, i, taps);
  }
}

Taps taps_of(const Axis& axis) {
  Taps taps;
  for (int64_t i = 0; i < axis.output; ++i) {
    add_taps(axis, i, taps);
    taps.finish();
  }
  return taps;
}

// The map in the other direction: for each j of `size` input positions, the result positions that read it.
Taps transposed(const Taps& taps, int64_t size) {
  std::vector<std::vector<std::pair<int64_t, double>>> readers(static_cast<size_t>(size));
  for (int64_t i = 0; i < taps.size(); ++i) {
    for (auto k = taps.begin[static_cast<size_t>(i)]; k < taps.begin[static_cast<size_t>(i) + 1]; ++k) {
      const auto tap = static_cast<size_t>(k);
      auto& list = readers[static_cast<size_t>(taps.index[tap])];
      // At the edges, several taps of one result position read the same element.
      if (!list.empty() && list.back().first == i) {
        list.back().second += taps.weight[tap];
      } else {
        list.emplace_back(i, taps.weight[tap]);
      }
    }
  }
  Taps result;
  for (const auto& list : readers) {
    for (const auto& [position, weight] : list) result.add(position, weight);
    result.finish();
  }
  return result;
}

}  // namespace

ResampleGeometry resample_geometry(const exec::KernelCall& call) {
  const bool backward = call.op == OpId::resample_backward;
  const auto attrs = from_attrs<ResampleAttrs>(call.attrs);
  const Dims& from = call.inputs[0].shape;
  const Dims& to = call.outputs[0].shape;
  const int spatial = from.rank() - 2;
  ResampleGeometry geometry;
  for (int i = 0; i < 3; ++i) {
    const auto axis = static_cast<size_t>(i);
    const int source = i - (3 - spatial);
    if (source < 0) {
      geometry.taps[axis].add(0, 1);
      geometry.taps[axis].finish();
      continue;
    }
    geometry.input[axis] = from[2 + source];
    geometry.output[axis] = to[2 + source];
    const int64_t input = backward ? to[2 + source] : from[2 + source];
    const int64_t output = backward ? from[2 + source] : to[2 + source];
    const double step = attrs.steps.empty() ? 0.0 : attrs.steps[static_cast<size_t>(source)];
    const Taps taps = taps_of({attrs.mode, attrs.align_corners, attrs.antialias, step, input, output});
    geometry.taps[axis] = backward ? transposed(taps, input) : taps;
  }
  return geometry;
}

}  // namespace pydl::op
