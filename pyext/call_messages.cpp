// How Python sees the functions of this module: signatures for `inspect`, PyTorch's names of arguments, and
// messages for calls that fail. A successful call costs one additional C function call.
#include "call_messages.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pydl::python {

namespace {

using Method = PyObject* (*)(PyObject*, PyObject* const*, size_t, PyObject*);
using Record = py::detail::function_record;

// pybind11's function that calls the bound functions; it is the same for all of them.
Method dispatch = nullptr;

// --- signatures --------------------------------------------------------------------------------------------------

// The parameters of a signature as pybind11 writes it, `(x: Tensor, axis: int | None = None) -> Tensor`.
std::vector<std::string> parameters_of(std::string_view signature) {
  std::vector<std::string> parameters;
  std::string current;
  int depth = 0;
  char quote = 0;
  for (const char c : signature.substr(1)) {
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (depth > 0 && (c == ')' || c == ']' || c == '}')) {
      --depth;
    } else if (depth == 0 && (c == ',' || c == ')')) {
      if (!current.empty()) parameters.push_back(current);
      current.clear();
      if (c == ')') break;
      continue;
    }
    if (c != ' ' || !current.empty()) current += c;
  }
  return parameters;
}

// A parameter without its type. `inspect` accepts only literals as defaults, so a dtype is replaced by its name, which
// is equivalent.
std::string untyped(const std::string& parameter) {
  const size_t colon = parameter.find(": ");
  if (colon == std::string::npos) return parameter;
  const size_t equals = parameter.find(" = ", colon);
  if (equals == std::string::npos) return parameter.substr(0, colon);
  std::string value = parameter.substr(equals + 3);
  if (value.rfind("pydl.", 0) == 0) value = "'" + value.substr(5) + "'";
  return parameter.substr(0, colon) + "=" + value;
}

// `sum(x, axis=None, keepdims=False)`, in the form that CPython expects before a docstring.
std::string text_signature(const Record& record) {
  std::string text = std::string(record.name) + "(";
  const std::vector<std::string> parameters = parameters_of(record.signature);
  for (size_t i = 0; i < parameters.size(); ++i) text += (i > 0 ? ", " : "") + untyped(parameters[i]);
  return text + ")\n--\n\n";
}

// --- other spellings ---------------------------------------------------------------------------------------------

struct Spelling {
  const char* text;
  const char* our_text;
  PyObject* other = nullptr;  // interned
  PyObject* ours = nullptr;
};

// PyTorch's names for what is the same with us, for functions that have a parameter of our name and none of the other.
// Functions of this module know the first two. Other names of other libraries lead to an error that names ours.
Spelling spellings[] = {{"dim", "axis"},
                        {"keepdim", "keepdims"},
                        {"dim", "axes"},
                        {"start_dim", "start_axis"},
                        {"end_dim", "end_axis"},
                        {"in_dims", "in_axes"},
                        {"out_dims", "out_axes"},
                        {"params", "parameters"},
                        {"parameters", "values"},
                        {"param", "parameter"},
                        {"val", "value"},
                        {"a", "low"},
                        {"b", "high"}};
constexpr size_t spellings_of_core = 2;

// Names of arguments in calls are interned, so comparing addresses is enough.
bool has_other_spelling(PyObject* names) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    for (size_t j = 0; j < spellings_of_core; ++j) {
      if (PyTuple_GET_ITEM(names, i) == spellings[j].other) return true;
    }
  }
  return false;
}

bool has_parameter(const Record& record, const char* name) {
  for (const auto& argument : record.args) {
    if (argument.name != nullptr && std::strcmp(argument.name, name) == 0) return true;
  }
  if (!record.has_args) return false;
  // Functions of declared ops (declared_ops.cpp) have their parameters in the signature only.
  for (const std::string& parameter : parameters_of(record.signature)) {
    if (parameter.starts_with(std::string(name) + ":")) return true;
  }
  return false;
}

// Our name for an argument; null where it stays.
PyObject* our_name(const std::function<bool(const char*)>& has_parameter, PyObject* name, PyObject* names) {
  for (const Spelling& spelling : spellings) {
    if (PyUnicode_Compare(name, spelling.other) != 0 || has_parameter(spelling.text)) continue;
    if (has_parameter(spelling.our_text) && PySequence_Contains(names, spelling.ours) == 0) return spelling.ours;
  }
  return nullptr;
}

// --- messages ----------------------------------------------------------------------------------------------------

// The function of the package that explains errors; null until it is set.
PyObject* explainer = nullptr;

// The message of an error in terms of the user's call, None to leave it unchanged, or another error to raise.
py::object explained_message(py::handle scope, const char* name, const py::list& signatures,
                             const py::tuple& positional, const py::dict& keywords, const py::str& message) {
  if (explainer == nullptr) return py::none();
  return py::handle(explainer)(scope, name, signatures, positional, keywords, message);
}

bool is_explained(py::handle type) {
  for (PyObject* known : {PyExc_TypeError, PyExc_ValueError, PyExc_IndexError, PyExc_RuntimeError, PyExc_MemoryError,
                          PyExc_OverflowError}) {
    if (type.ptr() == known) return true;
  }
  return false;
}

// Replaces the message of the error by one that names the function as the user knows it. Errors with a traceback come
// from Python code that was called, and are not changed.
void explain(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  py::error_already_set error;
  try {
    if (!is_explained(error.type()) || error.trace()) return error.restore();
    const Record& record = *py::detail::function_record_ptr_from_PyObject(self);
    const auto [positional, keywords] = call_arguments(args, nargsf, names);
    py::list signatures;
    for (const Record* each = &record; each != nullptr; each = each->next) signatures.append(py::str(each->signature));
    const py::object message =
        explained_message(record.scope, record.name, signatures, positional, keywords, py::str(error.value()));
    if (message.is_none()) return error.restore();
    const bool is_error = PyExceptionInstance_Check(message.ptr()) != 0;
    PyErr_SetObject(is_error ? reinterpret_cast<PyObject*>(Py_TYPE(message.ptr())) : error.type().ptr(), message.ptr());
  } catch (py::error_already_set& other) {
    // The original error matters more than its explanation.
    other.discard_as_unraisable("an explanation of an error by pydl");
    error.restore();
  }
}

PyObject* call_and_explain(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  PyObject* result = dispatch(self, args, nargsf, names);
  if (result == nullptr) explain(self, args, nargsf, names);
  return result;
}

PyObject* call_respelt(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  try {
    const Record& record = *py::detail::function_record_ptr_from_PyObject(self);
    const py::object ours = respelt([&](const char* name) { return has_parameter(record, name); }, names);
    return call_and_explain(self, args, nargsf, ours ? ours.ptr() : names);
  } catch (py::error_already_set& error) {
    error.restore();
    return nullptr;
  }
}

// --- PyTorch's order of arguments ----------------------------------------------------------------------------------

// Whether an axis may be where pydl's `gather(x, index, axis)` and its like have the index.
bool may_have_axis_second(PyObject* const* args, size_t nargsf, PyObject* names) {
  // Beside a named axis, the second argument is a mistake.
  if (names != nullptr && PySequence_Contains(names, spellings[0].ours) != 0) return false;
  return PyVectorcall_NARGS(nargsf) >= 3 && PyLong_CheckExact(args[1]) != 0 && PyLong_Check(args[2]) == 0 &&
         args[2] != Py_None;
}

// Whether the function has the parameters (x, index, ..., axis).
bool has_axis_after_index(const Record& record) {
  const std::vector<std::string> parameters = parameters_of(record.signature);
  return parameters.size() >= 3 && parameters[1].starts_with("index:") &&
         std::any_of(parameters.begin() + 2, parameters.end(),
                     [](const std::string& parameter) { return parameter.starts_with("axis:"); });
}

// Calls with the second argument as the keyword `axis`.
PyObject* call_with_axis(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  const auto count = static_cast<size_t>(PyVectorcall_NARGS(nargsf));
  const size_t named = names == nullptr ? 0 : static_cast<size_t>(PyTuple_GET_SIZE(names));
  std::vector<PyObject*> arguments{args[0]};
  arguments.insert(arguments.end(), args + 2, args + count + named);
  arguments.push_back(args[1]);
  py::tuple keywords(named + 1);
  for (size_t i = 0; i < named; ++i) {
    keywords[i] = py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(names, static_cast<Py_ssize_t>(i)));
  }
  keywords[named] = py::str("axis");
  return call_and_explain(self, arguments.data(), count - 1, keywords.ptr());
}

PyObject* call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) noexcept {
  if (may_have_axis_second(args, nargsf, names)) {
    try {
      if (has_axis_after_index(*py::detail::function_record_ptr_from_PyObject(self))) {
        return call_with_axis(self, args, nargsf, names);
      }
    } catch (const std::exception& error) {
      PyErr_SetString(PyExc_RuntimeError, error.what());
      return nullptr;
    }
  }
  const bool respells = names != nullptr && has_other_spelling(names);
  return respells ? call_respelt(self, args, nargsf, names) : call_and_explain(self, args, nargsf, names);
}

// --- all functions -----------------------------------------------------------------------------------------------

void improve(py::handle object) {
  PyObject* function =
      PyInstanceMethod_Check(object.ptr()) != 0 ? PyInstanceMethod_GET_FUNCTION(object.ptr()) : object.ptr();
  if (PyCFunction_Check(function) == 0) return;
  const Record* record = py::detail::function_record_ptr_from_PyObject(PyCFunction_GET_SELF(function));
  if (record == nullptr || record->signature == nullptr) return;
  PyMethodDef* definition = reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
  const auto method = reinterpret_cast<Method>(reinterpret_cast<void (*)()>(definition->ml_meth));
  // Another version of pybind11 may call functions in another way; a test would detect that.
  if (definition->ml_flags != (METH_FASTCALL | METH_KEYWORDS) || method == &call) return;
  dispatch = method;
  definition->ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call));
  const std::string doc = text_signature(*record) + (definition->ml_doc != nullptr ? definition->ml_doc : "");
  std::free(const_cast<char*>(definition->ml_doc));  // allocated by pybind11 with strdup; it frees the new string too
  definition->ml_doc = strdup(doc.c_str());
}

void improve_members(py::handle dictionary) {
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dictionary.ptr(), &position, &name, &value) != 0) {
    improve(value);
    if (PyType_Check(value) == 0) continue;
    PyObject* member = nullptr;
    Py_ssize_t next = 0;
    PyObject* members = reinterpret_cast<PyTypeObject*>(value)->tp_dict;
    while (PyDict_Next(members, &next, &name, &member) != 0) improve(member);
  }
}

}  // namespace

CallArguments call_arguments(PyObject* const* args, size_t nargsf, PyObject* names) {
  const auto count = static_cast<size_t>(PyVectorcall_NARGS(nargsf));
  py::tuple positional(count);
  for (size_t i = 0; i < count; ++i) positional[i] = py::reinterpret_borrow<py::object>(args[i]);
  py::dict keywords;
  for (size_t i = 0; names != nullptr && i < static_cast<size_t>(PyTuple_GET_SIZE(names)); ++i) {
    keywords[py::handle(PyTuple_GET_ITEM(names, static_cast<Py_ssize_t>(i)))] = py::handle(args[count + i]);
  }
  return {positional, keywords};
}

py::object respelt(const std::function<bool(const char*)>& has_parameter, PyObject* names) {
  py::tuple result(static_cast<size_t>(PyTuple_GET_SIZE(names)));
  bool changes = false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    PyObject* ours = our_name(has_parameter, name, names);
    changes = changes || ours != nullptr;
    result[static_cast<size_t>(i)] = py::reinterpret_borrow<py::object>(ours != nullptr ? ours : name);
  }
  return changes ? py::object(result) : py::object();
}

void refuse_constructor(const char* name, const char* signature, PyObject* args, PyObject* kwargs) {
  const py::dict keywords = kwargs != nullptr ? py::reinterpret_borrow<py::dict>(kwargs) : py::dict();
  py::list signatures;
  signatures.append(py::str(signature));
  const std::string plain = std::string(name) + ": incompatible constructor arguments; expected " + signature;
  const py::object message = explained_message(py::none(), name, signatures, py::reinterpret_borrow<py::tuple>(args),
                                               keywords, py::str(plain));
  throw py::type_error(!py::isinstance<py::str>(message) ? plain : message.cast<std::string>());
}

void improve_calls(py::module_& module) {
  for (Spelling& spelling : spellings) {
    spelling.other = PyUnicode_InternFromString(spelling.text);
    spelling.ours = PyUnicode_InternFromString(spelling.our_text);
  }
  module.def(
      "_set_explainer",
      [](py::object function) {
        Py_XDECREF(explainer);
        explainer = function.release().ptr();
      },
      py::arg("function"), "Sets the function that explains errors in terms of the user's call.");
  improve_members(module.attr("__dict__"));
  for (const char* name : {"nn", "optim", "io", "linalg", "random"}) {
    improve_members(module.attr(name).attr("__dict__"));
  }
}

}  // namespace pydl::python
