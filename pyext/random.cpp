// Random numbers.
#include "pydl/random.h"

#include "bindings.h"
#include "parameter_caster.h"
#include "pydl/autograd.h"
#include "scopes.h"

namespace pydl::python {

namespace {

Generator& chosen(Generator* generator) { return generator != nullptr ? *generator : default_generator(); }

// After *args, pybind11 does not convert None to a null pointer.
Generator& chosen_optional(std::optional<Generator*> generator) { return chosen(generator.value_or(nullptr)); }

void define_generator(py::module_& module) {
  py::class_<Generator>(module, "Generator",
                        "Generator(seed=None)\n--\n\n"
                        "A stream of random numbers (Philox 4x32-10): the same for any number of threads.\n\n"
                        "Parameters\n----------\nseed : int in [0, 2**64), optional\n"
                        "    By default chosen by the operating system: a different one in every process and in every\n"
                        "    forked child.\n\nExamples\n--------\n>>> import pydl\n"
                        ">>> g = pydl.Generator(1)\n>>> state = g.state()\n>>> a = pydl.uniform(3, generator=g)\n"
                        ">>> g.set_state(state)\n>>> bool((pydl.uniform(3, generator=g) == a).all())\nTrue\n")
      .def(py::init([](std::optional<uint64_t> seed) { return seed ? Generator(*seed) : Generator(); }),
           py::arg("seed") = py::none())
      .def_property_readonly("seed", &Generator::seed, "The seed of the stream.")
      .def("manual_seed", &Generator::manual_seed, py::arg("seed"), "Restarts the generator with this seed.")
      .def("state", &Generator::state, "A copy of the state: int64 {seed, offset}.")
      .def("set_state", &Generator::set_state, py::arg("state"), "Continues from a state that `state` returned.")
      .def("__repr__", [](const Generator& g) { return concat_text("Generator(seed=", g.seed(), ")"); })
      // Each copy, in this process or another, continues from here with the same numbers, independently of the others.
      .def(py::pickle(
          [](const Generator& g) {
            int64_t values[2];
            g.stream()->read(values);
            return py::make_tuple(values[0], values[1]);
          },
          [](const py::tuple& values) {
            Generator generator(0);
            const auto [seed, offset] = values.cast<std::pair<int64_t, int64_t>>();
            generator.stream()->restart(seed, offset);
            return generator;
          }));
}

struct PythonForkScope {
  Generator generator;
  ScopeStack<ForkedGenerator> scopes;
};

void define_fork_scope(py::module_& module) {
  py::class_<PythonForkScope>(module, "_ForkScope", "Returns a generator at its end to where it was.")
      .def(py::init([](Generator* generator) {
             return std::make_unique<PythonForkScope>(PythonForkScope{chosen(generator), {}});
           }),
           py::arg("generator") = py::none())
      .def("__enter__", [](PythonForkScope& scope) { scope.scopes.enter(scope.generator); })
      .def("__exit__", [](PythonForkScope& scope, const py::args&) { scope.scopes.leave(); });
}

// Records random states in `with tape.record():`, and uses them again in `with tape.replay():`.
class PythonTape {
 public:
  void enter(bool replay) { scopes_.push_back(std::make_unique<RandomTape::Scope>(tape_, replay)); }
  void leave() { scopes_.pop_back(); }

 private:
  RandomTape tape_;
  std::vector<std::unique_ptr<RandomTape::Scope>> scopes_;
};

struct PythonTapeScope {
  std::shared_ptr<PythonTape> tape;
  bool replays;
};

void define_tape(py::module_& module) {
  py::class_<PythonTapeScope>(module, "_RandomTapeScope", "A scope in which a tape records or replays.")
      .def("__enter__", [](PythonTapeScope& scope) { scope.tape->enter(scope.replays); })
      .def("__exit__", [](PythonTapeScope& scope, const py::args&) { scope.tape->leave(); });
  py::class_<PythonTape, std::shared_ptr<PythonTape>>(module, "_RandomTape", "Remembers drawn random states.")
      .def(py::init<>())
      .def("record", [](std::shared_ptr<PythonTape> tape) { return PythonTapeScope{std::move(tape), false}; })
      .def("replay", [](std::shared_ptr<PythonTape> tape) { return PythonTapeScope{std::move(tape), true}; });
}

using random::DistributionParameter;

random::DrawOptions draw_options(const Dims& shape, std::optional<DType> dtype, Generator* generator) {
  return {shape, dtype, chosen(generator)};
}

void define_intervals(py::module_& module) {
  module.def(
      "uniform",
      [](const DimsArgument& shape, const DistributionParameter& low, const DistributionParameter& high,
         std::optional<DType> dtype, Generator* generator) {
        return compute(element_count(shape.dims),
                       [&] { return random::uniform(low, high, draw_options(shape.dims, dtype, generator)); });
      },
      py::arg("shape"), py::arg("low") = 0.0, py::arg("high") = 1.0, py::arg("dtype") = py::none(),
      py::arg("generator") = py::none(),
      "Random numbers, uniform in [low, high).\n\n"
      "Parameters\n----------\nshape : int or sequence of int\nlow, high : Tensor or float\n"
      "    Tensors are broadcast to the shape, and gradients flow to them. Where low > high, the result is NaN.\n"
      "dtype : DType, optional\n    By default that of the parameters that are tensors, else float32.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For numbers low > high.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.uniform((2, 3)).shape\n(2, 3)\n");
  module.def(
      "normal",
      [](const DimsArgument& shape, const DistributionParameter& mean, const DistributionParameter& std,
         std::optional<DType> dtype, Generator* generator) {
        return compute(element_count(shape.dims),
                       [&] { return random::normal(mean, std, draw_options(shape.dims, dtype, generator)); });
      },
      py::arg("shape"), py::arg("mean") = 0.0, py::arg("std") = 1.0, py::arg("dtype") = py::none(),
      py::arg("generator") = py::none(),
      "Random numbers, normal with mean and standard deviation.\n\n"
      "Parameters\n----------\nshape : int or sequence of int\nmean, std : Tensor or float\n"
      "    Tensors are broadcast to the shape, and gradients flow to them. Where std < 0, the result is NaN.\n"
      "dtype : DType, optional\n    By default that of the parameters that are tensors, else float32.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For a number std < 0.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.normal((2, 3)).shape\n(2, 3)\n>>> means = pydl.tensor([0.0, 100.0])\n"
      ">>> bool((pydl.normal((5, 2), means)[:, 1] > 50).all())\nTrue\n");
  module.def(
      "rand",
      [](const py::args& shape, std::optional<DType> dtype, std::optional<Generator*> generator) {
        return uniform(dims_of_varargs("rand", shape), 0, 1, dtype.value_or(DType::float32),
                       chosen_optional(generator));
      },
      py::arg("dtype") = DType::float32, py::arg("generator") = py::none(),
      "`uniform` in [0, 1) with the sizes as arguments.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.rand(2, 3).shape\n(2, 3)\n");
  module.def(
      "randn",
      [](const py::args& shape, std::optional<DType> dtype, std::optional<Generator*> generator) {
        return normal(dims_of_varargs("randn", shape), 0, 1, dtype.value_or(DType::float32),
                      chosen_optional(generator));
      },
      py::arg("dtype") = DType::float32, py::arg("generator") = py::none(),
      "`normal` with mean 0 and std 1, the sizes as arguments.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.randn(2, 3).shape\n(2, 3)\n");
}

void define_likes(py::module_& module) {
  module.def(
      "rand_like",
      [](const Tensor& x, std::optional<DType> dtype, Generator* generator) {
        return compute(x.size(),
                       [&] { return uniform(x.shape(), 0, 1, dtype.value_or(x.dtype()), chosen(generator)); });
      },
      py::arg("x"), py::arg("dtype") = py::none(), py::arg("generator") = py::none(),
      "`uniform` in [0, 1), of the shape and, unless another is given, the dtype of x.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.rand_like(pydl.zeros((2, 3))).shape\n(2, 3)\n");
  module.def(
      "randn_like",
      [](const Tensor& x, std::optional<DType> dtype, Generator* generator) {
        return compute(x.size(), [&] { return normal(x.shape(), 0, 1, dtype.value_or(x.dtype()), chosen(generator)); });
      },
      py::arg("x"), py::arg("dtype") = py::none(), py::arg("generator") = py::none(),
      "`normal` with mean 0 and std 1, of the shape and, unless another is given, the dtype of x.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.randn_like(pydl.zeros((2, 3))).shape\n(2, 3)\n");
  module.def(
      "randint_like",
      [](const Tensor& x, int64_t low, std::optional<int64_t> high, std::optional<DType> dtype, Generator* generator) {
        const DType kind = dtype.value_or(x.dtype());
        const int64_t least = high ? low : 0;
        return compute(x.size(), [&] {
          return astype(
              randint(least, high.value_or(low), x.shape(), is_integer(kind) ? kind : DType::int64, chosen(generator)),
              kind);
        });
      },
      py::arg("x"), py::arg("low"), py::arg("high") = py::none(), py::arg("dtype") = py::none(),
      py::arg("generator") = py::none(),
      "Random integers in [low, high), of the shape and, unless another is given, the dtype of x, which may be\n"
      "floating point. With one number, they are in [0, low).\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.randint_like(pydl.ones(3), 1)\n"
      "tensor([0., 0., 0.], dtype=float32)\n");
}

int64_t integer_argument(const char* name, const char* argument, py::handle value) {
  if (PyLong_CheckExact(value.ptr())) {
    int overflow = 0;
    const long long integer = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow == 0) return integer;
  }
  std::vector<int64_t> integers;
  if (PyTuple_Check(value.ptr()) || PyList_Check(value.ptr()) || !load_integers(value, &integers)) {
    throw TypeError(
        concat_text(name, ": expected '", argument, "' as an integer, got ", Py_TYPE(value.ptr())->tp_name));
  }
  return integers[0];
}

// NumPy's randint(low, high=None, shape) and PyTorch's randint(high, shape).
Tensor draw_integers(int64_t low, const py::object& high, const std::optional<DimsArgument>& shape, DType dtype,
                     Generator& generator) {
  std::vector<int64_t> sizes;
  if (!shape && (PyTuple_Check(high.ptr()) || PyList_Check(high.ptr())) && load_integers(high, &sizes)) {
    return randint(0, low, Dims(sizes), dtype, generator);
  }
  const Dims dims = shape ? shape->dims : Dims{};
  if (high.is_none()) return randint(0, low, dims, dtype, generator);
  return randint(low, integer_argument("randint", "high", high), dims, dtype, generator);
}

// NumPy's permutation: an integer n stands for the numbers 0 .. n-1.
Tensor draw_order(const py::object& x, int64_t axis, Generator& generator) {
  const bool is_number = PyLong_Check(x.ptr()) || (!is_tensor(x.ptr()) && as_scalar(x.ptr()).has_value());
  if (is_number) return permutation(integer_argument("permutation", "x", x), generator);
  const Tensor tensor = to_tensor(x);
  return compute(tensor.size(), [&] { return random::permutation(tensor, axis, generator); });
}

void define_integers(py::module_& module) {
  module.def(
      "randint",
      [](int64_t low, const py::object& high, const std::optional<DimsArgument>& shape, std::optional<DType> dtype,
         Generator* generator) {
        return draw_integers(low, high, shape, dtype.value_or(DType::int64), chosen(generator));
      },
      py::arg("low"), py::arg("high") = py::none(), py::arg("shape") = py::none(), py::arg("dtype") = DType::int64,
      py::arg("generator") = py::none(),
      "Random integers in [low, high), or, without `high`, in [0, low).\n\n"
      "Parameters\n----------\nlow, high : int\n    The dtype must hold all numbers.\n"
      "shape : int or sequence of int, optional\n    By default a single number. A sequence in place of `high` is the "
      "shape, as in PyTorch.\n"
      "dtype : DType\n    An integer one.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n\n"
      "Raises\n------\nValueError\n    For low >= high, and for numbers that the dtype does not hold.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.randint(0, 10, (4,)).shape\n(4,)\n"
      ">>> pydl.randint(10, (4,)).shape\n(4,)\n");
  module.def(
      "permutation",
      [](const py::object& x, Generator* generator, int64_t axis) { return draw_order(x, axis, chosen(generator)); },
      py::arg("x"), py::arg("generator") = py::none(), py::kw_only(), py::arg("axis") = 0,
      "The slices of x along an axis in random order, or, for an integer, 0 .. x-1 in random order, int64.\n\n"
      "Parameters\n----------\nx : int or Tensor\n    Gradients flow to a tensor.\n"
      "generator : Generator, optional\n    By default the one that `manual_seed` restarts.\n"
      "axis : int\n    Of a tensor.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.permutation(5).sum()\ntensor(10, dtype=int64)\n"
      ">>> pydl.permutation(pydl.tensor([[1, 2], [1, 2]]))\ntensor([[1, 2],\n        [1, 2]], dtype=int64)\n");
  module.def(
      "randperm", [](int64_t n, Generator* generator) { return permutation(n, chosen(generator)); }, py::arg("n"),
      py::arg("generator") = py::none(),
      "PyTorch's name for `permutation` of an integer.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.randperm(5).sum()\ntensor(10, dtype=int64)\n");
}

// Draws for x and overwrites it; integer tensors take what floating-point ones would.
template <class Draw>
py::object overwrite_by(const py::object& self, Generator* generator, const Draw& draw) {
  const Tensor& x = unwrap(self.ptr());
  const random::DrawOptions options = {x.shape(), is_floating(x.dtype()) ? x.dtype() : DType::float32,
                                       chosen(generator)};
  compute(x.size(), [&] {
    Tensor drawn;
    {
      const GradMode mode(false);
      drawn = draw(options);
    }
    assign(x, drawn);
  });
  return self;
}

void require_floats(const char* name, const py::object& self) {
  const DType dtype = unwrap(self.ptr()).dtype();
  if (!is_floating(dtype)) throw TypeError(concat_text(name, ": expected a floating-point tensor, got ", dtype));
}

void define_overwriting_draws(const py::object& type) {
  method(
      type, "uniform_",
      [](const py::object& self, const DistributionParameter& low, const DistributionParameter& high,
         Generator* generator) {
        require_floats("uniform_", self);
        return overwrite_by(self, generator, [&](const auto& options) { return random::uniform(low, high, options); });
      },
      py::arg("low") = 0.0, py::arg("high") = 1.0, py::arg("generator") = py::none(),
      "Overwrites the elements with random numbers, uniform in [low, high); returns the tensor itself.");
  method(
      type, "normal_",
      [](const py::object& self, const DistributionParameter& mean, const DistributionParameter& std,
         Generator* generator) {
        require_floats("normal_", self);
        return overwrite_by(self, generator, [&](const auto& options) { return random::normal(mean, std, options); });
      },
      py::arg("mean") = 0.0, py::arg("std") = 1.0, py::arg("generator") = py::none(),
      "Overwrites the elements with normal random numbers; returns the tensor itself.");
  method(
      type, "exponential_",
      [](const py::object& self, double lambd, Generator* generator) {
        require_floats("exponential_", self);
        if (!(lambd > 0)) throw ValueError(concat_text("exponential_: expected lambd > 0, got ", lambd));
        return overwrite_by(self, generator,
                            [&](const auto& options) { return random::exponential(1 / lambd, options); });
      },
      py::arg("lambd") = 1.0, py::arg("generator") = py::none(),
      "Overwrites the elements with exponential random numbers of rate `lambd`, the reciprocal of the scale that\n"
      "`pydl.random.exponential` takes; returns the tensor itself.");
  method(
      type, "bernoulli_",
      [](const py::object& self, const DistributionParameter& p, Generator* generator) {
        return overwrite_by(self, generator, [&](const auto& options) { return random::bernoulli(p, options); });
      },
      py::arg("p") = 0.5, py::arg("generator") = py::none(),
      "Overwrites the elements with 1 with probability p, else 0; returns the tensor itself. Of any dtype.");
}

}  // namespace

void define_random(py::module_& module, const py::object& type) {
  define_tape(module);
  define_generator(module);
  define_fork_scope(module);
  define_intervals(module);
  define_likes(module);
  define_integers(module);
  define_overwriting_draws(type);
  module.def(
      "manual_seed", [](uint64_t seed) { default_generator().manual_seed(seed); }, py::arg("seed"),
      "Restarts the default generator with this seed.\n\n"
      "Until then, random numbers, and with them the initial weights of layers, differ in every process, because the\n"
      "operating system seeds the generator, unless the environment variable PYDL_SEED does. After `manual_seed`, or\n"
      "with PYDL_SEED, a forked child continues with the same numbers as its parent; otherwise it has numbers of its\n"
      "own.\n\n"
      "Parameters\n----------\nseed : int in [0, 2**64)\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.manual_seed(1)\n>>> a = pydl.uniform(3)\n>>> pydl.manual_seed(1)\n"
      ">>> bool((pydl.uniform(3) == a).all())\nTrue\n");
  module.def(
      "_default_generator", [] { return Generator(default_generator().stream()); },
      "A generator that shares the default one's stream.");
  module.def(
      "get_rng_state", [] { return default_generator().state(); },
      "A copy of the default generator's state, int64 {seed, offset}: a tensor, which `pydl.save` saves.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> state = pydl.get_rng_state()\n>>> a = pydl.uniform(3)\n"
      ">>> pydl.set_rng_state(state)\n>>> bool((pydl.uniform(3) == a).all())\nTrue\n");
  module.def(
      "set_rng_state", [](const Tensor& state) { default_generator().set_state(state); }, py::arg("state"),
      "Continues the default generator from a state that `get_rng_state` returned.\n\n"
      "Parameters\n----------\nstate : Tensor\n    int64 (2).\n\nRaises\n------\nValueError\n"
      "    For another shape or dtype.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.set_rng_state(pydl.get_rng_state())\n");
  module.def(
      "dropout",
      [](const Tensor& x, double p, bool training, Generator* generator) {
        return compute(x.size(), [&] { return dropout(x, p, training, chosen(generator)); });
      },
      py::arg("x"), py::arg("p"), py::arg("training") = true, py::arg("generator") = py::none(),
      "x with elements set to 0 with probability p and the others divided by 1 - p; x itself unless training.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.dropout(pydl.ones(2), 0.5, training=False)\n"
      "tensor([1., 1.], dtype=float32)\n");
}

}  // namespace pydl::python
