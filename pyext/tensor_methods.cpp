// Methods of tensors that users of PyTorch and NumPy type, and the memory of tensors.
#include <algorithm>
#include <cstring>

#include "bindings.h"
#include "casters.h"
#include "pydl/autograd.h"
#include "pydl/creation.h"

namespace pydl::python {

namespace {

struct Cast {
  const char* name;
  DType dtype;
};
constexpr Cast casts[] = {{"bool", DType::boolean},      {"byte", DType::uint8},    {"short", DType::int16},
                          {"int", DType::int32},         {"long", DType::int64},    {"half", DType::float16},
                          {"bfloat16", DType::bfloat16}, {"float", DType::float32}, {"double", DType::float64}};

void define_casts(const py::object& type) {
  for (const Cast& cast : casts) {
    const std::string doc = concat_text("The tensor as ", cast.dtype, ": PyTorch's name for `astype`.");
    method(
        type, cast.name,
        [dtype = cast.dtype](const Tensor& x) { return compute(x.size(), [&] { return astype(x, dtype); }); },
        doc.c_str());
  }
  method(
      type, "type_as",
      [](const Tensor& x, const Tensor& other) { return compute(x.size(), [&] { return astype(x, other.dtype()); }); },
      py::arg("other"), "The tensor in the dtype of another one.");
  method(type, "cpu", [](const Tensor& x) { return x; }, "The tensor itself: all tensors are on the device 'cpu'.");
  method(
      type, "clone", [](const Tensor& x) { return compute(x.size(), [&] { return copy(x); }); },
      "PyTorch's name for `copy`: the same values in new memory. Gradients flow through it.");
}

void define_facts(const py::object& type) {
  property(type, "itemsize", [](const Tensor& x) { return item_size(x.dtype()); }, "Bytes of one element.");
  method(
      type, "element_size", [](const Tensor& x) { return item_size(x.dtype()); },
      "Bytes of one element, as `itemsize`.");
  method(type, "numel", [](const Tensor& x) { return x.size(); }, "PyTorch's name for `size`: the number of elements.");
  method(type, "dim", [](const Tensor& x) { return x.rank(); }, "PyTorch's name for `ndim`: the number of axes.");
  method(
      type, "is_floating_point", [](const Tensor& x) { return is_floating(x.dtype()); },
      "Whether the elements are floating-point numbers.");
  method(
      type, "data_ptr", [](const Tensor& x) { return reinterpret_cast<uintptr_t>(x.raw_data()); },
      "The address of the first element in memory.");
}

// As in PyTorch, sizes may be given as separate arguments.
using MadeOfShape = Tensor (*)(const Dims&, DType);
void define_new(const py::object& type, const char* name, MadeOfShape function, const char* doc) {
  method(
      type, name,
      [function](const Tensor& x, const DimsArgument& shape, std::optional<DType> dtype) {
        return function(shape.dims, dtype.value_or(x.dtype()));
      },
      py::arg("shape"), py::arg("dtype") = py::none(), doc);
  method(
      type, name,
      [name, function](const Tensor& x, const py::args& sizes, std::optional<DType> dtype) {
        if (sizes.empty()) throw TypeError(concat_text(name, ": expected a shape, got nothing"));
        return function(dims_of_varargs(name, sizes, "a shape of integers"), dtype.value_or(x.dtype()));
      },
      py::arg("dtype") = py::none(), "The same with the sizes as separate arguments.");
}

// Tensors without history in the dtype of x, or another one.
void define_new_tensors(const py::object& type) {
  define_new(type, "new_zeros", zeros, "Zeros of another shape in the dtype of this tensor.");
  define_new(type, "new_ones", ones, "Ones of another shape in the dtype of this tensor.");
  define_new(type, "new_empty", Tensor::empty,
             "Memory with undefined contents, of another shape in the dtype of this tensor.");
  method(
      type, "new_full",
      [](const Tensor& x, const DimsArgument& shape, Scalar value, std::optional<DType> dtype) {
        return full(shape.dims, value, dtype.value_or(x.dtype()));
      },
      py::arg("shape"), py::arg("value"), py::arg("dtype") = py::none(),
      "Equal elements in another shape, in the dtype of this tensor.");
  method(
      type, "new_tensor",
      [](const Tensor& x, const py::object& data, std::optional<DType> dtype) {
        const GradMode mode(false);
        return copy(to_tensor_as(data, dtype.value_or(x.dtype())).detach());
      },
      py::arg("data"), py::arg("dtype") = py::none(),
      "A new tensor with a copy of the data, in the dtype of this tensor.");
}

// The first and the last byte that a tensor may touch.
std::pair<const char*, const char*> extent_of(const Tensor& x) {
  const auto* first = static_cast<const char*>(x.raw_data());
  const char* last = first;
  const auto bytes = static_cast<int64_t>(item_size(x.dtype()));
  for (int axis = 0; axis < x.rank(); ++axis) {
    const int64_t reach = (x.shape()[axis] - 1) * x.strides()[axis] * bytes;
    (reach < 0 ? first : last) += reach;
  }
  return {first, last + bytes - 1};
}

bool may_share_memory(const Tensor& a, const Tensor& b) {
  if (a.size() == 0 || b.size() == 0) return false;
  const auto [first_a, last_a] = extent_of(a);
  const auto [first_b, last_b] = extent_of(b);
  return first_a <= last_b && first_b <= last_a;
}

// --- memory as bytes ---------------------------------------------------------------------------------------------

// The elements of x in row-major order as uint8 (bytes), sharing memory if possible.
Tensor bytes_of(const Tensor& x) {
  const Tensor dense = contiguous(x.detach());
  const auto count = dense.size() * static_cast<int64_t>(item_size(dense.dtype()));
  if (count == 0) return Tensor::empty({0}, DType::uint8);
  return Tensor::from_memory(dense.raw_data(), {count}, {1}, DType::uint8, [dense] {}, dense.is_writable());
}

Tensor tensor_of_bytes(const std::string& dtype, const DimsArgument& shape, const py::buffer& data) {
  const Tensor result = Tensor::empty(shape.dims, dtype_from_name(dtype));
  const py::buffer_info bytes = data.request();
  const auto count = result.size() * static_cast<int64_t>(item_size(result.dtype()));
  if (bytes.ndim != 1 || bytes.itemsize != 1 || bytes.strides[0] != 1 || bytes.size != count) {
    throw ValueError(concat_text("expected ", count, " bytes for a ", dtype, " tensor of shape ", shape.dims, ", got ",
                                 bytes.size * bytes.itemsize));
  }
  if (count > 0) std::memcpy(result.raw_data(), bytes.ptr, static_cast<size_t>(count));
  return result;
}

}  // namespace

void define_tensor_methods(py::module_& module, const py::object& type) {
  define_casts(type);
  define_facts(type);
  define_new_tensors(type);
  module.def(
      "is_tensor", [](const py::object& x) { return is_tensor(x.ptr()); }, py::arg("x"),
      "Whether an object is a tensor.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.is_tensor([1.0])\nFalse\n");
  module.def(
      "numel", [](const Tensor& x) { return x.size(); }, py::arg("x"),
      "The number of elements.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.numel(pydl.zeros((2, 3)))\n6\n");
  module.def("may_share_memory", may_share_memory, py::arg("a"), py::arg("b"),
             "Whether the memory of two tensors may overlap, as NumPy's function of that name: their extents are\n"
             "compared, so views of every second element seem to share memory with those of the others.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.zeros(4)\n>>> pydl.may_share_memory(x, x[2:])\nTrue\n"
             ">>> pydl.may_share_memory(x, x.copy())\nFalse\n");
  module.def(
      "_set_reducer", [type](const py::object& function) { type.attr("__reduce_ex__") = function; },
      py::arg("function"), "Sets the function that says how a tensor is pickled.");
  module.def("_bytes_of", bytes_of);
  module.def("_tensor_of_bytes", tensor_of_bytes);
}

}  // namespace pydl::python
