// The conversion of parameters of distributions: numbers, and what can be a tensor.
#pragma once

#include "casters.h"
#include "pydl/distributions.h"

namespace pybind11::detail {

template <>
class type_caster<pydl::random::DistributionParameter> {
 public:
  static constexpr auto name = const_name("pydl._core.Tensor | float");
  template <class T>
  using cast_op_type = pydl::random::DistributionParameter;
  operator pydl::random::DistributionParameter() { return *value_; }

  bool load(handle source, bool) {
    if (source.is_none()) return false;
    if (const auto number = pydl::python::as_scalar(source.ptr())) {
      value_.emplace(number->to_real());
    } else {
      value_.emplace(pydl::python::to_tensor(source));
    }
    return true;
  }

  static handle cast(const pydl::random::DistributionParameter& parameter, return_value_policy, handle) {
    if (parameter.number() != nullptr) return PyFloat_FromDouble(*parameter.number());
    return pybind11::cast(*parameter.tensor()).release();
  }

 private:
  std::optional<pydl::random::DistributionParameter> value_;
};

}  // namespace pybind11::detail
