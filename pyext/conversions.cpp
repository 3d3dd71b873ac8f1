// Conversion of Python numbers, lists and NumPy arrays to tensors, and back.
#include <pybind11/numpy.h>

#include <algorithm>
#include <limits>

#include "bindings.h"
#include "casters.h"
#include "interpreter_exit.h"
#include "pydl/autograd.h"

namespace pydl::python {

namespace {

py::object numpy() { return py::module_::import("numpy"); }

std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

// The pydl dtype of a NumPy array; throws if there is none.
DType dtype_of_array(const py::array& array) {
  const auto name = array.dtype().attr("name").cast<std::string>();
  for (int i = 0; i < dtype_count; ++i) {
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  throw TypeError(concat_text("pydl has no dtype that corresponds to NumPy's ", name));
}

bool has_dtype(const py::array& array) { return load_known_dtype(array.dtype()).has_value(); }

// Whether the byte order is native, the memory is aligned, and strides are whole elements.
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
  // The last view may be destroyed on any thread, or while the interpreter is shutting down.
  PyObject* owner = py::object(array).release().ptr();
  const auto release = [owner] { drop_with_lock([owner] { Py_DECREF(owner); }); };
  void* data = const_cast<void*>(array.data());
  return Tensor::from_memory(data, shape, strides, dtype, release, array.writeable());
}

bool is_numpy_number(PyObject* object) {
  static PyObject* const generic = py::object(numpy().attr("generic")).release().ptr();  // kept forever
  return PyType_IsSubtype(Py_TYPE(object), reinterpret_cast<PyTypeObject*>(generic)) != 0;
}

bool is_list(py::handle object) { return PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()); }

// Lists may contain themselves, so the depth must be limited.
void check_depth(int depth) {
  if (depth > max_rank)
    throw ValueError(concat_text("a tensor has at most ", max_rank, " axes, got lists nested deeper"));
}

// The kinds of elements in nested lists.
struct Leaves {
  std::optional<DType> tensors;  // the common dtype of the tensors among them
  bool floats = false;           // Python floats
  bool numpy_numbers = false;    // NumPy numbers, which have a dtype
  bool others = false;           // arrays, and objects that are not numbers
  bool are_numbers() const { return !tensors && !others; }
  bool are_python_numbers() const { return are_numbers() && !numpy_numbers; }
};

void look_at(py::handle object, int depth, Leaves& leaves) {
  PyObject* item = object.ptr();
  if (PyFloat_CheckExact(item)) {
    leaves.floats = true;
  } else if (PyLong_CheckExact(item) || PyBool_Check(item)) {
    return;
  } else if (is_list(object)) {
    check_depth(depth);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(item); ++i) {
      look_at(PySequence_Fast_GET_ITEM(item, i), depth + 1, leaves);
    }
  } else if (is_tensor(item)) {
    const DType dtype = unwrap(item).dtype();
    leaves.tensors = leaves.tensors ? promote(*leaves.tensors, dtype) : dtype;
  } else if (is_numpy_number(item)) {
    leaves.numpy_numbers = true;
  } else if (PyFloat_Check(item)) {
    leaves.floats = true;
  } else if (!PyLong_Check(item)) {
    leaves.others = true;
  }
}

Leaves leaves_of(py::handle object) {
  Leaves leaves;
  look_at(object, 1, leaves);
  return leaves;
}

// Tensors inside of lists are stacked, so that dtypes are kept and gradients flow. Numbers next to them take their
// dtype.
Tensor stack_of(py::handle object, DType dtype, int depth) {
  check_depth(depth);
  std::vector<Tensor> parts;
  for (const py::handle item : py::reinterpret_borrow<py::sequence>(object)) {
    if (is_list(item)) {
      parts.push_back(stack_of(item, dtype, depth + 1));
    } else if (const auto scalar = as_scalar(item.ptr())) {
      parts.push_back(Tensor::scalar(*scalar, scalar->dtype_beside(dtype)));
    } else {
      parts.push_back(to_tensor(item));
    }
  }
  return stack(parts);
}

// Whether an array was created from rows of different lengths: NumPy before 1.24 then creates an array of lists.
bool holds_lists(const py::object& array) {
  if (array.attr("dtype").attr("kind").cast<std::string>() != "O") return false;
  const py::list items(array.attr("ravel")());
  return std::any_of(items.begin(), items.end(), [](py::handle item) { return is_list(item); });
}

// Nested lists as NumPy reads them, in the given dtype or in one that NumPy chooses.
py::array array_of(py::handle object, const char* dtype = nullptr) {
  try {
    return numpy().attr("asarray")(object, dtype == nullptr ? py::object(py::none()) : py::str(dtype));
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_OverflowError))
      throw OverflowError(concat_text(py::str(error.value()).cast<std::string>()));
    if (dtype != nullptr || !error.matches(PyExc_ValueError)) throw;
    throw ValueError("nested lists must have rows of one length");
  }
}

std::string kind_of(const py::array& array) { return array.dtype().attr("kind").cast<std::string>(); }

// Converts integers to a dtype that must be able to represent the smallest and the largest of them.
Tensor narrowed(const py::array& array, DType dtype) {
  if (array.size() > 0) {
    as_scalar(py::object(array.attr("min")()).ptr())->to_integer(dtype);
    as_scalar(py::object(array.attr("max")()).ptr())->to_integer(dtype);
  }
  return astype(from_array(array.attr("astype")("int64"), false), dtype);
}

// Converts floats to an integer dtype that must be able to represent each of them.
Tensor truncated(const py::array& array, DType dtype) {
  const Tensor reals = contiguous(from_array(array.attr("astype")("float64"), false));
  for (int64_t i = 0; i < reals.size(); ++i) Scalar(reals.data<double>()[i]).to_integer(dtype);
  return astype(reals, dtype);
}

// Converts numbers to a dtype, each independently of the others. NumPy would convert integers beyond int64 to unsigned
// integers, to objects, or, next to negative ones, to floats.
Tensor numbers_as(py::handle object, const py::array& array, const Leaves& leaves, DType dtype) {
  const std::string kind = kind_of(array);
  const bool known = kind == "b" || kind == "i";
  if (!is_integer(dtype)) {
    if (known || kind == "f") return astype(from_array(array, false), dtype);
    return astype(from_array(array_of(object, dtype == DType::boolean ? "bool" : "float64"), false), dtype);
  }
  if (kind == "b") return astype(from_array(array, false), dtype);
  if (kind == "i" || kind == "u") return narrowed(array, dtype);
  if (leaves.numpy_numbers && kind == "f") return truncated(array, dtype);
  return narrowed(array_of(object, "int64"), dtype);
}

Tensor from_sequence(py::handle object, std::optional<DType> wanted) {
  const Leaves leaves = leaves_of(object);
  if (leaves.tensors) {
    const Tensor stacked = stack_of(object, *leaves.tensors, 1);
    return wanted ? astype(stacked, *wanted) : stacked;
  }
  const py::array array = array_of(object);
  if (holds_lists(array)) throw ValueError("nested lists must have rows of one length");
  if (array.size() > 0 && leaves.are_numbers()) {
    if (wanted) return numbers_as(object, array, leaves, *wanted);
    // Python floats become float32 and Python integers int64; NumPy numbers keep their dtype.
    if (!leaves.numpy_numbers && leaves.floats) return numbers_as(object, array, leaves, DType::float32);
    if (!leaves.numpy_numbers && kind_of(array) != "b") return numbers_as(object, array, leaves, DType::int64);
  }
  const Tensor tensor = from_array(array, false);
  if (wanted) return astype(tensor, *wanted);
  // NumPy's dtype for an empty list is arbitrary.
  const bool nothing = tensor.size() == 0 && leaves.are_python_numbers();
  return nothing && tensor.dtype() == DType::float64 ? astype(tensor, DType::float32) : tensor;
}

Tensor as_owned(const Tensor& tensor) {
  const GradMode mode(false);
  return copy(tensor);
}

Tensor make_tensor(const py::object& data, std::optional<DType> dtype, bool requires_grad, Device = {}) {
  const GradMode mode(false);
  const Tensor tensor = (dtype ? to_tensor_as(data, *dtype) : to_tensor(data)).detach();
  Tensor result = copy(tensor);
  if (requires_grad) result.set_requires_grad(true);
  return result;
}

Tensor as_tensor(const py::object& data, std::optional<DType> dtype, std::optional<bool> must_copy, Device) {
  if (must_copy.value_or(false)) return make_tensor(data, dtype, false);
  const bool shareable =
      is_tensor(data.ptr()) || (py::isinstance<py::array>(data) && has_dtype(py::reinterpret_borrow<py::array>(data)) &&
                                is_shareable(py::reinterpret_borrow<py::array>(data)));
  const Tensor tensor = dtype && !shareable ? to_tensor_as(data, *dtype) : to_tensor(data);
  const Tensor result = dtype ? astype(tensor, *dtype) : tensor;
  if (must_copy.has_value() && !(is_same(result, tensor) && shareable)) {
    throw ValueError(concat_text("asarray: a ", type_name(data), " cannot be shared without a copy"));
  }
  return result;
}

Tensor share_numpy(const py::array& array) {
  const auto name = array.dtype().attr("name").cast<std::string>();
  if (name == "uint16" || name == "uint32" || name == "uint64") {
    throw TypeError(concat_text("from_numpy: pydl has no ", name, " whose memory it could share; pydl.tensor(array) ",
                                "converts it to ", name == "uint16" ? "int32" : "int64"));
  }
  return from_array(array, false);
}

// Creating objects requires the interpreter's lock, so it is released from time to time for other threads.
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
      throw ValueError("__array__: a conversion to another dtype requires a copy");
    }
    return array.attr("astype")(dtype);
  }
  if (!copy_argument.is_none() && copy_argument.cast<bool>()) return array.attr("copy")();
  return array;
}

}  // namespace

// Includes NumPy scalars that are not Python numbers.
std::optional<Scalar> numpy_scalar(PyObject* object) {
  if (!is_numpy_number(object)) return std::nullopt;
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
    if (overflow == 0) return Scalar(static_cast<int64_t>(value));
    double nearest = PyLong_AsDouble(object);
    if (PyErr_Occurred() != nullptr) {  // out of range for floating-point numbers
      PyErr_Clear();
      nearest = overflow * std::numeric_limits<double>::infinity();
    }
    return Scalar::large_integer(nearest);
  }
  return numpy_scalar(object);
}

Tensor to_tensor(py::handle object) {
  if (is_tensor(object.ptr())) return unwrap(object.ptr());
  // On its own, a NumPy scalar keeps its dtype.
  if (const auto scalar = as_scalar(object.ptr()); scalar && !py::hasattr(object, "dtype")) {
    return Tensor::scalar(*scalar, scalar->dtype_alone());
  }
  if (PyComplex_Check(object.ptr())) throw TypeError(no_complex_numbers);
  if (py::isinstance<py::array>(object)) return from_array(py::reinterpret_borrow<py::object>(object), false);
  if (is_list(object)) return from_sequence(object, std::nullopt);
  if (py::hasattr(object, "__array__") || PyObject_CheckBuffer(object.ptr()) != 0) {
    return from_array(numpy().attr("asarray")(object), false);
  }
  throw TypeError(concat_text("expected a tensor, array, number or list of numbers, got ", type_name(object)));
}

Tensor to_tensor_beside(py::handle object, const Tensor& like) {
  if (const auto scalar = as_scalar(object.ptr())) return Tensor::scalar(*scalar, scalar->dtype_beside(like.dtype()));
  // Next to a float64 tensor, floats in lists keep all their digits.
  if (like.dtype() == DType::float64 && is_list(object)) {
    const Leaves leaves = leaves_of(object);
    if (leaves.are_numbers() && leaves.floats) return from_sequence(object, DType::float64);
  }
  return to_tensor(object);
}

Tensor to_tensor_as(py::handle object, DType dtype) {
  if (is_tensor(object.ptr())) return astype(unwrap(object.ptr()), dtype);
  if (const auto scalar = as_scalar(object.ptr())) return Tensor::scalar(*scalar, dtype);
  if (is_list(object)) return from_sequence(object, dtype);
  return astype(to_tensor(object), dtype);
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

namespace {

// Says how an array of a dtype that pydl does not have can become a tensor.
[[noreturn]] void refuse_array(const py::array& array, char kind) {
  const std::string text =
      concat_text("an array of dtype ", py::str(array.dtype()).cast<std::string>(), " cannot become a tensor: ");
  switch (kind) {
    case 'c': throw TypeError(text + no_complex_numbers);
    case 'f': throw TypeError(text + "convert it with array.astype('float64')");
    case 'O': throw TypeError(text + "its elements are Python objects; convert numbers with array.astype('float64')");
    case 'S':
    case 'U': throw TypeError(text + "it holds text; convert numbers with array.astype('float64')");
    case 'M':
    case 'm': throw TypeError(text + "it holds times; convert them to numbers with array.astype('int64')");
    default: throw TypeError(text + "pydl has bool, integers and floating-point numbers");
  }
}

// Unsigned integers that pydl does not have, in the next signed dtype, if it holds all of them.
py::array signed_array(const py::array& array) {
  if (array.itemsize() < 8) return array.attr("astype")(array.itemsize() == 2 ? "int32" : "int64").cast<py::array>();
  if (array.size() > 0 && array.attr("max")().cast<uint64_t>() > uint64_t{INT64_MAX}) {
    throw OverflowError(
        "an array of dtype uint64 becomes a tensor of int64, which does not hold all of its numbers; convert it with "
        "array.astype('int64') to let them wrap around, or with array.astype('float64')");
  }
  return array.attr("astype")("int64").cast<py::array>();
}

}  // namespace

Tensor from_array(const py::object& object, bool must_copy) {
  py::array array = py::reinterpret_borrow<py::array>(object);
  const char kind = kind_of(array)[0];
  const bool is_unsigned = kind == 'u' && array.itemsize() > 1;
  if (is_unsigned) return share_array(signed_array(array));
  if (std::string("biuf").find(kind) == std::string::npos ||
      !load_known_dtype(array.dtype().attr("newbyteorder")("="))) {
    refuse_array(array, kind);
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
  module.def(
      "tensor", make_tensor, py::arg("data"), py::arg("dtype") = py::none(), py::arg("requires_grad") = false,
      py::kw_only(), py::arg("device") = py::none(),
      "A new tensor with a copy of the data.\n\n"
      "Parameters\n----------\ndata : number, nested list, array or tensor\n"
      "    Python floats give float32, Python integers int64; arrays keep their dtype, but for uint16, uint32 and\n"
      "    uint64, which pydl does not have: they become int32 and int64.\n"
      "dtype : DType, optional\n    The dtype to convert to. Arrays and tensors are converted as by `astype`, Python\n"
      "    numbers one by one, with all their digits.\n"
      "requires_grad : bool\n    Whether the tensor requires a gradient.\n\n"
      "Raises\n------\nOverflowError\n    For a Python number that is out of range for the dtype, and for uint64 "
      "beyond\n"
      "    int64.\n"
      "ValueError\n    For NaN in an integer dtype.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.tensor([1, 2, 3])\ntensor([1, 2, 3], dtype=int64)\n");
  module.def("asarray", as_tensor, py::arg("data"), py::arg("dtype") = py::none(), py::kw_only(),
             py::arg("copy") = py::none(), py::arg("device") = py::none(),
             "The data as a tensor, which shares memory with tensors and NumPy arrays if possible.\n\n"
             "Parameters\n----------\ndata : number, nested list, array or tensor\ndtype : DType, optional\n"
             "    As for `tensor`.\n"
             "copy : bool, optional\n    True always copies; False raises ValueError if a copy would be necessary.\n"
             "device : 'cpu', optional\n\n"
             "Examples\n--------\n>>> import numpy as np, pydl\n>>> a = np.zeros(2)\n>>> t = pydl.asarray(a)\n"
             ">>> a[0] = 1\n>>> t\ntensor([1., 0.], dtype=float64)\n");
  module.def("from_numpy", share_numpy, py::arg("array"),
             "A tensor that shares the array's memory.\n\n"
             "Arrays that are not aligned or not in native byte order are copied. A read-only array gives a read-only "
             "tensor.\n\n"
             "Parameters\n----------\narray : numpy.ndarray, of at most 8 axes\n\nRaises\n------\nTypeError\n"
             "    For a dtype that pydl does not have, such as uint16, which `tensor` converts.\n\n"
             "Examples\n--------\n>>> import numpy as np, pydl\n>>> a = np.zeros(2, 'float32')\n"
             ">>> pydl.from_numpy(a).fill_(1)\ntensor([1., 1.], dtype=float32)\n>>> a.tolist()\n[1.0, 1.0]\n");
}

}  // namespace pydl::python
