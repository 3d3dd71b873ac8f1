#include "backends/cpu/linalg/kernel_table.h"
#include "runtime/cpu_features.h"

namespace pydl::cpu {

// Defined in the folder kernels/.
namespace baseline {
void fill_spectra(SpectralKernels& table);
}
#if defined(PYDL_CPU_HAS_V3)
namespace v3 {
void fill_spectra(SpectralKernels& table);
}
#endif
#if defined(PYDL_CPU_HAS_V4)
namespace v4 {
void fill_spectra(SpectralKernels& table);
}
#endif

const SpectralKernels& spectral_kernels() {
  static const SpectralKernels table = [] {
    SpectralKernels filled{};
    switch (runtime::best_instruction_set()) {
#if defined(PYDL_CPU_HAS_V4)
      case runtime::InstructionSet::amx:
      case runtime::InstructionSet::v4: v4::fill_spectra(filled); break;
#endif
#if defined(PYDL_CPU_HAS_V3)
      case runtime::InstructionSet::v3: v3::fill_spectra(filled); break;
#endif
      default: baseline::fill_spectra(filled); break;
    }
    return filled;
  }();
  return table;
}

}  // namespace pydl::cpu
