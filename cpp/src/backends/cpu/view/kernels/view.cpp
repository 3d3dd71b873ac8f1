// Transposes blocks of matrices.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/stream.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Strides are in bytes.
template <class T>
inline void transpose_items(const char* x, int64_t x_stride, char* y, int64_t y_stride, int64_t rows, int64_t columns) {
  constexpr int64_t item = sizeof(T);
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) __builtin_memcpy(y + j * y_stride + i * item, x + i * x_stride + j * item, item);
  }
}

template <class T>
void transpose_scalar(const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t rows, int64_t columns) {
  transpose_items<T>(static_cast<const char*>(x), x_stride, static_cast<char*>(y), y_stride, rows, columns);
}

// Works in squares as wide as a register, whose lines are read and written whole.
template <class T>
void transpose(const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t rows, int64_t columns) {
  constexpr int64_t side = vector_length<T>;
  constexpr int64_t item = sizeof(T);
  for (int64_t j = 0; j < columns; j += side) {
    const int64_t width = columns - j < side ? columns - j : side;
    for (int64_t i = 0; i < rows; i += side) {
      const int64_t height = rows - i < side ? rows - i : side;
      const char* from = static_cast<const char*>(x) + i * x_stride + j * item;
      char* to = static_cast<char*>(y) + j * y_stride + i * item;
      if (height < side || width < side) {
        transpose_items<T>(from, x_stride, to, y_stride, height, width);
        continue;
      }
      Vector<T> square[side];
#pragma GCC unroll 16
      for (int64_t k = 0; k < side; ++k) __builtin_memcpy(&square[k], from + k * x_stride, vector_bytes);
      transpose_square<T>(square);
#pragma GCC unroll 16
      for (int64_t k = 0; k < side; ++k) __builtin_memcpy(to + k * y_stride, &square[k], vector_bytes);
    }
  }
}

void copy_bytes(const void* x, void* y, int64_t bytes) {
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  int64_t done = 0;
  for (; done + 4 * vector_bytes <= bytes; done += 4 * vector_bytes) {
    Vector<float> part[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) __builtin_memcpy(&part[k], from + done + k * vector_bytes, vector_bytes);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) __builtin_memcpy(to + done + k * vector_bytes, &part[k], vector_bytes);
  }
  __builtin_memcpy(to + done, from + done, static_cast<size_t>(bytes - done));
}

void stream_bytes(const void* x, void* y, int64_t bytes) {
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  int64_t done = 0;
  for (; done + vector_bytes <= bytes; done += vector_bytes) {
    stream(reinterpret_cast<float*>(to + done), load(reinterpret_cast<const float*>(from + done)));
  }
  __builtin_memcpy(to + done, from + done, static_cast<size_t>(bytes - done));
}

}  // namespace

void fill_view(KernelSet& set) {
  set.copy.transpose[0] = transpose_scalar<uint8_t>;
  set.copy.transpose[1] = transpose_scalar<uint16_t>;
  set.copy.transpose[2] = transpose<float>;
  set.copy.transpose[3] = transpose<double>;
  set.copy.run = copy_bytes;
  set.copy.stream = stream_bytes;
  set.copy.finish_streams = finish_streamed_stores;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
