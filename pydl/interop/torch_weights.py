"""Weights in PyTorch's checkpoint files, old and new format, without PyTorch.

Both formats hold a pickle that describes tensors by storage, offset, size and strides, and the raw
bytes of the storages. The pickle is read by `DataPickle`, which allows here: ordered dicts, the
names of storages, and the functions that put tensors together. No code of the file is run.

- The zip format (since PyTorch 1.6): <name>/data.pkl, <name>/data/<key> per storage, and
  <name>/byteorder, all of them uncompressed.
- The legacy format: pickles of a magic number, the protocol's version, the byte order, the object
  and the list of storage keys; then for each key the number of elements (int64) and their bytes.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Tensor
from pydl.interop.data_pickle import DataPickle
from pydl.interop.torch_records import STORAGES, Scope, Storage, TensorRecord

if TYPE_CHECKING:
    import numpy.typing as npt

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_ZIP_START = b"PK\x03\x04"


def load_torch_weights(path: str | os.PathLike[str], key: str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a PyTorch checkpoint, such as a state dict in a `.pth` file.

    PyTorch is not needed, and nothing in the file is run: it may hold tensors, numbers, text, lists
    and dicts, and is refused for anything else.

    Parameters
    ----------
    path : str or path
        File in the zip format or the legacy one.
    key : str, optional
        The entry that holds the weights, where the file holds more, such as "state_dict".

    Returns
    -------
    dict of str to Tensor
        Tensors by name. Those that shared a storage do so again, but for bfloat16.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is damaged, names anything but tensors, or is not a dict of tensors; the message
        says what and where.

    Examples
    --------
    >>> load_torch_weights("resnet18-f37072fd.pth")["conv1.weight"].shape  # doctest: +SKIP
    (64, 3, 7, 7)
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        is_zip = file.read(len(_ZIP_START)) == _ZIP_START
        file.seek(0)
        try:
            read = _read_zip if is_zip else _read_legacy
            return read(file, size, key)
        except _DAMAGED as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error


# What damaged files raise here and in the zip module.
_DAMAGED = (
    ValueError,
    OverflowError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
    IndexError,
    struct.error,
)


# --- the two formats ------------------------------------------------------------------------------


def _read_legacy(file: BinaryIO, size: int, key: str | None) -> dict[str, Tensor]:
    scope = Scope(size)

    def load() -> Any:
        return DataPickle(file, size, scope.resolve, scope.storage).load()

    try:
        magic = load()
    except ValueError as error:
        raise ValueError(f"not a PyTorch checkpoint ({error})") from error
    if magic != _MAGIC or load() != _PROTOCOL:
        raise ValueError("not a PyTorch checkpoint: another magic number or protocol")
    system = load()
    if not isinstance(system, dict) or not isinstance(system.get("little_endian"), bool):
        raise ValueError("malformed description of the system")
    order = "<" if system["little_endian"] else ">"
    records = _select(load(), key)
    keys = load()
    if not isinstance(keys, list) or not all(isinstance(k, (str, int)) for k in keys):
        raise ValueError("malformed list of storages")
    if sorted(map(str, keys)) != sorted(scope.storages):
        raise ValueError("the list of storages differs from those that tensors are in")
    elements = {
        storage_key: _read_legacy_storage(file, size, scope.storages[storage_key], order)
        for storage_key in map(str, keys)
    }
    return _tensors(records, elements, size)


def _read_legacy_storage(
    file: BinaryIO, size: int, storage: Storage, order: str
) -> npt.NDArray[Any]:
    start = file.tell()
    head = file.read(8)
    if len(head) < 8:
        raise ValueError(f"storage {storage.key} at byte {start}: truncated")
    count = int.from_bytes(head, "little" if order == "<" else "big", signed=True)
    if count != storage.length:
        raise ValueError(
            f"storage {storage.key} at byte {start}: expected {storage.length} elements, "
            f"got {count}"
        )
    return _read_elements(file, size - start - 8, storage, order)


def _read_zip(file: BinaryIO, size: int, key: str | None) -> dict[str, Tensor]:
    with zipfile.ZipFile(file) as archive:
        folders = [n[: -len("data.pkl")] for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(folders) != 1:
            raise ValueError(f"expected one data.pkl in the archive, got {len(folders)}")
        (folder,) = folders
        order = "<"
        if f"{folder}byteorder" in archive.namelist():
            order = _byte_order(_entry(archive, size, f"{folder}byteorder"))
        content = _entry(archive, size, f"{folder}data.pkl")
        scope = Scope(len(content))
        machine = DataPickle(io.BytesIO(content), len(content), scope.resolve, scope.storage)
        records = _select(machine.load(), key)
        needed = {record.storage.key for record in records.values()}
        elements = {
            name: _read_zip_storage(archive, size, f"{folder}data/{name}", storage, order)
            for name, storage in scope.storages.items()
            if name in needed
        }
    return _tensors(records, elements, size)


def _byte_order(content: bytes) -> str:
    if content not in (b"little", b"big"):
        raise ValueError("byteorder: expected little or big")
    return "<" if content == b"little" else ">"


def _check_entry(archive: zipfile.ZipFile, size: int, name: str) -> zipfile.ZipInfo:
    if name not in archive.NameToInfo:
        raise ValueError(f"the archive has no {name}")
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise ValueError(f"{name}: expected an entry that is neither compressed nor encrypted")
    if not (info.header_offset >= 0 and info.header_offset + info.file_size <= size):
        raise ValueError(f"{name}: reaches outside of the file")
    return info


def _entry(archive: zipfile.ZipFile, size: int, name: str) -> bytes:
    return archive.read(_check_entry(archive, size, name))


def _read_zip_storage(
    archive: zipfile.ZipFile, size: int, name: str, storage: Storage, order: str
) -> npt.NDArray[Any]:
    info = _check_entry(archive, size, name)
    expected = storage.length * np.dtype(STORAGES[storage.kind]).itemsize
    if info.file_size != expected:
        raise ValueError(f"{name}: expected {expected} bytes, got {info.file_size}")
    with archive.open(info) as source:
        elements = _read_elements(source, info.file_size, storage, order)
        source.read(1)  # the checksum is compared when the end is met
    return elements


def _read_elements(source: Any, available: int, storage: Storage, order: str) -> npt.NDArray[Any]:
    """Read a storage into new memory, in this machine's byte order."""
    dtype = np.dtype(order + STORAGES[storage.kind])
    if storage.length * dtype.itemsize > available:
        raise ValueError(
            f"storage {storage.key}: truncated: {storage.length * dtype.itemsize} bytes expected, "
            f"{available} there"
        )
    elements = np.empty(storage.length, dtype)
    place, filled = elements.view(np.uint8).data, 0
    while filled < len(place) and (count := source.readinto(place[filled:])):
        filled += count
    if filled < len(place):
        raise ValueError(
            f"storage {storage.key}: truncated: {len(place)} bytes expected, {filled} there"
        )
    if storage.kind == "BoolStorage" and elements.size and elements.view(np.uint8).max() > 1:
        raise ValueError(f"storage {storage.key}: bytes that are neither true nor false")
    return elements.astype(dtype.newbyteorder("="), copy=False)


# --- from records to tensors ----------------------------------------------------------------------


def _select(content: Any, key: str | None) -> dict[str, TensorRecord]:
    """Find the mapping of names to tensors in what the pickle describes."""
    where = "the file"
    if key is not None:
        if not isinstance(content, Mapping) or key not in content:
            known = (
                ", ".join(map(str, list(content)[:9]))
                if isinstance(content, Mapping)
                else "no entries"
            )
            raise ValueError(f"key: expected one of the file's entries, {known}, got {key!r}")
        content, where = content[key], f"entry {key!r}"
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: expected a dict of tensors, got a {type(content).__name__}")
    wrong = [name for name, value in content.items() if not isinstance(value, TensorRecord)]
    if wrong or not all(isinstance(name, str) for name in content):
        dicts = [name for name in wrong if isinstance(content[name], Mapping)]
        hint = f"; choose one with key={dicts[0]!r}" if dicts else ""
        raise ValueError(
            f"{where}: expected tensors by name, got other things as well: "
            f"{', '.join(map(str, wrong[:5]))}{hint}"
        )
    return dict(content)


def _tensors(
    records: Mapping[str, TensorRecord], elements: Mapping[str, npt.NDArray[Any]], size: int
) -> dict[str, Tensor]:
    copied = sum(
        math.prod(record.size)
        for record in set(records.values())
        if record.storage.kind == "BFloat16Storage"
    )
    if copied > size:  # in a sound file, at most half of its bytes
        raise ValueError("bfloat16 tensors overlap one another too much to be copied")
    made: dict[TensorRecord, Tensor] = {}
    for record in records.values():
        if record not in made:
            made[record] = _tensor(record, elements[record.storage.key])
    return {name: made[record] for name, record in records.items()}


def _tensor(record: TensorRecord, elements: npt.NDArray[Any]) -> Tensor:
    if record.storage.view is not None:
        start, count = record.storage.view
        elements = elements[start : start + count]
    strides = [step * elements.itemsize for step in record.stride]
    if 0 in record.size:
        array = np.empty(record.size, elements.dtype)
    else:
        array = np.lib.stride_tricks.as_strided(elements[record.offset :], record.size, strides)
    if record.storage.kind != "BFloat16Storage":
        return _core.asarray(array)
    # bfloat16 is the upper half of float32.
    wide = (array.astype(np.uint32) << 16).view(np.float32)
    return _core.asarray(wide).astype("bfloat16")


check_public(globals())
