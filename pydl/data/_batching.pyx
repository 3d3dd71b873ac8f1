# cython: language_level=3, boundscheck=False, wraparound=False
"""Gathering the rows or the windows of a batch, without the interpreter lock."""

from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from libc.stdint cimport int64_t
from libc.string cimport memcpy


cdef int64_t _gather(const char* source, const int64_t* index, char* out, int64_t count,
                     int64_t rows, size_t row_bytes) noexcept nogil:
    """Copy rows; returns the position of the first index out of range, or -1."""
    cdef int64_t i
    for i in range(count):
        if index[i] < 0 or index[i] >= rows:
            return i
        memcpy(out + i * row_bytes, source + index[i] * row_bytes, row_bytes)
    return -1


def gather_rows(source, const int64_t[::1] index, int64_t start, out):
    """Copy `source[index[start:start + len(out)]]` into `out`.

    Both are C-contiguous buffers of one dtype whose rows have one size; axis 0 counts the rows.
    Raises `ValueError` for buffers that do not fit, `IndexError` for an index out of range.
    """
    cdef Py_buffer src, dst
    cdef int64_t count, bad = -1
    cdef size_t row_bytes
    PyObject_GetBuffer(source, &src, PyBUF_C_CONTIGUOUS)
    try:
        PyObject_GetBuffer(out, &dst, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if src.ndim < 1 or dst.ndim < 1:
                raise ValueError("gather_rows: expected buffers with at least one axis")
            count = dst.shape[0]
            row_bytes = dst.len // count if count > 0 else 0
            if start < 0 or start + count > index.shape[0]:
                raise ValueError("gather_rows: the index is shorter than what is asked for")
            if count > 0 and (src.itemsize != dst.itemsize
                              or src.len != <Py_ssize_t>(row_bytes * src.shape[0])):
                raise ValueError("gather_rows: rows of source and out differ in size")
            if count > 0:
                with nogil:
                    bad = _gather(<const char*>src.buf, &index[start], <char*>dst.buf, count,
                                  src.shape[0], row_bytes)
            if bad >= 0:
                raise IndexError(f"gather_rows: index {index[start + bad]} is outside the "
                                 f"{src.shape[0]} rows")
        finally:
            PyBuffer_Release(&dst)
    finally:
        PyBuffer_Release(&src)


cdef int64_t _gather_windows(const char* source, const int64_t* starts, int64_t count,
                             const int64_t* offsets, int64_t length, char* out, int64_t rows,
                             size_t row_bytes) noexcept nogil:
    """Copy windows; returns the position of the first that leaves the rows, or -1."""
    cdef int64_t i, j, low = offsets[0], high = offsets[0]
    cdef bint neighbours = True
    cdef size_t window_bytes = length * row_bytes
    for j in range(1, length):
        low, high = min(low, offsets[j]), max(high, offsets[j])
        neighbours = neighbours and offsets[j] == offsets[j - 1] + 1
    for i in range(count):
        if starts[i] < -low or starts[i] >= rows - high:
            return i
        if neighbours:
            memcpy(out + i * window_bytes, source + (starts[i] + low) * row_bytes, window_bytes)
            continue
        for j in range(length):
            memcpy(out + i * window_bytes + j * row_bytes,
                   source + (starts[i] + offsets[j]) * row_bytes, row_bytes)
    return -1


def gather_windows(source, const int64_t[::1] starts, const int64_t[::1] offsets, out):
    """Copy `source[starts[i] + offsets[j]]` into `out[i, j]`.

    Source and out are C-contiguous buffers of one dtype, out of any shape with as many elements as
    the rows have; axis 0 of the source counts its rows. Raises `ValueError` for buffers that do not
    fit, `IndexError` for a window that leaves the rows.
    """
    cdef Py_buffer src, dst
    cdef int64_t bad = -1, count = starts.shape[0], length = offsets.shape[0]
    cdef size_t row_bytes
    PyObject_GetBuffer(source, &src, PyBUF_C_CONTIGUOUS)
    try:
        PyObject_GetBuffer(out, &dst, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if src.ndim < 1 or src.shape[0] < 1:
                raise ValueError("gather_windows: expected a source with rows")
            row_bytes = src.len // src.shape[0]
            if src.itemsize != dst.itemsize or dst.len != <Py_ssize_t>(count * length * row_bytes):
                raise ValueError("gather_windows: windows of source and out differ in size")
            if count > 0 and length > 0:
                with nogil:
                    bad = _gather_windows(<const char*>src.buf, &starts[0], count, &offsets[0],
                                          length, <char*>dst.buf, src.shape[0], row_bytes)
            if bad >= 0:
                raise IndexError(f"gather_windows: the window from row {starts[bad]} leaves the "
                                 f"{src.shape[0]} rows")
        finally:
            PyBuffer_Release(&dst)
    finally:
        PyBuffer_Release(&src)
