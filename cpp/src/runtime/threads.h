// Threads: how many there are, and loops that they share. The number of threads per loop follows the amount of work.
#pragma once

#include <cstdint>
#include <string>

#include "core/module_api.h"

namespace pydl::runtime {

/// How many threads kernels may use.
PYDL_MODULE_API int thread_count();
PYDL_MODULE_API void set_thread_count(int count);
/// Why `thread_count` is what it is: "2 processors in the affinity mask", "cgroup quota", ...
PYDL_MODULE_API std::string thread_count_reason();

/// Sets flush-to-zero and denormals-are-zero for a scope on the calling thread, where the processor has them.
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

/// Calls `function(context, begin, end)` on parts of [0, count), each of at least `grain` items, in any order, on this
/// thread and others; a thread may get several. On the calling thread alone, and in one part, when there is work for
/// one only.
void parallel_ranges(int64_t count, int64_t grain, int parts_per_thread, void* context, RangeFunction function);

/// How many parts a loop is cut into for each thread: whoever was put aside, or came late, leaves the rest to others.
inline constexpr int usual_parts_per_thread = 4;

/// The same for a callable `function(begin, end)`. One part per thread is for functions that do some of their work anew
/// in every part.
template <class Function>
void parallel_for(int64_t count, int64_t grain, const Function& function,
                  int parts_per_thread = usual_parts_per_thread) {
  parallel_ranges(
      count, grain, parts_per_thread, const_cast<Function*>(&function),
      [](void* context, int64_t begin, int64_t end) { (*static_cast<const Function*>(context))(begin, end); });
}

}  // namespace pydl::runtime
