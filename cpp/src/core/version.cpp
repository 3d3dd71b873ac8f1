#include "pydl/version.h"

namespace pydl {

const char* version() { return PYDL_VERSION; }

const char* compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

}  // namespace pydl
