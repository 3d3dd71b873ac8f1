#include "core/allocator.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "pydl/error.h"
#include "pydl/tensor.h"
#include "runtime/at_fork.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(block, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(block, bytes)
#endif

namespace pydl::core {

namespace {

constexpr size_t alignment = 64;
constexpr size_t small_limit = size_t{1} << 20;  // up to here there are size classes, four per doubling
constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t thread_cache_bytes = size_t{1} << 18;  // per class and thread

std::atomic<int64_t> live_bytes{0};
std::atomic<int64_t> peak_bytes{0};
std::atomic<int64_t> system_bytes{0};
std::atomic<int64_t> system_requests{0};

// Class c holds blocks of (4 + c % 4) * 2^(c / 4) * 16 bytes: 64, 80, 96, 112, 128, 160, ... rounded up to 64.
constexpr int class_count = 4 * 15;

constexpr size_t class_bytes(int index) {
  const size_t bytes = (size_t{4} + static_cast<size_t>(index % 4)) << (index / 4 + 4);
  return (bytes + alignment - 1) / alignment * alignment;
}

// The class is computed from a multiple of the alignment, so that the size of a class leads back to the same class.
int class_of(size_t bytes) {
  if (bytes <= alignment) return 0;
  const int log2 = std::bit_width(bytes - 1) - 1;  // 2^log2 < bytes <= 2^(log2 + 1)
  const size_t quarter = size_t{1} << (log2 - 2);
  const int step = static_cast<int>((bytes - 1 - (size_t{1} << log2)) / quarter) + 1;  // 1..4
  return (log2 - 6) * 4 + step;
}

size_t round_large(size_t bytes) {
  const size_t unit = bytes >= 4 * huge_page ? huge_page : size_t{1} << 18;
  return (bytes + unit - 1) / unit * unit;
}

void* system_allocate(size_t bytes) {
  void* block = nullptr;
  if (bytes <= small_limit) {
    block = std::aligned_alloc(alignment, bytes);
  } else {
    block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) block = nullptr;
#ifdef MADV_HUGEPAGE
    // Huge pages mean fewer page faults and TLB misses. This is only a hint, so the result does not matter.
    if (block != nullptr && bytes >= 2 * huge_page) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  }
  if (block != nullptr) {
    system_requests.fetch_add(1, std::memory_order_relaxed);
    system_bytes.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }
  return block;
}

void system_free(void* block, size_t bytes) {
  system_bytes.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  if (bytes <= small_limit) {
    std::free(block);
  } else {
    munmap(block, bytes);
  }
}

// Free blocks shared by all threads.
class CentralCache {
 public:
  CentralCache() { runtime::hold_during_forks(mutex_); }

  // A block of at least `bytes` bytes, or null.
  void* take(size_t bytes, size_t* capacity) {
    const std::lock_guard lock(mutex_);
    auto found = blocks_.lower_bound(bytes);
    // A much larger block is left for a larger request.
    if (found == blocks_.end() || found->first > bytes + bytes / 8) return nullptr;
    *capacity = found->first;
    void* block = found->second.back();
    found->second.pop_back();
    if (found->second.empty()) blocks_.erase(found);
    return block;
  }

  void put(void* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    blocks_[bytes].push_back(block);
  }

  void release_all() {
    const std::lock_guard lock(mutex_);
    for (auto& [bytes, list] : blocks_) {
      for (void* block : list) system_free(block, bytes);
    }
    blocks_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> blocks_;
};

// Never destroyed: threads may free blocks while the process ends.
CentralCache& central_cache() {
  static auto* cache = new CentralCache;
  return *cache;
}

// Free small blocks of one thread, without locks.
class ThreadCache {
 public:
  ~ThreadCache() {
    release();
    closed() = true;
  }

  // Whether this thread's cache is already gone while some of its tensors are still alive.
  static bool& closed() {
    thread_local bool value = false;
    return value;
  }

  void* take(int index) {
    auto& list = lists_[index];
    if (list.empty()) return nullptr;
    void* block = list.back();
    list.pop_back();
    return block;
  }

  bool put(void* block, int index) {
    auto& list = lists_[index];
    if (list.size() >= std::max<size_t>(thread_cache_bytes / class_bytes(index), 4)) return false;
    list.push_back(block);
    return true;
  }

  void release() {
    for (int index = 0; index < class_count; ++index) {
      for (void* block : lists_[index]) central_cache().put(block, class_bytes(index));
      lists_[index].clear();
    }
  }

 private:
  std::array<std::vector<void*>, class_count> lists_;
};

ThreadCache& thread_cache() {
  thread_local ThreadCache cache;
  return cache;
}

void count_live(size_t capacity) {
  const int64_t live =
      live_bytes.fetch_add(static_cast<int64_t>(capacity), std::memory_order_relaxed) + static_cast<int64_t>(capacity);
  int64_t peak = peak_bytes.load(std::memory_order_relaxed);
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
}

void* request_from_system(size_t capacity, size_t wanted) {
  void* block = system_allocate(capacity);
  if (block == nullptr) {
    empty_cache();
    block = system_allocate(capacity);
  }
  if (block == nullptr) throw MemoryError(concat_text("the system refused ", wanted, " bytes of memory"));
  return block;
}

}  // namespace

void* allocate_block(size_t bytes, size_t* capacity) {
  if (bytes > (size_t{1} << 62)) throw MemoryError(concat_text("the system refused ", bytes, " bytes of memory"));
  void* block = nullptr;
  if (bytes <= small_limit) {
    const int index = class_of((bytes + alignment - 1) / alignment * alignment);
    *capacity = class_bytes(index);
    if (!ThreadCache::closed()) block = thread_cache().take(index);
    if (block == nullptr) block = central_cache().take(*capacity, capacity);
  } else {
    *capacity = round_large(bytes);
    block = central_cache().take(*capacity, capacity);
  }
  if (block == nullptr) block = request_from_system(*capacity, bytes);
  count_live(*capacity);
  // AddressSanitizer should see the block that is handed out, without the padding of its size class.
  ASAN_POISON_MEMORY_REGION(block, *capacity);
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  return block;
}

void free_block(void* block, size_t capacity) noexcept {
  ASAN_POISON_MEMORY_REGION(block, capacity);
  live_bytes.fetch_sub(static_cast<int64_t>(capacity), std::memory_order_relaxed);
  if (capacity <= small_limit && !ThreadCache::closed() && thread_cache().put(block, class_of(capacity))) return;
  central_cache().put(block, capacity);
}

}  // namespace pydl::core

namespace pydl {

MemoryStats memory_stats() {
  const int64_t live = core::live_bytes.load();
  return {live, core::peak_bytes.load(), core::system_bytes.load() - live, core::system_requests.load()};
}

void reset_peak_memory() { core::peak_bytes.store(core::live_bytes.load()); }

void empty_cache() {
  if (!core::ThreadCache::closed()) core::thread_cache().release();
  core::central_cache().release_all();
}

}  // namespace pydl
