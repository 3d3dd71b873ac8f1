// Elementwise functions that are composed of others, those with parameters, and methods for functions of two operands.
#include <string>

#include "bindings.h"
#include "casters.h"
#include "pydl/random.h"
#include "pydl/special.h"

namespace pydl::python {

namespace {

// A docstring: summary, parameters, errors (or nothing), example.
std::string doc_of(const char* summary, const char* parameters, const char* errors, const char* example) {
  const std::string raised = *errors == '\0' ? "" : concat_text("\nRaises\n------\n", errors);
  return concat_text(summary, "\n\nParameters\n----------\n", parameters,
                     "\nReturns\n-------\nTensor\n    Has the broadcast shape.\n", raised,
                     "\nExamples\n--------\n>>> import pydl\n", example);
}

// Replaces a function that the table of ops has defined by one with better names and default values.
template <class Function, class... Extra>
void define_again(py::module_& module, const char* name, const Function& function, const Extra&... extra) {
  module.attr(name) = py::none();
  module.def(name, function, extra...);
}

Tensor beside(const py::object& value, const Tensor& x) { return to_tensor_beside(value, x); }

// A number; the elements of a tensor are not read.
void require_not_negative(const char* name, const py::object& bound) {
  const auto number = as_scalar(bound.ptr());
  if (!number || !(number->to_real() < 0)) return;
  throw ValueError(concat_text(name, ": expected a lambd of at least 0, got ", number->to_real()));
}

// Activations with parameters, which may be tensors.
void define_parametric_activations(py::module_& module) {
  const auto with_parameter = [](Tensor (*function)(const Tensor&, const Tensor&)) {
    return [function](const Tensor& x, const py::object& parameter) {
      const Tensor value = beside(parameter, x);
      return compute(x.size(), [&] { return function(x, value); });
    };
  };
  const auto shrink = [](const char* name, Tensor (*function)(const Tensor&, const Tensor&)) {
    return [name, function](const Tensor& x, const py::object& lambd) {
      require_not_negative(name, lambd);
      const Tensor value = beside(lambd, x);
      return compute(x.size(), [&] { return function(x, value); });
    };
  };
  const auto with_two = [](Tensor (*function)(const Tensor&, const Tensor&, const Tensor&)) {
    return [function](const Tensor& x, const py::object& first, const py::object& second) {
      const Tensor a = beside(first, x);
      const Tensor b = beside(second, x);
      return compute(x.size(), [&] { return function(x, a, b); });
    };
  };
  define_again(
      module, "hardshrink", shrink("hardshrink", &hardshrink), py::arg("x"), py::arg("lambd") = 0.5,
      doc_of("x, but 0 within [-lambd, lambd].", "x : Tensor, any shape\nlambd : float or Tensor, at least 0\n",
             "ValueError\n    For a negative number. The elements of a tensor are not checked.\n",
             ">>> pydl.hardshrink(pydl.tensor([-1.0, 0.25, 2.0])).tolist()\n[-1.0, 0.0, 2.0]\n")
          .c_str());
  define_again(module, "softshrink", shrink("softshrink", &softshrink), py::arg("x"), py::arg("lambd") = 0.5,
               doc_of("x moved towards 0 by lambd, 0 within [-lambd, lambd].",
                      "x : Tensor, any shape\nlambd : float or Tensor, at least 0\n",
                      "ValueError\n    For a negative number. The elements of a tensor are not checked.\n",
                      ">>> pydl.softshrink(pydl.tensor([-1.0, 0.25, 2.0])).tolist()\n[-0.5, 0.0, 1.5]\n")
                   .c_str());
  define_again(module, "celu", with_parameter(&celu), py::arg("x"), py::arg("alpha") = 1.0,
               doc_of("x where positive, else alpha * (exp(x / alpha) - 1) (Barron, 2017).",
                      "x : Tensor, any shape\nalpha : float or Tensor\n", "",
                      ">>> pydl.celu(pydl.tensor([0.0, 2.0])).tolist()\n[0.0, 2.0]\n")
                   .c_str());
  define_again(module, "hardtanh", with_two(&hardtanh), py::arg("x"), py::arg("min_val") = -1.0,
               py::arg("max_val") = 1.0,
               doc_of("x limited to [min_val, max_val]; unlike that of `clip`, its gradient is 0 at both limits.",
                      "x : Tensor, any shape\nmin_val, max_val : float or Tensor\n", "",
                      ">>> pydl.hardtanh(pydl.tensor([-2.0, 0.5, 2.0])).tolist()\n[-1.0, 0.5, 1.0]\n")
                   .c_str());
  module.def("threshold", with_two(&threshold), py::arg("x"), py::arg("threshold"), py::arg("value"),
             doc_of("x where it is larger than the threshold, else `value`.",
                    "x : Tensor, any shape\nthreshold, value : float or Tensor\n", "",
                    ">>> pydl.nn.functional.threshold(pydl.tensor([0.5, 2.0]), 1.0, -1.0).tolist()\n[-1.0, 2.0]\n")
                 .c_str());
  module.def("prelu", with_parameter(&prelu), py::arg("x"), py::arg("weight"),
             doc_of("x where positive, else weight * x (He et al., 2015).",
                    "x : Tensor (N, C, ...), or of any shape\nweight : float or Tensor\n"
                    "    One weight for all elements, or one per channel (C).\n",
                    "ValueError\n    For a weight of another shape.\n",
                    ">>> x = pydl.tensor([[-1.0, -1.0]])\n>>> pydl.nn.functional.prelu(x, pydl.tensor([0.5, 0.25]))"
                    ".tolist()\n[[-0.5, -0.25]]\n")
                 .c_str());
}

void define_bessel(py::module_& module) {
  const auto define = [&](const char* name, Tensor (*function)(const Tensor&), const char* summary,
                          const char* example) {
    module.def(
        name, [function](const Tensor& x) { return compute(x.size() * 64, [&] { return function(x); }); }, py::arg("x"),
        doc_of(summary, "x : Tensor, any shape\n    Integers are converted to float32; all are computed in float64.\n",
               "", example)
            .c_str());
  };
  define("i0", i0, "Modified Bessel function of the first kind, of order 0.",
         ">>> pydl.i0(pydl.tensor([0.0])).tolist()\n[1.0]\n");
  define("i0e", i0e, "exp(-|x|) times `i0`, without overflow.", ">>> pydl.i0e(pydl.tensor([0.0])).tolist()\n[1.0]\n");
  define("i1", i1, "Modified Bessel function of the first kind, of order 1: the derivative of `i0`.",
         ">>> pydl.i1(pydl.tensor([0.0])).tolist()\n[0.0]\n");
  define("i1e", i1e, "exp(-|x|) times `i1`, without overflow.", ">>> pydl.i1e(pydl.tensor([0.0])).tolist()\n[0.0]\n");
}

void define_other_activations(py::module_& module) {
  module.def(
      "ndtr", [](const Tensor& x) { return compute(x.size(), [&] { return ndtr(x); }); }, py::arg("x"),
      doc_of("The probability that a standard normal number is at most x: erfc(-x / sqrt(2)) / 2.",
             "x : Tensor, any shape\n    Integers are converted to float32.\n", "",
             ">>> pydl.ndtr(pydl.tensor([0.0])).tolist()\n[0.5]\n")
          .c_str());
  module.def(
      "tanhshrink", [](const Tensor& x) { return compute(x.size(), [&] { return tanhshrink(x); }); }, py::arg("x"),
      doc_of("x - tanh(x).", "x : Tensor, any shape\n", "",
             ">>> pydl.nn.functional.tanhshrink(pydl.tensor([0.0])).tolist()\n[0.0]\n")
          .c_str());
  module.def(
      "glu", [](const Tensor& x, int64_t axis) { return compute(x.size(), [&] { return glu(x, axis); }); },
      py::arg("x"), py::arg("axis") = -1,
      "Gated linear unit: the first half along an axis, times the sigmoid of the second half (Dauphin et al., 2017)."
      "\n\nParameters\n----------\nx : Tensor\naxis : int, default -1\n    Its size must be even.\n\n"
      "Returns\n-------\nTensor\n    Half as large along the axis.\n\n"
      "Raises\n------\nIndexError\n    If x does not have that axis.\nValueError\n    If its size is odd.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.nn.functional.glu(pydl.tensor([3.0, 4.0, 0.0, 0.0])).tolist()\n[1.5, 2.0]\n");
  module.def(
      "rrelu",
      [](const Tensor& x, double lower, double upper, bool training, Generator* generator) {
        return compute(x.size(), [&] {
          return rrelu(x, lower, upper, training, generator == nullptr ? default_generator() : *generator);
        });
      },
      py::arg("x"), py::arg("lower") = 1.0 / 8, py::arg("upper") = 1.0 / 3, py::arg("training") = false,
      py::arg("generator") = py::none(),
      doc_of("x where positive, else x times a slope (Xu et al., 2015).",
             "x : Tensor, any shape\nlower, upper : float\n    Limits of the slopes.\ntraining : bool, default False\n"
             "    Whether the slopes are random, one per element; otherwise they are the mean of the limits.\n"
             "generator : Generator, optional\n    Source of randomness instead of the default one.\n",
             "ValueError\n    If `lower` is larger than `upper`.\n",
             ">>> pydl.nn.functional.rrelu(pydl.tensor([-1.0, 2.0]), 0.25, 0.75).tolist()\n[-0.5, 2.0]\n")
          .c_str());
}

// Two operands, one of which may be a number.
template <class Function>
auto of_two(const Function& function) {
  return [function](const py::object& a, const py::object& b) {
    const Tensor left = is_tensor(a.ptr()) || !is_tensor(b.ptr()) ? to_tensor(a) : beside(a, unwrap(b.ptr()));
    const Tensor right = beside(b, left);
    return compute(std::max(left.size(), right.size()), [&] { return function(left, right); });
  };
}

constexpr const char* operands_doc = "a, b : Tensor or number\n    Their shapes must broadcast.\n";
constexpr const char* broadcast_error = "ValueError\n    If the shapes do not broadcast.\n";

void define_closeness(py::module_& module, const py::object& type) {
  const auto close = [](const py::object& a, const py::object& b, double rtol, double atol, bool equal_nan) {
    return of_two([=](const Tensor& x, const Tensor& y) { return isclose(x, y, rtol, atol, equal_nan); })(a, b);
  };
  const auto all_close = [](const py::object& a, const py::object& b, double rtol, double atol, bool equal_nan) {
    return of_two([=](const Tensor& x, const Tensor& y) { return allclose(x, y, rtol, atol, equal_nan); })(a, b);
  };
  constexpr const char* tolerances =
      "a, b : Tensor or number\n    Their shapes must broadcast.\nrtol, atol : float\n    Tolerances.\n"
      "equal_nan : bool, default False\n    Whether two values that are not a number are close.\n";
  const std::string close_doc =
      doc_of("Whether |a - b| <= atol + rtol * |b|, or both are the same infinity.", tolerances, broadcast_error,
             ">>> pydl.isclose(pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 2.1])).tolist()\n[True, False]\n");
  const std::string all_doc = concat_text(
      "Whether `isclose` holds for all elements.\n\nParameters\n----------\n", tolerances,
      "\nReturns\n-------\nbool\n\nRaises\n------\nValueError\n    If the shapes do not broadcast.\nTraceError\n"
      "    Inside a compiled function, which cannot read elements: use ``isclose(a, b).all()``.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.allclose(pydl.tensor([1.0]), 1.0 + 1e-7)\nTrue\n");
  module.def("isclose", close, py::arg("a"), py::arg("b"), py::arg("rtol") = 1e-5, py::arg("atol") = 1e-8,
             py::arg("equal_nan") = false, close_doc.c_str());
  module.def("allclose", all_close, py::arg("a"), py::arg("b"), py::arg("rtol") = 1e-5, py::arg("atol") = 1e-8,
             py::arg("equal_nan") = false, all_doc.c_str());
  method(type, "isclose", close, py::arg("b"), py::arg("rtol") = 1e-5, py::arg("atol") = 1e-8,
         py::arg("equal_nan") = false, "See `pydl.isclose`.");
  method(type, "allclose", all_close, py::arg("b"), py::arg("rtol") = 1e-5, py::arg("atol") = 1e-8,
         py::arg("equal_nan") = false, "See `pydl.allclose`.");
}

void define_arithmetic(py::module_& module) {
  module.def("nextafter", of_two(&nextafter), py::arg("a"), py::arg("b"),
             doc_of("The next number of the dtype after a towards b; b where they are equal.", operands_doc,
                    broadcast_error, ">>> pydl.nextafter(pydl.tensor(1.0), 2.0).item() - 1\n1.1920928955078125e-07\n")
                 .c_str());
  module.def("float_power", of_two(&float_power), py::arg("a"), py::arg("b"),
             doc_of("a to the power b, in float64.", operands_doc, broadcast_error,
                    ">>> pydl.float_power(pydl.tensor([2, 3]), -1)[0].item()\n0.5\n")
                 .c_str());
}

void define_unary_functions(py::module_& module, const py::object& type) {
  const auto define = [&](const char* name, Tensor (*function)(const Tensor&), const char* summary,
                          const char* example) {
    const auto run = [function](const Tensor& x) { return compute(x.size(), [&] { return function(x); }); };
    module.def(name, run, py::arg("x"), doc_of(summary, "x : Tensor, any shape\n", "", example).c_str());
    method(type, name, run, summary);
  };
  define("positive", &positive, "x itself.", ">>> pydl.positive(pydl.tensor([-1.0])).tolist()\n[-1.0]\n");
  define("deg2rad", &deg2rad, "Degrees as radians: x * pi / 180.",
         ">>> pydl.deg2rad(pydl.tensor(180.0))\ntensor(3.1416, dtype=float32)\n");
  define("rad2deg", &rad2deg, "Radians as degrees: x * 180 / pi.",
         ">>> pydl.rad2deg(pydl.tensor(0.0))\ntensor(0., dtype=float32)\n");
  const auto replace = [](const Tensor& x, double nan, std::optional<double> posinf, std::optional<double> neginf) {
    return compute(x.size(), [&] { return nan_to_num(x, nan, posinf, neginf); });
  };
  module.def("nan_to_num", replace, py::arg("x"), py::arg("nan") = 0.0, py::arg("posinf") = py::none(),
             py::arg("neginf") = py::none(),
             doc_of("x with numbers in place of what is not a number, and of infinities.",
                    "x : Tensor, any shape\n    Integers are unchanged.\nnan : float, default 0.0\n"
                    "posinf, neginf : float, optional\n    By default the largest and the smallest number of the dtype."
                    "\n",
                    "", ">>> pydl.nan_to_num(pydl.tensor([float('nan'), 1.0])).tolist()\n[0.0, 1.0]\n")
                 .c_str());
  method(type, "nan_to_num", replace, py::arg("nan") = 0.0, py::arg("posinf") = py::none(),
         py::arg("neginf") = py::none(), "See `pydl.nan_to_num`.");
}

// Methods for functions of two operands, as PyTorch has them: x.maximum(y) is pydl.maximum(x, y).
void define_binary_methods(py::module_& module, const py::object& type) {
  for (const char* name : {"add",
                           "subtract",
                           "multiply",
                           "divide",
                           "floor_divide",
                           "remainder",
                           "fmod",
                           "pow",
                           "maximum",
                           "minimum",
                           "atan2",
                           "hypot",
                           "copysign",
                           "logaddexp",
                           "xlogy",
                           "logical_and",
                           "logical_or",
                           "logical_xor",
                           "bitwise_and",
                           "bitwise_or",
                           "bitwise_xor",
                           "bitwise_left_shift",
                           "bitwise_right_shift"}) {
    method(
        type, name,
        [function = py::object(module.attr(name))](const py::object& self, const py::object& other) {
          return function(self, other);
        },
        py::arg("other"), concat_text("See `pydl.", name, "`.").c_str());
  }
  method(
      type, "lerp",
      [function = py::object(module.attr("lerp"))](const py::object& self, const py::object& end,
                                                   const py::object& weight) { return function(self, end, weight); },
      py::arg("end"), py::arg("weight"), "See `pydl.lerp`.");
}

}  // namespace

void define_special(py::module_& module, const py::object& type) {
  define_parametric_activations(module);
  define_bessel(module);
  define_other_activations(module);
  define_closeness(module, type);
  define_arithmetic(module);
  define_unary_functions(module, type);
  define_binary_methods(module, type);
}

}  // namespace pydl::python
