// What the elements of an optimiser step have in common.
#pragma once

namespace pydl::cpu {

/// Constants of an optimiser step. Each update reads those that it needs.
struct UpdateConstants {
  // Options.
  double momentum, dampening, epsilon;
  double alpha;  // rmsprop; adadelta: rho
  double beta1, beta2;
  double lr_decay, initial;                        // adagrad
  double eta_minus, eta_plus, step_min, step_max;  // rprop
  double weight_decay;
  double sign = 1;  // of the gradient: -1 to maximise
  bool nesterov, decoupled;
  // Those of this step.
  double lr;
  double decay;                       // this times the parameter is added to the gradient
  double shrink = 1;                  // the parameter is multiplied by this
  double step_size, root_correction;  // moments start at zero: these undo their bias towards it
  double gradient_size;               // nadam: by which gradients are multiplied
  double trust;                       // lamb: length of the step relative to that of the parameter
  bool first_step;
  bool rectified;  // radam: whether steps are divided by the second moment
};

}  // namespace pydl::cpu
