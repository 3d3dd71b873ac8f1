// What a program file holds, and its two forms: tensors by name with JSON beside them, and recordings with memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/recording.h"
#include "pydl/params.h"
#include "pydl/saved_program.h"

namespace pydl::saved {

/// The newest format that is written, and read beside all before it.
inline constexpr int64_t format_version = 2;

struct FunctionData {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string result;
  graph::Recording recording;
  std::vector<int> states;      // in ProgramData::state, by their numbers in the recording
  std::vector<int> generators;  // likewise
};

struct ProgramData {
  std::vector<FunctionData> functions;
  ParamSet state;
  std::vector<std::shared_ptr<RandomStream>> generators;
  ProgramInfo info;
};

/// Tensors and metadata for `save_params`.
ParamSet write_program(const ProgramData& data);
/// The other direction; throws `FormatError` that names the place.
ProgramData read_program(const ParamSet& file, const std::string& name);

}  // namespace pydl::saved
