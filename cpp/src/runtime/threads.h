// Threads: their number, and loops that they share. The number of threads of a loop follows the amount of work.
#pragma once

#include <cstdint>
#include <string>

#include "core/module_api.h"

namespace pydl::runtime {

/// The number of threads that kernels may use.
PYDL_MODULE_API int thread_count();
PYDL_MODULE_API void set_thread_count(int count);
/// The origin of `thread_count`: "2 processors in the affinity mask", "cgroup quota", ...
PYDL_MODULE_API std::string thread_count_reason();

/// Sets flush-to-zero and denormals-are-zero on the calling thread for a scope, if the processor supports them.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

using RangeFunction = void (*)(void* context, int64_t begin, int64_t end);

/// Calls `function(context, begin, end)` on parts of [0, count) of at least `grain` items each, in any order, on this
/// thread and others; a thread may get several parts. If there is only work for one thread, the calling thread computes
/// everything in one call.
void parallel_ranges(int64_t count, int64_t grain, int parts_per_thread, void* context, RangeFunction function);

/// The number of parts of a loop per thread: a thread that is suspended or comes late leaves its share to the others.
inline constexpr int usual_parts_per_thread = 4;

/// The same for a callable `function(begin, end)`. One part per thread is for functions that repeat some work in every
/// part.
template <class Function>
void parallel_for(int64_t count, int64_t grain, const Function& function,
                  int parts_per_thread = usual_parts_per_thread) {
  parallel_ranges(
      count, grain, parts_per_thread, const_cast<Function*>(&function),
      [](void* context, int64_t begin, int64_t end) { (*static_cast<const Function*>(context))(begin, end); });
}

}  // namespace pydl::runtime
