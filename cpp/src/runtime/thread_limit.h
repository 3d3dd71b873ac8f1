// ThreadLimit: how many threads a library that uses OpenMP itself may start.
#pragma once

namespace pydl::runtime {

/// Limits the OpenMP regions that the calling thread starts to `count` threads for a scope. It does not concern
/// `parallel_for`, which says how many threads it wants.
class ThreadLimit {
 public:
  explicit ThreadLimit(int count);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int previous_;
};

}  // namespace pydl::runtime
