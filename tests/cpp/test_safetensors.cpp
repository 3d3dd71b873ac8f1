// safetensors files: what is written is read again, and nothing malformed is accepted.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "io/file.h"
#include "io/json.h"
#include "pydl/params.h"
#include "support.h"

using pydl::DType;
using pydl::FileError;
using pydl::FormatError;
using pydl::ParamSet;
using pydl::Tensor;

namespace {

/// A folder that is gone after the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pydl-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw FileError("mkdtemp failed");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const char* name) const { return (path_ / name).string(); }
  long file_count() const {
    return std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator());
  }

 private:
  std::filesystem::path path_;
};

std::string with_length(const std::string& header, const std::string& data = "") {
  const uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + data;
}

ParamSet parse(const std::string& bytes) { return pydl::parse_params(bytes.data(), bytes.size(), "test"); }

ParamSet parse_header(const std::string& header, size_t data_size) {
  return parse(with_length(header, std::string(data_size, '\0')));
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

ParamSet sample() {
  ParamSet params;
  params.tensors.emplace_back("layer.weight", support::random_doubles({3, 4}));
  params.tensors.emplace_back("flags", pydl::ones({5}, DType::boolean));
  params.tensors.emplace_back("step", Tensor::scalar(7, DType::int64));
  params.tensors.emplace_back("none", pydl::zeros({0, 3}));
  params.metadata["format"] = "pydl \"quoted\" \n \x01 ümläut";
  return params;
}

}  // namespace

TEST(round_trip_of_every_dtype) {
  const TemporaryFolder folder;
  ParamSet params = sample();
  for (int i = 0; i < pydl::dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    const Tensor values = pydl::astype(pydl::arange(0, 6, 1, DType::int64), dtype);
    params.tensors.emplace_back("as_" + std::string(pydl::dtype_name(dtype)), pydl::reshape(values, {2, 3}));
  }
  pydl::save_params(folder.file("a.safetensors"), params);
  const ParamSet loaded = pydl::load_params(folder.file("a.safetensors"));
  CHECK_EQUAL(loaded.tensors.size(), params.tensors.size());
  CHECK(loaded.metadata == params.metadata);
  for (const auto& [name, tensor] : params.tensors) {
    const Tensor* other = loaded.find(name);
    CHECK(other != nullptr);
    CHECK_EQUAL(other->dtype(), tensor.dtype());
    CHECK_TENSORS_CLOSE(*other, tensor, 0);
  }
  CHECK(loaded.find("absent") == nullptr);
}

TEST(data_are_aligned_and_strided_tensors_are_written_row_major) {
  const TemporaryFolder folder;
  ParamSet params = sample();
  const Tensor transposed = pydl::matrix_transpose(support::random_doubles({2, 3}));
  params.tensors.emplace_back("transposed", transposed);
  pydl::save_params(folder.file("a"), params);
  const std::string bytes = read_file(folder.file("a"));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  CHECK_EQUAL(length % 8, 0U);
  CHECK_TENSORS_CLOSE(*pydl::load_params(folder.file("a")).find("transposed"), transposed, 0);
}

TEST(an_existing_file_is_replaced_and_nothing_else_is_left) {
  const TemporaryFolder folder;
  pydl::save_params(folder.file("a"), sample());
  CHECK_EQUAL(chmod(folder.file("a").c_str(), 0640), 0);
  ParamSet params;
  params.tensors.emplace_back("x", pydl::ones({2}));
  pydl::save_params(folder.file("a"), params);
  CHECK_EQUAL(pydl::load_params(folder.file("a")).tensors.size(), 1U);
  CHECK_EQUAL(folder.file_count(), 1);
  struct stat status{};
  CHECK_EQUAL(stat(folder.file("a").c_str(), &status), 0);
  CHECK_EQUAL(status.st_mode & 0777U, 0640U);
}

TEST(a_symbolic_link_stays_a_link) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("target", folder.file("link"));
  pydl::save_params(folder.file("link"), sample());
  CHECK(std::filesystem::is_symlink(folder.file("link")));
  CHECK_EQUAL(pydl::load_params(folder.file("target")).tensors.size(), 4U);
}

TEST(a_pipe_is_written_to_and_stays_one) {
  const TemporaryFolder folder;
  const ParamSet params = sample();
  pydl::save_params(folder.file("a"), params);
  CHECK_EQUAL(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = read_file(folder.file("pipe")); });
  pydl::save_params(folder.file("pipe"), params);
  reader.join();
  CHECK(received == read_file(folder.file("a")));
  CHECK(std::filesystem::is_fifo(folder.file("pipe")));
}

TEST(names_as_long_as_the_system_lets_them) {
  const TemporaryFolder folder;
  pydl::save_params(folder.file(std::string(255, 'n').c_str()), sample());
  CHECK_EQUAL(folder.file_count(), 1);
  CHECK_THROWS(FileError, "cannot write", pydl::save_params(folder.file(std::string(256, 'n').c_str()), sample()));
}

TEST(temporary_files_of_the_dead_are_removed) {
  const TemporaryFolder folder;
  std::ofstream(folder.file(".pydl-1-0.tmp")) << "half";
  const pydl::io::OutputFile living("test", folder.file("living"));
  pydl::save_params(folder.file("a"), sample());
  CHECK(!std::filesystem::exists(folder.file(".pydl-1-0.tmp")));
  CHECK_EQUAL(folder.file_count(), 2);  // and the one that is being written
}

TEST(errors_know_their_file) {
  try {
    pydl::load_params("/nonexistent/file");
    CHECK(false);
  } catch (const FileError& error) {
    CHECK_EQUAL(error.error_number(), ENOENT);
    CHECK_EQUAL(error.path(), "/nonexistent/file");
    CHECK_EQUAL(error.reason(), "cannot open: No such file or directory");
    CHECK_EQUAL(std::string(error.what()), "load_params: cannot open '/nonexistent/file': No such file or directory");
  }
}

TEST(a_failed_save_leaves_the_old_file_and_no_other) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("a"));
  CHECK_THROWS(FileError, "save_params: cannot write", pydl::save_params(folder.file("a"), sample()));
  CHECK_EQUAL(folder.file_count(), 1);
  CHECK_THROWS(FileError, "No such file", pydl::save_params(folder.file("absent/a"), sample()));
}

TEST(what_cannot_be_saved) {
  const TemporaryFolder folder;
  ParamSet params = sample();
  params.tensors.push_back(params.tensors[0]);
  CHECK_THROWS(pydl::ValueError, "two tensors 'layer.weight'", pydl::save_params(folder.file("a"), params));
  params.tensors = {{"__metadata__", pydl::ones({1})}};
  CHECK_THROWS(pydl::ValueError, "__metadata__", pydl::save_params(folder.file("a"), params));
  params.tensors = {{"\xff", pydl::ones({1})}};
  CHECK_THROWS(pydl::ValueError, "UTF-8", pydl::save_params(folder.file("a"), params));
  params.tensors = {{"x", Tensor()}};
  CHECK_THROWS(pydl::ValueError, "'x' is undefined", pydl::save_params(folder.file("a"), params));
  CHECK_EQUAL(folder.file_count(), 0);
}

TEST(files_that_cannot_be_read) {
  const TemporaryFolder folder;
  CHECK_THROWS(FileError, "No such file", pydl::load_params(folder.file("absent")));
  CHECK_THROWS(FileError, "directory", pydl::load_params(folder.file("")));
  try {
    pydl::load_params(folder.file("absent"));
  } catch (const FileError& error) {
    CHECK_EQUAL(error.error_number(), ENOENT);
  }
}

TEST(any_order_of_the_data_is_read) {
  const std::string header =
      R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}  )";
  const ParamSet params = parse(with_length(header, "\x05\x06\x07"));
  CHECK_EQUAL(params.tensors[0].first, "b");
  CHECK_EQUAL(params.find("a")->item_int(), 5);
  CHECK_TENSORS_CLOSE(*params.find("b"), support::doubles({6, 7}, {2}), 0);
  CHECK_EQUAL(parse(with_length("{}")).tensors.size(), 0U);
}

TEST(malformed_lengths) {
  CHECK_THROWS(FormatError, "fewer than a header", parse(""));
  CHECK_THROWS(FormatError, "fewer than a header", parse("1234567"));
  CHECK_THROWS(FormatError, "the length of its header is given as", parse(with_length("{}").substr(0, 9)));
  CHECK_THROWS(FormatError, "the length of its header is given as", parse(std::string(8, '\xff')));
  std::string huge = with_length("{}");
  const uint64_t length = 100'000'001;
  std::memcpy(huge.data(), &length, sizeof length);
  huge.resize(length + 8, ' ');
  CHECK_THROWS(FormatError, "100000001 bytes", parse(huge));
  CHECK_THROWS(FormatError, "does not begin with '{'", parse(with_length("")));
  CHECK_THROWS(FormatError, "does not begin with '{'", parse(with_length(" {}")));
}

TEST(malformed_entries) {
  const auto entry = [](const std::string& description) { return R"({"x":)" + description + "}"; };
  CHECK_THROWS(FormatError, "there is no 'dtype'", parse_header(entry("{}"), 0));
  CHECK_THROWS(FormatError, "there is no 'dtype'", parse_header(entry("3"), 0));
  CHECK_THROWS(FormatError, "dtype 'F8' is not supported",
               parse_header(entry(R"({"dtype":"F8","shape":[],"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "'dtype' is not a string",
               parse_header(entry(R"({"dtype":8,"shape":[],"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "'shape' is not a list",
               parse_header(entry(R"({"dtype":"U8","shape":1,"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "expected 2 data offsets",
               parse_header(entry(R"({"dtype":"U8","shape":[],"data_offsets":[0]})"), 1));
  CHECK_THROWS(FormatError, "must be integers",
               parse_header(entry(R"({"dtype":"U8","shape":[1.5],"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "must be integers",
               parse_header(entry(R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "must be integers",
               parse_header(entry(R"({"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775808]})"), 1));
  CHECK_THROWS(FormatError, "rank 9",
               parse_header(entry(R"({"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]})"), 1));
  CHECK_THROWS(FormatError, "too many elements",
               parse_header(entry(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})"), 0));
  CHECK_THROWS(FormatError, "too many elements",
               parse_header(entry(R"({"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]})"), 0));
  CHECK_THROWS(FormatError, "takes 8 bytes",
               parse_header(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), 4));
  CHECK_THROWS(FormatError, "takes 4 bytes",
               parse_header(entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"), 4));
  CHECK_THROWS(FormatError, "metadata is not an object", parse_header(R"({"__metadata__":[]})", 0));
  CHECK_THROWS(FormatError, "metadata 'a' is not a string", parse_header(R"({"__metadata__":{"a":1}})", 0));
  CHECK_THROWS(FormatError, "neither 0 nor 1",
               parse(with_length(entry(R"({"dtype":"BOOL","shape":[1],"data_offsets":[0,1]})"), "\x02")));
}

TEST(malformed_layouts) {
  const auto two = [](const char* first, const char* second) {
    return std::string(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)") + first +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}";
  };
  CHECK_EQUAL(parse_header(two("[2,4]", "[0,2]"), 4).tensors.size(), 2U);
  CHECK_THROWS(FormatError, "overlap", parse_header(two("[0,2]", "[1,3]"), 4));
  CHECK_THROWS(FormatError, "overlap", parse_header(two("[0,2]", "[0,2]"), 4));
  CHECK_THROWS(FormatError, "a gap", parse_header(two("[0,2]", "[3,5]"), 5));
  CHECK_THROWS(FormatError, "a gap", parse_header(two("[1,3]", "[3,5]"), 5));
  CHECK_THROWS(FormatError, "its tensors take 4 bytes; 3 bytes", parse_header(two("[0,2]", "[2,4]"), 3));
  CHECK_THROWS(FormatError, "its tensors take 4 bytes; 5 bytes", parse_header(two("[0,2]", "[2,4]"), 5));
}

TEST(every_truncation_is_an_error) {
  const TemporaryFolder folder;
  pydl::save_params(folder.file("a"), sample());
  const std::string bytes = read_file(folder.file("a"));
  CHECK_EQUAL(parse(bytes).tensors.size(), 4U);
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_THROWS(FormatError, "test", parse(bytes.substr(0, size)));
  CHECK_THROWS(FormatError, "test", parse(bytes + "x"));
}

TEST(changed_bytes_never_crash) {
  const TemporaryFolder folder;
  pydl::save_params(folder.file("a"), sample());
  const std::string bytes = read_file(folder.file("a"));
  int refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const char changed : {'\0', '\xff', '"', '9', '{', static_cast<char>(bytes[at] ^ 1)}) {
      std::string corrupt = bytes;
      corrupt[at] = changed;
      try {
        parse(corrupt);
      } catch (const FormatError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 1000);
}

TEST(json_values) {
  using pydl::io::Json;
  using pydl::io::parse_json;
  const Json json = parse_json(R"( {"a": [1, -2.5e1, true, false, null, "\u00e9\ud83d\ude00\n\/"], "b": {}} )");
  const auto& list = *json.find("a")->get<Json::Array>();
  CHECK_EQUAL(*list[0].get<int64_t>(), 1);
  CHECK_EQUAL(*list[1].get<double>(), -25.0);
  CHECK(*list[2].get<bool>() && !*list[3].get<bool>() && list[4].get<std::nullptr_t>() != nullptr);
  CHECK_EQUAL(*list[5].get<std::string>(), "é😀\n/");
  CHECK(json.find("c") == nullptr && list[0].find("a") == nullptr);
  const std::string written = pydl::io::write_json(json);
  CHECK_EQUAL(written, "{\"a\":[1,-25.0,true,false,null,\"é😀\\n/\"],\"b\":{}}");
  CHECK_EQUAL(pydl::io::write_json(parse_json(written)), written);
  CHECK_EQUAL(*parse_json("9223372036854775807").get<int64_t>(), INT64_MAX);
  CHECK(parse_json("9223372036854775808").get<double>() != nullptr);
  CHECK_THROWS(pydl::ValueError, "JSON has no number", pydl::io::write_json(Json(INFINITY)));
}

TEST(malformed_json) {
  using pydl::io::parse_json;
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "-",
                           "nan",
                           "Infinity",
                           "tru",
                           "'a'",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\t\"",
                           "1 1",
                           "[1]x",
                           "1e999",
                           "//",
                           "\xef\xbb\xbf{}"}) {
    CHECK_THROWS(FormatError, "at byte", parse_json(text));
  }
  CHECK_THROWS(FormatError, "twice", parse_json(R"({"a":1,"b":2,"a":3})"));
  CHECK_THROWS(FormatError, "nesting", parse_json(std::string(100000, '[')));
  for (const char* text : {"\"\xff\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                           "\"\xf5\x80\x80\x80\"", "\"\xc3\"", "\"\xe2\x82\""}) {
    CHECK_THROWS(FormatError, "UTF-8", parse_json(text));
  }
}
