#include "backends/cpu/split_kernels.h"

#include "runtime/cpu_features.h"

namespace pydl::cpu {

const SplitKernels* split_kernels() {
#if defined(PYDL_CPU_HAS_AMX)
  return runtime::best_instruction_set() == runtime::InstructionSet::amx ? &amx::split_kernels : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace pydl::cpu
