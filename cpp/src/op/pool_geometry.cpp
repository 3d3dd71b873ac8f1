#include "op/pool_geometry.h"

#include "op/attrs/pool.h"

namespace pydl::op {

namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The part of {begin, begin + step, ...} (`count` positions) that is inside [0, size).
Window inside(int64_t begin, int64_t step, int64_t count, int64_t size) {
  const int64_t skipped = begin < 0 ? ceil_div(-begin, step) : 0;
  const int64_t first = begin + skipped * step;
  const int64_t positions = first < size ? ceil_div(size - first, step) : 0;
  return {first, step, std::max<int64_t>(std::min(count - skipped, positions), 0)};
}

Window adaptive_window(int64_t t, int64_t input, int64_t output) {
  const int64_t begin = t * input / output;
  return {begin, 1, ceil_div((t + 1) * input, output) - begin};
}

}  // namespace

PoolGeometry pool_geometry(const Attrs& attrs, const Dims& x, const Dims& y) {
  const auto declared = from_attrs<PoolAttrs>(attrs);
  PoolGeometry geometry;
  geometry.spatial = x.rank() - 2;
  geometry.batch = x[0];
  geometry.channels = x[1];
  for (auto& windows : geometry.windows) windows = {{0, 1, 1}};
  for (int i = 0; i < geometry.spatial; ++i) {
    const auto axis = static_cast<size_t>(3 - geometry.spatial + i);
    const int64_t input = geometry.input[axis] = x[2 + i];
    const int64_t output = geometry.output[axis] = y[2 + i];
    geometry.windows[axis].clear();
    for (int64_t t = 0; t < output; ++t) {
      geometry.windows[axis].push_back(declared.adaptive ? adaptive_window(t, input, output)
                                                         : inside(t * declared.stride[i] - declared.padding[i],
                                                                  declared.dilation[i], declared.kernel[i], input));
    }
  }
  return geometry;
}

std::array<std::vector<int64_t>, 3> pool_divisors(const Attrs& attrs, const PoolGeometry& geometry) {
  const auto declared = from_attrs<AvgPoolAttrs>(attrs);
  const int64_t divisor = declared.divisor;
  std::array<std::vector<int64_t>, 3> divisors;
  for (size_t axis = 0; axis < 3; ++axis) {
    const int i = static_cast<int>(axis) - (3 - geometry.spatial);
    const int64_t output = geometry.output[axis];
    for (int64_t t = 0; t < output; ++t) {
      if (divisor > 0) {
        divisors[axis].push_back(axis == 2 ? divisor : 1);
      } else if (divisor == 0 || i < 0) {
        divisors[axis].push_back(std::max<int64_t>(geometry.windows[axis][static_cast<size_t>(t)].count, 1));
      } else {
        const int64_t begin = t * declared.stride[i] - declared.padding[i];
        const int64_t end = std::min(begin + declared.kernel[i], geometry.input[axis] + declared.padding[i]);
        divisors[axis].push_back(std::max<int64_t>(end - begin, 1));
      }
    }
  }
  return divisors;
}

}  // namespace pydl::op
