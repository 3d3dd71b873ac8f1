// A oneDNN primitive with its operands: prepared once, executed with new pointers each time.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::backends::onednn {

/// The processor, as oneDNN sees it.
const dnnl::engine& cpu_engine();

/// oneDNN's type for the dtypes of which it computes products; none for the others.
std::optional<dnnl::memory::data_type> data_type(DType dtype);

/// Shape and strides as a descriptor. Throws `dnnl::error` for strides that oneDNN refuses.
dnnl::memory::desc describe(dnnl::memory::data_type type, const Dims& shape, const Dims& strides);

/// Attributes under which the caller hands in the scratchpad; a primitive is then free of state of its own.
dnnl::primitive_attr user_scratchpad();

/// Throws `dnnl::error` for implementations that must not be used: the slow ones that oneDNN's own tests compare with,
/// and those by its older kernels for products ("gemm:jit"). These move the stack pointer into memory of the heap, and
/// a signal that arrives meanwhile is written below it: over whatever is there.
void require_usable(const dnnl::primitive_desc_base& description);

/// The larger of each element and 0; what is not a number stays as it is. (oneDNN's own activation makes 0 of it.)
void rectify(dnnl::memory::data_type type, void* elements, int64_t count);

/// Into how many parts work is cut: more for more work, by a power of two, and never by the number of threads.
int64_t part_count(int64_t multiply_adds);

/// A primitive and memory objects for its arguments. Cheaper to execute than through `dnnl::primitive::execute`, which
/// allocates. One thread at a time.
class BoundPrimitive {
 public:
  explicit BoundPrimitive(const dnnl::primitive& primitive) : primitive_(primitive) {}

  /// Adds an operand; pointers are handed to `execute` in the order of these calls.
  void add_argument(int argument, const dnnl::memory::desc& description);
  void execute(std::span<void* const> pointers);
  void execute(std::initializer_list<void*> pointers) { execute(std::span(pointers.begin(), pointers.size())); }

 private:
  dnnl::primitive primitive_;
  // A stream keeps no work on a processor. Made beforehand, whichever thread executes the primitive, it takes no
  // memory.
  dnnl::stream stream_{cpu_engine()};
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

/// Holds what one thread at a time may use, unless another does; waits for nobody.
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
