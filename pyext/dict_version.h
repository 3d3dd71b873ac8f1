// DictVersion: whether a dict of Python has changed since somebody looked at it.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

namespace pydl::python {

class DictVersion {
 public:
  /// Of a dict that outlives this object.
  explicit DictVersion(PyObject* dict);

  /// A number greater than 0: another one after every change of the entries.
  uint64_t now() const noexcept {
#if PY_VERSION_HEX < 0x030C0000
    return reinterpret_cast<PyDictObject*>(dict_)->ma_version_tag;
#else
    return *changes_;
#endif
  }

 private:
#if PY_VERSION_HEX < 0x030C0000
  PyObject* dict_;
#else
  std::shared_ptr<const uint64_t> changes_;
#endif
};

}  // namespace pydl::python
