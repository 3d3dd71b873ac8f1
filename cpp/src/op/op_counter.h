// OpCounter: what the ops that a thread runs cost, counted for summaries.
#pragma once

#include <cstdint>

#include "core/module_api.h"

namespace pydl::op {

/// Counts while it exists, on the thread that made it; counters nest, and only the innermost counts.
class PYDL_MODULE_API OpCounter {
 public:
  OpCounter();
  ~OpCounter();
  OpCounter(const OpCounter&) = delete;
  OpCounter& operator=(const OpCounter&) = delete;

  int64_t flops = 0;  ///< of ops whose records say how many they have
  int64_t bytes = 0;  ///< of results with memory of their own

 private:
  OpCounter* outer_;
};

/// The counter of this thread, or null.
OpCounter* active_op_counter();

}  // namespace pydl::op
