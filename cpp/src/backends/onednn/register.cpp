#include "backends/onednn/register.h"

namespace pydl::backends {

void register_onednn(exec::KernelTable& table) { onednn::register_matmul(table); }

}  // namespace pydl::backends
