// Attributes of resampling over 1 to 3 spatial axes.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

enum class Interpolation : uint8_t { nearest, linear, cubic, area };
inline std::span<const char* const> choice_names(Interpolation) {
  static constexpr const char* names[] = {"nearest", "linear", "cubic", "area"};
  return names;
}

/// With `antialias`, neighbourhoods grow as an axis shrinks. `steps` are the distances between neighbouring positions
/// of y along each axis, in positions of x; 0 stands for the quotient of the sizes.
struct ResampleAttrs {
  Dims size;  ///< the spatial sizes of the result
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;
  bool antialias = false;
  Numbers steps;
  static constexpr size_t required = 1;
  PYDL_ATTRS(size, mode, align_corners, antialias, steps)
};

struct ResampleBackwardAttrs {
  Dims size;
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;
  bool antialias = false;
  Numbers steps;
  Dims input;  ///< the spatial sizes of x
  static constexpr size_t required = 6;
  PYDL_ATTRS(size, mode, align_corners, antialias, steps, input)
};

}  // namespace pydl::op
