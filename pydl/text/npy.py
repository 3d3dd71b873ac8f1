"""NumPy's .npy files, read so that a damaged or hostile one is a ValueError that names it.

NumPy's own reader takes memory for whatever shape the header promises, and lets the errors of
Python's parser through.
"""

from __future__ import annotations

import ast
import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_MAGIC = b"\x93NUMPY"
# Headers of plain arrays have about a hundred bytes.
_MOST_HEADER_BYTES = 10_000
_MOST_AXES = 32


def read_npy(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an array of numbers from a .npy file.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is malformed or holds Python's objects; the message names the file.

    Examples
    --------
    >>> import numpy as np
    >>> np.save("numbers.npy", np.eye(2))
    >>> read_npy("numbers.npy").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            dtype, order, shape = _read_header(file)
            count = math.prod(shape)
            expected = count * dtype.itemsize
            if expected != size - file.tell():
                raise ValueError(
                    f"shape {shape} of {dtype} takes {expected} bytes, "
                    f"{size - file.tell()} follow the header"
                )
            elements = np.fromfile(file, dtype, count)
            if elements.size != count:
                raise ValueError("it became shorter while it was read")
            return elements.reshape(shape, order="F" if order else "C")
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: no array of numbers: {error}") from None


def _read_header(file: BinaryIO) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return dtype, whether the first axis varies fastest, and shape."""
    start = file.read(len(_MAGIC) + 2)
    if len(start) < len(_MAGIC) + 2 or not start.startswith(_MAGIC) or start[-2] not in (1, 2, 3):
        raise ValueError("it does not begin as a .npy file of versions 1 to 3")
    length = int.from_bytes(file.read(2 if start[-2] == 1 else 4), "little")
    if length > _MOST_HEADER_BYTES:
        raise ValueError(f"its header is said to have {length} bytes")
    text = file.read(length)
    if len(text) != length:
        raise ValueError("its header is truncated")
    try:
        header = ast.literal_eval(text.decode("utf-8").strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError("its header is not the text of a dict") from None
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header is not a dict of descr, fortran_order and shape")
    descr, order, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(order, bool) or not _is_shape(shape):
        raise ValueError("its header has another fortran_order or shape")
    return _dtype(descr), order, shape


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= _MOST_AXES
        and all(type(size) is int and 0 <= size < 2**62 for size in shape)
    )


def _dtype(descr: object) -> np.dtype[Any]:
    """Return the dtype of plain numbers that is described."""
    try:
        dtype = np.dtype(descr) if isinstance(descr, str) else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.kind not in "biufc":
        raise ValueError(f"expected a dtype of numbers, got {descr!r:.50}")
    return dtype
