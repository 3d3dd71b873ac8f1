// Upgrades program files of format 1, where they differ from today's format.
#pragma once

#include <string_view>

#include "io/json.h"

namespace pydl::saved {

/// Converts the attributes of a call to format 2: names instead of numbers, and lists. Malformed values are left
/// unchanged.
io::Json::Object upgrade_format_1(std::string_view op, const io::Json::Object& attrs);

}  // namespace pydl::saved
