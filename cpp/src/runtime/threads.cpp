#include "runtime/threads.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <thread>

#include "pydl/error.h"

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace pydl::runtime {

namespace {

struct Choice {
  int count;
  std::string reason;
};

std::string processors(int count) { return std::to_string(count) + (count == 1 ? " processor" : " processors"); }

Choice from_affinity_mask() {
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) {
    const int count = std::max(1, CPU_COUNT(&mask));
    return {count, processors(count) + " in the affinity mask"};
  }
#endif
  const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {count, processors(count)};
}

// The group of this process in the hierarchy of a control-group controller ("cpu", or "" for version 2), as in
// "4:cpu,cpuacct:/group".
std::string cgroup_path(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers == ",," ? controller.empty() : controllers.find("," + controller + ",") != std::string::npos) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

// Processors that one group may use; 0 without a limit.
double quota_of_group(const std::string& folder, bool version2) {
  double quota = 0;
  double period = 0;
  if (version2) {
    // "max 100000" leaves the quota 0.
    std::ifstream(folder + "/cpu.max") >> quota >> period;
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

// Processors that this process may use by the quotas of its control group and all groups above; 0 without a limit.
double cgroup_quota() {
  double smallest = 0;
  for (const bool version2 : {true, false}) {
    const std::string root = version2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    std::string path = cgroup_path(version2 ? "" : "cpu");
    while (true) {
      const double quota = quota_of_group(root + path, version2);
      if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
      if (path.size() <= 1) break;
      path.resize(path.rfind('/'));
    }
  }
  return smallest;
}

// More than any machine has processors; far more than that, and creating them fails.
constexpr int most_threads = 1024;

// The number in an environment variable; 0 without one. OMP_NUM_THREADS may be a list, one number per nesting level.
int from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::clamp(std::atoi(text), 0, most_threads);
}

Choice choose() {
  for (const char* name : {"PYDL_NUM_THREADS", "OMP_NUM_THREADS"}) {
    if (const int count = from_environment(name); count > 0) return {count, std::string(name)};
  }
  Choice choice = from_affinity_mask();
  if (const double quota = cgroup_quota(); quota > 0) {
    // Half a processor more than whole ones is worth a thread; less is not.
    const int count = std::max(1, static_cast<int>(quota + 0.5));
    if (count < choice.count) choice = {count, "cgroup quota of " + processors(count)};
  }
  return choice;
}

const Choice& default_choice() {
  static const Choice choice = choose();
  return choice;
}

// 0 until somebody asks for a number of threads.
std::atomic<int> chosen_count{0};

}  // namespace

int thread_count() {
  const int count = chosen_count.load(std::memory_order_relaxed);
  return count > 0 ? count : default_choice().count;
}

void set_thread_count(int count) {
  if (count < 1 || count > most_threads) {
    throw ValueError(concat_text("set_num_threads: expected 1 to ", most_threads, " threads, got ", count));
  }
  chosen_count = count;
}

std::string thread_count_reason() { return chosen_count > 0 ? "set_num_threads" : default_choice().reason; }

#if defined(__SSE__)

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned flush_to_zero_and_denormals_are_zero = 0x8040U;
  const unsigned wanted = saved_ | flush_to_zero_and_denormals_are_zero;
  // Writing the register costs more than reading it.
  if (wanted != saved_) _mm_setcsr(wanted);
}

FlushDenormals::~FlushDenormals() {
  if (_mm_getcsr() != saved_) _mm_setcsr(saved_);
}

#elif defined(__aarch64__)

FlushDenormals::FlushDenormals() {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  saved_ = static_cast<unsigned>(control);
  __asm__ volatile("msr fpcr, %0" ::"r"(control | uint64_t{1} << 24));
}

FlushDenormals::~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(uint64_t{saved_})); }

#else

FlushDenormals::FlushDenormals() : saved_(0) {}
FlushDenormals::~FlushDenormals() = default;

#endif

void parallel_ranges(int64_t count, int64_t grain, void* context, RangeFunction function) {
  if (count <= 0) return;
  const int64_t useful = count / std::max<int64_t>(grain, 1);
  const auto threads = static_cast<int>(std::min<int64_t>(thread_count(), useful));
  if (threads <= 1 || omp_in_parallel() != 0) {
    const FlushDenormals flush;
    function(context, 0, count);
    return;
  }
  // Exceptions must not leave a parallel region.
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  {
    const FlushDenormals flush;
    const int64_t parts = omp_get_num_threads();
    const int64_t part = omp_get_thread_num();
    try {
      function(context, count * part / parts, count * (part + 1) / parts);
    } catch (...) {
#pragma omp critical(pydl_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace pydl::runtime
