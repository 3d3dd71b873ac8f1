// How tensors are written as text.
#include "pydl/printing.h"

#include <cmath>
#include <limits>

#include "bindings.h"
#include "scopes.h"

namespace pydl::python {

namespace {

// Arguments of set_printoptions. Those that are None leave their options unchanged, except `scientific`.
struct PrintChanges {
  std::optional<int> precision;
  std::optional<double> threshold;
  std::optional<int64_t> edge_items;
  std::optional<int64_t> line_width;
  std::optional<std::string> profile;
  std::optional<bool> scientific;
};

constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();

void use_profile(PrintOptions& options, const std::string& profile) {
  const PrintOptions standard;
  options = standard;
  if (profile == "short") {
    options.precision = 2;
    options.edge_items = 2;
  } else if (profile == "full") {
    options.threshold = unlimited;
  } else if (profile != "default") {
    throw ValueError(
        concat_text("set_printoptions: expected the profile 'default', 'short' or 'full', got '", profile, "'"));
  }
}

int64_t threshold_of(double number) {
  if (std::isnan(number)) throw ValueError("set_printoptions: expected a threshold, got nan");
  return number >= 0x1p63 ? unlimited : static_cast<int64_t>(std::max(number, -1.0));
}

PrintOptions changed(PrintOptions options, const PrintChanges& changes) {
  if (changes.profile) use_profile(options, *changes.profile);
  if (changes.precision) options.precision = *changes.precision;
  if (changes.threshold) options.threshold = threshold_of(*changes.threshold);
  if (changes.edge_items) options.edge_items = *changes.edge_items;
  if (changes.line_width) options.line_width = *changes.line_width;
  options.scientific = changes.scientific;
  return options;
}

py::dict options_as_dict() {
  const PrintOptions options = print_options();
  py::dict result;
  result["precision"] = options.precision;
  result["threshold"] = options.threshold;
  result["edgeitems"] = options.edge_items;
  result["linewidth"] = options.line_width;
  result["sci_mode"] = options.scientific;
  return result;
}

struct PythonPrintScope {
  PrintChanges changes;
  ScopeStack<PrintScope> scopes;
};

PrintChanges changes_of(std::optional<int> precision, std::optional<double> threshold,
                        std::optional<int64_t> edge_items, std::optional<int64_t> line_width,
                        std::optional<std::string> profile, std::optional<bool> scientific) {
  return {precision, threshold, edge_items, line_width, std::move(profile), scientific};
}

}  // namespace

void define_printing(py::module_& module) {
  py::class_<PythonPrintScope>(module, "_PrintScope", "Sets options for printing for a scope.")
      .def(py::init([](std::optional<int> precision, std::optional<double> threshold, std::optional<int64_t> edgeitems,
                       std::optional<int64_t> linewidth, std::optional<std::string> profile,
                       std::optional<bool> sci_mode) {
             const PrintChanges changes =
                 changes_of(precision, threshold, edgeitems, linewidth, std::move(profile), sci_mode);
             return std::make_unique<PythonPrintScope>(PythonPrintScope{changes, {}});
           }),
           py::arg("precision") = py::none(), py::arg("threshold") = py::none(), py::arg("edgeitems") = py::none(),
           py::arg("linewidth") = py::none(), py::arg("profile") = py::none(), py::arg("sci_mode") = py::none())
      .def("__enter__", [](PythonPrintScope& scope) { scope.scopes.enter(changed(print_options(), scope.changes)); })
      .def("__exit__", [](PythonPrintScope& scope, const py::args&) { scope.scopes.leave(); });
  module.def(
      "set_printoptions",
      [](std::optional<int> precision, std::optional<double> threshold, std::optional<int64_t> edgeitems,
         std::optional<int64_t> linewidth, std::optional<std::string> profile, std::optional<bool> sci_mode) {
        set_print_options(changed(
            print_options(), changes_of(precision, threshold, edgeitems, linewidth, std::move(profile), sci_mode)));
      },
      py::arg("precision") = py::none(), py::arg("threshold") = py::none(), py::arg("edgeitems") = py::none(),
      py::arg("linewidth") = py::none(), py::arg("profile") = py::none(), py::arg("sci_mode") = py::none(),
      "Sets how tensors are written, in the whole process. What is not given stays as it is.\n\n"
      "Parameters\n----------\nprecision : int, optional\n    Digits after the point; at first 4.\n"
      "threshold : int or float, optional\n    Tensors of more elements are abbreviated; at first 1000. May be "
      "infinite.\n"
      "edgeitems : int, optional\n    How many elements an abbreviated axis shows at each end; at first 3.\n"
      "linewidth : int, optional\n    Characters after which a row is continued on a new line; 80 by default.\n"
      "profile : {'default', 'short', 'full'}, optional\n    Sets all options at once; the others given here come "
      "after it. 'short' has a\n    precision of 2 and 2 edge items, 'full' abbreviates nothing.\n"
      "sci_mode : bool, optional\n    Whether floats are written with exponents; None (default) where they differ "
      "much.\n\n"
      "Raises\n------\nValueError\n    For negative numbers, and another profile.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.set_printoptions(precision=2)\n>>> pydl.tensor([1 / 3])\n"
      "tensor([0.33], dtype=float32)\n>>> pydl.set_printoptions(profile='default')\n");
  module.def("get_printoptions", options_as_dict,
             "How tensors are written, by the names of `set_printoptions`.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.get_printoptions()['precision']\n4\n");
}

}  // namespace pydl::python
