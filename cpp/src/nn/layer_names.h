// Names of layer tensors, and errors that begin with the name of the layer.
#pragma once

#include <string>

#include "pydl/error.h"
#include "pydl/params.h"

namespace pydl::nn {

/// Joins "hidden" and "weight" to "hidden.weight"; without a prefix, the name is unchanged.
inline std::string name_in(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

/// The name of a layer in messages: its prefix, or its kind if it has none.
inline std::string label_of(const std::string& prefix, const char* kind) { return prefix.empty() ? kind : prefix; }

/// The tensor with that name, or an undefined tensor if there is none.
inline Tensor find_or_none(const ParamSet& params, const std::string& name) {
  const Tensor* found = params.find(name);
  return found != nullptr ? *found : Tensor{};
}

/// Calls a function and adds the layer's name to errors about its arguments.
template <class Function>
auto in_layer(const std::string& label, const Function& function) {
  try {
    return function();
  } catch (const ValueError& error) {
    throw ValueError(concat_text(label, ": ", error.what()));
  } catch (const TypeError& error) {
    throw TypeError(concat_text(label, ": ", error.what()));
  } catch (const IndexError& error) {
    throw IndexError(concat_text(label, ": ", error.what()));
  }
}

}  // namespace pydl::nn
