// WorkHook: lets the program that uses pydl act while an op takes long. Python releases its lock for other threads.
#pragma once

#include "core/module_api.h"

namespace pydl::op {

struct WorkHook {
  /// Called before a kernel that takes long; its result is passed to `end`.
  void* (*begin)();
  void (*end)(void* begun);
};

/// Sets the hook of the process permanently.
PYDL_MODULE_API void set_work_hook(WorkHook hook);

}  // namespace pydl::op
