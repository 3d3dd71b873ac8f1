// How many threads kernels use.
#pragma once

#include "pydl/export.h"

namespace pydl {

/// By default what PYDL_NUM_THREADS or OMP_NUM_THREADS say, else the processors of the affinity mask, within the quota
/// of the control group.
PYDL_API int num_threads();
/// `ValueError` unless `count` is from 1 to 1024. Compiled functions and saved programs make a program for each number.
PYDL_API void set_num_threads(int count);

}  // namespace pydl
