// The C interface: handles, plain structs, and error codes.
#include "pydl/c_api.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "pydl/ops.h"
#include "pydl/saved_program.h"
#include "pydl/version.h"

struct pydl_program {
  pydl::SavedProgram saved;
};

namespace {

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;

static_assert(PYDL_MAX_RANK == pydl::max_rank);

thread_local std::string last_error;

struct DTypeNumber {
  DType dtype;
  pydl_dtype number;
};
constexpr DTypeNumber dtype_numbers[] = {
    {DType::boolean, PYDL_BOOL},    {DType::uint8, PYDL_UINT8},       {DType::int8, PYDL_INT8},
    {DType::int16, PYDL_INT16},     {DType::int32, PYDL_INT32},       {DType::int64, PYDL_INT64},
    {DType::float16, PYDL_FLOAT16}, {DType::bfloat16, PYDL_BFLOAT16}, {DType::float32, PYDL_FLOAT32},
    {DType::float64, PYDL_FLOAT64},
};
static_assert(std::size(dtype_numbers) == pydl::dtype_count);

int32_t number_of(DType dtype) {
  for (const DTypeNumber& entry : dtype_numbers) {
    if (entry.dtype == dtype) return entry.number;
  }
  return -1;
}

DType dtype_of(int32_t number) {
  for (const DTypeNumber& entry : dtype_numbers) {
    if (entry.number == number) return entry.dtype;
  }
  throw pydl::TypeError(pydl::concat_text("there is no dtype number ", number));
}

pydl_status failed(pydl_status status, const char* message) {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

// Converts exceptions into status codes; none leaves the C interface.
template <class Call>
pydl_status guarded(const Call& call) {
  try {
    call();
    return PYDL_OK;
  } catch (const pydl::FormatError& error) {
    return failed(PYDL_ERROR_FORMAT, error.what());
  } catch (const pydl::FileError& error) {
    return failed(PYDL_ERROR_FILE, error.what());
  } catch (const pydl::ValueError& error) {
    return failed(PYDL_ERROR_VALUE, error.what());
  } catch (const pydl::OverflowError& error) {
    return failed(PYDL_ERROR_VALUE, error.what());
  } catch (const pydl::TypeError& error) {
    return failed(PYDL_ERROR_TYPE, error.what());
  } catch (const pydl::IndexError& error) {
    return failed(PYDL_ERROR_INDEX, error.what());
  } catch (const pydl::MemoryError& error) {
    return failed(PYDL_ERROR_MEMORY, error.what());
  } catch (const std::bad_alloc&) {
    return failed(PYDL_ERROR_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(PYDL_ERROR, error.what());
  } catch (...) {
    return failed(PYDL_ERROR, "an unknown error");
  }
}

void require(const void* pointer, const char* what) {
  if (pointer == nullptr) throw pydl::ValueError(pydl::concat_text("expected ", what, ", got NULL"));
}

template <class Make>
pydl_program* loaded(const Make& make) {
  pydl_program* program = nullptr;
  guarded([&] { program = new pydl_program{make()}; });
  return program;
}

Dims shape_of(const pydl_tensor& tensor) {
  if (tensor.rank < 0 || tensor.rank > PYDL_MAX_RANK) {
    throw pydl::ValueError(pydl::concat_text("expected a rank of 0 to ", PYDL_MAX_RANK, ", got ", tensor.rank));
  }
  return Dims(std::span(tensor.shape, static_cast<size_t>(tensor.rank)));
}

size_t byte_count(const Tensor& tensor) { return static_cast<size_t>(tensor.size()) * item_size(tensor.dtype()); }

// A tensor that shares the caller's elements for the duration of a call.
Tensor borrowed(const pydl_tensor& tensor) {
  const Dims shape = shape_of(tensor);
  for (const int64_t size : shape) {
    if (size < 0) throw pydl::ValueError(pydl::concat_text("a tensor has shape ", shape));
  }
  // Does not use the element count, which may overflow.
  if (std::find(shape.begin(), shape.end(), 0) == shape.end()) require(tensor.data, "elements of an input");
  return Tensor::from_memory(tensor.data, shape, pydl::contiguous_strides(shape), dtype_of(tensor.dtype), [] {}, false);
}

void fill_in(const Tensor& from, int32_t* dtype, int32_t* rank, int64_t* shape) {
  *dtype = number_of(from.dtype());
  *rank = from.rank();
  std::copy(from.shape().begin(), from.shape().end(), shape);
}

void give(const Tensor& result, const char* name, pydl_tensor& to) {
  const Tensor elements = pydl::contiguous(result.detach());
  const size_t bytes = byte_count(elements);
  if (to.data == nullptr) {
    to = {};
    to.data = std::malloc(std::max<size_t>(bytes, 1));
    if (to.data == nullptr) throw std::bad_alloc();
    fill_in(elements, &to.dtype, &to.rank, to.shape);
  } else if (dtype_of(to.dtype) != elements.dtype() || shape_of(to) != elements.shape()) {
    throw pydl::ValueError(pydl::concat_text("result '", name, "': expected memory for ", elements.dtype(),
                                             " of shape ", elements.shape(), ", got ", dtype_of(to.dtype), " of shape ",
                                             shape_of(to)));
  }
  if (bytes > 0) std::memcpy(to.data, elements.raw_data(), bytes);
}

const pydl::FunctionInfo& function_of(const pydl_program* program, const char* name) {
  require(program, "a program");
  return name == nullptr ? program->saved.functions().front() : program->saved.function(name);
}

void describe(const std::vector<pydl::TensorInfo>& tensors, size_t index, pydl_tensor_info* info) {
  require(info, "a position for the description");
  if (index >= tensors.size()) {
    throw pydl::IndexError(pydl::concat_text("tensor ", index, " of ", tensors.size()));
  }
  const pydl::TensorInfo& tensor = tensors[index];
  *info = {};
  info->name = tensor.name.c_str();
  info->dtype = number_of(tensor.dtype);
  info->rank = tensor.shape.rank();
  std::copy(tensor.shape.begin(), tensor.shape.end(), info->shape);
}

const Tensor& state_of(const pydl_program* program, const char* name) {
  require(program, "a program");
  require(name, "a name");
  const Tensor* tensor = program->saved.state().find(name);
  if (tensor == nullptr) throw pydl::ValueError(pydl::concat_text("there is no parameter or state '", name, "'"));
  return *tensor;
}

std::vector<Tensor> run(pydl_program* program, const std::string& function, const pydl_tensor* inputs, size_t count) {
  if (count > 0) require(inputs, "inputs");
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < count; ++i) tensors.push_back(borrowed(inputs[i]));
  return program->saved.run(function, tensors);
}

}  // namespace

extern "C" {

int32_t pydl_c_api_version(void) { return PYDL_C_API_VERSION; }
const char* pydl_library_version(void) { return pydl::version(); }
const char* pydl_last_error(void) { return last_error.c_str(); }

pydl_program* pydl_load(const char* path) { return pydl_load_limited(path, pydl::LoadOptions{}.max_operations); }

pydl_program* pydl_load_memory(const void* bytes, size_t size) {
  return pydl_load_memory_limited(bytes, size, pydl::LoadOptions{}.max_operations);
}

pydl_program* pydl_load_limited(const char* path, int64_t max_operations) {
  return loaded([&] {
    require(path, "a path");
    return pydl::SavedProgram::load(path, {max_operations});
  });
}

pydl_program* pydl_load_memory_limited(const void* bytes, size_t size, int64_t max_operations) {
  return loaded([&] {
    require(bytes, "a file's bytes");
    return pydl::SavedProgram::parse(static_cast<const char*>(bytes), size, "memory", {max_operations});
  });
}

pydl_status pydl_save(const pydl_program* program, const char* path) {
  return guarded([&] {
    require(program, "a program");
    require(path, "a path");
    program->saved.save(path);
  });
}

void pydl_free(pydl_program* program) { delete program; }

size_t pydl_function_count(const pydl_program* program) {
  return program == nullptr ? 0 : program->saved.functions().size();
}

const char* pydl_function_name(const pydl_program* program, size_t index) {
  return index < pydl_function_count(program) ? program->saved.functions()[index].name.c_str() : nullptr;
}

pydl_status pydl_counts(const pydl_program* program, const char* function, size_t* inputs, size_t* outputs) {
  return guarded([&] {
    const pydl::FunctionInfo& info = function_of(program, function);
    if (inputs != nullptr) *inputs = info.inputs.size();
    if (outputs != nullptr) *outputs = info.outputs.size();
  });
}

pydl_status pydl_input(const pydl_program* program, const char* function, size_t index, pydl_tensor_info* info) {
  return guarded([&] { describe(function_of(program, function).inputs, index, info); });
}

pydl_status pydl_output(const pydl_program* program, const char* function, size_t index, pydl_tensor_info* info) {
  return guarded([&] { describe(function_of(program, function).outputs, index, info); });
}

size_t pydl_class_count(const pydl_program* program) {
  return program == nullptr ? 0 : program->saved.info().class_names.size();
}

const char* pydl_class_name(const pydl_program* program, size_t index) {
  return index < pydl_class_count(program) ? program->saved.info().class_names[index].c_str() : nullptr;
}

pydl_status pydl_run(pydl_program* program, const char* function, const pydl_tensor* inputs, size_t input_count,
                     pydl_tensor* outputs, size_t output_count) {
  return guarded([&] {
    const pydl::FunctionInfo& info = function_of(program, function);
    if (output_count > 0) require(outputs, "positions for outputs");
    if (output_count != info.outputs.size()) {
      throw pydl::ValueError(pydl::concat_text(info.name, ": expected positions for ", info.outputs.size(),
                                               " outputs, got ", output_count));
    }
    const std::vector<Tensor> results = run(program, info.name, inputs, input_count);
    for (size_t i = 0; i < results.size(); ++i) give(results[i], info.outputs[i].name.c_str(), outputs[i]);
  });
}

pydl_status pydl_train(pydl_program* program, const pydl_tensor* inputs, size_t input_count, double* loss) {
  return guarded([&] {
    require(program, "a program");
    std::string name = program->saved.functions().front().name;
    for (const pydl::FunctionInfo& function : program->saved.functions()) {
      if (function.name == "train") name = function.name;
    }
    const std::vector<Tensor> results = run(program, name, inputs, input_count);
    if (results.empty() || results[0].size() != 1) {
      throw pydl::ValueError(pydl::concat_text(name, ": its first result is not a loss, one number"));
    }
    if (loss != nullptr) *loss = results[0].item();
  });
}

void pydl_tensor_clear(pydl_tensor* tensor) {
  if (tensor == nullptr) return;
  std::free(tensor->data);
  *tensor = {};
}

size_t pydl_state_count(const pydl_program* program) {
  return program == nullptr ? 0 : program->saved.state().tensors.size();
}

const char* pydl_state_name(const pydl_program* program, size_t index) {
  return index < pydl_state_count(program) ? program->saved.state().tensors[index].first.c_str() : nullptr;
}

pydl_status pydl_get_state(const pydl_program* program, const char* name, pydl_tensor* value) {
  return guarded([&] {
    const Tensor& state = state_of(program, name);
    require(value, "a position for the value");
    give(state, name, *value);
  });
}

pydl_status pydl_set_state(pydl_program* program, const char* name, const pydl_tensor* value) {
  return guarded([&] {
    const Tensor state = state_of(program, name).detach();
    require(value, "a value");
    const Tensor given = borrowed(*value);
    if (given.dtype() != state.dtype() || given.shape() != state.shape()) {
      throw pydl::ValueError(pydl::concat_text(name, ": expected ", state.dtype(), " of shape ", state.shape(),
                                               ", got ", given.dtype(), " of shape ", given.shape()));
    }
    pydl::assign(state, given);
  });
}

}  // extern "C"
