// Programs in files: functions with their parameters and state. They can be run, and training can continue, without the
// code from which they were created.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/params.h"
#include "pydl/program.h"

namespace pydl {

/// An input or output of a saved function. Sizes that depend on the batch size are -1.
struct TensorInfo {
  std::string name;
  DType dtype;
  Dims shape;
};

struct FunctionInfo {
  std::string name;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  bool open_batch;     ///< whether it accepts batches of any size
  std::string result;  ///< how the outputs form the result of the Python function, as JSON; "" for a plain list
};

/// Information in a file besides its functions.
struct ProgramInfo {
  std::vector<std::string> class_names;                      ///< by class number
  std::map<std::string, std::vector<double>> preprocessing;  ///< constants such as "mean" and "std"
};

/// Limits for files from untrusted sources.
struct LoadOptions {
  /// The largest number of operations of one run of a function. An operation is a floating-point operation, or an
  /// element read or written if there are more of these. A file of a few hundred bytes may demand hours of work and all
  /// memory. By default there is no limit.
  int64_t max_operations = INT64_MAX;
};

/// A traced function to be saved. If it was traced at several batch sizes (at least three), it accepts any size.
struct FunctionRecording {
  std::string name;
  std::vector<RecordedFunction> recordings;
  std::vector<int64_t> batches;  ///< of each recording; empty if there is only one
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string result = {};
};

/// Functions that share parameters and state and are saved in one file. `save` writes the state as runs have changed
/// it, so training can continue. Files contain only data, and old ones remain readable.
///
/// Several threads may call `run`, but the caller must make sure that no two runs change the same state at once. Any
/// use of an object that was moved from is an `Error`.
class PYDL_API SavedProgram {
 public:
  /// Throws a `ValueError` that names what depends on the batch size if the recordings do not agree.
  explicit SavedProgram(std::span<const FunctionRecording> functions, ProgramInfo info = {});
  SavedProgram(SavedProgram&&) noexcept;
  SavedProgram& operator=(SavedProgram&&) noexcept;
  ~SavedProgram();

  /// Reads a file. Throws `FileError` if it cannot be read, and `FormatError` with the reason and the position if it is
  /// malformed.
  static SavedProgram load(const std::string& path, const LoadOptions& options = {});
  /// The same from memory; `name` is used in messages.
  static SavedProgram parse(const char* bytes, size_t size, const std::string& name, const LoadOptions& options = {});
  /// The same from the parameters that a file was read into.
  static SavedProgram from_params(const ParamSet& params, const std::string& name, const LoadOptions& options = {});
  /// Writes the file atomically, with the current state.
  void save(const std::string& path) const;

  const std::vector<FunctionInfo>& functions() const;
  /// If there is no such function, throws a `ValueError` that lists the existing ones.
  const FunctionInfo& function(const std::string& name) const;
  const ProgramInfo& info() const;
  /// Parameters, moments and counters by name: the tensors that runs read and overwrite.
  const ParamSet& state() const;
  /// A text that describes the functions: inputs, outputs, parameters.
  std::string describe() const;

  /// Runs a function. The inputs must have the dtypes and shapes that it declares. If the run needs more operations
  /// than `LoadOptions` allows, throws `ValueError` before anything runs.
  std::vector<Tensor> run(const std::string& function, std::span<const Tensor> inputs);
  std::vector<Tensor> run(const std::string& function, std::initializer_list<Tensor> inputs) {
    return run(function, std::span(inputs.begin(), inputs.size()));
  }
  /// Runs the first function.
  std::vector<Tensor> run(std::span<const Tensor> inputs);
  std::vector<Tensor> run(std::initializer_list<Tensor> inputs) {
    return run(std::span(inputs.begin(), inputs.size()));
  }
  /// The program of a function for one batch size (any number if the size is not variable), for loops that should not
  /// look it up in every run. It shares the state, and may outlive this object.
  std::shared_ptr<Program> program(const std::string& function, int64_t batch = 1);
  /// The same with options; the program is created anew.
  std::shared_ptr<Program> program(const std::string& function, int64_t batch, const ProgramOptions& options) const;

 private:
  struct Parts;
  explicit SavedProgram(std::unique_ptr<Parts> parts);
  Parts& parts() const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace pydl
