#include "backends/cpu/linalg/kernel_table.h"
#include "runtime/cpu_features.h"

namespace pydl::cpu {

// Defined in the folder kernels/.
namespace baseline {
void fill_spectra(SpectralKernels<float>& of_float, SpectralKernels<double>& of_double);
}
#if defined(PYDL_CPU_HAS_V3)
namespace v3 {
void fill_spectra(SpectralKernels<float>& of_float, SpectralKernels<double>& of_double);
}
#endif
#if defined(PYDL_CPU_HAS_V4)
namespace v4 {
void fill_spectra(SpectralKernels<float>& of_float, SpectralKernels<double>& of_double);
}
#endif

namespace {

struct Tables {
  SpectralKernels<float> of_float;
  SpectralKernels<double> of_double;
};

const Tables& tables() {
  static const Tables filled = [] {
    Tables table{};
    switch (runtime::best_instruction_set()) {
#if defined(PYDL_CPU_HAS_V4)
      case runtime::InstructionSet::amx:
      case runtime::InstructionSet::v4: v4::fill_spectra(table.of_float, table.of_double); break;
#endif
#if defined(PYDL_CPU_HAS_V3)
      case runtime::InstructionSet::v3: v3::fill_spectra(table.of_float, table.of_double); break;
#endif
      default: baseline::fill_spectra(table.of_float, table.of_double); break;
    }
    return table;
  }();
  return filled;
}

}  // namespace

template <>
const SpectralKernels<float>& spectral_kernels() {
  return tables().of_float;
}
template <>
const SpectralKernels<double>& spectral_kernels() {
  return tables().of_double;
}

}  // namespace pydl::cpu
