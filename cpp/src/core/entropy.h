// Seeds from the operating system, and a way to tell whether this process was forked after a seed was drawn.
#pragma once

#include <cstdint>

namespace pydl::core {

/// 64 random bits of the operating system.
int64_t system_seed();

/// The number of forks between the process that first called this function and the calling one: a child counts one more
/// than its parent.
int64_t fork_count();

}  // namespace pydl::core
