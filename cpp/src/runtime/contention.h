// Contention: whether other programs want the processors that our threads run on.
#pragma once

#include <chrono>

namespace pydl::runtime {

/// Looks whether the calling thread has been put aside for another one since it last looked, once a millisecond at
/// most. Threads that wait call it.
void note_time(std::chrono::steady_clock::time_point now);

/// Whether threads have been put aside lately. Waiting threads should then sleep instead of spin.
bool is_contended(std::chrono::steady_clock::time_point now);

}  // namespace pydl::runtime
