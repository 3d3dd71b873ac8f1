// Reverse-mode differentiation: recording of ops, and gradients of recorded tensors.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
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

/// The leaves that require a gradient and from which the outputs were computed, each once.
PYDL_API std::vector<Tensor> leaves_of(std::span<const Tensor> outputs);
/// Whether a backward pass from this tensor is possible: it was recorded, and the tensors that its derivative needs
/// have not been freed by another pass.
PYDL_API bool is_differentiable(const Tensor& tensor);

}  // namespace pydl
