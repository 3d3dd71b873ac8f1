"""What the pickle of a PyTorch checkpoint may name, and how it describes tensors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydl.interop.data_pickle import Allowed

_MOST_ELEMENTS = 2**63 - 1
_MOST_AXES = 8

# PyTorch's storages and how the file stores their elements; NumPy has no bfloat16.
STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}


class StorageType(NamedTuple):
    """Type of a storage, by PyTorch's name."""

    name: str


class Storage(NamedTuple):
    """Elements in the file: which, of what type, how many; of a view the part that it sees."""

    key: str
    kind: str
    length: int
    view: tuple[int, int] | None

    @property
    def visible(self) -> int:
        return self.length if self.view is None else self.view[1]


class TensorRecord(NamedTuple):
    """The layout of a tensor in its storage, in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Scope:
    """What the names in one checkpoint stand for, and the storages that it mentions."""

    def __init__(self, size: int) -> None:
        self.storages: dict[str, Storage] = {}
        self._items_left = size  # in ordered dicts made from lists: each takes bytes of the file
        self._functions = {
            ("collections", "OrderedDict"): Allowed(self._ordered_dict),
            ("torch._utils", "_rebuild_tensor"): Allowed(_tensor_record),
            ("torch._utils", "_rebuild_tensor_v2"): Allowed(_tensor_record),
            ("torch._utils", "_rebuild_parameter"): Allowed(_parameter_record),
        }

    def resolve(self, module: str, name: str) -> Any:
        if (module, name) in self._functions:
            return self._functions[module, name]
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return StorageType(name)
        raise ValueError(
            f"refused {module}.{name}: only tensors, numbers, text, lists and dicts are read"
        )

    def _ordered_dict(self, arguments: tuple[Any, ...]) -> dict[Any, Any]:
        # Dicts keep their order. Python 2 wrote the items here, as a list of [key, value].
        pairs = arguments[0] if arguments else []
        self._items_left -= len(pairs) if isinstance(pairs, list) else 0
        if len(arguments) > 1 or not isinstance(pairs, list) or self._items_left < 0:
            raise ValueError("malformed OrderedDict")
        if not all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in pairs):
            raise ValueError("malformed items of an OrderedDict")
        return dict(pairs)

    def storage(self, identity: Any) -> Storage:
        """Storage by its persistent id: ("storage", type, key, device, count[, view])."""
        if not isinstance(identity, tuple) or len(identity) not in (5, 6):
            raise ValueError("malformed persistent id")
        tag, kind, key, _, count, *rest = identity
        key = str(key) if isinstance(key, (str, int)) else None
        view = rest[0] if rest else None
        if tag != "storage" or not isinstance(kind, StorageType) or key is None:
            raise ValueError("malformed persistent id")
        if not _is_count(count):
            raise ValueError(f"storage {key}: malformed number of elements")
        whole = Storage(key, kind.name, count, None)
        if self.storages.setdefault(key, whole) != whole:
            raise ValueError(f"storage {key} is given twice, with other types or sizes")
        if view is None:
            return whole
        if not isinstance(view, tuple) or len(view) != 3 or not all(map(_is_count, view[1:])):
            raise ValueError(f"storage {key}: malformed view")
        if view[1] + view[2] > count:
            raise ValueError(f"storage {key}: a view reaches outside of its {count} elements")
        return whole._replace(view=(view[1], view[2]))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ELEMENTS


def _tensor_record(arguments: tuple[Any, ...]) -> TensorRecord:
    """Check (storage, offset, size, stride, ...); what follows concerns gradients."""
    if len(arguments) < 4 or not isinstance(arguments[0], Storage):
        raise ValueError("malformed tensor: expected storage, offset, size and strides")
    storage, offset, size, stride = arguments[:4]
    for name, value in (("size", size), ("strides", stride)):
        if not isinstance(value, tuple) or not all(map(_is_count, value)):
            raise ValueError(f"tensor in storage {storage.key}: malformed {name}")
        if len(value) > _MOST_AXES:
            raise ValueError(f"tensor in storage {storage.key}: more than {_MOST_AXES} axes")
    if not _is_count(offset) or len(size) != len(stride):
        raise ValueError(f"tensor in storage {storage.key}: malformed offset or strides")
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count and last >= storage.visible:
        raise ValueError(
            f"tensor of shape {size} with strides {stride} at {offset} reaches outside of storage "
            f"{storage.key}, which has {storage.visible} elements"
        )
    if count > storage.visible:
        raise ValueError(
            f"tensor of shape {size} has more elements than storage {storage.key}, "
            f"which has {storage.visible}"
        )
    return TensorRecord(storage, offset, size, stride)


def _parameter_record(arguments: tuple[Any, ...]) -> TensorRecord:
    if not arguments or not isinstance(arguments[0], TensorRecord):
        raise ValueError("malformed parameter: expected a tensor")
    return arguments[0]
