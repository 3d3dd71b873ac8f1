// The number of threads that kernels use.
#pragma once

#include "pydl/export.h"

namespace pydl {

/// The default is PYDL_NUM_THREADS or OMP_NUM_THREADS if set; otherwise the number of processors in the affinity mask,
/// limited by the quota of the control group.
PYDL_API int num_threads();
/// `ValueError` unless `count` is from 1 to 1024. Compiled functions and saved programs have a separate program for
/// each number of threads.
PYDL_API void set_num_threads(int count);

}  // namespace pydl
