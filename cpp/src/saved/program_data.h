// The contents of a program file in both of its forms: named tensors with JSON, and recordings in memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/recording.h"
#include "pydl/params.h"
#include "pydl/saved_program.h"

namespace pydl::saved {

/// The format that is written; it and all older ones can be read.
inline constexpr int64_t format_version = 2;

struct FunctionData {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string result;
  graph::Recording recording;
  std::vector<int> states;      // indices into ProgramData::state, by state number in the recording
  std::vector<int> generators;  // likewise for generators
};

struct ProgramData {
  std::vector<FunctionData> functions;
  ParamSet state;
  std::vector<std::shared_ptr<RandomStream>> generators;
  ProgramInfo info;
};

/// Returns tensors and metadata for `save_params`.
ParamSet write_program(const ProgramData& data);
/// The inverse; throws `FormatError` that names the position in the file.
ProgramData read_program(const ParamSet& file, const std::string& name);

}  // namespace pydl::saved
