#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "pydl/error.h"

namespace pydl::io {

namespace {

// Linux moves at most this much per call.
constexpr size_t max_transfer = size_t{1} << 30;
// Links that lead in a circle are left alone.
constexpr int max_links = 40;

[[noreturn]] void fail_with(const char* action, const char* what, const std::string& path, int error) {
  throw FileError(concat_text(action, ": cannot ", what, " '", path, "': ", std::generic_category().message(error)),
                  error);
}

std::string folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Where `path` leads to, if it is a symbolic link, even to a file that does not exist yet.
std::string resolve_link(const std::string& path) {
  std::filesystem::path resolved = path;
  std::error_code no_link;
  for (int links = 0; links < max_links; ++links) {
    const std::filesystem::path target = std::filesystem::read_symlink(resolved, no_link);
    if (no_link) break;
    resolved = resolved.parent_path() / target;
  }
  return resolved.string();
}

}  // namespace

InputFile::InputFile(const char* action, const std::string& path)
    : action_(action), path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) fail_with(action, "open", path, errno);
  struct stat status{};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    const int error = !known ? errno : S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    ::close(descriptor_);
    fail_with(action, "read", path, error);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(uint64_t offset, void* to, size_t count) const {
  char* destination = static_cast<char*>(to);
  while (count > 0) {
    const ssize_t done = ::pread(descriptor_, destination, std::min(count, max_transfer), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_with(action_, "read", path_, errno);
    if (done == 0) throw FormatError(concat_text(action_, ": '", path_, "' became shorter while it was read"));
    destination += done;
    offset += static_cast<uint64_t>(done);
    count -= static_cast<size_t>(done);
  }
}

AtomicFile::AtomicFile(const char* action, const std::string& path) : action_(action), path_(resolve_link(path)) {
  static std::atomic<unsigned> counter{0};
  do {
    temporary_ = concat_text(path_, ".", ::getpid(), "-", counter.fetch_add(1), ".tmp");
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail_with(action, "write", path, errno);
  struct stat old{};
  if (::stat(path_.c_str(), &old) == 0 && ::fchmod(descriptor_, old.st_mode & 07777) != 0) {
    const int error = errno;
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    fail_with(action, "write", path, error);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const { fail_with(action_, what, path_, errno); }

void AtomicFile::write(const void* from, size_t count) {
  const char* source = static_cast<const char*>(from);
  while (count > 0) {
    const ssize_t done = ::write(descriptor_, source, std::min(count, max_transfer));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write");
    source += done;
    count -= static_cast<size_t>(done);
  }
}

void AtomicFile::commit() {
  // The contents must be on the disk before the name leads to them, and the name before we say that it is done.
  if (::fsync(descriptor_) != 0) fail("write");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("write");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("replace");
  temporary_.clear();
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail("synchronise the folder of");
  // Some file systems cannot synchronise folders and say EINVAL.
  const int error = ::fsync(folder) != 0 && errno != EINVAL ? errno : 0;
  ::close(folder);
  if (error != 0) fail_with(action_, "synchronise the folder of", path_, error);
}

}  // namespace pydl::io
