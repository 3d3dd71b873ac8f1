// Saving C++ functions to program files; saved_program.h runs them.
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

/// A function to be saved. It is traced, not run.
struct FunctionToSave {
  std::string name;
  TensorFunction function;
  std::vector<Tensor> example_inputs;  ///< only shapes and dtypes matter
  /// The tensors that it reads or changes in addition to its inputs, with the names from the sets. If several sources
  /// contain a tensor, its name comes from the first one.
  std::vector<StateSource> states = {};
  std::vector<std::string> inputs = {};   ///< names; the default is input0, input1, ...
  std::vector<std::string> outputs = {};  ///< names; the default is output0, output1, ...
  /// Whether it accepts batches of any size. The first axis is variable for all inputs on which it is as long as on the
  /// first input. The function is traced at three sizes and must do the same at each, except for sizes that grow with
  /// the batch.
  bool open_batch = true;
};

/// Traces functions. They may share parameters and state, and the program shares these with the caller: its runs change
/// both. Throws `TraceError` as compiled functions do, and `ValueError` if a function does not accept batches of any
/// size although it should, or if gradients remain after the call.
PYDL_API SavedProgram trace_program(std::span<const FunctionToSave> functions, ProgramInfo info = {});
/// Traces functions and saves them to a file atomically.
PYDL_API void save_program(const std::string& path, std::span<const FunctionToSave> functions, ProgramInfo info = {});
PYDL_API void save_program(const std::string& path, std::initializer_list<FunctionToSave> functions,
                           ProgramInfo info = {});

}  // namespace pydl
