// CopyPlan: elements moved from one layout to another, dtype unchanged.
#pragma once

#include "backends/cpu/loop_nest.h"

namespace pydl::cpu {

class CopyPlan {
 public:
  /// Both of one shape and dtype.
  CopyPlan(const exec::BufferSpec& to, const exec::BufferSpec& from);

  void run(void* to, const void* from) const;

 private:
  void copy_rows(char* to, const char* from) const;
  void transpose(char* to, const char* from) const;

  LoopNest nest_;  // operands: to, from
  int transposed_loop_ = -1;
};

}  // namespace pydl::cpu
