// Reverse-mode differentiation: what is recorded, and the gradients of what was recorded.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pydl/tensor.h"

namespace pydl {

/// Whether ops record themselves on this thread.
bool grad_enabled();
/// Turns recording on this thread on or off, for good.
void set_grad_enabled(bool enabled);

/// Sets recording for a scope: `GradMode guard(false);` computes without history.
class GradMode {
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
void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients, BackwardOptions options = {});

/// The gradients of `outputs` for `inputs`, without touching `grad()`.
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients = {}, BackwardOptions options = {});

}  // namespace pydl
