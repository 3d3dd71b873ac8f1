// The pool: threads that help callers through the pieces of their loops.
//
// A loop is cut into pieces, and whoever runs takes the next one: the calling thread, and helpers that are awake. The
// caller waits for pieces that somebody is computing, never for a thread that has not begun one: a thread that the
// system has put aside holds nobody up unless it is in the middle of a piece. (At the barriers of OpenMP every thread
// of a team must arrive, and one busy process beside it makes a small step ten to a hundred times slower.)
#pragma once

#include <cstdint>

namespace pydl::runtime {

/// Computes one piece.
using PieceFunction = void (*)(void* context, int64_t piece);

/// At most this many pieces a loop.
inline constexpr int64_t most_pieces = 4096;

/// Calls `function(context, piece)` once for each piece in [0, count), on the calling thread and on helpers, at most
/// `threads` at a time, and returns when all are done. The function must not throw. Loops inside of a piece, and those
/// of more than 64 callers at a time, run on their own thread alone.
void run_pieces(int64_t count, int threads, void* context, PieceFunction function);

/// Whether the calling thread is in the middle of a piece.
bool is_in_piece();

}  // namespace pydl::runtime
