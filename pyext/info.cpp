// Facts about this build and machine, for reports and tests.
#include <algorithm>

#include "attribute_values.h"
#include "bindings.h"
#include "casters.h"
#include "op/op_counter.h"
#include "op/op_def.h"
#include "pydl/random.h"
#include "pydl/version.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "with_onednn.h"

#if PYDL_WITH_ONEDNN
#include "backends/onednn/version.h"
#endif

namespace pydl::python {

namespace {

using exec::Provider;

py::object onednn_version() {
#if PYDL_WITH_ONEDNN
  return py::str(onednn::version());
#else
  return py::none();
#endif
}

py::list built_providers() {
  py::list names;
  for (int i = 0; i < exec::provider_count; ++i) {
    const auto provider = static_cast<Provider>(i);
    if (provider == Provider::onednn && onednn_version().is_none()) continue;
    names.append(exec::provider_name(provider));
  }
  return names;
}

py::dict describe_build() {
  py::dict info;
  info["version"] = version();
  info["cpu"] = runtime::cpu_name();
  info["features"] = runtime::cpu_features();
  info["instruction_set"] = runtime::instruction_set_name(runtime::best_instruction_set());
  info["providers"] = built_providers();
  info["threads"] = runtime::thread_count();
  info["threads_reason"] = runtime::thread_count_reason();
  info["onednn_version"] = onednn_version();
  info["compiler"] = compiler();
  return info;
}

py::list list_ops() {
  py::list ops;
  for (const op::OpDef& def : op::all_ops()) {
    py::list providers;
    py::list implementations;
    for (const exec::Implementation& one : exec::KernelTable::global().implementations(def.id)) {
      const py::str provider = exec::provider_name(one.provider);
      if (!providers.contains(provider)) providers.append(provider);
      implementations.append(one.name);
    }
    py::dict entry;
    entry["name"] = def.name;
    entry["doc"] = def.doc;
    entry["elementwise"] = def.has(op::Trait::elementwise);
    entry["reduction"] = def.has(op::Trait::reduction);
    entry["view"] = def.has(op::Trait::view);
    entry["random"] = def.has(op::Trait::random);
    entry["mutates"] = def.has(op::Trait::mutates);
    entry["differentiable"] = def.has(op::Trait::differentiable);
    entry["inputs"] = def.inputs;
    entry["results"] = def.results;
    py::list attributes;
    for (const op::AttrField& field : def.attributes) attributes.append(field.name);
    entry["attributes"] = attributes;
    entry["providers"] = providers;
    entry["implementations"] = implementations;
    ops.append(entry);
  }
  return ops;
}

const op::OpDef& op_named(const std::string& name) {
  for (const op::OpDef& def : op::all_ops()) {
    if (name == def.name) return def;
  }
  throw ValueError(concat_text("there is no op '", name, "'"));
}

// A misspelt name must not look like an implementation that does not apply.
void check_implementation(const op::OpDef& def, const std::string& name) {
  for (int i = 0; i < exec::provider_count; ++i) {
    if (name == exec::provider_name(static_cast<Provider>(i))) return;
  }
  for (const exec::Implementation& one : exec::KernelTable::global().implementations(def.id)) {
    if (name == one.name) return;
  }
  throw ValueError(concat_text(def.name, ": there is no provider or implementation '", name, "'"));
}

op::AttrValue attr_value(const op::OpDef& def, const std::string& name, py::handle value) {
  // What passes set is not declared.
  const op::AttrField added = {name, op::AttrKind::text};
  const op::AttrField* field = def.find_attr(name);
  op::AttrValue result;
  if (load_attr(field != nullptr ? *field : added, value, result)) return result;
  throw TypeError(concat_text(def.name, ": expected attribute '", name, "' as ",
                              op::describe_kind(field != nullptr ? *field : added)));
}

// Runs one op by one implementation, or by those of one provider, and returns its result, or a list of several ones;
// None if it does not apply to the call. Elementwise inputs must have one shape. A mutating op gives its first input.
py::object apply_with_provider(const std::string& name, const std::string& implementation,
                               const std::vector<Tensor>& inputs, const py::dict& attributes) {
  const op::OpDef& def = op_named(name);
  op::check_input_count(def, inputs.size());
  check_implementation(def, implementation);
  std::vector<std::string> names;  // attrs hold views of these names
  for (const auto& item : attributes) names.push_back(item.first.cast<std::string>());
  op::Attrs attrs;
  size_t index = 0;
  for (const auto& item : attributes) {
    attrs.add(names[index], attr_value(def, names[index], item.second));
    ++index;
  }
  std::vector<exec::BufferSpec> specs;
  std::vector<void*> pointers;
  for (const Tensor& input : inputs) {
    specs.push_back({input.dtype(), input.shape(), input.strides()});
    pointers.push_back(input.raw_data());
  }
  if (def.has(op::Trait::view)) return py::none();
  const bool mutates = def.has(op::Trait::mutates);
  std::vector<exec::BufferSpec> outputs(mutates ? 0 : def.count_results(attrs, inputs.size()));
  int64_t offset = 0;
  def.infer(attrs, specs, outputs.data(), &offset);
  std::vector<Tensor> results;
  std::vector<void*> targets;
  for (const exec::BufferSpec& output : outputs) {
    results.push_back(Tensor::empty_strided(output.shape, output.strides, output.dtype));
    targets.push_back(results.back().raw_data());
  }
  const auto kernel = exec::prepare_kernel_from({def.id, attrs, specs, outputs}, implementation);
  if (!kernel) return py::none();
  // Aligned as in a normal run.
  const Tensor scratchpad = Tensor::empty({static_cast<int64_t>(kernel->scratchpad_bytes)}, DType::uint8);
  const bool empty =
      std::all_of(results.begin(), results.end(), [](const Tensor& result) { return result.size() == 0; });
  if (mutates || !empty) kernel->run({scratchpad.raw_data()}, pointers.data(), targets.data());
  if (mutates) results.push_back(inputs[0]);
  return results.size() == 1 ? py::cast(results[0]) : py::cast(results);
}

py::dict describe_memory() {
  const MemoryStats stats = memory_stats();
  py::dict result;
  result["live_bytes"] = stats.live_bytes;
  result["peak_bytes"] = stats.peak_bytes;
  result["cached_bytes"] = stats.cached_bytes;
  result["system_requests"] = stats.system_requests;
  return result;
}

// A counter that Python can start and stop.
class PyOpCounter {
 public:
  void enter() { counter_.emplace(); }
  void exit(const py::args&) {
    flops_ = counter_->flops;
    bytes_ = counter_->bytes;
    counter_.reset();
  }
  int64_t flops() const { return counter_ ? counter_->flops : flops_; }
  int64_t bytes() const { return counter_ ? counter_->bytes : bytes_; }

 private:
  std::optional<op::OpCounter> counter_;
  int64_t flops_ = 0;
  int64_t bytes_ = 0;
};

void define_op_counter(py::module_& module) {
  py::class_<PyOpCounter>(module, "_OpCounter", "Counts the cost of the ops that this thread runs in this scope.")
      .def(py::init<>())
      .def(
          "__enter__",
          [](PyOpCounter& counter) -> PyOpCounter& {
            counter.enter();
            return counter;
          },
          py::return_value_policy::reference_internal)
      .def("__exit__", &PyOpCounter::exit)
      .def_property_readonly("flops", &PyOpCounter::flops, "Floating-point operations; a multiply-add counts as two.")
      .def_property_readonly("bytes", &PyOpCounter::bytes, "Bytes of the results that are not views.");
}

}  // namespace

void define_info(py::module_& module) {
  module.def("info", describe_build, "Facts about this build and machine, by name.");
  module.def("ops", list_ops, "The properties of every op.");
  module.def("_apply_with_provider", apply_with_provider, py::arg("op"), py::arg("provider"), py::arg("inputs"),
             py::arg("attrs") = py::dict());
  module.def("memory_stats", describe_memory,
             "The state of the caching allocator: ``live_bytes``, ``peak_bytes``, ``cached_bytes``, and\n"
             "``system_requests``, the number of allocations from the system.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.memory_stats()['peak_bytes'] >= 0\nTrue\n");
  module.def("reset_peak_memory", reset_peak_memory,
             "Resets the peak to the current use.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.reset_peak_memory()\n");
  module.def("empty_cache", empty_cache,
             "Returns cached memory to the system.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.empty_cache()\n");
  module.def("live_tensor_count", live_tensor_count,
             "Number of tensors alive in the process.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> before = pydl.live_tensor_count()\n>>> x = pydl.zeros(2)\n"
             ">>> pydl.live_tensor_count() - before\n1\n");
  module.def("get_num_threads", runtime::thread_count,
             "The number of threads that kernels may use.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.get_num_threads() >= 1\nTrue\n");
  module.def("set_num_threads", runtime::set_thread_count, py::arg("count"),
             "Sets the number of threads that kernels may use, from 1 to 1024.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.set_num_threads(pydl.get_num_threads())\n");
  define_op_counter(module);
}

}  // namespace pydl::python
