# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Byte-pair encoding: learning merges from counted pieces, and applying them."""

import numpy as np

from cython.operator cimport dereference
from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.pair cimport pair
from libcpp.queue cimport priority_queue
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

ctypedef pair[int64_t, uint64_t] Candidate  # how often or early, and ~pair: the greatest is next


cdef inline uint64_t _pair(int32_t left, int32_t right) noexcept nogil:
    return <uint64_t>left << 32 | <uint64_t>right


cdef struct Tally:
    int64_t total, queued  # how often a pair comes, and as what it was queued last


# --- learning -------------------------------------------------------------------------------------

cdef class _Learner:
    """Pieces as symbols, how often each pair of neighbours comes, and in which pieces."""

    cdef vector[vector[int32_t]] pieces
    cdef vector[int64_t] weights
    cdef unordered_map[uint64_t, Tally] tallies
    cdef unordered_map[uint64_t, vector[int32_t]] where  # may name pieces that lost the pair
    cdef priority_queue[Candidate] queue  # of totals, maybe old ones: newer are queued again
    cdef vector[uint64_t] changed

    cdef int add_piece(self, const int32_t* symbols, int64_t size, int64_t weight) except -1:
        cdef vector[int32_t] piece
        cdef int64_t i
        for i in range(size):
            piece.push_back(symbols[i])
        self.pieces.push_back(piece)
        self.weights.push_back(weight)
        return self.tally(self.pieces.size() - 1, weight, -1)

    cdef int tally(self, int32_t number, int64_t weight, int32_t fresh) except -1:
        """Add `weight` to the pairs of a piece; note the piece at those that hold `fresh`, or all.

        A pair that was there before the piece changed is noted already.
        """
        cdef const vector[int32_t]* piece = &self.pieces[number]
        cdef uint64_t key
        cdef size_t i
        for i in range(1, piece.size()):
            key = _pair(piece[0][i - 1], piece[0][i])
            self.tallies[key].total += weight
            self.changed.push_back(key)
            if weight > 0 and (fresh < 0 or piece[0][i - 1] == fresh or piece[0][i] == fresh):
                if self.where[key].empty() or self.where[key].back() != number:
                    self.where[key].push_back(number)
        return 0

    cdef int enqueue(self) except -1:
        cdef size_t i
        cdef Tally* tally
        for i in range(self.changed.size()):
            tally = &self.tallies[self.changed[i]]
            if tally.total != tally.queued and tally.total > 0:
                self.queue.push(Candidate(tally.total, ~self.changed[i]))
                tally.queued = tally.total
        self.changed.clear()
        return 0

    cdef int merge(self, uint64_t key, int32_t symbol) except -1:
        """Replace a pair by a new symbol in all pieces."""
        cdef vector[int32_t] positions
        cdef int32_t left = <int32_t>(key >> 32), right = <int32_t>key
        cdef size_t i
        positions.swap(self.where[key])
        for i in range(positions.size()):
            self.tally(positions[i], -self.weights[positions[i]], -1)
            _replace(self.pieces[positions[i]], left, right, symbol)
            self.tally(positions[i], self.weights[positions[i]], symbol)
        self.where.erase(key)
        return self.enqueue()


cdef void _replace(vector[int32_t]& piece, int32_t left, int32_t right, int32_t symbol) noexcept:
    cdef size_t i = 0, kept = 0
    while i < piece.size():
        if piece[i] == left and i + 1 < piece.size() and piece[i + 1] == right:
            piece[kept] = symbol
            i += 2
        else:
            piece[kept] = piece[i]
            i += 1
        kept += 1
    piece.resize(kept)


def learn(const int32_t[::1] symbols, const int64_t[::1] pointers, const int64_t[::1] weights,
          int32_t first, int32_t merges, int64_t min_count):
    """Return at most `merges` pairs of symbols to merge; merge i makes the symbol `first + i`.

    Piece i is `symbols[pointers[i]:pointers[i + 1]]` and came `weights[i]` times. The most frequent
    pair is merged next; of several, the one with the lowest symbols.
    """
    cdef _Learner learner = _Learner()
    cdef Candidate best
    cdef uint64_t key
    cdef int64_t i
    if pointers.shape[0] != weights.shape[0] + 1 or pointers[weights.shape[0]] > symbols.shape[0]:
        raise ValueError("learn: symbols, pointers and weights do not fit")
    for i in range(weights.shape[0]):
        if pointers[i + 1] - pointers[i] > 1:
            learner.add_piece(&symbols[pointers[i]], pointers[i + 1] - pointers[i], weights[i])
    learner.enqueue()
    learned = []
    while len(learned) < merges and not learner.queue.empty():
        best = learner.queue.top()
        learner.queue.pop()
        key = ~best.second
        if best.first < min_count:
            break
        if learner.tallies[key].total == best.first:
            learner.merge(key, first + <int32_t>len(learned))
            learned.append((<int32_t>(key >> 32), <int32_t>key))
    return learned


# --- applying -------------------------------------------------------------------------------------

cdef class Merger:
    """Applies merges to symbols: always the earliest learned that fits, the leftmost of it first.

    `merges` holds pairs of symbols (M, 2); merge i makes the symbol `first + i`.
    """

    cdef unordered_map[uint64_t, int32_t] ranks
    cdef int32_t first
    cdef vector[int32_t] symbols  # of the piece at hand; -1 where it was merged into another
    cdef vector[int64_t] next, previous

    def __init__(self, const int32_t[:, ::1] merges, int32_t first):
        cdef Py_ssize_t i
        self.first = first
        for i in range(merges.shape[0]):
            self.ranks[_pair(merges[i, 0], merges[i, 1])] = <int32_t>i

    def merge(self, symbols not None):
        """Return the symbols of one piece, a sequence of int, after all merges, as a list."""
        cdef priority_queue[Candidate] queue  # -rank, and ~position
        cdef Candidate best
        cdef int64_t size = len(symbols), i, right, after
        self.symbols.clear()
        self.next.clear()
        self.previous.clear()
        for i, symbol in enumerate(symbols):
            self.symbols.push_back(symbol)
            self.next.push_back(i + 1 if i + 1 < size else <int64_t>-1)
            self.previous.push_back(i - 1)
        for i in range(size):
            self.offer(queue, i)
        while not queue.empty():
            best = queue.top()
            queue.pop()
            i = <int64_t>~best.second
            if self.rank(i) != -best.first:
                continue
            right, after = self.next[i], self.next[self.next[i]]
            self.symbols[i] = self.first - <int32_t>best.first
            self.symbols[right] = <int32_t>-1
            self.next[i] = after
            if after >= 0:
                self.previous[after] = i
            self.offer(queue, i)
            if self.previous[i] >= 0:
                self.offer(queue, self.previous[i])
        return [self.symbols[i] for i in range(size) if self.symbols[i] >= 0]

    cdef int64_t rank(self, int64_t i) noexcept:
        """Rank of the pair that begins at position `i`, or -1."""
        cdef unordered_map[uint64_t, int32_t].iterator found
        if self.symbols[i] < 0 or self.next[i] < 0:
            return -1
        found = self.ranks.find(_pair(self.symbols[i], self.symbols[self.next[i]]))
        return -1 if found == self.ranks.end() else dereference(found).second

    cdef int offer(self, priority_queue[Candidate]& queue, int64_t i) except -1:
        cdef int64_t rank = self.rank(i)
        if rank >= 0:
            queue.push(Candidate(-rank, ~<uint64_t>i))
        return 0
