// Random numbers by counter (Philox 4x32-10, Salmon et al. 2011): the same for any number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// Where a generator is in its random numbers. Programs hold it, and so outlive the generator. Threads may draw from
/// one stream; a restart beside them is an error of the caller.
class PYDL_API RandomStream {
 public:
  /// One that the operating system seeds: other numbers in every process, and in every child that it forks.
  RandomStream();
  explicit RandomStream(uint64_t seed) : seed_(static_cast<int64_t>(seed)) {}
  void restart(int64_t seed, int64_t offset);
  /// Writes seed and offset, and moves past that many blocks of 4 x 32 bits.
  void advance(int64_t blocks, int64_t* seed_and_offset);
  /// Undoes `advance`, unless somebody else has drawn since.
  void take_back(int64_t blocks, const int64_t* seed_and_offset);
  void read(int64_t* seed_and_offset) const;

 private:
  static constexpr int64_t chosen = -1;
  /// Seeds a stream that nobody has seeded anew in a child of the process that it comes from.
  void reseed_after_fork() const;

  // How often this process was forked when the system seeded the stream, or `chosen`.
  mutable std::atomic<int64_t> process_{chosen};
  mutable std::atomic<int64_t> seed_;
  mutable std::atomic<int64_t> offset_{0};
};

/// A stream of random numbers. Its state is a tensor {seed, offset}: saved, restored and traced like any other.
class PYDL_API Generator {
 public:
  /// Seeded by the operating system: the numbers are others in every process.
  Generator();
  explicit Generator(uint64_t seed);
  /// One that goes on where others of this stream are.
  explicit Generator(std::shared_ptr<RandomStream> stream);
  // No moves: a generator that was moved from would have no stream.
  Generator(const Generator&) = default;
  Generator& operator=(const Generator&) = default;

  /// Starts the stream of `seed` from its beginning.
  void manual_seed(uint64_t seed);
  uint64_t seed() const;
  /// A copy of the state, int64 (2).
  Tensor state() const;
  void set_state(const Tensor& state);
  /// The state to draw `count` elements from; the generator moves past them.
  Tensor take(int64_t count);
  const std::shared_ptr<RandomStream>& stream() const { return stream_; }

 private:
  Tensor fresh_state(int64_t blocks);

  std::shared_ptr<RandomStream> stream_;
};

/// Remembers where random functions drew from, so that a function can be run again with the same numbers.
class PYDL_API RandomTape {
 public:
  /// While one lives, what functions on this thread draw from is appended to the tape, or (replaying) taken from it.
  class Scope {
   public:
    Scope(RandomTape& tape, bool replay);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend class Generator;
    RandomTape& tape_;
    bool replays_;
    size_t next_ = 0;
    Scope* outer_;
  };

 private:
  friend class Generator;
  std::vector<Tensor> states_;
};

/// What functions use when no generator is given. The environment variable PYDL_SEED, an integer in [0, 2**64), seeds
/// it at start, else the operating system does: random numbers are others in every process, and in every child of one,
/// until `manual_seed` is called. Throws `ValueError` for a PYDL_SEED that is no such integer.
PYDL_API Generator& default_generator();

PYDL_API Tensor uniform(const Dims& shape, double low = 0, double high = 1, DType dtype = DType::float32,
                        Generator& generator = default_generator());
PYDL_API Tensor normal(const Dims& shape, double mean = 0, double std = 1, DType dtype = DType::float32,
                       Generator& generator = default_generator());
/// Integers in [low, high).
PYDL_API Tensor randint(int64_t low, int64_t high, const Dims& shape, DType dtype = DType::int64,
                        Generator& generator = default_generator());
/// The order of arguments before version 1: still what it was, for programs that use it.
[[deprecated("write randint(low, high, shape), as in Python")]] PYDL_API Tensor
randint(const Dims& shape, int64_t low, int64_t high, DType dtype = DType::int64,
        Generator& generator = default_generator());
/// 0 .. n-1 in random order, int64.
PYDL_API Tensor permutation(int64_t n, Generator& generator = default_generator());
/// x with elements set to 0 with probability p, the others divided by 1 - p; x itself unless training.
PYDL_API Tensor dropout(const Tensor& x, double p, bool training = true, Generator& generator = default_generator());

}  // namespace pydl
