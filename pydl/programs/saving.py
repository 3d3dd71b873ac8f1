"""save_program: traced functions, with their parameters and state, in one file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl import _core
from pydl._core import Tensor
from pydl.compiler import CompiledFunction, compile
from pydl.nn.module import Module
from pydl.programs.structure import named_leaves, names_of_results, to_json

if TYPE_CHECKING:
    import numpy.typing as npt

Preprocessing = Mapping[str, "float | Sequence[float] | npt.NDArray[Any]"]


class FunctionToSave(NamedTuple):
    """A function on its way into a file.

    Attributes
    ----------
    function : callable
        What `pydl.compile` returns, a module, or a function of tensors.
    inputs : tuple or dict
        Arguments that it is traced with, by position or by name.
    names : mapping of int to str, optional
        Names of parameters and state, by the hash of the tensor.
    """

    function: Callable[..., Any]
    inputs: Any
    names: Mapping[int, str] = {}


def save_program(
    path: str | os.PathLike[str],
    function: Callable[..., Any] | Mapping[str, tuple[Callable[..., Any], Any]],
    example_inputs: Any = None,
    *,
    state: Any = (),
    open_batch: bool = True,
    batch_axes: Mapping[str, int | None] | None = None,
    class_names: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
) -> None:
    """Write a function to a file, with its parameters and state: `pydl.load` runs it anywhere.

    The function is traced, as by `pydl.compile`, but not run. A training step that is loaded goes
    on training: moments, step counters and random generators are part of its state. The file is a
    safetensors file with the graph as JSON in its metadata: data only, nothing that is executed.

    Parameters
    ----------
    path : str or path
        File to write, atomically; usually with the suffix .pydl.
    function : callable, or mapping of str to (callable, example_inputs)
        A function made by `pydl.compile`, a module (in the mode in which it is), or a function of
        tensors. Several by name share one state: {"predict": (f, (x,)), "train": (step, (x, y))}.
    example_inputs : Tensor, array, tuple or dict
        What the function takes: only shapes, dtypes and structure count. A dict has arguments by
        name. What is not a tensor is built into the program.
    state : Module, Optimizer, Tensor, or sequence of them
        What a function that is not compiled yet reads or changes besides its arguments.
    open_batch : bool, default True
        Whether the program takes batches of any size N: those inputs whose first axis is as long as
        that of the first input have it open. The function is traced at three sizes and must do the
        same at each, but for sizes that grow with N.
    batch_axes : mapping of str to int or None, optional
        The axis of the batch of inputs where it is another than the first; None for an input
        without one.
    class_names : sequence of str, optional
        Names of the classes by number, kept for the users of the program.
    preprocessing : mapping of str to numbers, optional
        Constants such as {"mean": [0.28], "std": [0.35]}, likewise. They are not applied.

    Raises
    ------
    TraceError
        When the function cannot be traced; see `pydl.compile`.
    ValueError
        When it does something else for another batch size (then pass open_batch=False), or leaves
        gradients in parameters.
    OSError
        When the file cannot be written; an older one is then as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> from pydl import nn
    >>> _ = pydl.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> path = os.path.join(tempfile.mkdtemp(), "model.pydl")
    >>> pydl.save_program(path, model, pydl.zeros((2, 4)), class_names=["a", "b", "c"])
    >>> program = pydl.load(path)
    >>> x = pydl.ones((5, 4))
    >>> bool((program(x) == model(x)).all().item()), program.class_names
    (True, ['a', 'b', 'c'])
    """
    if isinstance(function, Mapping):
        if example_inputs is not None:
            raise TypeError("save_program: several functions bring their example inputs along")
        given = dict(function)
    else:
        if example_inputs is None:
            raise TypeError("save_program: expected example_inputs, the tensors to trace with")
        given = {_name_of(function): (function, example_inputs)}
    functions = {}
    for name, (one, inputs) in given.items():
        compiled = one if isinstance(one, CompiledFunction) else compile(one, state=state)
        functions[name] = FunctionToSave(compiled, inputs, _names_of(compiled))
    save_functions(
        path,
        functions,
        open_batch=open_batch,
        batch_axes=batch_axes or {},
        class_names=class_names,
        preprocessing=preprocessing or {},
    )


def save_functions(
    path: str | os.PathLike[str],
    functions: Mapping[str, FunctionToSave],
    *,
    open_batch: bool,
    batch_axes: Mapping[str, int | None],
    class_names: Sequence[str],
    preprocessing: Preprocessing,
) -> None:
    """Trace functions and write them to a file; arguments and errors as for `save_program`."""
    recorded = [
        _Recorder(name, function, batch_axes).run(open_batch)
        for name, function in functions.items()
    ]
    constants = {name: _numbers(name, values) for name, values in preprocessing.items()}
    _core._SavedProgram(recorded, [str(name) for name in class_names], constants).save(path)


class _Recorder:
    """One function, traced at a few batch sizes."""

    def __init__(
        self, name: str, function: FunctionToSave, batch_axes: Mapping[str, int | None]
    ) -> None:
        self._name, self._names = name, function.names
        compiled = function.function
        self._function = compiled if isinstance(compiled, CompiledFunction) else compile(compiled)
        self._args, self._kwargs = _arguments_of(function.inputs)
        leaves = _named_inputs(self._function, self._args, self._kwargs)
        self._inputs = [(name, _core.asarray(leaf)) for name, leaf in leaves if _is_array(leaf)]
        unknown = set(batch_axes) - {name for name, _ in self._inputs}
        if unknown:
            known = ", ".join(name for name, _ in self._inputs)
            raise ValueError(
                f"save_program: batch_axes names {sorted(unknown)[0]!r}, the inputs are {known}"
            )
        self._axes = self._find_batch_axes(batch_axes)

    def _find_batch_axes(self, given: Mapping[str, int | None]) -> list[int | None]:
        axes: list[int | None] = []
        batch = None
        for name, tensor in self._inputs:
            axis = given.get(name, 0 if tensor.ndim else None)
            if axis is not None and not -tensor.ndim <= axis < tensor.ndim:
                raise ValueError(
                    f"save_program: input {name!r} of shape {tensor.shape} has no axis {axis}"
                )
            if axis is not None:
                size = tensor.shape[axis]
                batch = size if batch is None else batch
                if size != batch:
                    if name in given:
                        raise ValueError(
                            f"save_program: input {name!r} of shape {tensor.shape} has a batch of "
                            f"{size}, inputs before it have {batch}"
                        )
                    axis = None
            axes.append(axis)
        self._batch = batch
        return axes

    def run(self, open_batch: bool) -> tuple[Any, ...]:
        """Return the contents of the file."""
        batches: list[int] = []  # none: traced as it is
        if open_batch and self._batch is not None:
            # Not 1, whose axes broadcast.
            first = max(self._batch, 2)
            batches = [first, first + 1, first + 3]
        recordings = []
        sizes: list[int | None] = [*batches] or [None]
        for batch in sizes:
            try:
                recorded, result = self._function._record(self._call_at(batch), self._names)
            except (ValueError, TypeError, IndexError) as error:
                if batch in (None, self._batch):
                    raise
                raise ValueError(
                    f"{self._name}: cannot take batches of any size: with one of {batch}, {error}"
                    "; pass open_batch=False to save it for the size of the example"
                ) from error
            recordings.append(recorded)
        names = [name for name, _ in self._inputs]
        outputs = names_of_results(result)
        return self._name, recordings, batches, names, outputs, to_json(result)

    def _call_at(self, batch: int | None) -> tuple[Any, Any]:
        """Return the arguments with other batch sizes; their elements do not matter."""
        replaced = iter(
            tensor
            if axis is None
            else _core.zeros(_resized(tensor.shape, axis, batch), tensor.dtype)
            for (_, tensor), axis in zip(self._inputs, self._axes, strict=True)
        )
        return _replaced(self._args, replaced), _replaced(self._kwargs, replaced)


def _resized(shape: tuple[int, ...], axis: int, size: int | None) -> tuple[int, ...]:
    sizes = list(shape)
    sizes[axis] = sizes[axis] if size is None else size
    return tuple(sizes)


def _replaced(value: Any, tensors: Any) -> Any:
    """Return containers like the given ones, their arrays replaced one after the other."""
    if isinstance(value, tuple):
        items = [_replaced(item, tensors) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_replaced(item, tensors) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, tensors) for key, item in value.items()}
    return next(tensors) if _is_array(value) else value


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or hasattr(value, "__array_interface__")


def _arguments_of(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, dict):
        return (), inputs
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    return (inputs,), {}


def _named_inputs(
    function: CompiledFunction[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[str, Any]]:
    """Return the leaves of the arguments, named by the parameters of the function."""
    target = function._function
    target = target.forward if isinstance(target, Module) else target
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p.name for p in parameters if p.kind in kinds]
    leaves: list[tuple[str, Any]] = []
    for i, value in enumerate(args):
        name = positional[i] if i < len(positional) else f"input{i}"
        leaves.extend(named_leaves(value, name))
    for name, value in kwargs.items():
        leaves.extend(named_leaves(value, name))
    return leaves


def _name_of(function: Any) -> str:
    if isinstance(function, Module):
        return "forward"
    return str(getattr(function, "__name__", "function"))


def _names_of(function: CompiledFunction[Any]) -> dict[int, str]:
    """Return names of the tensors of a module that is saved itself: those of its state_dict."""
    module = function._function
    if not isinstance(module, Module):
        return {}
    return {hash(tensor): name for name, tensor in module._state("")}


def _numbers(name: str, values: Any) -> list[float]:
    array = _core.asarray(values)
    if array.ndim > 1:
        raise ValueError(
            f"save_program: expected preprocessing {name!r} as numbers, got {values!r}"
        )
    return [float(value) for value in array.reshape((-1,)).tolist()]
