// The exceptions of pydl. The bindings map each of them to one of Python's own exception types.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "pydl/export.h"

namespace pydl {

/// The base class of every exception that pydl throws; becomes `RuntimeError` in Python.
class PYDL_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A shape, axis or value that the operation does not accept; becomes `ValueError`.
class PYDL_API ValueError : public Error {
 public:
  using Error::Error;
};

/// A dtype or kind of argument that the operation does not accept; becomes `TypeError`.
class PYDL_API TypeError : public Error {
 public:
  using Error::Error;
};

/// A number that is out of range for a dtype; becomes `OverflowError`.
class PYDL_API OverflowError : public Error {
 public:
  using Error::Error;
};

/// An index out of range for its axis; becomes `IndexError`.
class PYDL_API IndexError : public Error {
 public:
  using Error::Error;
};

/// The system refused to provide memory; becomes `MemoryError`.
class PYDL_API MemoryError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read or written; becomes the `OSError` for that error number, with the name of the file.
class PYDL_API FileError : public Error {
 public:
  explicit FileError(const std::string& message, int error_number = 0) : Error(message), error_number_(error_number) {}
  /// Describes a failed system call: `action` is the operation that the user requested, `step` ("cannot write") the
  /// part that failed.
  FileError(const std::string& action, const std::string& step, const std::string& path, int error_number);
  /// `errno` of the failed call; 0 if no call failed.
  int error_number() const { return error_number_; }
  /// What failed and why, without the name of the file: "cannot write: No space left on device"; "" if no call failed.
  const std::string& reason() const { return reason_; }
  /// The file; "" if no call failed.
  const std::string& path() const { return path_; }

 private:
  int error_number_;
  std::string reason_;
  std::string path_;
};

/// A file with malformed contents; becomes `ValueError`.
class PYDL_API FormatError : public FileError {
 public:
  using FileError::FileError;
};

/// A function that cannot be traced because it depends on values, or on tensors that were not declared; becomes
/// `pydl.TraceError`, a `RuntimeError`.
class PYDL_API TraceError : public Error {
 public:
  using Error::Error;
};

/// Concatenates its arguments to one message, with `operator<<`.
template <class... Parts>
std::string concat_text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace pydl
