// Blocks of matrices, transposed.
#include "backends/cpu/kernels/fill.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
void transpose(const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t rows, int64_t columns) {
  // Small squares, so that the lines that are written stay in the L1 cache until they are full.
  constexpr int64_t side = 8;
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  for (int64_t i = 0; i < rows; i += side) {
    const int64_t height = rows - i < side ? rows - i : side;
    for (int64_t j = 0; j < columns; j += side) {
      const int64_t width = columns - j < side ? columns - j : side;
      const char* block = from + i * x_stride + j * static_cast<int64_t>(sizeof(T));
      char* target = to + j * y_stride + i * static_cast<int64_t>(sizeof(T));
      if (height == side && width == side) {
        T items[side][side];
        for (int64_t r = 0; r < side; ++r) __builtin_memcpy(items[r], block + r * x_stride, sizeof(items[r]));
        for (int64_t c = 0; c < side; ++c) {
          T column[side];
          for (int64_t r = 0; r < side; ++r) column[r] = items[r][c];
          __builtin_memcpy(target + c * y_stride, column, sizeof(column));
        }
        continue;
      }
      for (int64_t c = 0; c < width; ++c) {
        for (int64_t r = 0; r < height; ++r) {
          __builtin_memcpy(target + c * y_stride + r * static_cast<int64_t>(sizeof(T)),
                           block + r * x_stride + c * static_cast<int64_t>(sizeof(T)), sizeof(T));
        }
      }
    }
  }
}

}  // namespace

void fill_view(KernelSet& set) {
  set.transpose[0] = transpose<uint8_t>;
  set.transpose[1] = transpose<uint16_t>;
  set.transpose[2] = transpose<uint32_t>;
  set.transpose[3] = transpose<uint64_t>;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
