#include "runtime/cpu_features.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>

#include "pydl/error.h"
#include "runtime/amx.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pydl::runtime {

#if defined(__x86_64__)

namespace {

// The registers EAX, EBX, ECX and EDX of a CPUID leaf and subleaf; zeros if the leaf does not exist.
std::array<uint32_t, 4> cpuid(uint32_t leaf, uint32_t subleaf) {
  std::array<uint32_t, 4> r{};
  if (__get_cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3]) == 0) return {};
  return r;
}

// The register states that the operating system saves (XCR0). Wide registers must not be used if it does not save them.
uint64_t saved_states() {
  constexpr uint32_t osxsave = 1U << 27;
  if ((cpuid(1, 0)[2] & osxsave) == 0) return 0;
  uint32_t low;
  uint32_t high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

enum Register { eax, ebx, ecx, edx };
enum Needs : uint64_t { nothing = 0, ymm = 0x6, zmm = 0xe6, tiles = 0x60000 };
enum class Level { other, v3, v4, amx };

struct Feature {
  const char* name;
  uint32_t leaf;
  uint32_t subleaf;
  Register reg;
  int bit;
  Needs needs;
  Level level;  // the lowest instruction-set build that requires it
};

constexpr Feature features[] = {
    {"sse4_2", 1, 0, ecx, 20, nothing, Level::other},
    {"avx", 1, 0, ecx, 28, ymm, Level::v3},
    {"f16c", 1, 0, ecx, 29, ymm, Level::v3},
    {"fma", 1, 0, ecx, 12, ymm, Level::v3},
    {"movbe", 1, 0, ecx, 22, nothing, Level::v3},
    {"bmi1", 7, 0, ebx, 3, nothing, Level::v3},
    {"avx2", 7, 0, ebx, 5, ymm, Level::v3},
    {"bmi2", 7, 0, ebx, 8, nothing, Level::v3},
    {"lzcnt", 0x80000001U, 0, ecx, 5, nothing, Level::v3},
    {"avx512f", 7, 0, ebx, 16, zmm, Level::v4},
    {"avx512dq", 7, 0, ebx, 17, zmm, Level::v4},
    {"avx512cd", 7, 0, ebx, 28, zmm, Level::v4},
    {"avx512bw", 7, 0, ebx, 30, zmm, Level::v4},
    {"avx512vl", 7, 0, ebx, 31, zmm, Level::v4},
    {"avx512_vnni", 7, 0, ecx, 11, zmm, Level::other},
    {"avx512_bf16", 7, 1, eax, 5, zmm, Level::amx},
    {"avx512_fp16", 7, 0, edx, 23, zmm, Level::other},
    {"avx_vnni", 7, 1, eax, 4, ymm, Level::other},
    {"amx_bf16", 7, 0, edx, 22, tiles, Level::amx},
    {"amx_tile", 7, 0, edx, 24, tiles, Level::amx},
    {"amx_int8", 7, 0, edx, 25, tiles, Level::other},
};

bool has(const Feature& feature, uint64_t states) {
  if ((states & feature.needs) != feature.needs) return false;
  return (cpuid(feature.leaf, feature.subleaf)[feature.reg] >> feature.bit & 1U) != 0;
}

InstructionSet detect() {
  const uint64_t states = saved_states();
  bool v3 = true;
  bool v4 = true;
  bool amx = true;
  for (const Feature& feature : features) {
    if (feature.level == Level::v3) v3 = v3 && has(feature, states);
    if (feature.level == Level::v4) v4 = v4 && has(feature, states);
    if (feature.level == Level::amx) amx = amx && has(feature, states);
  }
  if (!v3) return InstructionSet::baseline;
  if (!v4) return InstructionSet::v3;
  return amx && may_use_amx() ? InstructionSet::amx : InstructionSet::v4;
}

}  // namespace

std::vector<std::string> cpu_features() {
  const uint64_t states = saved_states();
  std::vector<std::string> names;
  for (const Feature& feature : features) {
    if (has(feature, states)) names.emplace_back(feature.name);
  }
  return names;
}

std::string cpu_name() {
  char name[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const auto part = cpuid(0x80000002U + i, 0);
    std::memcpy(name + 16 * i, part.data(), 16);
  }
  std::string_view trimmed = name;
  while (!trimmed.empty() && trimmed.front() == ' ') trimmed.remove_prefix(1);
  while (!trimmed.empty() && trimmed.back() == ' ') trimmed.remove_suffix(1);
  return trimmed.empty() ? "x86_64" : std::string(trimmed);
}

#else

namespace {

InstructionSet detect() { return InstructionSet::baseline; }

}  // namespace

std::vector<std::string> cpu_features() { return {}; }

std::string cpu_name() {
#if defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

#endif

const char* instruction_set_name(InstructionSet set) {
  constexpr const char* names[] = {"baseline", "v3", "v4", "amx"};
  return names[static_cast<int>(set)];
}

std::optional<InstructionSet> wanted_instruction_set() {
  const char* wanted = std::getenv("PYDL_ISA");
  if (wanted == nullptr || *wanted == '\0') return std::nullopt;
  for (const InstructionSet set :
       {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4, InstructionSet::amx}) {
    if (std::string_view(wanted) == instruction_set_name(set)) return set;
  }
  throw ValueError(concat_text("PYDL_ISA: expected 'baseline', 'v3', 'v4' or 'amx', got '", wanted, "'"));
}

InstructionSet best_instruction_set() {
  static const InstructionSet best = [] {
    const InstructionSet detected = detect();
    return std::min(wanted_instruction_set().value_or(detected), detected);
  }();
  return best;
}

namespace {

// The system's description of the caches is preferred, because sysconf counts the caches of all processors on some
// virtual machines.
int64_t described_cache_bytes() {
  int64_t kibibytes = 0;
  if (std::ifstream("/sys/devices/system/cpu/cpu0/cache/index3/size") >> kibibytes && kibibytes > 0) {
    return kibibytes * 1024;
  }
#if defined(_SC_LEVEL3_CACHE_SIZE)
  if (const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE); bytes > 0) return bytes;
#endif
  return int64_t{32} << 20;
}

}  // namespace

// Virtual machines of few processors may describe the cache of the whole processor that they run on, most of which the
// others fill.
int64_t last_level_cache_bytes() {
  constexpr int64_t most_per_processor = int64_t{16} << 20;
  int64_t processors = std::max(1U, std::thread::hardware_concurrency());
#if defined(_SC_NPROCESSORS_ONLN)
  processors = std::max<int64_t>(processors, sysconf(_SC_NPROCESSORS_ONLN));  // beyond the affinity mask too
#endif
  return std::min(described_cache_bytes(), processors * most_per_processor);
}

int64_t bytes_beyond_caches() {
  static const int64_t bytes = last_level_cache_bytes() / 4;
  return bytes;
}

}  // namespace pydl::runtime
