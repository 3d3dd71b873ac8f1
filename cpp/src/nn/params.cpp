// Sets of named tensors that belong to networks.
#include "nn/layer_names.h"
#include "pydl/autograd.h"
#include "pydl/layers.h"

namespace pydl::nn {

namespace {

std::string names_of(const ParamSet& params) {
  constexpr size_t most = 12;
  std::string text;
  for (size_t i = 0; i < params.tensors.size() && i < most; ++i) {
    text += (i > 0 ? ", " : "") + params.tensors[i].first;
  }
  if (params.tensors.size() > most) text += ", ...";
  return text.empty() ? "none" : text;
}

Tensor add(ParamSet& params, const std::string& name, const Tensor& values, bool trainable) {
  if (params.find(name) != nullptr) throw ValueError(concat_text(name, ": there is a tensor of that name already"));
  if (!values.defined()) throw ValueError(concat_text(name, ": expected values, got an undefined tensor"));
  Tensor tensor = values.detach();
  if (trainable) tensor.set_requires_grad(true);
  params.tensors.emplace_back(name, tensor);
  return tensor;
}

// Lists what prevents `values` from being loaded, one problem per line.
std::string misfits(const ParamSet& params, const ParamSet& values) {
  std::string text;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) text += concat_text("\n  undefined: ", name);
    const Tensor* given = values.find(name);
    if (given == nullptr) {
      text += concat_text("\n  missing: ", name);
    } else if (!given->defined()) {
      text += concat_text("\n  an undefined tensor was given for ", name);
    } else if (tensor.defined() && given->shape() != tensor.shape()) {
      text += concat_text("\n  ", name, ": expected shape ", tensor.shape(), ", got ", given->shape());
    }
  }
  for (const auto& entry : values.tensors) {
    if (params.find(entry.first) == nullptr) text += concat_text("\n  unexpected: ", entry.first);
  }
  return text;
}

}  // namespace

Tensor add_parameter(ParamSet& params, const std::string& name, const Tensor& values) {
  return add(params, name, values, true);
}

Tensor add_buffer(ParamSet& params, const std::string& name, const Tensor& values) {
  return add(params, name, values, false);
}

const Tensor& parameter(const ParamSet& params, const std::string& name) {
  const Tensor* found = params.find(name);
  if (found != nullptr && !found->defined()) throw ValueError(name + ": the tensor of that name is undefined");
  if (found != nullptr) return *found;
  throw ValueError(concat_text(name, ": there is no tensor of that name; there are ", names_of(params)));
}

void load_values(const ParamSet& params, const ParamSet& values) {
  const std::string problems = misfits(params, values);
  if (!problems.empty()) throw ValueError("load_values:" + problems);
  const GradMode without_history(false);
  for (const auto& [name, tensor] : params.tensors) assign(tensor, astype(*values.find(name), tensor.dtype()));
}

}  // namespace pydl::nn
