#include "mutate.h"

#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "io/json.h"
#include "op/op_def.h"

namespace pydl::fuzz {

namespace {

using io::Json;

int64_t below(Random& random, size_t count) { return static_cast<int64_t>(random() % std::max<size_t>(count, 1)); }
bool chance(Random& random, int one_in) { return random() % static_cast<uint64_t>(one_in) == 0; }

int64_t some_integer(Random& random, int64_t near) {
  constexpr int64_t extremes[] = {0,
                                  1,
                                  -1,
                                  2,
                                  3,
                                  5,
                                  8,
                                  9,
                                  17,
                                  63,
                                  64,
                                  255,
                                  1000,
                                  65536,
                                  (int64_t{1} << 24) + 1,
                                  (int64_t{1} << 31) - 1,
                                  int64_t{1} << 31,
                                  -(int64_t{1} << 31),
                                  int64_t{1} << 32,
                                  int64_t{1} << 44,
                                  -(int64_t{1} << 44),
                                  int64_t{1} << 62,
                                  std::numeric_limits<int64_t>::max(),
                                  std::numeric_limits<int64_t>::min()};
  switch (random() % 6) {
    case 0: return static_cast<int64_t>(static_cast<uint64_t>(near) + 1);
    case 1: return static_cast<int64_t>(static_cast<uint64_t>(near) - 1);
    case 2: return static_cast<int64_t>(0 - static_cast<uint64_t>(near));
    case 3: return below(random, 5);
    default: return extremes[random() % std::size(extremes)];
  }
}

Json some_number(Random& random) {
  switch (random() % 10) {
    case 0: return std::string("inf");
    case 1: return std::string("-inf");
    case 2: return std::string("nan");
    case 3: return 1e308;
    case 4: return -1e-300;
    case 5: return -1.0;
    case 6: return 0.0;
    case 7: return 0.5;
    default: return static_cast<double>(some_integer(random, 1));
  }
}

Json some_open_integer(Random& random, int64_t near) {
  if (!chance(random, 8)) return some_integer(random, near);
  return Json::Object{{"batch", some_integer(random, 1)}, {"plus", some_integer(random, 0)}};
}

std::string some_dtype(Random& random) {
  constexpr const char* names[] = {"float32", "float64", "bfloat16", "float16", "int8",
                                   "int32",   "int64",   "uint8",    "bool",    "int16"};
  return names[random() % std::size(names)];
}

const op::OpDef& some_op(Random& random) {
  const auto all = op::all_ops();
  const op::OpDef* def = nullptr;
  // The many elementwise ops are much alike.
  do {
    def = &all[random() % all.size()];
  } while (def->has(op::Trait::elementwise) && !chance(random, 8));
  return *def;
}

// Mostly what calls could be, so that many get as far as the shape rules and kernels.
int64_t plausible_integer(Random& random) { return chance(random, 12) ? some_integer(random, 1) : below(random, 4); }

Json plausible_number(Random& random) {
  if (chance(random, 2)) return some_number(random);
  return 0.25;
}

template <class Draw>
Json some_list(Random& random, const Draw& draw) {
  Json::Array list;
  const int64_t length = below(random, 4);
  for (int64_t i = 0; i < length; ++i) list.push_back(draw(random));
  return list;
}

Json some_attr(const op::AttrField& field, Random& random) {
  switch (field.kind) {
    case op::AttrKind::boolean: return chance(random, 2);
    case op::AttrKind::integer: return plausible_integer(random);
    case op::AttrKind::dtype: return some_dtype(random);
    case op::AttrKind::number:
    case op::AttrKind::element: return plausible_number(random);
    case op::AttrKind::numbers: return some_list(random, plausible_number);
    case op::AttrKind::dims: return some_list(random, plausible_integer);
    case op::AttrKind::text: return some_dtype(random);
    case op::AttrKind::choice: break;
  }
  if (chance(random, 12)) return some_dtype(random);
  return std::string(field.choices[random() % field.choices.size()]);
}

Json some_call(Random& random, int64_t values) {
  const op::OpDef& def = some_op(random);
  const size_t most = std::min<size_t>(def.input_count.most, def.input_count.least + 3);
  const size_t count = def.input_count.least + random() % (most - def.input_count.least + 1);
  Json::Array inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(below(random, static_cast<size_t>(values)));
  Json::Object attrs;
  for (const op::AttrField& field : def.attributes) {
    if (field.is_optional && chance(random, 2)) continue;
    attrs.emplace_back(std::string(field.name), some_attr(field, random));
  }
  return Json::Array{std::string(def.name), std::move(inputs), std::move(attrs)};
}

size_t count_nodes(const Json& json) {
  size_t count = 1;
  if (const auto* array = json.get<Json::Array>()) {
    for (const Json& element : *array) count += count_nodes(element);
  } else if (const auto* object = json.get<Json::Object>()) {
    for (const Json::Member& member : *object) count += count_nodes(member.second);
  }
  return count;
}

// The node of that number, counted as text is read.
const Json* node_at(const Json& json, size_t& number) {
  if (number-- == 0) return &json;
  const Json* found = nullptr;
  if (const auto* array = json.get<Json::Array>()) {
    for (size_t i = 0; i < array->size() && found == nullptr; ++i) found = node_at((*array)[i], number);
  } else if (const auto* object = json.get<Json::Object>()) {
    for (size_t i = 0; i < object->size() && found == nullptr; ++i) found = node_at((*object)[i].second, number);
  }
  return found;
}

Json replaced(const Json& json, size_t& number, const std::function<Json(const Json&)>& change) {
  if (number-- == 0) return change(json);
  if (const auto* array = json.get<Json::Array>()) {
    Json::Array copy;
    for (const Json& element : *array) copy.push_back(replaced(element, number, change));
    return copy;
  }
  if (const auto* object = json.get<Json::Object>()) {
    Json::Object copy;
    for (const Json::Member& member : *object) {
      copy.emplace_back(member.first, replaced(member.second, number, change));
    }
    return copy;
  }
  return json;
}

class JsonMutator {
 public:
  JsonMutator(const Json& root, Random& random) : root_(root), random_(random) {}

  Json run() {
    size_t number = random_() % count_nodes(root_);
    return replaced(root_, number, [&](const Json& json) { return change(json); });
  }

 private:
  Json any_node() {
    size_t number = random_() % count_nodes(root_);
    return *node_at(root_, number);
  }

  Json change(const Json& json) {
    if (chance(random_, 12)) return any_node();
    if (const auto* integer = json.get<int64_t>()) return some_open_integer(random_, *integer);
    if (json.get<double>() != nullptr) return some_number(random_);
    if (const auto* flag = json.get<bool>()) return !*flag;
    if (json.get<std::string>() != nullptr) return change_text();
    if (const auto* array = json.get<Json::Array>()) return change_array(*array);
    if (const auto* object = json.get<Json::Object>()) return change_object(*object);
    return int64_t{0};
  }

  Json change_text() {
    switch (random_() % 4) {
      case 0: return some_dtype(random_);
      case 1: return std::string(some_op(random_).name);
      case 2: return any_node();
      default: return std::string();
    }
  }

  template <class Elements>
  void shuffle(Elements& elements) {
    if (elements.empty()) return;
    const auto at = [&] { return elements.begin() + below(random_, elements.size()); };
    switch (random_() % 4) {
      case 0: elements.erase(at()); break;
      case 1: std::swap(*at(), *at()); break;
      case 2: {
        const auto copy = *at();
        elements.insert(at(), copy);
        break;
      }
      default: elements.resize(random_() % elements.size()); break;
    }
  }

  Json change_array(Json::Array array) {
    if (chance(random_, 4)) {
      array.insert(array.begin() + below(random_, array.size() + 1), any_node());
    } else {
      shuffle(array);
    }
    return array;
  }

  Json change_object(Json::Object object) {
    if (object.empty() || !chance(random_, 2)) {
      shuffle(object);
      return object;
    }
    Json::Member& member = object[random_() % object.size()];
    if (chance(random_, 2)) {
      member.first += "x";
    } else {
      member.second = any_node();
    }
    return object;
  }

  const Json& root_;
  Random& random_;
};

Json with_member(const Json& json, std::string_view name, const std::function<Json(const Json&)>& change) {
  const auto* object = json.get<Json::Object>();
  if (object == nullptr) return json;
  Json::Object copy = *object;
  for (Json::Member& member : copy) {
    if (member.first == name) member.second = change(member.second);
  }
  return copy;
}

// A call of any op, instead of one that is there or behind all; then its result is the function's first one.
Json with_other_call(const Json& program, Random& random) {
  return with_member(program, "functions", [&](const Json& functions) -> Json {
    const auto* all = functions.get<Json::Array>();
    if (all == nullptr || all->empty()) return functions;
    Json::Array copy = *all;
    Json& function = copy[random() % copy.size()];
    const auto length = [&](std::string_view name) -> int64_t {
      const Json* member = function.find(name);
      const auto* array = member != nullptr ? member->get<Json::Array>() : nullptr;
      return array != nullptr ? static_cast<int64_t>(array->size()) : 0;
    };
    const int64_t values = length("inputs") + length("states") + length("views") + length("constants");
    const bool behind = chance(random, 2);
    const int64_t calls = length("calls");
    // Results of calls that overwrite are none: what this gets wrong, others get right.
    int64_t results = 0;
    function = with_member(function, "calls", [&](const Json& list) -> Json {
      if (list.get<Json::Array>() == nullptr) return list;
      Json::Array changed = *list.get<Json::Array>();
      for (const Json& call : changed) {
        const auto* parts = call.get<Json::Array>();
        const auto* name = parts != nullptr && !parts->empty() ? (*parts)[0].get<std::string>() : nullptr;
        const bool mutates = name != nullptr && (name->ends_with("_update") || *name == "assign");
        results += mutates ? 0 : 1;
      }
      const int64_t known = values + (behind ? results : below(random, static_cast<size_t>(results) + 1));
      if (behind || calls == 0) {
        changed.push_back(some_call(random, known));
      } else {
        changed[random() % changed.size()] = some_call(random, known);
      }
      return changed;
    });
    if (behind) {
      function = with_member(function, "results", [&](const Json& list) -> Json {
        if (list.get<Json::Array>() == nullptr) return list;
        Json::Array changed = *list.get<Json::Array>();
        if (!changed.empty()) changed[0] = values + results;
        return changed;
      });
    }
    return copy;
  });
}

// One attribute of one call changed: what shape rules must catch, and kernels live with.
Json with_other_attribute(const Json& program, Random& random) {
  return with_member(program, "functions", [&](const Json& functions) -> Json {
    const auto* all = functions.get<Json::Array>();
    if (all == nullptr || all->empty()) return functions;
    Json::Array copy = *all;
    Json& function = copy[random() % copy.size()];
    function = with_member(function, "calls", [&](const Json& list) -> Json {
      const auto* calls = list.get<Json::Array>();
      if (calls == nullptr || calls->empty()) return list;
      Json::Array changed = *calls;
      // Most calls have no attributes: the first that has some, from anywhere on.
      const size_t from = random() % changed.size();
      for (size_t i = 0; i < changed.size(); ++i) {
        Json& call = changed[(from + i) % changed.size()];
        const auto* parts = call.get<Json::Array>();
        if (parts == nullptr || parts->size() < 3 || count_nodes((*parts)[2]) < 2) continue;
        Json::Array copied = *parts;
        size_t number = 1 + random() % (count_nodes(copied[2]) - 1);
        copied[2] = replaced(copied[2], number, [&](const Json& json) -> Json {
          if (const auto* integer = json.get<int64_t>()) return some_open_integer(random, *integer);
          if (const auto* flag = json.get<bool>()) return !*flag;
          if (json.get<double>() != nullptr) return some_number(random);
          if (json.get<std::string>() != nullptr) return some_dtype(random);
          return json;
        });
        call = copied;
        break;
      }
      return changed;
    });
    return copy;
  });
}

Json mutated_program(const Json& program, Random& random) {
  Json changed = program;
  for (int64_t i = below(random, 3); i >= 0; --i) {
    switch (random() % 4) {
      case 0: changed = with_other_call(changed, random); break;
      case 1: changed = JsonMutator(changed, random).run(); break;
      default: changed = with_other_attribute(changed, random); break;
    }
  }
  return changed;
}

std::string with_bytes_changed(std::string file, Random& random, size_t from) {
  if (file.size() <= from) return file;
  for (int64_t i = below(random, 4); i >= 0; --i) {
    char& byte = file[from + random() % (file.size() - from)];
    byte = chance(random, 2) ? static_cast<char>(random()) : static_cast<char>(byte ^ (1 << (random() % 8)));
  }
  if (chance(random, 8)) file.resize(random() % (file.size() + 1));
  return file;
}

// Length of the header (little-endian), header, elements.
std::string assembled(const std::string& header, const std::string& elements) {
  std::string file(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(file.data(), &length, sizeof length);
  return file + header + elements;
}

}  // namespace

std::string mutated(const std::string& file, Random& random) {
  uint64_t length = 0;
  if (file.size() >= 8) std::memcpy(&length, file.data(), sizeof length);
  if (file.size() < 8 || length > file.size() - 8) return with_bytes_changed(file, random, 0);
  if (chance(random, 10)) return with_bytes_changed(file, random, 0);
  std::string elements = file.substr(8 + length);
  if (chance(random, 8)) elements = with_bytes_changed(elements, random, 0);
  try {
    const Json header = io::parse_json(std::string_view(file).substr(8, length));
    if (chance(random, 12)) return assembled(io::write_json(JsonMutator(header, random).run()), elements);
    const Json changed = with_member(header, "__metadata__", [&](const Json& metadata) {
      return with_member(metadata, "pydl.program", [&](const Json& text) -> Json {
        const auto* program = text.get<std::string>();
        if (program == nullptr) return text;
        return io::write_json(mutated_program(io::parse_json(*program), random));
      });
    });
    return assembled(io::write_json(changed), elements);
  } catch (const Error&) {
    return with_bytes_changed(file, random, 0);
  }
}

}  // namespace pydl::fuzz
