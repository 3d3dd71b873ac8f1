// Triangles of matrices.
#include "op/attrs/triangle.h"

#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"

namespace pydl::backends::ref {

namespace {

void run_triangle(const RefCall& call) {
  const auto [k, lower] = op::from_attrs<op::TriangleAttrs>(call.attrs);
  const BufferSpec& x = call.inputs[0];
  const size_t item = item_size(x.dtype);
  const int64_t rows = x.shape[x.shape.rank() - 2];
  const int64_t columns = x.shape.back();
  const auto* from = static_cast<const char*>(call.input_data[0]);
  auto* to = static_cast<char*>(call.output_data[0]);
  int64_t next = 0;
  for_each_position<1>(x.shape, {x.strides}, [&](const auto& at) {
    const int64_t row = next / columns % rows;
    const int64_t column = next % columns;
    char* target = to + static_cast<size_t>(next++) * item;
    const bool is_kept = lower ? column - row <= k : column - row >= k;
    if (is_kept) {
      std::memcpy(target, from + at[0] * static_cast<int64_t>(item), item);
    } else {
      std::memset(target, 0, item);
    }
  });
}

}  // namespace

void register_triangle(KernelTable& table) { table.add(OpId::triangle, Provider::ref, prepare<run_triangle>); }

}  // namespace pydl::backends::ref
