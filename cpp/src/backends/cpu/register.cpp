// The `cpu` provider: SIMD kernels of our own.
#include "backends/cpu/families.h"

namespace pydl::backends {

void register_cpu(exec::KernelTable& table) {
  cpu::register_elementwise(table);
  cpu::register_fused(table);
  cpu::register_reduce(table);
  cpu::register_softmax(table);
  cpu::register_loss(table);
  cpu::register_ctc(table);
  cpu::register_norm(table);
  cpu::register_recurrent(table);
  cpu::register_sequence_product(table);
  cpu::register_view(table);
  cpu::register_create(table);
  cpu::register_index(table);
  cpu::register_resample(table);
  cpu::register_random(table);
  cpu::register_matmul(table);
  cpu::register_conv(table);
  cpu::register_pool(table);
  cpu::register_update(table);
}

}  // namespace pydl::backends
