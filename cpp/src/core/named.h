// Errors that name the function that the user called, for functions that are composed of others.
//
//   Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims) try {
//     ...
//   } catch (const Error&) {
//     core::rethrow_as("logsumexp");
//   }
#pragma once

#include <string>
#include <string_view>

#include "pydl/error.h"

namespace pydl::core {

/// The message with `name` in place of the function name that it begins with (as in `max: axis 3 is ...`); if it begins
/// with none, `name` is prepended.
inline std::string renamed(std::string_view name, std::string_view message) {
  if (message.starts_with(name) && message.substr(name.size(), 1) != " ") return std::string(message);
  const size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
  const bool has_name = end != std::string_view::npos && end > 0 && message.substr(end, 2) == ": ";
  return std::string(name) + ": " + std::string(message.substr(has_name ? end + 2 : 0));
}

/// For use in a handler: rethrows the error. If it is about arguments, its message then begins with `name`.
[[noreturn]] inline void rethrow_as(const char* name) {
  try {
    throw;
  } catch (const ValueError& error) {
    throw ValueError(renamed(name, error.what()));
  } catch (const TypeError& error) {
    throw TypeError(renamed(name, error.what()));
  } catch (const IndexError& error) {
    throw IndexError(renamed(name, error.what()));
  } catch (const MemoryError& error) {
    throw MemoryError(renamed(name, error.what()));
  }
}

}  // namespace pydl::core
