// Changes to program files that keep most of their structure, so that they get past the first checks.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace pydl::fuzz {

using Random = std::mt19937_64;

/// A file like the given one, with a few things changed: bytes, the header of tensors, or the JSON of the program.
std::string mutated(const std::string& file, Random& random);

}  // namespace pydl::fuzz
