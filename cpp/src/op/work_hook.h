// WorkHook: what a program around pydl wants to do while an op takes long. Python gives its lock to other threads.
#pragma once

#include "core/module_api.h"

namespace pydl::op {

struct WorkHook {
  /// Called before a kernel that takes long; what it returns is handed to `end`.
  void* (*begin)();
  void (*end)(void* begun);
};

/// Sets the hook of the process, for good.
PYDL_MODULE_API void set_work_hook(WorkHook hook);

}  // namespace pydl::op
