// Files of the operating system, opened for a scope; errors name the file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "core/module_api.h"

struct stat;

namespace pydl::io {

/// Sets a function that is called when a signal interrupts a system call, before the call is repeated. By default
/// nothing is called. The Python bindings run Python's signal handlers; an exception from a handler aborts the call.
PYDL_MODULE_API void set_interrupt_check(void (*check)());

/// An open file or folder, closed at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }
  /// Whether the system reported no error.
  bool close();

 private:
  int number_;
};

/// A regular file open for reading.
class InputFile {
 public:
  /// `action` begins the messages of errors: "load_params".
  InputFile(const char* action, const std::string& path);

  uint64_t size() const { return size_; }
  /// Fills `to`; throws if the file ends too early.
  void read(uint64_t offset, void* to, size_t count) const;

 private:
  const char* action_;
  std::string path_;
  Descriptor file_;
  uint64_t size_ = 0;
};

/// Writes a file. A regular file is replaced atomically: the data is written to a temporary file in the same folder,
/// which replaces the old file in `commit`; without `commit` the old file stays. Permissions are kept, and so is the
/// owner if the system allows it. If the path is a symbolic link, its target is replaced. Anything that is not a
/// regular file (a pipe, a device) is written to directly.
class PYDL_MODULE_API OutputFile {
 public:
  OutputFile(const char* action, const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* from, size_t count);
  void commit();

 private:
  void open_directly();
  void open_temporary(const struct stat* old);
  void keep_owner_and_permissions(const struct stat& old);
  void remove_temporary();
  [[noreturn]] void fail(const char* step) const;

  const char* action_;
  std::string path_;
  Descriptor folder_;
  std::string name_;       // within the folder
  std::string temporary_;  // within the folder; empty if there is none
  pid_t process_ = -1;     // the process that created the temporary file: a forked child leaves it alone
  Descriptor file_;
};

}  // namespace pydl::io
