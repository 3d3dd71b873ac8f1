#include "exec/kernel_cache.h"

#include <algorithm>

namespace pydl::exec {

namespace {

void append(std::vector<int64_t>& words, const BufferSpec& spec) {
  const int rank = spec.shape.rank();
  words.push_back(static_cast<int64_t>(spec.dtype) << 8 | rank);
  words.insert(words.end(), spec.shape.begin(), spec.shape.end());
  words.insert(words.end(), spec.strides.begin(), spec.strides.end());
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
  signature_.clear();
  signature_.push_back(static_cast<int64_t>(call.op) << 32 | static_cast<int64_t>(call.inputs.size()));
  for (const BufferSpec& spec : call.inputs) append(signature_, spec);
  for (const BufferSpec& spec : call.outputs) append(signature_, spec);
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
