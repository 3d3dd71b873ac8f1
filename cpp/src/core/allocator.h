// The caching allocator: blocks go back to lists by size, so that steady training asks the system for nothing.
#pragma once

#include <cstddef>

namespace pydl::core {

/// A block of at least `bytes` bytes, 64-byte aligned; `*capacity` is its real size. Throws `MemoryError`.
void* allocate_block(size_t bytes, size_t* capacity);
void free_block(void* block, size_t capacity) noexcept;

}  // namespace pydl::core
