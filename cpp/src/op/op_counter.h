// OpCounter: counts the cost of the ops that a thread runs, for summaries.
#pragma once

#include <cstdint>

#include "core/module_api.h"

namespace pydl::op {

/// Counts during its lifetime, on the thread that created it. Counters nest, and only the innermost one counts.
class PYDL_MODULE_API OpCounter {
 public:
  OpCounter();
  ~OpCounter();
  OpCounter(const OpCounter&) = delete;
  OpCounter& operator=(const OpCounter&) = delete;

  int64_t flops = 0;  ///< of ops whose records define them
  int64_t bytes = 0;  ///< of results that own their memory

 private:
  OpCounter* outer_;
};

/// The active counter of this thread, or null.
OpCounter* active_op_counter();

}  // namespace pydl::op
