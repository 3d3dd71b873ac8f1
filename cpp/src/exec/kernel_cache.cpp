#include "exec/kernel_cache.h"

#include <algorithm>

#include "runtime/threads.h"

namespace pydl::exec {

namespace {

size_t word_count(const KernelCall& call) {
  size_t count = 1;
  for (const BufferSpec& spec : call.inputs) count += 1 + 2 * static_cast<size_t>(spec.shape.rank());
  for (const BufferSpec& spec : call.outputs) count += 1 + 2 * static_cast<size_t>(spec.shape.rank());
  return count;
}

int64_t* write_words(int64_t* words, const BufferSpec& spec) {
  const int rank = spec.shape.rank();
  *words++ = static_cast<int64_t>(spec.dtype) << 8 | rank;
  for (int axis = 0; axis < rank; ++axis) *words++ = spec.shape[axis];
  for (int axis = 0; axis < rank; ++axis) *words++ = spec.strides[axis];
  return words;
}

void write_signature(const KernelCall& call, std::vector<int64_t>& signature) {
  signature.resize(word_count(call));
  int64_t* words = signature.data();
  // Kernels are prepared for a particular number of threads.
  *words++ = static_cast<int64_t>(call.op) << 48 | static_cast<int64_t>(runtime::thread_count()) << 32 |
             static_cast<int64_t>(call.inputs.size());
  for (const BufferSpec& spec : call.inputs) words = write_words(words, spec);
  for (const BufferSpec& spec : call.outputs) words = write_words(words, spec);
}

size_t hash_words(const std::vector<int64_t>& words, size_t seed) {
  uint64_t hash = seed;
  for (const int64_t word : words) hash = (hash ^ static_cast<uint64_t>(word)) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 32;
}

}  // namespace

KernelCache& KernelCache::of_this_thread() {
  thread_local KernelCache cache;
  return cache;
}

const Kernel& KernelCache::get(const KernelCall& call) {
  write_signature(call, signature_);
  const size_t hash = hash_words(signature_, call.attrs.empty() ? 0 : call.attrs.hash());

  Entry* set = &entries_[hash % set_count * ways];
  Entry* free_entry = nullptr;
  for (size_t way = 0; way < ways; ++way) {
    Entry& entry = set[way];
    if (!entry.kernel) {
      free_entry = &entry;
    } else if (entry.hash == hash && entry.signature == signature_ && entry.attrs == call.attrs) {
      return *entry.kernel;
    }
  }
  auto kernel = prepare_kernel(call);
  Entry& entry = free_entry != nullptr ? *free_entry : set[next_victim_++ % ways];
  entry = {hash, signature_, call.attrs, std::move(kernel)};
  return *entry.kernel;
}

}  // namespace pydl::exec
