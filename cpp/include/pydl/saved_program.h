// Programs in files: functions with their parameters and state, which run, and go on training, without the code that
// they were made from.
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

/// A tensor that a saved function takes or gives. Sizes that the batch decides are -1.
struct TensorInfo {
  std::string name;
  DType dtype;
  Dims shape;
};

struct FunctionInfo {
  std::string name;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  bool open_batch;     ///< whether it takes batches of any size
  std::string result;  ///< how outputs make up the result of the Python function, as JSON; "" for a plain list
};

/// What a file says beside its functions.
struct ProgramInfo {
  std::vector<std::string> class_names;                      ///< of the classes, by number
  std::map<std::string, std::vector<double>> preprocessing;  ///< constants such as "mean" and "std"
};

/// What a file from somebody else may ask for.
struct LoadOptions {
  /// Most operations of one run of a function: floating-point operations, or elements read and written where these are
  /// more. A file of a few hundred bytes may ask for hours of work and all memory; no limit by default.
  int64_t max_operations = INT64_MAX;
};

/// A traced function on its way into a file. Traced at several batch sizes (at least three), it takes any.
struct FunctionRecording {
  std::string name;
  std::vector<RecordedFunction> recordings;
  std::vector<int64_t> batches;  ///< of each recording; empty where there is only one
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string result = {};
};

/// Functions that share parameters and state, as one file holds them. What runs change, `save` writes: training goes on
/// where it was. Files hold data only, and old ones stay readable.
///
/// `run` may be called from several threads, but two runs that change the same state at once are an error of the
/// caller. Whatever is asked of one that was moved from is an `Error`.
class PYDL_API SavedProgram {
 public:
  /// Throws `ValueError` for recordings that do not agree, and names what depends on the batch size.
  explicit SavedProgram(std::span<const FunctionRecording> functions, ProgramInfo info = {});
  SavedProgram(SavedProgram&&) noexcept;
  SavedProgram& operator=(SavedProgram&&) noexcept;
  ~SavedProgram();

  /// Reads a file. Throws `FileError` where it cannot be read, and `FormatError` that says what is wrong and where.
  static SavedProgram load(const std::string& path, const LoadOptions& options = {});
  /// The same from memory; `name` is for messages.
  static SavedProgram parse(const char* bytes, size_t size, const std::string& name, const LoadOptions& options = {});
  /// The same from what a file was read into.
  static SavedProgram from_params(const ParamSet& params, const std::string& name, const LoadOptions& options = {});
  /// Writes the file atomically, with the state as it is now.
  void save(const std::string& path) const;

  const std::vector<FunctionInfo>& functions() const;
  /// Throws `ValueError` that names those there are.
  const FunctionInfo& function(const std::string& name) const;
  const ProgramInfo& info() const;
  /// Parameters, moments, counters by name: the tensors that runs read and overwrite.
  const ParamSet& state() const;
  /// Text about the functions: inputs, outputs, parameters.
  std::string describe() const;

  /// Runs a function. Inputs need the dtypes and shapes that it says; where they need more operations than
  /// `LoadOptions` allow, it throws `ValueError` before anything runs.
  std::vector<Tensor> run(const std::string& function, std::span<const Tensor> inputs);
  std::vector<Tensor> run(const std::string& function, std::initializer_list<Tensor> inputs) {
    return run(function, std::span(inputs.begin(), inputs.size()));
  }
  /// Runs the first function.
  std::vector<Tensor> run(std::span<const Tensor> inputs);
  std::vector<Tensor> run(std::initializer_list<Tensor> inputs) {
    return run(std::span(inputs.begin(), inputs.size()));
  }
  /// The program behind a function for one batch size (any number for one that is not open): for loops that look
  /// nothing up. It shares the state, and lives on its own.
  std::shared_ptr<Program> program(const std::string& function, int64_t batch = 1);
  /// The same with options, made anew.
  std::shared_ptr<Program> program(const std::string& function, int64_t batch, const ProgramOptions& options) const;

 private:
  struct Parts;
  explicit SavedProgram(std::unique_ptr<Parts> parts);
  Parts& parts() const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace pydl
