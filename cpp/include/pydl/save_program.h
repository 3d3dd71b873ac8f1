// Functions of C++ into program files; saved_program.h runs them.
//
//   save_program("model.pydl", {{.name = "predict", .function = predict, .example_inputs = {x}, .states = {params}},
//                               {.name = "train",
//                                .function = step,
//                                .example_inputs = {x, y},
//                                .states = {params, optimizer}}});
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pydl/compile.h"
#include "pydl/export.h"
#include "pydl/saved_program.h"

namespace pydl {

/// A function on its way into a file. It is traced, not run.
struct FunctionToSave {
  std::string name;
  TensorFunction function;
  std::vector<Tensor> example_inputs;  ///< only shapes and dtypes count
  /// What it reads or changes beside its inputs, by the names of the sets. Those of a tensor are taken from the first
  /// source that has it.
  std::vector<StateSource> states = {};
  std::vector<std::string> inputs = {};   ///< names; input0, input1, ... unless given
  std::vector<std::string> outputs = {};  ///< names; output0, output1, ... unless given
  /// Whether it takes batches of any size: inputs whose first axis is as long as that of the first one have it open. It
  /// is traced at three sizes, and must do the same at each, but for sizes that grow with the batch.
  bool open_batch = true;
};

/// Traces functions. What they share, parameters and state, the program shares with the caller: its runs change both.
/// Throws `TraceError` as compiled functions do, and `ValueError` where a function cannot take batches of any size, or
/// leaves gradients behind.
PYDL_API SavedProgram trace_program(std::span<const FunctionToSave> functions, ProgramInfo info = {});
/// Traces functions and writes them to a file, atomically.
PYDL_API void save_program(const std::string& path, std::span<const FunctionToSave> functions, ProgramInfo info = {});
PYDL_API void save_program(const std::string& path, std::initializer_list<FunctionToSave> functions,
                           ProgramInfo info = {});

}  // namespace pydl
