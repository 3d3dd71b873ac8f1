// Recording: a trace without memory and without a fixed batch size, as program files store it and as it can be called
// again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "op/op_def.h"

namespace pydl::graph {

class Tracer;

/// times * N + plus, for the batch size N.
struct OpenInteger {
  int64_t times = 0;
  int64_t plus = 0;

  bool is_open() const { return times != 0; }
  /// Throws `ValueError` if the result does not fit.
  int64_t at(int64_t batch) const;
  friend bool operator==(const OpenInteger&, const OpenInteger&) = default;
};

/// A number, or (open) a quotient whose dividend, divisor or both are open integers.
struct OpenNumber {
  double value = 0;  ///< the number, or the dividend if `top` is not open
  OpenInteger top = {};
  OpenInteger bottom = {0, 1};

  bool is_open() const { return top.is_open() || bottom.is_open(); }
  double at(int64_t batch) const;
  friend bool operator==(const OpenNumber&, const OpenNumber&) = default;
};

using OpenDims = std::vector<OpenInteger>;
using OpenNumbers = std::vector<OpenNumber>;
using OpenAttr = std::variant<bool, OpenInteger, OpenNumber, DType, OpenDims, op::Text, OpenNumbers>;

Dims dims_at(const OpenDims& dims, int64_t batch);
OpenDims closed(const Dims& dims);

struct RecordedArgument {
  DType dtype;
  OpenDims shape;
};

/// Part of a state's memory, with a shape of its own.
struct RecordedView {
  int state;
  Dims shape;
  Dims strides;
  int64_t offset;
};

/// A tensor, or (open) a single number of rank 0.
struct RecordedConstant {
  Tensor tensor;
  std::optional<OpenNumber> number;
};

/// A form of a call that older files have and that no op takes any more.
struct OlderCall {
  op::OpDef def;  ///< its name and attributes, and the op that has replaced it
  /// Computes the same results with the present ops.
  std::vector<Tensor> (*run)(const op::Attrs& attrs, std::span<const Tensor> inputs);
};

/// A call of an op, or of an older form of one, whose results are the next values; or the state of a random generator
/// to draw from.
struct RecordedCall {
  op::OpId op = op::OpId::count;                             // set if the call has its present form
  const OlderCall* older = nullptr;                          // set if the call has an older form
  std::vector<std::pair<std::string_view, OpenAttr>> attrs;  // the names are those of the op's record
  std::vector<int> inputs;
  int region = 0;
  int generator = 0;

  bool draws() const { return op == op::OpId::count && older == nullptr; }
  const op::OpDef& def() const { return older == nullptr ? op::op_def(op) : older->def; }
};

/// The attributes of a call at a given batch size.
op::Attrs attrs_at(const RecordedCall& call, int64_t batch);

/// Values are numbered in this order: arguments, states, views, constants, then the results of calls.
struct Recording {
  std::vector<RecordedArgument> arguments;
  int states = 0;
  std::vector<RecordedView> views;
  std::vector<RecordedConstant> constants;
  int generators = 0;
  std::vector<RecordedCall> calls;
  std::vector<int> outputs;

  int first_constant() const;
  int first_result() const { return first_constant() + static_cast<int>(constants.size()); }
};

/// The traced graph, before any pass, as a recording with the same numbering of states and generators.
Recording record(const Graph& graph);

/// Combines recordings made at different batch sizes into one that serves all sizes. Returns nothing if they differ by
/// more than sizes that grow with the batch; `*difference` then says how.
std::optional<Recording> generalize(std::span<const Recording> recordings, std::span<const int64_t> batches,
                                    std::string* difference);

/// Calls everything again under `tracer` and returns the outputs. Throws a `FormatError` that names the position, such
/// as `calls[3]`, if an op does not accept what the recording passes to it.
std::vector<Tensor> replay(const Recording& recording, int64_t batch, std::span<const Tensor> states,
                           std::span<const std::shared_ptr<RandomStream>> generators, Tracer& tracer);

}  // namespace pydl::graph
