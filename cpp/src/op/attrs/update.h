// Attributes of the optimiser updates: the options of the optimiser, and `count`, the number of parameters. With the
// names of the tensors that are kept for each parameter, this is the one declaration of what an optimiser consists of:
// the shape rules of its op, its state in C++ and Python, and its options in Python follow from it.
#pragma once

#include <string>
#include <vector>

#include "op/attr_struct.h"
#include "pydl/optimizer_options.h"

// Rows are (name of the op before "_update", name of the structs).
#define PYDL_FUSED_UPDATES(ROW) \
  ROW(sgd, Sgd)                 \
  ROW(rmsprop, Rmsprop)         \
  ROW(adam, Adam)               \
  PYDL_OTHER_UPDATES(ROW)
// Those whose states are passed as a list of lists.
#define PYDL_OTHER_UPDATES(ROW) \
  ROW(adagrad, Adagrad)         \
  ROW(adadelta, Adadelta)       \
  ROW(adamax, Adamax)           \
  ROW(nadam, Nadam)             \
  ROW(radam, Radam)             \
  ROW(rprop, Rprop)             \
  ROW(lion, Lion)               \
  ROW(lamb, Lamb)
// With those that are composed of several ops.
#define PYDL_UPDATES(ROW) \
  PYDL_FUSED_UPDATES(ROW) \
  ROW(muon, Muon)

namespace pydl::op {

struct SgdAttrs : optim::SgdOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, momentum, dampening, weight_decay, nesterov, decoupled, maximize)
};

struct SgdRowsAttrs {
  std::optional<int64_t> skip;  ///< this row is not updated
  PYDL_ATTRS(skip)
};

struct RmspropAttrs : optim::RmspropOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, alpha, epsilon, momentum, weight_decay, centered, maximize)
};

struct AdamAttrs : optim::AdamOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, decoupled, amsgrad, maximize)
};

struct AdagradAttrs : optim::AdagradOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, lr_decay, initial_accumulator_value, epsilon, weight_decay, maximize)
};

struct AdadeltaAttrs : optim::AdadeltaOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, rho, epsilon, weight_decay, maximize)
};

struct AdamaxAttrs : optim::AdamaxOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, maximize)
};

struct NadamAttrs : optim::NadamOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, momentum_decay, decoupled, maximize)
};

struct RadamAttrs : optim::RadamOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, decoupled, maximize)
};

struct RpropAttrs : optim::RpropOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, eta_minus, eta_plus, step_min, step_max, maximize)
};

struct LionAttrs : optim::LionOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, weight_decay, maximize)
};

struct LambAttrs : optim::LambOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, maximize)
};

struct MuonAttrs : optim::MuonOptions {
  int64_t count = 1;
  PYDL_ATTRS(count, momentum, weight_decay, a, b, c, epsilon, steps, nesterov, match_adamw, maximize)
};

/// `AttrsOf<optim::AdamOptions>` is AdamAttrs.
template <class Options>
struct AttrsOfOptions;
#define PYDL_ATTRS_OF(name, Name)               \
  template <>                                   \
  struct AttrsOfOptions<optim::Name##Options> { \
    using type = Name##Attrs;                   \
  };
PYDL_UPDATES(PYDL_ATTRS_OF)
#undef PYDL_ATTRS_OF
template <class Options>
using AttrsOf = typename AttrsOfOptions<Options>::type;

// The names of the tensors that are kept for each parameter, in the order in which the ops take them.

using SlotNames = std::vector<std::string>;

inline SlotNames slot_names(const optim::SgdOptions& sgd) {
  return sgd.momentum != 0 ? SlotNames{"velocity"} : SlotNames{};
}
inline SlotNames slot_names(const optim::RmspropOptions& rmsprop) {
  SlotNames names = {"square_average"};
  if (rmsprop.momentum != 0) names.emplace_back("velocity");
  if (rmsprop.centered) names.emplace_back("gradient_average");
  return names;
}
inline SlotNames slot_names(const optim::AdamOptions& adam) {
  SlotNames names = {"first_moment", "second_moment"};
  if (adam.amsgrad) names.emplace_back("max_second_moment");
  return names;
}
inline SlotNames slot_names(const optim::AdagradOptions&) { return {"sum"}; }
inline SlotNames slot_names(const optim::AdadeltaOptions&) { return {"square_average", "delta_average"}; }
inline SlotNames slot_names(const optim::AdamaxOptions&) { return {"first_moment", "infinity_norm"}; }
inline SlotNames slot_names(const optim::NadamOptions&) { return {"first_moment", "second_moment"}; }
inline SlotNames slot_names(const optim::RadamOptions&) { return {"first_moment", "second_moment"}; }
inline SlotNames slot_names(const optim::RpropOptions&) { return {"previous_gradient", "step_size"}; }
inline SlotNames slot_names(const optim::LionOptions&) { return {"first_moment"}; }
inline SlotNames slot_names(const optim::LambOptions&) { return {"first_moment", "second_moment"}; }
inline SlotNames slot_names(const optim::MuonOptions&) { return {"velocity"}; }

/// Whether an update multiplies parameters by 1 - lr * weight_decay instead of adding to the gradient.
template <class Options>
bool is_decoupled(const Options& options) {
  if constexpr (requires { options.decoupled; }) return options.decoupled;
  return std::is_same_v<Options, optim::LionOptions> || std::is_base_of_v<optim::LionOptions, Options>;
}

}  // namespace pydl::op
