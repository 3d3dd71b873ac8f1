// Comparisons of tensors with numbers, which need not be representable in the dtype of the tensor.
#include <cmath>

#include "pydl/ops.h"

namespace pydl {

namespace {

using Comparison = Tensor (*)(const Tensor&, const Tensor&);

// The position of a number relative to the integers of a dtype: if it is in their range, `floor` is the largest integer
// not above it; otherwise it is below or above all of them.
struct Place {
  int64_t floor = 0;
  bool whole = true;  // the number equals `floor`
  bool below = false;
  bool above = false;
  bool is_inside() const { return !below && !above; }
};

Place position_of(Scalar number, DType dtype) {
  const auto [least, most] = integer_range(dtype);
  Place position;
  if (number.is_large()) {  // the nearest double may be one that int64 can hold
    position.below = number.to_double() < 0;
    position.above = !position.below;
  } else if (number.is_floating()) {
    const double floor = std::floor(number.to_double());
    position.whole = floor == number.to_double();
    // 2**63 is exact as a double, but the largest int64 is not.
    position.below = floor < static_cast<double>(least);
    position.above = floor >= static_cast<double>(most) + 1;
    if (position.is_inside()) position.floor = static_cast<int64_t>(floor);
  } else {
    position.floor = number.to_int64();
    position.below = position.floor < least;
    position.above = position.floor > most;
  }
  return position;
}

Tensor everywhere(const Tensor& x, bool answer) { return full(x.shape(), answer, DType::boolean); }

// x `function` floor or, if the number is out of range, the same answer for all elements.
Tensor beside(const Tensor& x, const Place& position, Comparison function, bool if_below, bool if_above) {
  if (!position.is_inside()) return everywhere(x, position.below ? if_below : if_above);
  const bool is_bool = x.dtype() == DType::boolean;
  return function(x, Tensor::scalar(is_bool ? Scalar(position.floor != 0) : Scalar(position.floor), x.dtype()));
}

bool is_nan(Scalar number) { return number.is_floating() && std::isnan(number.to_double()); }

// Whether an integer is beyond all finite floating-point numbers. These are all on one side of it, but infinity may be
// on the other.
bool is_beyond_reals(Scalar number, const Tensor& x) {
  return is_floating(x.dtype()) && number.is_large() && std::isinf(number.to_double());
}

// For floating-point tensors, numbers are converted as in arithmetic.
Tensor beside_reals(const Tensor& x, Scalar number, Comparison function) {
  return function(x, scalar_like(number.is_large() ? Scalar(number.to_double()) : number, x));
}

}  // namespace

Tensor equal(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a)) return everywhere(a, false);
  if (is_floating(a.dtype())) return beside_reals(a, b, equal);
  if (is_nan(b)) return everywhere(a, false);
  const Place position = position_of(b, a.dtype());
  return position.whole ? beside(a, position, equal, false, false) : everywhere(a, false);
}

Tensor not_equal(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a)) return everywhere(a, true);
  if (is_floating(a.dtype())) return beside_reals(a, b, not_equal);
  if (is_nan(b)) return everywhere(a, true);
  const Place position = position_of(b, a.dtype());
  return position.whole ? beside(a, position, not_equal, true, true) : everywhere(a, true);
}

// An integer is less than 1.5 if it is at most 1.
Tensor less(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a))
    return beside_reals(a, b, b.to_double() > 0 ? static_cast<Comparison>(less) : static_cast<Comparison>(less_equal));
  if (is_floating(a.dtype())) return beside_reals(a, b, less);
  if (is_nan(b)) return everywhere(a, false);
  const Place position = position_of(b, a.dtype());
  return beside(a, position, position.whole ? static_cast<Comparison>(less) : static_cast<Comparison>(less_equal),
                false, true);
}

Tensor less_equal(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a))
    return beside_reals(a, b, b.to_double() > 0 ? static_cast<Comparison>(less) : static_cast<Comparison>(less_equal));
  if (is_floating(a.dtype())) return beside_reals(a, b, less_equal);
  if (is_nan(b)) return everywhere(a, false);
  return beside(a, position_of(b, a.dtype()), less_equal, false, true);
}

Tensor greater(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a))
    return beside_reals(a, b,
                        b.to_double() > 0 ? static_cast<Comparison>(greater_equal) : static_cast<Comparison>(greater));
  if (is_floating(a.dtype())) return beside_reals(a, b, greater);
  if (is_nan(b)) return everywhere(a, false);
  return beside(a, position_of(b, a.dtype()), greater, true, false);
}

// An integer is at least 1.5 if it is greater than 1.
Tensor greater_equal(const Tensor& a, Scalar b) {
  if (is_beyond_reals(b, a))
    return beside_reals(a, b,
                        b.to_double() > 0 ? static_cast<Comparison>(greater_equal) : static_cast<Comparison>(greater));
  if (is_floating(a.dtype())) return beside_reals(a, b, greater_equal);
  if (is_nan(b)) return everywhere(a, false);
  const Place position = position_of(b, a.dtype());
  return beside(a, position, position.whole ? static_cast<Comparison>(greater_equal) : static_cast<Comparison>(greater),
                true, false);
}

}  // namespace pydl
