#include "io/temporary_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string_view>

#include "pydl/error.h"

namespace pydl::io {

namespace {

// Short and independent of the target's name, which may therefore be as long as the file system allows.
constexpr std::string_view prefix = ".pydl-";
constexpr std::string_view suffix = ".tmp";

bool is_temporary(std::string_view name) {
  return name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix);
}

std::string new_name() {
  static std::atomic<unsigned> counter{0};
  return concat_text(prefix, ::getpid(), "-", counter.fetch_add(1), suffix);
}

// Whether the file still has a name: another process may have considered it abandoned before it was locked.
bool has_name(int file) {
  struct stat status{};
  return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

void remove_if_abandoned(int folder, const char* name) {
  const Descriptor file(::openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  // A name is never used twice, so the file that is removed is the one that is locked, or it has already been removed.
  if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(folder, name, 0);
}

}  // namespace

Descriptor create_temporary(int folder, mode_t mode, std::string* name) {
  for (;;) {
    *name = new_name();
    Descriptor file(::openat(folder, name->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file.is_open() && (errno == EEXIST || errno == EINTR)) continue;
    if (!file.is_open()) return file;
    const bool locked = ::flock(file.number(), LOCK_EX | LOCK_NB) == 0;
    // Some file systems do not support locks. There, other processes do not remove temporary files either.
    if (locked ? has_name(file.number()) : errno != EWOULDBLOCK) return file;
    ::unlinkat(folder, name->c_str(), 0);
  }
}

void remove_abandoned(int folder) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (entries == nullptr) {
    ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    if (is_temporary(entry->d_name)) remove_if_abandoned(folder, entry->d_name);
  }
}

}  // namespace pydl::io
