// The processors that this process may use.
#pragma once

#include <string>

namespace pydl::runtime {

/// More than the number of processors of any machine. With far more threads than this, creating them fails.
inline constexpr int most_threads = 1024;

struct ThreadChoice {
  int count;
  std::string reason;  ///< "2 processors in the affinity mask", "cgroup quota", ...
};

/// The number of threads that kernels use by default. Throws `ValueError` if PYDL_NUM_THREADS is not a valid number of
/// threads.
const ThreadChoice& default_threads();

/// Lets the calling thread run on all of them, if the OpenMP runtime has bound its parent to one (OMP_PROC_BIND).
void use_all_processors();

}  // namespace pydl::runtime
