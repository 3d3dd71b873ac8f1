// OpDef: the single record of everything known about an op. Eager execution, tape, tracer, passes, bindings,
// documentation and tests read it.
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

/// Properties that some ops have and others do not.
enum class Trait : uint32_t {
  elementwise = 1U << 0,
  reduction = 1U << 1,
  view = 1U << 2,            ///< outputs share the memory of the first input; there is no kernel
  random = 1U << 3,          ///< the last input is the generator's state
  differentiable = 1U << 4,  ///< has a derivative for at least one input
  in_place_safe = 1U << 5,   ///< an output may overwrite an input of the same layout
  mutates = 1U << 6,         ///< overwrites its first `mutated` inputs and has no outputs
  checks_values = 1U << 7,   ///< its kernel throws for invalid values, such as an index out of range
};

constexpr uint32_t operator|(Trait a, Trait b) { return static_cast<uint32_t>(a) | static_cast<uint32_t>(b); }
constexpr uint32_t operator|(uint32_t a, Trait b) { return a | static_cast<uint32_t>(b); }

/// What a derivative receives: the gradients of the results, and the tensors that were saved according to the record.
class BackwardContext;

/// One gradient per input, undefined if none flows. Only gradients for which `needs` is true must be computed.
using Gradients = std::vector<Tensor>;

/// The number of inputs that an op takes.
struct InputCount {
  size_t least = 1;
  size_t most = 1;
};
inline constexpr size_t any_number = static_cast<size_t>(-1);

/// The declaration of an op, written in the file of its family (ops/<family>.cpp) and nowhere else. Identity, lists for
/// registration, checks of arguments, files, bindings, documentation and the registry-wide tests are derived from it.
struct OpDef {
  const char* doc = "";
  /// Names of the inputs: "bias?" may be omitted, "tensors..." stands for one or more.
  std::vector<std::string_view> inputs = {};
  /// Names of the results. An op that mutates has none.
  std::vector<std::string_view> results = {"y"};
  /// The arguments of calls other than the inputs, without those that passes add.
  std::vector<AttrField> attributes = {};
  uint32_t traits = 0;
  /// A runnable example, for functions that users call directly as `pydl.name`. Ops without one are low-level
  /// functions, and may have a richer function on top of them.
  const char* example = nullptr;

  /// Converts the arguments of a caller to the form that the shape rule expects: an axis is counted from the front.
  using CanonicalFunction = void (*)(Attrs& attrs, std::vector<Tensor>& inputs);
  CanonicalFunction canonical = nullptr;

  /// The number of results of a call, if it depends on the attributes or the inputs; they are the first ones of
  /// `results`.
  using ResultCountFunction = size_t (*)(const Attrs& attrs, size_t input_count);
  ResultCountFunction result_count = nullptr;

  /// Computes the layouts of all results from those of the inputs; throws if the op cannot take the inputs. For a view,
  /// the strides are those of the view, and `*offset` is the distance of its first element from the first of the input,
  /// in elements.
  using InferFunction = void (*)(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results,
                                 int64_t* offset);
  InferFunction infer = nullptr;

  /// Written in public ops, so that it can be differentiated again.
  using BackwardFunction = Gradients (*)(const BackwardContext& context);
  BackwardFunction backward = nullptr;

  /// Which inputs (bit i: input i) and which results the derivative reads.
  uint32_t saves_inputs = 0;
  uint32_t saves_results = 0;

  /// The number of leading inputs that the op overwrites.
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

/// Throws `TypeError` if the number of inputs is not one that the op takes: shape rules and kernels rely on it.
PYDL_MODULE_API void check_input_count(const OpDef& def, size_t count);

/// Throws a `TypeError` that names the op and the attribute, unless the attributes are exactly those that the record
/// names and each is of its kind.
void check_attrs(const OpDef& def, const Attrs& attrs);

/// The record of an op.
const OpDef& op_def(OpId id);
/// The records of all ops, by id.
PYDL_MODULE_API std::span<const OpDef> all_ops();

}  // namespace pydl::op
