# cython: language_level=3, boundscheck=False, wraparound=False
"""Gathering the rows of a batch, without the interpreter lock."""

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
