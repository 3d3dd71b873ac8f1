// A daemon thread may be anywhere when the interpreter shuts down. Before Python 3.14, the interpreter ends such a
// thread with `pthread_exit` when it requests the lock, and glibc then unwinds its stack like an exception that nobody
// may catch. In C++ this ends the process: the lock is requested in destructors, which must not throw, and unwinding
// destroys references to Python objects, which must not be touched without the lock.
//
// Here the thread instead stops forever at the first C++ frame that would be unwound, as Python 3.14 does. The compiler
// uses one function, the personality routine, for all C++ frames. The linker's option --wrap replaces it by the
// function below, for this module only.
#include "interpreter_exit.h"

#if defined(PYDL_WRAPS_PERSONALITY)
#include <unistd.h>
#include <unwind.h>
#endif

namespace pydl::python {

bool interpreter_is_ending() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

}  // namespace pydl::python

#if defined(PYDL_WRAPS_PERSONALITY)

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): the linker chooses these names.
_Unwind_Reason_Code __real___gxx_personality_v0(int version, _Unwind_Action actions, _Unwind_Exception_Class kind,
                                                _Unwind_Exception* exception, _Unwind_Context* context);

_Unwind_Reason_Code __wrap___gxx_personality_v0(int version, _Unwind_Action actions, _Unwind_Exception_Class kind,
                                                _Unwind_Exception* exception, _Unwind_Context* context) {
  if ((actions & _UA_FORCE_UNWIND) != 0 && pydl::python::interpreter_is_ending()) {
    while (true) pause();
  }
  return __real___gxx_personality_v0(version, actions, kind, exception, context);
}
// NOLINTEND(bugprone-reserved-identifier)
}

#endif
