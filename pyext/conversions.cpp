// Python numbers, lists and NumPy arrays as tensors, and back.
#include <pybind11/numpy.h>

#include "bindings.h"
#include "casters.h"
#include "pydl/autograd.h"

namespace pydl::python {

namespace {

py::object numpy() { return py::module_::import("numpy"); }

std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

// The NumPy dtype of an array as ours; throws for what pydl does not have.
DType dtype_of_array(const py::array& array) {
  const auto name = array.dtype().attr("name").cast<std::string>();
  for (int i = 0; i < dtype_count; ++i) {
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  throw TypeError(concat_text("pydl has no dtype for NumPy's ", name));
}

// Native byte order, alignment, and strides that are whole elements.
bool is_shareable(const py::array& array) {
  if (!array.dtype().attr("isnative").cast<bool>() || !array.attr("flags").attr("aligned").cast<bool>()) return false;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    if (array.itemsize() == 0 || array.strides(axis) % array.itemsize() != 0) return false;
  }
  return true;
}

Tensor share_array(const py::array& array) {
  Dims shape;
  Dims strides;
  if (array.ndim() > max_rank) {
    throw ValueError(concat_text("a tensor has at most ", max_rank, " axes, got an array of ", array.ndim()));
  }
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    shape.push_back(array.shape(axis));
    strides.push_back(array.strides(axis) / array.itemsize());
  }
  const DType dtype = dtype_of_array(array);
  // The last view may die on any thread, or while the interpreter ends.
  PyObject* owner = py::object(array).release().ptr();
  const auto release = [owner] {
    if (Py_IsInitialized() == 0) return;
    const py::gil_scoped_acquire lock;
    Py_DECREF(owner);
  };
  void* data = const_cast<void*>(array.data());
  return Tensor::from_memory(data, shape, strides, dtype, release, array.writeable());
}

bool is_list(py::handle object) { return PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()); }

// Lists may hold themselves, and must not be followed for ever.
void check_depth(int depth) {
  if (depth > max_rank)
    throw ValueError(concat_text("a tensor has at most ", max_rank, " axes, got lists nested deeper"));
}

// The first number inside nested lists.
py::handle first_leaf(py::handle object) {
  for (int depth = 1; is_list(object) && py::len(object) > 0; ++depth) {
    check_depth(depth);
    object = py::reinterpret_borrow<py::sequence>(object)[0].ptr();
  }
  return object;
}

// Tensors inside lists are stacked, so that dtypes are kept and gradients flow.
Tensor stack_of(py::handle object, int depth) {
  check_depth(depth);
  std::vector<Tensor> parts;
  for (const py::handle item : py::reinterpret_borrow<py::sequence>(object)) {
    parts.push_back(is_list(item) ? stack_of(item, depth + 1) : to_tensor(item));
  }
  return stack(parts);
}

Tensor from_sequence(py::handle object) {
  const py::handle leaf = first_leaf(object);
  if (is_tensor(leaf.ptr())) return stack_of(object, 1);
  py::object array;
  try {
    array = numpy().attr("asarray")(object);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw ValueError("nested lists must have rows of one length");
  }
  const Tensor tensor = from_array(array, false);
  // Python floats are float32 here; NumPy's own numbers and arrays keep their dtype.
  const bool python_numbers = PyFloat_Check(leaf.ptr()) || PyLong_Check(leaf.ptr()) || tensor.size() == 0;
  const bool from_numpy = py::hasattr(leaf, "dtype");
  return tensor.dtype() == DType::float64 && python_numbers && !from_numpy ? astype(tensor, DType::float32) : tensor;
}

Tensor as_owned(const Tensor& tensor) {
  const GradMode mode(false);
  return copy(tensor);
}

Tensor make_tensor(const py::object& data, std::optional<DType> dtype, bool requires_grad) {
  const GradMode mode(false);
  Tensor tensor = to_tensor(data).detach();
  const auto scalar = as_scalar(data.ptr());
  if (scalar && dtype) {
    tensor = Tensor::scalar(*scalar, *dtype);
  } else {
    const bool wide = dtype == DType::float64 && tensor.dtype() == DType::float32 && !is_tensor(data.ptr()) &&
                      !py::hasattr(data, "__array__");
    // Through NumPy, so that Python floats keep their digits.
    if (wide) tensor = from_array(numpy().attr("asarray")(data, "float64"), false);
    tensor = dtype && *dtype != tensor.dtype() ? astype(tensor, *dtype) : copy(tensor);
  }
  if (requires_grad) tensor.set_requires_grad(true);
  return tensor;
}

Tensor as_tensor(const py::object& data, std::optional<DType> dtype, std::optional<bool> must_copy) {
  if (must_copy.value_or(false)) return make_tensor(data, dtype, false);
  const Tensor tensor = to_tensor(data);
  const Tensor result = dtype ? astype(tensor, *dtype) : tensor;
  const bool shareable = is_tensor(data.ptr()) ||
                         (py::isinstance<py::array>(data) && is_shareable(py::reinterpret_borrow<py::array>(data)));
  const bool shares = is_same(result, tensor) && shareable;
  if (must_copy.has_value() && !shares) {
    throw ValueError(concat_text("asarray: a ", type_name(data), " cannot be shared without a copy"));
  }
  return result;
}

// Making objects needs the interpreter's lock; others get it now and then.
void let_others_go_on() { const py::gil_scoped_release release; }

py::object to_list(const Tensor& x, int axis, int64_t offset) {
  if (axis < x.rank()) {
    constexpr int64_t items_between = 1 << 14;
    py::list items;
    for (int64_t i = 0; i < x.shape()[axis]; ++i) {
      items.append(to_list(x, axis + 1, offset + i * x.strides()[axis]));
      if (i % items_between == items_between - 1) let_others_go_on();
    }
    return items;
  }
  return visit_dtype(x.dtype(), [&](auto zero) -> py::object {
    using Stored = decltype(zero);
    const Stored value = static_cast<const Stored*>(x.raw_data())[offset];
    if constexpr (requires { value.to_float(); }) {
      return py::float_(value.to_float());
    } else if constexpr (std::is_same_v<Stored, bool>) {
      return py::bool_(value);
    } else if constexpr (std::is_floating_point_v<Stored>) {
      return py::float_(value);
    } else {
      return py::int_(static_cast<int64_t>(value));
    }
  });
}

py::object item_of(const Tensor& x) {
  if (x.size() != 1) throw ValueError(concat_text("item: expected a tensor of one element, got shape ", x.shape()));
  return to_list(x.rank() == 0 ? x : reshape(x.detach(), {}), 0, 0);
}

py::object as_numpy_array(const Tensor& x, const py::object& dtype, const py::object& copy_argument) {
  py::object array = to_numpy(x);
  if (!dtype.is_none() && !py::object(array.attr("dtype")).equal(dtype)) {
    if (!copy_argument.is_none() && !copy_argument.cast<bool>()) {
      throw ValueError("__array__: another dtype needs a copy");
    }
    return array.attr("astype")(dtype);
  }
  if (!copy_argument.is_none() && copy_argument.cast<bool>()) return array.attr("copy")();
  return array;
}

}  // namespace

// NumPy's scalars that are no Python numbers as well.
std::optional<Scalar> numpy_scalar(PyObject* object) {
  static PyObject* const generic = py::object(numpy().attr("generic")).release().ptr();  // kept for good
  if (PyType_IsSubtype(Py_TYPE(object), reinterpret_cast<PyTypeObject*>(generic)) == 0) return std::nullopt;
  const auto kind = py::handle(object).attr("dtype").attr("kind").cast<std::string>();
  if (kind == "b") return Scalar(PyObject_IsTrue(object) == 1);
  if (kind == "f") return Scalar(PyFloat_AsDouble(object));
  if (kind != "i" && kind != "u") return std::nullopt;
  return as_scalar(py::reinterpret_steal<py::object>(PyNumber_Index(object)).ptr());
}

std::optional<Scalar> as_scalar(PyObject* object) {
  if (PyFloat_Check(object)) return Scalar(PyFloat_AS_DOUBLE(object));
  if (PyBool_Check(object)) return Scalar(object == Py_True);
  if (PyLong_Check(object)) {
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow != 0) throw ValueError("an integer does not fit into int64");
    return Scalar(static_cast<int64_t>(value));
  }
  return numpy_scalar(object);
}

Tensor to_tensor(py::handle object) {
  if (is_tensor(object.ptr())) return unwrap(object.ptr());
  // Alone, NumPy's scalars keep their dtype.
  if (const auto scalar = as_scalar(object.ptr()); scalar && !py::hasattr(object, "dtype")) {
    return Tensor::scalar(*scalar, scalar->dtype_alone());
  }
  if (py::isinstance<py::array>(object)) return from_array(py::reinterpret_borrow<py::object>(object), false);
  if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) return from_sequence(object);
  if (py::hasattr(object, "__array__") || PyObject_CheckBuffer(object.ptr()) != 0) {
    return from_array(numpy().attr("asarray")(object), false);
  }
  throw TypeError(concat_text("expected a tensor, array, number or list of numbers, got ", type_name(object)));
}

Tensor to_tensor_beside(py::handle object, const Tensor& like) {
  if (const auto scalar = as_scalar(object.ptr())) return Tensor::scalar(*scalar, scalar->dtype_beside(like.dtype()));
  return to_tensor(object);
}

py::object to_numpy(const Tensor& x) {
  if (x.requires_grad()) {
    throw Error("numpy: a tensor that requires a gradient would lose it; call detach() first");
  }
  if (x.dtype() == DType::bfloat16) throw TypeError("numpy: NumPy has no bfloat16; use astype('float32').numpy()");
  std::vector<py::ssize_t> shape(x.shape().begin(), x.shape().end());
  std::vector<py::ssize_t> strides;
  for (const int64_t stride : x.strides()) {
    strides.push_back(static_cast<py::ssize_t>(stride) * static_cast<py::ssize_t>(item_size(x.dtype())));
  }
  const py::object owner = py::reinterpret_steal<py::object>(wrap(x));
  py::array array(py::dtype(std::string(dtype_name(x.dtype()))), shape, strides, x.raw_data(), owner);
  if (!x.is_writable()) array.attr("setflags")(false);
  return array;
}

Tensor from_array(const py::object& object, bool must_copy) {
  py::array array = py::reinterpret_borrow<py::array>(object);
  const auto kind = array.dtype().attr("kind").cast<std::string>();
  if (std::string("biuf").find(kind) == std::string::npos) {
    throw TypeError(concat_text("an array of dtype ", py::str(array.dtype()).cast<std::string>(),
                                " cannot become a tensor; pydl has bool, integers and floating-point numbers"));
  }
  if (!is_shareable(array)) {
    array = array.attr("astype")(array.dtype().attr("newbyteorder")("="), "C").cast<py::array>();
  }
  const Tensor shared = share_array(array);
  return must_copy ? as_owned(shared) : shared;
}

void define_conversions(py::module_& module, const py::object& type) {
  method(type, "item", item_of, "The only element as a Python number. Raises ValueError when there are several.");
  method(type, "tolist", [](const Tensor& x) { return to_list(x, 0, 0); }, "The elements as nested lists.");
  method(type, "numpy", to_numpy,
         "A NumPy array that shares the memory.\n\nRaises\n------\nRuntimeError\n    When the tensor requires a "
         "gradient: call `detach` first.\nTypeError\n    For bfloat16, which NumPy does not have.");
  method(type, "__array__", as_numpy_array, py::arg("dtype") = py::none(), py::kw_only(), py::arg("copy") = py::none());
  module.def("tensor", make_tensor, py::arg("data"), py::arg("dtype") = py::none(), py::arg("requires_grad") = false,
             "A new tensor with a copy of the data.\n\n"
             "Parameters\n----------\ndata : number, nested list, array or tensor\n"
             "    Python floats give float32, Python integers int64; arrays keep their dtype.\n"
             "dtype : DType, optional\n    Another dtype to convert to.\n"
             "requires_grad : bool\n    Whether gradients are wanted for it.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.tensor([1, 2, 3])\ntensor([1, 2, 3], dtype=int64)\n");
  module.def("asarray", as_tensor, py::arg("data"), py::arg("dtype") = py::none(), py::kw_only(),
             py::arg("copy") = py::none(),
             "The data as a tensor, sharing memory with tensors and NumPy arrays where it can.\n\n"
             "Parameters\n----------\ndata : number, nested list, array or tensor\ndtype : DType, optional\n"
             "copy : bool, optional\n    True copies always; False raises ValueError where a copy would be needed.\n\n"
             "Examples\n--------\n>>> import numpy as np, pydl\n>>> a = np.zeros(2)\n>>> t = pydl.asarray(a)\n"
             ">>> a[0] = 1\n>>> t\ntensor([1., 0.], dtype=float64)\n");
  module.def(
      "from_numpy", [](const py::array& array) { return from_array(array, false); }, py::arg("array"),
      "A tensor that shares the array's memory.\n\n"
      "Arrays that are not aligned or of foreign byte order are copied; of read-only ones, the tensor is read-only.\n\n"
      "Parameters\n----------\narray : numpy.ndarray, of at most 8 axes\n\nRaises\n------\nTypeError\n"
      "    For a dtype that pydl does not have.\n\n"
      "Examples\n--------\n>>> import numpy as np, pydl\n>>> a = np.zeros(2, 'float32')\n"
      ">>> pydl.from_numpy(a).fill_(1)\ntensor([1., 1.], dtype=float32)\n>>> a.tolist()\n[1.0, 1.0]\n");
}

}  // namespace pydl::python
