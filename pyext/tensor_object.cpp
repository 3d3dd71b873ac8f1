#include "tensor_object.h"

#include <new>

#include "bindings.h"
#include "call_messages.h"
#include "op/apply.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::python {

namespace {

PyTypeObject* type_object = nullptr;

using UnaryFunction = Tensor (*)(const Tensor&);
using BinaryFunction = Tensor (*)(const Tensor&, const Tensor&);
using ScalarFunction = Tensor (*)(const Tensor&, Scalar);

// Calls `function`, which returns a new reference, and converts C++ exceptions to Python errors.
template <class Function>
PyObject* guarded(const Function& function) noexcept {
  try {
    return function();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

// --- life --------------------------------------------------------------------------------------------

PyObject* new_tensor(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"data", nullptr};
  PyObject* data = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "O:Tensor", const_cast<char**>(names), &data) == 0) {
    PyErr_Clear();
    return guarded([&]() -> PyObject* { refuse_constructor("Tensor", "(data)", args, kwargs); });
  }
  return guarded([&]() -> PyObject* {
    Tensor tensor = to_tensor(data);
    PyObject* self = type->tp_alloc(type, 0);
    if (self != nullptr) new (&reinterpret_cast<TensorObject*>(self)->tensor) Tensor(std::move(tensor));
    return self;
  });
}

void delete_tensor(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<TensorObject*>(self)->tensor.~Tensor();
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* represent(PyObject* self) {
  return guarded([&] { return py::str(to_string(unwrap(self))).release().ptr(); });
}

Py_hash_t hash_of(PyObject* self) {
  // Addresses are aligned: the low bits carry no information.
  const auto address = reinterpret_cast<uintptr_t>(unwrap(self).impl());
  return static_cast<Py_hash_t>(address >> 4);
}

// --- arithmetic ----------------------------------------------------------------------------------------

template <UnaryFunction function>
PyObject* unary(PyObject* self) {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    return wrap(compute(x.size(), [&] { return function(x); }));
  });
}

// Whether an operator may try to convert this object.
bool is_operand(PyObject* object) {
  if (PyComplex_Check(object)) throw TypeError(no_complex_numbers);
  return PyFloat_Check(object) || PyLong_Check(object) || PyList_Check(object) || PyTuple_Check(object) ||
         PyObject_HasAttrString(object, "__array__") != 0;
}

template <BinaryFunction function>
PyObject* binary(PyObject* left, PyObject* right) {
  return guarded([&]() -> PyObject* {
    if (is_tensor(left) && is_tensor(right)) {
      const Tensor& a = unwrap(left);
      const Tensor& b = unwrap(right);
      return wrap(compute(std::max(a.size(), b.size()), [&] { return function(a, b); }));
    }
    const bool reflected = !is_tensor(left);
    PyObject* other = reflected ? left : right;
    if (!is_operand(other)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor& self = unwrap(reflected ? right : left);
    const Tensor operand = to_tensor_beside(other, self);
    const int64_t work = std::max(self.size(), operand.size());
    return wrap(compute(work, [&] { return reflected ? function(operand, self) : function(self, operand); }));
  });
}

PyObject* power(PyObject* left, PyObject* right, PyObject* modulus) {
  if (modulus != Py_None) {
    PyErr_SetString(PyExc_TypeError, "pow: a tensor has no third argument");
    return nullptr;
  }
  // Squares are common, and a product is exact and fast.
  if (is_tensor(left) && PyLong_CheckExact(right) && PyLong_AsLong(right) == 2) return unary<square>(left);
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return binary<pow>(left, right);
}

// x += y overwrites x, unless the sum is recorded: then x becomes a new tensor, as in x = x + y.
template <BinaryFunction function, op::OpId id>
PyObject* in_place(PyObject* self, PyObject* other) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(other) && !is_operand(other)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor& target = unwrap(self);
    const Tensor operand = is_tensor(other) ? unwrap(other) : to_tensor_beside(other, target);
    const bool recorded = grad_enabled() && (target.requires_grad() || operand.requires_grad());
    if (compute(target.size(), [&] { return op::overwrite(id, target, operand); })) {
      Py_INCREF(self);
      return self;
    }
    const Tensor result = compute(target.size(), [&] { return function(target, operand); });
    if (result.dtype() != target.dtype()) {
      throw TypeError(concat_text("an in-place operation cannot turn ", target.dtype(), " into ", result.dtype(),
                                  "; write x = x + y"));
    }
    if (result.shape() != target.shape()) {
      throw ValueError(concat_text("an in-place operation cannot turn shape ", target.shape(), " into ", result.shape(),
                                   "; write x = x + y"));
    }
    if (recorded && !(target.is_leaf() && target.requires_grad())) return wrap(result);
    compute(target.size(), [&] { assign(target, result); });
    Py_INCREF(self);
    return self;
  });
}

PyObject* in_place_power(PyObject* self, PyObject* other, PyObject*) {
  return in_place<pow, op::OpId::pow>(self, other);
}

// The quotient, rounded down, and what remains.
PyObject* quotient_and_remainder(PyObject* left, PyObject* right) {
  PyObject* quotient = binary<floor_divide>(left, right);
  if (quotient == nullptr || quotient == Py_NotImplemented) return quotient;
  PyObject* rest = binary<remainder>(left, right);
  PyObject* both = rest == nullptr ? nullptr : PyTuple_Pack(2, quotient, rest);
  Py_DECREF(quotient);
  Py_XDECREF(rest);
  return both;
}

// The tensor is on the left: Python swaps the sides of comparisons.
template <BinaryFunction function, ScalarFunction with_number>
PyObject* comparison(PyObject* left, PyObject* right) {
  return guarded([&]() -> PyObject* {
    const auto number = is_tensor(right) ? std::nullopt : as_scalar(right);
    if (!number) return binary<function>(left, right);
    const Tensor& x = unwrap(left);
    return wrap(compute(x.size(), [&] { return with_number(x, *number); }));
  });
}

PyObject* compare(PyObject* left, PyObject* right, int operation) {
  switch (operation) {
    case Py_EQ: return comparison<equal, equal>(left, right);
    case Py_NE: return comparison<not_equal, not_equal>(left, right);
    case Py_LT: return comparison<less, less>(left, right);
    case Py_LE: return comparison<less_equal, less_equal>(left, right);
    case Py_GT: return comparison<greater, greater>(left, right);
    default: return comparison<greater_equal, greater_equal>(left, right);
  }
}

Tensor itself(const Tensor& x) { return x; }

// --- conversion to Python numbers -------------------------------------------------------------------------

int truth(PyObject* self) {
  try {
    const Tensor& x = unwrap(self);
    if (x.size() != 1) {
      throw ValueError(
          concat_text("the truth of a tensor of shape ", x.shape(), " is ambiguous; use (x).any() or (x).all()"));
    }
    return x.item() != 0 ? 1 : 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

PyObject* as_int(PyObject* self) {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    return is_floating(x.dtype()) ? PyLong_FromDouble(x.item()) : PyLong_FromLongLong(x.item_int());
  });
}

PyObject* as_float(PyObject* self) {
  return guarded([&] { return PyFloat_FromDouble(unwrap(self).item()); });
}

PyObject* as_index(PyObject* self) {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    // Without an error here, bytes(x) would take x as a size and create that many zeros; other tensors give their
    // elements.
    if (!is_integer(x.dtype()) || x.rank() > 0) {
      throw TypeError(
          concat_text("only an integer tensor of rank 0 is an index, got ", x.dtype(), " of shape ", x.shape()));
    }
    return PyLong_FromLongLong(x.item_int());
  });
}

// --- elements ---------------------------------------------------------------------------------------------

Py_ssize_t length(PyObject* self) {
  const Tensor& x = unwrap(self);
  if (x.rank() > 0) return static_cast<Py_ssize_t>(x.shape()[0]);
  PyErr_SetString(PyExc_TypeError, "len() of a tensor of rank 0");
  return -1;
}

PyObject* subscript(PyObject* self, PyObject* key) {
  return guarded([&] { return wrap(get_item(unwrap(self), key)); });
}

// Whether one of the elements equals the value, as in NumPy.
int contains(PyObject* self, PyObject* value) {
  try {
    const auto equal = py::reinterpret_steal<py::object>(PyObject_RichCompare(self, value, Py_EQ));
    if (!equal) throw py::error_already_set();
    if (!is_tensor(equal.ptr())) return PyObject_IsTrue(equal.ptr());
    return any(unwrap(equal.ptr())).item() != 0 ? 1 : 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

PyObject* sequence_item(PyObject* self, Py_ssize_t index) {
  return guarded([&] { return wrap(get_item(unwrap(self), py::int_(index))); });
}

int assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  try {
    if (value == nullptr) throw TypeError("elements of a tensor cannot be deleted");
    set_item(unwrap(self), key, value);
    return 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

PyObject* iterate(PyObject* self) {
  if (unwrap(self).rank() > 0) return PySeqIter_New(self);
  PyErr_SetString(PyExc_TypeError, "iteration over a tensor of rank 0");
  return nullptr;
}

// --- buffer protocol (PEP 3118) ---------------------------------------------------------------------------

const char* buffer_format(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "?";
    case DType::uint8: return "B";
    case DType::int8: return "b";
    case DType::int16: return "h";
    case DType::int32: return "i";
    case DType::int64: return "q";
    case DType::float16: return "e";
    case DType::float32: return "f";
    case DType::float64: return "d";
    case DType::bfloat16: break;
  }
  return nullptr;
}

bool is_column_major(const Tensor& x) {
  Dims shape = x.shape();
  Dims strides = x.strides();
  std::reverse(shape.begin(), shape.end());
  std::reverse(strides.begin(), strides.end());
  return is_contiguous(shape, strides);
}

// Whether a consumer that sets these flags can read this layout.
bool has_requested_layout(const Tensor& x, int flags) {
  const auto asks = [flags](int flag) { return (flags & flag) == flag; };
  if (asks(PyBUF_ANY_CONTIGUOUS)) return x.is_contiguous() || is_column_major(x);
  if (asks(PyBUF_F_CONTIGUOUS)) return is_column_major(x);
  return x.is_contiguous() || (asks(PyBUF_STRIDES) && !asks(PyBUF_C_CONTIGUOUS));
}

void fill_buffer(const Tensor& x, int flags, Py_buffer* view) {
  const char* format = buffer_format(x.dtype());
  if (format == nullptr) throw TypeError("bfloat16 has no buffer format; use astype('float32') first");
  if (x.requires_grad()) throw Error("the tensor requires a gradient; call detach() first");
  if ((flags & PyBUF_WRITABLE) != 0 && !x.is_writable()) throw ValueError("the tensor shares read-only memory");
  const bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  if (!has_requested_layout(x, flags)) throw ValueError("the tensor is not contiguous; use contiguous() first");
  const int rank = x.rank();
  auto* numbers = static_cast<Py_ssize_t*>(PyMem_Malloc(sizeof(Py_ssize_t) * static_cast<size_t>(2 * rank + 1)));
  if (numbers == nullptr) throw std::bad_alloc();
  const auto bytes = static_cast<Py_ssize_t>(item_size(x.dtype()));
  for (int i = 0; i < rank; ++i) {
    numbers[i] = static_cast<Py_ssize_t>(x.shape()[i]);
    numbers[rank + i] = static_cast<Py_ssize_t>(x.strides()[i]) * bytes;
  }
  view->buf = x.raw_data();
  view->len = static_cast<Py_ssize_t>(x.size()) * bytes;
  view->itemsize = bytes;
  view->readonly = x.is_writable() ? 0 : 1;
  view->format = (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(format) : nullptr;
  view->ndim = rank;
  view->shape = (flags & PyBUF_ND) != 0 ? numbers : nullptr;
  view->strides = strided ? numbers + rank : nullptr;
  view->suboffsets = nullptr;
  view->internal = numbers;
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  try {
    fill_buffer(unwrap(self), flags, view);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_BufferError, error.what());
    return -1;
  }
  Py_INCREF(self);
  view->obj = self;
  return 0;
}

void release_buffer(PyObject*, Py_buffer* view) { PyMem_Free(view->internal); }

template <class Function>
PyType_Slot slot(int id, Function* function) {
  return {id, reinterpret_cast<void*>(function)};
}

constexpr const char* type_doc =
    "Tensor(data)\n--\n\n"
    "A typed, strided array of up to 8 axes that remembers how it was computed.\n\n"
    "``Tensor(data)`` shares the memory of tensors and NumPy arrays; `pydl.tensor` copies.\n\n"
    "Examples\n--------\n"
    ">>> import pydl\n"
    ">>> x = pydl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)\n"
    ">>> (x * x).sum().backward()\n"
    ">>> x.grad\n"
    "tensor([[2., 4.],\n"
    "        [6., 8.]], dtype=float32)\n";

}  // namespace

PyTypeObject* tensor_type() { return type_object; }

PyObject* wrap(Tensor tensor) noexcept {
  PyObject* self = type_object->tp_alloc(type_object, 0);
  if (self != nullptr) new (&reinterpret_cast<TensorObject*>(self)->tensor) Tensor(std::move(tensor));
  return self;
}

void define_tensor_type(py::module_& module) {
  PyType_Slot slots[] = {
      slot(Py_tp_new, new_tensor),
      slot(Py_tp_dealloc, delete_tensor),
      slot(Py_tp_repr, represent),
      slot(Py_tp_hash, hash_of),
      slot(Py_tp_richcompare, compare),
      slot(Py_tp_iter, iterate),
      {Py_tp_doc, const_cast<char*>(type_doc)},
      slot(Py_nb_add, binary<add>),
      slot(Py_nb_subtract, binary<subtract>),
      slot(Py_nb_multiply, binary<multiply>),
      slot(Py_nb_true_divide, binary<divide>),
      slot(Py_nb_floor_divide, binary<floor_divide>),
      slot(Py_nb_remainder, binary<remainder>),
      slot(Py_nb_divmod, quotient_and_remainder),
      slot(Py_nb_matrix_multiply, binary<matmul>),
      slot(Py_nb_power, power),
      slot(Py_nb_negative, unary<negative>),
      slot(Py_nb_positive, unary<itself>),
      slot(Py_nb_absolute, unary<abs>),
      slot(Py_nb_invert, unary<bitwise_invert>),
      slot(Py_nb_and, binary<bitwise_and>),
      slot(Py_nb_or, binary<bitwise_or>),
      slot(Py_nb_xor, binary<bitwise_xor>),
      slot(Py_nb_lshift, binary<bitwise_left_shift>),
      slot(Py_nb_rshift, binary<bitwise_right_shift>),
      slot(Py_nb_inplace_add, in_place<add, op::OpId::add>),
      slot(Py_nb_inplace_subtract, in_place<subtract, op::OpId::subtract>),
      slot(Py_nb_inplace_multiply, in_place<multiply, op::OpId::multiply>),
      slot(Py_nb_inplace_true_divide, in_place<divide, op::OpId::divide>),
      slot(Py_nb_inplace_floor_divide, in_place<floor_divide, op::OpId::floor_divide>),
      slot(Py_nb_inplace_remainder, in_place<remainder, op::OpId::remainder>),
      slot(Py_nb_inplace_power, in_place_power),
      slot(Py_nb_inplace_and, in_place<bitwise_and, op::OpId::bitwise_and>),
      slot(Py_nb_inplace_or, in_place<bitwise_or, op::OpId::bitwise_or>),
      slot(Py_nb_inplace_xor, in_place<bitwise_xor, op::OpId::bitwise_xor>),
      slot(Py_nb_inplace_lshift, in_place<bitwise_left_shift, op::OpId::bitwise_left_shift>),
      slot(Py_nb_inplace_rshift, in_place<bitwise_right_shift, op::OpId::bitwise_right_shift>),
      slot(Py_nb_bool, truth),
      slot(Py_nb_int, as_int),
      slot(Py_nb_float, as_float),
      slot(Py_nb_index, as_index),
      slot(Py_mp_length, length),
      slot(Py_mp_subscript, subscript),
      slot(Py_mp_ass_subscript, assign_subscript),
      slot(Py_sq_length, length),
      slot(Py_sq_item, sequence_item),
      slot(Py_sq_contains, contains),
      slot(Py_bf_getbuffer, get_buffer),
      slot(Py_bf_releasebuffer, release_buffer),
      {0, nullptr},
  };
  PyType_Spec spec = {"pydl._core.Tensor", sizeof(TensorObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  type_object = reinterpret_cast<PyTypeObject*>(type);
  const py::object object = py::reinterpret_borrow<py::object>(type);
  object.attr("__array_priority__") = 1000;
  module.attr("Tensor") = object;
}

}  // namespace pydl::python
