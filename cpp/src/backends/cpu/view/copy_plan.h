// CopyPlan: copies elements from one layout to another without changing the dtype.
#pragma once

#include "backends/cpu/loop_nest.h"

namespace pydl::cpu {

class CopyPlan {
 public:
  /// Both buffers have the same shape and dtype.
  CopyPlan(const exec::BufferSpec& to, const exec::BufferSpec& from);

  void run(void* to, const void* from) const;

 private:
  void copy_rows(char* to, const char* from) const;
  void copy_matrices(char* to, const char* from, int64_t begin, int64_t end) const;
  void transpose(char* to, const char* from) const;

  LoopNest nest_;  // operands: to, from
  int transposed_loop_ = -1;
};

}  // namespace pydl::cpu
