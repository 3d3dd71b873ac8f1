// Names of the tensors of layers, and errors that begin with the name of the layer.
#pragma once

#include <string>

#include "pydl/error.h"
#include "pydl/params.h"

namespace pydl::nn {

/// "hidden" and "weight" give "hidden.weight"; without a prefix, names are bare.
inline std::string name_in(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

/// What messages call a layer: its prefix, or else its kind.
inline std::string label_of(const std::string& prefix, const char* kind) { return prefix.empty() ? kind : prefix; }

/// The tensor of that name, undefined where there is none.
inline Tensor find_or_none(const ParamSet& params, const std::string& name) {
  const Tensor* found = params.find(name);
  return found != nullptr ? *found : Tensor{};
}

/// Calls a function; errors about arguments say which layer they come from.
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
