// Named parameters and their files (safetensors: a JSON header and raw elements, nothing that runs).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Tensors by name, in the order in which they were added, with text that goes along.
struct PYDL_API ParamSet {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::map<std::string, std::string> metadata;

  /// Null when there is none of that name.
  const Tensor* find(const std::string& name) const;
};

/// Writes a safetensors file atomically: at any moment `path` holds the old file or the whole new one. Throws
/// `FileError`.
PYDL_API void save_params(const std::string& path, const ParamSet& params);

/// Reads a safetensors file. Throws `FileError` where it cannot be read, and `FormatError` that says what is wrong and
/// where, on any malformed one.
PYDL_API ParamSet load_params(const std::string& path);

/// The same from memory.
PYDL_API ParamSet parse_params(const char* bytes, size_t size, const std::string& name);

}  // namespace pydl
