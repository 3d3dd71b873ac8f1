// OpDef: the one record of what is known of an op. Eager execution, tape, tracer, passes, bindings, documentation
// and tests read it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/module_api.h"
#include "exec/kernel.h"
#include "op/attrs.h"
#include "op/op_id.h"
#include "pydl/tensor.h"

namespace pydl::op {

using exec::BufferSpec;

/// What one kind of op has and another has not.
enum class Trait : uint32_t {
  elementwise = 1U << 0,
  reduction = 1U << 1,
  view = 1U << 2,            ///< outputs share the memory of the first input; there is no kernel
  random = 1U << 3,          ///< the last input is the generator's state
  differentiable = 1U << 4,  ///< has a derivative for at least one input
  in_place_safe = 1U << 5,   ///< an output may overwrite an input of the same layout
  mutates = 1U << 6,         ///< overwrites its first `mutated` inputs and has no outputs
  checks_values = 1U << 7,   ///< its kernel throws for values that it cannot take, such as an index outside
  takes_relu = 1U << 8,      ///< its kernels apply relu to the result where passes set the attr "relu"
};

constexpr uint32_t operator|(Trait a, Trait b) { return static_cast<uint32_t>(a) | static_cast<uint32_t>(b); }
constexpr uint32_t operator|(uint32_t a, Trait b) { return a | static_cast<uint32_t>(b); }

/// What a derivative gets: the gradients of the results, and what the record says was saved.
class BackwardContext;

/// One gradient per input, undefined where none flows. Only the ones that `needs` need be computed.
using Gradients = std::vector<Tensor>;

/// How many inputs an op takes.
struct InputCount {
  size_t least = 1;
  size_t most = 1;
};
inline constexpr size_t any_number = static_cast<size_t>(-1);

/// Written in the file of the op's family (ops/<family>.cpp), and nowhere else: identity, lists of registration, checks
/// of arguments, files, bindings, documentation and the walk of the tests follow from it.
struct OpDef {
  const char* doc = "";
  /// Names of the inputs: "bias?" may be left out, "tensors..." stands for one or more.
  std::vector<std::string_view> inputs = {};
  /// Names of the results. An op that mutates has none.
  std::vector<std::string_view> results = {"y"};
  /// What calls say beside their inputs, without what passes add.
  std::vector<AttrField> attributes = {};
  uint32_t traits = 0;
  /// Of a function that users call as it is, `pydl.name`: an example that runs. Others are low-level functions, and may
  /// have a richer one on top of them.
  const char* example = nullptr;

  /// Brings the arguments of a caller into the form that the shape rule expects: an axis is counted from the front.
  using CanonicalFunction = void (*)(Attrs& attrs, std::vector<Tensor>& inputs);
  CanonicalFunction canonical = nullptr;

  /// How many results a call has where that depends on the attributes or the inputs: the first ones of `results`.
  using ResultCountFunction = size_t (*)(const Attrs& attrs, size_t input_count);
  ResultCountFunction result_count = nullptr;

  /// Layouts of all results from those of the inputs; throws on what the op cannot take. For a view, the strides are
  /// those of the view, and `*offset` is where its first element is, counted from the first of the input, in elements.
  using InferFunction = void (*)(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results,
                                 int64_t* offset);
  InferFunction infer = nullptr;

  /// Written in public ops, so that it can be differentiated again.
  using BackwardFunction = Gradients (*)(const BackwardContext& context);
  BackwardFunction backward = nullptr;

  /// Which inputs (bit i: input i) and which results the derivative reads.
  uint32_t saves_inputs = 0;
  uint32_t saves_results = 0;

  /// How many of its first inputs the op overwrites.
  using MutatedFunction = int (*)(const Attrs& attrs, int input_count);
  MutatedFunction mutated = nullptr;

  /// Floating-point operations of one call.
  using FlopsFunction = int64_t (*)(const Attrs& attrs, std::span<const BufferSpec> inputs, const BufferSpec& output);
  FlopsFunction flops = nullptr;

  // Filled in by the registry.
  OpId id = OpId::count;
  const char* name = "";
  InputCount input_count = {};

  bool has(Trait trait) const { return (traits & static_cast<uint32_t>(trait)) != 0; }
  size_t count_results(const Attrs& attrs, size_t inputs_given) const {
    return result_count == nullptr ? results.size() : result_count(attrs, inputs_given);
  }
  /// The attribute of this name, or null.
  const AttrField* find_attr(std::string_view attr_name) const {
    for (const AttrField& field : attributes) {
      if (field.name == attr_name) return &field;
    }
    return nullptr;
  }
};

/// Throws `TypeError` for another number of inputs than the op takes: shape rules and kernels rely on it.
PYDL_MODULE_API void check_input_count(const OpDef& def, size_t count);

/// Throws `TypeError` that names the op and the attribute, unless each that the record names is given, of its kind, and
/// no other.
void check_attrs(const OpDef& def, const Attrs& attrs);

/// The record of an op.
const OpDef& op_def(OpId id);
/// All of them, by id.
PYDL_MODULE_API std::span<const OpDef> all_ops();

}  // namespace pydl::op
