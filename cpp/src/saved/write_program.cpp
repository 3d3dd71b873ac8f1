// Writes programs as JSON and named tensors; docs/program_files.md describes the format.
#include <cmath>

#include "io/json.h"
#include "pydl/random.h"
#include "pydl/version.h"
#include "saved/later_attrs.h"
#include "saved/program_data.h"

namespace pydl::saved {

namespace {

using graph::OpenAttr;
using graph::OpenDims;
using graph::OpenInteger;
using graph::OpenNumber;
using graph::RecordedCall;
using io::Json;

Json json_of(double number) {
  if (std::isnan(number)) return std::string("nan");
  if (std::isinf(number)) return std::string(number > 0 ? "inf" : "-inf");
  return number;
}

Json json_of(const OpenInteger& integer) {
  if (!integer.is_open()) return integer.plus;
  return Json::Object{{"batch", integer.times}, {"plus", integer.plus}};
}

Json json_of(const OpenNumber& number) {
  if (!number.is_open()) return json_of(number.value);
  Json top = number.top.is_open() ? json_of(number.top) : json_of(number.value);
  return Json::Object{{"top", std::move(top)}, {"bottom", json_of(number.bottom)}};
}

Json json_of(const OpenDims& dims) {
  Json::Array sizes;
  for (const OpenInteger& size : dims) sizes.push_back(json_of(size));
  return sizes;
}

Json json_of(const Dims& dims) { return json_of(graph::closed(dims)); }

Json json_of(const OpenAttr& attr) {
  if (const auto* flag = std::get_if<bool>(&attr)) return *flag;
  if (const auto* integer = std::get_if<OpenInteger>(&attr)) return json_of(*integer);
  if (const auto* number = std::get_if<OpenNumber>(&attr)) return json_of(*number);
  if (const auto* dtype = std::get_if<DType>(&attr)) return std::string(dtype_name(*dtype));
  if (const auto* text = std::get_if<op::Text>(&attr)) return text->str();
  if (const auto* numbers = std::get_if<graph::OpenNumbers>(&attr)) {
    Json::Array list;
    for (const OpenNumber& number : *numbers) list.push_back(json_of(number));
    return list;
  }
  return json_of(std::get<OpenDims>(attr));
}

template <class T>
Json::Array array_of(const std::vector<T>& values) {
  Json::Array array;
  for (const T& value : values) {
    if constexpr (std::is_same_v<T, int>) {
      array.emplace_back(static_cast<int64_t>(value));
    } else {
      array.push_back(value);
    }
  }
  return array;
}

// ["op", [inputs], {attributes}, region], where the last two are optional; or ["draw", generator].
Json json_of(const RecordedCall& call) {
  Json::Array json;
  json.emplace_back(std::string(call.draws() ? "draw" : call.def().name));
  if (call.draws()) {
    json.emplace_back(static_cast<int64_t>(call.generator));
    return json;
  }
  Json::Object attrs;
  for (const auto& [name, value] : call.attrs) {
    Json content = json_of(value);
    const bool* flag = content.get<bool>();
    if (flag != nullptr && !*flag && is_later_flag(call.def().name, name)) continue;
    attrs.emplace_back(std::string(name), std::move(content));
  }
  json.emplace_back(array_of(call.inputs));
  if (!attrs.empty() || call.region != 0) json.push_back(std::move(attrs));
  if (call.region != 0) json.push_back(static_cast<int64_t>(call.region));
  return json;
}

class Writer {
 public:
  explicit Writer(const ProgramData& data) : data_(data) { file_.tensors = data.state.tensors; }

  ParamSet run() {
    Json::Array functions;
    for (const FunctionData& function : data_.functions) functions.push_back(function_json(function));
    Json::Array generators;
    for (const auto& stream : data_.generators)
      generators.push_back(add_tensor("generator", Generator(stream).state()));
    Json::Object preprocessing;
    for (const auto& [name, numbers] : data_.info.preprocessing) {
      Json::Array values;
      for (const double number : numbers) values.push_back(json_of(number));
      preprocessing.emplace_back(name, std::move(values));
    }
    const Json json = Json::Object{{"format", format_version},
                                   {"producer", concat_text("pydl ", version())},
                                   {"functions", std::move(functions)},
                                   {"generators", std::move(generators)},
                                   {"class_names", array_of(data_.info.class_names)},
                                   {"preprocessing", std::move(preprocessing)}};
    file_.metadata["pydl.program"] = io::write_json(json);
    return std::move(file_);
  }

 private:
  // Chooses a name that does not collide with the names of the state, which the user chose.
  std::string add_tensor(const std::string& kind, const Tensor& tensor) {
    std::string name;
    do {
      name = concat_text(kind, ".", next_++);
    } while (data_.state.find(name) != nullptr);
    file_.tensors.emplace_back(name, tensor);
    return name;
  }

  Json function_json(const FunctionData& function) {
    const graph::Recording& recording = function.recording;
    Json::Array inputs;
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      const graph::RecordedArgument& argument = recording.arguments[i];
      inputs.push_back(Json::Object{{"name", function.inputs[i]},
                                    {"dtype", std::string(dtype_name(argument.dtype))},
                                    {"shape", json_of(argument.shape)}});
    }
    Json::Array states;
    for (const int state : function.states) {
      states.push_back(data_.state.tensors[static_cast<size_t>(state)].first);
    }
    Json::Array views;
    for (const graph::RecordedView& view : recording.views) {
      views.push_back(Json::Object{{"state", static_cast<int64_t>(view.state)},
                                   {"shape", json_of(view.shape)},
                                   {"strides", json_of(view.strides)},
                                   {"offset", view.offset}});
    }
    Json::Array constants;
    for (const graph::RecordedConstant& constant : recording.constants) constants.push_back(constant_json(constant));
    Json::Array calls;
    for (const RecordedCall& call : recording.calls) calls.push_back(json_of(call));
    return Json::Object{{"name", function.name},
                        {"inputs", std::move(inputs)},
                        {"outputs", array_of(function.outputs)},
                        {"result", function.result},
                        {"states", std::move(states)},
                        {"views", std::move(views)},
                        {"constants", std::move(constants)},
                        {"generators", array_of(function.generators)},
                        {"calls", std::move(calls)},
                        {"results", array_of(recording.outputs)}};
  }

  Json constant_json(const graph::RecordedConstant& constant) {
    if (!constant.number) return add_tensor("constant", constant.tensor);
    return Json::Object{{"dtype", std::string(dtype_name(constant.tensor.dtype()))},
                        {"number", json_of(*constant.number)}};
  }

  const ProgramData& data_;
  ParamSet file_;
  int next_ = 0;
};

}  // namespace

ParamSet write_program(const ProgramData& data) { return Writer(data).run(); }

}  // namespace pydl::saved
