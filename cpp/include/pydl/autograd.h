// Reverse-mode differentiation: recording of ops, and gradients of recorded tensors.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Whether ops are recorded on this thread.
PYDL_API bool grad_enabled();
/// Turns recording on this thread on or off permanently.
PYDL_API void set_grad_enabled(bool enabled);

/// Turns recording on or off for a scope: `GradMode guard(false);` computes without history.
class PYDL_API GradMode {
 public:
  explicit GradMode(bool enabled);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool previous_;
};

struct BackwardOptions {
  bool retain_graph = false;  ///< keep the tensors that the derivatives need, for another pass
  bool create_graph = false;  ///< record the derivatives themselves, for higher-order derivatives
  bool allow_unused = false;  ///< `grad`: return an undefined tensor instead of throwing for an input that does not
                              ///< influence the outputs
  bool input_hooks = true;    ///< `grad`: whether hooks of leaves among the inputs are called
};

/// Adds the gradients of `outputs` to `grad()` of every leaf. `gradients[i]` is the weight of outputs[i]; if it is
/// undefined, the weight is 1 and the output must have a single element.
PYDL_API void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients,
                       BackwardOptions options = {});

/// Returns the gradients of `outputs` with respect to `inputs`, without changing `grad()`.
PYDL_API std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                                  std::span<const Tensor> gradients = {}, BackwardOptions options = {});

inline void backward(std::initializer_list<Tensor> outputs, std::initializer_list<Tensor> gradients = {},
                     BackwardOptions options = {}) {
  backward(std::span(outputs.begin(), outputs.size()), std::span(gradients.begin(), gradients.size()), options);
}
inline std::vector<Tensor> grad(std::initializer_list<Tensor> outputs, std::initializer_list<Tensor> inputs,
                                std::initializer_list<Tensor> gradients = {}, BackwardOptions options = {}) {
  return grad(std::span(outputs.begin(), outputs.size()), std::span(inputs.begin(), inputs.size()),
              std::span(gradients.begin(), gradients.size()), options);
}

/// Computes the gradients of the inputs from those of the outputs. Either may be undefined: a gradient that is zero, or
/// that nobody needs.
using FunctionBackward = std::function<std::vector<Tensor>(std::span<const Tensor> gradients)>;

/// Returns tensors with the elements of the given outputs, whose history is `backward`: a user-defined derivative with
/// respect to these inputs. It may be called several times, once per backward pass.
PYDL_API std::vector<Tensor> record_function(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                                             FunctionBackward backward);

/// A tensor that the derivative of a function will read. Where it is a leaf, only its elements are kept alive: a
/// derivative that owned a leaf, whose gradient may have a history that reaches the derivative, would never be freed.
class PYDL_API SavedTensor {
 public:
  explicit SavedTensor(const Tensor& tensor);
  /// The tensor. Throws an error that begins with `backward: ` and names the function if it has been overwritten since.
  Tensor unpack(std::string_view function) const;

 private:
  struct Saved;
  std::shared_ptr<const Saved> saved_;
};

struct FunctionOptions {
  std::string name = "function";   ///< what messages call the function
  std::vector<size_t> saved = {};  ///< the outputs that the derivative reads
};

/// Like `FunctionBackward`, and receives the outputs that the options name, with the function as their history.
using OutputsBackward =
    std::function<std::vector<Tensor>(std::span<const Tensor> gradients, std::span<const Tensor> saved)>;

/// The same for a derivative that reads outputs. They must not be captured by `backward` itself, which they own.
PYDL_API std::vector<Tensor> record_function(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                                             FunctionOptions options, OutputsBackward backward);

/// Removes a hook; does nothing if the hook, or what it belongs to, no longer exists.
class PYDL_API HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  void remove() const {
    if (remove_) remove_();
  }

 private:
  std::function<void()> remove_;
};

/// Receives the complete gradient of a tensor, and returns what replaces it, or an undefined tensor to keep it.
using GradientHook = std::function<Tensor(const Tensor& gradient)>;

/// Calls `hook` in every backward pass that computes the gradient of this tensor, a leaf or a recorded result. Hooks
/// are called in the order in which they were registered. A hook of a result is freed together with the tensors that
/// derivatives need.
PYDL_API HookHandle register_hook(const Tensor& tensor, GradientHook hook);
/// Calls `hook` with this leaf after `backward` has added to its gradient.
PYDL_API HookHandle register_post_accumulate_grad_hook(const Tensor& leaf, std::function<void(const Tensor&)> hook);
/// Lets `backward` add to `grad()` of a recorded result, as it does for leaves.
PYDL_API void retain_grad(const Tensor& tensor);
PYDL_API bool retains_grad(const Tensor& tensor);
/// Changes whenever a hook of this leaf is added or removed; 0 if there have never been any.
PYDL_API uint32_t hook_changes(const Tensor& leaf);

/// The name of the op or function that computed a recorded tensor; empty for others.
PYDL_API std::string recorded_op(const Tensor& tensor);

/// In this scope, the first op of the thread that computes NaN from numbers, or an infinity from finite
/// numbers, throws an `Error` that names the op, and so does a derivative, with the place of the call that it belongs
/// to. Compiled functions then run call by call; programs from files are not looked into.
class PYDL_API AnomalyScope {
 public:
  /// `infinities` says whether infinities are looked for too.
  explicit AnomalyScope(bool enabled, bool infinities = true);
  ~AnomalyScope();
  AnomalyScope(const AnomalyScope&) = delete;
  AnomalyScope& operator=(const AnomalyScope&) = delete;

 private:
  unsigned previous_;
};
PYDL_API bool detects_anomaly();
PYDL_API bool detects_infinities();
PYDL_API void set_detect_anomaly(bool enabled, bool infinities = true);
/// Sets the function that describes the caller in messages of the process, such as `train.py:12`, on request together
/// with the layer that is being computed.
PYDL_API void set_anomaly_locator(std::function<std::string(bool with_layer)> locator);

/// The leaves that require a gradient and from which the outputs were computed, each once.
PYDL_API std::vector<Tensor> leaves_of(std::span<const Tensor> outputs);
/// Whether a backward pass from this tensor is possible: it was recorded, and the tensors that its derivative needs
/// have not been freed by another pass.
PYDL_API bool is_differentiable(const Tensor& tensor);

}  // namespace pydl
