#include "backends/cpu/kernel_set.h"

#include "runtime/cpu_features.h"

namespace pydl::cpu {

// Defined in the folder kernels/.
namespace baseline {
void fill(KernelSet& set);
}
#if defined(PYDL_CPU_HAS_V3)
namespace v3 {
void fill(KernelSet& set);
}
#endif
#if defined(PYDL_CPU_HAS_V4)
namespace v4 {
void fill(KernelSet& set);
}
#endif

const KernelSet& kernels() {
  static const KernelSet set = [] {
    KernelSet filled{};
    switch (runtime::best_instruction_set()) {
#if defined(PYDL_CPU_HAS_V4)
      case runtime::InstructionSet::amx:
      case runtime::InstructionSet::v4: v4::fill(filled); break;
#endif
#if defined(PYDL_CPU_HAS_V3)
      case runtime::InstructionSet::v3: v3::fill(filled); break;
#endif
      default: baseline::fill(filled); break;
    }
    return filled;
  }();
  return set;
}

}  // namespace pydl::cpu
