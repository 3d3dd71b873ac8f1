#include "runtime/pool.h"

#include <csignal>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

#include "runtime/at_fork.h"
#include "runtime/contention.h"
#include "runtime/processors.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace pydl::runtime {

namespace {

// How long a thread spins before it sleeps, waiting for work or for the end of a piece. Waking a thread takes 50 to 100
// us in a virtual machine, so spinning should bridge the gaps within a step and between steps.
constexpr std::chrono::microseconds longest_spin{200};

void relax() {
#if defined(__SSE__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#else
  std::this_thread::yield();
#endif
}

// Whether `condition` became true before the deadline.
template <class Condition>
bool spin_until(const Condition& condition) {
  for (int i = 0; i < 64; ++i) {
    if (condition()) return true;
    relax();
  }
  const auto begin = Clock::now();
  note_contention(begin);
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return true;
      relax();
    }
  } while (Clock::now() - begin < longest_spin);
  return condition();
}

void sleep_while(const std::atomic<uint32_t>& value, uint32_t seen) {
  const auto begin = Clock::now();
  value.wait(seen, std::memory_order_seq_cst);
  note_sleep(Clock::now() - begin);
}

// Callers take the first remaining piece and helpers take the last one. On an idle machine a thread then gets the same
// part of the data in every loop, and its caches still hold it.
enum class Side { first, last };

// The loop of one caller. The ticket holds a generation and the range of pieces that nobody has taken yet; a thread
// takes a piece by updating the ticket. The generation prevents a thread from taking a piece of a loop that has ended.
// The other fields are read after a piece was taken, and do not change until that piece is done.
struct alignas(128) Loop {
  std::atomic<bool> in_use{false};
  std::atomic<uint64_t> ticket{0};
  std::atomic<uint32_t> count{0};
  std::atomic<PieceFunction> function{nullptr};
  std::atomic<void*> context{nullptr};
  alignas(64) std::atomic<uint32_t> done{0};
  std::atomic<bool> caller_sleeps{false};

  void open(uint32_t pieces, void* its_context, PieceFunction its_function) {
    count.store(pieces, std::memory_order_relaxed);
    function.store(its_function, std::memory_order_relaxed);
    context.store(its_context, std::memory_order_relaxed);
    done.store(0, std::memory_order_relaxed);
    const uint64_t generation = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
    ticket.store(generation << 32 | pieces, std::memory_order_seq_cst);
  }

  static uint32_t first_of(uint64_t ticket) { return static_cast<uint32_t>(ticket >> 16) & 0xffffU; }
  static uint32_t end_of(uint64_t ticket) { return static_cast<uint32_t>(ticket) & 0xffffU; }
  bool has_pieces() const {
    const uint64_t now = ticket.load(std::memory_order_relaxed);
    return first_of(now) < end_of(now);
  }

  // Takes and computes one piece; false if none is left.
  bool compute_piece(Side side) {
    uint64_t now = ticket.load(std::memory_order_acquire);
    uint64_t rest;
    do {
      if (first_of(now) >= end_of(now)) return false;
      rest = side == Side::first ? now + 0x10000U : now - 1;
    } while (!ticket.compare_exchange_weak(now, rest, std::memory_order_acq_rel, std::memory_order_acquire));
    const uint32_t piece = side == Side::first ? first_of(now) : end_of(now) - 1;
    const uint32_t all = count.load(std::memory_order_relaxed);
    function.load(std::memory_order_relaxed)(context.load(std::memory_order_relaxed), piece);
    if (done.fetch_add(1, std::memory_order_seq_cst) + 1 == all && caller_sleeps.load(std::memory_order_seq_cst)) {
      done.notify_all();
    }
    return true;
  }

  // Returns when all pieces are done.
  void wait() {
    const uint32_t all = count.load(std::memory_order_relaxed);
    if (spin_until([&] { return done.load(std::memory_order_acquire) == all; })) return;
    const auto begin = Clock::now();
    caller_sleeps.store(true, std::memory_order_seq_cst);
    for (uint32_t seen = done.load(std::memory_order_seq_cst); seen != all;
         seen = done.load(std::memory_order_seq_cst)) {
      sleep_while(done, seen);
    }
    caller_sleeps.store(false, std::memory_order_relaxed);
    note_delay(Clock::now() - begin);
  }
};

// Signals should be handled by the threads of the program. A new thread inherits the signal mask of its creator.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t previous_;
};

// True while the thread computes a piece.
thread_local bool in_piece = false;

class Pool {
 public:
  // Never destroyed: helpers are detached and may use it until the process ends.
  static Pool& global() {
    static Pool* const pool = new Pool;
    return *pool;
  }

  // Null if too many callers already have loops.
  Loop* begin() {
    for (size_t i = 0; i < most_loops; ++i) {
      if (loops_[i].in_use.load(std::memory_order_relaxed)) continue;
      if (loops_[i].in_use.exchange(true, std::memory_order_acquire)) continue;
      size_t used = used_loops_.load(std::memory_order_relaxed);
      while (used <= i && !used_loops_.compare_exchange_weak(used, i + 1)) {
      }
      callers_.fetch_add(1, std::memory_order_relaxed);
      return &loops_[i];
    }
    return nullptr;
  }

  void end(Loop& loop) {
    callers_.fetch_sub(1, std::memory_order_relaxed);
    loop.in_use.store(false, std::memory_order_release);
  }

  // Notifies the helpers of a loop that was opened, and creates the helpers that do not exist yet.
  void announce(int threads) {
    if (helper_count_.load(std::memory_order_acquire) < threads - 1) make_helpers(threads - 1);
    changes_.fetch_add(1, std::memory_order_seq_cst);
    wake_one();
  }

 private:
  static constexpr size_t most_loops = 64;

  Pool() { at_fork({this, prepare_fork, leave_fork_in_parent, leave_fork_in_child}); }

  // Each helper that wakes up wakes the next one while there is work, so that the caller pays for waking only one.
  void wake_one() {
    if (sleeping_.load(std::memory_order_seq_cst) > 0) changes_.notify_one();
  }

  void make_helpers(int wanted) {
    const std::lock_guard lock(mutex_);
    for (int made = helper_count_.load(std::memory_order_relaxed); made < wanted; ++made) {
      try {
        const SignalsBlocked for_the_new_thread;
        std::thread([this, made] { help(made); }).detach();
      } catch (const std::system_error&) {
        return;  // the system allows no more threads; the existing ones do the work
      }
      helper_count_.store(made + 1, std::memory_order_release);
    }
  }

  // Callers compute too: callers and helpers together should not exceed the number of threads that was requested.
  bool may_help(int number) const {
    return number < thread_count() - threads_left_out() - std::max(callers_.load(std::memory_order_relaxed), 1);
  }

  bool has_work() const {
    const size_t used = used_loops_.load(std::memory_order_acquire);
    return std::any_of(loops_, loops_ + used, [](const Loop& loop) { return loop.has_pieces(); });
  }

  // Takes one piece of each loop in turn, so that all callers get help.
  bool compute_some(int number) {
    bool found = false;
    const size_t used = used_loops_.load(std::memory_order_acquire);
    for (size_t i = 0; i < used && may_help(number); ++i) found = loops_[i].compute_piece(Side::last) || found;
    return found;
  }

  [[noreturn]] void help(int number) {
    use_all_processors();
    const FlushDenormals flush;
    const ThreadLimit one_thread(1);  // for libraries that would start OpenMP threads inside a piece
    in_piece = true;
    while (true) {
      const uint32_t seen = changes_.load(std::memory_order_seq_cst);
      if (compute_some(number)) continue;
      if (spin_until([&] { return changes_.load(std::memory_order_relaxed) != seen; })) continue;
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      sleep_while(changes_, seen);
      sleeping_.fetch_sub(1, std::memory_order_seq_cst);
      if (has_work()) wake_one();
    }
  }

  static void prepare_fork(void* pool) { static_cast<Pool*>(pool)->mutex_.lock(); }
  static void leave_fork_in_parent(void* pool) { static_cast<Pool*>(pool)->mutex_.unlock(); }
  // Only the forking thread continues in the child: there are no helpers and no other callers.
  static void leave_fork_in_child(void* pool) {
    auto& self = *static_cast<Pool*>(pool);
    self.helper_count_ = 0;
    self.sleeping_ = 0;
    self.callers_ = 0;
    for (Loop& loop : self.loops_) {
      loop.ticket = loop.ticket >> 32 << 32;
      loop.in_use = false;
      loop.caller_sleeps = false;
    }
    self.mutex_.unlock();
  }

  Loop loops_[most_loops];
  std::atomic<size_t> used_loops_{0};
  std::atomic<int> callers_{0};
  alignas(64) std::atomic<uint32_t> changes_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<int> helper_count_{0};
  std::mutex mutex_;  // held while helpers are created
};

void run_alone(int64_t count, void* context, PieceFunction function) {
  for (int64_t piece = 0; piece < count; ++piece) function(context, piece);
}

}  // namespace

bool is_in_piece() { return in_piece; }

void run_pieces(int64_t count, int threads, void* context, PieceFunction function) {
  note_loop();
  threads = static_cast<int>(std::min<int64_t>(std::min(threads, thread_count() - threads_left_out()), count));
  Pool& pool = Pool::global();
  Loop* const loop = threads > 1 && !in_piece ? pool.begin() : nullptr;
  if (loop == nullptr) {
    run_alone(count, context, function);
    return;
  }
  loop->open(static_cast<uint32_t>(count), context, function);
  pool.announce(threads);
  in_piece = true;
  while (loop->compute_piece(Side::first)) {
  }
  in_piece = false;
  loop->wait();
  pool.end(*loop);
}

}  // namespace pydl::runtime
