// The capabilities of the processor, and the instruction-set build that is chosen for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/module_api.h"

namespace pydl::runtime {

/// The builds of the `cpu` provider, in ascending order. `baseline` is x86-64-v2, or the compiler's default elsewhere;
/// `amx` is v4 with kernels for tiles of bfloat16.
enum class InstructionSet : int { baseline, v3, v4, amx };

/// The value of the environment variable `PYDL_ISA`: baseline, v3, v4 or amx. Throws `ValueError` for anything else.
PYDL_MODULE_API std::optional<InstructionSet> wanted_instruction_set();
/// The best build that the processor and the operating system support, or the lesser one that `PYDL_ISA` requests.
PYDL_MODULE_API InstructionSet best_instruction_set();
PYDL_MODULE_API const char* instruction_set_name(InstructionSet set);

/// Names of the features found: "avx2", "avx512f", "avx512_bf16", "amx_bf16", ...
PYDL_MODULE_API std::vector<std::string> cpu_features();
/// The size in bytes of the last-level cache, as far as the processors of this machine can be thought to have it for
/// themselves, or 32 MiB if the system does not report it.
int64_t last_level_cache_bytes();
/// A result of this size will have left the caches before anything reads it: a quarter of the last-level cache, because
/// operands and other programs need it too.
int64_t bytes_beyond_caches();
/// Marketing name of the processor, or its architecture.
PYDL_MODULE_API std::string cpu_name();

}  // namespace pydl::runtime
