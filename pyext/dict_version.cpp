#include "dict_version.h"

#include <unordered_map>

#include "bindings.h"

namespace pydl::python {

#if PY_VERSION_HEX < 0x030C0000

DictVersion::DictVersion(PyObject* dict) : dict_(dict) {}

#else

namespace {

// How often each watched dict has changed. Python 3.12 and newer tell of changes instead of counting them; the map is
// never destroyed, because they may tell of some while the process ends.
using Changes = std::unordered_map<PyObject*, std::shared_ptr<uint64_t> >;

Changes& watched() {
  static auto* changes = new Changes;
  return *changes;
}

int note_change(PyDict_WatchEvent event, PyObject* dict, PyObject*, PyObject*) {
  const auto found = watched().find(dict);
  if (found == watched().end()) return 0;
  ++*found->second;
  if (event == PyDict_EVENT_DEALLOCATED) watched().erase(found);
  return 0;
}

int watcher() {
  static const int number = PyDict_AddWatcher(note_change);
  return number;
}

}  // namespace

DictVersion::DictVersion(PyObject* dict) {
  const auto [entry, is_new] = watched().try_emplace(dict);
  if (is_new) {
    entry->second = std::make_shared<uint64_t>(1);
    if (watcher() < 0 || PyDict_Watch(watcher(), dict) < 0) {
      watched().erase(dict);
      throw py::error_already_set();
    }
  }
  changes_ = entry->second;
}

#endif

}  // namespace pydl::python
