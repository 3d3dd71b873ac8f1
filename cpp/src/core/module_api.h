// What the Python module uses of the inside, beside the public headers.
#pragma once

#include "pydl/export.h"

/// Marks it where the shared library is built for the module; other libraries do not show it.
#if PYDL_FOR_MODULE
#define PYDL_MODULE_API PYDL_API
#else
#define PYDL_MODULE_API
#endif
