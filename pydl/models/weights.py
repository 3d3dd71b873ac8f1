"""Weights of models from files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from pydl.nn import Module

if TYPE_CHECKING:
    from pydl._core import Tensor

Path = str | os.PathLike[str]
ModuleT = TypeVar("ModuleT", bound=Module)


def load_weights(model: ModuleT, path: Path | None, *, left_out: tuple[str, ...] = ()) -> ModuleT:
    """Copy the weights of a file into a model and return it.

    Parameters
    ----------
    model : Module
    path : str or path, optional
        A safetensors file, or a PyTorch checkpoint, for `pydl.interop.load_torch_weights`. With
        None the model stays as it is.
    left_out : tuple of str, default ()
        Entries whose names start with one of these are not used.

    Returns
    -------
    Module
        The model itself.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When the file is damaged, and for parameters that are missing, unexpected, or of another
        shape; the message names them.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> model = pydl.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.safetensors")
    ...     pydl.save(path, pydl.nn.Linear(3, 4))
    ...     load_weights(model, path)
    Traceback (most recent call last):
    ValueError: ...weights.safetensors: Linear.load_state_dict:
      weight: expected shape (2, 3), got (4, 3)
      bias: expected shape (2,), got (4,)
    """
    if path is None:
        return model
    state = {name: value for name, value in _read(path).items() if not name.startswith(left_out)}
    # PyTorch before 0.4.1 did not count batches, and files from then are still in use.
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, value)
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error
    return model


def _read(path: Path) -> dict[str, Tensor]:
    if os.fspath(path).endswith(".safetensors"):
        from pydl.interop import load

        return load(path)
    from pydl.interop.torch_weights import load_torch_weights

    return load_torch_weights(path)
