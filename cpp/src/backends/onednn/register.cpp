// The `onednn` provider.
#include "backends/onednn/register.h"

namespace pydl::backends {

void register_onednn(exec::KernelTable& table) {
#define PYDL_REGISTER(family) onednn::register_##family(table);
  PYDL_REGISTRATIONS(PYDL_REGISTER)
#undef PYDL_REGISTER
}

}  // namespace pydl::backends
