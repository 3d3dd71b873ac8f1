// The pool: threads that help callers with the pieces of their loops.
//
// A loop is divided into pieces. The calling thread and the helpers that are awake take one piece after the other. The
// caller waits for pieces that are being computed, never for a thread that has not begun one, so a thread that the
// system has suspended delays nobody unless it is in the middle of a piece. (At an OpenMP barrier every thread of the
// team must arrive, and a single busy process beside it makes a small step ten to a hundred times slower.)
#pragma once

#include <cstdint>

namespace pydl::runtime {

/// Computes one piece.
using PieceFunction = void (*)(void* context, int64_t piece);

/// The largest number of pieces of a loop.
inline constexpr int64_t most_pieces = 4096;

/// Calls `function(context, piece)` once for each piece in [0, count), on the calling thread and on helpers, at most
/// `threads` at a time, and returns when all are done. The function must not throw. Nested loops, and loops of more
/// than 64 concurrent callers, run entirely on the calling thread.
void run_pieces(int64_t count, int threads, void* context, PieceFunction function);

/// Whether the calling thread is in the middle of a piece.
bool is_in_piece();

}  // namespace pydl::runtime
