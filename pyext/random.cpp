// Random numbers.
#include "pydl/random.h"

#include "bindings.h"
#include "casters.h"

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
      .def("__repr__", [](const Generator& g) { return concat_text("Generator(seed=", g.seed(), ")"); });
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

}  // namespace

void define_random(py::module_& module) {
  define_tape(module);
  define_generator(module);
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
      "uniform",
      [](const DimsArgument& shape, double low, double high, std::optional<DType> dtype, Generator* generator) {
        return compute(element_count(shape.dims), [&] {
          return uniform(shape.dims, low, high, dtype.value_or(DType::float32), chosen(generator));
        });
      },
      py::arg("shape"), py::arg("low") = 0.0, py::arg("high") = 1.0, py::arg("dtype") = DType::float32,
      py::arg("generator") = py::none(),
      "Random numbers, uniform in [low, high).\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.uniform((2, 3)).shape\n(2, 3)\n");
  module.def(
      "normal",
      [](const DimsArgument& shape, double mean, double std, std::optional<DType> dtype, Generator* generator) {
        return compute(element_count(shape.dims), [&] {
          return normal(shape.dims, mean, std, dtype.value_or(DType::float32), chosen(generator));
        });
      },
      py::arg("shape"), py::arg("mean") = 0.0, py::arg("std") = 1.0, py::arg("dtype") = DType::float32,
      py::arg("generator") = py::none(),
      "Random numbers, normal with mean and standard deviation.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.normal((2, 3)).shape\n(2, 3)\n");
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
  module.def(
      "randint",
      [](int64_t low, int64_t high, const DimsArgument& shape, std::optional<DType> dtype, Generator* generator) {
        return randint(low, high, shape.dims, dtype.value_or(DType::int64), chosen(generator));
      },
      py::arg("low"), py::arg("high"), py::arg("shape"), py::arg("dtype") = DType::int64,
      py::arg("generator") = py::none(),
      "Random integers in [low, high).\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.randint(0, 10, (4,)).shape\n(4,)\n");
  module.def(
      "permutation", [](int64_t n, Generator* generator) { return permutation(n, chosen(generator)); }, py::arg("n"),
      py::arg("generator") = py::none(),
      "0 .. n-1 in random order, int64.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.permutation(5).sum()\n"
      "tensor(10, dtype=int64)\n");
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
