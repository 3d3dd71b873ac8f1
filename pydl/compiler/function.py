"""compile: a function on tensors becomes a program that runs in one call."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from pydl import _core
from pydl._core import Tensor, TraceError
from pydl._warnings import warn
from pydl.compiler.captures import captured, line_of, name_of, tensors_in
from pydl.compiler.guards import Guard
from pydl.compiler.reads import Reads
from pydl.compiler.state import State, bound_objects
from pydl.nn.module import Module
from pydl.optim import Optimizer

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

# More programs than this for one function are worth a warning.
_MANY_TRACES = 8

# One thread at a time traces a function, and functions with the same state: while one runs to be
# traced, what it changes of Python's objects, such as the moments that an optimiser makes in its
# first step, is half done.
_locks: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
if hasattr(os, "register_at_fork"):  # threads that hold a lock are not in the child
    os.register_at_fork(after_in_child=lambda: _locks.clear())


class CompiledFunction(Generic[FunctionT]):
    """A function that is traced at its first call, and runs as a program from then on.

    Made by `compile`. Each combination of argument structure, shapes, dtypes, other argument
    values, training flags and settings of the declared state has its own program; the last
    `cache_size` are kept.

    Attributes
    ----------
    traces : int
        How often the function was traced.
    """

    def __init__(
        self,
        function: FunctionT,
        state: Sequence[Any],
        options: _core._ProgramOptions,
        cache_size: int,
    ) -> None:
        if not callable(function):
            raise TypeError(f"compile: expected a function, got {type(function).__name__}")
        if cache_size < 1:
            raise ValueError(f"compile: expected cache_size of at least 1, got {cache_size}")
        self._function = function
        self._state = list(state) if isinstance(state, (list, tuple)) else [state]
        self._options = options
        self._cache_size = cache_size
        self._cache = _core._ProgramCache(cache_size)
        self.traces = 0
        self._changes = 0  # traces because something has changed that is no argument
        self._last_change = ""
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = (args, kwargs)
        result = self._cache.call(call)
        if result is None:
            if _core._is_tracing():  # part of a larger function that is being traced
                return self._function(*args, **kwargs)
            if _core._detects_anomaly():  # step by step
                tree, tensors = _core._ArgumentTree.of(call)
                args, kwargs = tree.build(tensors)
                return self._function(*args, **kwargs)
            result = self._trace_alone(call, self._needed_locks())
        return result[0]

    def _run_known(self, *args: Any) -> tuple[Any] | None:
        """Run the program for these arguments, if there is one, and return (result,)."""
        return self._cache.call((args, {}))

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies trace again: programs belong to the tensors that they were made for.
        made_of = (self._function, self._state, self._options, self._cache_size)
        return CompiledFunction, made_of

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind a compiled method: each instance has its own programs."""
        if instance is None:
            return self
        key = f"_compiled_{id(self):x}"  # a class and its bases may compile methods of one name
        known = getattr(instance, "__dict__", {}).get(key)
        if known is not None:
            return known
        bound = CompiledFunction(
            self._function.__get__(instance, owner),
            self._state,
            self._options,
            self._cache_size,
        )
        if hasattr(instance, "__dict__"):
            instance.__dict__[key] = bound
        return bound

    @property
    def _name(self) -> str:
        return getattr(self._function, "__qualname__", type(self._function).__name__)

    @property
    def programs(self) -> list[Any]:
        """The programs that are kept, the last used first: each has `describe()` and `to_dot()`."""
        return list(self._cache.programs())

    def describe(self) -> str:
        """Return the last program as text.

        Kernels with their buffers, and the memory they need; with `explain` also the graph after
        each pass, and for each kernel the median time over the calls so far and which part of the
        machine's peak, of arithmetic or of memory, it reached. The peak is measured for that.
        """
        programs = self.programs
        if not programs:
            return f"{self._name}: not traced yet"
        if not self._options.explain:
            return str(programs[0].describe())
        return str(programs[0].describe(_core._measure_fma_peak(), _core._measure_bandwidth()))

    def clear(self) -> None:
        """Forget all programs."""
        self._cache.clear()

    # --- tracing ----------------------------------------------------------------------------------

    def _needed_locks(self) -> list[Any]:
        """Return locks of this function and its state, in one order for all threads."""
        own = [value for _, value in bound_objects(self._function)]
        shared = [x for x in (*self._state, *own) if isinstance(x, (Module, Optimizer))]
        things = sorted({id(x): x for x in (self, *shared)}.values(), key=id)
        return [_locks.setdefault(x, threading.RLock()) for x in things]

    def _trace_alone(self, call: tuple[Any, Any], locks: list[Any]) -> tuple[Any]:
        """Trace while no other thread traces this function, or one with its state."""
        if locks:
            with locks[0]:
                return self._trace_alone(call, locks[1:])
        result = None
        while result is None:
            # Another thread may have traced it, or changed gradients, meanwhile.
            result = self._cache.call(call) or self._trace(call)
        return result

    def _collect(self) -> State:
        declared = [(_name_in(self._function, s, i), s) for i, s in enumerate(self._state)]
        function = self._function
        own = [("self", function)] if isinstance(function, Module) else bound_objects(function)
        state = State(declared + own)
        # Modules without tensors need not be declared, but have modes too.
        others = [item for item in captured(function) if isinstance(item[1], Module)]
        state.guards += State(others).guards
        return state

    def _trace(self, call: tuple[Any, Any]) -> tuple[Any] | None:
        """Make a program for a call, and run it where it still serves."""
        self._report_retrace(call)
        self.traces += 1
        state = self._collect()
        sizes = _sizes(self._function)
        tracing = _Tracing(self, state.tensors, call)
        traced = tracing.finish(self._options)
        self._check_reads(tracing.reads)
        self._check_leaks(tracing)
        for name, size in _sizes(self._function).items():
            if size != sizes.get(name, size):
                raise TraceError(
                    f"{self._name}: the function changes {name}, which a program does not do; "
                    "return what is to be kept"
                )
        if self._options.explain:
            print(traced.program.describe())
        guards = _each_once(self._collect().guards + tracing.reads.guards())
        return self._cache.add(call, tracing.arguments, tracing.results, guards, traced)

    def _check_reads(self, reads: Reads) -> None:
        """Refuse what a program could not do in every call."""
        reads.finish()
        if reads.complaints:
            raise TraceError(reads.complaints[0])
        if reads.warnings:
            warn(reads.warnings[0])

    def _record(self, call: tuple[Any, Any], names: Mapping[int, str]) -> tuple[Any, Any]:
        """Trace a call to be saved; return what was written down, and the result in its structure.

        `names` are those of states by the hash of the tensor. The tensors of the result have the
        shape ().
        """
        state = self._collect()
        recorded = self._record_once(state, call, names)
        if list(self._collect().tensors) != list(state.tensors):
            # The call created state, such as the moments of an optimiser: it is known now.
            recorded = self._record_once(self._collect(), call, names)
        return recorded

    def _record_once(
        self, state: State, call: tuple[Any, Any], names: Mapping[int, str]
    ) -> tuple[Any, Any]:
        named = {names.get(hash(tensor), name): tensor for name, tensor in state.tensors.items()}
        tracing = _Tracing(self, named, call, for_file=True)
        recorded = tracing.record()
        self._check_reads(tracing.reads)
        self._check_leaks(tracing)
        return recorded, tracing.results.build([_core.zeros(())] * tracing.core.results_count)

    def _report_retrace(self, call: tuple[Any, Any]) -> None:
        if self.traces == 0:
            return
        import logging

        reason = self._cache.difference(call) or "its program was dropped from the cache"
        if reason.endswith(" changed"):
            self._changes, self._last_change = self._changes + 1, reason
        logging.getLogger("pydl").debug("%s is traced again: %s", self._name, reason)
        if self.traces >= _MANY_TRACES and self.traces % _MANY_TRACES == 0:
            warn(
                f"{self._name} was traced {self.traces} times, the last time because of {reason}; "
                "keep shapes and other arguments the same from call to call, or pass "
                "numbers that change as tensors"
            )

    def _check_leaks(self, tracing: _Tracing) -> None:
        if tracing.core.live_results() <= 0:
            return
        tracing.reads.forget_dead()
        if tracing.core.live_results() <= 0:
            return
        owners: list[tuple[str, Any]] = [*captured(self._function)]
        owners += [(_name_in(self._function, s, i), s) for i, s in enumerate(self._state)]
        for name, value in owners:
            for path, tensor in tensors_in(name, value):
                if _core._is_traced(tensor):
                    raise TraceError(
                        f"{self._name}: {path} keeps a tensor of the traced function, which has "
                        "no elements; return it from the function instead"
                    )
        tracing.core.require_nothing_kept()


class _Tracing:
    """One run of a function on tensors without elements.

    The core has the tensors; here are the structures of arguments and results, what the function
    read, and the lines of its code.
    """

    def __init__(
        self,
        owner: CompiledFunction[Any],
        states: dict[str, Tensor],
        call: tuple[Any, Any],
        for_file: bool = False,
    ) -> None:
        self._function, self._name = owner._function, owner._name
        self.arguments, tensors = _core._ArgumentTree.of(call)
        self.reads = Reads(self._function)
        self.core = _core._Tracing(self._name, states, tensors, for_file, _PACKAGE)

    def finish(self, options: _core._ProgramOptions) -> _core._TracedCall:
        """Trace the function and compile what it did."""
        try:
            with self.reads.watch():  # hooks of gradients run after the function
                self.core.run(self._call_function)
            return self.core.finish(options)
        except TraceError as error:
            raise self._located(error) from error.__cause__

    def record(self) -> _core._RecordedFunction:
        """Trace the function and return what it did, for a file."""
        try:
            with self.reads.watch():
                self.core.run(self._call_function)
        except TraceError as error:
            raise self._located(error) from error.__cause__
        return self.core.record()

    def _call_function(self, tensors: list[Tensor]) -> list[Tensor]:
        args, kwargs = self.arguments.build(tensors)
        result = self._function(*args, **kwargs)
        self.results, outputs = _core._ArgumentTree.of(result)
        other = self.results.first_other_leaf("result")
        if other:
            raise TraceError(
                f"{self._name}: {other}; a compiled function returns tensors, None, and "
                "tuples, lists and dicts of them"
            )
        return outputs

    def _located(self, error: TraceError) -> TraceError:
        """Put the line, and the name of a tensor that was not declared, into the message."""
        message = str(error)
        undeclared = self.core.undeclared()
        if undeclared is not None and "was not declared" in message:
            name = name_of(undeclared, self._function)
            if name is not None:
                message = message.replace("a captured tensor", f"the captured tensor {name}", 1)
        place = line_of(error.__traceback__, _PACKAGE)
        located = TraceError(f"{place}: {message}" if place else message)
        return located.with_traceback(error.__traceback__)


def _each_once(guards: list[Guard]) -> list[Guard]:
    return list({guard.place: guard for guard in reversed(guards)}.values())[::-1]


def _sizes(function: Any) -> dict[str, int]:
    """Return the sizes of the lists, dicts and sets that a function captures."""
    return {
        name: len(value) for name, value in captured(function) if type(value) in (list, dict, set)
    }


def _name_in(function: Any, value: Any, index: int) -> str:
    """Return the name that a function knows a declared object by."""
    for name, candidate in captured(function):
        if candidate is value:
            return name
    kind = type(value).__name__
    return kind[0].lower() + kind[1:] if isinstance(value, Module) else f"state[{index}]"


@overload
def compile(
    function: FunctionT,
    *,
    state: Any = ...,
    explain: bool = ...,
    without: Sequence[str] = ...,
    kernels: Mapping[str, str] | str | None = ...,
    cache_size: int = ...,
) -> CompiledFunction[FunctionT]: ...
@overload
def compile(
    function: None = ...,
    *,
    state: Any = ...,
    explain: bool = ...,
    without: Sequence[str] = ...,
    kernels: Mapping[str, str] | str | None = ...,
    cache_size: int = ...,
) -> Callable[[FunctionT], CompiledFunction[FunctionT]]: ...
def compile(
    function: Any = None,
    *,
    state: Any = (),
    explain: bool = False,
    without: Sequence[str] = (),
    kernels: Mapping[str, str] | str | None = None,
    cache_size: int = 16,
) -> Any:
    """Compile a function on tensors: a forward pass, or a whole training step.

    At the first call the function runs once on tensors that have shapes and dtypes, but no
    elements. What it does is written down, optimised as a whole, and run in one call into C++,
    then and whenever it is called with arguments alike: no Python code of the function runs.

    Arguments that are tensors or NumPy arrays are inputs; everything else that the function sees,
    Python numbers among them, is built into the program. Numbers that change are passed as tensors.
    What the function changes beside its arguments must be declared: parameters, buffers, and the
    state of optimisers are found in what `state` lists, and in the object that a method is bound
    to. Random numbers continue the streams of their generators, as without compilation.

    What the function, and the functions that it calls, read of Python's objects is looked at again
    in every call: global variables, variables of enclosing functions, attributes, and the items of
    lists, dicts, sets and small arrays. Where something has changed, the function is traced again.
    Numbers and strings are compared by value, other objects by identity. What would be another in
    every call is refused: random numbers of NumPy and Python, the time, input, the next item of an
    iterator, and numbers that the function itself changes.

    Results that were recorded can be differentiated by the caller: the derivative is a program too.

    A gradient that `backward` computes for a parameter is its `grad` after the call, as without
    compilation; but where an update has used it and the function itself drops gradients
    (`zero_grad`), `grad` is None.

    Parameters
    ----------
    function : callable or Module, optional
        What to compile; without it, `compile` returns a decorator.
    state : Module, Optimizer, Tensor, or sequence of them
        What the function reads or changes beside its arguments.
    explain : bool, default False
        Print the graph after each pass, and time every kernel of every call; see
        `CompiledFunction.describe`.
    without : sequence of str, optional
        Passes to leave out: "canonicalize", "common_subexpressions", "dead_code",
        "fuse_activations", "fuse_activation_gradients", "sparse_updates" (only the rows of a table
        that have gradients), "fuse_elementwise", "fuse_reductions", "alias" (results in the memory
        of operands), "memory" (buffers that share memory), "concurrent" (small kernels that do not
        depend on each other run at the same time).
    kernels : dict of str to str, or str, optional
        Implementations to prefer to the fastest ones: names of ops, where ``*`` at the end stands
        for any rest of a name, each with an implementation or a provider as `describe` shows them,
        such as ``{"conv*": "onednn"}`` or ``"conv*:onednn,matmul:cpu"``. Calls to which they do not
        apply are computed as usual. The environment variable ``PYDL_KERNELS=conv*:onednn`` does
        the same for the whole process.
    cache_size : int, default 16
        How many programs are kept, one for each signature of arguments.

    Returns
    -------
    CompiledFunction
        Called like the function. It returns tensors, None, and tuples, lists and dicts of them.

    Raises
    ------
    TraceError
        At the first call, for a function that reads values of tensors (`if x > 0`, `float(x)`),
        uses a tensor that was not declared, keeps or returns something other than tensors, or asks
        for what differs in every call, such as `numpy.random`. The message names the line.
    ValueError
        For passes, ops and implementations that do not exist.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> _ = pydl.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    >>> @pydl.compile(state=[model, optimizer])
    ... def step(x, y):
    ...     loss = nn.functional.cross_entropy(model(x), y)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = pydl.ones((5, 4)), pydl.zeros((5,), dtype="int64")
    >>> losses = [step(x, y).item() for _ in range(3)]
    >>> losses[2] < losses[1] < losses[0]
    True
    """
    if not isinstance(kernels, str):
        kernels = ",".join(f"{op}:{name}" for op, name in (kernels or {}).items())
    options = _core._ProgramOptions(without, explain, kernels)

    def decorate(inner: Any) -> Any:
        return CompiledFunction(inner, state, options, cache_size)

    return decorate if function is None else decorate(function)
