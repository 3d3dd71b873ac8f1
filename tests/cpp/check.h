// Checks and a runner for C++ tests: `TEST(name) { CHECK(...); }`. One program per file.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

inline int& failure_count() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void fail(const char* file, int line, const std::string& message) {
  std::printf("%s:%d: %s\n", file, line, message.c_str());
  ++failure_count();
}

template <class A, class B>
void equal(const char* file, int line, const char* text, const A& a, const B& b) {
  if (a == b) return;
  std::ostringstream message;
  message << text << ": " << a << " != " << b;
  fail(file, line, message.str());
}

inline void close(const char* file, int line, const char* text, double a, double b, double tolerance) {
  if (std::abs(a - b) <= tolerance || (std::isnan(a) && std::isnan(b)) || a == b) return;
  std::ostringstream message;
  message.precision(17);
  message << text << ": " << a << " is not within " << tolerance << " of " << b;
  fail(file, line, message.str());
}

/// Whether `call` throws an `Exception` whose message contains `part`.
template <class Exception, class Call>
void throws(const char* file, int line, const char* text, std::string_view part, const Call& call) {
  try {
    call();
  } catch (const Exception& error) {
    if (std::string_view(error.what()).find(part) == std::string_view::npos) {
      fail(file, line, std::string(text) + ": the message lacks '" + std::string(part) + "': " + error.what());
    }
    return;
  } catch (const std::exception& error) {
    fail(file, line, std::string(text) + ": another exception was thrown: " + error.what());
    return;
  }
  fail(file, line, std::string(text) + ": nothing was thrown");
}

inline int run_all() {
  int failed = 0;
  for (const Test& test : tests()) {
    const int before = failure_count();
    try {
      test.run();
    } catch (const std::exception& error) {
      fail(test.name, 0, std::string("unexpected exception: ") + error.what());
    }
    const bool passed = failure_count() == before;
    failed += passed ? 0 : 1;
    std::printf("%s %s\n", passed ? "passed" : "FAILED", test.name);
  }
  std::printf("%zu passed, %d failed\n", tests().size() - static_cast<size_t>(failed), failed);
  return failed == 0 && !tests().empty() ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                       \
  static void test_##name();                                             \
  static const check::Registration register_##name(#name, &test_##name); \
  static void test_##name()

#define CHECK(...) ((__VA_ARGS__) ? void() : check::fail(__FILE__, __LINE__, "false: " #__VA_ARGS__))
#define CHECK_EQUAL(a, b) check::equal(__FILE__, __LINE__, #a " == " #b, a, b)
#define CHECK_CLOSE(a, b, tolerance) check::close(__FILE__, __LINE__, #a " ~ " #b, a, b, tolerance)
#define CHECK_THROWS(Exception, part, ...) \
  check::throws<Exception>(__FILE__, __LINE__, #__VA_ARGS__, part, [&] { static_cast<void>(__VA_ARGS__); })

int main() { return check::run_all(); }
