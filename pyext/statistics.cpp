// Running reductions, statistics and counts (pydl/statistics.h), as functions and methods.
#include "pydl/statistics.h"

#include "bindings.h"
#include "casters.h"
#include "core/named.h"
#include "correction.h"

namespace pydl::python {

namespace {

using Results = std::pair<Tensor, Tensor>;
using OptionalTensor = std::optional<Tensor>;
using Statistic = Tensor (*)(const Tensor&, const Axes&, bool);
using Spread = Tensor (*)(const Tensor&, const Axes&, double, bool);

Tensor or_undefined(const OptionalTensor& x) { return x.value_or(Tensor{}); }

// The documentation of a reduction over axes.
std::string statistic_doc(const std::string& summary, const std::string& result, const std::string& example,
                          const std::string& more = "") {
  return concat_text(summary,
                     "\n\nParameters\n----------\nx : Tensor, any shape\naxis : int or tuple of int, optional\n"
                     "    Axes to reduce; all by default.\n",
                     more, "keepdims : bool\n    Whether reduced axes are kept with size 1.\n\nReturns\n-------\n",
                     result, "\n\nExamples\n--------\n>>> import pydl\n", example);
}

void define_statistic(py::module_& module, const py::object& type, const char* name, const char* summary,
                      const char* result, const char* example, Statistic function) {
  const auto run = [function](const Tensor& x, const AxisArgument& axis, bool keepdims) {
    return compute(x.size(), [&] { return function(x, axis.axes, keepdims); });
  };
  const std::string doc = statistic_doc(summary, concat_text("Tensor\n    ", result), example);
  module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, doc.c_str());
  method(type, name, run, py::arg("axis") = py::none(), py::arg("keepdims") = false,
         concat_text("See `pydl.", name, "`.").c_str());
}

constexpr const char* correction_doc =
    "correction : float, optional\n    Subtracted from the number of elements to divide by: 0, the default, for the "
    "population, 1 for a sample.\nunbiased : bool, optional\n    PyTorch's name: True for a correction of 1, False for "
    "0.\n";

void define_spread(py::module_& module, const char* name, const char* summary, const char* example, Spread function) {
  const auto run = [name, function](const Tensor& x, const AxisArgument& axis, std::optional<double> correction,
                                    bool keepdims, std::optional<bool> unbiased) {
    const double subtracted = given_correction(name, correction, {}, unbiased);
    return compute(x.size(), [&] { return function(x, axis.axes, subtracted, keepdims); });
  };
  const std::string doc = statistic_doc(summary, "Tensor\n    Floating point; NaN where too few elements are left.",
                                        example, correction_doc);
  module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("correction") = py::none(),
             py::arg("keepdims") = false, py::kw_only(), py::arg("unbiased") = py::none(), doc.c_str());
}

template <SpreadAndMean (*function)(const Tensor&, const Axes&, double, bool)>
void define_spread_and_mean(py::module_& module, const char* name, const char* summary, const char* example) {
  const auto run = [name](const Tensor& x, const AxisArgument& axis, std::optional<double> correction, bool keepdims,
                          std::optional<bool> unbiased) {
    const double subtracted = given_correction(name, correction, {}, unbiased);
    const auto found = compute(x.size(), [&] { return function(x, axis.axes, subtracted, keepdims); });
    return Results(found.spread, found.mean);
  };
  const std::string doc = statistic_doc(summary, "tuple of Tensor\n    Floating point.", example, correction_doc);
  module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("correction") = py::none(),
             py::arg("keepdims") = false, py::kw_only(), py::arg("unbiased") = py::none(), doc.c_str());
}

void define_extrema(py::module_& module, const py::object& type) {
  const char* same = "Has the dtype of x.";
  define_statistic(module, type, "amax",
                   "Largest element over axes, as `max`; NaN if there is one. Equal elements share the gradient.", same,
                   ">>> pydl.amax(pydl.tensor([[1, 2], [3, 4]]), axis=0)\ntensor([3, 4], dtype=int64)\n", amax);
  define_statistic(module, type, "amin",
                   "Smallest element over axes, as `min`; NaN if there is one. Equal elements share the gradient.",
                   same, ">>> pydl.amin(pydl.tensor([[1, 2], [3, 4]]), axis=0)\ntensor([1, 2], dtype=int64)\n", amin);
  const auto both = [](const Tensor& x, const AxisArgument& axis, bool keepdims) {
    const Extrema found = compute(x.size(), [&] { return aminmax(x, axis.axes, keepdims); });
    return Results(found.min, found.max);
  };
  const std::string doc =
      statistic_doc("Smallest and largest element over axes; NaN if there is one.",
                    "tuple of Tensor\n    The minima and the maxima, of the dtype of x.",
                    ">>> low, high = pydl.aminmax(pydl.tensor([3, 1, 2]))\n>>> low.item(), high.item()\n(1, 3)\n");
  module.def("aminmax", both, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, doc.c_str());
  method(type, "aminmax", both, py::arg("axis") = py::none(), py::arg("keepdims") = false, "See `pydl.aminmax`.");

  const auto distance = [](const Tensor& x, const AxisArgument& axis, bool keepdims) {
    return compute(x.size(), [&] { return ptp(x, axis.axes, keepdims); });
  };
  const std::string ptp_doc =
      statistic_doc("The distance from the smallest to the largest element over axes.",
                    "Tensor\n    Has the dtype of x.", ">>> pydl.ptp(pydl.tensor([3, 1, 8])).item()\n7\n");
  module.def("ptp", distance, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, ptp_doc.c_str());
  // numpy.ptp calls this method, and passes `out`.
  const auto distance_method = [distance](const Tensor& x, const AxisArgument& axis, bool keepdims,
                                          const py::object& out) {
    if (!out.is_none()) throw TypeError("ptp: expected out=None, because reductions return a new tensor");
    return distance(x, axis, keepdims);
  };
  method(type, "ptp", distance_method, py::arg("axis") = py::none(), py::arg("keepdims") = false, py::kw_only(),
         py::arg("out") = py::none(), "See `pydl.ptp`. `out` must be None.");
}

void define_means(py::module_& module) {
  define_spread_and_mean<std_mean>(module, "std_mean", "Standard deviation and mean over axes.",
                                   ">>> deviation, mean = pydl.std_mean(pydl.tensor([1.0, 3.0]))\n"
                                   ">>> deviation.item(), mean.item()\n(1.0, 2.0)\n");
  define_spread_and_mean<var_mean>(module, "var_mean", "Variance and mean over axes.",
                                   ">>> variance, mean = pydl.var_mean(pydl.tensor([1.0, 5.0]))\n"
                                   ">>> variance.item(), mean.item()\n(4.0, 3.0)\n");
  const std::string doc = statistic_doc(
      "The mean over axes with weights.\n\nNaN where the weights add up to 0.", "Tensor\n    Floating point.",
      ">>> pydl.average(pydl.tensor([1.0, 4.0]), weights=[2.0, 1.0])\ntensor(2., dtype=float32)\n",
      "weights : Tensor, optional\n    Of the shape of x, or (n,) for the n elements of the one axis to reduce. Equal "
      "by default.\n");
  module.def(
      "average",
      [](const Tensor& x, const AxisArgument& axis, const OptionalTensor& weights, bool keepdims) {
        return compute(x.size(), [&] { return average(x, or_undefined(weights), axis.axes, keepdims); });
      },
      py::arg("x"), py::arg("axis") = py::none(), py::arg("weights") = py::none(), py::arg("keepdims") = false,
      doc.c_str());
}

void define_without_nan(py::module_& module, const py::object& type) {
  const char* real = "Floating point; integers are converted to float32. NaN where there is nothing else.";
  const char* same = "Has the dtype of x. NaN where there is nothing else.";
  define_statistic(module, type, "nansum", "Sum over axes without NaN.",
                   "Has the dtype of x; for integers and bools, int64. 0 where there is nothing but NaN.",
                   ">>> pydl.nansum(pydl.tensor([1.0, float('nan'), 2.0]))\ntensor(3., dtype=float32)\n", nansum);
  define_statistic(module, type, "nanmean", "Arithmetic mean over axes without NaN.", real,
                   ">>> pydl.nanmean(pydl.tensor([1.0, float('nan'), 2.0]))\ntensor(1.5000, dtype=float32)\n", nanmean);
  define_statistic(module, type, "nanmedian", "The middle of the sorted elements over axes, as `median`, without NaN.",
                   real, ">>> pydl.nanmedian(pydl.tensor([1.0, float('nan'), 2.0]))\ntensor(1.5000, dtype=float32)\n",
                   nanmedian);
  define_statistic(module, type, "nanmax", "Largest element over axes without NaN.", same,
                   ">>> pydl.nanmax(pydl.tensor([1.0, float('nan'), 2.0]))\ntensor(2., dtype=float32)\n", nanmax);
  define_statistic(module, type, "nanmin", "Smallest element over axes without NaN.", same,
                   ">>> pydl.nanmin(pydl.tensor([1.0, float('nan'), 2.0]))\ntensor(1., dtype=float32)\n", nanmin);
  define_spread(module, "nanvar", "Variance over axes without NaN.",
                ">>> pydl.nanvar(pydl.tensor([1.0, float('nan'), 3.0]))\ntensor(1., dtype=float32)\n", nanvar);
  define_spread(module, "nanstd", "Standard deviation over axes without NaN.",
                ">>> pydl.nanstd(pydl.tensor([1.0, float('nan'), 5.0]))\ntensor(2., dtype=float32)\n", nanstd);
}

std::string norm_doc(const char* name, const char* order) {
  return statistic_doc(
      "The norm of vectors over axes: sum(abs(x) ** p) ** (1 / p).\n\nZeros receive a gradient of 0. 16-bit numbers "
      "are "
      "summed in float32.",
      "Tensor\n    Floating point; integers are converted to float32.",
      concat_text(">>> pydl.", name, "(pydl.tensor([3.0, 4.0]))\ntensor(5., dtype=float32)\n"),
      concat_text(order,
                  " : float\n    The order p. 0 counts the elements that are not 0; infinity and -infinity are "
                  "the largest and the\n    smallest magnitude.\n"));
}

void define_norms(py::module_& module, const py::object& type) {
  module.def(
      "vector_norm",
      [](const Tensor& x, const AxisArgument& axis, bool keepdims, double ord) {
        return compute(x.size(), [&] { return vector_norm(x, axis.axes, keepdims, ord); });
      },
      py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, py::arg("ord") = 2.0,
      norm_doc("vector_norm", "ord").c_str());
  // PyTorch's order of the arguments.
  const auto norm = [](const Tensor& x, double p, const AxisArgument& axis, bool keepdims) {
    try {
      return compute(x.size(), [&] { return vector_norm(x, axis.axes, keepdims, p); });
    } catch (const Error&) {
      core::rethrow_as("norm");
    }
  };
  module.def("norm", norm, py::arg("x"), py::arg("p") = 2.0, py::arg("axis") = py::none(), py::arg("keepdims") = false,
             norm_doc("norm", "p").c_str());
  method(type, "norm", norm, py::arg("p") = 2.0, py::arg("axis") = py::none(), py::arg("keepdims") = false,
         "See `pydl.norm`.");
}

// --- quantiles -------------------------------------------------------------------------------------------

QuantileRule rule_of(const char* name, const std::string& text) {
  const std::pair<const char*, QuantileRule> rules[] = {{"linear", QuantileRule::linear},
                                                        {"lower", QuantileRule::lower},
                                                        {"higher", QuantileRule::higher},
                                                        {"midpoint", QuantileRule::midpoint},
                                                        {"nearest", QuantileRule::nearest}};
  for (const auto& [known, rule] : rules) {
    if (text == known) return rule;
  }
  throw ValueError(concat_text(name, ": expected interpolation 'linear', 'lower', 'higher', 'midpoint' or 'nearest', ",
                               "got '", text, "'"));
}

// Numbers keep all their digits.
Tensor fractions_of(const char* name, const py::object& q) try {
  return is_tensor(q.ptr()) ? unwrap(q.ptr()) : to_tensor_as(q, DType::float64);
} catch (const Error&) {
  core::rethrow_as(name);
}

template <Tensor (*function)(const Tensor&, const Tensor&, const Axes&, bool, QuantileRule)>
void define_quantile(py::module_& module, const py::object& type, const char* name, const char* summary,
                     const char* example) {
  const auto run = [name](const Tensor& x, const py::object& q, const AxisArgument& axis, bool keepdims,
                          const std::string& interpolation) {
    const QuantileRule rule = rule_of(name, interpolation);
    const Tensor fractions = fractions_of(name, q);
    return compute(x.size(), [&] { return function(x, fractions, axis.axes, keepdims, rule); });
  };
  const std::string doc = concat_text(
      summary,
      "\n\nParameters\n----------\nx : Tensor, any shape\nq : float, or Tensor of any shape\n    From 0 to 1: the "
      "position q * (n - 1) among n sorted elements.\naxis : int or tuple of int, optional\n    Axes to reduce; all by "
      "default.\nkeepdims : bool\n    Whether reduced axes are kept with size 1.\ninterpolation : {'linear', 'lower', "
      "'higher', 'midpoint', 'nearest'}\n    What a position between two elements gives.\n\nReturns\n-------\nTensor\n"
      "    The axes of q, followed by those of x that remain. Floating point; integers are converted to\n    float32.\n"
      "\nRaises\n------\nValueError\n    If there are no elements, or q is not from 0 to 1 (compiled functions do not "
      "check q).\n\nExamples\n--------\n>>> import pydl\n",
      example);
  module.def(name, run, py::arg("x"), py::arg("q"), py::arg("axis") = py::none(), py::arg("keepdims") = false,
             py::arg("interpolation") = "linear", doc.c_str());
  method(type, name, run, py::arg("q"), py::arg("axis") = py::none(), py::arg("keepdims") = false,
         py::arg("interpolation") = "linear", concat_text("See `pydl.", name, "`.").c_str());
}

void define_quantiles(py::module_& module, const py::object& type) {
  define_statistic(module, type, "median",
                   "The middle of the sorted elements over axes; between two of them, their mean, as in NumPy. NaN if "
                   "there is one.",
                   "Floating point; integers are converted to float32.",
                   ">>> pydl.median(pydl.tensor([3.0, 1.0, 2.0, 9.0]))\ntensor(2.5000, dtype=float32)\n", median);
  define_quantile<quantile>(
      module, type, "quantile",
      "Quantiles over axes: where a fraction q of the sorted elements is before. NaN if there "
      "is one among them.",
      ">>> pydl.quantile(pydl.tensor([1.0, 2.0, 3.0, 4.0]), 0.5)\ntensor(2.5000, dtype=float32)\n");
  define_quantile<nanquantile>(
      module, type, "nanquantile", "Quantiles over axes without NaN. NaN where there is nothing else.",
      ">>> pydl.nanquantile(pydl.tensor([1.0, float('nan'), 3.0]), 0.5)\ntensor(2., dtype=float32)\n");
}

// --- along an axis -----------------------------------------------------------------------------------------

template <Tensor (*function)(const Tensor&, int64_t, bool)>
void define_running_method(const py::object& type, const char* name) {
  method(
      type, name,
      [](const Tensor& x, int64_t axis, bool reverse) {
        return compute(x.size(), [&] { return function(x, axis, reverse); });
      },
      py::arg("axis"), py::arg("reverse") = false, concat_text("See `pydl.", name, "`.").c_str());
}

template <ValuesAndIndices (*function)(const Tensor&, int64_t, bool)>
void define_running_method(const py::object& type, const char* name) {
  method(
      type, name,
      [](const Tensor& x, int64_t axis, bool reverse) {
        const auto found = compute(x.size(), [&] { return function(x, axis, reverse); });
        return Results(found.values, found.indices);
      },
      py::arg("axis"), py::arg("reverse") = false, concat_text("See `pydl.", name, "`.").c_str());
}

template <Tensor (*function)(const Tensor&, std::optional<int64_t>, std::optional<DType>, bool)>
void define_running(py::module_& module, const char* name, const char* what, const char* example) {
  const std::string doc = concat_text(
      "The cumulative ", what,
      " along an axis.\n\nParameters\n----------\nx : Tensor\naxis : int, optional\n    Needed "
      "unless x has exactly one axis.\ndtype : DType, optional\n    That of the result, in which it is computed. "
      "By default that of x; for integers and bools, int64.\ninclude_initial : bool\n    Whether the result begins "
      "with "
      "the ",
      what,
      " of nothing, so that the axis is longer by 1.\n\nReturns\n-------\nTensor\n\nExamples\n--------\n"
      ">>> import pydl\n",
      example);
  module.def(
      name,
      [](const Tensor& x, std::optional<int64_t> axis, const std::optional<DType>& dtype, bool include_initial) {
        return compute(x.size(), [&] { return function(x, axis, dtype, include_initial); });
      },
      py::arg("x"), py::kw_only(), py::arg("axis") = py::none(), py::arg("dtype") = py::none(),
      py::arg("include_initial") = false, doc.c_str());
}

// In place of the functions of the declared ops, which have no dtype.
template <Tensor (*function)(const Tensor&, int64_t, bool)>
void define_widened(py::module_& module, const py::object& type, const char* name, const char* what,
                    const char* example) {
  const auto run = [](const Tensor& x, int64_t axis, bool reverse, const std::optional<DType>& dtype) {
    return compute(x.size(), [&] {
      return dtype ? astype(function(astype(x, *dtype), axis, reverse), *dtype) : function(x, axis, reverse);
    });
  };
  const std::string doc = concat_text(
      what,
      " of all elements up to each one along an axis.\n\nParameters\n----------\nx : Tensor\naxis : int\n"
      "reverse : bool, default False\n    Begin with the last element.\ndtype : DType, optional\n"
      "    That of the result, in which it is computed. By default that of x; for integers and bools, int64.\n\n"
      "Returns\n-------\nTensor\n    Of the shape of x.\n\nExamples\n--------\n>>> import pydl\n",
      example);
  module.def(name, run, py::arg("x"), py::arg("axis"), py::arg("reverse") = false, py::kw_only(),
             py::arg("dtype") = py::none(), doc.c_str());
  method(type, name, run, py::arg("axis"), py::arg("reverse") = false, py::kw_only(), py::arg("dtype") = py::none(),
         concat_text("See `pydl.", name, "`.").c_str());
}

void define_along_axis(py::module_& module, const py::object& type) {
  define_widened<cumsum>(module, type, "cumsum", "Sums",
                         ">>> pydl.cumsum(pydl.tensor([1, 2, 3]), axis=0)\ntensor([1, 3, 6], dtype=int64)\n");
  define_widened<cumprod>(module, type, "cumprod", "Products",
                          ">>> pydl.cumprod(pydl.tensor([1, 2, 3]), axis=0)\ntensor([1, 2, 6], dtype=int64)\n");
  define_running_method<logcumsumexp>(type, "logcumsumexp");
  define_running_method<cummax>(type, "cummax");
  define_running_method<cummin>(type, "cummin");
  define_running<cumulative_sum>(module, "cumulative_sum", "sum",
                                 ">>> pydl.cumulative_sum(pydl.tensor([1, 2, 3]), include_initial=True)\n"
                                 "tensor([0, 1, 3, 6], dtype=int64)\n");
  define_running<cumulative_prod>(module, "cumulative_prod", "product",
                                  ">>> pydl.cumulative_prod(pydl.tensor([2, 3]), include_initial=True)\n"
                                  "tensor([1, 2, 6], dtype=int64)\n");
  const auto differences = [](const Tensor& x, int64_t n, int64_t axis, const OptionalTensor& prepend,
                              const OptionalTensor& append) {
    return compute(x.size(), [&] { return diff(x, n, axis, or_undefined(prepend), or_undefined(append)); });
  };
  module.def("diff", differences, py::arg("x"), py::arg("n") = 1, py::arg("axis") = -1, py::arg("prepend") = py::none(),
             py::arg("append") = py::none(),
             "Differences between neighbours along an axis; for bools, whether neighbours differ.\n\n"
             "Parameters\n----------\nx : Tensor\nn : int\n    How often differences are taken.\naxis : int\n"
             "prepend, append : Tensor, optional\n    Joined with x first. A number is one more element.\n\n"
             "Returns\n-------\nTensor\n    The axis is shorter by n.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.diff(pydl.tensor([1, 4, 9]))\n"
             "tensor([3, 5], dtype=int64)\n");
  method(type, "diff", differences, py::arg("n") = 1, py::arg("axis") = -1, py::arg("prepend") = py::none(),
         py::arg("append") = py::none(), "See `pydl.diff`.");
}

template <Tensor (*function)(const Tensor&, const Tensor&, double, int64_t)>
void define_integral(py::module_& module, const char* name, const char* summary, const char* example) {
  const std::string doc = concat_text(
      summary,
      "\n\nParameters\n----------\ny : Tensor\n    Values of a function.\nx : Tensor, optional\n    The points where "
      "it has them: of the shape of y, or (n,) for the n values along the axis.\ndx : float\n    The distance of the "
      "points where x is not given.\naxis : int\n\nReturns\n-------\nTensor\n    Floating point.\n\n"
      "Examples\n--------\n>>> import pydl\n",
      example);
  module.def(
      name,
      [](const Tensor& y, const OptionalTensor& x, double dx, int64_t axis) {
        return compute(y.size(), [&] { return function(y, or_undefined(x), dx, axis); });
      },
      py::arg("y"), py::arg("x") = py::none(), py::arg("dx") = 1.0, py::arg("axis") = -1, doc.c_str());
}

// --- several variables, and counts ---------------------------------------------------------------------------

void define_covariances(py::module_& module) {
  module.def(
      "cov",
      [](const Tensor& x, double correction, const OptionalTensor& fweights, const OptionalTensor& aweights) {
        return compute(x.size() * 16,
                       [&] { return cov(x, correction, or_undefined(fweights), or_undefined(aweights)); });
      },
      py::arg("x"), py::kw_only(), py::arg("correction") = 1.0, py::arg("fweights") = py::none(),
      py::arg("aweights") = py::none(),
      "Covariances of variables.\n\n"
      "Parameters\n----------\nx : Tensor, (variables, observations) or (observations,)\ncorrection : float\n"
      "    Subtracted from the number of observations to divide by.\nfweights : Tensor, (observations,), optional\n"
      "    How often each observation was made.\naweights : Tensor, (observations,), optional\n"
      "    How much each observation matters.\n\nReturns\n-------\nTensor\n    (variables, variables), or the variance "
      "of a single variable.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.cov(pydl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))\n"
      "tensor([[ 1., -1.],\n        [-1.,  1.]], dtype=float32)\n");
  module.def(
      "corrcoef", [](const Tensor& x) { return compute(x.size() * 16, [&] { return corrcoef(x); }); }, py::arg("x"),
      "Correlation coefficients of variables: their covariances divided by both standard deviations. NaN for a "
      "constant\nvariable.\n\nParameters\n----------\nx : Tensor, (variables, observations) or (observations,)\n\n"
      "Returns\n-------\nTensor\n    (variables, variables), or a number for a single variable.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.corrcoef(pydl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))\n"
      "tensor([[ 1., -1.],\n        [-1.,  1.]], dtype=float32)\n");
}

using Range = std::optional<std::pair<double, double>>;

// Bins are a number, or their edges.
Histogram histogram_of(const Tensor& x, const py::object& bins, const Range& range, const Tensor& weights,
                       bool density) {
  const bool is_number = PyIndex_Check(bins.ptr()) != 0 && !is_tensor(bins.ptr()) && !py::hasattr(bins, "ndim");
  if (is_number) {
    const int64_t count = integer_argument("histogram", "bins", bins);
    return compute(x.size(), [&] { return histogram(x, count, range, weights, density); });
  }
  if (range) throw ValueError("histogram: expected a range or the edges of the bins, got both");
  Tensor edges;
  try {
    // Lists keep as many digits as the elements have.
    const bool has_dtype = is_tensor(bins.ptr()) || py::hasattr(bins, "dtype");
    edges = has_dtype ? to_tensor(bins) : to_tensor_as(bins, is_floating(x.dtype()) ? x.dtype() : DType::float64);
  } catch (const Error&) {
    core::rethrow_as("histogram");
  }
  return compute(x.size(), [&] { return histogram(x, edges, weights, density); });
}

void define_counts(py::module_& module, const py::object& type) {
  const auto count = [](const Tensor& x, const OptionalTensor& weights, int64_t minlength) {
    return compute(x.size(), [&] { return bincount(x, or_undefined(weights), minlength); });
  };
  module.def(
      "bincount", count, py::arg("x"), py::arg("weights") = py::none(), py::arg("minlength") = 0,
      "How often each integer from 0 on occurs.\n\n"
      "Parameters\n----------\nx : Tensor, (n,)\n    Integers from 0 on.\nweights : Tensor, (n,), optional\n"
      "    Added up instead of ones.\nminlength : int\n    The least size of the result.\n\n"
      "Returns\n-------\nTensor\n    int64, or of the dtype of the weights. Its size depends on values, so that "
      "a compiled function\n    cannot call it.\n\nRaises\n------\nValueError\n    If an integer is negative.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.bincount(pydl.tensor([0, 2, 2]), minlength=4)\n"
      "tensor([1, 0, 2, 0], dtype=int64)\n");
  method(type, "bincount", count, py::arg("weights") = py::none(), py::arg("minlength") = 0, "See `pydl.bincount`.");
  module.def(
      "histogram",
      [](const Tensor& x, const py::object& bins, const Range& range, const OptionalTensor& weights, bool density) {
        const Histogram found = histogram_of(x, bins, range, or_undefined(weights), density);
        return Results(found.counts, found.edges);
      },
      py::arg("x"), py::arg("bins") = 10, py::arg("range") = py::none(), py::arg("weights") = py::none(),
      py::arg("density") = false,
      "The number of elements in each of several intervals, as in NumPy.\n\n"
      "Parameters\n----------\nx : Tensor, any shape\nbins : int or Tensor\n    The number of equal bins, or their "
      "edges in ascending order.\nrange : tuple of float, optional\n    The lower and upper end of equal bins; those "
      "of "
      "the elements by default. What lies outside, and\n    NaN, is not counted.\nweights : Tensor, optional\n    Of "
      "the "
      "shape of x: added up instead of ones.\ndensity : bool\n    Whether the result is divided by its sum and the "
      "widths "
      "of the bins.\n\nReturns\n-------\ncounts : Tensor, (bins,)\n    int64, of the dtype of the weights, or floating "
      "point.\nedges : Tensor, (bins + 1,)\n    The last bin contains its upper edge, the others only the lower "
      "one.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> counts, edges = pydl.histogram(pydl.tensor([0.0, 1.0, 1.5, 2.0]), 2)\n"
      ">>> counts.tolist(), edges.tolist()\n([1, 3], [0.0, 1.0, 2.0])\n");
  const auto counts_only = [](const Tensor& x, int64_t bins, double min, double max) {
    return compute(x.size(), [&] { return histc(x, bins, min, max); });
  };
  module.def(
      "histc", counts_only, py::arg("x"), py::arg("bins") = 100, py::arg("min") = 0.0, py::arg("max") = 0.0,
      "The counts of `histogram` as PyTorch has them: in the dtype of x, and for a range from 0 to 0 between the\n"
      "smallest and the largest element.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.histc(pydl.tensor([0.0, 1.0, 1.5, 2.0]), 2)\ntensor([1., 3.], dtype=float32)\n");
  method(type, "histc", counts_only, py::arg("bins") = 100, py::arg("min") = 0.0, py::arg("max") = 0.0,
         "See `pydl.histc`.");
}

}  // namespace

void define_statistics(py::module_& module, const py::object& type) {
  define_extrema(module, type);
  define_statistic(module, type, "count_nonzero", "How many elements over axes are not 0. NaN is not 0.", "int64",
                   ">>> pydl.count_nonzero(pydl.tensor([[0, 5], [7, 1]]), axis=0)\ntensor([1, 2], dtype=int64)\n",
                   count_nonzero);
  define_means(module);
  define_without_nan(module, type);
  define_norms(module, type);
  define_quantiles(module, type);
  define_along_axis(module, type);
  define_integral<trapezoid>(module, "trapezoid", "The integral along an axis by the trapezoidal rule.",
                             ">>> pydl.trapezoid(pydl.tensor([1.0, 2.0, 3.0]))\ntensor(4., dtype=float32)\n");
  define_integral<cumulative_trapezoid>(
      module, "cumulative_trapezoid",
      "The integrals along an axis up to each point but the first, by the trapezoidal rule.",
      ">>> pydl.cumulative_trapezoid(pydl.tensor([1.0, 2.0, 3.0]))\ntensor([1.5000, 4.0000], dtype=float32)\n");
  define_covariances(module);
  define_counts(module, type);
}

}  // namespace pydl::python
