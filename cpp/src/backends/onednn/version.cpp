#include "backends/onednn/version.h"

#include <oneapi/dnnl/dnnl.h>

#include "pydl/error.h"

namespace pydl::onednn {

std::string version() {
  const dnnl_version_t* found = dnnl_version();
  return concat_text(found->major, ".", found->minor, ".", found->patch);
}

}  // namespace pydl::onednn
