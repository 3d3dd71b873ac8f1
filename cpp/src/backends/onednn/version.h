// The version of oneDNN that is linked.
#pragma once

#include <string>

#include "core/module_api.h"

namespace pydl::onednn {

/// For example "3.2.0".
PYDL_MODULE_API std::string version();

}  // namespace pydl::onednn
