#include "core/storage.h"

#include <new>

#include "core/allocator.h"

namespace pydl::core {

Storage* Storage::allocate(size_t bytes) {
  size_t capacity = 0;
  void* block = allocate_block(bytes + sizeof(Storage), &capacity);
  return new (block) Storage(static_cast<char*>(block) + sizeof(Storage), capacity, true);
}

Storage* Storage::adopt(void* data, std::function<void()> release, bool writable) {
  size_t capacity = 0;
  void* block = allocate_block(sizeof(Storage), &capacity);
  auto* storage = new (block) Storage(data, capacity, writable);
  storage->release_ = std::move(release);
  return storage;
}

void Storage::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (release_) release_();
  const size_t capacity = capacity_;
  this->~Storage();
  free_block(this, capacity);
}

}  // namespace pydl::core
