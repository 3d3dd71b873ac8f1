// The behaviour of threads that are still running while the interpreter shuts down.
#pragma once

#include <pybind11/pybind11.h>

namespace pydl::python {

/// Whether the interpreter has begun or finished shutting down. Only the thread that does so can still get the lock.
bool interpreter_is_ending() noexcept;

/// Calls `function` with the interpreter's lock, on any thread. C++ destructors use it to release Python objects. The
/// function is not called if another thread is shutting down the interpreter: the process is about to end, and waiting
/// for the lock would block forever.
template <class Function>
void drop_with_lock(const Function& function) {
  if (Py_IsInitialized() == 0) return;
  if (PyGILState_Check() == 0 && interpreter_is_ending()) return;
  const pybind11::gil_scoped_acquire lock;
  function();
}

}  // namespace pydl::python
