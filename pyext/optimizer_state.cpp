// C++ keeps the parameters and the state of Python's optimisers; Python keeps names and options.
#include "optimizer_state.h"

#include <algorithm>
#include <string_view>
#include <variant>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

using optim::AnyOptions;
using State = optim::Optimizer::State;

using OptionField = std::variant<double*, bool*>;

struct NamedOption {
  std::string_view name;
  OptionField field;
};

void read_option(const NamedOption& option, py::handle value) {
  std::visit([&](auto* field) { *field = value.cast<std::remove_pointer_t<decltype(field)>>(); }, option.field);
}

void read_options(const py::dict& given, std::initializer_list<NamedOption> known) {
  for (const auto& [key, value] : given) {
    const auto name = key.cast<std::string_view>();
    const auto* found = std::find_if(known.begin(), known.end(), [&](const NamedOption& o) { return o.name == name; });
    if (found == known.end()) throw TypeError(concat_text("a group has the unknown option '", name, "'"));
    read_option(*found, value);
  }
}

AnyOptions sgd_options(const py::dict& given) {
  optim::SgdOptions own;
  read_options(given, {{"momentum", &own.momentum},
                       {"dampening", &own.dampening},
                       {"weight_decay", &own.weight_decay},
                       {"nesterov", &own.nesterov}});
  return own;
}

AnyOptions adam_options(const py::dict& given) {
  optim::AdamOptions own;
  read_options(given, {{"beta1", &own.beta1},
                       {"beta2", &own.beta2},
                       {"epsilon", &own.epsilon},
                       {"weight_decay", &own.weight_decay},
                       {"decoupled", &own.decoupled}});
  return own;
}

AnyOptions rmsprop_options(const py::dict& given) {
  optim::RmspropOptions own;
  read_options(given, {{"alpha", &own.alpha},
                       {"epsilon", &own.epsilon},
                       {"momentum", &own.momentum},
                       {"weight_decay", &own.weight_decay}});
  return own;
}

using OptionReader = AnyOptions (*)(const py::dict&);

// Null for an optimiser whose update is defined in Python.
OptionReader reader_of(const std::optional<std::string>& kind) {
  if (!kind) return nullptr;
  if (*kind == "sgd") return sgd_options;
  if (*kind == "adam") return adam_options;
  if (*kind == "rmsprop") return rmsprop_options;
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

void step_all(const OptimizerState& self) {
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

void define_optimizer_state(py::module_& optim) {
  py::class_<OptimizerState>(optim, "_OptimizerState", "Parameters, learning rates, step counters and moments.")
      .def(py::init(&make_state), py::arg("name"), py::arg("kind"), py::arg("groups"), py::arg("rates"),
           py::arg("slots"))
      .def("step", step_all)
      .def("prepare", [](const OptimizerState& self, size_t number) { return self.state->prepare(number); })
      .def("update", update_as_part)
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
}

}  // namespace pydl::python
