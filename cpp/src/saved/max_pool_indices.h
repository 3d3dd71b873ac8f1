// Calls of an op of older program files, which has only the indices of max pooling as its result.
#pragma once

#include <string_view>

#include "graph/recording.h"

namespace pydl::saved {

/// The form of `max_pool_indices` if this is the name of the op; otherwise null.
const graph::OlderCall* find_max_pool_indices(std::string_view name);

}  // namespace pydl::saved
