// Exceptions of pydl. Each maps onto one of Python's own exception types in the bindings.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace pydl {

/// Base of every exception that pydl throws; becomes `RuntimeError` in Python.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A shape, axis or value that the operation cannot take; becomes `ValueError`.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// A dtype or kind of argument that the operation cannot take; becomes `TypeError`.
class TypeError : public Error {
 public:
  using Error::Error;
};

/// An index outside its axis; becomes `IndexError`.
class IndexError : public Error {
 public:
  using Error::Error;
};

/// Memory that the system refused; becomes `MemoryError`.
class MemoryError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read or written; becomes the `OSError` of that error number.
class FileError : public Error {
 public:
  explicit FileError(const std::string& message, int error_number = 0) : Error(message), error_number_(error_number) {}
  /// `errno` of the call that failed, 0 where no call did.
  int error_number() const { return error_number_; }

 private:
  int error_number_;
};

/// A file whose contents are malformed; becomes `ValueError`.
class FormatError : public FileError {
 public:
  using FileError::FileError;
};

/// A function that cannot be traced: it depends on values, or on tensors that were not declared; becomes
/// `pydl.TraceError`, a `RuntimeError`.
class TraceError : public Error {
 public:
  using Error::Error;
};

/// Joins its arguments into one message, with `operator<<`.
template <class... Parts>
std::string concat_text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace pydl
