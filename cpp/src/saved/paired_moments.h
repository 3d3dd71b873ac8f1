// Calls of normalisations by channel in older program files, which have mean and variance, and the two sums of a
// gradient, as the rows of one tensor.
#pragma once

#include <string_view>

#include "graph/recording.h"
#include "io/json.h"

namespace pydl::saved {

/// The older form of a call by the name of its op in the file, if the call has this form; otherwise null.
const graph::OlderCall* find_paired_moments(std::string_view name, const io::Json::Object& attrs);

}  // namespace pydl::saved
