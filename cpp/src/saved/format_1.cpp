#include "saved/format_1.h"

#include <algorithm>
#include <span>

#include "op/attrs/loss.h"
#include "op/attrs/recurrent.h"
#include "op/attrs/resample.h"

namespace pydl::saved {

namespace {

using io::Json;

void name_choice(Json::Object& attrs, std::string_view attr, std::span<const char* const> names) {
  for (auto& [name, value] : attrs) {
    const auto* number = value.get<int64_t>();
    if (name != attr || number == nullptr || *number < 0 || *number >= static_cast<int64_t>(names.size())) continue;
    value = std::string(names[static_cast<size_t>(*number)]);
  }
}

// Merges step0, step1 and step2 into a list; those beyond the spatial axes are 0.
void list_steps(Json::Object& attrs) {
  size_t axes = 0;
  Json::Array steps;
  for (const auto& [name, value] : attrs) {
    if (name == "size" && value.get<Json::Array>() != nullptr) axes = value.get<Json::Array>()->size();
    if (name.starts_with("step")) steps.push_back(value);
  }
  std::erase_if(attrs, [](const Json::Member& member) { return member.first.starts_with("step"); });
  steps.resize(std::min(steps.size(), axes));
  attrs.emplace_back("steps", std::move(steps));
}

}  // namespace

Json::Object upgrade_format_1(std::string_view op, const Json::Object& attrs) {
  Json::Object upgraded = attrs;
  if (op.starts_with("recurrent")) name_choice(upgraded, "cell", op::choice_names(op::Cell{}));
  if (op.starts_with("softmax_cross_entropy"))
    name_choice(upgraded, "reduction", op::choice_names(op::LossReduction{}));
  if (op.starts_with("resample")) {
    name_choice(upgraded, "mode", op::choice_names(op::Interpolation{}));
    list_steps(upgraded);
  }
  return upgraded;
}

}  // namespace pydl::saved
