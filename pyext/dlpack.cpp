// DLPack: memory shared with other libraries (https://dmlc.github.io/dlpack, version 0.8 structures).
#include <memory>
#include <vector>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

// The structures of the specification, which are a binary interface and must keep this layout.
struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};

constexpr int32_t device_cpu = 1;
constexpr uint8_t code_int = 0;
constexpr uint8_t code_uint = 1;
constexpr uint8_t code_float = 2;
constexpr uint8_t code_bfloat = 4;
constexpr uint8_t code_bool = 6;

DLDataType to_dl(DType dtype) {
  const auto bits = static_cast<uint8_t>(8 * item_size(dtype));
  if (dtype == DType::boolean) return {code_bool, 8, 1};
  if (dtype == DType::uint8) return {code_uint, bits, 1};
  if (dtype == DType::bfloat16) return {code_bfloat, bits, 1};
  return {is_floating(dtype) ? code_float : code_int, bits, 1};
}

DType from_dl(const DLDataType& type) {
  if (type.lanes == 1) {
    for (int i = 0; i < dtype_count; ++i) {
      const DLDataType known = to_dl(static_cast<DType>(i));
      if (known.code == type.code && known.bits == type.bits) return static_cast<DType>(i);
    }
  }
  throw TypeError(concat_text("from_dlpack: pydl has no dtype for code ", int{type.code}, ", ", int{type.bits},
                              " bits, ", type.lanes, " lanes"));
}

// A tensor that another library holds: the tensor itself, and the arrays that the structure points to.
struct Export {
  DLManagedTensor managed;
  Tensor tensor;
  Dims shape;
  Dims strides;
};

void delete_export(DLManagedTensor* managed) {
  const std::unique_ptr<Export> owner(static_cast<Export*>(managed->manager_ctx));
}

void delete_unused_capsule(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor") == 0) return;
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
  managed->deleter(managed);
}

[[noreturn]] void raise_buffer_error(const char* message) {
  PyErr_SetString(PyExc_BufferError, message);
  throw py::error_already_set();
}

py::object to_dlpack(const Tensor& x, const py::object&, const py::object&, const py::object& device,
                     const py::object& must_copy) {
  if (x.requires_grad()) raise_buffer_error("__dlpack__: the tensor requires a gradient; call detach() first");
  if (!device.is_none() && device.cast<std::pair<int, int>>().first != device_cpu) {
    raise_buffer_error("__dlpack__: only the CPU is built in");
  }
  const bool copies = !must_copy.is_none() && must_copy.cast<bool>();
  if (!x.is_writable() && !copies)
    raise_buffer_error("__dlpack__: the tensor shares read-only memory; copy() it first");
  auto exported = std::make_unique<Export>();
  exported->tensor = copies ? copy(x) : x;
  exported->shape = exported->tensor.shape();
  exported->strides = exported->tensor.strides();
  exported->managed.dl_tensor = {exported->tensor.raw_data(), {device_cpu, 0},           x.rank(), to_dl(x.dtype()),
                                 exported->shape.begin(),     exported->strides.begin(), 0};
  exported->managed.deleter = delete_export;
  exported->managed.manager_ctx = exported.get();
  PyObject* capsule = PyCapsule_New(&exported->managed, "dltensor", delete_unused_capsule);
  if (capsule == nullptr) throw py::error_already_set();
  static_cast<void>(exported.release());  // the capsule's destructor, or its consumer, deletes it
  return py::reinterpret_steal<py::object>(capsule);
}

Tensor from_dlpack(const py::object& source) {
  const py::object capsule = PyCapsule_CheckExact(source.ptr()) != 0 ? source : py::object(source.attr("__dlpack__")());
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor") == 0) {
    throw ValueError("from_dlpack: the capsule was used already, or is no DLPack tensor");
  }
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  const DLTensor& external = managed->dl_tensor;
  if (external.device.device_type != device_cpu) throw ValueError("from_dlpack: only tensors on the CPU can be shared");
  if (external.ndim > max_rank) {
    throw ValueError(concat_text("from_dlpack: a tensor has at most ", max_rank, " axes, got ", external.ndim));
  }
  const DType dtype = from_dl(external.dtype);
  const Dims shape(std::span<const int64_t>(external.shape, static_cast<size_t>(external.ndim)));
  const Dims strides = external.strides == nullptr
                           ? contiguous_strides(shape)
                           : Dims(std::span<const int64_t>(external.strides, static_cast<size_t>(external.ndim)));
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  PyCapsule_SetDestructor(capsule.ptr(), nullptr);
  const auto release = [managed] {
    if (managed->deleter == nullptr || Py_IsInitialized() == 0) return;
    const py::gil_scoped_acquire lock;  // the deleter may belong to a library that needs it
    managed->deleter(managed);
  };
  return Tensor::from_memory(static_cast<char*>(external.data) + external.byte_offset, shape, strides, dtype, release);
}

}  // namespace

void define_dlpack(py::module_& module, const py::object& type) {
  method(type, "__dlpack__", to_dlpack, py::kw_only(), py::arg("stream") = py::none(),
         py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(), py::arg("copy") = py::none());
  method(type, "__dlpack_device__", [](const Tensor&) { return std::make_pair(int{device_cpu}, 0); });
  module.def("from_dlpack", from_dlpack, py::arg("source"),
             "A tensor that shares the memory of another library's array (anything with ``__dlpack__``).\n\n"
             "Examples\n--------\n>>> import numpy as np, pydl\n>>> pydl.from_dlpack(np.arange(3.0))\n"
             "tensor([0., 1., 2.], dtype=float64)\n");
}

}  // namespace pydl::python
