// What the array API standard asks of tensors and has no other place.
#include <algorithm>
#include <array>
#include <string>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

constexpr std::array versions = {"2021.12", "2022.12", "2023.12", "2024.12"};

py::object array_namespace(const std::string& package, const std::optional<std::string>& api_version) {
  const auto is_wanted = [&](const char* version) { return !api_version || *api_version == version; };
  if (std::none_of(versions.begin(), versions.end(), is_wanted)) {
    throw ValueError(concat_text("__array_namespace__: pydl follows the array API standard from ", versions.front(),
                                 " to ", versions.back(), ", not ", *api_version));
  }
  return py::module_::import(package.c_str());
}

}  // namespace

void define_array_api(py::module_& module, const py::object& type) {
  module.attr("max_rank") = max_rank;
  const auto name = module.attr("__name__").cast<std::string>();
  const std::string package = name.substr(0, name.find('.'));
  method(
      type, "__array_namespace__",
      [package](const Tensor&, const std::optional<std::string>& api_version) {
        return array_namespace(package, api_version);
      },
      py::kw_only(), py::arg("api_version") = py::none(),
      "The module pydl, which has the functions of the array API standard.");
  method(
      type, "to_device",
      [](const py::object& self, Device, const py::object& stream) {
        if (!stream.is_none()) throw ValueError("to_device: the device 'cpu' has no streams; leave `stream` None");
        return self;
      },
      py::arg("device"), py::kw_only(), py::arg("stream") = py::none(),
      "The tensor on a device: itself, because 'cpu' is the only one. Raises ValueError for others.");
  const auto itself = [](const Tensor& x) { return x; };
  module.def("conj", itself, py::arg("x"),
             "The complex conjugate: x itself, because pydl has no complex numbers.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.conj(pydl.tensor([1, 2]))\ntensor([1, 2], dtype=int64)\n");
  module.def("real", itself, py::arg("x"),
             "The real part: x itself, because pydl has no complex numbers.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.real(pydl.tensor([1, 2]))\ntensor([1, 2], dtype=int64)\n");
  module.def(
      "imag", [](const Tensor& x) { return zeros_like(x); }, py::arg("x"),
      "The imaginary part: zeros, because pydl has no complex numbers.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.imag(pydl.tensor([1, 2]))\ntensor([0, 0], dtype=int64)\n");
}

}  // namespace pydl::python
