// ThreadLimit: a limit on the threads that a library may start if it uses OpenMP itself.
#pragma once

namespace pydl::runtime {

/// Limits the OpenMP regions that the calling thread starts to `count` threads for a scope. It does not affect
/// `parallel_for`, which has its own number of threads.
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
