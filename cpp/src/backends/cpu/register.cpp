// The `cpu` provider: our own SIMD kernels.
#include "backends/cpu/families.h"

namespace pydl::backends {

void register_cpu(exec::KernelTable& table) {
#define PYDL_REGISTER(family) cpu::register_##family(table);
  PYDL_REGISTRATIONS(PYDL_REGISTER)
#undef PYDL_REGISTER
}

}  // namespace pydl::backends
