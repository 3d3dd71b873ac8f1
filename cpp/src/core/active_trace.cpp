#include "core/active_trace.h"

#include "core/tensor_impl.h"

namespace pydl::core {

namespace {
thread_local ActiveTrace* active = nullptr;
}

ActiveTrace* active_trace() noexcept { return active; }
ActiveTrace* set_active_trace(ActiveTrace* trace) noexcept { return std::exchange(active, trace); }

Tensor& gradient_of(TensorImpl& impl) {
  Tensor* own = active != nullptr ? active->gradient_of(impl) : nullptr;
  return own != nullptr ? *own : impl.grad;
}

void check_read(const TensorImpl& impl) {
  if (active != nullptr) return active->check_read(impl);
  if (!impl.is_traced()) return;
  throw TraceError(concat_text("a tensor of shape ", impl.shape,
                               " from a traced function has no elements; return it from the function instead ",
                               "of keeping it"));
}

}  // namespace pydl::core
