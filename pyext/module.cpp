// The extension module pydl._core.
#include "aliases.h"
#include "bindings.h"
#include "call_messages.h"
#include "casters.h"
#include "exec/kernel_choice.h"
#include "pydl/random.h"
#include "pydl/threads.h"
#include "pydl/version.h"
#include "runtime/cpu_features.h"

namespace {

// The settings in the environment are checked first: a misspelt name must not go unnoticed.
void check_environment() {
  using namespace pydl;
  const auto wanted = runtime::wanted_instruction_set();
  if (wanted && *wanted > runtime::best_instruction_set()) {
    const std::string message =
        concat_text("PYDL_ISA: this processor has no '", runtime::instruction_set_name(*wanted), "'; pydl uses '",
                    runtime::instruction_set_name(runtime::best_instruction_set()), "'");
    if (PyErr_WarnEx(PyExc_RuntimeWarning, message.c_str(), 1) < 0) throw pybind11::error_already_set();
  }
  num_threads();
  default_generator();
  exec::KernelChoice::process();
}

bool is_main_interpreter() { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

constexpr const char* not_in_subinterpreters =
    "pydl cannot be imported in a subinterpreter: it keeps one state for the whole process. Import it in the main "
    "interpreter, or use another process (multiprocessing)";

}  // namespace

// pybind11's initialiser is renamed, because the one below must run first.
#define PyInit__core initialise_core

PYBIND11_MODULE(_core, module) {
  using namespace pydl::python;
  // Checked here too: from Python 3.13 on, the initialiser below runs in the main interpreter, whichever interpreter
  // imports.
  if (!is_main_interpreter()) throw py::import_error(not_in_subinterpreters);
  check_environment();
  module.doc() = "The C++ core of pydl.";
  module.attr("__version__") = pydl::version();
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const pydl::Error&) {
      set_python_error();
    } catch (const std::bad_alloc&) {
      set_python_error();
    }
  });
  define_tensor_type(module);
  define_dtypes(module);
  const py::object type = module.attr("Tensor");
  define_tensor_members(module, type);
  define_array_api(module, type);
  define_tensor_methods(module, type);
  define_in_place_methods(type);
  define_conversions(module, type);
  define_dlpack(module, type);
  define_numpy_functions(type);
  define_elementwise(module, type);
  define_creation(module);
  define_views(module, type);
  define_manipulation(module, type);
  define_rearranging(module, type);
  define_scatter(module, type);
  define_scatter_methods(type);
  define_reductions(module, type);
  define_statistics(module, type);
  define_order(module, type);
  define_products(module, type);
  define_linalg(module, type);
  define_autograd(module, type);
  define_vmap(module);
  define_random(module, type);
  define_distributions(module);
  define_special(module, type);  // some take generators
  define_aliases(module, type);
  define_nn(module);
  define_attention(module);
  define_conv_and_pool(module);
  define_norm(module);
  define_recurrent(module);
  define_resampling(module);
  define_patches(module);
  define_optim(module);
  define_printing(module);
  define_compile(module);
  define_scopes(module);
  define_watch(module);
  define_interpreter_lock();
  define_saved_program(module);
  define_io(module);
  define_info(module);
  define_benchmarks(module);
  define_checked_function(module);
  define_declared_ops(module);
  improve_calls(module);
}

#undef PyInit__core

// pybind11 acquires the lock of the main interpreter before anything else; in another interpreter it would wait
// forever.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (!is_main_interpreter()) {
    PyErr_SetString(PyExc_ImportError, not_in_subinterpreters);
    return nullptr;
  }
  return initialise_core();
}
