// The version of a dict of Python, which tells whether it has changed since somebody looked at it.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

namespace pydl::python {

/// Another number after every change of the entries; 0 where Python does not count them: since 3.13, in which a dict
/// that shares its values with an object does not tell its watchers of all changes either.
inline uint64_t dict_version(PyObject* dict) noexcept {
#if PY_VERSION_HEX < 0x030D0000
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // since 3.12, which still counts
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
#pragma GCC diagnostic pop
#else
  static_cast<void>(dict);
  return 0;
#endif
}

}  // namespace pydl::python
