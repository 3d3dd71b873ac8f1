// Functions of ops that are bound by nothing but their declaration: signature, docstring and conversion of arguments
// follow from it.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "attribute_values.h"
#include "bindings.h"
#include "casters.h"
#include "op/apply.h"
#include "op/op_def.h"
#include "tensor_object.h"

namespace pydl::python {

namespace {

using op::AttrField;
using op::AttrKind;
using op::OpDef;

// --- signatures --------------------------------------------------------------------------------------------------

std::string annotation(const AttrField& field) {
  switch (field.kind) {
    case AttrKind::boolean: return "bool";
    case AttrKind::integer: return "int";
    case AttrKind::number: return "float";
    case AttrKind::dtype: return "pydl._core.DType";
    case AttrKind::element: return "bool | int | float";
    case AttrKind::dims: return "collections.abc.Sequence[int]";
    case AttrKind::numbers: return "collections.abc.Sequence[float]";
    case AttrKind::text:
    case AttrKind::choice: break;
  }
  return "str";
}

std::string literal(const op::AttrValue& value) {
  return std::visit(
      [](const auto& content) -> std::string {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, bool>) {
          return content ? "True" : "False";
        } else if constexpr (std::is_same_v<T, op::Text>) {
          return concat_text("'", content.str(), "'");
        } else if constexpr (std::is_same_v<T, DType>) {
          return concat_text("pydl.", content);
        } else if constexpr (std::is_same_v<T, int64_t>) {
          return std::to_string(content);
        } else if constexpr (std::is_same_v<T, double>) {
          return py::repr(py::float_(content)).cast<std::string>();
        } else {
          return "()";  // lists have no other default
        }
      },
      value);
}

// `(x: Tensor, k: int, axis: int = -1) -> tuple[Tensor, Tensor]`, as pybind11 writes signatures.
std::string signature_of(const OpDef& def) {
  std::string text = "(";
  const auto add = [&](const std::string& parameter) { text += (text.size() > 1 ? ", " : "") + parameter; };
  for (const std::string_view input : def.inputs) {
    if (input.ends_with("...")) {
      add(concat_text(input.substr(0, input.size() - 3), ": collections.abc.Sequence[pydl._core.Tensor]"));
    } else if (!input.ends_with('?')) {
      add(concat_text(input, ": pydl._core.Tensor"));
    }
  }
  for (const AttrField& field : def.attributes) {
    std::string parameter = concat_text(field.name, ": ", annotation(field));
    if (field.is_optional) parameter += " | None = None";
    if (field.standard) parameter += " = " + literal(*field.standard);
    add(parameter);
  }
  for (const std::string_view input : def.inputs) {
    if (input.ends_with('?')) {
      add(concat_text(input.substr(0, input.size() - 1), ": pydl._core.Tensor | None = None"));
    }
  }
  text += ") -> ";
  if (def.results.size() == 1) return text + "pydl._core.Tensor";
  text += "tuple[";
  for (size_t i = 0; i < def.results.size(); ++i) text += i > 0 ? ", pydl._core.Tensor" : "pydl._core.Tensor";
  return text + "]";
}

// --- arguments ---------------------------------------------------------------------------------------------------

class Arguments {
 public:
  Arguments(const OpDef& def, const py::args& args, const py::kwargs& kwargs)
      : def_(def), args_(args), kwargs_(kwargs) {}

  py::object call() {
    for (const std::string_view input : def_.inputs) {
      if (!input.ends_with('?')) take_input(input);
    }
    for (const AttrField& field : def_.attributes) take_attr(field);
    for (const std::string_view input : def_.inputs) {
      if (input.ends_with('?')) take_input(input);
    }
    if (position_ < args_.size() || named_ < kwargs_.size()) refuse();
    int64_t work = 0;
    for (const Tensor& input : inputs_) work += input.size();
    const std::vector<Tensor> results = compute(work, [&] { return op::call(def_.id, attrs_, inputs_); });
    if (def_.results.size() == 1) return py::cast(results[0]);
    py::tuple tuple(results.size());
    for (size_t i = 0; i < results.size(); ++i) tuple[i] = py::cast(results[i]);
    return tuple;
  }

 private:
  // The next argument by position, or by name; null where it is not given.
  py::object next(std::string_view name) {
    const py::str key(name.data(), name.size());
    if (position_ < args_.size()) {
      if (kwargs_.contains(key)) refuse();
      return args_[position_++];
    }
    if (!kwargs_.contains(key)) return {};
    ++named_;
    return kwargs_[key];
  }

  void take_input(std::string_view input) {
    const bool is_optional = input.ends_with('?');
    const bool is_list = input.ends_with("...");
    const std::string_view name = input.substr(0, input.size() - (is_optional ? 1 : is_list ? 3 : 0));
    const py::object value = next(name);
    if (!value || value.is_none()) {
      if (is_optional) return;
      refuse();
    }
    if (!is_list) return add_input(name, value);
    if (!py::isinstance<py::sequence>(value)) {
      throw TypeError(concat_text(def_.name, ": expected '", name, "' as a list of tensors"));
    }
    for (const py::handle each : value) add_input(name, each);
  }

  void add_input(std::string_view name, py::handle value) {
    try {
      inputs_.push_back(to_tensor(value));
    } catch (const TypeError& error) {
      throw TypeError(concat_text(def_.name, ": expected '", name, "' as a tensor: ", error.what()));
    }
  }

  void take_attr(const AttrField& field) {
    const py::object value = next(field.name);
    if (!value || (field.is_optional && value.is_none())) {
      if (field.is_optional) return;
      if (!field.standard) refuse();
      attrs_.add(field.name, *field.standard);
      return;
    }
    op::AttrValue content;
    if (!load_attr(field, value, content)) {
      if (field.kind != AttrKind::text && field.kind != AttrKind::choice) refuse();
      throw TypeError(concat_text(def_.name, ": expected '", field.name, "' as ", op::describe_kind(field), ", got ",
                                  py::repr(value).cast<std::string>()));
    }
    attrs_.add(field.name, std::move(content));
  }

  // pydl/_calls.py knows this message, and says which argument is missing, unknown or misspelt.
  [[noreturn]] void refuse() const {
    throw TypeError(
        concat_text(def_.name, "(): incompatible function arguments; expected ", def_.name, signature_of(def_)));
  }

  const OpDef& def_;
  const py::args& args_;
  const py::kwargs& kwargs_;
  op::Attrs attrs_;
  std::vector<Tensor> inputs_;
  size_t position_ = 0;
  size_t named_ = 0;
};

void define(py::module_& module, const OpDef& def) {
  const std::string signature = signature_of(def);
  std::string doc = concat_text(def.name, signature, "\n\n", def.doc, "\n");
  if (def.example != nullptr) doc += concat_text("\nExamples\n--------\n>>> import pydl\n", def.example);
  py::options options;
  options.disable_function_signatures();  // the declared one takes its position
  const py::cpp_function function(
      [&def](const py::args& args, const py::kwargs& kwargs) { return Arguments(def, args, kwargs).call(); },
      py::name(def.name), py::scope(module), doc.c_str());
  auto* record = py::detail::function_record_ptr_from_PyObject(PyCFunction_GET_SELF(function.ptr()));
  std::free(record->signature);  // pybind11's, from strdup; it frees the new one too
  record->signature = strdup(signature.c_str());
  module.attr(def.name) = function;
}

}  // namespace

void define_declared_ops(py::module_& module) {
  const py::object optim = module.attr("optim");
  for (const OpDef& def : op::all_ops()) {
    if (def.has(op::Trait::mutates) || py::hasattr(module, def.name) || py::hasattr(optim, def.name)) continue;
    define(module, def);
  }
  py::module_ functions = module.def_submodule("functions", "Functions that are bound by their declaration.");
  py::list names;
  for (const OpDef& def : op::all_ops()) {
    if (def.example == nullptr) continue;
    functions.attr(def.name) = module.attr(def.name);
    names.append(def.name);
  }
  functions.attr("__all__") = names;
}

}  // namespace pydl::python
