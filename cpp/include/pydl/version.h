// The version of the library, and what it was built with.
#pragma once

namespace pydl {

/// "major.minor.patch", from CMakeLists.txt.
const char* version();

/// Name and version of the compiler.
const char* compiler();

}  // namespace pydl
