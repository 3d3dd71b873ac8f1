// Attributes of Tensor, and methods that do not exist as functions too.
#include "bindings.h"
#include "casters.h"
#include "pydl/autograd.h"

namespace pydl::python {

namespace {

// Copies elements into `target`, which must not be part of a recorded computation.
void overwrite_elements(const Tensor& target, const Tensor& source) {
  compute(target.size(), [&] { assign(target, source); });
}

// The source of an assignment as a tensor: numbers and lists in the dtype of the target, others unchanged.
Tensor as_values_of(const py::object& source, const Tensor& target) {
  return is_tensor(source.ptr()) ? unwrap(source.ptr()) : to_tensor_as(source, target.dtype());
}

Tensor move_to(const Tensor& x, const py::object& target) {
  if (py::isinstance<py::str>(target)) {
    const auto name = target.cast<std::string>();
    if (name == "cpu") return x;
    if (name.rfind("cuda", 0) == 0) throw Error("to: this build of pydl has no CUDA; tensors live on 'cpu'");
  }
  if (is_tensor(target.ptr())) return astype(x, unwrap(target.ptr()).dtype());
  const auto dtype = load_dtype(target);
  if (!dtype) throw TypeError("to: expected a dtype, a tensor or the device 'cpu'");
  return astype(x, *dtype);
}

// A leaf remains a leaf: a copy of a parameter requires gradients too.
Tensor deep_copy(const Tensor& x) {
  if (!x.is_leaf()) {
    throw Error("deepcopy: only leaves can be copied with their history; call detach() first");
  }
  const GradMode mode(false);
  Tensor result = copy(x);
  if (x.requires_grad()) result.set_requires_grad(true);
  return result;
}

// Tensors that share memory in the same layout also share the memory of the copy: tied weights stay tied.
Tensor deep_copy_once(const Tensor& x, const py::object& memo) {
  if (!py::isinstance<py::dict>(memo) || x.size() == 0 || x.raw_data() == nullptr) return deep_copy(x);
  const auto address = reinterpret_cast<uintptr_t>(x.raw_data());  // NOLINT: a key, never followed
  const py::tuple key = py::make_tuple("pydl.Tensor", address, x.shape(), x.strides(), x.dtype());
  const auto known = memo.cast<py::dict>();
  if (!known.contains(key)) {
    const Tensor copied = deep_copy(x);
    known[key] = py::cast(copied);
    return copied;
  }
  Tensor shared = known[key].cast<Tensor>().detach();
  if (x.requires_grad()) shared.set_requires_grad(true);
  return shared;
}

py::object deep_copy_object(const py::object& self, const py::object& memo) {
  const Tensor copied = deep_copy_once(unwrap(self.ptr()), memo);
  if (Py_TYPE(self.ptr()) == tensor_type()) return py::cast(copied);
  // A subclass keeps its type and attributes. Its constructor might set others.
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type()));
  py::object result = type.attr("__new__")(py::type::of(self), py::cast(copied));
  if (py::hasattr(self, "__dict__")) result.attr("__dict__").attr("update")(self.attr("__dict__"));
  return result;
}

// A tensor with one element is formatted as that number: f"{loss:.3f}".
py::str format(const py::object& self, const py::str& specification) {
  if (py::len(specification) == 0) return py::str(self);
  const auto format_of = py::module_::import("builtins").attr("format");
  return format_of(self.attr("item")(), specification).cast<py::str>();
}

void define_attributes(const py::object& type) {
  property(type, "shape", [](const Tensor& x) { return x.shape(); }, "Sizes of the axes.");
  property(
      type, "strides", [](const Tensor& x) { return x.strides(); },
      "Distance of neighbours along each axis, in elements.");
  property(type, "ndim", [](const Tensor& x) { return x.rank(); }, "Number of axes.");
  property(type, "size", [](const Tensor& x) { return x.size(); }, "Number of elements.");
  property(
      type, "nbytes", [](const Tensor& x) { return py::int_(x.size()) * py::int_(item_size(x.dtype())); },
      "Bytes of the elements.");
  property(type, "dtype", [](const Tensor& x) { return x.dtype(); }, "The element type.");
  property(type, "device", [](const Tensor&) { return "cpu"; }, "The device of the elements: 'cpu'.");
  property(
      type, "is_leaf", [](const Tensor& x) { return x.is_leaf(); },
      "Whether the tensor is not the result of a recorded operation.");
  property(
      type, "T",
      [](const Tensor& x) {
        if (x.rank() != 2) throw ValueError(concat_text("T: expected 2 axes, got shape ", x.shape()));
        return matrix_transpose(x);
      },
      "The transposed matrix, a view.");
  property(type, "mT", matrix_transpose, "The last two axes swapped, as a view.");
}

void define_gradient_attributes(const py::object& type) {
  const py::object builtin = py::module_::import("builtins").attr("property");
  type.attr("requires_grad") =
      builtin(py::cpp_function([](const Tensor& x) { return x.requires_grad(); }, py::is_method(type)),
              py::cpp_function([](Tensor x, bool flag) { x.set_requires_grad(flag); }, py::is_method(type)), py::none(),
              "Whether the tensor requires a gradient. Can be set on leaves of floating-point dtype.");
  type.attr("grad") = builtin(
      py::cpp_function(
          [](const Tensor& x) -> std::optional<Tensor> {
            return x.grad().defined() ? std::optional(x.grad()) : std::nullopt;
          },
          py::is_method(type)),
      py::cpp_function([](Tensor x, const std::optional<Tensor>& gradient) { x.set_grad(gradient.value_or(Tensor{})); },
                       py::is_method(type)),
      py::none(), "The sum of the gradients that `backward` computed, or None.");
  method(
      type, "requires_grad_",
      [](const py::object& self, bool flag) {
        Tensor x = unwrap(self.ptr());
        x.set_requires_grad(flag);
        return self;
      },
      py::arg("flag") = true, "Sets `requires_grad` and returns the tensor itself.");
}

void define_copies(const py::object& type) {
  method(
      type, "copy", [](const Tensor& x) { return compute(x.size(), [&] { return copy(x); }); },
      "The same values in new memory.");
  method(type, "detach", &Tensor::detach, "The same elements without history.");
  method(
      type, "contiguous", [](const Tensor& x) { return compute(x.size(), [&] { return contiguous(x); }); },
      "The tensor itself if it is row-major without gaps, else a row-major copy.");
  method(type, "is_contiguous", &Tensor::is_contiguous, "Whether the elements are in row-major order without gaps.");
  method(type, "to", move_to, py::arg("target"),
         "The tensor in another dtype, in that of another tensor, or on the device 'cpu'. Raises RuntimeError for "
         "devices that are not supported.");
  method(type, "__format__", format, py::arg("specification"));
  method(type, "__copy__", [](const py::object& self) { return deep_copy_object(self, py::none()); });
  method(type, "__deepcopy__", deep_copy_object, py::arg("memo"));
}

void define_overwriting(const py::object& type) {
  method(
      type, "copy_",
      [](const py::object& self, const py::object& source) {
        const Tensor& x = unwrap(self.ptr());
        overwrite_elements(x, as_values_of(source, x));
        return self;
      },
      py::arg("source"),
      "Overwrites the elements with those of `source`, which broadcasts; returns the tensor itself.\n\n"
      "Tensors and arrays are converted as by `astype`. A Python number that is out of range for the dtype, alone or\n"
      "in a list, raises OverflowError.");
  method(
      type, "fill_",
      [](const py::object& self, Scalar value) {
        const Tensor& x = unwrap(self.ptr());
        overwrite_elements(x, Tensor::scalar(value, x.dtype()));
        return self;
      },
      py::arg("value"),
      "Overwrites all elements with one number; returns the tensor itself.\n\n"
      "A number that is out of range for the dtype raises OverflowError.");
  method(
      type, "zero_",
      [](const py::object& self) {
        const Tensor& x = unwrap(self.ptr());
        overwrite_elements(x, Tensor::scalar(0, x.dtype()));
        return self;
      },
      "Overwrites every element with 0; returns the tensor itself.");
}

}  // namespace

void define_tensor_members(py::module_&, const py::object& type) {
  define_attributes(type);
  define_gradient_attributes(type);
  define_copies(type);
  define_overwriting(type);
}

}  // namespace pydl::python
