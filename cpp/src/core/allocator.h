// The caching allocator: freed blocks go to lists by size, so that steady training requests nothing from the system.
#pragma once

#include <cstddef>

namespace pydl::core {

/// A block of at least `bytes` bytes, 64-byte aligned; `*capacity` is its real size. Throws `MemoryError`.
void* allocate_block(size_t bytes, size_t* capacity);
void free_block(void* block, size_t capacity) noexcept;

}  // namespace pydl::core
