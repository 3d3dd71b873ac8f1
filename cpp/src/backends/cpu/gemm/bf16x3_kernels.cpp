#include "backends/cpu/gemm/bf16x3_kernels.h"

#include "runtime/cpu_features.h"

namespace pydl::cpu {

const Bf16x3Kernels* bf16x3_kernels() {
#if defined(PYDL_CPU_HAS_AMX)
  return runtime::best_instruction_set() == runtime::InstructionSet::amx ? &amx::bf16x3_kernels : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace pydl::cpu
