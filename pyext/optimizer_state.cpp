// C++ keeps the parameters and the state of Python's optimisers; Python keeps names and options.
#include "optimizer_state.h"

#include <algorithm>
#include <string_view>

#include "bindings.h"
#include "casters.h"
#include "op/attrs/update.h"

namespace pydl::python {

namespace {

using optim::AnyOptions;
using State = optim::Optimizer::State;

// The options of one kind, by the names of the fields of its attributes.
template <class Attrs, class Options>
AnyOptions read_options(const py::dict& given) {
  Attrs attrs;
  size_t known = 0;
  attrs.visit_fields([&](std::string_view name, auto& field) {
    const py::str key(name.data(), name.size());
    if (name == "count" || !given.contains(key)) return;
    field = given[key].cast<std::remove_reference_t<decltype(field)>>();
    ++known;
  });
  if (known == given.size()) return static_cast<const Options&>(attrs);
  for (const auto& entry : given) {
    const auto name = entry.first.cast<std::string>();
    bool is_known = false;
    attrs.visit_fields([&](std::string_view field, const auto&) { is_known = is_known || field == name; });
    if (!is_known || name == "count") throw TypeError(concat_text("a group has the unknown option '", name, "'"));
  }
  return static_cast<const Options&>(attrs);
}

using OptionReader = AnyOptions (*)(const py::dict&);

// Null for an optimiser whose update is defined in Python.
OptionReader reader_of(const std::optional<std::string>& kind) {
  if (!kind) return nullptr;
#define PYDL_READER(name, Name) \
  if (*kind == #name) return read_options<op::Name##Attrs, optim::Name##Options>;
  PYDL_UPDATES(PYDL_READER)
#undef PYDL_READER
  throw ValueError(concat_text("there is no fused update ", *kind));
}

struct OptimizerState {
  std::shared_ptr<State> state;
  OptionReader reader;
  py::tuple groups;  // of Python's optimiser: they have parameters and options
};

OptimizerState make_state(std::string name, const std::optional<std::string>& kind, const py::tuple& groups,
                          const std::vector<double>& rates, const std::vector<std::vector<std::string>>& slots) {
  std::vector<optim::GivenGroup> given;
  for (size_t i = 0; i < groups.size(); ++i) {
    given.push_back({groups[i].attr("parameters").cast<std::vector<Tensor>>(), rates.at(i), {}, slots.at(i)});
  }
  return {std::make_shared<State>(std::move(name), std::move(given)), reader_of(kind), groups};
}

// The options of a group are a dict of Python, which may be changed at any time.
AnyOptions options_of(const OptimizerState& self, size_t group) try {
  return self.reader(self.groups[group].attr("options"));
} catch (const TypeError& error) {
  throw TypeError(concat_text(self.state->name, ".step: ", error.what()));
}

void update_batch(const OptimizerState& self, size_t number, const std::vector<Tensor>& gradients) {
  // Held, because other threads may regroup the batches meanwhile.
  const std::shared_ptr<const optim::Batch> batch = self.state->batches.at(number);
  const py::gil_scoped_release release;
  self.state->update(*batch, gradients);
}

void clip_state_gradients(const OptimizerState& self) {
  const py::gil_scoped_release release;
  self.state->clip_gradients();
}

void step_all(const OptimizerState& self) {
  clip_state_gradients(self);
  for (size_t i = 0; i < self.groups.size(); ++i) {
    const AnyOptions options = options_of(self, i);
    if (options != self.state->groups[i].options) self.state->set_options(i, options);
  }
  const size_t count = self.state->batches.size();
  for (size_t i = 0; i < count; ++i) {
    const std::vector<Tensor> gradients = self.state->prepare(i);
    if (!gradients.empty()) update_batch(self, i, gradients);
  }
}

// The fused update as a part of one that is defined in Python, which may keep more slots.
void update_as_part(const OptimizerState& self, size_t number, const std::vector<Tensor>& gradients) {
  const size_t group = self.state->batches.at(number)->group;
  self.state->groups[group].options = options_of(self, group);
  update_batch(self, number, gradients);
}

py::tuple describe_batch(const OptimizerState& self, size_t number) {
  const optim::Batch& batch = *self.state->batches.at(number);
  return py::make_tuple(batch.group, batch.numbers, batch.step, batch.slots);
}

void load_tensors(const OptimizerState& self, const std::map<std::string, Tensor>& tensors, const std::string& caller) {
  ParamSet states;
  states.tensors.assign(tensors.begin(), tensors.end());
  self.state->load(states, caller);
}

}  // namespace

std::shared_ptr<const State> optimizer_state(py::handle object) { return object.cast<const OptimizerState&>().state; }

void define_optimizer_state(py::module_& module) {
  py::class_<OptimizerState>(module, "_OptimizerState", "Parameters, learning rates, step counters and moments.")
      .def(py::init(&make_state), py::arg("name"), py::arg("kind"), py::arg("groups"), py::arg("rates"),
           py::arg("slots"))
      .def("step", step_all)
      .def("prepare", [](const OptimizerState& self, size_t number) { return self.state->prepare(number); })
      .def("update", update_as_part)
      .def("clip_gradients", clip_state_gradients)
      .def("set_clipping", [](const OptimizerState& self, std::optional<double> norm,
                              std::optional<double> value) { self.state->set_clipping({norm, value}); })
      .def("zero_grad", [](const OptimizerState& self) { self.state->zero_grad(); })
      .def("batch_count", [](const OptimizerState& self) { return self.state->batches.size(); })
      .def("batch", describe_batch, "The group, numbers of parameters, step counter and slots of a batch.")
      .def("set_slots", [](const OptimizerState& self, size_t group,
                           const std::vector<std::string>& names) { self.state->set_slots(group, names); })
      .def("lr", [](const OptimizerState& self, size_t group) { return self.state->group(group).lr; })
      .def("steps", [](const OptimizerState& self) { return self.state->steps(); })
      .def("structure", [](const OptimizerState& self) { return self.state->structure; })
      .def("tensors", [](const OptimizerState& self) { return self.state->tensors().tensors; })
      .def("copy_from",
           [](const OptimizerState& self, const OptimizerState& other) { self.state->copy_from(*other.state); })
      .def("load", load_tensors, py::arg("states"), py::arg("caller"));
  module.def(
      "_slot_names",
      [](const std::string& kind, const py::dict& options) { return optim::slot_names(reader_of(kind)(options)); },
      py::arg("kind"), py::arg("options"), "Names of the tensors that an optimiser keeps for each parameter.");
}

}  // namespace pydl::python
