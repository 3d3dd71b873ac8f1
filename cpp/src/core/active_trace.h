// ActiveTrace: what core knows about the trace that is being recorded on this thread. graph/tracer.h implements it.
#pragma once

#include <cstdint>

namespace pydl {
class Tensor;
}

namespace pydl::core {

class Storage;
class TensorImpl;

/// While a trace is active, the results of ops have a shape and a dtype, but no elements.
class ActiveTrace {
 public:
  virtual ~ActiveTrace() = default;
  /// Throws `TraceError` if the elements of this tensor must not be read.
  virtual void check_read(const TensorImpl& impl) const = 0;
  /// Where the gradient of a tensor is kept while this trace is active, so that other threads do not see it. Null for
  /// tensors of the trace itself.
  virtual Tensor* gradient_of(TensorImpl& owner) = 0;
  /// Where the version of memory from outside of this trace is counted while the trace is active: tracing overwrites
  /// nothing, and writes by other threads do not belong to the trace. Null for the trace's own memory.
  virtual uint32_t* version_of(const Storage& storage) = 0;
  /// Called when the gradient of this tensor is dropped.
  virtual void note_cleared_gradient(const TensorImpl& owner) = 0;
  /// Greater than 0 and unique to this trace.
  uint32_t number() const { return number_; }

 protected:
  explicit ActiveTrace(uint32_t number) : number_(number) {}

 private:
  uint32_t number_;
};

/// The trace of this thread, or null.
ActiveTrace* active_trace() noexcept;
/// Makes another trace active, or none, and returns the previous one.
ActiveTrace* set_active_trace(ActiveTrace* trace) noexcept;

/// Runs ops immediately for a scope, even while a trace is active.
class PauseTrace {
 public:
  PauseTrace() : paused_(set_active_trace(nullptr)) {}
  ~PauseTrace() { set_active_trace(paused_); }
  PauseTrace(const PauseTrace&) = delete;
  PauseTrace& operator=(const PauseTrace&) = delete;

 private:
  ActiveTrace* paused_;
};

/// Throws `TraceError` if the elements of this tensor must not be read.
void check_read(const TensorImpl& impl);

}  // namespace pydl::core
