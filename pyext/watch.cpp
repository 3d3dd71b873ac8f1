// Watch: reports to the compiler which Python code runs while a function is traced.
#include <Python.h>  // before the headers of its parts
#include <frameobject.h>

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "bindings.h"
#include "tensor_object.h"

namespace pydl::python {

namespace {

// Calls `on_call(frame)` for each call of Python code for which `is_watched(code)` is true, and `on_builtin(function)`
// for calls of builtin functions with watched names. A profiler that is already set is still called.
class Watch {
 public:
  Watch(py::object is_watched, py::object on_call, py::object on_builtin, const std::vector<std::string>& names)
      : is_watched_(std::move(is_watched)),
        on_call_(std::move(on_call)),
        on_builtin_(std::move(on_builtin)),
        names_(names.begin(), names.end()) {}

  void enter(const py::object& self) {
    PyThreadState* thread = PyThreadState_Get();
    outer_ = thread->c_profilefunc;
    outer_argument_ = py::reinterpret_borrow<py::object>(thread->c_profileobj);
    // Garbage collection may run at any time, and the code that it calls does not belong to the traced function.
    collects_garbage_ = PyGC_Disable() != 0;
    PyEval_SetProfile(&Watch::notify, self.ptr());
  }

  void leave() {
    PyEval_SetProfile(outer_, outer_argument_.ptr());
    if (collects_garbage_) PyGC_Enable();
    outer_ = nullptr;
    outer_argument_ = py::object();
    watched_.clear();
    kept_.clear();
  }

 private:
  static int notify(PyObject* self, PyFrameObject* frame, int what, PyObject* argument) {
    auto& watch = py::cast<Watch&>(py::handle(self));
    if (watch.outer_ != nullptr && watch.outer_(watch.outer_argument_.ptr(), frame, what, argument) < 0) return -1;
    try {
      if (what == PyTrace_CALL) watch.report_call(frame);
      if (what == PyTrace_C_CALL && argument != nullptr) watch.report_builtin(argument);
    } catch (py::error_already_set& error) {
      error.restore();
      return -1;
    } catch (...) {
      set_python_error();
      return -1;
    }
    return 0;
  }

  void report_call(PyFrameObject* frame) {
    const auto code = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    const auto [entry, is_new] = watched_.try_emplace(code.ptr(), false);
    if (is_new) {
      kept_.push_back(code);  // keeps its address from being reused
      entry->second = py::cast<bool>(is_watched_(code));
    }
    if (watched_[code.ptr()]) on_call_(py::handle(reinterpret_cast<PyObject*>(frame)));
  }

  void report_builtin(PyObject* function) {
    if (PyCFunction_Check(function) == 0) return;
    const char* name = reinterpret_cast<PyCFunctionObject*>(function)->m_ml->ml_name;
    if (names_.contains(name)) on_builtin_(py::handle(function));
  }

  py::object is_watched_;
  py::object on_call_;
  py::object on_builtin_;
  std::unordered_set<std::string> names_;
  std::unordered_map<PyObject*, bool> watched_;
  std::vector<py::object> kept_;
  Py_tracefunc outer_ = nullptr;
  py::object outer_argument_;
  bool collects_garbage_ = false;
};

}  // namespace

void define_watch(py::module_& module) {
  py::class_<Watch>(module, "_Watch", "Reports the Python code that runs on this thread.")
      .def(py::init<py::object, py::object, py::object, std::vector<std::string>>(), py::arg("is_watched"),
           py::arg("on_call"), py::arg("on_builtin"), py::arg("names"))
      .def("__enter__", [](const py::object& self) { self.cast<Watch&>().enter(self); })
      .def("__exit__", [](Watch& watch, const py::args&) { watch.leave(); });
}

}  // namespace pydl::python
