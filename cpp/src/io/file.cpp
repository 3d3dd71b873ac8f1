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

#include "io/temporary_files.h"
#include "pydl/error.h"

namespace pydl {

FileError::FileError(const std::string& action, const std::string& step, const std::string& path, int error_number)
    : Error(concat_text(action, ": ", step, " '", path, "': ", std::generic_category().message(error_number))),
      error_number_(error_number),
      reason_(concat_text(step, ": ", std::generic_category().message(error_number))),
      path_(path) {}

}  // namespace pydl

namespace pydl::io {

namespace {

// Linux transfers at most this much per call.
constexpr size_t max_transfer = size_t{1} << 30;
// Limits how many links are followed, in case they form a cycle.
constexpr int max_links = 40;

std::atomic<void (*)()> interrupt_check{nullptr};

// Repeats a system call that was interrupted by a signal.
template <class Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
    if (void (*const check)() = interrupt_check.load()) check();
  }
}

int open_file(const std::string& path, int flags) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC); });
}

// Whether the written data is on the disk, if there is one: pipes, devices and the folders of some file systems cannot
// be synchronised.
bool synchronise(int file) {
  const auto done = uninterrupted([&] { return ::fsync(file); });
  return done == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS || errno == EBADF;
}

Descriptor open_folder(const std::string& path) {
  Descriptor folder(open_file(path, O_RDONLY | O_DIRECTORY));
#ifdef O_PATH
  // A folder may be writable but not readable.
  if (!folder.is_open() && errno == EACCES) folder = Descriptor(open_file(path, O_PATH | O_DIRECTORY));
#endif
  return folder;
}

// The target of `path` if it is a symbolic link, even if that file does not exist yet.
std::filesystem::path resolve_link(const std::string& path) {
  std::filesystem::path resolved = path;
  std::error_code no_link;
  for (int links = 0; links < max_links; ++links) {
    const std::filesystem::path target = std::filesystem::read_symlink(resolved, no_link);
    if (no_link) break;
    resolved = resolved.parent_path() / target;
  }
  return resolved;
}

}  // namespace

void set_interrupt_check(void (*check)()) { interrupt_check.store(check); }

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

bool Descriptor::close() {
  if (number_ < 0) return true;
  // If a signal interrupts it, Linux has closed the file nevertheless.
  return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR;
}

// --- reading ---------------------------------------------------------------------------------------------------------

InputFile::InputFile(const char* action, const std::string& path)
    : action_(action), path_(path), file_(open_file(path, O_RDONLY | O_NONBLOCK)) {
  if (!file_.is_open()) throw FileError(action, "cannot open", path, errno);
  struct stat status{};
  const bool known = ::fstat(file_.number(), &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    throw FileError(action, "cannot read", path, !known ? errno : S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

void InputFile::read(uint64_t offset, void* to, size_t count) const {
  char* destination = static_cast<char*>(to);
  while (count > 0) {
    const ssize_t done = uninterrupted([&] {
      return ::pread(file_.number(), destination, std::min(count, max_transfer), static_cast<off_t>(offset));
    });
    if (done < 0) throw FileError(action_, "cannot read", path_, errno);
    if (done == 0) throw FormatError(concat_text(action_, ": '", path_, "' became shorter while it was read"));
    destination += done;
    offset += static_cast<uint64_t>(done);
    count -= static_cast<size_t>(done);
  }
}

// --- writing ---------------------------------------------------------------------------------------------------------

OutputFile::OutputFile(const char* action, const std::string& path) : action_(action), path_(path) {
  struct stat old{};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) fail("cannot write");
  if (exists && !S_ISREG(old.st_mode)) {
    open_directly();
    return;
  }
  // Replacing a file requires no permission for the file itself, but a write-protected file must stay as it is.
  if (exists && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) fail("cannot write");
  const std::filesystem::path target = resolve_link(path);
  name_ = target.filename().string();
  folder_ = open_folder(target.has_parent_path() ? target.parent_path().string() : ".");
  if (name_.empty() && folder_.is_open()) errno = ENOENT;
  if (name_.empty() || !folder_.is_open()) fail("cannot write");
  remove_abandoned(folder_.number());
  open_temporary(exists ? &old : nullptr);
}

OutputFile::~OutputFile() { remove_temporary(); }

void OutputFile::fail(const char* step) const { throw FileError(action_, step, path_, errno); }

void OutputFile::remove_temporary() {
  if (temporary_.empty() || process_ != ::getpid()) return;
  ::unlinkat(folder_.number(), std::exchange(temporary_, {}).c_str(), 0);
}

void OutputFile::open_directly() {
  file_ = Descriptor(open_file(path_, O_WRONLY | O_NOCTTY));
  if (!file_.is_open()) fail("cannot write");
}

void OutputFile::open_temporary(const struct stat* old) {
  process_ = ::getpid();
  // If only the owner may read the old file, nobody else may read the temporary copy.
  file_ = create_temporary(folder_.number(), old != nullptr ? 0600 : 0666, &temporary_);
  if (!file_.is_open()) {
    temporary_.clear();
    fail("cannot make a temporary file beside");
  }
  try {
    if (old != nullptr) keep_owner_and_permissions(*old);
  } catch (...) {
    remove_temporary();
    throw;
  }
}

void OutputFile::keep_owner_and_permissions(const struct stat& old) {
  mode_t mode = old.st_mode & 07777;
  const bool keeps_owner = ::fchown(file_.number(), old.st_uid, old.st_gid) == 0;
  if (!keeps_owner) {
    mode &= 0777;
    const bool keeps_group = ::fchown(file_.number(), static_cast<uid_t>(-1), old.st_gid) == 0;
    // The new group gets the permissions of the old group only as far as everybody has them.
    if (!keeps_group) mode = (mode & ~mode_t{070}) | (mode & (mode & 07) << 3);
  }
  if (::fchmod(file_.number(), mode) != 0) fail("cannot keep the permissions of");
}

void OutputFile::write(const void* from, size_t count) {
  const char* source = static_cast<const char*>(from);
  while (count > 0) {
    const ssize_t done = uninterrupted([&] { return ::write(file_.number(), source, std::min(count, max_transfer)); });
    if (done < 0) fail("cannot write");
    source += done;
    count -= static_cast<size_t>(done);
  }
}

void OutputFile::commit() {
  // The contents must be on the disk before the name refers to them, and the name before success is reported.
  if (!synchronise(file_.number())) fail("cannot write");
  if (!temporary_.empty()) {
    if (::renameat(folder_.number(), temporary_.c_str(), folder_.number(), name_.c_str()) != 0) fail("cannot replace");
    temporary_.clear();
  }
  if (!file_.close()) fail("cannot write");
  if (folder_.is_open() && !synchronise(folder_.number())) fail("cannot synchronise the folder of");
}

}  // namespace pydl::io
