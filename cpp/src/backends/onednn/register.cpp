#include "backends/onednn/register.h"

namespace pydl::backends {

void register_onednn(exec::KernelTable& table) {
  onednn::register_matmul(table);
  onednn::register_conv(table);
}

}  // namespace pydl::backends
