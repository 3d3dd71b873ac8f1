// Context managers that switch a state: modes of the thread, attributes, the handling of Ctrl-C.
#include "scopes.h"

#include <optional>

#include "bindings.h"
#include "casters.h"
#include "pydl/autocast.h"
#include "pydl/autograd.h"

namespace pydl::python {

namespace {

struct PythonGradScope {
  bool enabled;
  ScopeStack<GradMode> scopes;
};

struct PythonAutocastScope {
  std::optional<DType> dtype;
  ScopeStack<AutocastScope> scopes;
};

// The number of gradient-computing functions that are being evaluated on this thread.
thread_local int nesting = 0;

struct NestingScope {
  NestingScope() { ++nesting; }
  ~NestingScope() { --nesting; }
  NestingScope(const NestingScope&) = delete;
  NestingScope& operator=(const NestingScope&) = delete;
};

// Restores entries of dicts at the end of a scope: their values, or their absence.
class RestoreScope {
 public:
  RestoreScope(const py::list& entries, py::object change) : change_(std::move(change)) {
    for (const py::handle item : entries) {
      const auto entry = py::reinterpret_borrow<py::tuple>(item);
      PyObject* found = PyDict_GetItemWithError(entry[0].ptr(), entry[1].ptr());
      if (found == nullptr && PyErr_Occurred() != nullptr) throw py::error_already_set();
      entries_.push_back({entry[0], entry[1], py::reinterpret_borrow<py::object>(found)});
    }
  }

  void enter() const {
    try {
      change_();
    } catch (py::error_already_set&) {
      restore();
      throw;
    }
  }

  void restore() const {
    for (const Entry& entry : entries_) {
      PyObject* dict = entry.dict.ptr();
      PyObject* key = entry.key.ptr();
      int result = 0;
      if (entry.value) {
        result = PyDict_SetItem(dict, key, entry.value.ptr());
      } else if (PyDict_Contains(dict, key) == 1) {
        result = PyDict_DelItem(dict, key);
      }
      if (result < 0) throw py::error_already_set();
    }
  }

 private:
  struct Entry {
    py::object dict;
    py::object key;
    py::object value;  // null if there was none
  };
  std::vector<Entry> entries_;
  py::object change_;
};

// In this scope, SIGINT calls `_handle` of the object. Nothing changes outside of the main thread, or if the signal is
// ignored.
class InterruptScope {
 public:
  void enter(const py::object& self) {
    const py::module_ threading = py::module_::import("threading");
    if (!threading.attr("current_thread")().is(threading.attr("main_thread")())) return;
    const py::module_ signals = py::module_::import("_signal");
    const py::object number = signals.attr("SIGINT");
    py::object current = signals.attr("getsignal")(number);
    if (PyCallable_Check(current.ptr()) == 0 && !current.equal(signals.attr("SIG_DFL"))) return;
    signals.attr("signal")(number, self.attr("_handle"));
    previous_ = std::move(current);
  }

  void leave() {
    if (!previous_) return;
    const py::object previous = std::exchange(previous_, py::object());
    const py::module_ signals = py::module_::import("_signal");
    try {
      signals.attr("signal")(signals.attr("SIGINT"), previous);
    } catch (py::error_already_set& error) {
      // A pending signal was handled first, and raised an exception.
      signals.attr("signal")(signals.attr("SIGINT"), previous);
      throw;
    }
  }

 private:
  py::object previous_;
};

void define_modes(py::module_& module) {
  py::class_<PythonGradScope>(module, "_GradScope", "Turns recording on or off for a scope.")
      .def(py::init([](bool enabled) { return std::make_unique<PythonGradScope>(enabled); }), py::arg("enabled"))
      .def("__enter__", [](PythonGradScope& scope) { scope.scopes.enter(scope.enabled); })
      .def("__exit__", [](PythonGradScope& scope, const py::args&) { scope.scopes.leave(); });
  py::class_<PythonAutocastScope>(module, "_AutocastScope", "Sets the dtype of products for a scope.")
      .def(py::init([](std::optional<DType> dtype) { return std::make_unique<PythonAutocastScope>(dtype); }),
           py::arg("dtype").none(true))
      .def("__enter__",
           [](const py::object& self) {
             auto& scope = self.cast<PythonAutocastScope&>();
             scope.scopes.enter(scope.dtype);
             return self;
           })
      .def("__exit__", [](PythonAutocastScope& scope, const py::args&) { scope.scopes.leave(); });
  define_scope<NestingScope>(module, "_NestingScope", "The evaluation of a function that gives gradients.");
  module.def("_gradient_nesting", [] { return nesting; });
}

}  // namespace

void define_scopes(py::module_& module) {
  define_modes(module);
  py::class_<RestoreScope>(module, "_RestoreScope",
                           "Calls `change` at its beginning, and restores entries (dict, key) at its end.")
      .def(py::init<py::list, py::object>(), py::arg("entries"), py::arg("change"))
      .def("__enter__", [](const RestoreScope& scope) { scope.enter(); })
      .def("__exit__", [](const RestoreScope& scope, const py::args&) { scope.restore(); });
  py::class_<InterruptScope>(module, "_InterruptScope",
                             "In this scope, SIGINT calls the method `_handle(signum, frame)`.")
      .def(py::init<>())
      .def("__enter__",
           [](const py::object& self) {
             self.cast<InterruptScope&>().enter(self);
             return self;
           })
      .def("__exit__", [](InterruptScope& scope, const py::args&) { scope.leave(); });
}

}  // namespace pydl::python
