// Calls of recurrent layers in older program files: all of their results lay in one flat tensor.
#pragma once

#include "graph/recording.h"
#include "io/json.h"

namespace pydl::saved {

/// The flat form of `recurrent` or `recurrent_backward` if one of the attributes is only part of that; otherwise null.
const graph::OlderCall* find_flat_recurrent(op::OpId op, const io::Json::Object& attrs);

}  // namespace pydl::saved
