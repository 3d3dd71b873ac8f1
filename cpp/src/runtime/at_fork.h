// Fork handlers. Only the forking thread continues in the child, whatever locks the other threads held.
#pragma once

namespace pydl::runtime {

/// Functions that are called with `object` before a fork, and after it in the parent and in the child.
struct ForkHandlers {
  void* object;
  void (*before)(void* object);
  void (*in_parent)(void* object);
  void (*in_child)(void* object);
};

/// The registration is permanent, so the object must never be destroyed.
void at_fork(const ForkHandlers& handlers);

/// Holds a mutex during forks, so that no other thread leaves it locked in the child. The mutex must never be
/// destroyed.
template <class Mutex>
void hold_during_forks(Mutex& mutex) {
  constexpr auto lock = [](void* object) { static_cast<Mutex*>(object)->lock(); };
  constexpr auto unlock = [](void* object) { static_cast<Mutex*>(object)->unlock(); };
  at_fork({&mutex, lock, unlock, unlock});
}

}  // namespace pydl::runtime
