# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Splitting text into tokens, and counting or hashing n-grams of them.

Counting makes no Python object per token: tokens are written as UTF-8 into one buffer, with the
separator between them, so that every n-gram is a stretch of that buffer.
"""

import unicodedata

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport malloc
from libc.string cimport memcmp, memcpy
from libcpp.algorithm cimport sort
from libcpp.pair cimport pair
from libcpp.vector cimport vector

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    const void* PyUnicode_DATA(object text)
    uint32_t PyUnicode_READ(int kind, const void* data, Py_ssize_t index) nogil
    bint PyUnicode_IS_ASCII(object text)
    str PyUnicode_Substring(object text, Py_ssize_t start, Py_ssize_t stop)
    str PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors)


# --- classes of characters ------------------------------------------------------------------------

cdef enum CharacterClass:
    OTHER  # separates words: controls, formats, surrogates, unassigned
    SPACE
    SYMBOL  # punctuation and symbols
    MARK  # belongs to the character before it
    LETTER  # a letter or number
    SINGLE  # a letter of a script without spaces between words
    APOSTROPHE  # punctuation that joins letters
    JOINER  # joins letters and cannot be seen

# Of Han, kana and Bopomofo; the letters among them are words of their own.
_SINGLE_RANGES = (
    (0x3005, 0x30FF), (0x3100, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF),
)
_APOSTROPHES = frozenset("'\u2019\u05f3\u05f4")
_JOINERS = frozenset("\u200c\u200d\u00ad")

# Filled page by page when a character of it is first met: all would take 0.2 s.
cdef unsigned char* _pages[0x110000 >> 8]


cdef int _classify(str character) except -1:
    cdef str category = unicodedata.category(character)
    cdef uint32_t code = ord(character)
    if character in _APOSTROPHES:
        return APOSTROPHE
    if character in _JOINERS:
        return JOINER
    if character.isspace():
        return SPACE
    if category[0] in "LN":
        for first, last in _SINGLE_RANGES:
            if first <= code <= last:
                return SINGLE
        return LETTER
    if category[0] == "M":
        return MARK
    return SYMBOL if category[0] in "PS" else OTHER


cdef unsigned char* _page(uint32_t number) except NULL:
    cdef unsigned char* page = <unsigned char*>malloc(256)
    cdef int i
    if page == NULL:
        raise MemoryError("no memory for the classes of characters")
    for i in range(256):
        page[i] = _classify(chr((number << 8) + i))
    _pages[number] = page
    return page


cdef inline int _class(int kind, const void* data, Py_ssize_t index) except -1:
    cdef uint32_t code = PyUnicode_READ(kind, data, index)
    cdef unsigned char* page = _pages[code >> 8]
    if page == NULL:
        page = _page(code >> 8)
    return page[code & 255]


# --- tokens as stretches of the text --------------------------------------------------------------

cdef struct Span:
    Py_ssize_t start, stop


cdef enum Rule:
    WORDS
    WORDS_AND_PUNCTUATION
    CHARACTERS
    PIECES
    LISTS  # no text, but lists of tokens


_RULES = {
    "words": WORDS, "words and punctuation": WORDS_AND_PUNCTUATION, "characters": CHARACTERS,
    "pieces": PIECES, "lists": LISTS,
}


cdef Py_ssize_t _skip(int kind, const void* data, Py_ssize_t i, Py_ssize_t size,
                      int wanted) except -1:
    """Position after the characters of one class that begin at `i`."""
    while i < size and _class(kind, data, i) == wanted:
        i += 1
    return i


cdef Py_ssize_t _word_end(int kind, const void* data, Py_ssize_t i, Py_ssize_t size,
                          bint singles) except -1:
    """Position after the word that goes on at `i`; `singles`: letters without spaces are in it."""
    cdef int found, following
    while i < size:
        found = _class(kind, data, i)
        if found == LETTER or found == MARK or (singles and found == SINGLE):
            i += 1
            continue
        if (found != APOSTROPHE and found != JOINER) or i + 1 == size:
            break
        following = _class(kind, data, i + 1)
        if following != LETTER and not (singles and following == SINGLE):
            break
        i += 2
    return i


cdef int _scan_words(str text, bint punctuation, vector[Span]& spans) except -1:
    cdef int kind = PyUnicode_KIND(text), found
    cdef const void* data = PyUnicode_DATA(text)
    cdef Py_ssize_t size = len(text), i = 0
    cdef Span span
    while i < size:
        found = _class(kind, data, i)
        span.start = i
        i += 1
        if found == LETTER:
            i = _word_end(kind, data, i, size, False)
        elif found == SINGLE or (punctuation and (found == SYMBOL or found == APOSTROPHE)):
            i = _skip(kind, data, i, size, MARK)
        else:
            continue
        span.stop = i
        spans.push_back(span)
    return 0


cdef int _scan_pieces(str text, vector[Span]& spans) except -1:
    """Words, runs of symbols and runs of spaces; a space before a word or symbol goes with it."""
    cdef int kind = PyUnicode_KIND(text), found
    cdef const void* data = PyUnicode_DATA(text)
    cdef Py_ssize_t size = len(text), i = 0
    cdef Span span
    while i < size:
        span.start = i
        i = _skip(kind, data, i, size, SPACE)
        if i < size and i > span.start and PyUnicode_READ(kind, data, i - 1) == 32:
            i -= 1
        if i == span.start:
            i += PyUnicode_READ(kind, data, i) == 32
            found = _class(kind, data, i)
            if found == LETTER or found == SINGLE:
                i = _word_end(kind, data, i + 1, size, True)
            else:
                while i < size and found != SPACE and found != LETTER and found != SINGLE:
                    i += 1
                    found = _class(kind, data, i) if i < size else SPACE
        span.stop = i
        spans.push_back(span)
    return 0


cdef int _scan(str text, int rule, vector[Span]& spans) except -1:
    cdef Span span
    cdef Py_ssize_t i
    if rule == PIECES:
        return _scan_pieces(text, spans)
    if rule != CHARACTERS:
        return _scan_words(text, rule == WORDS_AND_PUNCTUATION, spans)
    for i in range(len(text)):
        span.start, span.stop = i, i + 1
        spans.push_back(span)
    return 0


def split(str text not None, str rule not None):
    """Return the tokens of `text` by a rule: words, words and punctuation, pieces."""
    cdef vector[Span] spans
    cdef size_t i
    _scan(text, _RULES[rule], spans)
    return [PyUnicode_Substring(text, spans[i].start, spans[i].stop) for i in range(spans.size())]


# --- documents as buffers of tokens ---------------------------------------------------------------

cdef class TokenReader:
    """What the n-grams of a document are, and the tokens of the one read last.

    `prepare` makes a text of a document, or with the rule "lists" a list of tokens.
    """

    cdef object prepare
    cdef int rule
    cdef bytes separator
    cdef Py_ssize_t low, high
    cdef vector[Span] spans
    cdef vector[char] text
    cdef vector[Span] tokens  # stretches of `text`

    def __init__(self, prepare, str rule not None, Py_ssize_t low=1, Py_ssize_t high=1,
                 str separator=" "):
        self.prepare, self.rule, self.low, self.high = prepare, _RULES[rule], low, high
        self.separator = separator.encode()

    cdef int read(self, document) except -1:
        cdef size_t i
        self.text.clear()
        self.tokens.clear()
        prepared = self.prepare(document)
        if self.rule == LISTS:
            for token in prepared:
                if not isinstance(token, str):
                    raise TypeError(f"expected tokens as str, got {type(token).__name__}")
                self.append(token, 0, len(token))
            return 0
        self.spans.clear()
        _scan(prepared, self.rule, self.spans)
        for i in range(self.spans.size()):
            self.append(prepared, self.spans[i].start, self.spans[i].stop)
        return 0

    cdef int append(self, str text, Py_ssize_t start, Py_ssize_t stop) except -1:
        cdef int kind = PyUnicode_KIND(text)
        cdef const void* data = PyUnicode_DATA(text)
        cdef const char* separator = self.separator
        cdef Py_ssize_t i, gap = len(self.separator)
        cdef Span token
        if self.tokens.size() and gap:
            self.text.insert(self.text.end(), separator, separator + gap)
        token.start = self.text.size()
        if PyUnicode_IS_ASCII(text):
            self.text.insert(self.text.end(), <const char*>data + start, <const char*>data + stop)
        else:
            for i in range(start, stop):
                _append_utf8(self.text, PyUnicode_READ(kind, data, i))
        token.stop = self.text.size()
        self.tokens.push_back(token)
        return 0


cdef int _append_utf8(vector[char]& out, uint32_t code) except -1:
    """As Python's codec with "surrogatepass"; the order of bytes is that of code points."""
    if code < 0x80:
        out.push_back(<char>code)
        return 0
    if code < 0x800:
        out.push_back(<char>(0xC0 | code >> 6))
    else:
        if code < 0x10000:
            out.push_back(<char>(0xE0 | code >> 12))
        else:
            out.push_back(<char>(0xF0 | code >> 18))
            out.push_back(<char>(0x80 | (code >> 12 & 0x3F)))
        out.push_back(<char>(0x80 | (code >> 6 & 0x3F)))
    out.push_back(<char>(0x80 | (code & 0x3F)))
    return 0


# --- a table of terms -----------------------------------------------------------------------------

cdef inline uint32_t _rotate(uint32_t x, int by) noexcept nogil:
    return x << by | x >> (32 - by)


cdef uint32_t _murmur3(const char* data, size_t size) noexcept nogil:
    """MurmurHash3 x86_32 with seed 0."""
    cdef uint32_t h = 0, k
    cdef size_t i, blocks = size // 4
    for i in range(blocks):
        memcpy(&k, data + 4 * i, 4)
        h ^= _rotate(k * <uint32_t>0xCC9E2D51, 15) * <uint32_t>0x1B873593
        h = _rotate(h, 13) * 5 + <uint32_t>0xE6546B64
    k = 0
    for i in range(size & 3):
        k |= <uint32_t>(<unsigned char>data[4 * blocks + i]) << <uint32_t>(8 * i)
    h ^= _rotate(k * <uint32_t>0xCC9E2D51, 15) * <uint32_t>0x1B873593
    h ^= <uint32_t>size
    h = (h ^ h >> 16) * <uint32_t>0x85EBCA6B
    h = (h ^ h >> 13) * <uint32_t>0xC2B2AE35
    return h ^ h >> 16


def murmurhash3(bytes data not None):
    """MurmurHash3 x86_32 with seed 0, as an unsigned number."""
    return _murmur3(data, len(data))


cdef struct Term:
    size_t start, size
    uint32_t hash


cdef struct Sortable:
    const char* text
    size_t size
    int32_t number


cdef bint _comes_before(const Sortable& a, const Sortable& b) noexcept nogil:
    cdef int order = memcmp(a.text, b.text, min(a.size, b.size))
    return order < 0 or (order == 0 and a.size < b.size)


cdef class TermTable:
    """Terms with numbers from 0, in the order in which they came: a hash table of UTF-8."""

    cdef vector[char] text
    cdef vector[Term] terms
    cdef vector[int32_t] slots  # numbers of terms, or -1; at most half are taken

    def __init__(self, terms=()):
        cdef bytes text
        self.slots.assign(64, -1)
        for term in terms:
            text = term.encode("utf-8", "surrogatepass")
            self.intern(text, len(text), _murmur3(text, len(text)))

    def __reduce__(self):
        return TermTable, (self.to_list(),)

    def __len__(self):
        return self.terms.size()

    def to_list(self):
        """Return all terms by their numbers."""
        cdef size_t i
        return [
            PyUnicode_DecodeUTF8(self.text.data() + self.terms[i].start, self.terms[i].size,
                                 "surrogatepass")
            for i in range(self.terms.size())
        ]

    def sorted_numbers(self):
        """Return the numbers of the terms, int32, in the order of their code points."""
        cdef vector[Sortable] items
        cdef Sortable item
        cdef size_t i
        for i in range(self.terms.size()):
            item.text = self.text.data() + self.terms[i].start
            item.size = self.terms[i].size
            item.number = <int32_t>i
            items.push_back(item)
        sort(items.begin(), items.end(), &_comes_before)
        result = np.empty(items.size(), np.int32)
        cdef int32_t[::1] view = result
        for i in range(items.size()):
            view[i] = items[i].number
        return result

    def select(self, const int32_t[::1] numbers):
        """Return a table of some of the terms, numbered anew."""
        cdef TermTable table = TermTable()
        cdef Term term
        cdef Py_ssize_t i
        for i in range(numbers.shape[0]):
            term = self.terms[numbers[i]]
            table.intern(self.text.data() + term.start, term.size, term.hash)
        return table

    cdef int32_t find(self, const char* text, size_t size, uint32_t hash) noexcept:
        """Number of a term, or -1."""
        return self.slots[self.slot_of(text, size, hash)]

    cdef int32_t intern(self, const char* text, size_t size, uint32_t hash) except -1:
        """Number of a term, which is added where it is new."""
        cdef size_t slot = self.slot_of(text, size, hash)
        cdef Term term
        if self.slots[slot] >= 0:
            return self.slots[slot]
        if self.terms.size() >= 0x7FFFFFFF:
            raise OverflowError("more than 2**31 - 1 different terms")
        term.start, term.size, term.hash = self.text.size(), size, hash
        self.text.insert(self.text.end(), text, text + size)
        self.slots[slot] = <int32_t>self.terms.size()
        self.terms.push_back(term)
        if 2 * self.terms.size() > self.slots.size():
            self.grow()
        return <int32_t>self.terms.size() - 1

    cdef size_t slot_of(self, const char* text, size_t size, uint32_t hash) noexcept:
        """The slot of a term, or the free one where it would go."""
        cdef size_t mask = self.slots.size() - 1, slot = hash & mask
        cdef const Term* term
        while self.slots[slot] >= 0:
            term = &self.terms[self.slots[slot]]
            if (term.hash == hash and term.size == size
                    and memcmp(self.text.data() + term.start, text, size) == 0):
                break
            slot = (slot + 1) & mask
        return slot

    cdef int grow(self) except -1:
        cdef size_t i, slot, mask = 4 * self.slots.size() - 1
        self.slots.assign(mask + 1, -1)
        for i in range(self.terms.size()):
            slot = self.terms[i].hash & mask
            while self.slots[slot] >= 0:
                slot = (slot + 1) & mask
            self.slots[slot] = <int32_t>i
        return 0


# --- counting and hashing -------------------------------------------------------------------------

ctypedef pair[int32_t, int64_t] Entry  # column and value


cdef class _Rows:
    """Sparse rows that are being filled: columns, values, and where each row ends."""

    cdef vector[int32_t] columns
    cdef vector[int64_t] values
    cdef vector[int64_t] ends
    cdef vector[Entry] scratch

    cdef int add(self, int32_t column, int64_t value) except -1:
        self.columns.push_back(column)
        self.values.push_back(value)
        return 0

    cdef int merge_row(self) except -1:
        """Sort the entries since the last end of a row; add up values of the same column."""
        cdef size_t start = self.ends.back() if self.ends.size() else 0, i
        self.scratch.clear()
        for i in range(start, self.columns.size()):
            self.scratch.push_back(Entry(self.columns[i], self.values[i]))
        sort(self.scratch.begin(), self.scratch.end())
        self.columns.resize(start)
        self.values.resize(start)
        for i in range(self.scratch.size()):
            if i and self.scratch[i].first == self.scratch[i - 1].first:
                self.values[self.values.size() - 1] += self.scratch[i].second
            else:
                self.add(self.scratch[i].first, self.scratch[i].second)
        return 0

    cdef tuple arrays(self):
        """(values int64, columns int32, pointers int64), as of the CSR format."""
        cdef size_t i
        values = np.empty(self.values.size(), np.int64)
        columns = np.empty(self.columns.size(), np.int32)
        pointers = np.zeros(self.ends.size() + 1, np.int64)
        cdef int64_t[::1] to_values = values, to_pointers = pointers
        cdef int32_t[::1] to_columns = columns
        if self.values.size():
            memcpy(&to_values[0], self.values.data(), self.values.size() * sizeof(int64_t))
            memcpy(&to_columns[0], self.columns.data(), self.columns.size() * sizeof(int32_t))
        for i in range(self.ends.size()):
            to_pointers[i + 1] = self.ends[i]
        return values, columns, pointers


def count(documents, TokenReader reader not None, TermTable table not None, bint grow):
    """Count n-grams: a row per document, a column per term of the table.

    Returns values, columns and pointers of the CSR format; columns lie as the terms first came.
    With `grow`, new terms are added to the table; otherwise they are left out.
    """
    cdef _Rows rows = _Rows()
    cdef vector[int64_t] position  # of a term in the current row, if not before its start
    cdef int64_t start = 0
    cdef Py_ssize_t n, i, size
    cdef int32_t number
    cdef const char* text
    cdef size_t length
    cdef uint32_t hash
    position.assign(table.terms.size(), -1)
    for document in documents:
        reader.read(document)
        size = reader.tokens.size()
        for n in range(reader.low, min(reader.high, size) + 1):
            for i in range(size - n + 1):
                text = reader.text.data() + reader.tokens[i].start
                length = reader.tokens[i + n - 1].stop - reader.tokens[i].start
                hash = _murmur3(text, length)
                if grow:
                    number = table.intern(text, length, hash)
                    if <size_t>number == position.size():
                        position.push_back(-1)
                else:
                    number = table.find(text, length, hash)
                    if number < 0:
                        continue
                if position[number] >= start:
                    rows.values[position[number]] += 1
                else:
                    position[number] = rows.columns.size()
                    rows.add(number, 1)
        start = rows.columns.size()
        rows.ends.push_back(start)
    return rows.arrays()


def count_terms(documents, TokenReader reader not None, TermTable table not None):
    """Add the tokens of all documents to the table; returns how often each of it came, int64."""
    cdef vector[int64_t] totals
    cdef size_t i
    cdef int32_t number
    cdef const char* text
    cdef size_t length
    totals.assign(table.terms.size(), 0)
    for document in documents:
        reader.read(document)
        for i in range(reader.tokens.size()):
            text = reader.text.data() + reader.tokens[i].start
            length = reader.tokens[i].stop - reader.tokens[i].start
            number = table.intern(text, length, _murmur3(text, length))
            if <size_t>number == totals.size():
                totals.push_back(0)
            totals[number] += 1
    result = np.empty(totals.size(), np.int64)
    cdef int64_t[::1] view = result
    for i in range(totals.size()):
        view[i] = totals[i]
    return result


def hash_rows(documents, TokenReader reader not None, int32_t features, bint signed):
    """Add up hashed n-grams: a row per document; returns what `count` does, columns ascending."""
    cdef _Rows rows = _Rows()
    cdef Py_ssize_t n, i, size
    cdef size_t length
    cdef int32_t hash
    cdef int64_t magnitude
    for document in documents:
        reader.read(document)
        size = reader.tokens.size()
        for n in range(reader.low, min(reader.high, size) + 1):
            for i in range(size - n + 1):
                length = reader.tokens[i + n - 1].stop - reader.tokens[i].start
                hash = <int32_t>_murmur3(reader.text.data() + reader.tokens[i].start, length)
                magnitude = -<int64_t>hash if hash < 0 else hash
                rows.add(<int32_t>(magnitude % features), -1 if signed and hash < 0 else 1)
        rows.merge_row()
        rows.ends.push_back(rows.columns.size())
    return rows.arrays()


def sort_rows(int64_t[::1] values, int32_t[::1] columns, const int64_t[::1] pointers):
    """Sort each row by its columns, in place."""
    cdef vector[Entry] row
    cdef int64_t n, i
    if values.shape[0] != columns.shape[0] or pointers[pointers.shape[0] - 1] > values.shape[0]:
        raise ValueError("sort_rows: values, columns and pointers do not fit")
    for n in range(pointers.shape[0] - 1):
        row.clear()
        for i in range(pointers[n], pointers[n + 1]):
            row.push_back(Entry(columns[i], values[i]))
        sort(row.begin(), row.end())
        for i in range(pointers[n], pointers[n + 1]):
            columns[i] = row[i - pointers[n]].first
            values[i] = row[i - pointers[n]].second
