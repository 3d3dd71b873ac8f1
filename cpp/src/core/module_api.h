// Marks the internal functions that the Python module uses in addition to the public headers.
#pragma once

#include "pydl/export.h"

/// They are visible when the shared library is built for the module, and hidden in all other builds.
#if PYDL_FOR_MODULE
#define PYDL_MODULE_API PYDL_API
#else
#define PYDL_MODULE_API
#endif
