#include "runtime/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include "pydl/error.h"
#include "runtime/pool.h"
#include "runtime/processors.h"

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace pydl::runtime {

namespace {

// 0 until a number of threads is set.
std::atomic<int> chosen_count{0};

// A loop over a range that is divided into pieces.
struct Ranges {
  int64_t count;
  int64_t pieces;
  void* context;
  RangeFunction function;
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  void run(int64_t piece) {
    const FlushDenormals flush;
    try {
      function(context, count * piece / pieces, count * (piece + 1) / pieces);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  }
};

}  // namespace

int thread_count() {
  const int count = chosen_count.load(std::memory_order_relaxed);
  return count > 0 ? count : default_threads().count;
}

void set_thread_count(int count) {
  if (count < 1 || count > most_threads) {
    throw ValueError(concat_text("set_num_threads: expected 1 to ", most_threads, " threads, got ", count));
  }
  chosen_count = count;
}

std::string thread_count_reason() { return chosen_count > 0 ? "set_num_threads" : default_threads().reason; }

#if defined(__SSE__)

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned flush_to_zero_and_denormals_are_zero = 0x8040U;
  const unsigned wanted = saved_ | flush_to_zero_and_denormals_are_zero;
  // Writing the register costs more than reading it.
  if (wanted != saved_) _mm_setcsr(wanted);
}

FlushDenormals::~FlushDenormals() {
  if (_mm_getcsr() != saved_) _mm_setcsr(saved_);
}

#elif defined(__aarch64__)

FlushDenormals::FlushDenormals() {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  saved_ = static_cast<unsigned>(control);
  __asm__ volatile("msr fpcr, %0" ::"r"(control | uint64_t{1} << 24));
}

FlushDenormals::~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(uint64_t{saved_})); }

#else

FlushDenormals::FlushDenormals() : saved_(0) {}
FlushDenormals::~FlushDenormals() = default;

#endif

void parallel_ranges(int64_t count, int64_t grain, int parts_per_thread, void* context, RangeFunction function) {
  if (count <= 0) return;
  const int64_t useful = count / std::max<int64_t>(grain, 1);
  const auto threads = static_cast<int>(std::min<int64_t>(thread_count(), useful));
  if (threads <= 1 || is_in_piece()) {
    const FlushDenormals flush;
    function(context, 0, count);
    return;
  }
  Ranges ranges = {count, std::min({useful, int64_t{parts_per_thread} * threads, most_pieces}), context, function, {},
                   {}};
  run_pieces(ranges.pieces, threads, &ranges, [](void* all, int64_t piece) { static_cast<Ranges*>(all)->run(piece); });
  if (ranges.error) std::rethrow_exception(ranges.error);
}

}  // namespace pydl::runtime
