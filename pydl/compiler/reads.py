"""What Python code reads from outside while it is traced, to be guarded in later calls."""

from __future__ import annotations

import array
import collections
import copy
import functools
import gc
import io
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import (
    CodeType,
    FrameType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, NamedTuple

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.compiler import impure
from pydl.compiler.bytecode import ARGUMENT, FREE, GLOBAL, Analysis, Chain, analyse
from pydl.compiler.guards import (
    ATTRIBUTE,
    CELL,
    ELEMENTS,
    EQUAL,
    ITEMS,
    SIZE,
    Guard,
    entries,
    entry,
)
from pydl.compiler.state import State
from pydl.nn.module import Module
from pydl.optim import Optimizer

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
# The folder of the standard library; `sysconfig` would take milliseconds to find it.
_STANDARD = (os.path.join(os.path.dirname(os.__file__), ""),)
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

# Containers with more items, and arrays of more bytes, are not compared in every call.
_MOST_ITEMS = 256
_MOST_BYTES = 1 << 16
# How far containers within containers, and objects within objects, are followed.
_DEPTH = 3

_UNKNOWN = object()

_NUMBERS = (bool, int, float, complex, str, bytes, np.generic)
_OPAQUE = (*_NUMBERS, type(None), type, ModuleType, FunctionType, Tensor, Optimizer, io.IOBase)


def is_own_file(file: str) -> bool:
    """Whether code is the user's: not pydl's, NumPy's or the standard library's."""
    if file.startswith((_PACKAGE, _NUMPY, "<frozen ", "<__array_function__")):
        return False
    return not file.startswith(_STANDARD) or any(part in file for part in _INSTALLED)


class _Recipe(NamedTuple):
    """How something was read: to read it again."""

    chain: Chain
    names: frozenset[str]
    place: str


class _Owned:
    """Guards of what an object that was handed in holds; they count if it outlives the trace."""

    def __init__(self, owner: Any) -> None:
        self.owner = weakref.ref(owner)
        self.guards: dict[Any, Guard] = {}
        self.recipes: list[_Recipe] = []


class Reads:
    """Collects what the user's Python code reads within `with reads.watch():`.

    Global variables, variables of enclosing functions, attributes and containers become guards with
    the values that they had before the trace. What differs from call to call, such as
    random numbers of other libraries, is an entry of `complaints`, with file and line.

    Parameters
    ----------
    function : callable
        What is traced.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.complaints: list[str] = []
        self.warnings: list[str] = []
        self._functions = {f.__code__: [f] for f in _functions_of(function)}
        self._rooted: dict[Any, Guard] = {}
        self._owned: dict[int, _Owned] = {}
        self._reached: dict[int, Any] = {}  # objects that live on, by their identity
        self._modules: dict[int, weakref.ref[Module]] = {}
        self._inner: set[CodeType] = set()
        self._seen: set[Any] = set()
        self._set_first: set[Any] = set()  # places that code stores to before it reads them
        self._sources: dict[int, tuple[Any, bytes, str]] = {}
        self._iterators: list[tuple[dict[Any, Guard], str]] = []
        self._first_place = ""
        self._globals = [s for s in _global_sources() if threading.active_count() == 1]
        self._global_states = [impure.random_state(source) for source in self._globals]

    def watch(self) -> Any:
        """Return the scope within which reads are noticed."""
        return _core._Watch(_is_watched, self._on_call, self._on_builtin, impure.WATCHED_NAMES)

    # --- afterwards -------------------------------------------------------------------------------

    def finish(self) -> None:
        """Look at what the trace has changed; call it before `guards`."""
        self._owned = {k: owned for k, owned in self._owned.items() if owned.owner() is not None}
        for group in [self._rooted, *(owned.guards for owned in self._owned.values())]:
            for place, guard in list(group.items()):
                if not _core._guard_holds(tuple(guard)):
                    self._settle_change(group, place, guard)
        living = [self._rooted, *(owned.guards for owned in self._owned.values())]
        self.complaints += [
            text for group, text in self._iterators if any(group is each for each in living)
        ]
        for source, state, place in self._sources.values():
            if impure.random_state(source) != state:
                self.complaints.append(f"{place}: {impure.describe_draw(source)}")
        for source, state in zip(self._globals, self._global_states, strict=True):
            if not self.complaints and impure.random_state(source) != state:
                self.complaints.append(f"{self._first_place}: {impure.describe_draw(source)}")

    def _settle_change(self, group: dict[Any, Guard], place: Any, guard: Guard) -> None:
        now = _current(guard)
        is_variable = now is not _UNKNOWN
        both_numbers = isinstance(guard.value, _NUMBERS) and isinstance(now, _NUMBERS)
        if place in self._set_first or (is_variable and not both_numbers):
            # What was set before it was read, or came into being, is as the trace left it.
            del group[place]
            if is_variable and not (isinstance(now, Tensor) and _core._is_traced(now)):
                group[place] = guard._replace(value=now, is_absent=False)
            return
        self.complaints.append(
            f"the function reads {guard.name} and changes it, which a program does not do in every "
            "call; keep what changes in a tensor that is declared in state=[...]"
        )

    def guards(self) -> list[Guard]:
        """Return guards of all that was read and lives on."""
        found = list(self._rooted.values())
        for owned in self._owned.values():
            if owned.owner() is not None:
                found += owned.guards.values()
        living = [module for ref in self._modules.values() if (module := ref()) is not None]
        return found + State([("", module) for module in living]).guards

    def forget_dead(self) -> None:
        """Let objects go that only circles of references, or guards of what they hold, keep."""
        owned = list(self._owned.values())
        for group in owned:
            group.guards = {}
        gc.collect()
        for group in owned:
            owner = group.owner()
            if owner is not None:
                for recipe in group.recipes:
                    self._follow(group.guards, owner, recipe)

    # --- while the function runs ------------------------------------------------------------------

    def _on_call(self, frame: FrameType) -> None:
        code = frame.f_code
        if code is impure.GAUSS:
            self._complain(frame, lambda caller: impure.describe_draw(frame.f_locals["self"]))
            return
        if code.co_filename.startswith(_PACKAGE):
            module = frame.f_locals.get("self")
            if isinstance(module, Module):
                self._modules.setdefault(id(module), weakref.ref(module))
            return
        analysis = analyse(code)
        scopes = {chain.scope for chain in analysis.chains}
        variables = frame.f_locals if scopes - {GLOBAL} else {}
        called_with = (code, *(id(v) for v in variables.values() if not isinstance(v, Tensor)))
        if called_with in self._seen:
            return
        self._seen.add(called_with)
        self._first_place = self._first_place or f"{code.co_filename}:{code.co_firstlineno}"
        if code not in self._inner:
            self._guard_cells(frame, analysis, variables)
            self._reach_defaults(frame, variables)
        self._inner |= analysis.inner
        for chain in analysis.chains:
            self._read(chain, analysis.names, frame, variables)

    def _read(
        self, chain: Chain, names: frozenset[str], frame: FrameType, variables: dict[str, Any]
    ) -> None:
        file = frame.f_code.co_filename
        recipe = _Recipe(chain, names, f"{file}:{chain.line}")
        if chain.scope == GLOBAL:
            guard = entry(frame.f_globals, chain.name, self._label(chain.name, recipe))
            if guard.is_absent:
                return  # a builtin function
            self._add(self._rooted, guard, chain, of_variable=True)
            self._follow(self._rooted, guard.value, recipe)
            return
        value = variables.get(chain.name, _UNKNOWN)
        if value is _UNKNOWN or isinstance(value, _NUMBERS):
            return
        if id(value) in self._reached:
            self._follow(self._rooted, value, recipe)
        elif _is_plain(value):
            self._follow_argument(value, recipe)

    def _follow_argument(self, value: Any, recipe: _Recipe) -> None:
        """Follow what may be an object of the trace itself, and then needs no guards."""
        try:
            owned = self._owned.setdefault(id(value), _Owned(value))
        except TypeError:  # it cannot be referred to weakly
            return
        if owned.owner() is not value:  # another one had been at this address
            owned = self._owned[id(value)] = _Owned(value)
        owned.recipes.append(recipe)
        self._follow(owned.guards, value, recipe)

    def _on_builtin(self, function: Any) -> None:
        frame = sys._getframe(1)
        self._complain(
            frame, lambda inner: impure.describe_builtin(function, frame, inner is frame)
        )

    def _complain(self, frame: FrameType, describe: Callable[[FrameType], str | None]) -> None:
        """Keep what is wrong with a call, with the line of the user's code that led to it."""
        inner: FrameType | None = frame
        while inner is not None and not is_own_file(inner.f_code.co_filename):
            if inner.f_code.co_filename.startswith("<frozen importlib"):
                return  # a module is imported
            inner = inner.f_back
        if inner is None or inner.f_code.co_name == "<module>":
            return
        text = describe(inner)
        if text is not None:
            self.complaints.append(f"{inner.f_code.co_filename}:{inner.f_lineno}: {text}")

    # --- variables of enclosing functions ---------------------------------------------------------

    def _guard_cells(self, frame: FrameType, analysis: Analysis, variables: dict[str, Any]) -> None:
        code = frame.f_code
        if not code.co_freevars:
            return
        unread = Chain(FREE, "", (), code.co_firstlineno, False, False)  # but by functions inside
        read = dict.fromkeys(code.co_freevars, unread)
        read.update((chain.name, chain) for chain in analysis.chains if chain.scope == FREE)
        for name in code.co_freevars:
            self._reach(variables.get(name))

        def runs(function: FunctionType) -> bool:
            """Whether a function of this code is the one that runs."""
            held = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
            return bool(held) and all(
                _content_of(cell) is variables.get(name, _UNKNOWN) for name, cell in held.items()
            )

        near = [function for function in _near_functions(frame) if runs(function)]
        for function in near or filter(runs, self._made_of(code)):
            for cell, (name, chain) in zip(function.__closure__ or (), read.items(), strict=True):
                place = f"{code.co_filename}:{chain.line}"
                label = self._label(name, _Recipe(chain, frozenset(), place))
                value = _content_of(cell)
                absent = value is _UNKNOWN
                guard = Guard(CELL, cell, None, None if absent else value, absent, label)
                self._add(self._rooted, guard, chain, of_variable=True)

    def _reach_defaults(self, frame: FrameType, variables: dict[str, Any]) -> None:
        """Remember containers that are default values of arguments."""
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        given = [variables.get(name) for name in code.co_varnames[:count]]
        if not any(_is_container(value) and not isinstance(value, tuple) for value in given):
            return
        # Functions that another one creates in each call share their code.
        near = [f for f in _near_functions(frame) if "<locals>" not in f.__qualname__]
        for function in near or self._made_of(code):
            for value in (
                *(function.__defaults__ or ()),
                *(function.__kwdefaults__ or {}).values(),
            ):
                self._reach(value)

    def _made_of(self, code: CodeType) -> list[FunctionType]:
        """Return the functions that there are of some code; slow where there are many objects."""
        if code not in self._functions:
            found = gc.get_referrers(code)
            self._functions[code] = [f for f in found if isinstance(f, FunctionType)]
        return self._functions[code]

    def _reach(self, value: Any) -> None:
        """Remember that an object is from outside, whatever name it is handed on under."""
        if not isinstance(value, _OPAQUE):
            self._reached[id(value)] = value

    # --- what a chain of attributes and items leads to --------------------------------------------

    @staticmethod
    def _label(text: str, recipe: _Recipe) -> str:
        file, _, line = recipe.place.rpartition(":")
        return f"{text} ({os.path.basename(file)}:{line})"

    def _add(
        self, group: dict[Any, Guard], guard: Guard, chain: Chain, of_variable: bool = False
    ) -> None:
        """Keep a guard; the first one of a place knows the value from before the trace."""
        if isinstance(guard.value, Tensor) and _core._is_traced(guard.value):
            return
        if chain.is_set_first and (not of_variable or not chain.path):
            self._set_first.add(guard.place)
        group.setdefault(guard.place, guard)

    def _follow(self, group: dict[Any, Guard], value: Any, recipe: _Recipe) -> None:
        chain = recipe.chain
        text = chain.name
        for number, (kind, key) in enumerate(chain.path):
            if group is self._rooted:
                self._reach(value)
            if self._note_source(value, recipe):
                return
            text += f".{key}" if kind == "attribute" else f"[{key!r}]"
            is_last = number == len(chain.path) - 1
            if kind == "item":
                found = self._item(group, value, key, text, recipe)
            elif _is_container(value):
                if key not in _WRITERS:
                    self._content(group, value, text.rpartition(".")[0], recipe)
                return
            else:
                found = self._attribute(group, value, key, text, recipe if is_last else None)
            if found is _UNKNOWN:
                return
            value = found
        if chain.reads_content:
            self._content(group, value, text, recipe)
        elif group is self._rooted:
            self._reach(value)

    def _item(
        self, group: dict[Any, Guard], value: Any, key: Any, text: str, recipe: _Recipe
    ) -> Any:
        if isinstance(value, os._Environ):
            value, key = _environment_of(value), value.encodekey(key)
        if isinstance(value, dict):
            guard = entry(value, key, self._label(text, recipe))
            self._add(group, guard, recipe.chain)
            return _UNKNOWN if guard.is_absent else guard.value
        self._content(group, value, text.rpartition("[")[0], recipe)
        if isinstance(value, (list, tuple)) and isinstance(key, int):
            return value[key] if -len(value) <= key < len(value) else _UNKNOWN
        return _UNKNOWN

    def _attribute(
        self, group: dict[Any, Guard], value: Any, name: str, text: str, recipe: _Recipe | None
    ) -> Any:
        """Guard an attribute, and return its value where that is more than a way to compute it."""
        if isinstance(value, (Tensor, *_NUMBERS)):
            return _UNKNOWN
        chain = recipe.chain if recipe is not None else _NO_CHAIN
        label = self._label(text, recipe) if recipe is not None else text
        own = value.__dict__ if hasattr(value, "__dict__") else {}
        if isinstance(value, ModuleType):
            if name in own and is_own_file(getattr(value, "__file__", None) or "<frozen"):
                self._add(group, entry(own, name, label), chain)
            if value is np and name == "random":
                return np.random  # which NumPy imports when it is first used
            return own.get(name, _UNKNOWN)
        kind = value if isinstance(value, type) else type(value)
        inherited = _look_up(kind, name)
        if kind is not value:
            if isinstance(inherited, MemberDescriptorType):
                found = getattr(value, name, _UNKNOWN)
                if found is not _UNKNOWN:
                    self._add(group, Guard(ATTRIBUTE, value, name, found, name=label), chain)
                return found
            if isinstance(inherited, property):
                return _UNKNOWN  # its code runs, and is seen then
            if isinstance(own, dict) and (name in own or not callable(inherited)):
                guard = entry(own, name, label)
                self._add(group, guard, chain)
                if not guard.is_absent:
                    return guard.value
        if inherited is _UNKNOWN or isinstance(inherited, (classmethod, staticmethod)):
            return _UNKNOWN
        if is_own_file(getattr(sys.modules.get(kind.__module__), "__file__", None) or "<frozen"):
            guard = Guard(ATTRIBUTE, kind, name, inherited, name=label)
            if _core._guard_holds(tuple(guard)):
                self._add(group, guard, chain)
        return inherited

    def _content(
        self,
        group: dict[Any, Guard],
        value: Any,
        text: str,
        recipe: _Recipe,
        depth: int = _DEPTH,
    ) -> None:
        """Guard what is inside of a container, or of an object that is used as a whole."""
        if isinstance(value, _OPAQUE) or self._note_source(value, recipe):
            if value is os.getenv:
                self._content(group, os.environ, text, recipe)
            return
        if isinstance(value, os._Environ):
            value = _environment_of(value)
        if group is self._rooted:
            self._reach(value)
        label = self._label(text, recipe)
        for guard in self._guards_of_items(value, text, label, recipe):
            self._add(group, guard, recipe.chain)
        if _is_iterator(value) and (group is self._rooted or recipe.chain.path):
            advice = "call next() outside of the function, and pass the result as an argument"
            what = f"{text} is an iterator, which is only advanced while tracing"
            message = f"{recipe.place}: {what}; {advice}"
            self._iterators.append((group, message))
        if depth == 0:
            return
        if isinstance(value, functools.partial):
            for inner in (value.func, value.args, value.keywords):
                self._content(group, inner, text, recipe, depth - 1)
        elif isinstance(value, dict):
            if len(value) <= _MOST_ITEMS:
                for key, item in list(value.items()):
                    self._content(group, item, f"{text}[{key!r}]", recipe, depth - 1)
        elif isinstance(value, (list, tuple)):
            if len(value) <= _MOST_ITEMS:
                for number, item in enumerate(value):
                    self._content(group, item, f"{text}[{number}]", recipe, depth - 1)
        elif _is_plain(value):
            self._content_of_object(group, value, text, recipe, depth)

    def _content_of_object(
        self, group: dict[Any, Guard], value: Any, text: str, recipe: _Recipe, depth: int
    ) -> None:
        """Guard the attributes that the code may read under another name of the object."""
        if isinstance(value, MethodType):
            self._content(group, value.__self__, text, recipe, depth - 1)
            return
        names = recipe.names
        if names & {"getattr", "vars", "__dict__"} and hasattr(value, "__dict__"):
            names = names | value.__dict__.keys()
        for name in sorted(names):
            found = self._attribute(group, value, name, f"{text}.{name}", None)
            if found is not _UNKNOWN and _is_container(found):
                self._content(group, found, f"{text}.{name}", recipe, depth - 1)

    def _guards_of_items(
        self, value: Any, text: str, label: str, recipe: _Recipe
    ) -> Iterator[Guard]:
        if isinstance(value, (np.ndarray, bytearray, array.array)):
            if isinstance(value, np.ndarray) and value.dtype.kind not in "biufc":
                return  # no numbers: no tensor can be made from it
            memory = memoryview(value)  # type: ignore[arg-type]
            if memory.nbytes <= _MOST_BYTES:
                yield Guard(ELEMENTS, value, None, copy.copy(value), name=label)
            elif not memory.readonly:
                self._warn_of_size(text, recipe)
        elif isinstance(value, (dict, list, set, collections.deque)):
            items = value.values() if isinstance(value, dict) else value
            if len(value) > _MOST_ITEMS:
                self._warn_of_size(text, recipe)
            elif any(isinstance(item, Tensor) and _core._is_traced(item) for item in items):
                return  # the trace's own
            elif isinstance(value, dict):
                yield from entries(value, name=label)
            elif isinstance(value, list):
                yield Guard(ITEMS, value, None, tuple(value), name=label)
            elif not any(isinstance(item, Tensor) for item in items):
                yield Guard(EQUAL, value, None, copy.copy(value), name=label)

    def _warn_of_size(self, text: str, recipe: _Recipe) -> None:
        self.warnings.append(
            f"{recipe.place}: {text} is too large to be compared in every call of a compiled "
            "function; what is changed inside of it later is not noticed. Hand it in, make a "
            "buffer or state of it, or (of an array) make it read-only"
        )

    def _note_source(self, value: Any, recipe: _Recipe) -> bool:
        """Remember the state of a generator of random numbers, where it is one."""
        source = impure.random_source(value)
        if source is None:
            return False
        if id(source) not in self._sources:
            self._sources[id(source)] = (source, impure.random_state(source), recipe.place)
        return True


_NO_CHAIN = Chain(ARGUMENT, "", (), 0, True, False)

# Methods that only write to a container: what the function leaves there is checked elsewhere.
_WRITERS = {"append", "appendleft", "extend", "insert", "add", "update", "clear", "__setitem__"}


def _is_watched(code: CodeType) -> bool:
    if code.co_filename.startswith(_PACKAGE):
        return code.co_name == "forward"  # for attributes of undeclared layers
    return (is_own_file(code.co_filename) and code.co_name != "<module>") or code is impure.GAUSS


def _is_container(value: Any) -> bool:
    kinds = (dict, list, tuple, set, collections.deque, np.ndarray, bytearray, array.array)
    return isinstance(value, (*kinds, os._Environ))


def _is_iterator(value: Any) -> bool:
    return hasattr(type(value), "__next__") and not isinstance(value, Module)


def _is_plain(value: Any) -> bool:
    """Whether an object is checked attribute by attribute."""
    return not isinstance(value, _OPAQUE) and not _is_container(value)


def _environment_of(environment: Any) -> Any:
    """Return the dict that `os.environ` wraps."""
    return environment._data


def _look_up(kind: type, name: str) -> Any:
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return _UNKNOWN


def _content_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNKNOWN


def _current(guard: Guard) -> Any:
    """Return the value of a variable or an attribute now; _UNKNOWN for containers."""
    if guard.kind == CELL:
        return _content_of(guard.holder)
    if guard.kind == ATTRIBUTE:
        return getattr(guard.holder, guard.key, _UNKNOWN)
    if guard.kind in (SIZE, ITEMS, EQUAL, ELEMENTS):
        return _UNKNOWN
    return guard.holder.get(guard.key, _UNKNOWN)


def _functions_of(function: Any) -> Iterator[FunctionType]:
    """Yield the plain functions that a callable consists of."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, property):
        function = function.fget
    function = getattr(function, "__func__", function)
    while function is not None:
        if isinstance(function, FunctionType):
            yield function
        function = getattr(function, "__wrapped__", None)


def _near_functions(frame: FrameType) -> list[FunctionType]:
    """Return functions of the code that runs, from where callers usually find them by its name."""
    code = frame.f_code
    name = code.co_name
    scopes: list[Mapping[str, Any]] = [
        frame.f_globals,
        frame.f_back.f_locals if frame.f_back is not None else {},
    ]
    if code.co_argcount > 0:
        first = frame.f_locals.get(code.co_varnames[0])
        kind = first if isinstance(first, type) else type(first)
        scopes += [vars(base) for base in kind.__mro__]
    return [
        function
        for scope in scopes
        for function in _functions_of(scope.get(name))
        if function.__code__ is code
    ]


def _global_sources() -> list[Any]:
    """Return the generators of Python's and NumPy's random functions, where these are loaded."""
    functions = []
    if "random" in sys.modules:
        functions.append(sys.modules["random"].random)
    if "numpy.random" in sys.modules:
        functions.append(sys.modules["numpy.random"].rand)
    return [impure.random_source(function) for function in functions]
