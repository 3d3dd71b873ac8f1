// The cache of prepared kernels: a call signature seen before costs a look-up instead of a preparation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "exec/kernel.h"

namespace pydl::exec {

/// The cache is bounded, and each thread has its own, so that a look-up takes no lock.
class KernelCache {
 public:
  static KernelCache& of_this_thread();

  /// The kernel for this call, prepared now if it is new. Valid until the next call of `get`.
  const Kernel& get(const KernelCall& call);

 private:
  struct Entry {
    size_t hash = 0;
    std::vector<int64_t> signature;
    op::Attrs attrs;
    std::unique_ptr<Kernel> kernel;
  };

  static constexpr size_t set_count = 512;
  static constexpr size_t ways = 4;

  std::vector<Entry> entries_ = std::vector<Entry>(set_count * ways);
  std::vector<int64_t> signature_;  // of the current call; a member so that its memory is reused
  size_t next_victim_ = 0;
};

}  // namespace pydl::exec
