// Seeds that nobody chooses, and whether a process is a child of the one that chose them.
#pragma once

#include <cstdint>

namespace pydl::core {

/// 64 random bits of the operating system.
int64_t system_seed();

/// How many times the process was forked on the way from the one that asked first: a child counts one more.
int64_t fork_count();

}  // namespace pydl::core
