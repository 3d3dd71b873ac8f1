// The extension module pydl._core.
#include "bindings.h"
#include "casters.h"
#include "pydl/version.h"

PYBIND11_MODULE(_core, module) {
  using namespace pydl::python;
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
  define_scopes(module);
  define_watch(module);
  define_interpreter_lock();
  define_saved_program(module);
  define_io(module);
  define_info(module);
  define_benchmarks(module);
}
