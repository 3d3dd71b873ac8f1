#include "backends/cpu/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "backends/cpu/kernels/peak.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

struct PeakLoops {
  int64_t (*fma_loop)(int64_t iterations, float* sink);
  void (*stream_add)(float* c, const float* a, const float* b, int64_t count);
};

PeakLoops peak_loops() {
  switch (runtime::best_instruction_set()) {
#if defined(PYDL_CPU_HAS_V4)
    case runtime::InstructionSet::amx:
    case runtime::InstructionSet::v4: return {v4::fma_loop, v4::stream_add};
#endif
#if defined(PYDL_CPU_HAS_V3)
    case runtime::InstructionSet::v3: return {v3::fma_loop, v3::stream_add};
#endif
    default: return {baseline::fma_loop, baseline::stream_add};
  }
}

template <class Function>
double seconds_of(const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Free {
  void operator()(float* data) const { std::free(data); }
};
using AlignedArray = std::unique_ptr<float[], Free>;

// An array of ones, which also touches every page beforehand.
AlignedArray ones(int64_t count) {
  AlignedArray array(static_cast<float*>(std::aligned_alloc(64, static_cast<size_t>(count) * sizeof(float))));
  if (array) std::fill_n(array.get(), count, 1.0F);
  return array;
}

}  // namespace

double measure_fma_peak() {
  constexpr int64_t iterations = 4'000'000;
  const PeakLoops loops = peak_loops();
  std::atomic<int64_t> operations{0};
  const double seconds = seconds_of([&] {
    runtime::parallel_for(runtime::thread_count(), 1, [&](int64_t begin, int64_t end) {
      float sink = 0;
      for (int64_t i = begin; i < end; ++i) operations += loops.fma_loop(iterations, &sink);
    });
  });
  return static_cast<double>(operations.load()) / seconds;
}

double measure_bandwidth() {
  constexpr int64_t count = int64_t{1} << 24;
  const PeakLoops loops = peak_loops();
  const AlignedArray a = ones(count);
  const AlignedArray b = ones(count);
  const AlignedArray c = ones(count);
  if (!a || !b || !c) return 0;
  const double seconds = seconds_of([&] {
    runtime::parallel_for(count / 16, 1024, [&](int64_t begin, int64_t end) {
      const auto first = static_cast<size_t>(begin) * 16;
      loops.stream_add(&c[first], &a[first], &b[first], (end - begin) * 16);
    });
  });
  return 3.0 * sizeof(float) * static_cast<double>(count) / seconds;
}

}  // namespace pydl::cpu
