// The processors that this process may use.
#pragma once

#include <string>

namespace pydl::runtime {

/// More than any machine has processors; far more than that, and creating threads fails.
inline constexpr int most_threads = 1024;

struct ThreadChoice {
  int count;
  std::string reason;  ///< "2 processors in the affinity mask", "cgroup quota", ...
};

/// How many threads kernels may use unless somebody asks for another number. Throws `ValueError` for a PYDL_NUM_THREADS
/// that is not a number of threads.
const ThreadChoice& default_threads();

/// Lets the calling thread run on all of them, where OpenMP's runtime has tied its parent to one (OMP_PROC_BIND).
void use_all_processors();

}  // namespace pydl::runtime
