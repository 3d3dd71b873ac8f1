"""Exchange with files and other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl._checked_calls import check_public
from pydl.interop.safetensors import load, load_metadata, save

if TYPE_CHECKING:
    from pydl.interop.torch_weights import load_torch_weights

__all__ = ["load", "load_metadata", "load_torch_weights", "save"]


def __getattr__(name: str) -> Any:
    """Import the reader of PyTorch's files, with the zip module, on first use."""
    if name == "load_torch_weights":
        from pydl.interop.torch_weights import load_torch_weights

        return load_torch_weights
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


check_public(globals())
