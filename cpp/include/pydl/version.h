// The version of the library, and what it was built with.
#pragma once

#include "pydl/export.h"

namespace pydl {

/// "major.minor.patch", from CMakeLists.txt.
PYDL_API const char* version();

/// Name and version of the compiler.
PYDL_API const char* compiler();

}  // namespace pydl
