// Calls of `max_pool_indices`, an op that only older program files have: the indices without the values.
#pragma once

#include <string_view>

#include "graph/recording.h"

namespace pydl::saved {

/// The form of `max_pool_indices` if this is the name of the op; otherwise null.
const graph::OlderCall* find_max_pool_indices(std::string_view name);

}  // namespace pydl::saved
