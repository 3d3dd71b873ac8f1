"""safetensors files."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import collections.abc
import os
import typing

from . import Tensor

def load_params(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name and the metadata of a safetensors file."""

def save_params(
    path: str | os.PathLike[str],
    tensors: dict[str, typing.Any],
    metadata: collections.abc.Mapping[str, str] = {},
) -> None:
    """Writes tensors by name to a safetensors file, atomically."""
