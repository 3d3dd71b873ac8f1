// Releases the interpreter's lock during long ops, whichever binding they are called from, so that other Python threads
// can run.
#include "bindings.h"
#include "op/work_hook.h"

namespace pydl::python {

namespace {

void* give_lock() {
  // Ops also run on threads without the lock: C++ threads, or after a binding has released it.
  return PyGILState_Check() == 1 ? PyEval_SaveThread() : nullptr;
}

// A frame of its own that handles no exceptions: a daemon thread stops here when the interpreter shuts down.
void take_lock(void* thread) noexcept {
  if (thread != nullptr) PyEval_RestoreThread(static_cast<PyThreadState*>(thread));
}

}  // namespace

void define_interpreter_lock() { op::set_work_hook({give_lock, take_lock}); }

}  // namespace pydl::python
