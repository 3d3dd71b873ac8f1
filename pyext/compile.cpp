// Compiled functions: traces, programs, and the cache in which a compiled function looks up its programs.
#include <mutex>

#include "argument_tree.h"
#include "bindings.h"
#include "casters.h"
#include "compiler/program_cache.h"
#include "compiler/tracing.h"
#include "guard.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/program.h"
#include "scopes.h"

namespace pydl::python {

namespace {

// The innermost frame that is not part of this package, as file:line.
std::string current_location(const std::string& package) {
  const py::gil_scoped_acquire lock;
  auto* frame = reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get()));
  std::string location;
  while (frame != nullptr) {
    auto* typed = reinterpret_cast<PyFrameObject*>(frame);
    const auto code = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(typed)));
    const auto file = code.attr("co_filename").cast<std::string>();
    if (file.rfind(package, 0) != 0) {
      location = concat_text(file.substr(file.rfind('/') + 1), ":", PyFrame_GetLineNumber(typed));
      Py_DECREF(frame);
      break;
    }
    auto* outer = reinterpret_cast<PyObject*>(PyFrame_GetBack(typed));
    Py_DECREF(frame);
    frame = outer;
  }
  return location;
}

// A program with the conditions under which it can be used.
struct Entry {
  ArgumentTree arguments;
  ArgumentTree results;
  Guards guards;
  std::shared_ptr<const compiler::TracedCall> traced;

  // Whether the program can be used for a call, whose tensors are appended.
  bool matches(PyObject* call, std::vector<Tensor>* tensors) const {
    // States are compared last: while arguments are made row-major, other threads may run.
    return arguments.match(call, tensors) && guards.hold() && traced->serves();
  }

  std::string difference(py::handle call) const {
    std::string found = arguments.difference(call, "arguments");
    if (!found.empty()) return found;
    found = guards.difference();
    return found.empty() ? traced->difference() : found;
  }
};

// Runs a program, without the interpreter's lock if the program runs long enough. `updating` is held while states are
// overwritten, so that no update by another thread is lost.
void run_program(Program& program, std::span<const Tensor> tensors, std::span<Tensor> outputs, std::mutex& updating) {
  constexpr int64_t worth_releasing = 20'000;  // nanoseconds
  std::unique_lock<std::mutex> alone(updating, std::defer_lock);
  const bool is_free = !program.overwrites() || alone.try_lock();
  if (is_free && program.work() < worth_releasing) {
    program.run(tensors, outputs);
    return;
  }
  const py::gil_scoped_release release;
  if (!is_free) alone.lock();
  program.run(tensors, outputs);
  if (alone.owns_lock()) alone.unlock();  // before waiting for the interpreter's lock
}

py::object run_entry(const Entry& entry, std::vector<Tensor>& tensors, std::mutex& updating) {
  const compiler::TracedCall& traced = *entry.traced;
  traced.add_gradients(tensors);
  std::vector<Tensor> outputs(traced.program->output_count());
  run_program(*traced.program, tensors, outputs, updating);
  compiler::finish_call(entry.traced, tensors, outputs);
  size_t next = 0;
  return entry.results.build(outputs, &next);
}

class CallCache {
 public:
  explicit CallCache(size_t capacity) : programs_(capacity) {}

  // The results of the program for this call, in a tuple with one element; nothing if there is no program yet.
  std::optional<py::tuple> call(const py::tuple& arguments) {
    if (is_tracing() || detects_anomaly()) return std::nullopt;
    std::vector<Tensor> tensors;
    const auto entry = programs_.find([&](const Entry& known) {
      tensors.clear();
      tensors.reserve(known.traced->program->argument_count());
      return known.matches(arguments.ptr(), &tensors);
    });
    if (!entry) return std::nullopt;
    return py::make_tuple(run_entry(*entry, tensors, updating_));
  }

  // Stores a new program, and returns the results of the call for which it was created; nothing if another thread has
  // added or removed gradients meanwhile.
  std::optional<py::tuple> add(const py::tuple& call, const ArgumentTree& arguments, const ArgumentTree& results,
                               const py::list& guards, std::shared_ptr<compiler::TracedCall> traced) {
    const auto entry = programs_.add({arguments, results, Guards(guards), std::move(traced)});
    std::vector<Tensor> tensors;
    if (!arguments.match(call.ptr(), &tensors)) {
      throw Error("a compiled function changed its arguments while it was traced");
    }
    if (!entry->traced->has_gradients_alike()) return std::nullopt;
    return py::make_tuple(run_entry(*entry, tensors, updating_));
  }

  // The difference from the program that was used last.
  std::string difference(const py::tuple& arguments) const {
    return programs_.entries().empty() ? "" : programs_.entries().front()->difference(arguments);
  }

  std::vector<std::shared_ptr<Program>> programs() const {
    std::vector<std::shared_ptr<Program>> result;
    for (const auto& entry : programs_.entries()) result.push_back(entry->traced->program);
    return result;
  }

  void clear() { programs_.clear(); }

  // For Python's garbage collector: guards may refer to objects that refer to the function.
  int traverse(visitproc visit, void* arg) const {
    for (const auto& entry : programs_.entries()) {
      if (const int result = entry->guards.traverse(visit, arg); result != 0) return result;
    }
    return 0;
  }

 private:
  std::mutex updating_;
  compiler::ProgramCache<Entry> programs_;
};

py::dict step_dict(const ProgramStep& step) {
  py::dict entry;
  entry["name"] = step.name;
  entry["provider"] = step.provider;
  entry["implementation"] = step.implementation;
  entry["location"] = step.location;
  entry["operands"] = step.operands;
  entry["flops"] = step.flops;
  entry["bytes"] = step.bytes;
  entry["seconds"] = step.seconds;
  return entry;
}

void define_program(py::module_& module) {
  py::class_<ProgramOptions>(module, "_ProgramOptions", "How programs are made; unknown names raise ValueError.")
      .def(py::init([](std::vector<std::string> without, bool explain, std::string kernels) {
             ProgramOptions options = {
                 .without = std::move(without), .explain = explain, .kernels = std::move(kernels)};
             check_options(options);
             return options;
           }),
           py::arg("without"), py::arg("explain"), py::arg("kernels"))
      .def_readonly("explain", &ProgramOptions::explain)
      .def(py::pickle(
          [](const ProgramOptions& options) {
            return py::make_tuple(options.without, options.explain, options.kernels);
          },
          [](const py::tuple& state) {
            return ProgramOptions{.without = state[0].cast<std::vector<std::string>>(),
                                  .explain = state[1].cast<bool>(),
                                  .kernels = state[2].cast<std::string>()};
          }));
  module.def("_pass_names", pass_names);
  py::class_<Program, std::shared_ptr<Program>>(module, "_Program", "A traced function, ready to run.")
      .def("describe", &Program::describe, py::arg("peak_flops") = 0.0, py::arg("peak_bytes") = 0.0)
      .def("to_dot", &Program::to_dot)
      .def("run",
           [](Program& program, const std::vector<Tensor>& arguments) {
             const py::gil_scoped_release release;
             return program.run(arguments);
           })
      .def("steps",
           [](const Program& program) {
             py::list steps;
             for (const ProgramStep& step : program.steps()) steps.append(step_dict(step));
             return steps;
           })
      .def_property_readonly("arena_bytes", &Program::arena_bytes)
      .def_property_readonly("unplanned_bytes", &Program::unplanned_bytes)
      .def_property_readonly("eager_bytes", &Program::eager_bytes);
}

std::unique_ptr<compiler::Tracing> make_tracing(std::string name, const py::dict& states,
                                                const std::vector<Tensor>& arguments, bool for_file,
                                                std::string package) {
  ParamSet declared;
  for (const auto& [key, tensor] : states) {
    declared.tensors.emplace_back(key.cast<std::string>(), tensor.cast<Tensor>());
  }
  const auto purpose = for_file ? compiler::Purpose::file : compiler::Purpose::program;
  const auto locate = [package = std::move(package)] { return current_location(package); };
  return std::make_unique<compiler::Tracing>(std::move(name), declared, arguments, purpose, locate);
}

void run_traced(compiler::Tracing& tracing, const py::object& function) {
  tracing.run([&](std::span<const Tensor> arguments) {
    return function(std::vector<Tensor>(arguments.begin(), arguments.end())).cast<std::vector<Tensor>>();
  });
}

void define_tracing(py::module_& module) {
  py::class_<RecordedFunction>(module, "_RecordedFunction", "The recording of a trace, to be saved.");
  py::class_<compiler::TracedCall, std::shared_ptr<compiler::TracedCall>>(
      module, "_TracedCall", "The program of a traced function, and what its outputs are.")
      .def_readonly("program", &compiler::TracedCall::program);
  py::class_<compiler::Tracing>(module, "_Tracing", "One run of a function on tensors without elements.")
      .def(py::init(&make_tracing), py::arg("name"), py::arg("states"), py::arg("arguments"), py::arg("for_file"),
           py::arg("package"))
      .def("run", run_traced, py::arg("function"))
      .def("finish", &compiler::Tracing::finish, py::arg("options"), py::call_guard<py::gil_scoped_release>())
      .def("record", &compiler::Tracing::record)
      .def_property_readonly("results_count", &compiler::Tracing::results_count)
      .def("undeclared", &compiler::Tracing::undeclared)
      .def("live_results", &compiler::Tracing::live_results)
      .def("require_nothing_kept", &compiler::Tracing::require_nothing_kept);
  module.def("_is_tracing", is_tracing);
  module.def("_is_traced", is_traced);
  module.def("_address", [](const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.raw_data()); });
  module.def("_guard_holds", [](const py::tuple& guard) { return Guard(guard).holds(); });
  define_scope<PauseTracing>(module, "_PauseTracing", "Runs the calls in this scope immediately.");
  define_scope<RecomputeScope>(module, "_RecomputeScope", "Marks the calls in this scope as a recomputation.");
}

void define_tree(py::module_& module) {
  py::class_<ArgumentTree>(module, "_ArgumentTree", "The structure of arguments or results.")
      .def_static("of",
                  [](const py::object& object) {
                    std::vector<Tensor> tensors;
                    ArgumentTree tree = ArgumentTree::of(object, &tensors);
                    return py::make_tuple(std::move(tree), std::move(tensors));
                  })
      .def("build",
           [](const ArgumentTree& tree, const std::vector<Tensor>& tensors) {
             size_t next = 0;
             return tree.build(tensors, &next);
           })
      .def("first_other_leaf", &ArgumentTree::first_other_leaf);
}

int traverse_cache(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  // Until its constructor has run there is nothing to visit.
  if (!py::detail::is_holder_constructed(self)) return 0;
  return py::cast<const CallCache&>(py::handle(self)).traverse(visit, arg);
}

int clear_cache(PyObject* self) {
  if (py::detail::is_holder_constructed(self)) py::cast<CallCache&>(py::handle(self)).clear();
  return 0;
}

void define_cache(py::module_& module) {
  const py::custom_type_setup collected([](PyHeapTypeObject* heap_type) {
    PyTypeObject* type = &heap_type->ht_type;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->tp_traverse = traverse_cache;
    type->tp_clear = clear_cache;
  });
  py::class_<CallCache>(module, "_ProgramCache", "Programs by signature.", collected)
      .def(py::init<size_t>(), py::arg("capacity"))
      .def("call", &CallCache::call)
      .def("difference", &CallCache::difference)
      .def("programs", &CallCache::programs)
      .def("clear", &CallCache::clear)
      .def("add", &CallCache::add, py::arg("call"), py::arg("arguments"), py::arg("results"), py::arg("guards"),
           py::arg("traced"));
}

}  // namespace

void define_compile(py::module_& module) {
  module.attr("TraceError") = py::reinterpret_borrow<py::object>(trace_error_type());
  define_program(module);
  define_tracing(module);
  define_tree(module);
  define_cache(module);
}

}  // namespace pydl::python
