// Exceptions of pydl. Each maps onto one of Python's own exception types in the bindings.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "pydl/export.h"

namespace pydl {

/// Base of every exception that pydl throws; becomes `RuntimeError` in Python.
class PYDL_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A shape, axis or value that the operation cannot take; becomes `ValueError`.
class PYDL_API ValueError : public Error {
 public:
  using Error::Error;
};

/// A dtype or kind of argument that the operation cannot take; becomes `TypeError`.
class PYDL_API TypeError : public Error {
 public:
  using Error::Error;
};

/// A number that a dtype does not hold; becomes `OverflowError`.
class PYDL_API OverflowError : public Error {
 public:
  using Error::Error;
};

/// An index outside its axis; becomes `IndexError`.
class PYDL_API IndexError : public Error {
 public:
  using Error::Error;
};

/// Memory that the system refused; becomes `MemoryError`.
class PYDL_API MemoryError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read or written; becomes the `OSError` of that error number, with the file's name.
class PYDL_API FileError : public Error {
 public:
  explicit FileError(const std::string& message, int error_number = 0) : Error(message), error_number_(error_number) {}
  /// Of the system's call that failed: `action` is what the caller asked for, `step` ("cannot write") what failed.
  FileError(const std::string& action, const std::string& step, const std::string& path, int error_number);
  /// `errno` of the call that failed, 0 where no call did.
  int error_number() const { return error_number_; }
  /// What failed and why, without the file's name: "cannot write: No space left on device"; "" where no call failed.
  const std::string& reason() const { return reason_; }
  /// The file; "" where no call failed.
  const std::string& path() const { return path_; }

 private:
  int error_number_;
  std::string reason_;
  std::string path_;
};

/// A file whose contents are malformed; becomes `ValueError`.
class PYDL_API FormatError : public FileError {
 public:
  using FileError::FileError;
};

/// A function that cannot be traced: it depends on values, or on tensors that were not declared; becomes
/// `pydl.TraceError`, a `RuntimeError`.
class PYDL_API TraceError : public Error {
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
