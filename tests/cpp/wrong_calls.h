// Checks for test_wrong_calls_*.cpp: a call that cannot be right (undefined tensors, empty functions, wrong counts,
// objects that were moved from) throws an `Error` and never crashes. tests/packaging/test_wrong_calls.py lists the
// public functions that these files do not call.
#pragma once

#include "pydl/pydl.h"
#include "support.h"

namespace wrong_calls {

using Tensors = std::vector<pydl::Tensor>;

inline const pydl::Tensor none;

/// The expected beginning of the error of a call: the name of the function (`sum` for `pydl::sum(x)`), or the quoted
/// name of a layer or file. Empty for members, constructors and functions that stand for several others.
inline std::string_view subject_of(std::string_view call) {
  std::string_view name = call.substr(0, call.find('('));
  if (name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos) return {};
  if (name.find("::") != std::string_view::npos) name.remove_prefix(name.rfind("::") + 2);
  const bool is_name = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string_view::npos;
  const bool stands_for_others =
      name == "function" || name == "traced" || name == "compile" || name == "trace_program" || name == "save_program";
  if (!is_name || stands_for_others) return {};
  const size_t quote = call.find("(params, \"") != std::string_view::npos ||
                               call.find("(layers, \"") != std::string_view::npos ||
                               call.find("\"test\"") != std::string_view::npos
                           ? call.find('"')
                           : std::string_view::npos;
  return quote == std::string_view::npos ? name : call.substr(quote + 1, call.find('"', quote + 1) - quote - 1);
}

/// A lambda, for as long as it lives. A std::function of each would double the compile time.
class Call {
 public:
  template <class Lambda>
  explicit Call(const Lambda& lambda)
      : lambda_(&lambda), run_([](const void* object) { (*static_cast<const Lambda*>(object))(); }) {}

  void operator()() const { run_(lambda_); }

 private:
  const void* lambda_;
  void (*run_)(const void*);
};

/// Fails the test unless the call throws an `Error` whose message begins with the subject of the call and says more.
inline void refused(const char* call, Call run) {
  try {
    run();
  } catch (const pydl::Error& error) {
    const std::string_view message = error.what();
    const std::string_view name = subject_of(call);
    if (message.size() > name.size() + 8 && message.substr(0, name.size()) == name) return;
    check::fail(__FILE__, __LINE__, std::string(call) + ": says " + std::string(message));
    return;
  } catch (const std::exception& error) {
    check::fail(__FILE__, __LINE__, std::string(call) + ": not an Error: " + error.what());
    return;
  }
  check::fail(__FILE__, __LINE__, std::string(call) + ": nothing was thrown");
}

/// The call may succeed or throw an `Error`, but it must not crash.
inline void harmless(Call run) {
  try {
    run();
  } catch (const pydl::Error&) {
  }
}

}  // namespace wrong_calls

#define REFUSED(...) wrong_calls::refused(#__VA_ARGS__, wrong_calls::Call([&] { static_cast<void>(__VA_ARGS__); }))
#define HARMLESS(...) wrong_calls::harmless(wrong_calls::Call([&] { static_cast<void>(__VA_ARGS__); }))
