// Which oneDNN is linked.
#pragma once

#include <string>

namespace pydl::onednn {

/// As in "3.2.0".
std::string version();

}  // namespace pydl::onednn
