// A driver for the fuzz target, for compilers without libFuzzer: without coverage, but with mutations that know the
// format. `fuzz_program [--seconds N] [--seed N] FILE...` changes the files again and again;
// `fuzz_program --only FILE...` runs them as they are.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

#include "mutate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

#if defined(__SANITIZE_ADDRESS__)
// What the target runs is small: a large request is a size that nobody checked.
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=512:detect_leaks=1"; }
#endif

namespace {

constexpr unsigned seconds_for_one = 30;

// Where the input under test is kept: what is there after a crash is what made it.
std::string current_path = "fuzz_program.failed.pydl";

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(stream), {}};
}

extern "C" void on_timeout(int) {
  constexpr char message[] = "\nfuzz_program: an input takes too long; see *.failed.pydl\n";
  static_cast<void>(!write(2, message, sizeof message - 1));
  std::abort();
}

bool accepts(const std::string& input) {
  alarm(seconds_for_one);
  const bool accepted = LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size()) == 0;
  alarm(0);
  return accepted;
}

void keep(const std::string& input) {
  std::ofstream(current_path, std::ios::binary).write(input.data(), static_cast<std::streamsize>(input.size()));
}

int run_as_they_are(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) std::printf("%s: %s\n", path.c_str(), accepts(read(path)) ? "runs" : "refused");
  return 0;
}

int fuzz(const std::vector<std::string>& paths, double seconds, uint64_t seed) {
  std::vector<std::string> corpus;
  for (const std::string& path : paths) {
    corpus.push_back(read(path));
    if (accepts(corpus.back())) continue;
    std::fprintf(stderr, "%s is refused; seeds must run\n", path.c_str());
    return 2;
  }
  const size_t seeds = corpus.size();
  constexpr size_t most = 200;
  constexpr size_t longest = 1 << 18;
  pydl::fuzz::Random random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int64_t runs = 0;
  int64_t accepted = 0;
  for (; std::chrono::steady_clock::now() < end; ++runs) {
    const size_t from = random() % 2 == 0 ? random() % seeds : random() % corpus.size();
    const std::string input = pydl::fuzz::mutated(corpus[from], random);
    keep(input);
    if (!accepts(input)) continue;
    ++accepted;
    if (input.size() > longest) continue;
    if (corpus.size() < most) {
      corpus.push_back(input);
    } else {
      corpus[seeds + random() % (most - seeds)] = input;
    }
  }
  std::filesystem::remove(current_path);
  std::printf("fuzz_program: %lld inputs, %lld of them run, none did harm (seed %llu)\n", static_cast<long long>(runs),
              static_cast<long long>(accepted), static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> paths;
  double seconds = 60;
  uint64_t seed = 0;
  bool only = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--only") {
      only = true;
    } else if (argument == "--seconds" && i + 1 < argc) {
      seconds = std::atof(argv[++i]);
    } else if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.empty()) {
    std::fprintf(stderr, "fuzz_program [--seconds N] [--seed N] [--only] FILE...\n");
    return 2;
  }
  current_path = "fuzz_program." + std::to_string(seed) + ".failed.pydl";
  std::signal(SIGALRM, on_timeout);
  return only ? run_as_they_are(paths) : fuzz(paths, seconds, seed);
}
