// Contention: how many threads to leave idle because other programs want the processors.
//
// If the system suspends a thread in the middle of a piece, everybody who waits for that piece is delayed by some
// milliseconds. If this happens repeatedly, fewer threads are faster: with one busy process per processor, one thread
// takes two thirds of the time of two. Threads therefore measure how long they have waited for a processor, and for
// each other. Long pieces of work are worth the delays: there two threads stay faster than one.
#pragma once

#include <chrono>

namespace pydl::runtime {

using Clock = std::chrono::steady_clock;

/// Measures how long the calling thread has waited for a processor, at most once per millisecond. Spinning threads call
/// it.
void note_contention(Clock::time_point now);

/// Records that the calling thread has slept voluntarily.
void note_sleep(Clock::duration slept);

/// Records that the calling thread begins a loop.
void note_loop();

/// Records that the calling thread has waited for pieces that other threads have taken.
void note_delay(Clock::duration delay);

/// The number of threads to leave idle. After a while one of them is tried again, after a
/// longer while if that was too early.
int threads_left_out();

}  // namespace pydl::runtime
