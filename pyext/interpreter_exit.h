// What threads do that still run while the interpreter ends.
#pragma once

#include <pybind11/pybind11.h>

namespace pydl::python {

/// Whether the interpreter has begun to end, or has ended. No thread but the one that ends it gets the lock any more.
bool interpreter_is_ending() noexcept;

/// Calls `function` with the interpreter's lock, on any thread: what drops Python's objects where C++ drops their last
/// user. It is not called where the interpreter ends and another thread does that: the process is about to be gone,
/// and whoever waits for this thread would wait for ever.
template <class Function>
void drop_with_lock(const Function& function) {
  if (Py_IsInitialized() == 0) return;
  if (PyGILState_Check() == 0 && interpreter_is_ending()) return;
  const pybind11::gil_scoped_acquire lock;
  function();
}

}  // namespace pydl::python
