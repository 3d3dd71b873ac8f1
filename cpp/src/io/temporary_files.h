// Temporary files in the folder of the files that they will replace. A process that is killed leaves its temporary file
// behind, and the next process that writes to the folder removes it. Locks show whether the owner of a file is alive,
// because they end with their process; process numbers are meaningless in other containers and on other machines that
// share the folder.
#pragma once

#include <string>

#include "io/file.h"

namespace pydl::io {

/// Creates a file with a new name in a folder and locks it. On failure the descriptor is not open and `errno` is set.
Descriptor create_temporary(int folder, mode_t mode, std::string* name);

/// Removes the temporary files in a folder that no living process has locked.
void remove_abandoned(int folder);

}  // namespace pydl::io
