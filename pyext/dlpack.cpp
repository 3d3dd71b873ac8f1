// DLPack: memory shared with other libraries (https://dmlc.github.io/dlpack). Version 1 can mark memory as read-only.
// The older structures are exchanged with libraries that do not request version 1.
#include <memory>
#include <vector>

#include "bindings.h"
#include "casters.h"
#include "interpreter_exit.h"

namespace pydl::python {

namespace {

// The structures of the specification. They are a binary interface, so their layout must not change.
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

struct DLPackVersion {
  uint32_t major;
  uint32_t minor;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  uint64_t flags;
  DLTensor dl_tensor;
};

// The names of capsules, before and after their memory was taken over.
template <class Managed>
struct CapsuleNames {
  static constexpr const char* fresh = "dltensor";
  static constexpr const char* used = "used_dltensor";
};
template <>
struct CapsuleNames<DLManagedTensorVersioned> {
  static constexpr const char* fresh = "dltensor_versioned";
  static constexpr const char* used = "used_dltensor_versioned";
};

constexpr uint64_t flag_read_only = 1;
constexpr uint64_t flag_is_copied = 2;
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

// A tensor that is held by another library, together with the arrays that the structure points to.
template <class Managed>
struct Export {
  Managed managed;
  Tensor tensor;
  Dims shape;
  Dims strides;
};

template <class Managed>
void delete_export(Managed* managed) {
  const std::unique_ptr<Export<Managed>> owner(static_cast<Export<Managed>*>(managed->manager_ctx));
}

template <class Managed>
void delete_unused_capsule(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, CapsuleNames<Managed>::fresh) == 0) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, CapsuleNames<Managed>::fresh));
  if (managed->deleter != nullptr) managed->deleter(managed);
}

template <class Managed>
py::object export_capsule(const Tensor& x, uint64_t flags) {
  auto exported = std::make_unique<Export<Managed>>();
  exported->tensor = x;
  exported->shape = x.shape();
  exported->strides = x.strides();
  Managed& managed = exported->managed;
  managed.dl_tensor = {
      x.raw_data(), {device_cpu, 0}, x.rank(), to_dl(x.dtype()), exported->shape.begin(), exported->strides.begin(), 0};
  managed.deleter = delete_export<Managed>;
  managed.manager_ctx = exported.get();
  if constexpr (requires { managed.flags; }) {
    managed.version = {1, 0};
    managed.flags = flags;
  }
  PyObject* capsule = PyCapsule_New(&managed, CapsuleNames<Managed>::fresh, delete_unused_capsule<Managed>);
  if (capsule == nullptr) throw py::error_already_set();
  static_cast<void>(exported.release());  // deleted by the capsule's destructor or by its consumer
  return py::reinterpret_steal<py::object>(capsule);
}

[[noreturn]] void raise_buffer_error(const char* message) {
  PyErr_SetString(PyExc_BufferError, message);
  throw py::error_already_set();
}

py::object to_dlpack(const Tensor& x, const py::object&, const std::optional<std::pair<int, int>>& max_version,
                     const std::optional<std::pair<int, int>>& device, std::optional<bool> must_copy) {
  if (x.requires_grad()) raise_buffer_error("__dlpack__: the tensor requires a gradient; call detach() first");
  if (device && device->first != device_cpu) raise_buffer_error("__dlpack__: only the CPU is built in");
  const bool copies = must_copy.value_or(false);
  const Tensor given = copies ? copy(x) : x;
  if (max_version && max_version->first >= 1) {
    return export_capsule<DLManagedTensorVersioned>(
        given, (given.is_writable() ? 0 : flag_read_only) | (copies ? flag_is_copied : 0));
  }
  if (!given.is_writable()) raise_buffer_error("__dlpack__: the tensor shares read-only memory; copy() it first");
  return export_capsule<DLManagedTensor>(given, 0);
}

// Takes over the memory from a capsule that has not been used yet.
template <class Managed>
Tensor import_capsule(const py::object& capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), CapsuleNames<Managed>::fresh));
  bool writable = true;
  if constexpr (requires { managed->flags; }) {
    if (managed->version.major > 1) {
      throw ValueError(concat_text("from_dlpack: expected DLPack 1, got version ", managed->version.major));
    }
    writable = (managed->flags & flag_read_only) == 0;
  }
  const DLTensor& external = managed->dl_tensor;
  if (external.device.device_type != device_cpu) throw ValueError("from_dlpack: only tensors on the CPU can be shared");
  if (external.ndim < 0 || external.ndim > max_rank) {
    throw ValueError(concat_text("from_dlpack: a tensor has at most ", max_rank, " axes, got ", external.ndim));
  }
  const DType dtype = from_dl(external.dtype);
  const Dims shape(std::span<const int64_t>(external.shape, static_cast<size_t>(external.ndim)));
  const Dims strides = external.strides == nullptr
                           ? contiguous_strides(shape)
                           : Dims(std::span<const int64_t>(external.strides, static_cast<size_t>(external.ndim)));
  PyCapsule_SetName(capsule.ptr(), CapsuleNames<Managed>::used);
  PyCapsule_SetDestructor(capsule.ptr(), nullptr);
  const auto release = [managed] {
    // With the interpreter's lock, because the deleter may belong to a library that needs it.
    if (managed->deleter != nullptr) drop_with_lock([managed] { managed->deleter(managed); });
  };
  return Tensor::from_memory(static_cast<char*>(external.data) + external.byte_offset, shape, strides, dtype, release,
                             writable);
}

py::object capsule_of(const py::object& source) {
  if (PyCapsule_CheckExact(source.ptr()) != 0) return source;
  if (!py::hasattr(source, "__dlpack__")) {
    throw TypeError(
        concat_text("from_dlpack: expected an array with __dlpack__, got ", Py_TYPE(source.ptr())->tp_name));
  }
  const py::object give = source.attr("__dlpack__");
  try {
    return give(py::arg("max_version") = py::make_tuple(1, 0));
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return give();  // for libraries older than version 1
}

// NumPy before 2.1 refuses to export read-only memory with DLPack.
bool is_read_only_array(const py::object& source) {
  const py::object type = py::module_::import("numpy").attr("ndarray");
  return py::isinstance(source, type) && !source.attr("flags").attr("writeable").cast<bool>() &&
         load_known_dtype(source.attr("dtype")).has_value();
}

Tensor share_dlpack(const py::object& source) {
  if (is_read_only_array(source)) return from_array(source, false);
  const py::object capsule = capsule_of(source);
  for (const auto& [name, import] :
       {std::pair{CapsuleNames<DLManagedTensor>::fresh, &import_capsule<DLManagedTensor>},
        std::pair{CapsuleNames<DLManagedTensorVersioned>::fresh, &import_capsule<DLManagedTensorVersioned>}}) {
    if (PyCapsule_IsValid(capsule.ptr(), name) != 0) return import(capsule);
  }
  throw ValueError("from_dlpack: the capsule has already been used, or does not contain a DLPack tensor");
}

Tensor from_dlpack(const py::object& source, Device, std::optional<bool> must_copy) {
  const Tensor shared = share_dlpack(source);
  return must_copy.value_or(false) ? compute(shared.size(), [&] { return copy(shared); }) : shared;
}

}  // namespace

void define_dlpack(py::module_& module, const py::object& type) {
  method(type, "__dlpack__", to_dlpack, py::kw_only(), py::arg("stream") = py::none(),
         py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(), py::arg("copy") = py::none());
  method(type, "__dlpack_device__", [](const Tensor&) { return std::make_pair(int{device_cpu}, 0); });
  module.def("from_dlpack", from_dlpack, py::arg("source"), py::kw_only(), py::arg("device") = py::none(),
             py::arg("copy") = py::none(),
             "A tensor that shares the memory of another library's array (anything with ``__dlpack__``), or, with\n"
             "``copy=True``, has a copy of its elements.\n\n"
             "Examples\n--------\n>>> import numpy as np, pydl\n>>> pydl.from_dlpack(np.arange(3.0))\n"
             "tensor([0., 1., 2.], dtype=float64)\n");
}

}  // namespace pydl::python
