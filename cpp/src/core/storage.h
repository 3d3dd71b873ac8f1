// Storage: memory shared by tensors, with a counter of in-place writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace pydl::core {

/// Precedes the elements that it owns, in the same block; elements that it does not own are elsewhere.
class alignas(64) Storage {
 public:
  /// With room for `bytes` bytes; one reference.
  static Storage* allocate(size_t bytes);
  /// For foreign memory; `release` is called at the end.
  static Storage* adopt(void* data, std::function<void()> release, bool writable);

  void* data() const { return data_; }
  bool writable() const { return writable_; }
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }
  bool is_shared() const { return references_.load(std::memory_order_acquire) > 1; }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

 private:
  Storage(void* data, size_t capacity, bool writable) : data_(data), capacity_(capacity), writable_(writable) {}

  void* data_;
  size_t capacity_;
  std::atomic<uint32_t> references_{1};
  std::atomic<uint32_t> version_{0};
  bool writable_;
  std::function<void()> release_;
};

}  // namespace pydl::core
