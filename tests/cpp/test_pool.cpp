// The pool: every piece is computed once, whoever takes it; several callers, nested loops, forks, and signals.
#include "runtime/pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "check.h"
#include "pydl/error.h"
#include "pydl/threads.h"
#include "runtime/threads.h"

namespace {

using pydl::runtime::run_pieces;

// A number of threads for a scope.
class Threads {
 public:
  explicit Threads(int count) : before_(pydl::num_threads()) { pydl::set_num_threads(count); }
  ~Threads() { pydl::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

struct Visits {
  explicit Visits(int64_t count) : counts(static_cast<size_t>(count)) {}
  bool all_once() const {
    for (const auto& count : counts) {
      if (count.load() != 1) return false;
    }
    return true;
  }
  std::vector<std::atomic<int>> counts;
};

void visit(void* visits, int64_t piece) { ++static_cast<Visits*>(visits)->counts[static_cast<size_t>(piece)]; }

bool visits_each_once(int64_t count, int threads) {
  Visits visits(count);
  run_pieces(count, threads, &visits, visit);
  return visits.all_once();
}

}  // namespace

TEST(every_piece_is_computed_once) {
  const Threads threads(4);
  for (int repeat = 0; repeat < 200; ++repeat) {
    for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{7}, int64_t{64}, int64_t{1000}}) {
      CHECK(visits_each_once(count, 4));
    }
  }
  CHECK(visits_each_once(pydl::runtime::most_pieces, 4));
}

TEST(many_callers_at_once) {
  const Threads threads(3);
  std::atomic<int> failures{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 70; ++i) {  // more than there are loops
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 20; ++repeat) failures += visits_each_once(17, 3) ? 0 : 1;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK_EQUAL(failures.load(), 0);
}

TEST(loops_inside_of_pieces_run_alone) {
  const Threads threads(4);
  std::atomic<int64_t> sum{0};
  std::atomic<int> elsewhere{0};
  pydl::runtime::parallel_for(8, 1, [&](int64_t begin, int64_t end) {
    CHECK(pydl::runtime::is_in_piece());
    for (int64_t i = begin; i < end; ++i) {
      const auto here = std::this_thread::get_id();
      pydl::runtime::parallel_for(100, 1, [&](int64_t first, int64_t last) {
        if (std::this_thread::get_id() != here) ++elsewhere;
        for (int64_t j = first; j < last; ++j) sum += j;
      });
    }
  });
  CHECK_EQUAL(sum.load(), 8 * 4950);
  CHECK_EQUAL(elsewhere.load(), 0);
  CHECK(!pydl::runtime::is_in_piece());
}

TEST(the_number_of_threads_may_change_between_loops) {
  for (const int count : {1, 4, 2, 8, 1, 3}) {
    const Threads threads(count);
    for (int repeat = 0; repeat < 20; ++repeat) CHECK(visits_each_once(33, count));
  }
}

TEST(errors_in_parts_reach_the_caller_and_leave_the_pool_usable) {
  const Threads threads(4);
  for (int repeat = 0; repeat < 50; ++repeat) {
    CHECK_THROWS(pydl::ValueError, "in part", pydl::runtime::parallel_for(16, 1, [](int64_t begin, int64_t) {
                   if (begin > 3) throw pydl::ValueError("in part");
                 }));
    CHECK(visits_each_once(16, 4));
  }
}

#if !defined(__SANITIZE_THREAD__)  // which does not follow forks of programs with threads
TEST(a_forked_child_has_helpers_of_its_own) {
  const Threads threads(3);
  CHECK(visits_each_once(64, 3));
  // Other callers are in the middle of loops.
  std::atomic<bool> done{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      while (!done) visits_each_once(31, 3);
    });
  }
  for (int repeat = 0; repeat < 20; ++repeat) {
    const pid_t child = fork();
    if (child == 0) {
      bool works = true;
      for (int i = 0; i < 20; ++i) works = works && visits_each_once(100, 3);
      _exit(works ? 0 : 1);
    }
    int status = 0;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
  }
  done = true;
  for (std::thread& other : others) other.join();
}
#endif

TEST(signals_go_to_the_threads_of_the_program) {
  static std::atomic<int> in_helper{0};
  static std::thread::id program;
  program = std::this_thread::get_id();
  const Threads threads(4);
  CHECK(visits_each_once(64, 4));
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) { in_helper += std::this_thread::get_id() == program ? 0 : 1; };
  sigaction(SIGUSR1, &action, &before);
  for (int i = 0; i < 100; ++i) {
    kill(getpid(), SIGUSR1);
    CHECK(visits_each_once(64, 4));
  }
  sigaction(SIGUSR1, &before, nullptr);
  CHECK_EQUAL(in_helper.load(), 0);
}
