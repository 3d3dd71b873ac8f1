"""Files: safetensors, and the writer that all files use."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import collections.abc
import os
import typing

from . import Tensor

class OutputFile:
    """Replaces a file atomically by the data written in a `with` block, unless the block raises."""

    def __enter__(self) -> OutputFile: ...
    def __exit__(self, arg0: typing.Any, arg1: typing.Any, arg2: typing.Any) -> None: ...
    def __init__(self, path: str | os.PathLike[str]) -> None: ...
    def write(self, content: typing.Any) -> None:
        """Appends bytes."""

def load_params(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name and the metadata of a safetensors file."""

def save_params(
    path: str | os.PathLike[str],
    tensors: dict[str, typing.Any],
    metadata: collections.abc.Mapping[str, str] = {},
) -> None:
    """Writes tensors by name to a safetensors file, atomically."""

def write_file(path: str | os.PathLike[str], content: typing.Any) -> None:
    """Writes bytes to a file, atomically."""
