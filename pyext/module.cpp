// The extension module pydl._core.
#include "bindings.h"
#include "casters.h"
#include "pydl/random.h"
#include "pydl/version.h"
#include "runtime/cpu_features.h"

namespace {

// What the environment asks for is looked at first: a misspelt name must not be passed over.
void check_environment() {
  using namespace pydl;
  const auto wanted = runtime::wanted_instruction_set();
  if (wanted && *wanted > runtime::best_instruction_set()) {
    const std::string message =
        concat_text("PYDL_ISA: this processor has no '", runtime::instruction_set_name(*wanted), "'; pydl uses '",
                    runtime::instruction_set_name(runtime::best_instruction_set()), "'");
    if (PyErr_WarnEx(PyExc_RuntimeWarning, message.c_str(), 1) < 0) throw pybind11::error_already_set();
  }
  default_generator();
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  using namespace pydl::python;
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
  define_conversions(module, type);
  define_dlpack(module, type);
  define_numpy_functions(type);
  define_elementwise(module, type);
  define_creation(module);
  define_shape_functions(module, type);
  define_reductions(module, type);
  define_products(module, type);
  define_autograd(module, type);
  define_random(module);
  define_nn(module);
  define_attention(module);
  define_windows(module);
  define_norm(module);
  define_recurrent(module);
  define_resampling(module);
  define_optim(module);
  define_compile(module);
  define_saved_program(module);
  define_io(module);
  define_info(module);
  define_benchmarks(module);
}
