"""Event files, which TensorBoard reads: their records, messages and pictures, written by hand.

A file is a sequence of records: the length in eight bytes, its checksum, the message `Event` of
Protocol Buffers, and its checksum. Numbers of fields are those of TensorBoard's event.proto,
summary.proto, graph.proto and tensor.proto.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pydl.training.callbacks.files import append

# --- checksums ------------------------------------------------------------------------------------

_POLYNOMIAL = 0x82F63B78  # of Castagnoli, bits reversed
_LANES = 256  # parts of a long message whose checksums are computed side by side


@functools.cache
def _table() -> npt.NDArray[np.uint32]:
    """Return the checksums of single bytes."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@functools.cache
def _numbers() -> list[int]:
    return [int(value) for value in _table()]


def crc32c(data: bytes) -> int:
    """Return the checksum CRC-32C (Castagnoli)."""
    if len(data) >= 16 * _LANES:
        return _crc_of_lanes(data)
    table, crc = _numbers(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_of_lanes(data: bytes) -> int:
    """Compute the checksum of a long message in parts.

    Without the inversions at its ends the checksum is linear: the initial value is the same as
    inverting the first four bytes, and zeros in front change nothing.
    """
    size = -(-len(data) // _LANES)
    padded = np.zeros(_LANES * size, np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    start = len(padded) - len(data)
    padded[start : start + 4] ^= 255
    lanes = padded.reshape(_LANES, size).T
    # The last 32 rows tell what the bytes of a lane make of each bit of what was before it.
    crc = np.concatenate([np.zeros(_LANES, np.uint32), np.uint32(1) << np.arange(32, dtype="u4")])
    table, low = _table(), np.zeros(_LANES + 32, np.uint32)
    for column in lanes:
        low[:_LANES] = column
        crc = table[(crc ^ low) & 255] ^ (crc >> 8)
    shifted = crc[_LANES:]
    bits = np.arange(32, dtype=np.uint32)
    total = np.uint32(0)
    for part in crc[:_LANES]:
        total = np.bitwise_xor.reduce(shifted[(total >> bits) & 1 == 1], initial=np.uint32(0))
        total ^= part
    return int(total) ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(message: bytes) -> bytes:
    """Return a message with its length and checksums."""
    length = struct.pack("<Q", len(message))
    return length + _masked(length) + message + _masked(message)


# --- messages -------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """Encode a field of an integer or enumeration."""
    return _varint(field << 3) + _varint(value)


def double(field: int, value: float) -> bytes:
    """Encode a field of 64 bits."""
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """Encode a field of 32 bits; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return _varint(field << 3 | 5) + np.array(value, "<f4").tobytes()


def block(field: int, content: bytes | str) -> bytes:
    """Encode a field of bytes, text, or another message."""
    data = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def doubles(field: int, values: npt.NDArray[Any]) -> bytes:
    """Encode a packed field of numbers of 64 bits."""
    return block(field, np.asarray(values, "<f8").tobytes())


def event(step: int | None = None, content: bytes = b"") -> bytes:
    """Encode an `Event` of now."""
    return double(1, time.time()) + (b"" if step is None else integer(2, step)) + content


def summary(values: Iterable[bytes]) -> bytes:
    """Encode the field of an event that has values."""
    return block(5, b"".join(block(1, value) for value in values))


def scalar(tag: str, value: float) -> bytes:
    """Encode a value that is a number."""
    return block(1, tag) + single(2, value)


def histogram(tag: str, values: npt.NDArray[Any], bins: int = 30) -> bytes:
    """Encode how often numbers come; those that are not finite are left out."""
    numbers = np.asarray(values, np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    counts, limits = np.histogram(numbers, bins) if numbers.size else (np.zeros(1), np.zeros(2))
    with np.errstate(over="ignore"):
        squares = float(np.square(numbers).sum())
    ends = (numbers.min(), numbers.max()) if numbers.size else (0.0, 0.0)
    content = double(1, ends[0]) + double(2, ends[1]) + double(3, numbers.size)
    content += double(4, numbers.sum()) + double(5, squares)
    # The limits are upper ones: what is before the first bin is empty.
    content += doubles(6, limits) + doubles(7, np.concatenate([[0], counts]))
    return block(1, tag) + block(5, content)


def image(tag: str, pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture (H, W, C) of 1 to 4 channels."""
    height, width, channels = pixels.shape
    content = integer(1, height) + integer(2, width) + integer(3, channels)
    return block(1, tag) + block(4, content + block(4, png(pixels)))


def text(tag: str, content: str) -> bytes:
    """Encode a text, which TensorBoard shows as Markdown."""
    words = integer(1, 7) + block(2, block(2, integer(1, 1))) + block(8, content)  # DT_STRING (1,)
    return block(1, tag) + block(8, words) + _plugin("text")


def _plugin(name: str, content: bytes = b"") -> bytes:
    return block(9, block(1, block(1, name) + (block(2, content) if content else b"")))


def hyperparameters(values: Mapping[str, Any]) -> bytes:
    """Encode the start of a run with its hyperparameters: numbers, booleans and texts."""
    entries = b"".join(
        block(1, block(1, str(name)) + block(2, _value(value))) for name, value in values.items()
    )
    content = integer(1, 0) + block(3, entries + double(5, time.time()))
    return (
        block(1, "_hparams_/session_start_info") + block(8, _NOTHING) + _plugin("hparams", content)
    )


_NOTHING = integer(1, 1) + block(2, b"")  # a tensor of floats without dimensions


def _value(value: Any) -> bytes:
    if isinstance(value, (bool, np.bool_)):
        return integer(4, int(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return double(2, float(value))
    return block(3, str(value))


def graph(nodes: Iterable[tuple[str, str, Sequence[str]]]) -> bytes:
    """Encode the field of an event that has a graph: of each node name, kind, and inputs."""
    content = b"".join(
        block(1, block(1, name) + block(2, kind) + b"".join(block(3, i) for i in inputs))
        for name, kind, inputs in nodes
    )
    return block(4, content + block(4, integer(1, 22)))  # the version of the format


# --- pictures -------------------------------------------------------------------------------------

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # grey, grey with alpha, colours, colours with alpha


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the PNG file of a picture (H, W, C) of 1 to 4 channels."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter, none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


# --- files ----------------------------------------------------------------------------------------

_numbered = itertools.count()


class EventWriter:
    """Adds events to a new file of a folder; nothing is kept open between calls.

    Parameters
    ----------
    folder : str
        Where the file is made, with the folder, by the first event.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._path: str | None = None

    def write(self, *events: bytes) -> None:
        """Add events, all at once."""
        messages = list(events)
        if self._path is None:
            os.makedirs(self.folder, exist_ok=True)
            name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
            self._path = os.path.join(
                self.folder, f"events.out.tfevents.{name}.{next(_numbered)}.v2"
            )
            messages.insert(0, event(content=block(3, "brain.Event:2")))
        append(self._path, b"".join(record(message) for message in messages))
