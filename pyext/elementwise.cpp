// The elementwise functions and methods, one of each per line of the elementwise table.
#include <string>

#include "bindings.h"
#include "casters.h"
#include "op/elementwise_table.h"
#include "pydl/error.h"
#include "pydl/indexing.h"
#include "pydl/special.h"

namespace pydl::python {

namespace {

std::string unary_doc(const char* name, const char* summary, bool integers) {
  return concat_text(
      summary,
      "\n\nParameters\n----------\nx : Tensor, any shape\n\nReturns\n-------\nTensor\n"
      "    Has the shape of x. Tests give bool; functions of real numbers convert integers to float32.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.",
      name, integers ? "(pydl.tensor([5])).shape\n(1,)\n" : "(pydl.tensor([0.5])).shape\n(1,)\n");
}

// The arguments in the example of a function.
enum class Sample { reals, integers, bools };

std::string sample_call(Sample sample) {
  switch (sample) {
    case Sample::integers: return "(pydl.tensor([5, 6]), pydl.tensor(3)).shape\n(2,)\n";
    case Sample::bools: return "(pydl.tensor([True]), pydl.tensor([False])).shape\n(1,)\n";
    default: return "(pydl.tensor([0.5, 2.0]), pydl.tensor(2.0)).shape\n(2,)\n";
  }
}

std::string binary_doc(const char* name, const char* summary, Sample sample) {
  return concat_text(
      summary,
      "\n\nParameters\n----------\na, b : Tensor or number\n    Their shapes must broadcast.\n\n"
      "Returns\n-------\nTensor\n    Has the broadcast shape and the promoted dtype; comparisons give bool.\n\n"
      "Raises\n------\nValueError\n    When the shapes do not broadcast.\n"
      "OverflowError\n    For a Python number that is out of range for the tensor's dtype. Comparisons accept any\n"
      "    number.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.",
      name, sample_call(sample));
}

using UnaryFunction = Tensor (*)(const Tensor&);
using BinaryFunction = Tensor (*)(const Tensor&, const Tensor&);
using ScalarFunction = Tensor (*)(const Tensor&, Scalar);

void define_unary(py::module_& module, const py::object& type, const char* name, const char* summary,
                  UnaryFunction function, bool integers = false) {
  const auto run = [function](const Tensor& x) { return compute(x.size(), [&] { return function(x); }); };
  module.def(name, run, py::arg("x"), unary_doc(name, summary, integers).c_str());
  method(type, name, run, summary);
}

// One of the two operands may be a number, which takes the dtype of the other.
Tensor call_binary(BinaryFunction function, const py::object& a, const py::object& b) {
  const Tensor left = is_tensor(a.ptr()) || !is_tensor(b.ptr()) ? to_tensor(a) : to_tensor_beside(a, unwrap(b.ptr()));
  const Tensor right = to_tensor_beside(b, left);
  return compute(std::max(left.size(), right.size()), [&] { return function(left, right); });
}

void define_binary(py::module_& module, const char* name, const char* summary, BinaryFunction function,
                   Sample sample = Sample::reals) {
  module.def(
      name, [function](const py::object& a, const py::object& b) { return call_binary(function, a, b); }, py::arg("a"),
      py::arg("b"), binary_doc(name, summary, sample).c_str());
}

// Any of the operands may be a number.
void define_ternary(py::module_& module, const char* name, const char* summary,
                    Tensor (*function)(const Tensor&, const Tensor&, const Tensor&)) {
  module.def(
      name,
      [function](const py::object& a, const py::object& b, const py::object& c) {
        const py::object& like = is_tensor(a.ptr()) ? a : (is_tensor(b.ptr()) ? b : c);
        const Tensor beside = to_tensor(like);
        const auto load = [&](const py::object& x) { return x.is(like) ? beside : to_tensor_beside(x, beside); };
        const Tensor operands[] = {load(a), load(b), load(c)};
        const int64_t size = std::max({operands[0].size(), operands[1].size(), operands[2].size()});
        return compute(size, [&] { return function(operands[0], operands[1], operands[2]); });
      },
      py::arg("a"), py::arg("b"), py::arg("c"),
      concat_text(summary,
                  "\n\nParameters\n----------\na, b, c : Tensor or number\n    Their shapes must broadcast.\n\n"
                  "Returns\n-------\nTensor\n    Has the broadcast shape and the promoted dtype.\n\n"
                  "Examples\n--------\n>>> import pydl\n>>> pydl.",
                  name, "(pydl.tensor([0.5, 2.0]), 0.0, 1.0).shape\n(2,)\n")
          .c_str());
}

// The comparison with its sides swapped.
ScalarFunction turned(ScalarFunction function) {
  if (function == static_cast<ScalarFunction>(less)) return greater;
  if (function == static_cast<ScalarFunction>(less_equal)) return greater_equal;
  if (function == static_cast<ScalarFunction>(greater)) return less;
  if (function == static_cast<ScalarFunction>(greater_equal)) return less_equal;
  return function;
}

// A number is compared with a tensor exactly, even if it is out of range for the dtype.
void define_comparison(py::module_& module, const char* name, const char* summary, BinaryFunction function,
                       ScalarFunction with_number) {
  const auto run = [=](const py::object& a, const py::object& b) {
    const bool left = is_tensor(a.ptr());
    const bool right = is_tensor(b.ptr());
    const auto number = left == right ? std::nullopt : as_scalar((left ? b : a).ptr());
    if (!number) return call_binary(function, a, b);
    const Tensor& x = unwrap((left ? a : b).ptr());
    return compute(x.size(), [&] { return (left ? with_number : turned(with_number))(x, *number); });
  };
  module.def(name, run, py::arg("a"), py::arg("b"), binary_doc(name, summary, Sample::reals).c_str());
}

#define PYDL_BIND_UNARY(name, doc) define_unary(module, type, #name, doc, &pydl::name);
#define PYDL_BIND_UNARY_FLOAT(name, doc) PYDL_BIND_UNARY(name, doc)
#define PYDL_BIND_UNARY_TEST(name, doc) PYDL_BIND_UNARY(name, doc)
#define PYDL_BIND_BINARY(name, doc) define_binary(module, #name, doc, &pydl::name);
#define PYDL_BIND_BINARY_FLOAT(name, doc) PYDL_BIND_BINARY(name, doc)
#define PYDL_BIND_UNARY_INTEGER(name, doc) define_unary(module, type, #name, doc, &pydl::name, true);
#define PYDL_BIND_BINARY_INTEGER(name, doc) define_binary(module, #name, doc, &pydl::name, Sample::integers);
#define PYDL_BIND_COMPARE(name, doc) define_comparison(module, #name, doc, &pydl::name, &pydl::name);
#define PYDL_BIND_LOGICAL(name, doc) define_binary(module, #name, doc, &pydl::name, Sample::bools);
#define PYDL_BIND_TERNARY_FLOAT(name, doc) define_ternary(module, #name, doc, &pydl::name);
#define PYDL_BIND(kind, name, doc, ...) PYDL_BIND_##kind(name, doc)

// A bound as a tensor. It is undefined if there is none, or if no element of the dtype can violate it.
Tensor bound_of(const py::object& bound, const Tensor& x, bool is_upper) {
  if (bound.is_none()) return {};
  const auto number = as_scalar(bound.ptr());
  if (number && is_integer(x.dtype()) && !number->is_floating()) {
    const auto [least, most] = integer_range(x.dtype());
    const double value = number->to_double();
    const bool beyond = number->is_large() ? (value > 0) == is_upper
                                           : (is_upper ? number->to_int64() >= most : number->to_int64() <= least);
    if (beyond) return {};
  }
  return to_tensor_beside(bound, x);
}

Tensor clip_between(const Tensor& x, const py::object& low, const py::object& high) {
  if (x.dtype() == DType::boolean) throw TypeError("clip: bool has no arithmetic; use astype");
  const Tensor lower = bound_of(low, x, false);
  const Tensor upper = bound_of(high, x, true);
  return compute(x.size(), [&]() -> Tensor {
    if (!lower.defined()) return upper.defined() ? minimum(x, upper) : x;
    return upper.defined() ? clip(x, lower, upper) : maximum(x, lower);
  });
}

// Replaces a function of the table by one with a better signature.
template <class Function, class... Extra>
void redefine(py::module_& module, const char* name, const Function& function, const Extra&... extra) {
  module.attr(name) = py::none();
  module.def(name, function, extra...);
}

// Python's round(x, digits), in floating point as NumPy computes it: multiplied, rounded to the nearest integer, with
// halves to the even one, and divided.
Tensor rounded(const Tensor& x, std::optional<int64_t> digits) {
  const int64_t places = digits.value_or(0);
  if (!is_floating(x.dtype())) {
    if (places >= 0) return x;
    throw TypeError(
        concat_text("round: expected a floating-point tensor for a negative number of digits, got ", x.dtype()));
  }
  if (places == 0) return round(x);
  const double power = std::pow(10.0, static_cast<double>(std::abs(places)));
  const Tensor result = places > 0 ? round(x * power) / power : round(x / power) * power;
  // Numbers so large that their products overflow have no digits to round.
  return where(isfinite(result), result, x);
}

// In place of the function of the table of ops, which has no decimals.
void define_round(py::module_& module, const py::object& type) {
  const auto round_to = [](const Tensor& x, int64_t decimals) {
    return compute(x.size(), [&] { return decimals == 0 ? round(x) : rounded(x, decimals); });
  };
  redefine(module, "round", round_to, py::arg("x"), py::arg("decimals") = 0,
           "Nearest number with so many decimals, an even one if two are equally near.\n\n"
           "Parameters\n----------\nx : Tensor, any shape\ndecimals : int, default 0\n"
           "    Negative ones round to tens, hundreds and so on.\n\n"
           "Examples\n--------\n>>> import pydl\n>>> pydl.round(pydl.tensor([1.26, -2.5]), 1).tolist()\n"
           "[1.2999999523162842, -2.5]\n");
  method(type, "__round__", rounded, py::arg("digits") = py::none());
  type.attr("round") = py::none();
  method(type, "round", round_to, py::arg("decimals") = 0, "See `pydl.round`.");
}

// In place of the function of the table of ops, which has no bound.
void define_logit(py::module_& module, const py::object& type) {
  const auto bounded = [](const Tensor& x, std::optional<double> eps) {
    if (eps && !(*eps >= 0 && *eps <= 0.5)) {
      throw ValueError(concat_text("logit: expected eps from 0 to 0.5, got ", *eps));
    }
    return compute(x.size(), [&] {
      if (!eps) return logit(x);
      const Tensor floating = is_floating(x.dtype()) ? x : astype(x, DType::float32);
      return logit(clip(floating, scalar_like(*eps, floating), scalar_like(1 - *eps, floating)));
    });
  };
  redefine(module, "logit", bounded, py::arg("x"), py::arg("eps") = py::none(),
           "log(x / (1 - x)), the inverse of `sigmoid`.\n\n"
           "Parameters\n----------\nx : Tensor, any shape\neps : float, optional\n"
           "    In [0, 0.5]: x is limited to [eps, 1 - eps] first, as in PyTorch.\n\n"
           "Returns\n-------\nTensor\n    Has the shape of x; integers are converted to float32.\n\n"
           "Examples\n--------\n>>> import pydl\n>>> pydl.logit(pydl.tensor([0.5, 1.0]), eps=0.5).tolist()\n"
           "[0.0, 0.0]\n");
  type.attr("logit") = py::none();
  method(type, "logit", bounded, py::arg("eps") = py::none(), "See `pydl.logit`.");
}

// Some activations have numeric parameters with default values.
void define_parametric(py::module_& module) {
  const auto with_parameter = [](BinaryFunction function) {
    return [function](const Tensor& x, const py::object& parameter) {
      const Tensor value = to_tensor_beside(parameter, x);
      return compute(x.size(), [&] { return function(x, value); });
    };
  };
  redefine(module, "leaky_relu", with_parameter(&leaky_relu), py::arg("x"), py::arg("negative_slope") = 0.01,
           "x if positive, else negative_slope * x.\n\nParameters\n----------\nx : Tensor, any shape\n"
           "negative_slope : float or Tensor\n\nExamples\n--------\n>>> import pydl\n"
           ">>> pydl.leaky_relu(pydl.tensor([-1.0, 2.0]), 0.5)\ntensor([-0.5000,  2.0000], dtype=float32)\n");
  redefine(module, "elu", with_parameter(&elu), py::arg("x"), py::arg("alpha") = 1.0,
           "x if positive, else alpha * (exp(x) - 1) (Clevert et al., 2015).\n\nParameters\n----------\n"
           "x : Tensor, any shape\nalpha : float or Tensor\n\nExamples\n--------\n>>> import pydl\n"
           ">>> pydl.elu(pydl.tensor([0.0, 2.0]))\ntensor([0., 2.], dtype=float32)\n");
  redefine(
      module, "gelu",
      [](const Tensor& x, const std::string& approximate) {
        if (approximate != "none" && approximate != "tanh") {
          throw ValueError(concat_text("gelu: expected approximate 'none' or 'tanh', got '", approximate, "'"));
        }
        return compute(x.size(), [&] { return approximate == "none" ? gelu(x) : gelu_tanh(x); });
      },
      py::arg("x"), py::arg("approximate") = "none",
      "Gaussian error linear unit: x * Phi(x) (Hendrycks and Gimpel, 2016).\n\n"
      "Parameters\n----------\nx : Tensor, any shape\napproximate : {'none', 'tanh'}\n"
      "    Phi by the error function, or by the hyperbolic tangent.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.gelu(pydl.tensor([0.0]))\ntensor([0.], dtype=float32)\n");
}

Tensor choose(const Tensor& condition, const py::object& a, const py::object& b) {
  const Tensor left = is_tensor(a.ptr()) || !is_tensor(b.ptr()) ? to_tensor(a) : to_tensor_beside(a, unwrap(b.ptr()));
  const Tensor right = to_tensor_beside(b, left);
  return compute(condition.size(), [&] { return where(condition, left, right); });
}

py::typing::Tuple<Tensor, py::ellipsis> positions_where(const Tensor& condition) {
  try {
    return py::tuple(py::cast(compute(condition.size(), [&] { return nonzero(condition); })));
  } catch (const TraceError&) {
    throw TraceError(
        "where: how many positions there are depends on values, but functions that are compiled or vmapped have fixed "
        "shapes; use where(condition, a, b)");
  }
}

}  // namespace

void define_elementwise(py::module_& module, const py::object& type) {
  PYDL_ELEMENTWISE_TABLE(PYDL_BIND)
  define_parametric(module);
  define_round(module, type);
  define_logit(module, type);
  module.def("where", choose, py::arg("condition"), py::arg("a"), py::arg("b"),
             "a where the condition holds, else b; of a condition alone, the positions where it is not 0.\n\n"
             "Parameters\n----------\ncondition : Tensor of bool\n    Alone, of any dtype, as for `nonzero`.\n"
             "a, b : Tensor or number\n    All three broadcast.\n\n"
             "Returns\n-------\nTensor, or tuple of Tensor, int64\n"
             "    Of a condition alone, one tensor of positions per axis. A compiled function cannot compute these,\n"
             "    because their number depends on values.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([-1.0, 2.0])\n>>> pydl.where(x > 0, x, 0)\n"
             "tensor([0., 2.], dtype=float32)\n>>> pydl.where(x > 0)[0].tolist()\n[1]\n");
  module.def("where", positions_where, py::arg("condition"),
             "The positions where a condition is not 0: one tensor per axis.");
  constexpr const char* clip_doc =
      "x limited to [min, max].\n\nParameters\n----------\nx : Tensor, any shape\nmin, max : number, Tensor or None\n"
      "    None leaves that side unlimited, as does an integer beyond the range of x's dtype on that side.\n\n"
      "Raises\n------\nOverflowError\n    When all elements would become a number that is out of range for x's "
      "dtype.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.clip(pydl.tensor([-1.0, 0.5, 2.0]), 0, 1)\ntensor([0.0000, 0.5000, 1.0000], dtype=float32)\n";
  module.def("clip", clip_between, py::arg("x"), py::arg("min") = py::none(), py::arg("max") = py::none(), clip_doc);
  method(type, "clip", clip_between, py::arg("min") = py::none(), py::arg("max") = py::none(), clip_doc);
  constexpr const char* astype_doc =
      "The same values in another dtype.\n\n"
      "Floating-point numbers are truncated to integers; anything but 0 is True. As in NumPy, integers keep the "
      "lowest\n"
      "bits. Numbers that are not finite or out of range for the integers become unspecified integers.\n\n"
      "Parameters\n----------\nx : Tensor, any shape\ndtype : dtype\ncopy : bool\n"
      "    False returns the tensor itself if it already has that dtype, as `Tensor.to` does; True a copy.\n"
      "device : 'cpu', optional\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.astype(pydl.tensor([1.9]), pydl.int32)\ntensor([1], "
      "dtype=int32)\n";
  const auto convert = [](const Tensor& x, DType dtype, bool copied, Device) {
    return compute(x.size(), [&] { return copied && x.dtype() == dtype ? copy(x) : astype(x, dtype); });
  };
  module.def("astype", convert, py::arg("x"), py::arg("dtype"), py::kw_only(), py::arg("copy") = true,
             py::arg("device") = py::none(), astype_doc);
  method(type, "astype", convert, py::arg("dtype"), py::kw_only(), py::arg("copy") = true,
         py::arg("device") = py::none(), astype_doc);
}

}  // namespace pydl::python
