// The version of the library, and the compiler that built it.
#pragma once

#include "pydl/export.h"

namespace pydl {

/// "major.minor.patch", from CMakeLists.txt.
PYDL_API const char* version();

/// Name and version of the compiler.
PYDL_API const char* compiler();

}  // namespace pydl
