// Attributes of calls against the record of their op.
#include <algorithm>

#include "op/op_def.h"

namespace pydl::op {

namespace {

bool is_of_kind(const AttrValue& value, std::string_view kind) {
  if (kind == "bool") return std::holds_alternative<bool>(value);
  if (kind == "integer") return std::holds_alternative<int64_t>(value);
  if (kind == "number") return std::holds_alternative<double>(value);
  if (kind == "dtype") return std::holds_alternative<DType>(value);
  if (kind == "dims") return std::holds_alternative<Dims>(value);
  return std::holds_alternative<bool>(value) || std::holds_alternative<int64_t>(value) ||
         std::holds_alternative<double>(value);
}

}  // namespace

std::vector<AttrField> attr_fields(const OpDef& def) {
  std::vector<AttrField> fields;
  std::string_view rest = def.attributes;
  while (!rest.empty()) {
    const std::string_view field = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), field.size() + 1));
    const size_t colon = field.find(':');
    std::string_view kind = field.substr(colon + 1);
    const bool optional = kind.ends_with('?');
    if (optional) kind.remove_suffix(1);
    fields.push_back({field.substr(0, colon), kind, optional});
  }
  return fields;
}

void check_attrs(const OpDef& def, const Attrs& attrs) {
  const std::vector<AttrField> fields = attr_fields(def);
  const auto& entries = attrs.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, value] = entries[i];
    const auto is_named = [&](const auto& other) { return other.first == name; };
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const AttrField& f) { return f.name == name; });
    if (field == fields.end()) throw TypeError(concat_text(def.name, ": has no attribute '", name, "'"));
    if (!is_of_kind(value, field->kind)) {
      throw TypeError(concat_text(def.name, ": expected attribute '", name, "' as ", field->kind));
    }
    if (std::any_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i), is_named)) {
      throw TypeError(concat_text(def.name, ": attribute '", name, "' is given twice"));
    }
  }
  for (const AttrField& field : fields) {
    const bool given =
        std::any_of(entries.begin(), entries.end(), [&](const auto& e) { return e.first == field.name; });
    if (!given && !field.optional) throw TypeError(concat_text(def.name, ": lacks its attribute '", field.name, "'"));
  }
}

}  // namespace pydl::op
