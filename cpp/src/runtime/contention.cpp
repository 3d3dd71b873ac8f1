#include "runtime/contention.h"

#include <algorithm>
#include <atomic>

#if defined(__linux__)
#include <sys/resource.h>

#include <ctime>
#endif

namespace pydl::runtime {

namespace {

using std::chrono::milliseconds;
using Time = Clock::time_point;

constexpr milliseconds between_looks{1};
// A thread that competes with a busy process waits half of the time, some milliseconds at a stretch. The system's own
// background work takes only microseconds.
constexpr milliseconds window{40};
constexpr milliseconds enough{20};  // the shortest time of waiting and computing that allows a decision
constexpr int least_share = 4;      // a quarter of that time spent waiting
// In long loops, one thread of two would take twice as long, if there were no delays: it is faster where delays take
// about half of the time. Short loops gain little from more threads, and one delay is many times their length.
constexpr double least_delays = 0.4;
constexpr milliseconds long_loop{1};
constexpr milliseconds first_pause{50};
constexpr milliseconds longest_pause{1000};
constexpr int most_left_out = 1023;

// Few threads write to it, and rarely.
class State {
 public:
  int left_out(Time now) {
    if (count_.load(std::memory_order_relaxed) == 0) return 0;
    if (now.time_since_epoch().count() >= next_try_.load(std::memory_order_relaxed)) take_back(now);
    return count_.load(std::memory_order_relaxed);
  }

  void leave_out_one(Time now) {
    if (busy_.test_and_set(std::memory_order_acquire)) return;  // another thread is updating it
    const bool too_early = now - last_try_ < 2 * window;
    pause_ = too_early ? std::min<milliseconds>(2 * pause_, longest_pause) : first_pause;
    count_.store(std::min(count_.load() + 1, most_left_out));
    next_try_.store((now + pause_).time_since_epoch().count());
    busy_.clear(std::memory_order_release);
  }

 private:
  void take_back(Time now) {
    if (busy_.test_and_set(std::memory_order_acquire)) return;
    if (now.time_since_epoch().count() >= next_try_.load()) {
      count_.store(std::max(count_.load() - 1, 0));
      last_try_ = now;
      next_try_.store((now + pause_).time_since_epoch().count());
    }
    busy_.clear(std::memory_order_release);
  }

  std::atomic<int> count_{0};
  std::atomic<Clock::rep> next_try_{0};
  std::atomic_flag busy_;  // a thread that finds it set continues without waiting: programs in a loop take no lock
  Time last_try_;
  milliseconds pause_ = first_pause;
};

State& state() {
  static State* const state = new State;
  return *state;
}

// The processor time and the sleeps of the calling thread so far.
struct Usage {
  Time time;
  Clock::duration computed{0};
  long sleeps = 0;
};

#if defined(__linux__)
Usage usage_at(Time now) {
  timespec cpu{};
  rusage usage{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  getrusage(RUSAGE_THREAD, &usage);
  return {now, std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec), usage.ru_nvcsw};
}
#else
Usage usage_at(Time now) { return {now, now.time_since_epoch(), 0}; }
#endif

// The time that one thread has spent waiting for a processor.
class Waiting {
 public:
  void look(Time now) {
    if (now - last_.time < between_looks) return;
    const Usage usage = usage_at(now);
    // A thread that slept elsewhere, for a file or a lock, cannot tell that sleep from waiting.
    if (usage.sleeps - last_.sleeps <= own_sleeps_) add(usage);
    last_ = usage;
    own_sleeps_ = 0;
    slept_ = Clock::duration::zero();
  }

  void begin_loop() { ++loops_; }

  void delay(Clock::duration delay) { delayed_ += delay; }

  void sleep(Clock::duration slept) {
    ++own_sleeps_;
    slept_ += slept;
  }

 private:
  void add(const Usage& usage) {
    if (usage.time - begin_ > window) {
      begin_ = usage.time;
      waited_ = computed_ = delayed_ = Clock::duration::zero();
      loops_ = 0;
    }
    const Clock::duration computed = usage.computed - last_.computed;
    computed_ += computed;
    waited_ += std::max(usage.time - last_.time - computed - slept_, Clock::duration::zero());
    if (waited_ + computed_ < enough || waited_ * least_share < waited_ + computed_) return;
    // Threads that begin no loops, the helpers, wait for nobody: only callers decide.
    const Clock::duration elapsed = waited_ + computed_ + delayed_;
    const bool has_long_loops = elapsed >= loops_ * long_loop;
    const bool is_delayed =
        std::chrono::duration<double>(delayed_) >= least_delays * std::chrono::duration<double>(elapsed);
    if (has_long_loops && !is_delayed) return;
    waited_ = computed_ = delayed_ = Clock::duration::zero();
    loops_ = 0;
    state().leave_out_one(usage.time);
  }

  Usage last_ = usage_at(Clock::now());
  long own_sleeps_ = 0;
  Clock::duration slept_{0};
  Time begin_;
  Clock::duration waited_{0};
  Clock::duration computed_{0};
  Clock::duration delayed_{0};
  int64_t loops_ = 0;
};

Waiting& waiting() {
  thread_local Waiting waiting;
  return waiting;
}

}  // namespace

void note_contention(Time now) { waiting().look(now); }

void note_sleep(Clock::duration slept) { waiting().sleep(slept); }

void note_delay(Clock::duration delay) { waiting().delay(delay); }

void note_loop() { waiting().begin_loop(); }

int threads_left_out() { return state().left_out(Clock::now()); }

}  // namespace pydl::runtime
