// Names that NumPy and PyTorch have for functions of the array API standard: only those that people type. Each is a
// function of its own, so that errors begin with the name that the user wrote.
#include "aliases.h"

#include <string>

#include "casters.h"
#include "pydl/ops.h"

namespace pydl::python {

namespace {

struct Alias {
  const char* name;
  const char* function;
};

constexpr Alias unary_aliases[] = {{"arccos", "acos"}, {"arccosh", "acosh"}, {"arcsin", "asin"}, {"arcsinh", "asinh"},
                                   {"arctan", "atan"}, {"arctanh", "atanh"}, {"neg", "negative"}};
constexpr Alias binary_aliases[] = {{"arctan2", "atan2"}, {"eq", "equal"},          {"ge", "greater_equal"},
                                    {"gt", "greater"},    {"le", "less_equal"},     {"lt", "less"},
                                    {"mul", "multiply"},  {"ne", "not_equal"},      {"power", "pow"},
                                    {"sub", "subtract"},  {"true_divide", "divide"}};
// Of these, NumPy has no methods, and PyTorch does.
constexpr Alias binary_methods[] = {{"eq", "equal"}, {"ge", "greater_equal"}, {"gt", "greater"},   {"le", "less_equal"},
                                    {"lt", "less"},  {"mul", "multiply"},     {"ne", "not_equal"}, {"sub", "subtract"}};

std::string doc_of_alias(const Alias& alias, const char* parameters, const char* arguments) {
  return concat_text("Another name for `pydl.", alias.function, "`.\n\nParameters\n----------\n", parameters,
                     "\nExamples\n--------\n>>> import pydl\n>>> pydl.", alias.name, arguments, ".shape\n(1,)\n");
}

void define_functions(py::module_& module) {
  for (const Alias& alias : unary_aliases) {
    module.def(
        alias.name, [function = py::object(module.attr(alias.function))](const Tensor& x) { return function(x); },
        py::arg("x"), doc_of_alias(alias, "x : Tensor, any shape\n", "(pydl.tensor([1.0]))").c_str());
  }
  for (const Alias& alias : binary_aliases) {
    module.def(
        alias.name,
        [function = py::object(module.attr(alias.function))](const py::object& a, const py::object& b) {
          return function(a, b);
        },
        py::arg("a"), py::arg("b"),
        doc_of_alias(alias, "a, b : Tensor or number\n    Their shapes must broadcast.\n", "(pydl.tensor([1.0]), 2.0)")
            .c_str());
  }
}

// The quotient as whole numbers, of the dtype of the operands: towards 0, or towards minus infinity.
py::object rounded_quotient(const py::object& functions, const py::object& a, const py::object& b,
                            const std::string& mode) {
  if (mode == "floor") return functions.attr("floor_divide")(a, b);
  if (mode != "trunc")
    throw ValueError(concat_text("div: expected the rounding mode 'trunc' or 'floor', got '", mode, "'"));
  const py::object rest = functions.attr("fmod")(a, b);
  if (is_floating(rest.cast<Tensor>().dtype())) return functions.attr("trunc")(functions.attr("divide")(a, b));
  return functions.attr("floor_divide")(functions.attr("subtract")(a, rest), b);
}

void define_div(py::module_& module, const py::object& type) {
  const auto div = [functions = py::object(module)](const py::object& a, const py::object& b,
                                                    const std::optional<std::string>& rounding_mode) {
    return rounding_mode ? rounded_quotient(functions, a, b, *rounding_mode) : functions.attr("divide")(a, b);
  };
  module.def("div", div, py::arg("a"), py::arg("b"), py::kw_only(), py::arg("rounding_mode") = py::none(),
             doc_of_alias({"div", "divide"},
                          "a, b : Tensor or number\n    Their shapes must broadcast.\n"
                          "rounding_mode : {'trunc', 'floor'}, optional\n"
                          "    Rounds the quotient towards 0, or down; the result has the dtype of the operands.\n",
                          "(pydl.tensor([1.0]), 2.0)")
                 .c_str());
  method(type, "div", div, py::arg("other"), py::kw_only(), py::arg("rounding_mode") = py::none(), "See `pydl.div`.");
}

// PyTorch's argument, as further signatures: calls without it are as fast as before.
void define_multiples(py::module_& module, const py::object& type) {
  constexpr std::pair<const char*, const char*> names[] = {
      {"add", "add"}, {"sub", "subtract"}, {"subtract", "subtract"}};
  for (const auto& [name, function_name] : names) {
    const auto run = [function = py::object(module.attr(function_name)),
                      multiply = py::object(module.attr("multiply"))](const py::object& a, const py::object& b,
                                                                      const py::object& alpha) {
      // A number stays one, which takes the dtype of the other operand.
      return function(a, as_scalar(b.ptr()) ? b * alpha : multiply(b, alpha));
    };
    module.def(name, run, py::arg("a"), py::arg("b"), py::kw_only(), py::arg("alpha"),
               "The same with b multiplied by a number or tensor first.");
    method(type, name, run, py::arg("other"), py::kw_only(), py::arg("alpha"),
           "The same with the other operand multiplied by a number or tensor first.");
  }
}

}  // namespace

void define_aliases(py::module_& module, const py::object& type) {
  define_functions(module);
  define_div(module, type);
  for (const Alias& alias : binary_methods) {
    method(
        type, alias.name,
        [function = py::object(module.attr(alias.function))](const py::object& self, const py::object& other) {
          return function(self, other);
        },
        py::arg("other"), concat_text("See `pydl.", alias.function, "`.").c_str());
  }
  define_multiples(module, type);
  method(
      type, "neg", [](const Tensor& x) { return compute(x.size(), [&] { return negative(x); }); },
      "See `pydl.negative`.");
  const auto clamp = [clip = py::object(module.attr("clip"))](const py::object& x, const py::object& min,
                                                              const py::object& max) { return clip(x, min, max); };
  module.def("clamp", clamp, py::arg("x"), py::arg("min") = py::none(), py::arg("max") = py::none(),
             doc_of_alias({"clamp", "clip"}, "x : Tensor, any shape\nmin, max : number, Tensor or None\n",
                          "(pydl.tensor([3.0]), 0, 1)")
                 .c_str());
  method(type, "clamp", clamp, py::arg("min") = py::none(), py::arg("max") = py::none(), "See `pydl.clip`.");
}

}  // namespace pydl::python
