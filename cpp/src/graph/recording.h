// Recording: what a trace wrote down, free of memory and of one batch size: what program files hold, and what can be
// called again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace pydl::graph {

class Tracer;

/// times * N + plus, for the batch size N.
struct OpenInteger {
  int64_t times = 0;
  int64_t plus = 0;

  bool is_open() const { return times != 0; }
  /// Throws `ValueError` where the result does not fit.
  int64_t at(int64_t batch) const;
  friend bool operator==(const OpenInteger&, const OpenInteger&) = default;
};

/// A number, or (open) a quotient of which the dividend, the divisor or both are open integers.
struct OpenNumber {
  double value = 0;  ///< the number, or the dividend where `top` is not open
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

/// Part of the memory of a state, under a shape of its own.
struct RecordedView {
  int state;
  Dims shape;
  Dims strides;
  int64_t offset;
};

/// A tensor, or (open) one number of rank 0.
struct RecordedConstant {
  Tensor tensor;
  std::optional<OpenNumber> number;
};

/// A call of an op, whose results are the next values; or (op: count) the state of a random generator, to draw from.
struct RecordedCall {
  op::OpId op = op::OpId::count;
  std::vector<std::pair<std::string_view, OpenAttr>> attrs;  // names: those of the op's record
  std::vector<int> inputs;
  int region = 0;
  int generator = 0;

  bool draws() const { return op == op::OpId::count; }
};

/// The attributes of a call for a batch size.
op::Attrs attrs_at(const RecordedCall& call, int64_t batch);

/// Values are numbered: arguments, states, views, constants, then the results of calls.
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

/// The traced graph, before any pass, as a recording: states and generators have the same numbers.
Recording record(const Graph& graph);

/// One recording for all batch sizes, of recordings at different ones; nothing where they differ by more than sizes
/// that grow with the batch, and `*difference` says by what.
std::optional<Recording> generalize(std::span<const Recording> recordings, std::span<const int64_t> batches,
                                    std::string* difference);

/// Calls everything again under `tracer`; gives the outputs. Throws `FormatError` that names the place, such as
/// `calls[3]`, where something is not what its op takes.
std::vector<Tensor> replay(const Recording& recording, int64_t batch, std::span<const Tensor> states,
                           std::span<const std::shared_ptr<RandomStream>> generators, Tracer& tracer);

}  // namespace pydl::graph
