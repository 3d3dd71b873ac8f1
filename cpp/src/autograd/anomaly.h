// Looking for the first op, or derivative, that computes NaN or an infinity.
#pragma once

#include <span>
#include <string>

#include "op/op_def.h"

namespace pydl::autograd {

class Node;

/// Whether this thread looks for anomalies, and is not checking something at the moment.
bool looks_for_anomalies();

/// Throws if a result of an op contains NaN, or an infinity although the inputs are finite.
void check_results(const op::OpDef& def, std::span<const Tensor> inputs, std::span<const Tensor> results);
/// The same for the gradients that the derivative of a node has computed.
void check_gradients(const Node& node, std::span<const Tensor> given, std::span<const Tensor> found);
/// The place of the current call in the user's code, with the layer that it belongs to.
std::string place_of_call();

/// In this scope, the calls of a derivative are not checked one by one: only what it returns matters.
class PauseChecks {
 public:
  explicit PauseChecks(bool pauses);
  ~PauseChecks();
  PauseChecks(const PauseChecks&) = delete;
  PauseChecks& operator=(const PauseChecks&) = delete;

 private:
  bool previous_;
};

}  // namespace pydl::autograd
