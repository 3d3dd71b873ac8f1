// Reads programs from JSON and named tensors. Files may come from anywhere, so nothing in them is trusted.
// `graph::replay` checks whether the calls of ops are valid.
#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

#include "core/tensor_impl.h"
#include "io/json.h"
#include "pydl/random.h"
#include "saved/flat_recurrent.h"
#include "saved/format_1.h"
#include "saved/later_attrs.h"
#include "saved/max_pool_indices.h"
#include "saved/paired_moments.h"
#include "saved/program_data.h"

namespace pydl::saved {

namespace {

using graph::OpenDims;
using graph::OpenInteger;
using graph::OpenNumber;
using graph::RecordedCall;
using io::Json;

// A value in the JSON text, with its path for messages: `functions[0].calls[3]`.
class Location {
 public:
  Location(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  [[noreturn]] void fail(const std::string& what) const { throw FormatError(concat_text(path_, ": ", what)); }

  Location operator[](std::string_view name) const {
    const Json* found = json_.find(name);
    if (found == nullptr) fail(concat_text("there is no '", name, "'"));
    return {*found, concat_text(path_, path_.empty() ? "" : ".", name)};
  }
  // A member that was found by iterating.
  Location member(std::string_view name, const Json& json) const { return {json, concat_text(path_, ".", name)}; }
  // JSON that a string contains.
  Location inside(const Json& json) const { return {json, path_}; }
  bool has(std::string_view name) const { return json_.find(name) != nullptr; }
  Location operator[](size_t index) const {
    const Json::Array& elements = array();
    if (index >= elements.size()) fail(concat_text("expected more than ", index, " elements, got ", elements.size()));
    return {elements[index], concat_text(path_, "[", index, "]")};
  }
  size_t size() const { return array().size(); }

  template <class T>
  const T* get() const {
    return json_.get<T>();
  }
  const std::string& text() const { return get<std::string>("a string"); }
  const Json::Object& object() const { return get<Json::Object>("an object"); }
  int64_t integer() const { return get<int64_t>("an integer"); }
  int64_t integer(int64_t least, int64_t most) const {
    const int64_t value = integer();
    if (value < least || value > most) fail(concat_text("expected ", least, " to ", most, ", got ", value));
    return value;
  }
  double number() const {
    if (const auto* integer = get<int64_t>()) return static_cast<double>(*integer);
    if (const auto* text = get<std::string>()) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      if (*text == "inf") return infinity;
      if (*text == "-inf") return -infinity;
      if (*text == "nan") return std::numeric_limits<double>::quiet_NaN();
    }
    return get<double>("a number");
  }
  DType dtype() const {
    try {
      return dtype_from_name(text());
    } catch (const Error& error) {
      fail(error.what());
    }
  }

 private:
  const Json::Array& array() const { return get<Json::Array>("an array"); }
  template <class T>
  const T& get(const char* expected) const {
    const T* value = json_.get<T>();
    if (value == nullptr) fail(concat_text("expected ", expected));
    return *value;
  }

  const Json& json_;
  std::string path_;
};

OpenInteger open_integer(const Location& location) {
  if (location.get<Json::Object>() == nullptr) return {0, location.integer()};
  return {location["batch"].integer(), location["plus"].integer()};
}

OpenNumber open_number(const Location& location) {
  if (location.get<Json::Object>() == nullptr) return {location.number()};
  OpenNumber number;
  number.bottom = open_integer(location["bottom"]);
  if (location["top"].get<Json::Object>() != nullptr) {
    number.top = open_integer(location["top"]);
  } else {
    number.value = location["top"].number();
  }
  if (!number.is_open()) location.fail("expected a quotient that depends on the batch");
  return number;
}

OpenDims open_dims(const Location& location) {
  if (location.size() > static_cast<size_t>(max_rank))
    location.fail(concat_text("expected at most ", max_rank, " sizes"));
  OpenDims dims;
  for (size_t i = 0; i < location.size(); ++i) dims.push_back(open_integer(location[i]));
  return dims;
}

Dims closed_dims(const Location& location) {
  Dims dims;
  if (location.size() > static_cast<size_t>(max_rank))
    location.fail(concat_text("expected at most ", max_rank, " sizes"));
  for (size_t i = 0; i < location.size(); ++i) dims.push_back(location[i].integer());
  return dims;
}

// A bool, an integer or a number.
graph::OpenAttr open_element(const Location& location) {
  if (const auto* flag = location.get<bool>()) return *flag;
  if (location.get<double>() != nullptr || location.get<std::string>() != nullptr || location.has("bottom")) {
    return open_number(location);
  }
  return open_integer(location);
}

graph::OpenAttr open_attr(const op::AttrField& field, const Location& location) {
  switch (field.kind) {
    case op::AttrKind::dims: return open_dims(location);
    case op::AttrKind::dtype: return location.dtype();
    case op::AttrKind::number: return open_number(location);
    case op::AttrKind::integer: return open_integer(location);
    case op::AttrKind::element: return open_element(location);
    case op::AttrKind::boolean: break;
    case op::AttrKind::text:
    case op::AttrKind::choice:
      if (!op::may_be(field, location.text())) location.fail(concat_text("expected ", op::describe_kind(field)));
      return op::Text(location.text());
    case op::AttrKind::numbers: {
      if (location.size() > static_cast<size_t>(max_rank))
        location.fail(concat_text("expected ", op::describe_kind(field)));
      graph::OpenNumbers list;
      for (size_t i = 0; i < location.size(); ++i) list.push_back(open_number(location[i]));
      return list;
    }
  }
  if (const auto* flag = location.get<bool>()) return *flag;
  location.fail("expected true or false");
}

const std::unordered_map<std::string_view, op::OpId>& op_ids() {
  static const auto ids = [] {
    std::unordered_map<std::string_view, op::OpId> result;
    for (const op::OpDef& def : op::all_ops()) result.emplace(def.name, def.id);
    return result;
  }();
  return ids;
}

// The tensors of the file, by name.
class Tensors {
 public:
  explicit Tensors(const ParamSet& file) {
    for (const auto& [name, tensor] : file.tensors) by_name_.emplace(name, &tensor);
  }
  const Tensor& operator()(const Location& name) const {
    const auto found = by_name_.find(name.text());
    if (found == by_name_.end()) name.fail(concat_text("there is no tensor '", name.text(), "'"));
    return *found->second;
  }

 private:
  std::unordered_map<std::string_view, const Tensor*> by_name_;
};

// Checks how the results form what the Python function returned: null, result numbers, or containers of these.
void check_structure(const Location& location, size_t results) {
  if (location.get<std::nullptr_t>() != nullptr) return;
  if (location.get<int64_t>() != nullptr) {
    location.integer(0, static_cast<int64_t>(results) - 1);
    return;
  }
  const Json::Object& object = location.object();
  if (object.size() != 1) location.fail("expected one of 'tuple', 'list' and 'dict'");
  const Location items = location[object[0].first];
  if (object[0].first == "dict") {
    for (const auto& [key, json] : items.object()) check_structure(items.member(key, json), results);
  } else if (object[0].first == "tuple" || object[0].first == "list") {
    for (size_t i = 0; i < items.size(); ++i) check_structure(items[i], results);
  } else {
    items.fail("expected one of 'tuple', 'list' and 'dict'");
  }
}

class FunctionReader {
 public:
  FunctionReader(const Location& location, const Tensors& file, const ProgramData& program, int64_t format)
      : location_(location), file_(file), program_(program), format_(format) {}

  // `states` maps the names of tensors that are states of any function to their numbers.
  FunctionData run(const std::unordered_map<std::string, int>& states) {
    graph::Recording& recording = data_.recording;
    data_.name = location_["name"].text();
    read_inputs();
    for (size_t i = 0; i < location_["states"].size(); ++i) {
      data_.states.push_back(states.at(location_["states"][i].text()));
    }
    recording.states = static_cast<int>(data_.states.size());
    for (size_t i = 0; i < location_["views"].size(); ++i) recording.views.push_back(view(location_["views"][i]));
    for (size_t i = 0; i < location_["constants"].size(); ++i) {
      recording.constants.push_back(constant(location_["constants"][i], states));
    }
    const auto most = static_cast<int64_t>(program_.generators.size()) - 1;
    for (size_t i = 0; i < location_["generators"].size(); ++i) {
      data_.generators.push_back(static_cast<int>(location_["generators"][i].integer(0, most)));
    }
    recording.generators = static_cast<int>(data_.generators.size());
    values_ = recording.first_result();
    const Location calls = location_["calls"];
    for (size_t i = 0; i < calls.size(); ++i) recording.calls.push_back(call(calls[i]));
    const Location outputs = location_["outputs"];
    const Location results = location_["results"];
    if (outputs.size() != results.size()) results.fail(concat_text("expected ", outputs.size(), " results"));
    for (size_t i = 0; i < outputs.size(); ++i) {
      data_.outputs.push_back(outputs[i].text());
      recording.outputs.push_back(static_cast<int>(results[i].integer(0, values_ - 1)));
    }
    read_structure();
    return std::move(data_);
  }

 private:
  void read_structure() {
    const Location location = location_["result"];
    data_.result = location.text();
    if (data_.result.empty()) return;
    Json json;
    try {
      json = io::parse_json(data_.result);
    } catch (const FormatError& error) {
      location.fail(error.what());
    }
    check_structure(location.inside(json), data_.outputs.size());
  }

  void read_inputs() {
    const Location inputs = location_["inputs"];
    std::set<std::string> names;
    for (size_t i = 0; i < inputs.size(); ++i) {
      data_.inputs.push_back(inputs[i]["name"].text());
      if (!names.insert(data_.inputs.back()).second) inputs[i].fail("another input has this name");
      data_.recording.arguments.push_back({inputs[i]["dtype"].dtype(), open_dims(inputs[i]["shape"])});
      for (const OpenInteger& size : data_.recording.arguments.back().shape) {
        if (size.times < 0 || size.plus < 0) inputs[i].fail("a size is negative");
      }
    }
  }

  graph::RecordedView view(const Location& location) const {
    const auto most = static_cast<int64_t>(data_.states.size()) - 1;
    const auto state = static_cast<int>(location["state"].integer(0, most));
    graph::RecordedView view = {state, closed_dims(location["shape"]), closed_dims(location["strides"]),
                                location["offset"].integer()};
    const Tensor& whole = program_.state.tensors[static_cast<size_t>(data_.states[static_cast<size_t>(state)])].second;
    if (!core::lies_within(whole.size(), view.shape, view.strides, view.offset)) {
      location.fail(concat_text("a view of shape ", view.shape, ", strides ", view.strides, " and offset ", view.offset,
                                " lies outside its state of shape ", whole.shape()));
    }
    return view;
  }

  graph::RecordedConstant constant(const Location& location, const std::unordered_map<std::string, int>& states) const {
    if (location.get<std::string>() != nullptr) {
      if (states.contains(location.text()))
        location.fail(concat_text("'", location.text(), "' is a state, which changes"));
      return {file_(location), {}};
    }
    const DType dtype = location["dtype"].dtype();
    if (!is_floating(dtype)) location["dtype"].fail("expected a floating-point dtype");
    const OpenNumber number = open_number(location["number"]);
    return {Tensor::scalar(number.value, dtype), number};
  }

  int value(const Location& location) const { return static_cast<int>(location.integer(0, values_ - 1)); }

  RecordedCall call(const Location& location) {
    RecordedCall call;
    const std::string& name = location[0].text();
    if (name == "draw") {
      call.generator = static_cast<int>(location[1].integer(0, data_.recording.generators - 1));
      ++values_;
      return call;
    }
    const Json::Object attrs = location.size() > 2 ? attrs_of(location[2], name) : Json::Object();
    call.older = find_older(name, attrs);
    if (call.older == nullptr) {
      const auto found = op_ids().find(name);
      if (found == op_ids().end()) location[0].fail(concat_text("there is no op '", name, "'"));
      call.op = found->second;
    }
    const Location inputs = location[1];
    for (size_t i = 0; i < inputs.size(); ++i) call.inputs.push_back(value(inputs[i]));
    if (!attrs.empty()) read_attrs(location[2], attrs, call);
    if (location.size() > 3) call.region = static_cast<int>(location[3].integer(0, std::numeric_limits<int>::max()));
    values_ += count_results(location, call);
    return call;
  }

  // The number of results of a call does not depend on the batch size.
  static int count_results(const Location& location, const RecordedCall& call) {
    const op::OpDef& def = call.def();
    if (def.has(op::Trait::mutates)) return 0;
    if (def.result_count == nullptr) return static_cast<int>(def.results.size());
    try {
      const op::Attrs attrs = graph::attrs_at(call, 1);
      op::check_attrs(def, attrs);
      return static_cast<int>(def.count_results(attrs, call.inputs.size()));
    } catch (const Error& error) {
      location.fail(error.what());
    }
  }

  Json::Object attrs_of(const Location& location, const std::string& op) const {
    Json::Object attrs = format_ == 1 ? upgrade_format_1(op, location.object()) : location.object();
    add_later_attrs(op, attrs);
    return attrs;
  }

  static void add_later_attrs(const std::string& op, Json::Object& attrs) {
    for (const LaterFlag& flag : later_flags) {
      const auto has_name = [&](const Json::Member& member) { return member.first == flag.name; };
      if (flag.op != op || std::any_of(attrs.begin(), attrs.end(), has_name)) continue;
      attrs.emplace_back(std::string(flag.name), Json{false});
    }
  }

  static const graph::OlderCall* find_older(const std::string& op, const Json::Object& attrs) {
    if (const auto* call = find_flat_recurrent(op, attrs)) return call;
    if (const auto* call = find_paired_moments(op, attrs)) return call;
    return find_max_pool_indices(op);
  }

  static void read_attrs(const Location& location, const Json::Object& attrs, RecordedCall& call) {
    const op::OpDef& def = call.def();
    for (const auto& [name, json] : attrs) {
      const op::AttrField* field = def.find_attr(name);
      if (field == nullptr) location.fail(concat_text(def.name, " has no attribute '", name, "'"));
      call.attrs.emplace_back(field->name, open_attr(*field, location.member(name, json)));
    }
  }

  const Location& location_;
  const Tensors& file_;
  const ProgramData& program_;
  const int64_t format_;
  FunctionData data_;
  int values_ = 0;  // number of values known so far
};

ProgramInfo read_info(const Location& root) {
  ProgramInfo info;
  const Location names = root["class_names"];
  for (size_t i = 0; i < names.size(); ++i) info.class_names.push_back(names[i].text());
  const Location preprocessing = root["preprocessing"];
  for (const auto& [name, json] : preprocessing.object()) {
    const Location values = preprocessing.member(name, json);
    for (size_t i = 0; i < values.size(); ++i) info.preprocessing[name].push_back(values[i].number());
  }
  return info;
}

std::shared_ptr<RandomStream> generator_of(const Location& location, const Tensors& file) {
  Generator generator;
  try {
    generator.set_state(file(location));
  } catch (const ValueError& error) {
    location.fail(error.what());
  }
  return generator.stream();
}

ProgramData read(const Location& root, const Tensors& file) {
  const int64_t version = root["format"].integer();
  if (version < 1 || version > format_version) {
    root["format"].fail(concat_text("this version of pydl reads formats 1 to ", format_version, ", got ", version));
  }
  ProgramData data;
  data.info = read_info(root);
  const Location generators = root["generators"];
  for (size_t i = 0; i < generators.size(); ++i) data.generators.push_back(generator_of(generators[i], file));
  const Location functions = root["functions"];
  if (functions.size() == 0) functions.fail("expected at least one function");
  std::unordered_map<std::string, int> states;
  for (size_t f = 0; f < functions.size(); ++f) {
    const Location names = functions[f]["states"];
    for (size_t i = 0; i < names.size(); ++i) {
      const Tensor& tensor = file(names[i]);
      if (!states.emplace(names[i].text(), static_cast<int>(states.size())).second) continue;
      data.state.tensors.emplace_back(names[i].text(), tensor);
    }
  }
  std::set<std::string> names;
  for (size_t f = 0; f < functions.size(); ++f) {
    const Location location = functions[f];
    data.functions.push_back(FunctionReader(location, file, data, version).run(states));
    if (!names.insert(data.functions.back().name).second) location.fail("another function has this name");
  }
  return data;
}

}  // namespace

ProgramData read_program(const ParamSet& file, const std::string& name) {
  const auto text = file.metadata.find("pydl.program");
  if (text == file.metadata.end()) {
    throw FormatError(concat_text(name, ": holds parameters, but no program (metadata 'pydl.program')"));
  }
  try {
    const Json json = io::parse_json(text->second);
    return read(Location(json, ""), Tensors(file));
  } catch (const FormatError& error) {
    throw FormatError(concat_text(name, ": program: ", error.what()));
  }
}

}  // namespace pydl::saved
