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

/// Is called when a signal interrupts a call of the system, which is made again afterwards. The default does nothing.
/// Python's bindings run its signal handlers; what these raise ends the call.
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
  /// `action` begins messages: "load_params".
  InputFile(const char* action, const std::string& path);

  uint64_t size() const { return size_; }
  /// Fills `to`; throws where the file ends before.
  void read(uint64_t offset, void* to, size_t count) const;

 private:
  const char* action_;
  std::string path_;
  Descriptor file_;
  uint64_t size_ = 0;
};

/// Writes a file. A regular file is replaced atomically: what is written goes to a temporary file beside it, which
/// takes its place, on the disk, in `commit`; without `commit` the old file stays. Permissions stay, and so does the
/// owner where the system lets us set it. A symbolic link stays one, and the file that it leads to is replaced. What is
/// not a regular file (a pipe, a device) is written to directly.
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
  std::string name_;       // in the folder
  std::string temporary_;  // in the folder; empty where none is there
  pid_t process_ = -1;     // that made it: a forked child leaves it alone
  Descriptor file_;
};

}  // namespace pydl::io
