// Copies of chosen elements.
#pragma once

#include <cstdint>
#include <cstring>

namespace pydl::cpu {

/// A single number is copied with a constant size, because a call of memcpy would cost more.
inline void copy_run(char* to, const char* from, int64_t bytes) {
  if (bytes == 4) {
    std::memcpy(to, from, 4);
  } else if (bytes == 8) {
    std::memcpy(to, from, 8);
  } else {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace pydl::cpu
