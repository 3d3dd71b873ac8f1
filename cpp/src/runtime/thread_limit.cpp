#include "runtime/thread_limit.h"

#include <omp.h>

namespace pydl::runtime {

ThreadLimit::ThreadLimit(int count) : previous_(omp_get_max_threads()) { omp_set_num_threads(count); }

ThreadLimit::~ThreadLimit() { omp_set_num_threads(previous_); }

}  // namespace pydl::runtime
