"""What pydl offers as a namespace of the array API standard: `pydl.__array_namespace_info__()`."""

from __future__ import annotations

from typing import Any

from pydl import _core
from pydl._core import DType
from pydl.dtype_info import isdtype

__all__ = ["ArrayNamespaceInfo"]

# Those of the standard; pydl also has float16 and bfloat16.
_DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")


class ArrayNamespaceInfo:
    """Capabilities, devices and dtypes, as the array API standard asks for them.

    Examples
    --------
    >>> import pydl
    >>> info = pydl.__array_namespace_info__()
    >>> info.default_dtypes()["real floating"], info.devices()
    (pydl.float32, ['cpu'])
    """

    def capabilities(self) -> dict[str, Any]:
        """Return whether masks and shapes that depend on values are supported, and the rank."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": _core.max_rank,
        }

    def default_device(self) -> str:
        """Return the device on which tensors are created."""
        return "cpu"

    def devices(self) -> list[str]:
        """Return the devices on which tensors may be."""
        return ["cpu"]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """Return the dtypes of what is created without a dtype, by kind."""
        _check_device(device)
        return {"real floating": _core.float32, "integral": _core.int64, "indexing": _core.int64}

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, DType]:
        """Return the dtypes of the standard by name, all or those of a kind (see `isdtype`)."""
        _check_device(device)
        dtypes = {name: getattr(_core, name) for name in _DTYPES}
        return {
            name: dtype for name, dtype in dtypes.items() if kind is None or isdtype(dtype, kind)
        }


def _check_device(device: str | None) -> None:
    if device not in (None, "cpu"):
        raise ValueError(f"pydl's tensors are on the device 'cpu', not on {device!r}")
