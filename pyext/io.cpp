// Parameter files.
#include "bindings.h"
#include "casters.h"
#include "pydl/params.h"

namespace pydl::python {

std::string file_name(const py::object& path) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &bytes) == 0) throw py::error_already_set();
  return py::reinterpret_steal<py::bytes>(bytes);
}

namespace {

void save(const py::object& path, const py::dict& tensors, const std::map<std::string, std::string>& metadata) {
  ParamSet params;
  for (const auto& [name, tensor] : tensors) {
    if (!py::isinstance<py::str>(name)) throw TypeError("save_params: names must be strings");
    if (!is_tensor(tensor.ptr())) {
      throw TypeError(concat_text("save_params: '", name.cast<std::string>(), "' is no tensor but a ",
                                  Py_TYPE(tensor.ptr())->tp_name));
    }
    params.tensors.emplace_back(name.cast<std::string>(), unwrap(tensor.ptr()).detach());
  }
  params.metadata = metadata;
  const std::string file = file_name(path);
  const py::gil_scoped_release release;
  save_params(file, params);
}

py::tuple load(const py::object& path) {
  const std::string file = file_name(path);
  ParamSet params;
  {
    const py::gil_scoped_release release;
    params = load_params(file);
  }
  py::dict tensors;
  for (auto& [name, tensor] : params.tensors) tensors[py::str(name)] = std::move(tensor);
  return py::make_tuple(tensors, params.metadata);
}

}  // namespace

void define_io(py::module_& parent) {
  py::module_ module = parent.def_submodule("io", "safetensors files.");
  module.def("save_params", save, py::arg("path"), py::arg("tensors"),
             py::arg("metadata") = std::map<std::string, std::string>{},
             "Writes tensors by name to a safetensors file, atomically.");
  module.def("load_params", load, py::arg("path"),
             "The tensors by name and the metadata of a safetensors file.\n\nRaises\n------\nOSError\n"
             "    When the file cannot be read.\nValueError\n    When it is malformed; the message says where.");
}

}  // namespace pydl::python
