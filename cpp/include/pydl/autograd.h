// Reverse-mode differentiation: what is recorded, and the gradients of what was recorded.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Whether ops record themselves on this thread.
PYDL_API bool grad_enabled();
/// Turns recording on this thread on or off, for good.
PYDL_API void set_grad_enabled(bool enabled);

/// Sets recording for a scope: `GradMode guard(false);` computes without history.
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
  bool retain_graph = false;  ///< keep what the derivatives need, for another pass
  bool create_graph = false;  ///< record the derivatives themselves, for derivatives of higher order
  bool allow_unused = false;  ///< `grad`: an undefined tensor, not an error, for an input without influence
};

/// Adds the gradients of `outputs` to `grad()` of every leaf. `gradients[i]` weighs outputs[i]; undefined means 1 and
/// needs a single element.
PYDL_API void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients,
                       BackwardOptions options = {});

/// The gradients of `outputs` for `inputs`, without touching `grad()`.
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

/// Gradients of inputs from those of outputs; undefined where none flows, and where none is wanted.
using FunctionBackward = std::function<std::vector<Tensor>(std::span<const Tensor> gradients)>;

/// Outputs with the elements of the given ones, whose history is `backward`, a derivative of one's own, for these
/// inputs. It may be called several times, once for each backward pass.
PYDL_API std::vector<Tensor> record_function(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                                             FunctionBackward backward);

/// The leaves that require a gradient and that the outputs were computed from, each once.
PYDL_API std::vector<Tensor> leaves_of(std::span<const Tensor> outputs);
/// Whether a backward pass from here can still be made: the tensor was recorded, and what its derivative needs was not
/// freed by another pass.
PYDL_API bool is_differentiable(const Tensor& tensor);

}  // namespace pydl
