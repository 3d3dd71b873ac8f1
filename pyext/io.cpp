// Parameter files, and the writer that all files use.
#include "bindings.h"
#include "casters.h"
#include "io/file.h"
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
      throw TypeError(concat_text("save_params: '", name.cast<std::string>(), "' is not a tensor but a ",
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

// The bytes of a buffer, held for the duration of a call.
class Bytes {
 public:
  explicit Bytes(const py::object& content) {
    if (PyObject_GetBuffer(content.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  }
  ~Bytes() { PyBuffer_Release(&view_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  void write_to(io::OutputFile& file) const { file.write(view_.buf, static_cast<size_t>(view_.len)); }

 private:
  Py_buffer view_{};
};

// `with OutputFile(path) as file: file.write(b"...")`: the file is replaced unless the block raises.
class PythonOutputFile {
 public:
  explicit PythonOutputFile(const py::object& path) : path_(file_name(path)) {}

  void open() {
    const py::gil_scoped_release release;
    file_ = std::make_unique<io::OutputFile>("OutputFile", path_);
  }

  void write(const py::object& content) {
    if (file_ == nullptr) throw ValueError("OutputFile.write: the file is not open");
    const Bytes bytes(content);
    const py::gil_scoped_release release;
    bytes.write_to(*file_);
  }

  void close(bool commits) {
    const std::unique_ptr<io::OutputFile> file = std::move(file_);
    const py::gil_scoped_release release;
    if (commits && file != nullptr) file->commit();
  }

 private:
  std::string path_;
  std::unique_ptr<io::OutputFile> file_;
};

void write_file(const py::object& path, const py::object& content) {
  const Bytes bytes(content);  // before the file is touched
  const std::string name = file_name(path);
  const py::gil_scoped_release release;
  io::OutputFile file("write_file", name);
  bytes.write_to(file);
  file.commit();
}

// Runs Python's signal handlers when a signal has interrupted a system call; an exception from a handler aborts the
// call.
void run_signal_handlers() {
  if (Py_IsInitialized() == 0) return;  // C++ may still be running after the interpreter has ended
  const py::gil_scoped_acquire hold;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

void define_output_file(py::module_& module) {
  py::class_<PythonOutputFile>(
      module, "OutputFile",
      "Replaces a file atomically by the data written in a `with` block, unless the block raises.")
      .def(py::init<const py::object&>(), py::arg("path"))
      .def(
          "__enter__",
          [](PythonOutputFile& file) -> PythonOutputFile& {
            file.open();
            return file;
          },
          py::return_value_policy::reference)
      .def("write", &PythonOutputFile::write, py::arg("content"), "Appends bytes.")
      .def("__exit__", [](PythonOutputFile& file, const py::object& kind, const py::object&, const py::object&) {
        file.close(kind.is_none());
      });
  module.def("write_file", write_file, py::arg("path"), py::arg("content"),
             "Writes bytes to a file, atomically.\n\nRaises\n------\nOSError\n"
             "    When the file cannot be written. An existing file then stays unchanged.");
}

}  // namespace

void define_io(py::module_& parent) {
  py::module_ module = parent.def_submodule("io", "Files: safetensors, and the writer that all files use.");
  io::set_interrupt_check(run_signal_handlers);
  define_output_file(module);
  module.def("save_params", save, py::arg("path"), py::arg("tensors"),
             py::arg("metadata") = std::map<std::string, std::string>{},
             "Writes tensors by name to a safetensors file, atomically.");
  module.def("load_params", load, py::arg("path"),
             "The tensors by name and the metadata of a safetensors file.\n\nRaises\n------\nOSError\n"
             "    When the file cannot be read.\nValueError\n    When it is malformed; the message says where.");
}

}  // namespace pydl::python
