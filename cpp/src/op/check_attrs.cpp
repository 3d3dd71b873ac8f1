// Checks the attributes of calls against the record of their op.
#include <algorithm>

#include "op/op_def.h"

namespace pydl::op {

std::string describe_kind(const AttrField& field) {
  switch (field.kind) {
    case AttrKind::boolean: return "a bool";
    case AttrKind::integer: return "an integer";
    case AttrKind::number: return "a number";
    case AttrKind::dtype: return "a dtype";
    case AttrKind::dims: return concat_text("at most ", max_rank, " integers");
    case AttrKind::element: return "a bool, an integer or a number";
    case AttrKind::text: return "a text";
    case AttrKind::numbers: return concat_text("a list of at most ", max_rank, " numbers");
    case AttrKind::choice: break;
  }
  std::string names;
  for (const char* name : field.choices) names += concat_text(names.empty() ? "one of '" : ", '", name, "'");
  return names;
}

bool may_be(const AttrField& field, std::string_view text) {
  if (field.kind == AttrKind::text) return true;
  return std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end();
}

bool fits(const AttrField& field, const AttrValue& value) {
  switch (field.kind) {
    case AttrKind::boolean: return std::holds_alternative<bool>(value);
    case AttrKind::integer: return std::holds_alternative<int64_t>(value);
    case AttrKind::number: return std::holds_alternative<double>(value);
    case AttrKind::dtype: return std::holds_alternative<DType>(value);
    case AttrKind::dims: return std::holds_alternative<Dims>(value);
    case AttrKind::element:
      return std::holds_alternative<bool>(value) || std::holds_alternative<int64_t>(value) ||
             std::holds_alternative<double>(value);
    case AttrKind::numbers: return std::holds_alternative<Numbers>(value);
    case AttrKind::text:
    case AttrKind::choice: break;
  }
  const auto* text = std::get_if<Text>(&value);
  return text != nullptr && may_be(field, text->str());
}

void check_attrs(const OpDef& def, const Attrs& attrs) {
  const auto& entries = attrs.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, value] = entries[i];
    const AttrField* field = def.find_attr(name);
    if (field == nullptr) throw TypeError(concat_text(def.name, ": has no attribute '", name, "'"));
    if (!fits(*field, value)) {
      throw TypeError(concat_text(def.name, ": expected attribute '", name, "' as ", describe_kind(*field)));
    }
    if (attrs.find_if_given(name) != &value) {
      throw TypeError(concat_text(def.name, ": attribute '", name, "' is given twice"));
    }
  }
  for (const AttrField& field : def.attributes) {
    if (!field.is_optional && attrs.find_if_given(field.name) == nullptr) {
      throw TypeError(concat_text(def.name, ": lacks its attribute '", field.name, "'"));
    }
  }
}

}  // namespace pydl::op
