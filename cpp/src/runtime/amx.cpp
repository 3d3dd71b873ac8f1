#include "runtime/amx.h"

#include "runtime/cpu_features.h"

#if defined(PYDL_CPU_HAS_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pydl::runtime {

bool may_use_amx() {
#if defined(PYDL_CPU_HAS_AMX) && defined(__linux__)
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  static const bool granted = syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  return granted;
#else
  return false;
#endif
}

bool suits_amx(int64_t rows, int64_t columns, int64_t depth) {
  // Each element is split once and multiplied as many times as the other matrix has rows or columns.
  constexpr int64_t worth_splitting = 40;
  constexpr int64_t min_products = int64_t{1} << 18;
  return best_instruction_set() == InstructionSet::amx && depth >= 32 &&
         rows * columns >= worth_splitting * (rows + columns) && rows * columns * depth >= min_products;
}

}  // namespace pydl::runtime
