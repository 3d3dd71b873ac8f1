// Post-operations: elementwise ops that a kernel applies to its results before it writes them.
#pragma once

#include <string>
#include <string_view>

#include "op/attrs.h"

namespace pydl::op {

/// The names of attributes that only passes set: the post-operations of a call, as names joined by `+`, such as "relu",
/// and in the gradients of normalisations the post-operations of the forward call, through which the incoming gradient
/// must pass first.
inline constexpr std::string_view post_attr = "post";
inline constexpr std::string_view gate_attr = "gate";

/// The text of one of these attributes; empty if a call does not have it.
inline std::string_view operations_in(const Attrs& attrs, std::string_view attr) {
  const AttrValue* value = attrs.find_if_given(attr);
  return value == nullptr ? std::string_view() : std::string_view(std::get<Text>(*value).str());
}

inline std::string_view post_operations(const Attrs& attrs) { return operations_in(attrs, post_attr); }
inline std::string_view gate_of(const Attrs& attrs) { return operations_in(attrs, gate_attr); }

/// Whether results are rectified and nothing else.
inline bool applies_relu(const Attrs& attrs) { return post_operations(attrs) == "relu"; }

}  // namespace pydl::op
