// Counts what a hot loop must not do: requests for memory, locks, files. The program's own definitions take the place
// of the C library's, for shared libraries too. What oneDNN asks for is counted apart: each execution of one of its
// primitives makes a table of its arguments, and no caller can prevent that.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PYDL_HAS_HOOKS 1
#else
#define PYDL_HAS_HOOKS 0
#endif

namespace hooks {

struct Counts {
  std::atomic<int64_t> allocations{0};
  std::atomic<int64_t> onednn{0};
  std::atomic<int64_t> locks{0};
  std::atomic<int64_t> files{0};
};

inline std::atomic<bool> counting{false};
inline Counts counts;

inline bool is_onednn(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && info.dli_fname != nullptr && std::strstr(info.dli_fname, "dnnl") != nullptr;
}

inline void count(std::atomic<int64_t>& counter) {
  if (counting.load(std::memory_order_relaxed)) counter.fetch_add(1, std::memory_order_relaxed);
}

/// Counts on all threads while one lives.
class Scope {
 public:
  Scope() {
    counts.allocations = counts.onednn = counts.locks = counts.files = 0;
    counting = true;
  }
  ~Scope() { counting = false; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
};

}  // namespace hooks

#if PYDL_HAS_HOOKS

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  hooks::count(hooks::counts.allocations);
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  hooks::count(hooks::counts.allocations);
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  hooks::count(hooks::counts.allocations);
  return __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
  hooks::count(hooks::counts.allocations);
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  hooks::count(hooks::counts.allocations);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** result, size_t alignment, size_t size) {
  hooks::count(hooks::counts.allocations);
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? 12 : 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  hooks::count(hooks::counts.locks);
  return lock(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_trylock"));
  hooks::count(hooks::counts.locks);
  return lock(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* mutex) {
  using Lock = int (*)(pthread_rwlock_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_rwlock_rdlock"));
  hooks::count(hooks::counts.locks);
  return lock(mutex);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* mutex) {
  using Lock = int (*)(pthread_rwlock_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_rwlock_wrlock"));
  hooks::count(hooks::counts.locks);
  return lock(mutex);
}

int open(const char* path, int flags, ...) {
  using Open = int (*)(const char*, int, ...);
  static const Open next = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "open"));
  hooks::count(hooks::counts.files);
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return next(path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  using Open = FILE* (*)(const char*, const char*);
  static const Open next = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "fopen"));
  hooks::count(hooks::counts.files);
  return next(path, mode);
}

}  // extern "C"

// Not inlined: GCC would take `free` for a mistake.
__attribute__((noinline)) void* operator new(size_t size) {
  if (hooks::counting.load(std::memory_order_relaxed)) {
    hooks::count(hooks::is_onednn(__builtin_return_address(0)) ? hooks::counts.onednn : hooks::counts.allocations);
  }
  void* result = __libc_malloc(size);
  if (result == nullptr) throw std::bad_alloc();
  return result;
}
__attribute__((noinline)) void operator delete(void* pointer) noexcept { free(pointer); }
__attribute__((noinline)) void operator delete(void* pointer, size_t) noexcept { free(pointer); }

#endif
