// A oneDNN primitive with its operands: prepared once, then executed with new pointers each time.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::backends::onednn {

/// oneDNN's engine for the processor.
const dnnl::engine& cpu_engine();

/// oneDNN's type for a dtype; nothing if it computes no products in that dtype.
std::optional<dnnl::memory::data_type> data_type(DType dtype);

/// A shape with strides as a descriptor. Throws `dnnl::error` for strides that oneDNN rejects.
dnnl::memory::desc describe(dnnl::memory::data_type type, const Dims& shape, const Dims& strides);

/// Attributes with which the caller provides the scratchpad, so that a primitive has no state of its own.
dnnl::primitive_attr user_scratchpad();

/// The name of an implementation. Throws `dnnl::error` for those that must not be used: the slow references of oneDNN's
/// own tests, and its older product kernels ("gemm:jit"). The latter move the stack pointer into the heap, and a signal
/// that arrives meanwhile overwrites the memory below it, whatever that is.
std::string require_usable(const dnnl::primitive_desc_base& description);

/// Applies max(x, 0) to each element and keeps NaN. (oneDNN's own activation turns NaN into 0.)
void rectify(dnnl::memory::data_type type, void* elements, int64_t count);

/// The number of parts into which work is divided: a power of two that grows with the work, and never depends on the
/// number of threads.
int64_t part_count(int64_t multiply_adds);

/// A primitive with memory objects for its arguments. Executing it is cheaper than `dnnl::primitive::execute`, which
/// allocates. Only one thread at a time may use it.
class BoundPrimitive {
 public:
  explicit BoundPrimitive(const dnnl::primitive& primitive) : primitive_(primitive) {}

  /// Adds an operand. `execute` takes the pointers in the order of these calls.
  void add_argument(int argument, const dnnl::memory::desc& description);
  void execute(std::span<void* const> pointers);
  void execute(std::initializer_list<void*> pointers) { execute(std::span(pointers.begin(), pointers.size())); }

 private:
  dnnl::primitive primitive_;
  // On a processor a stream holds no pending work. Because it is created beforehand, executing the primitive on any
  // thread allocates no memory for it.
  dnnl::stream stream_{cpu_engine()};
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

/// Grants one thread exclusive use of something, or reports that another thread is using it; never waits.
class SoleUse {
 public:
  explicit SoleUse(std::atomic<bool>& in_use)
      : in_use_(in_use), ours_(!in_use.exchange(true, std::memory_order_acquire)) {}
  ~SoleUse() {
    if (ours_) in_use_.store(false, std::memory_order_release);
  }
  SoleUse(const SoleUse&) = delete;
  SoleUse& operator=(const SoleUse&) = delete;

  bool is_ours() const { return ours_; }

 private:
  std::atomic<bool>& in_use_;
  bool ours_;
};

}  // namespace pydl::backends::onednn
