// Attribute structs: the attributes of an op are the fields of a struct, which is their only declaration. The fields of
// the op's record (names, kinds, defaults) and the conversion to and from the values in a call are derived from it.
//
//   struct TakeAttrs {
//     int64_t axis = 0;
//     std::optional<int64_t> skip;
//     PYDL_ATTRS(axis, skip)
//   };
//
// Callers may omit a field that has a default. The first `required` fields have none and must be passed:
//
//     static constexpr size_t required = 1;
//
// A choice is an enumeration that `choice_names` supports.
#pragma once

#include <type_traits>

#include "op/attrs.h"
#include "pydl/error.h"

// Visits the fields in order: visit("axis", axis), visit("skip", skip).
#define PYDL_ATTRS(...)                          \
  template <class Visit>                         \
  void visit_fields(const Visit& visit) {        \
    PYDL_FOR_EACH(PYDL_VISIT_FIELD, __VA_ARGS__) \
  }                                              \
  template <class Visit>                         \
  void visit_fields(const Visit& visit) const {  \
    PYDL_FOR_EACH(PYDL_VISIT_FIELD, __VA_ARGS__) \
  }
#define PYDL_VISIT_FIELD(name) visit(#name, name);

// Expands to MACRO(a) MACRO(b) ... for up to 64 arguments.
#define PYDL_PARENTHESES ()
#define PYDL_EXPAND(...) PYDL_EXPAND_16(PYDL_EXPAND_16(PYDL_EXPAND_16(PYDL_EXPAND_16(__VA_ARGS__))))
#define PYDL_EXPAND_16(...) PYDL_EXPAND_4(PYDL_EXPAND_4(PYDL_EXPAND_4(PYDL_EXPAND_4(__VA_ARGS__))))
#define PYDL_EXPAND_4(...) PYDL_EXPAND_1(PYDL_EXPAND_1(PYDL_EXPAND_1(PYDL_EXPAND_1(__VA_ARGS__))))
#define PYDL_EXPAND_1(...) __VA_ARGS__
#define PYDL_FOR_EACH(macro, ...) __VA_OPT__(PYDL_EXPAND(PYDL_FOR_EACH_STEP(macro, __VA_ARGS__)))
#define PYDL_FOR_EACH_STEP(macro, first, ...) \
  macro(first) __VA_OPT__(PYDL_FOR_EACH_AGAIN PYDL_PARENTHESES(macro, __VA_ARGS__))
#define PYDL_FOR_EACH_AGAIN() PYDL_FOR_EACH_STEP

namespace pydl::op {

/// A bool, an integer or a number.
using Element = std::variant<bool, int64_t, double>;

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {
  using content = T;
};

template <class T>
constexpr AttrKind kind_of() {
  if constexpr (is_optional<T>::value) return kind_of<typename is_optional<T>::content>();
  if constexpr (std::is_same_v<T, bool>) return AttrKind::boolean;
  if constexpr (std::is_same_v<T, int64_t>) return AttrKind::integer;
  if constexpr (std::is_same_v<T, double>) return AttrKind::number;
  if constexpr (std::is_same_v<T, DType>) return AttrKind::dtype;
  if constexpr (std::is_same_v<T, Dims>) return AttrKind::dims;
  if constexpr (std::is_same_v<T, Element>) return AttrKind::element;
  if constexpr (std::is_same_v<T, Text>) return AttrKind::text;
  if constexpr (std::is_same_v<T, Numbers>) return AttrKind::numbers;
  return AttrKind::choice;
}

/// The names of a choice, in the order of its values. Never destroyed, like the texts themselves.
template <class T>
const std::vector<Text>& texts_of_choice() {
  static const auto* const texts = [] {
    auto* made = new std::vector<Text>;
    for (const char* name : choice_names(T{})) made->emplace_back(name);
    return made;
  }();
  return *texts;
}

/// What calls hold of a field, which must outlive it.
template <class T>
decltype(auto) content_of(const T& field) {
  if constexpr (std::is_same_v<T, Element>) {
    return std::visit([](auto content) { return AttrValue(content); }, field);
  } else if constexpr (kind_of<T>() == AttrKind::choice) {
    return Text(texts_of_choice<T>()[static_cast<size_t>(field)]);
  } else {
    return (field);
  }
}

/// Sets a field from the value that a call holds.
template <class T>
void from_value(std::string_view name, const AttrValue& value, T& field) {
  if constexpr (std::is_same_v<T, Element>) {
    if (const auto* flag = std::get_if<bool>(&value)) {
      field = *flag;
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      field = *integer;
    } else if (const auto* number = std::get_if<double>(&value)) {
      field = *number;
    } else {
      Attrs::fail_of_type(name);
    }
  } else if constexpr (kind_of<T>() == AttrKind::choice) {
    const auto* text = std::get_if<Text>(&value);
    const std::vector<Text>& names = texts_of_choice<T>();
    size_t found = 0;
    while (text != nullptr && found < names.size() && !(*text == names[found])) ++found;
    if (text == nullptr || found == names.size()) Attrs::fail_of_type(name);
    field = static_cast<T>(found);
  } else {
    const T* content = std::get_if<T>(&value);
    if (content == nullptr) Attrs::fail_of_type(name);
    field = *content;
  }
}

/// Converts a struct to the attributes of a call.
template <class Struct>
Attrs to_attrs(const Struct& fields) {
  Attrs attrs;
  size_t count = 0;
  fields.visit_fields([&](std::string_view, const auto&) { ++count; });
  attrs.reserve(count);
  fields.visit_fields([&](std::string_view name, const auto& field) {
    if constexpr (is_optional<std::decay_t<decltype(field)>>::value) {
      if (field) attrs.add(name, content_of(*field));
    } else {
      attrs.add(name, content_of(field));
    }
  });
  return attrs;
}

/// Converts the attributes of a call to a struct; throws if one is missing or of another kind. A struct may have only
/// some of the attributes, such as those that several ops have in common.
template <class Struct>
Struct from_attrs(const Attrs& attrs) {
  Struct result;
  AttrReader reader(attrs);
  result.visit_fields([&](std::string_view name, auto& field) {
    using Field = std::decay_t<decltype(field)>;
    if constexpr (is_optional<Field>::value) {
      if (const AttrValue* value = reader.find_if_given(name)) from_value(name, *value, field.emplace());
    } else {
      from_value(name, reader.find(name), field);
    }
  });
  return result;
}

/// Replaces the value of a field in the attributes of a call.
template <class Struct, class T>
void set_field(Attrs& attrs, T Struct::* member, const std::type_identity_t<T>& value) {
  const Struct fields = {};
  fields.visit_fields([&](std::string_view name, const auto& field) {
    if (static_cast<const void*>(&field) == &(fields.*member)) attrs.set(name, content_of(value));
  });
}

/// What the record of an op states about its attributes.
template <class Struct>
std::vector<AttrField> fields_of() {
  std::vector<AttrField> result;
  size_t required = 0;
  if constexpr (requires { Struct::required; }) required = Struct::required;
  const Struct defaults = {};
  defaults.visit_fields([&](std::string_view name, const auto& field) {
    using Field = std::decay_t<decltype(field)>;
    AttrField entry = {name, kind_of<Field>(), is_optional<Field>::value};
    if constexpr (!is_optional<Field>::value) {
      if (result.size() >= required) entry.standard = content_of(field);
      if constexpr (kind_of<Field>() == AttrKind::choice) entry.choices = choice_names(Field{});
    }
    result.push_back(std::move(entry));
  });
  return result;
}

}  // namespace pydl::op
