// What program files of format 1 say otherwise than those of today.
#pragma once

#include <string_view>

#include "io/json.h"

namespace pydl::saved {

/// The attributes of a call as format 2 has them: names in place of numbers, and lists. What is malformed stays as it
/// is.
io::Json::Object upgrade_format_1(std::string_view op, const io::Json::Object& attrs);

}  // namespace pydl::saved
