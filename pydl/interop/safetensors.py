"""Parameters in files: safetensors, which hold tensors and text but nothing that runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pydl import _core
from pydl._core import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt


class HasState(Protocol):
    """A module, an optimiser, or whatever else names its tensors."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return tensors by name."""


def save(
    path: str | os.PathLike[str],
    state: HasState | Mapping[str, Tensor | npt.NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a safetensors file, atomically: `path` is the old file or the new one.

    All functions of pydl that write files do it in this way, but for logs, to which lines are
    added. What is written goes to a temporary file beside `path`, which replaces it once it is on
    the disk; those that a killed process left are removed by the next one that writes to the
    folder. Permissions stay, and so does the owner where the system lets us set it. A symbolic link
    stays one, and the file that it leads to is replaced. A pipe or a device is written to directly.
    A read-only file is refused.

    Parameters
    ----------
    path : str or path
        File to write; its folder must exist.
    state : Module, Optimizer, or mapping of str to Tensor or numpy.ndarray
        What to save; of a module or optimiser its `state_dict`.
    metadata : mapping of str to str, optional
        Text that goes along.

    Raises
    ------
    OSError
        When the file cannot be written; an older one is then as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.safetensors")
    ...     pydl.save(path, {"w": pydl.ones((2,))})
    ...     pydl.load(path)["w"].tolist()
    [1.0, 1.0]
    """
    if isinstance(path, Mapping) or hasattr(path, "state_dict"):
        raise TypeError("save: expected the path first, and then what is saved: save(path, state)")
    named = state if isinstance(state, Mapping) else state.state_dict()
    tensors = {name: _core.asarray(value) for name, value in named.items()}
    _core.io.save_params(os.fspath(path), tensors, dict(metadata or {}))


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    dict of str to Tensor
        The tensors by name, with dtypes and shapes of the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.safetensors")
    ...     pydl.save(path, {"w": pydl.ones((2,))})
    ...     list(pydl.interop.load(path))
    ['w']

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is malformed; the message says where.
    """
    return load_with_metadata(path)[0]


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the text that goes along with the tensors of a safetensors file; errors as for `load`.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    dict of str to str
        Empty where the file has none.

    Raises
    ------
    OSError, ValueError
        As of `load`.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.safetensors")
    ...     pydl.save(path, {"w": pydl.ones((2,))}, {"made by": "an example"})
    ...     pydl.interop.load_metadata(path)
    {'made by': 'an example'}
    """
    return load_with_metadata(path)[1]


def load_with_metadata(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a safetensors file and the text that goes along; errors as for `load`."""
    tensors, metadata = _core.io.load_params(os.fspath(path))
    return tensors, metadata
