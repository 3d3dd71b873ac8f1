// The interpreter's lock while ops take long: other threads of Python go on meanwhile, whichever binding the op is
// called from.
#include "bindings.h"
#include "op/work_hook.h"

namespace pydl::python {

namespace {

void* give_lock() {
  // Ops run on threads without the lock as well: of C++, or where a binding has given it already.
  return PyGILState_Check() == 1 ? PyEval_SaveThread() : nullptr;
}

// Without exceptions, as a frame of its own: a daemon thread is stopped here when the interpreter ends.
void take_lock(void* thread) noexcept {
  if (thread != nullptr) PyEval_RestoreThread(static_cast<PyThreadState*>(thread));
}

}  // namespace

void define_interpreter_lock() { op::set_work_hook({give_lock, take_lock}); }

}  // namespace pydl::python
