// safetensors: 8 bytes with the length of the header, the header in JSON, then the elements of all tensors without
// gaps. https://github.com/huggingface/safetensors

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/file.h"
#include "io/json.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/params.h"

namespace pydl {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr uint64_t max_header_size = 100'000'000;
constexpr size_t alignment = 8;
constexpr const char* metadata_name = "__metadata__";

struct DTypeName {
  DType dtype;
  std::string_view name;
};

// In the order in which the reference implementation stores tensors: large elements first, which aligns all of them.
constexpr DTypeName dtype_names[dtype_count] = {
    {DType::int64, "I64"},     {DType::float64, "F64"},  {DType::float32, "F32"}, {DType::int32, "I32"},
    {DType::bfloat16, "BF16"}, {DType::float16, "F16"},  {DType::int16, "I16"},   {DType::int8, "I8"},
    {DType::uint8, "U8"},      {DType::boolean, "BOOL"},
};

int layout_rank(DType dtype) {
  const auto is_it = [&](const DTypeName& entry) { return entry.dtype == dtype; };
  return static_cast<int>(std::find_if(std::begin(dtype_names), std::end(dtype_names), is_it) - dtype_names);
}

// --- writing -----------------------------------------------------------------------------------------------

struct NamedTensor {
  std::string name;
  Tensor tensor;  // row-major, without history
};

std::vector<NamedTensor> in_layout_order(const ParamSet& params) {
  const GradMode without_history(false);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("save_params: tensor '", name, "' is undefined"));
    if (name == metadata_name) {
      throw ValueError(concat_text("save_params: no tensor can have the name '", name, "'"));
    }
    tensors.push_back({name, contiguous(tensor)});
  }
  std::sort(tensors.begin(), tensors.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return std::pair(layout_rank(a.tensor.dtype()), std::string_view(a.name)) <
           std::pair(layout_rank(b.tensor.dtype()), std::string_view(b.name));
  });
  return tensors;
}

void check_names_differ(const ParamSet& params) {
  std::vector<std::string_view> names;
  for (const auto& entry : params.tensors) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw ValueError(concat_text("save_params: there are two tensors '", *twice, "'"));
}

size_t byte_count(const Tensor& tensor) { return static_cast<size_t>(tensor.size()) * item_size(tensor.dtype()); }

std::string make_header(const std::vector<NamedTensor>& tensors, const ParamSet& params) {
  io::Json::Object header;
  if (!params.metadata.empty()) {
    io::Json::Object metadata;
    for (const auto& [key, value] : params.metadata) metadata.emplace_back(key, value);
    header.emplace_back(metadata_name, std::move(metadata));
  }
  int64_t offset = 0;
  for (const NamedTensor& entry : tensors) {
    const Tensor& tensor = entry.tensor;
    const int64_t end = offset + static_cast<int64_t>(byte_count(tensor));
    io::Json::Object description;
    description.emplace_back("dtype", std::string(dtype_names[layout_rank(tensor.dtype())].name));
    description.emplace_back("shape", io::Json::Array(tensor.shape().begin(), tensor.shape().end()));
    description.emplace_back("data_offsets", io::Json::Array{offset, end});
    header.emplace_back(entry.name, std::move(description));
    offset = end;
  }
  std::string text = io::write_json(header);
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  if (text.size() > max_header_size) {
    throw ValueError(concat_text("save_params: names and metadata take ", text.size(), " bytes, more than the ",
                                 max_header_size, " of the format"));
  }
  return text;
}

// --- reading -----------------------------------------------------------------------------------------------

/// The header's description of one tensor. Its own fields are consistent; overlaps with other tensors are not checked
/// yet.
struct Entry {
  std::string name;
  DType dtype;
  Dims shape;
  uint64_t begin;
  uint64_t end;
};

class Reader {
 public:
  /// `read(offset, to, count)` copies bytes of the file, which has `size` bytes.
  template <class Read>
  static ParamSet load(const std::string& name, uint64_t size, const Read& read) {
    const Reader reader(name);
    uint64_t header_size = 0;
    if (size < sizeof header_size) reader.fail(concat_text("it has ", size, " bytes, fewer than a header"));
    read(0, &header_size, sizeof header_size);
    if (header_size > max_header_size || header_size > size - sizeof header_size) {
      reader.fail(concat_text("the length of its header is given as ", header_size, " bytes; the file has ", size));
    }
    std::string header(header_size, '\0');
    read(sizeof header_size, header.data(), header_size);

    ParamSet params;
    const uint64_t data_begin = sizeof header_size + header_size;
    const std::vector<Entry> entries = reader.parse_header(header, params.metadata);
    reader.check_layout(entries, size - data_begin);
    for (const Entry& entry : entries) {
      Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
      read(data_begin + entry.begin, tensor.raw_data(), entry.end - entry.begin);
      if (entry.dtype == DType::boolean) reader.check_booleans(entry, tensor);
      params.tensors.emplace_back(entry.name, std::move(tensor));
    }
    return params;
  }

 private:
  explicit Reader(const std::string& name) : name_(name) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(concat_text("load_params: '", name_, "' is not a valid safetensors file: ", what));
  }
  [[noreturn]] void fail(const std::string& tensor, const std::string& what) const {
    fail(concat_text("tensor '", tensor, "': ", what));
  }

  std::vector<Entry> parse_header(const std::string& text, std::map<std::string, std::string>& metadata) const {
    if (!text.starts_with('{')) fail("its header does not begin with '{'");
    const io::Json header = parse_json(text);
    std::vector<Entry> entries;
    for (const auto& [name, value] : *header.get<io::Json::Object>()) {
      if (name == metadata_name) {
        metadata = parse_metadata(value);
      } else {
        entries.push_back(parse_entry(name, value));
      }
    }
    return entries;
  }

  io::Json parse_json(const std::string& text) const {
    try {
      return io::parse_json(text);
    } catch (const FormatError& error) {
      fail(concat_text("its header: ", error.what()));
    }
  }

  std::map<std::string, std::string> parse_metadata(const io::Json& json) const {
    const auto* members = json.get<io::Json::Object>();
    if (members == nullptr) fail("its metadata is not an object");
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : *members) {
      const auto* text = value.get<std::string>();
      if (text == nullptr) fail(concat_text("its metadata '", key, "' is not a string"));
      metadata.emplace(key, *text);
    }
    return metadata;
  }

  Entry parse_entry(const std::string& name, const io::Json& json) const {
    const auto* dtype = member<std::string>(name, json, "dtype", "a string");
    const auto* shape = member<io::Json::Array>(name, json, "shape", "a list");
    const auto* offsets = member<io::Json::Array>(name, json, "data_offsets", "a list");
    if (shape->size() > max_rank) {
      fail(name, concat_text("rank ", shape->size(), "; at most ", max_rank, " is supported"));
    }
    if (offsets->size() != 2) fail(name, concat_text("expected 2 data offsets, got ", offsets->size()));
    Entry entry{
        name, parse_dtype(name, *dtype), {}, parse_count(name, (*offsets)[0]), parse_count(name, (*offsets)[1])};
    for (const io::Json& size : *shape) entry.shape.push_back(static_cast<int64_t>(parse_count(name, size)));
    const uint64_t bytes = shape_bytes(entry);
    if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
      fail(name, concat_text("shape ", entry.shape, " of ", *dtype, " takes ", bytes, " bytes, its data offsets are ",
                             entry.begin, " and ", entry.end));
    }
    return entry;
  }

  template <class T>
  const T* member(const std::string& name, const io::Json& json, const char* key, const char* kind) const {
    const io::Json* value = json.find(key);
    if (value == nullptr) fail(name, concat_text("there is no '", key, "'"));
    const T* result = value->get<T>();
    if (result == nullptr) fail(name, concat_text("'", key, "' is not ", kind));
    return result;
  }

  DType parse_dtype(const std::string& name, std::string_view dtype) const {
    for (const DTypeName& entry : dtype_names) {
      if (entry.name == dtype) return entry.dtype;
    }
    fail(name, concat_text("dtype '", dtype, "' is not supported"));
  }

  uint64_t parse_count(const std::string& name, const io::Json& json) const {
    const auto* value = json.get<int64_t>();
    if (value == nullptr || *value < 0) fail(name, "its sizes and data offsets must be integers from 0 to 2^63 - 1");
    return static_cast<uint64_t>(*value);
  }

  uint64_t shape_bytes(const Entry& entry) const {
    int64_t bytes = static_cast<int64_t>(item_size(entry.dtype));
    bool empty = false;
    for (const int64_t size : entry.shape) {
      empty |= size == 0;
      // An empty tensor has strides too, which depend on its other axes.
      if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) {
        fail(entry.name, concat_text("shape ", entry.shape, " has too many elements"));
      }
    }
    return empty ? 0 : static_cast<uint64_t>(bytes);
  }

  /// The tensors must cover the data exactly: no overlaps, no gaps, nothing after the last one.
  void check_layout(const std::vector<Entry>& entries, uint64_t data_size) const {
    std::vector<const Entry*> sorted;
    for (const Entry& entry : entries) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(),
              [](const Entry* a, const Entry* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
    uint64_t end = 0;
    for (const Entry* entry : sorted) {
      if (entry->begin != end) {
        fail(entry->name, concat_text(entry->begin < end ? "its data overlaps that of another tensor"
                                                         : "there is a gap before its data",
                                      ": it begins at ", entry->begin, ", the data before it ends at ", end));
      }
      end = entry->end;
    }
    if (end != data_size) {
      fail(concat_text("its tensors take ", end, " bytes; ", data_size, " bytes follow the header"));
    }
  }

  void check_booleans(const Entry& entry, const Tensor& tensor) const {
    const auto* bytes = static_cast<const unsigned char*>(tensor.raw_data());
    if (std::any_of(bytes, bytes + tensor.size(), [](unsigned char byte) { return byte > 1; })) {
      fail(entry.name, "a BOOL element is neither 0 nor 1");
    }
  }

  const std::string& name_;
};

}  // namespace

const Tensor* ParamSet::find(const std::string& name) const {
  for (const auto& entry : tensors) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void save_params(const std::string& path, const ParamSet& params) {
  check_names_differ(params);
  const std::vector<NamedTensor> tensors = in_layout_order(params);
  const std::string header = make_header(tensors, params);
  const uint64_t header_size = header.size();
  io::OutputFile file("save_params", path);
  file.write(&header_size, sizeof header_size);
  file.write(header.data(), header.size());
  for (const NamedTensor& entry : tensors) file.write(entry.tensor.raw_data(), byte_count(entry.tensor));
  file.commit();
}

ParamSet load_params(const std::string& path) {
  const io::InputFile file("load_params", path);
  return Reader::load(path, file.size(),
                      [&](uint64_t offset, void* to, size_t count) { file.read(offset, to, count); });
}

ParamSet parse_params(const char* bytes, size_t size, const std::string& name) {
  if (bytes == nullptr && size > 0) {
    throw ValueError(concat_text(name, ": expected the ", size, " bytes of a file, got a null pointer"));
  }
  return Reader::load(name, size, [&](uint64_t offset, void* to, size_t count) {
    if (count > 0) std::memcpy(to, bytes + offset, count);
  });
}

}  // namespace pydl
