// Programs in files.
#include "pydl/saved_program.h"
#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

py::list list_of(const std::vector<TensorInfo>& tensors) {
  py::list result;
  for (const TensorInfo& tensor : tensors) {
    py::list shape;
    for (const int64_t size : tensor.shape) shape.append(size < 0 ? py::object(py::none()) : py::int_(size));
    result.append(py::make_tuple(tensor.name, tensor.dtype, py::tuple(shape)));
  }
  return result;
}

py::list functions_of(const SavedProgram& program) {
  py::list result;
  for (const FunctionInfo& function : program.functions()) {
    result.append(py::make_tuple(function.name, list_of(function.inputs), list_of(function.outputs),
                                 function.open_batch, function.result));
  }
  return result;
}

py::dict state_of(const SavedProgram& program) {
  py::dict result;
  for (const auto& [name, tensor] : program.state().tensors) result[py::str(name)] = tensor;
  return result;
}

FunctionRecording recording_of(const py::tuple& given) {
  return {given[0].cast<std::string>(),
          given[1].cast<std::vector<RecordedFunction>>(),
          given[2].cast<std::vector<int64_t>>(),
          given[3].cast<std::vector<std::string>>(),
          given[4].cast<std::vector<std::string>>(),
          given[5].cast<std::string>()};
}

}  // namespace

void define_saved_program(py::module_& module) {
  using Preprocessing = std::map<std::string, std::vector<double>>;
  py::class_<SavedProgram>(module, "_SavedProgram", "Functions of a file, with their state.")
      .def(py::init([](const std::vector<py::tuple>& functions, std::vector<std::string> class_names,
                       Preprocessing preprocessing) {
             std::vector<FunctionRecording> recordings;
             for (const py::tuple& function : functions) recordings.push_back(recording_of(function));
             return SavedProgram(recordings, {std::move(class_names), std::move(preprocessing)});
           }),
           py::arg("functions"), py::arg("class_names"), py::arg("preprocessing"))
      .def_static(
          "from_params",
          [](const py::dict& tensors, std::map<std::string, std::string> metadata, const std::string& name,
             std::optional<int64_t> max_operations) {
            ParamSet params;
            for (const auto& [key, tensor] : tensors) {
              params.tensors.emplace_back(key.cast<std::string>(), tensor.cast<Tensor>());
            }
            params.metadata = std::move(metadata);
            return SavedProgram::from_params(params, name, {max_operations.value_or(LoadOptions{}.max_operations)});
          },
          py::arg("tensors"), py::arg("metadata"), py::arg("name"), py::arg("max_operations") = py::none())
      .def(
          "save",
          [](const SavedProgram& program, const py::object& path) {
            const std::string file = file_name(path);
            const py::gil_scoped_release release;
            program.save(file);
          },
          py::arg("path"))
      .def("functions", functions_of)
      .def("state", state_of)
      .def("class_names", [](const SavedProgram& program) { return program.info().class_names; })
      .def("preprocessing", [](const SavedProgram& program) { return program.info().preprocessing; })
      .def("describe", &SavedProgram::describe)
      .def(
          "run",
          [](SavedProgram& program, const std::string& function, const std::vector<Tensor>& inputs) {
            const py::gil_scoped_release release;
            return program.run(function, inputs);
          },
          py::arg("function"), py::arg("inputs"))
      .def(
          "program",
          [](SavedProgram& program, const std::string& function, int64_t batch) {
            return program.program(function, batch);
          },
          py::arg("function"), py::arg("batch") = 1);
}

}  // namespace pydl::python
