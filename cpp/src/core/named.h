// Errors in the words of the caller: a function that is made of others answers with its own name.
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

/// The message with `name` in place of the function that it begins with, `max: axis 3 is ...`, or before it.
inline std::string renamed(std::string_view name, std::string_view message) {
  if (message.substr(0, name.size()) == name) return std::string(message);
  const size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
  const bool has_name = end != std::string_view::npos && end > 0 && message.substr(end, 2) == ": ";
  return std::string(name) + ": " + std::string(message.substr(has_name ? end + 2 : 0));
}

/// In a handler: throws the error anew, beginning with `name` where it is about arguments.
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
