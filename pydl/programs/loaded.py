"""Programs that were loaded from files."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pydl import _core
from pydl._core import DType, Tensor
from pydl.interop.safetensors import load_with_metadata
from pydl.programs.structure import from_json


class TensorInfo(NamedTuple):
    """An input or output of a function: name, dtype, shape with None where the batch decides.

    Attributes
    ----------
    name : str
        By which it is given, or found in the result.
    dtype : DType
        Its dtype.
    shape : tuple of int or None
        None for the size of the batch.
    """

    name: str
    dtype: DType
    shape: tuple[int | None, ...]


class Program(Mapping[str, Tensor]):
    """Functions of a program file, with the parameters and state that they share.

    Called, it runs its first function; the others are methods by their names. As a mapping it holds
    the parameters and state by name, as functions see and change them.

    Made by `pydl.load`.

    Attributes
    ----------
    functions : tuple of str
        Names of the functions.
    inputs, outputs : list of TensorInfo
        Inputs and outputs of the first function.
    class_names : list of str
        Names of the classes by number, where the file has them.
    preprocessing : dict of str to list of float
        Constants such as mean and standard deviation, where the file has them.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> path = os.path.join(tempfile.mkdtemp(), "double.pydl")
    >>> pydl.save_program(path, lambda x: 2 * x, pydl.zeros((1, 3)))
    >>> program = pydl.load(path)
    >>> program.inputs
    [TensorInfo(name='x', dtype=pydl.float32, shape=(None, 3))]
    >>> program(pydl.ones((2, 3))).tolist()
    [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """

    def __init__(self, saved: Any, name: str, batch_size: int | None = None) -> None:
        self._saved, self._file, self._batch_size = saved, name, batch_size
        self._infos = {info[0]: info for info in saved.functions()}
        self._state: dict[str, Tensor] = saved.state()
        self.functions = tuple(self._infos)
        self.class_names: list[str] = saved.class_names()
        self.preprocessing: dict[str, list[float]] = saved.preprocessing()
        if batch_size is not None:
            for function in self.functions:
                saved.program(function, batch_size)

    @property
    def inputs(self) -> list[TensorInfo]:
        """What the first function takes."""
        return self.inputs_of(self.functions[0])

    @property
    def outputs(self) -> list[TensorInfo]:
        """Outputs of the first function."""
        return [TensorInfo(*info) for info in self._infos[self.functions[0]][2]]

    def inputs_of(self, function: str) -> list[TensorInfo]:
        """Return what a function takes."""
        return [TensorInfo(*info) for info in self._info(function)[1]]

    def outputs_of(self, function: str) -> list[TensorInfo]:
        """Return the outputs of a function."""
        return [TensorInfo(*info) for info in self._info(function)[2]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the first function.

        Arguments are tensors or arrays, by position or by the names of `inputs`; numbers of another
        precision are converted. The result has the structure that the saved function returned.

        Raises
        ------
        ValueError
            For inputs of other shapes or kinds; the message names the input.
        """
        return self.run(self.functions[0], *args, **kwargs)

    def run(self, function: str, /, *args: Any, **kwargs: Any) -> Any:
        """Run a function by its name; as a call runs the first one."""
        info = self._info(function)
        expected = self.inputs_of(function)
        given = _bind(function, expected, args, kwargs)
        tensors = [_converted(function, value, e) for value, e in zip(given, expected, strict=True)]
        if self._batch_size is not None:
            self._check_batch(function, expected, tensors)
        return from_json(info[4], self._saved.run(function, tensors))

    def _check_batch(
        self, function: str, expected: list[TensorInfo], tensors: list[Tensor]
    ) -> None:
        for info, tensor in zip(expected, tensors, strict=True):
            for size, given in zip(info.shape, tensor.shape, strict=False):
                if size is None and given != self._batch_size:
                    raise ValueError(
                        f"{function}: input {info.name!r} has a batch of {given}; the program was "
                        f"loaded for batches of {self._batch_size}"
                    )

    def _info(self, function: str) -> Any:
        if function not in self._infos:
            raise ValueError(
                f"{self._file}: there is no function {function!r}; it has "
                + ", ".join(map(repr, self._infos))
            )
        return self._infos[function]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("_") and name in self._infos:
            return functools.partial(self.run, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, name: str) -> Tensor:
        return self._state[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, atomically, with its state as it is now.

        Raises
        ------
        OSError
            When the file cannot be written; an older one is then as it was.
        """
        self._saved.save(path)

    def describe(self) -> str:
        """Return inputs, outputs and the size of the state as text."""
        return str(self._saved.describe())

    def __repr__(self) -> str:
        return f"<Program {self._file!r}: {', '.join(self.functions)}; {len(self)} tensors>"


def load(
    path: str | os.PathLike[str],
    batch_size: int | None = None,
    *,
    max_operations: int | None = None,
) -> Any:
    """Read a program, or the tensors of a safetensors file.

    Parameters
    ----------
    path : str or path
        A file of `save_program` or `Model.save`, or any safetensors file.
    batch_size : int, optional
        The only size of batches that the program will take, for which it is made ready now; by
        default it takes any, and is made ready when it first sees one.
    max_operations : int, optional
        Most operations of one run, for untrusted files, which may ask for hours of work and all
        memory: floating-point operations, or elements read and written where these are more. A run
        that needs more raises `ValueError` before it begins. By default there is no limit.

    Returns
    -------
    Program or dict of str to Tensor
        A `Program`, which runs, and is a mapping of its parameters and state too; for a file
        without one, its tensors by name.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is malformed, the message says where; and when a function needs more than
        `max_operations` even for small batches.
    """
    if max_operations is not None and max_operations < 0:
        raise ValueError(f"load: expected max_operations of at least 0, got {max_operations}")
    file = os.fspath(path)
    tensors, metadata = load_with_metadata(file)
    if "pydl.program" not in metadata:
        if batch_size is not None:
            raise ValueError(f"{file}: holds tensors, but no program that has a batch size")
        return tensors
    saved = _core._SavedProgram.from_params(tensors, metadata, file, max_operations)
    return Program(saved, os.path.basename(file), batch_size)


def _bind(
    function: str, expected: list[TensorInfo], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    names = [info.name for info in expected]
    given = dict(zip(names, args, strict=False))
    repeated = [name for name in kwargs if name in given or name not in names]
    if len(args) > len(names) or repeated or len(given) + len(kwargs) != len(names):
        raise TypeError(
            f"{function}: expected {', '.join(names)}, got {len(args)} positional arguments"
            + (f" and {', '.join(kwargs)}" if kwargs else "")
        )
    given.update(kwargs)
    return [given[name] for name in names]


def _converted(function: str, value: Any, info: TensorInfo) -> Tensor:
    tensor = _core.asarray(value)
    if tensor.dtype == info.dtype or tensor.dtype.is_floating != info.dtype.is_floating:
        return tensor
    converted = tensor.to(info.dtype)
    if not info.dtype.is_floating and not (converted.to(tensor.dtype) == tensor).all().item():
        raise ValueError(
            f"{function}: input {info.name!r} has numbers that {info.dtype} does not hold"
        )
    return converted
