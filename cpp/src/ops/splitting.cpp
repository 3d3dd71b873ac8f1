// Axes divided into parts, all of which are views.
#include <algorithm>

#include "core/named.h"
#include "pydl/indexing.h"
#include "pydl/manipulation.h"

namespace pydl {

namespace {

void require_parts(int64_t parts) {
  if (parts < 1) throw ValueError(concat_text("the number of parts must be positive, got ", parts));
  if (parts > int64_t{1} << 32) throw MemoryError(concat_text(parts, " parts do not fit into memory"));
}

}  // namespace

std::vector<Tensor> array_split(const Tensor& x, int64_t parts, int64_t axis) try {
  const int along = normalize_axis("array_split", axis, x.rank());
  require_parts(parts);
  const int64_t size = x.size(along);
  std::vector<int64_t> sizes(static_cast<size_t>(parts), size / parts);
  for (int64_t i = 0; i < size % parts; ++i) ++sizes[static_cast<size_t>(i)];
  return split(x, sizes, along);
} catch (const Error&) {
  core::rethrow_as("array_split");
}

std::vector<Tensor> split_at(const Tensor& x, std::span<const int64_t> positions, int64_t axis) try {
  const int along = normalize_axis("split_at", axis, x.rank());
  std::vector<IndexEntry> key(static_cast<size_t>(along) + 1, Slice{});
  std::vector<Tensor> parts;
  Slice range;
  for (const int64_t position : positions) {
    range.stop = position;
    key.back() = range;
    parts.push_back(index(x, key));
    range.start = position;
  }
  range.stop.reset();
  key.back() = range;
  parts.push_back(index(x, key));
  return parts;
} catch (const Error&) {
  core::rethrow_as("split_at");
}

std::vector<Tensor> chunk(const Tensor& x, int64_t parts, int64_t axis) try {
  const int along = normalize_axis("chunk", axis, x.rank());
  require_parts(parts);
  const int64_t size = x.size(along);
  const int64_t most = std::max<int64_t>((size + parts - 1) / parts, 0);
  std::vector<int64_t> sizes;
  // An empty axis gives that many empty parts.
  if (size == 0) sizes.assign(static_cast<size_t>(parts), 0);
  for (int64_t start = 0; start < size; start += most) sizes.push_back(std::min(most, size - start));
  return split(x, sizes, along);
} catch (const Error&) {
  core::rethrow_as("chunk");
}

std::vector<Tensor> unbind(const Tensor& x, int64_t axis) try {
  const int along = normalize_axis("unbind", axis, x.rank());
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < x.size(along); ++i) parts.push_back(select(x, along, i));
  return parts;
} catch (const Error&) {
  core::rethrow_as("unbind");
}

}  // namespace pydl
