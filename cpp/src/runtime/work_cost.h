// What work costs, and how much of it is worth one more thread: the constants behind the number of threads of all
// loops.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pydl::runtime {

/// Costs are in units of one float32 multiply-add whose operands are in registers, which takes about 1/128 ns.
namespace cost {
inline constexpr int64_t multiply_add = 1;
inline constexpr int64_t multiply_add_from_memory = 4;  ///< each operand is used for few rows only
inline constexpr int64_t multiply_add_of_a_step = 8;    ///< of a recurrent layer, with its share of the gates
inline constexpr int64_t byte_copied = 2;               ///< in long runs
inline constexpr int64_t byte_moved = 4;                ///< between two layouts
inline constexpr int64_t byte_gathered = 8;             ///< from anywhere
inline constexpr int64_t element_written = 8;
inline constexpr int64_t element = 16;  ///< read, computed and written in one pass
inline constexpr int64_t element_packed = 32;
inline constexpr int64_t element_accumulated = 32;  ///< one after the other
inline constexpr int64_t element_in_passes = 64;    ///< several passes, or divisions and exponentials
inline constexpr int64_t element_sorted = 128;
inline constexpr int64_t random_piece = 32768;  ///< a block of a random stream
}  // namespace cost

/// A thread is worth this much work, about 4 us: the lines that it reads come from other cores' caches, at about 0.1 us
/// each. (With an eighth of it, more threads made small steps slower.)
inline constexpr int64_t cost_worth_a_thread = 524288;
/// The same in nanoseconds, and what waking threads and waiting for them takes.
inline constexpr int64_t time_worth_a_thread = 4000;
inline constexpr int64_t waking_time = 1500;

/// The number of items of this cost that are worth a thread.
constexpr int64_t worth_a_thread(int64_t cost_of_item) {
  return std::max<int64_t>(cost_worth_a_thread / cost_of_item, 1);
}

}  // namespace pydl::runtime
