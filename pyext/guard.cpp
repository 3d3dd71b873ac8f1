#include "guard.h"

#include <bit>
#include <cstring>
#include <unordered_map>

#include "bindings.h"
#include "dict_version.h"
#include "tensor_object.h"

namespace pydl::python {

namespace {

bool is_numpy_scalar(PyObject* object) {
  return std::strncmp(Py_TYPE(object)->tp_name, "numpy.", 6) == 0 && PySequence_Check(object) == 0;
}

// Numbers and strings are compared by value, everything else by identity.
bool is_same_value(PyObject* found, PyObject* value) noexcept {
  if (found == value) return true;
  if (Py_TYPE(found) != Py_TYPE(value) || is_tensor(found)) return false;
  if (PyFloat_CheckExact(found)) {
    // Compares bits, so that 0.0 differs from -0.0, and NaN equals itself.
    return std::bit_cast<uint64_t>(PyFloat_AS_DOUBLE(found)) == std::bit_cast<uint64_t>(PyFloat_AS_DOUBLE(value));
  }
  const bool by_value = PyLong_CheckExact(found) || PyUnicode_CheckExact(found) || PyBytes_CheckExact(found) ||
                        PyComplex_CheckExact(found) || is_numpy_scalar(found);
  if (by_value) {
    const int result = PyObject_RichCompareBool(found, value, Py_EQ);
    if (result < 0) PyErr_Clear();
    return result == 1;
  }
  if (!PyTuple_CheckExact(found) || PyTuple_GET_SIZE(found) != PyTuple_GET_SIZE(value)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(found); ++i) {
    if (!is_same_value(PyTuple_GET_ITEM(found, i), PyTuple_GET_ITEM(value, i))) return false;
  }
  return true;
}

// The memory of an array for a scope; `view` is null if it has none.
class Memory {
 public:
  explicit Memory(PyObject* array) noexcept : valid_(PyObject_GetBuffer(array, &buffer_, PyBUF_FULL_RO) == 0) {
    if (!valid_) PyErr_Clear();
  }
  ~Memory() {
    if (valid_) PyBuffer_Release(&buffer_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  const Py_buffer* view() const noexcept { return valid_ ? &buffer_ : nullptr; }

 private:
  Py_buffer buffer_;
  bool valid_;
};

bool has_same_layout(const Py_buffer& a, const Py_buffer& b) {
  if (a.ndim != b.ndim || a.len != b.len || std::strcmp(a.format, b.format) != 0) return false;
  for (int i = 0; i < a.ndim; ++i) {
    if (a.shape[i] != b.shape[i]) return false;
  }
  return true;
}

std::string text_of(const py::object& object) { return py::str(object).cast<std::string>(); }

}  // namespace

Guard::Guard(const py::tuple& made)
    : kind_(static_cast<Kind>(made[0].cast<int>())),
      is_absent_(made[4].cast<bool>()),
      holder_(made[1]),
      key_(made[2]),
      value_(made[3]),
      name_(made[5]),
      optimizer_(kind_ == Kind::structure ? optimizer_state(holder_) : nullptr) {}

bool Guard::has_value(PyObject* found) const noexcept {
  if (found == nullptr || is_absent_) return found == nullptr && is_absent_;
  return is_same_value(found, value_.ptr());
}

bool Guard::items_hold() const noexcept {
  const Py_ssize_t size = PyTuple_GET_SIZE(value_.ptr());
  if (PyList_GET_SIZE(holder_.ptr()) != size) return false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!is_same_value(PyList_GET_ITEM(holder_.ptr(), i), PyTuple_GET_ITEM(value_.ptr(), i))) return false;
  }
  return true;
}

bool Guard::elements_hold() const noexcept {
  const Memory found(holder_.ptr());
  const Memory copy(value_.ptr());
  if (found.view() == nullptr || copy.view() == nullptr || !has_same_layout(*found.view(), *copy.view())) return false;
  const auto bytes = static_cast<size_t>(copy.view()->len);
  if (PyBuffer_IsContiguous(found.view(), 'C') != 0) {
    return bytes == 0 || std::memcmp(found.view()->buf, copy.view()->buf, bytes) == 0;
  }
  std::vector<char> gathered(bytes);
  // Python 3.10 takes a non-const pointer, but does not change the buffer.
  auto* const view = const_cast<Py_buffer*>(found.view());
  if (PyBuffer_ToContiguous(gathered.data(), view, copy.view()->len, 'C') < 0) {
    PyErr_Clear();
    return false;
  }
  return std::memcmp(gathered.data(), copy.view()->buf, bytes) == 0;
}

bool Guard::holds() const noexcept {
  switch (kind_) {
    case Kind::entry: {
      PyObject* found = PyDict_GetItemWithError(holder_.ptr(), key_.ptr());
      if (found == nullptr && PyErr_Occurred() != nullptr) PyErr_Clear();
      return has_value(found);
    }
    case Kind::size: return PyDict_Size(holder_.ptr()) == PyLong_AsSsize_t(value_.ptr());
    case Kind::cell: return has_value(PyCell_GET(holder_.ptr()));
    case Kind::attribute: {
      const auto found = py::reinterpret_steal<py::object>(PyObject_GetAttr(holder_.ptr(), key_.ptr()));
      if (!found) PyErr_Clear();
      return has_value(found.ptr());
    }
    case Kind::items: return items_hold();
    case Kind::equal: {
      const int result = PyObject_RichCompareBool(holder_.ptr(), value_.ptr(), Py_EQ);
      if (result < 0) PyErr_Clear();
      return result == 1;
    }
    case Kind::elements: return elements_hold();
    case Kind::structure: return optimizer_->structure == PyLong_AsLongLong(value_.ptr());
  }
  return false;
}

std::string Guard::difference() const {
  if (!name_.is_none()) return text_of(name_) + " changed";
  if (kind_ == Kind::size) return "attributes were added or removed";
  if (kind_ == Kind::structure) return "the state of an optimizer changed";
  return "attribute " + text_of(key_) + " changed";
}

int Guard::traverse(visitproc visit, void* arg) const {
  Py_VISIT(holder_.ptr());
  Py_VISIT(key_.ptr());
  Py_VISIT(value_.ptr());
  return 0;
}

Guards::Guards(const py::list& made) {
  std::unordered_map<PyObject*, size_t> positions;
  for (const py::handle item : made) {
    const auto number = static_cast<uint32_t>(all_.size());
    all_.emplace_back(py::reinterpret_borrow<py::tuple>(item));
    PyObject* dict = all_.back().dict();
    if (dict == nullptr) {
      always_.push_back(number);
      continue;
    }
    const auto [position, is_new] = positions.try_emplace(dict, dicts_.size());
    if (is_new) dicts_.push_back({dict, {}, {}});
    dicts_[position->second].guards.push_back(number);
  }
  for (OfDict& dict : dicts_) know_entries(dict);
}

// Where the guards are of the number of entries and of some that are there, all entries are compared in one walk: those
// that have guards by key and value, which the guards keep alive.
void Guards::know_entries(OfDict& dict) const {
  size_t counts = 0;
  std::unordered_map<PyObject*, PyObject*> values;
  for (const uint32_t number : dict.guards) {
    const Guard& guard = all_[number];
    if (!guard.holds()) return;
    counts += guard.is_size() ? 1 : 0;
    if (guard.key() != nullptr) values[guard.key()] = guard.value();
  }
  if (counts != 1 || values.size() + counts != dict.guards.size()) return;
  std::vector<Known> entries;
  size_t guarded = 0;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict.dict, &position, &key, &value) != 0) {
    const auto found = values.find(key);
    entries.push_back(found == values.end() ? Known{nullptr, nullptr} : Known{key, found->second});
    guarded += found == values.end() ? 0 : 1;
  }
  if (guarded == values.size()) dict.entries = std::move(entries);
}

bool Guards::hold(OfDict& dict) const noexcept {
  // Read first: what compares values may let other threads run.
  const uint64_t version = dict_version(dict.dict);
  if (version != 0 && version == dict.version) return true;
  if (!is_known(dict)) {
    for (const uint32_t number : dict.guards) {
      if (!all_[number].holds()) return false;
    }
  }
  dict.version = version;
  return true;
}

bool Guards::hold() const noexcept {
  for (OfDict& dict : dicts_) {
    if (!hold(dict)) return false;
  }
  for (const uint32_t number : always_) {
    if (!all_[number].holds()) return false;
  }
  return true;
}

// Whether the entries are those that it had, in their order; where not, the guards may still hold.
bool Guards::is_known(const OfDict& dict) noexcept {
  if (dict.entries.empty() || PyDict_GET_SIZE(dict.dict) != static_cast<Py_ssize_t>(dict.entries.size())) return false;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  for (const Known& known : dict.entries) {
    if (PyDict_Next(dict.dict, &position, &key, &value) == 0) return false;
    if (known.key != nullptr && (key != known.key || value != known.value)) return false;
  }
  return true;
}

std::string Guards::difference() const {
  for (const Guard& guard : all_) {
    if (!guard.holds()) return guard.difference();
  }
  return "";
}

int Guards::traverse(visitproc visit, void* arg) const {
  for (const Guard& guard : all_) {
    if (const int result = guard.traverse(visit, arg); result != 0) return result;
  }
  return 0;
}

}  // namespace pydl::python
