// The `ref` provider: short, obvious kernels that the others are tested against.
#include "backends/ref/ref_kernel.h"

namespace pydl::backends {

void register_ref(exec::KernelTable& table) {
#define PYDL_REGISTER(family) ref::register_##family(table);
  PYDL_REGISTRATIONS(PYDL_REGISTER)
#undef PYDL_REGISTER
}

}  // namespace pydl::backends
