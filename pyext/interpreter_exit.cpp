// A daemon thread may be anywhere when the interpreter ends. Before Python 3.14, the interpreter ends such a thread by
// `pthread_exit` as soon as it asks for the lock, and glibc then unwinds its stack as an exception does that nobody may
// catch. In C++ that is the end of the process: the lock is asked for in destructors, which must not throw, and what
// unwinding destroys are references to Python's objects, which nobody may touch without the lock.
//
// So here the thread stops for ever at the first frame of C++ that is to be unwound, which is what Python 3.14 does
// with it too. The compiler names one function, the personality routine, for all frames of C++; the linker's option
// --wrap puts the one below before it, for this module alone.
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
