// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011): the same for any number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The position of a generator in its random numbers. Programs hold it, so it may outlive the generator. Several
/// threads may draw from one stream, but the caller must not restart it at the same time.
class PYDL_API RandomStream {
 public:
  /// A stream that is seeded by the operating system: its numbers differ in every process and in every forked child.
  RandomStream();
  explicit RandomStream(uint64_t seed) : seed_(static_cast<int64_t>(seed)) {}
  void restart(int64_t seed, int64_t offset);
  /// Writes seed and offset, and advances by that many blocks of 4 x 32 bits.
  void advance(int64_t blocks, int64_t* seed_and_offset);
  /// Undoes `advance`, unless somebody has drawn from the stream since then.
  void take_back(int64_t blocks, const int64_t* seed_and_offset);
  void read(int64_t* seed_and_offset) const;

  /// Where the stream is, and whether its seed was set explicitly.
  struct Position {
    int64_t process, seed, offset;
  };
  Position position() const;
  void return_to(const Position& position);

 private:
  static constexpr int64_t chosen = -1;
  /// Gives the stream a new seed if this process is a child of the one that seeded it, unless a seed was set
  /// explicitly.
  void reseed_after_fork() const;

  // The number of forks when the system seeded the stream, or `chosen` if the seed was set explicitly.
  mutable std::atomic<int64_t> process_{chosen};
  mutable std::atomic<int64_t> seed_;
  mutable std::atomic<int64_t> offset_{0};
};

/// A stream of random numbers. Its state is a tensor {seed, offset}, which is saved, restored and traced like any
/// other.
class PYDL_API Generator {
 public:
  /// Seeded by the operating system: the numbers differ in every process.
  Generator();
  explicit Generator(uint64_t seed);
  /// Shares a stream with the other generators of that stream.
  explicit Generator(std::shared_ptr<RandomStream> stream);
  // No moves: a generator that was moved from would have no stream.
  Generator(const Generator&) = default;
  Generator& operator=(const Generator&) = default;

  /// Restarts the generator with this seed.
  void manual_seed(uint64_t seed);
  uint64_t seed() const;
  /// A copy of the state, int64 (2).
  Tensor state() const;
  void set_state(const Tensor& state);
  /// The state from which to draw `count` elements; the generator advances past them.
  Tensor take(int64_t count);
  const std::shared_ptr<RandomStream>& stream() const { return stream_; }

 private:
  Tensor fresh_state(int64_t blocks);

  std::shared_ptr<RandomStream> stream_;
};

/// Records the states that random functions used, so that a function can be run again with the same numbers.
class PYDL_API RandomTape {
 public:
  /// During this scope, the states that functions on this thread draw from are appended to the tape or, when replaying,
  /// taken from it.
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

/// During this scope, the generator may be drawn from and seeded; at its end, it is where it was.
class PYDL_API ForkedGenerator {
 public:
  /// Inside compiled functions, which advance generators as a whole, `TraceError` is thrown.
  explicit ForkedGenerator(const Generator& generator);
  ~ForkedGenerator();
  ForkedGenerator(const ForkedGenerator&) = delete;
  ForkedGenerator& operator=(const ForkedGenerator&) = delete;

 private:
  std::shared_ptr<RandomStream> stream_;
  RandomStream::Position before_;
};

/// The generator that functions use if none is given. It is seeded by the environment variable PYDL_SEED, an integer in
/// [0, 2**64). If this is not set, the operating system seeds it, and until `manual_seed` is called the random numbers
/// differ in every process and in every forked child. Throws `ValueError` if PYDL_SEED is not such an integer.
PYDL_API Generator& default_generator();

PYDL_API Tensor uniform(const Dims& shape, double low = 0, double high = 1, DType dtype = DType::float32,
                        Generator& generator = default_generator());
PYDL_API Tensor normal(const Dims& shape, double mean = 0, double std = 1, DType dtype = DType::float32,
                       Generator& generator = default_generator());
/// Integers in [low, high).
PYDL_API Tensor randint(int64_t low, int64_t high, const Dims& shape, DType dtype = DType::int64,
                        Generator& generator = default_generator());
/// The order of arguments before version 1, kept for programs that use it.
[[deprecated("write randint(low, high, shape), as in Python")]] PYDL_API Tensor
randint(const Dims& shape, int64_t low, int64_t high, DType dtype = DType::int64,
        Generator& generator = default_generator());
/// 0 .. n-1 in random order, int64.
PYDL_API Tensor permutation(int64_t n, Generator& generator = default_generator());
/// x with elements set to 0 with probability p, the others divided by 1 - p; x itself unless training.
PYDL_API Tensor dropout(const Tensor& x, double p, bool training = true, Generator& generator = default_generator());

}  // namespace pydl
