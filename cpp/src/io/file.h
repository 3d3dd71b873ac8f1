// Files of the operating system, opened for a scope; errors name the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pydl::io {

/// A regular file open for reading.
class InputFile {
 public:
  /// `action` begins messages: "load_params".
  InputFile(const char* action, const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return size_; }
  /// Fills `to`; throws where the file ends before.
  void read(uint64_t offset, void* to, size_t count) const;

 private:
  const char* action_;
  std::string path_;
  int descriptor_;
  uint64_t size_ = 0;
};

/// Replaces a file atomically: what is written goes to a temporary file beside it, which takes its place, on the disk,
/// in `commit`. Without `commit` the old file stays and the temporary one is removed.
class AtomicFile {
 public:
  AtomicFile(const char* action, const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* from, size_t count);
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  const char* action_;
  std::string path_;  // with symbolic links resolved: a link stays a link
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace pydl::io
