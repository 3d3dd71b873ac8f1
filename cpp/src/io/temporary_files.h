// Temporary files beside those that they will replace. A process that is killed leaves its own behind; the next one
// that writes to the folder removes them. Whose process lives is told by locks, which end with it: numbers of processes
// say nothing about other containers and other machines that share the folder.
#pragma once

#include <string>

#include "io/file.h"

namespace pydl::io {

/// Creates a file under a new name in a folder and locks it. Not open, and `errno`, where that fails.
Descriptor create_temporary(int folder, mode_t mode, std::string* name);

/// Removes the temporary files in a folder that no living process has locked.
void remove_abandoned(int folder);

}  // namespace pydl::io
