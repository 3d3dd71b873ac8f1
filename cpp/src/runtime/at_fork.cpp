#include "runtime/at_fork.h"

#include <pthread.h>

#include <mutex>
#include <vector>

namespace pydl::runtime {

namespace {

// Never destroyed: a process may fork while it ends.
struct Registry {
  std::mutex mutex;
  std::vector<ForkHandlers> handlers;
};

Registry& registry() {
  static Registry* const registry = new Registry;
  return *registry;
}

// Handlers run in reverse order of registration, as those of pthread_atfork do.
void before_fork() {
  Registry& all = registry();
  all.mutex.lock();
  for (auto it = all.handlers.rbegin(); it != all.handlers.rend(); ++it) it->before(it->object);
}

void in_parent() {
  Registry& all = registry();
  for (const ForkHandlers& handlers : all.handlers) handlers.in_parent(handlers.object);
  all.mutex.unlock();
}

void in_child() {
  Registry& all = registry();
  for (const ForkHandlers& handlers : all.handlers) handlers.in_child(handlers.object);
  all.mutex.unlock();
}

}  // namespace

void at_fork(const ForkHandlers& handlers) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (all.handlers.empty()) pthread_atfork(before_fork, in_parent, in_child);
  all.handlers.push_back(handlers);
}

}  // namespace pydl::runtime
