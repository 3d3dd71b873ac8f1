#include "runtime/processors.h"

#include <omp.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "pydl/error.h"

#if defined(__linux__)
#include <sched.h>
#include <strings.h>
#endif

namespace pydl::runtime {

namespace {

std::string processors(int count) { return std::to_string(count) + (count == 1 ? " processor" : " processors"); }

#if defined(__linux__)

// With OMP_PROC_BIND, the OpenMP runtime binds the thread that loads it to one processor, and lists the others as its
// positions.
void add_openmp_places(cpu_set_t& mask) {
  for (int position = 0; position < omp_get_num_places(); ++position) {
    std::vector<int> processors(static_cast<size_t>(omp_get_place_num_procs(position)));
    omp_get_place_proc_ids(position, processors.data());
    for (const int processor : processors) CPU_SET(static_cast<size_t>(processor), &mask);
  }
}

bool openmp_binds() {
  const char* const text = std::getenv("OMP_PROC_BIND");
  return (text != nullptr && strcasecmp(text, "false") != 0) || std::getenv("GOMP_CPU_AFFINITY") != nullptr ||
         (text == nullptr && std::getenv("OMP_PLACES") != nullptr);
}

// The processors that the calling thread may use, including those from which only OpenMP excludes it.
cpu_set_t usable_processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0 && openmp_binds()) add_openmp_places(mask);
  return mask;
}

#endif

ThreadChoice from_affinity_mask() {
#if defined(__linux__)
  const cpu_set_t mask = usable_processors();
  if (const int count = CPU_COUNT(&mask); count > 0) return {count, processors(count) + " in the affinity mask"};
#endif
  const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {count, processors(count)};
}

// The group of this process in the hierarchy of a control-group controller ("cpu", or "" for version 2). A line of the
// file reads "4:cpu,cpuacct:/group".
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

// The number of processors that one group may use; 0 if it is not limited.
double quota_of_group(const std::string& folder, bool version2) {
  double quota = 0;
  double period = 0;
  if (version2) {
    // "max 100000" leaves the quota at 0.
    std::ifstream(folder + "/cpu.max") >> quota >> period;
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The number of processors that this process may use according to the quotas of its control group and of all groups
// above it; 0 if it is not limited.
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

// The number in an environment variable; 0 if it is not set.
int from_environment(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr || *text == '\0') return 0;
  int count = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), count);
  if (error != std::errc() || *end != '\0' || count < 1 || count > most_threads) {
    throw ValueError(concat_text(name, ": expected a number of threads from 1 to ", most_threads, ", got \"", text,
                                 "\"; unset it to use all processors"));
  }
  return count;
}

// OMP_NUM_THREADS may be a list with one number for each level of nesting. OpenMP itself complains about malformed
// values.
int from_openmp() {
  const char* const text = std::getenv("OMP_NUM_THREADS");
  return text == nullptr ? 0 : std::clamp(std::atoi(text), 0, most_threads);
}

ThreadChoice choose() {
  if (const int count = from_environment("PYDL_NUM_THREADS"); count > 0) return {count, "PYDL_NUM_THREADS"};
  if (const int count = from_openmp(); count > 0) return {count, "OMP_NUM_THREADS"};
  ThreadChoice choice = from_affinity_mask();
  if (const double quota = cgroup_quota(); quota > 0) {
    // Half a processor is worth another thread; a smaller fraction is not.
    const int count = std::max(1, static_cast<int>(quota + 0.5));
    if (count < choice.count) choice = {count, "cgroup quota of " + processors(count)};
  }
  return choice;
}

}  // namespace

const ThreadChoice& default_threads() {
  static const ThreadChoice choice = choose();
  return choice;
}

void use_all_processors() {
#if defined(__linux__)
  if (!openmp_binds()) return;
  const cpu_set_t mask = usable_processors();
  sched_setaffinity(0, sizeof(mask), &mask);
#endif
}

}  // namespace pydl::runtime
