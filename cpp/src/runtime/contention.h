// Contention: how many threads we should leave out because other programs want the processors.
//
// A thread that the system puts aside in the middle of a piece holds up everybody who waits for that piece, for some
// milliseconds. Where that happens again and again, fewer threads are faster: beside one busy process per processor,
// one thread takes two thirds of the time of two. So threads measure how long they have waited for a processor.
#pragma once

#include <chrono>

namespace pydl::runtime {

using Clock = std::chrono::steady_clock;

/// Measures how long the calling thread has waited for a processor, once a millisecond at most. Threads that spin call
/// it.
void note_contention(Clock::time_point now);

/// Tells that the calling thread has slept of its own will.
void note_sleep(Clock::duration slept);

/// How many threads to leave out. After a while one of them is tried again; the while grows when that was too early.
int threads_left_out();

}  // namespace pydl::runtime
