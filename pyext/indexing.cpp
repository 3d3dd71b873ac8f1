// Keys of Python: what they are in the core's terms (pydl/indexing.h).
#include <algorithm>
#include <vector>

#include "bindings.h"
#include "casters.h"
#include "pydl/indexing.h"

namespace pydl::python {

namespace {

bool is_integer_key(py::handle key) {
  if (PyLong_CheckExact(key.ptr())) return true;
  if (PyIndex_Check(key.ptr()) == 0 || PyBool_Check(key.ptr()) || is_tensor(key.ptr())) return false;
  // NumPy arrays claim to be indices, whatever they contain, and in old versions its bools do, too.
  if (!py::hasattr(key, "ndim")) return true;
  return key.attr("ndim").cast<int>() == 0 && key.attr("dtype").attr("kind").cast<std::string>() != "b";
}

int64_t integer_of(py::handle key) {
  const Py_ssize_t value = PyNumber_AsSsize_t(key.ptr(), PyExc_IndexError);
  if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return value;
}

IndexEntry slice_of(py::handle key) {
  Py_ssize_t start = 0;
  Py_ssize_t stop = 0;
  Py_ssize_t step = 0;
  if (PySlice_Unpack(key.ptr(), &start, &stop, &step) < 0) throw py::error_already_set();
  return Slice{start, stop, step};
}

// Lists, arrays and tensors are index tensors. An empty list is an index of integers.
IndexEntry tensor_of(py::handle key) {
  if (is_tensor(key.ptr())) return unwrap(key.ptr());
  const bool array_like =
      PyList_Check(key.ptr()) || PyTuple_Check(key.ptr()) || PyBool_Check(key.ptr()) || py::hasattr(key, "__array__");
  if (!array_like) {
    throw IndexError(concat_text("a tensor is indexed by integers, slices, None, ..., index tensors and masks, not by ",
                                 Py_TYPE(key.ptr())->tp_name));
  }
  const Tensor tensor = to_tensor(key);
  return tensor.size() == 0 && PyList_Check(key.ptr()) ? astype(tensor, DType::int64) : tensor;
}

IndexEntry entry_of(py::handle key) {
  if (key.is_none()) return NewAxis{};
  if (key.ptr() == Py_Ellipsis) return Ellipsis{};
  if (PySlice_Check(key.ptr())) return slice_of(key);
  if (is_integer_key(key)) return integer_of(key);
  return tensor_of(key);
}

// Calls `function` with the entries of a key.
template <class Function>
auto with_entries(py::handle key, const Function& function) {
  if (!PyTuple_Check(key.ptr())) {
    const IndexEntry entry = entry_of(key);
    return function(std::span(&entry, 1));
  }
  std::vector<IndexEntry> entries;
  entries.reserve(static_cast<size_t>(PyTuple_GET_SIZE(key.ptr())));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key.ptr()); ++i) {
    entries.push_back(entry_of(PyTuple_GET_ITEM(key.ptr(), i)));
  }
  return function(std::span<const IndexEntry>(entries));
}

// The user has written brackets, not the name of a function.
template <class E>
[[noreturn]] void throw_without_name(const E& error) {
  const std::string_view message = error.what();
  for (const std::string_view name : {"index: ", "assign_index: "}) {
    if (message.starts_with(name)) throw E(std::string(message.substr(name.size())));
  }
  throw error;
}

template <class Function>
auto without_name(const Function& function) try {
  return function();
} catch (const IndexError& error) {
  throw_without_name(error);
} catch (const ValueError& error) {
  throw_without_name(error);
}

}  // namespace

Tensor get_item(const Tensor& tensor, py::handle key) {
  return with_entries(key, [&](std::span<const IndexEntry> entries) {
    const auto is_tensor_entry = [](const IndexEntry& entry) { return std::holds_alternative<Tensor>(entry); };
    const bool is_view = std::none_of(entries.begin(), entries.end(), is_tensor_entry);
    return without_name([&] {
      return is_view ? index(tensor, entries) : compute(tensor.size(), [&] { return index(tensor, entries); });
    });
  });
}

void set_item(const Tensor& tensor, py::handle key, py::handle value) {
  with_entries(key, [&](std::span<const IndexEntry> entries) {
    const Tensor source = is_tensor(value.ptr()) ? unwrap(value.ptr()) : to_tensor_as(value, tensor.dtype());
    without_name([&] { compute(tensor.size(), [&] { assign_index(tensor, entries, source); }); });
  });
}

}  // namespace pydl::python
