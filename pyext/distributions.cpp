// Random numbers of many distributions: the module pydl.random.
#include "pydl/distributions.h"

#include "bindings.h"
#include "parameter_caster.h"

namespace pydl::python {

namespace {

using random::DistributionParameter;
using random::DrawOptions;

Generator& given_or_default(Generator* generator) { return generator != nullptr ? *generator : default_generator(); }

DrawOptions options_of(const std::optional<DimsArgument>& shape, std::optional<DType> dtype, Generator* generator) {
  return {shape ? std::optional(shape->dims) : std::nullopt, dtype, given_or_default(generator)};
}

int64_t work_of(const DrawOptions& options, std::initializer_list<const DistributionParameter*> parameters) {
  int64_t work = options.shape ? element_count(*options.shape) : 1;
  for (const DistributionParameter* parameter : parameters) {
    if (parameter->tensor() != nullptr) work = std::max(work, parameter->tensor()->size());
  }
  return work;
}

// What every docstring of a distribution says of its last arguments.
std::string doc_of(const char* summary, const char* parameters, const char* example) {
  return concat_text(
      summary, "\n\nParameters\n----------\n", parameters,
      "shape : int or sequence of int, optional\n    Of the result; the parameters are broadcast to it. By default the "
      "shape\n    to which they broadcast each other.\n"
      "dtype : DType, optional\n    A floating-point one; by default that of the parameters that are tensors, else\n"
      "    float32.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For a number out of range. Where an element of a tensor is out of range, the "
      "result\n    is NaN.\n\nExamples\n--------\n>>> import pydl\n",
      example);
}

using OneParameter = Tensor (*)(const DistributionParameter&, const DrawOptions&);
using TwoParameters = Tensor (*)(const DistributionParameter&, const DistributionParameter&, const DrawOptions&);

template <class Parameter>
void define_one(py::module_& module, const char* name, OneParameter function, const Parameter& parameter,
                const std::string& doc) {
  module.def(
      name,
      [function](const DistributionParameter& value, const std::optional<DimsArgument>& shape,
                 std::optional<DType> dtype, Generator* generator) {
        const DrawOptions options = options_of(shape, dtype, generator);
        return compute(work_of(options, {&value}), [&] { return function(value, options); });
      },
      parameter, py::arg("shape") = py::none(), py::arg("dtype") = py::none(), py::arg("generator") = py::none(),
      doc.c_str());
}

template <class First, class Second>
void define_two(py::module_& module, const char* name, TwoParameters function, const First& first, const Second& second,
                const std::string& doc) {
  module.def(
      name,
      [function](const DistributionParameter& a, const DistributionParameter& b,
                 const std::optional<DimsArgument>& shape, std::optional<DType> dtype, Generator* generator) {
        const DrawOptions options = options_of(shape, dtype, generator);
        return compute(work_of(options, {&a, &b}), [&] { return function(a, b, options); });
      },
      first, second, py::arg("shape") = py::none(), py::arg("dtype") = py::none(), py::arg("generator") = py::none(),
      doc.c_str());
}

constexpr const char* loc_and_scale =
    "loc : Tensor or float\n    Where the middle is.\nscale : Tensor or float, at least 0\n    How far the numbers are "
    "spread.\n";

void define_continuous(py::module_& module) {
  const py::arg_v loc = py::arg("loc") = 0.0;
  const py::arg_v scale = py::arg("scale") = 1.0;
  define_one(module, "exponential", random::exponential, scale,
             doc_of("Exponential random numbers: times between events. Differentiable in the scale.",
                    "scale : Tensor or float, at least 0\n    The mean: 1 / rate.\n",
                    ">>> bool((pydl.random.exponential(2.0, 100) >= 0).all())\nTrue\n"));
  define_two(module, "laplace", random::laplace, loc, scale,
             doc_of("Laplace random numbers. Differentiable in loc and scale.", loc_and_scale,
                    ">>> pydl.random.laplace(0.0, pydl.ones(3)).shape\n(3,)\n"));
  define_two(module, "gumbel", random::gumbel, loc, scale,
             doc_of("Gumbel random numbers: the largest of many. Differentiable in loc and scale.", loc_and_scale,
                    ">>> logits = pydl.tensor([0.0, 100.0])\n>>> (logits + pydl.random.gumbel(shape=2)).argmax()\n"
                    "tensor(1, dtype=int64)\n"));
  define_two(module, "cauchy", random::cauchy, loc, scale,
             doc_of("Cauchy random numbers, which have no mean. Differentiable in loc and scale.", loc_and_scale,
                    ">>> pydl.random.cauchy(shape=(2, 3)).shape\n(2, 3)\n"));
  define_two(module, "log_normal", random::log_normal, py::arg("mean") = 0.0, py::arg("std") = 1.0,
             doc_of("exp of normal random numbers. Differentiable in mean and std.",
                    "mean, std : Tensor or float\n    Of the logarithms of the numbers; std is at least 0.\n",
                    ">>> bool((pydl.random.log_normal(shape=100) > 0).all())\nTrue\n"));
  define_two(module, "gamma", random::gamma, py::arg("concentration"), scale,
             doc_of("Gamma random numbers: density proportional to x**(concentration - 1) * exp(-x / scale).\n\n"
                    "Differentiable in the scale, not in the concentration.",
                    "concentration : Tensor or float, at least 0\n    NumPy's `shape`.\n"
                    "scale : Tensor or float, at least 0\n    1 / rate.\n",
                    ">>> pydl.random.gamma(pydl.tensor([0.5, 2.0]), shape=(4, 2)).shape\n(4, 2)\n"));
  define_two(module, "beta", random::beta, py::arg("a"), py::arg("b"),
             doc_of("Beta random numbers in [0, 1]: density proportional to x**(a - 1) * (1 - x)**(b - 1).\n\n"
                    "Not differentiable.",
                    "a, b : Tensor or float, above 0\n", ">>> pydl.random.beta(0.5, 0.5, 4).shape\n(4,)\n"));
}

void define_discrete(py::module_& module) {
  define_one(module, "bernoulli", random::bernoulli, py::arg("p"),
             doc_of("1 with probability p, else 0. Not differentiable.",
                    "p : Tensor or float, in [0, 1]\n    Probabilities.\n",
                    ">>> pydl.bernoulli(pydl.tensor([0.0, 1.0]))\ntensor([0., 1.], dtype=float32)\n"));
  define_one(module, "poisson", random::poisson, py::arg("rate"),
             doc_of("Poisson random numbers: how many events happen at a rate. Not differentiable.",
                    "rate : Tensor or float, at least 0 and finite\n    The mean.\n",
                    ">>> pydl.poisson(pydl.tensor([0.0, 0.0]))\ntensor([0., 0.], dtype=float32)\n"));
  define_one(module, "geometric", random::geometric, py::arg("p"),
             doc_of("The number of attempts up to the first success: 1, 2, ... Not differentiable.",
                    "p : Tensor or float, in (0, 1]\n    The probability of success.\n",
                    ">>> pydl.random.geometric(1.0, 3)\ntensor([1., 1., 1.], dtype=float32)\n"));
}

void define_truncated_normal(py::module_& module) {
  module.def(
      "truncated_normal",
      [](const DistributionParameter& low, const DistributionParameter& high, const DistributionParameter& mean,
         const DistributionParameter& std, const std::optional<DimsArgument>& shape, std::optional<DType> dtype,
         Generator* generator) {
        const DrawOptions options = options_of(shape, dtype, generator);
        return compute(work_of(options, {&low, &high, &mean, &std}),
                       [&] { return random::truncated_normal(low, high, mean, std, options); });
      },
      py::arg("low"), py::arg("high"), py::arg("mean") = 0.0, py::arg("std") = 1.0, py::arg("shape") = py::none(),
      py::arg("dtype") = py::none(), py::arg("generator") = py::none(),
      doc_of("Normal random numbers restricted to [low, high], exact in far tails too. Not differentiable.",
             "low, high : Tensor or float\n    May be infinite.\nmean, std : Tensor or float\n    Before the "
             "restriction; std is above 0.\n",
             ">>> x = pydl.random.truncated_normal(-2.0, 2.0, shape=1000)\n>>> bool((x.abs() <= 2).all())\nTrue\n")
          .c_str());
}

void define_dirichlet(py::module_& module) {
  module.def(
      "dirichlet",
      [](const Tensor& concentration, const std::optional<DimsArgument>& shape, std::optional<DType> dtype,
         Generator* generator) {
        const DrawOptions options = options_of(shape, dtype, generator);
        return compute(concentration.size() * work_of(options, {}),
                       [&] { return random::dirichlet(concentration, options); });
      },
      py::arg("concentration"), py::arg("shape") = py::none(), py::arg("dtype") = py::none(),
      py::arg("generator") = py::none(),
      "Random numbers at least 0 that add to 1 along the last axis. Not differentiable.\n\n"
      "Parameters\n----------\nconcentration : Tensor (..., K), above 0\n    Where it is not, the results are NaN.\n"
      "shape : int or sequence of int, optional\n    How many to draw; put before the shape of the concentration.\n"
      "dtype : DType, optional\n    By default that of the concentration.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.random.dirichlet(pydl.ones(3), 5).shape\n(5, 3)\n");
}

// Probabilities, which are given as they are or by their logarithms.
Tensor weights_of(const char* name, const std::optional<Tensor>& probs, const std::optional<Tensor>& logits) {
  if (probs.has_value() == logits.has_value()) {
    throw TypeError(concat_text(name, ": expected either probs or logits, got ", probs ? "both" : "none"));
  }
  if (probs) return *probs;
  if (logits->rank() == 0) throw ValueError(concat_text(name, ": expected logits of shape (..., K), got a number"));
  return softmax(astype(logits->detach(), DType::float64), -1);
}

void define_choices(py::module_& module) {
  module.def(
      "multinomial",
      [](const std::optional<Tensor>& probs, int64_t num_samples, bool replacement, const std::optional<Tensor>& logits,
         Generator* generator) {
        const Tensor weights = weights_of("multinomial", probs, logits);
        return compute(std::max(weights.size(), num_samples), [&] {
          return random::multinomial(weights, num_samples, replacement, given_or_default(generator));
        });
      },
      py::arg("probs") = py::none(), py::arg("num_samples") = 1, py::arg("replacement") = false, py::kw_only(),
      py::arg("logits") = py::none(), py::arg("generator") = py::none(),
      "Random categories 0 .. K-1, by their probabilities, for each row: int64 (..., num_samples).\n\n"
      "Parameters\n----------\nprobs : Tensor (..., K)\n    Probabilities, which need not add to 1.\n"
      "num_samples : int\n    How many to draw for each row.\n"
      "replacement : bool\n    Whether a category may be drawn again. If not, the categories of a row are different, "
      "as\n"
      "    if they were drawn one after the other.\n"
      "logits : Tensor (..., K), optional\n    Logarithms of probabilities, in place of `probs`.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For probabilities that are negative, NaN or infinite, and if fewer than the "
      "categories\n    to draw are positive.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.multinomial(pydl.tensor([0.0, 3.0, 0.0]), 2, replacement=True)\n"
      "tensor([1, 1], dtype=int64)\n");
  module.def(
      "categorical",
      [](const std::optional<Tensor>& probs, const DimsArgument& shape, const std::optional<Tensor>& logits,
         Generator* generator) {
        const Tensor weights = weights_of("categorical", probs, logits);
        return compute(std::max(weights.size(), element_count(shape.dims)),
                       [&] { return random::categorical(weights, shape.dims, given_or_default(generator)); });
      },
      py::arg("probs") = py::none(), py::arg("shape") = py::tuple(), py::kw_only(), py::arg("logits") = py::none(),
      py::arg("generator") = py::none(),
      "One random category 0 .. K-1 for each row of probabilities, int64: `shape` and the leading axes.\n\n"
      "Parameters\n----------\nprobs : Tensor (..., K)\n    Probabilities, which need not add to 1.\n"
      "shape : int or sequence of int\n    How often to draw for each row; put before the other axes.\n"
      "logits : Tensor (..., K), optional\n    Logarithms of probabilities, in place of `probs`.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For probabilities that are negative, NaN or infinite, and for rows of zeros.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.random.categorical(logits=pydl.tensor([[0.0, 99.0]]), "
      "shape=3).shape\n"
      "(3, 1)\n");
}

void define_orders(py::module_& module) {
  module.def(
      "shuffle",
      [](const Tensor& x, int64_t axis, Generator* generator) {
        compute(x.size(), [&] { random::shuffle(x, axis, given_or_default(generator)); });
      },
      py::arg("x").noconvert(), py::arg("axis") = 0, py::arg("generator") = py::none(),
      "Puts the slices of x along an axis in random order, in place, as NumPy does; `permutation` gives a copy.\n\n"
      "Parameters\n----------\nx : Tensor\n    At least one axis; it must not require gradients.\n"
      "axis : int\n    Slices along it keep their contents.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.arange(4)\n>>> pydl.random.shuffle(x)\n>>> x.sum()\n"
      "tensor(6, dtype=int64)\n");
}

}  // namespace

void define_distributions(py::module_& parent) {
  py::module_ module = parent.def_submodule("random", "Random numbers of many distributions.");
  define_continuous(module);
  define_discrete(module);
  define_truncated_normal(module);
  define_dirichlet(module);
  define_choices(module);
  define_orders(module);
}

}  // namespace pydl::python
