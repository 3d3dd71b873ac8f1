// Compiled functions: traces, programs, and the cache in which a compiled function looks up its programs.
#include <algorithm>
#include <mutex>

#include "argument_tree.h"
#include "bindings.h"
#include "casters.h"
#include "compiler/traced_call.h"
#include "guard.h"
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

py::object run_entry(const std::shared_ptr<Entry>& entry, std::vector<Tensor>& tensors, std::mutex& updating) {
  const std::shared_ptr<const compiler::TracedCall> traced = entry->traced;
  traced->add_gradients(tensors);
  std::vector<Tensor> outputs(traced->program->output_count());
  run_program(*traced->program, tensors, outputs, updating);
  compiler::finish_call(traced, tensors, outputs);
  size_t next = 0;
  return entry->results.build(outputs, &next);
}

class ProgramCache {
 public:
  explicit ProgramCache(size_t capacity) : capacity_(capacity) {}

  // The results of the program for this call, in a tuple with one element; nothing if there is no program yet.
  std::optional<py::tuple> call(const py::tuple& arguments) {
    if (is_tracing()) return std::nullopt;
    std::vector<Tensor> tensors;
    // Uses an index and a reference of its own, because comparing arguments may let other threads run, which may add
    // programs.
    for (size_t i = 0; i < entries_.size(); ++i) {
      const std::shared_ptr<Entry> entry = entries_[i];
      tensors.clear();
      if (!entry->matches(arguments.ptr(), &tensors)) continue;
      if (i > 0) move_to_front(entry);
      return py::make_tuple(run_entry(entry, tensors, updating_));
    }
    return std::nullopt;
  }

  // Stores a new program, and returns the results of the call for which it was created; nothing if another thread has
  // added or removed gradients meanwhile.
  std::optional<py::tuple> add(Entry entry, const py::tuple& call) {
    const auto made = std::make_shared<Entry>(std::move(entry));
    entries_.insert(entries_.begin(), made);
    if (entries_.size() > capacity_) entries_.pop_back();
    std::vector<Tensor> tensors;
    if (!made->arguments.match(call.ptr(), &tensors)) {
      throw Error("a compiled function changed its arguments while it was traced");
    }
    if (!made->traced->has_gradients_alike()) return std::nullopt;
    return py::make_tuple(run_entry(made, tensors, updating_));
  }

  // The difference from the program that was used last.
  std::string difference(const py::tuple& arguments) const {
    return entries_.empty() ? "" : entries_.front()->difference(arguments);
  }

  std::vector<std::shared_ptr<Program>> programs() const {
    std::vector<std::shared_ptr<Program>> result;
    for (const auto& entry : entries_) result.push_back(entry->traced->program);
    return result;
  }

  void clear() { entries_.clear(); }

  // For Python's garbage collector: guards may refer to objects that refer to the function.
  int traverse(visitproc visit, void* arg) const {
    for (const auto& entry : entries_) {
      if (const int result = entry->guards.traverse(visit, arg); result != 0) return result;
    }
    return 0;
  }

 private:
  // The most recently used program is tried first.
  void move_to_front(const std::shared_ptr<Entry>& entry) {
    const auto position = std::find(entries_.begin(), entries_.end(), entry);
    if (position != entries_.end()) std::rotate(entries_.begin(), position, position + 1);
  }

  size_t capacity_;
  std::mutex updating_;
  std::vector<std::shared_ptr<Entry>> entries_;
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

void define_trace(py::module_& module) {
  py::class_<RecordedFunction>(module, "_RecordedFunction", "The recording of a trace, to be saved.");
  py::class_<Trace>(module, "_Trace", "Records the calls of a function.")
      .def(py::init([](const std::string& package) {
             auto trace = std::make_unique<Trace>();
             trace->set_locator([package] { return current_location(package); });
             return trace;
           }),
           py::arg("package"))
      .def("argument", &Trace::argument)
      .def("state", &Trace::state)
      .def("__enter__", &Trace::start)
      .def("__exit__", [](Trace& trace, const py::args&) { trace.stop(); })
      .def("is_dropped", &Trace::is_dropped)
      .def("undeclared", &Trace::undeclared)
      .def("live_results", &Trace::live_results)
      .def("position", [](const Trace& trace) { return std::pair(trace.position().calls, trace.position().arguments); })
      .def("record", [](Trace& trace, const std::vector<Tensor>& outputs) { return trace.record(outputs); })
      .def("finish_halves",
           [](Trace& trace, const std::vector<Tensor>& outputs, const std::pair<size_t, size_t>& position,
              const std::vector<Tensor>& gradients, const ProgramOptions& options) {
             const py::gil_scoped_release release;
             auto [forward, backward] =
                 trace.finish_halves(outputs, {position.first, position.second}, gradients, options);
             return std::pair(std::make_shared<Program>(std::move(forward)),
                              std::make_shared<Program>(std::move(backward)));
           })
      .def("finish", [](Trace& trace, const std::vector<Tensor>& outputs, const ProgramOptions& options) {
        const py::gil_scoped_release release;
        return std::make_shared<Program>(trace.finish(outputs, options));
      });
  module.def("_is_tracing", is_tracing);
  module.def("_is_traced", is_traced);
  module.def("_address", [](const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.raw_data()); });
  module.def("_guard_holds", [](const py::tuple& guard) { return Guard(guard).holds(); });
  module.def("_version", [](const Tensor& tensor) { return tensor.version(); });
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

std::optional<py::tuple> add_entry(ProgramCache& cache, const py::tuple& call, const ArgumentTree& arguments,
                                   const ArgumentTree& results, size_t results_count, const py::list& guards,
                                   std::vector<Tensor> states, std::vector<bool> has_grad, std::vector<Tensor> cleared,
                                   std::vector<Tensor> receivers, std::shared_ptr<Program> program,
                                   std::optional<compiler::Derivative> derivative) {
  auto traced = std::make_shared<compiler::TracedCall>();
  for (const Tensor& state : states) traced->requires_grad.push_back(state.requires_grad());
  traced->program = std::move(program);
  traced->results_count = results_count;
  traced->states = std::move(states);
  traced->has_grad = std::move(has_grad);
  traced->cleared = std::move(cleared);
  traced->receivers = std::move(receivers);
  traced->derivative = std::move(derivative);
  Entry entry = {arguments, results, Guards(guards), std::move(traced)};
  return cache.add(std::move(entry), call);
}

int traverse_cache(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  // Until its constructor has run there is nothing to visit.
  if (!py::detail::is_holder_constructed(self)) return 0;
  return py::cast<const ProgramCache&>(py::handle(self)).traverse(visit, arg);
}

int clear_cache(PyObject* self) {
  if (py::detail::is_holder_constructed(self)) py::cast<ProgramCache&>(py::handle(self)).clear();
  return 0;
}

void define_cache(py::module_& module) {
  const py::custom_type_setup collected([](PyHeapTypeObject* heap_type) {
    PyTypeObject* type = &heap_type->ht_type;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->tp_traverse = traverse_cache;
    type->tp_clear = clear_cache;
  });
  py::class_<compiler::Derivative>(module, "_Derivative",
                                   "The derivative of a traced function, which becomes the history of its results.")
      .def(py::init([](std::shared_ptr<Program> program, std::vector<size_t> results, std::vector<size_t> arguments,
                       std::vector<Tensor> states, std::vector<bool> flows) {
             return compiler::Derivative{std::move(program), std::move(results), std::move(arguments),
                                         std::move(states), std::move(flows)};
           }),
           py::arg("program"), py::arg("results"), py::arg("arguments"), py::arg("states"), py::arg("flows"));
  py::class_<ProgramCache>(module, "_ProgramCache", "Programs by signature.", collected)
      .def(py::init<size_t>(), py::arg("capacity"))
      .def("call", &ProgramCache::call)
      .def("difference", &ProgramCache::difference)
      .def("programs", &ProgramCache::programs)
      .def("clear", &ProgramCache::clear)
      .def("add", add_entry, py::arg("call"), py::arg("arguments"), py::arg("results"), py::arg("results_count"),
           py::arg("guards"), py::arg("states"), py::arg("has_grad"), py::arg("cleared"), py::arg("receivers"),
           py::arg("program"), py::arg("derivative"));
}

}  // namespace

void define_compile(py::module_& module) {
  module.attr("TraceError") = py::reinterpret_borrow<py::object>(trace_error_type());
  define_program(module);
  define_trace(module);
  define_tree(module);
  define_cache(module);
}

}  // namespace pydl::python
