#include "runtime/contention.h"

#include <atomic>

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace pydl::runtime {

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::chrono::milliseconds between_looks{1};
// How long a thread that was put aside counts. Beside one busy process, that happens every few milliseconds.
constexpr std::chrono::milliseconds memory{30};

std::atomic<Clock::rep> contended_until{0};

#if defined(__linux__)
// How often the system has put the calling thread aside although it wanted to go on.
long times_put_aside() {
  rusage usage{};
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}
#else
long times_put_aside() { return 0; }
#endif

}  // namespace

void note_time(Time now) {
  thread_local Time next_look;
  thread_local long seen = times_put_aside();
  if (now < next_look) return;
  next_look = now + between_looks;
  const long count = times_put_aside();
  if (count != seen) contended_until.store((now + memory).time_since_epoch().count(), std::memory_order_relaxed);
  seen = count;
}

bool is_contended(Time now) { return now.time_since_epoch().count() < contended_until.load(std::memory_order_relaxed); }

}  // namespace pydl::runtime
