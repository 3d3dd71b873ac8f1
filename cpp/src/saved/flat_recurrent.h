// Calls of recurrent layers in older program files, which have one flat tensor as their result.
#pragma once

#include <string_view>

#include "graph/recording.h"
#include "io/json.h"

namespace pydl::saved {

/// The flat form of `recurrent` or `recurrent_backward` if the call has an attribute that only this form has; otherwise
/// null.
const graph::OlderCall* find_flat_recurrent(std::string_view name, const io::Json::Object& attrs);

}  // namespace pydl::saved
