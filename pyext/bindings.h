// The files of bindings: one function each.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>  // here, because a file that forgets it compiles, and fails when it is called

#include "pydl/tensor.h"

namespace pydl::python {

namespace py = pybind11;

/// Adds a method to the Tensor type.
template <class Function, class... Extra>
void method(const py::object& type, const char* name, Function&& function, const Extra&... extra) {
  py::cpp_function bound(std::forward<Function>(function), py::name(name), py::is_method(type),
                         py::sibling(py::getattr(type, name, py::none())), extra...);
  type.attr(name) = bound;
}

/// Adds a read-only property to the Tensor type.
template <class Function>
void property(const py::object& type, const char* name, Function&& getter, const char* doc) {
  const py::object builtin = py::module_::import("builtins").attr("property");
  const py::cpp_function get(std::forward<Function>(getter), py::is_method(type));
  type.attr(name) = builtin(get, py::none(), py::none(), doc);
}

void define_tensor_members(py::module_& module, const py::object& type);
void define_array_api(py::module_& module, const py::object& type);
void define_tensor_methods(py::module_& module, const py::object& type);
void define_in_place_methods(const py::object& type);
void define_conversions(py::module_& module, const py::object& type);
void define_dlpack(py::module_& module, const py::object& type);
void define_numpy_functions(const py::object& type);
void define_elementwise(py::module_& module, const py::object& type);
void define_creation(py::module_& module);
void define_views(py::module_& module, const py::object& type);
void define_manipulation(py::module_& module, const py::object& type);
void define_rearranging(py::module_& module, const py::object& type);
void define_scatter(py::module_& module, const py::object& type);
void define_scatter_methods(const py::object& type);
void define_reductions(py::module_& module, const py::object& type);
void define_statistics(py::module_& module, const py::object& type);
void define_order(py::module_& module, const py::object& type);
void define_products(py::module_& module, const py::object& type);
void define_linalg(py::module_& module, const py::object& type);
void define_autograd(py::module_& module, const py::object& type);
void define_random(py::module_& module, const py::object& type);
void define_distributions(py::module_& module);
/// After `define_random`, whose generators some of them take.
void define_special(py::module_& module, const py::object& type);
/// After all functions that they name.
void define_aliases(py::module_& module, const py::object& type);
void define_nn(py::module_& module);
void define_attention(py::module_& module);
void define_conv_and_pool(py::module_& module);
void define_norm(py::module_& module);
void define_recurrent(py::module_& module);
void define_resampling(py::module_& module);
void define_patches(py::module_& module);
void define_optim(py::module_& module);
/// In the submodule of `define_optim`.
void define_lbfgs(py::module_& module);
void define_printing(py::module_& module);
void define_compile(py::module_& module);
void define_scopes(py::module_& module);
void define_vmap(py::module_& module);
void define_watch(py::module_& module);
void define_interpreter_lock();
void define_saved_program(py::module_& module);
void define_io(py::module_& module);
void define_info(py::module_& module);
void define_benchmarks(py::module_& module);
void define_checked_function(py::module_& module);
void define_declared_ops(py::module_& module);

/// Indexing as `Tensor.__getitem__` does it, and assignment to the selected elements.
Tensor get_item(const Tensor& tensor, py::handle key);
void set_item(const Tensor& tensor, py::handle key, py::handle value);

/// A path in the form that the system expects. Rejects null bytes, which would truncate it.
std::string file_name(const py::object& path);

/// A NumPy array that shares the tensor's memory and keeps it alive.
py::object to_numpy(const Tensor& tensor);
/// A tensor that shares the array's memory if possible, else a copy.
Tensor from_array(const py::object& array, bool must_copy);

}  // namespace pydl::python
