#include "backends/ref/ref_kernel.h"

namespace pydl::backends {

void register_ref(exec::KernelTable& table) {
  ref::register_elementwise(table);
  ref::register_reduce(table);
  ref::register_softmax(table);
  ref::register_loss(table);
  ref::register_ctc(table);
  ref::register_norm(table);
  ref::register_recurrent(table);
  ref::register_view(table);
  ref::register_create(table);
  ref::register_index(table);
  ref::register_segment(table);
  ref::register_resample(table);
  ref::register_random(table);
  ref::register_matmul(table);
  ref::register_conv(table);
  ref::register_pool(table);
  ref::register_update(table);
}

}  // namespace pydl::backends
