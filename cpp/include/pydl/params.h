// Named parameters and their files (safetensors: a JSON header and raw elements, no code).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Tensors by name, in the order in which they were added, with metadata in text form.
struct PYDL_API ParamSet {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor with that name; null if there is none.
  const Tensor* find(const std::string& name) const;
};

/// Writes a safetensors file atomically: at any time, `path` is either the old file or the complete new one. Throws
/// `FileError`.
PYDL_API void save_params(const std::string& path, const ParamSet& params);

/// Reads a safetensors file. Throws `FileError` if it cannot be read, and `FormatError` with the reason and the
/// position if it is malformed.
PYDL_API ParamSet load_params(const std::string& path);

/// The same from memory.
PYDL_API ParamSet parse_params(const char* bytes, size_t size, const std::string& name);

}  // namespace pydl
