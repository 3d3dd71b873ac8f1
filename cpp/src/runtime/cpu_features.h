// What the processor can do, and which of our instruction-set builds it gets.
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

/// What the environment variable `PYDL_ISA` asks for: baseline, v3, v4 or amx. Throws `ValueError` for anything else.
PYDL_MODULE_API std::optional<InstructionSet> wanted_instruction_set();
/// The best build that processor and operating system support, or the lesser one that `PYDL_ISA` asks for.
PYDL_MODULE_API InstructionSet best_instruction_set();
PYDL_MODULE_API const char* instruction_set_name(InstructionSet set);

/// Names of the features found: "avx2", "avx512f", "avx512_bf16", "amx_bf16", ...
PYDL_MODULE_API std::vector<std::string> cpu_features();
/// Bytes of the last-level cache, as far as the system tells; 32 MiB otherwise.
int64_t last_level_cache_bytes();
/// Marketing name of the processor, or its architecture.
PYDL_MODULE_API std::string cpu_name();

}  // namespace pydl::runtime
