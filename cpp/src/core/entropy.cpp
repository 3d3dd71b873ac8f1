#include "core/entropy.h"

#include <atomic>
#include <random>

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace pydl::core {

namespace {

std::atomic<int64_t> forks{0};

}  // namespace

int64_t system_seed() {
  std::random_device device;
  const uint64_t high = device();
  return static_cast<int64_t>(high << 32 | device());
}

int64_t fork_count() {
#if __has_include(<pthread.h>)
  // The handler only increments a counter: little else is allowed in the child right after a fork.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
#endif
  return forks.load(std::memory_order_relaxed);
}

}  // namespace pydl::core
