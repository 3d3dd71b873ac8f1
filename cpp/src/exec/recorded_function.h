// The data that a traced function is saved with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/recording.h"
#include "pydl/program.h"

namespace pydl {

struct RecordedFunction::Parts {
  graph::Recording recording;
  std::vector<Tensor> states;  // in the order of their numbers in the recording
  std::vector<std::string> state_names;
  std::vector<std::shared_ptr<RandomStream>> generators;
};

}  // namespace pydl
