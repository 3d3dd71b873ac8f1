"""R's serialised data: the XDR format of .rds files and of the lazy-load databases of packages."""

from __future__ import annotations

import struct
from typing import Any

# Types of R that hold data; see serialize.c of R. Other objects (functions, environments) are
# refused.
_SYMBOL, _PAIRS, _CHARS, _LOGICALS, _INTEGERS, _REALS, _STRINGS, _LIST = 1, 2, 9, 10, 13, 14, 16, 19
_NULL, _REFERENCE = 254, 255
_HAS_ATTRIBUTES, _HAS_TAG = 1 << 9, 1 << 10
_LATIN1 = 1 << 14

_HEADER = b"X\n"


def read_serialized(content: bytes) -> Any:
    """Read an object of R.

    Parameters
    ----------
    content : bytes
        What `serialize` of R writes in binary form, uncompressed, format 2 or 3.

    Returns
    -------
    None, str, list, dict
        Vectors are lists; those with names are dicts. A missing string is None.

    Raises
    ------
    ValueError
        For content of another format, damaged content, and objects that are not data.
    """
    if not content.startswith(_HEADER):
        raise ValueError("R data: expected binary XDR format")
    try:
        return _Reader(content).start()
    except (struct.error, IndexError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"R data: damaged: {error}") from error


def read_lazy_load(index: bytes, database: bytes) -> dict[str, Any]:
    """Read the objects of a lazy-load database.

    Parameters
    ----------
    index, database : bytes
        Contents of the files .rdx and .rdb.

    Returns
    -------
    dict of str to object
        As for `read_serialized`.

    Raises
    ------
    ValueError
        For damaged contents, and objects that are not data.
    """
    import zlib

    objects = {}
    try:
        places = read_serialized(zlib.decompress(index, wbits=31))["variables"]
        for name, (start, size) in places.items():
            # The uncompressed size precedes the compressed object.
            (expected,) = struct.unpack_from(">I", database, start)
            content = zlib.decompress(database[start + 4 : start + size])
            if len(content) != expected:
                raise ValueError(f"expected {expected} bytes, got {len(content)}")
            objects[name] = read_serialized(content)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, zlib.error) as error:
        raise ValueError(f"R lazy-load database: damaged: {error}") from error
    return objects


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, len(_HEADER)
        self.references: list[Any] = []

    def start(self) -> Any:
        version, _, _ = self.numbers("i", 3)
        if version not in (2, 3):
            raise ValueError(f"R data: expected format 2 or 3, got {version}")
        if version == 3:
            self.take(self.integer())  # the native encoding; each string states its own
        return self.object()

    def take(self, size: int) -> bytes:
        part = self.content[self.place : self.place + size]
        if size < 0 or len(part) != size:
            raise ValueError(f"R data: damaged: {size} bytes expected at {self.place}")
        self.place += size
        return part

    def numbers(self, code: str, count: int) -> list[Any]:
        form = f">{count}{code}"
        return list(struct.unpack(form, self.take(struct.calcsize(form))))

    def integer(self) -> int:
        return int(self.numbers("i", 1)[0])

    def length(self) -> int:
        """Read the length of a vector; each element takes at least 4 bytes."""
        length = self.integer()
        if not 0 <= length <= (len(self.content) - self.place) // 4:
            raise ValueError(f"R data: damaged: a vector of {length} elements")
        return length

    def object(self) -> Any:
        flags = self.integer()
        kind = flags & 0xFF
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            return self.references[(flags >> 8 or self.integer()) - 1]
        if kind == _SYMBOL:
            self.references.append(self.object())
            return self.references[-1]
        if kind == _CHARS:
            return self.characters(flags)
        if kind == _PAIRS:
            return self.pairs(flags)
        values = self.vector(kind)
        attributes = dict(self.object()) if flags & _HAS_ATTRIBUTES else {}
        if "names" in attributes:
            return dict(zip(attributes["names"], values, strict=True))
        return values

    def characters(self, flags: int) -> str | None:
        size = self.integer()
        if size == -1:
            return None
        return self.take(size).decode("latin-1" if flags & _LATIN1 else "utf-8")

    def vector(self, kind: int) -> list[Any]:
        if kind in (_LOGICALS, _INTEGERS):
            return self.numbers("i", self.length())
        if kind == _REALS:
            return self.numbers("d", self.length())
        if kind in (_STRINGS, _LIST):
            return [self.object() for _ in range(self.length())]
        raise ValueError(f"R data: objects of type {kind} are not read")

    def pairs(self, flags: int) -> list[tuple[Any, Any]]:
        """Read a pairlist, whose rest follows each of its pairs."""
        found = []
        while flags & 0xFF == _PAIRS:
            if flags & _HAS_ATTRIBUTES:
                self.object()
            tag = self.object() if flags & _HAS_TAG else None
            found.append((tag, self.object()))
            flags = self.integer()
        if flags & 0xFF != _NULL:
            raise ValueError("R data: damaged: a pairlist without an end")
        return found
