// Rotations of rows, which are collected and applied many at a time.
#pragma once

#include <cmath>

#include "backends/cpu/linalg/blocks.h"
#include "backends/cpu/linalg/reflections.h"
#include "backends/cpu/workspace.h"

namespace pydl::cpu {

// (a, b) becomes (c a + s b, c b - s a).
struct Rotation {
  double c;
  double s;
};

// The rotation that maps (x, y) to (length, 0).
inline Rotation rotation_of(double x, double y, double& length) {
  const double square = x * x + y * y;
  length = has_usual_square(square) ? std::sqrt(square) : std::hypot(x, y);
  if (length == 0) return {1, 0};
  // Products with a reciprocal would be too small more often than too large, and vectors become shorter with each one.
  return {x / length, y / length};
}

/// Sweeps of rotations of neighbouring rows. They are applied several at a time, so that parts of the rows stay in the
/// cache. Without rows, there is nothing to do.
template <class T>
class Rotations {
 public:
  Rotations(int64_t rows, Workspace& workspace) : row_count_(rows) {
    if (rows == 0) return;
    sweeps_ = workspace.take<RotationSweep<T>>(most_sweeps);
    numbers_ = workspace.take<T>(2 * most_sweeps * rows);
  }

  void set_rows(const Block<T>& rows) { rows_ = rows; }

  void begin(int64_t first, int64_t step) {
    if (row_count_ == 0) return;
    if (sweep_count_ == most_sweeps || (sweep_count_ > 0 && sweeps_[0].step != step)) flush();
    step_ = step;
    T* cosines = numbers_ + 2 * sweep_count_ * row_count_ + place(first);
    sweeps_[sweep_count_++] = {first, step, 0, cosines, cosines + row_count_};
  }

  // The next one of the sweep that was begun.
  void add(const Rotation& rotation) {
    if (row_count_ == 0) return;
    RotationSweep<T>& sweep = sweeps_[sweep_count_ - 1];
    sweep.cosines[sweep.count] = static_cast<T>(rotation.c);
    sweep.sines[sweep.count++] = static_cast<T>(rotation.s);
  }

  void flush() {
    if (sweep_count_ == 0) return;
    for (int64_t i = 0; i + together <= sweep_count_; i += together) align(sweeps_ + i);
    rotate(sweeps_, sweep_count_);
    sweep_count_ = 0;
  }

  // Of two rows that need not be neighbours.
  void apply(const Rotation& rotation, int64_t a, int64_t b) {
    if (row_count_ == 0) return;
    flush();
    T c = static_cast<T>(rotation.c);
    T s = static_cast<T>(rotation.s);
    const RotationSweep<T> sweep = {a, b - a, 1, &c, &s};
    rotate(&sweep, 1);
  }

 private:
  static constexpr int64_t most_sweeps = 16;
  // As many sweeps as kernels apply at once, if they cover the same rows.
  static constexpr int64_t together = 4;

  // The numbers of a sweep are at the places of its rows.
  int64_t place(int64_t row) const { return step_ > 0 ? row : row_count_ - 1 - row; }

  void rotate(const RotationSweep<T>* sweeps, int64_t count) const {
    // What is between the rows is rotated too, in place of parts of vectors.
    spectral_kernels<T>().rotate(rows_.data, rows_.row_stride, rows_.row_stride, sweeps, count);
  }

  // Extends sweeps by rotations that change nothing, if these are few.
  void align(RotationSweep<T>* sweeps) const {
    int64_t begin = row_count_;
    int64_t end = 0;
    int64_t total = 0;
    for (int64_t i = 0; i < together; ++i) {
      if (sweeps[i].count == 0) return;
      begin = std::min(begin, place(sweeps[i].first));
      end = std::max(end, place(sweeps[i].first) + sweeps[i].count);
      total += sweeps[i].count;
    }
    if (together * (end - begin) > total + total / 4) return;
    for (int64_t i = 0; i < together; ++i) {
      RotationSweep<T>& sweep = sweeps[i];
      const int64_t before = place(sweep.first) - begin;
      const int64_t after = end - begin - before - sweep.count;
      sweep.first -= step_ * before;
      for (T** numbers : {&sweep.cosines, &sweep.sines}) {
        const T neutral = numbers == &sweep.cosines ? T{1} : T{0};
        std::fill(*numbers - before, *numbers, neutral);
        std::fill(*numbers + sweep.count, *numbers + sweep.count + after, neutral);
        *numbers -= before;
      }
      sweep.count = end - begin;
    }
  }

  Block<T> rows_ = {};
  int64_t row_count_;
  int64_t step_ = 1;
  RotationSweep<T>* sweeps_ = nullptr;
  T* numbers_ = nullptr;
  int64_t sweep_count_ = 0;
};

/// Orders numbers, and the rows that belong to them, by exchanges.
template <class T, class Before>
void sort_with_rows(double* values, int64_t count, std::initializer_list<const Block<T>*> rows, const Before& before) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t best = std::min_element(values + i, values + count, before) - values;
    if (best == i) continue;
    std::swap(values[i], values[best]);
    for (const Block<T>* each : rows) {
      if (each->rows > 0) std::swap_ranges(each->row(i), each->row(i) + each->columns, each->row(best));
    }
  }
}

}  // namespace pydl::cpu
