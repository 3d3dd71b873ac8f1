// ActiveTrace: what core knows of a trace that is being recorded on this thread. graph/tracer.h implements it.
#pragma once

#include <cstdint>

namespace pydl {
class Tensor;
}

namespace pydl::core {

class Storage;
class TensorImpl;

/// While one is active, tensors that ops give have a shape and a dtype, but no elements.
class ActiveTrace {
 public:
  virtual ~ActiveTrace() = default;
  /// Throws `TraceError` where the elements of this tensor must not be looked at.
  virtual void check_read(const TensorImpl& impl) const = 0;
  /// Where the gradient of a tensor is kept while this trace is active, so that other threads do not see it; null for
  /// tensors of the trace itself.
  virtual Tensor* gradient_of(TensorImpl& owner) = 0;
  /// Where the version of memory that lives on outside of this trace is counted while it is active: nothing is
  /// overwritten yet, and what other threads overwrite meanwhile is not the trace's. Null for its own memory.
  virtual uint32_t* version_of(const Storage& storage) = 0;
  /// The gradient of this tensor was dropped.
  virtual void note_cleared_gradient(const TensorImpl& owner) = 0;
  /// Greater than 0, and no two traces have the same.
  uint32_t number() const { return number_; }

 protected:
  explicit ActiveTrace(uint32_t number) : number_(number) {}

 private:
  uint32_t number_;
};

/// The trace of this thread, or null.
ActiveTrace* active_trace() noexcept;
/// Makes another one active, or none; returns the one before.
ActiveTrace* set_active_trace(ActiveTrace* trace) noexcept;

/// Runs ops at once for a scope, whatever is being traced.
class PauseTrace {
 public:
  PauseTrace() : paused_(set_active_trace(nullptr)) {}
  ~PauseTrace() { set_active_trace(paused_); }
  PauseTrace(const PauseTrace&) = delete;
  PauseTrace& operator=(const PauseTrace&) = delete;

 private:
  ActiveTrace* paused_;
};

/// Throws `TraceError` where the elements of this tensor must not be looked at.
void check_read(const TensorImpl& impl);

}  // namespace pydl::core
