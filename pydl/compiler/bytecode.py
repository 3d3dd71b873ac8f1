"""What a piece of Python code reads from outside, as far as its bytecode tells."""

from __future__ import annotations

import dis
import functools
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

GLOBAL, FREE, ARGUMENT = "global", "free", "argument"


class Chain(NamedTuple):
    """A variable with what is read of it: `settings.rates["low"]`.

    `path` has pairs ("attribute", name) and ("item", constant). `reads_content` is false where the
    end of the chain is only written to. `is_set_first` says that the code stores it before it
    reads it.
    """

    scope: str
    name: str
    path: tuple[tuple[str, Any], ...]
    line: int
    reads_content: bool
    is_set_first: bool

    @property
    def text(self) -> str:
        """The chain as written in the source."""
        steps = (f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in self.path)
        return self.name + "".join(steps)


class Analysis(NamedTuple):
    """What `analyse` finds in a code object.

    `names` are those of attributes that it may read of something else than the chains' variables,
    and `inner` is the code inside of it, of lambdas and comprehensions.
    """

    chains: tuple[Chain, ...]
    names: frozenset[str]
    inner: frozenset[CodeType]


@functools.lru_cache(maxsize=4096)
def analyse(code: CodeType) -> Analysis:
    """Find what a code object reads; nested code (lambdas, comprehensions) is not included."""
    found = list(_chains(code))
    stored, loaded = _first_stores(found), _first_loads(found)
    chains = [
        chain._replace(is_set_first=key in stored and stored[key] < loaded.get(key, len(found)))
        for chain, _ in found
        for key in [(chain.scope, chain.text)]
    ]
    inner = set(_inner_code(code))
    names = set().union(*map(_names, (code, *inner)))
    return Analysis(tuple(dict.fromkeys(chains)), frozenset(names), frozenset(inner))


_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}


def _names(code: CodeType) -> set[str]:
    names = {i.argval for i in dis.get_instructions(code) if i.opname in _ATTRIBUTES}
    names |= {c for c in code.co_consts if isinstance(c, str) and c.isidentifier()}
    names |= {name for name in ("getattr", "vars") if name in code.co_names}
    return names - {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_ATTR"}


def _inner_code(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner_code(constant)


def _chains(code: CodeType) -> Iterator[tuple[Chain, str | None]]:
    """Yield chains, each with the name of the attribute or variable that is stored after it."""
    instructions = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "NOP")]
    starts = dict(dis.findlinestarts(code))
    line = code.co_firstlineno
    arguments = _arguments(code)
    for number, instruction in enumerate(instructions):
        line = starts.get(instruction.offset) or line
        if instruction.opname == "STORE_GLOBAL":
            yield Chain(GLOBAL, instruction.argval, (), line, False, False), ""
        if instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars:
            yield Chain(FREE, instruction.argval, (), line, False, False), ""
        if instruction.opname.startswith("LOAD_FAST") and isinstance(instruction.argval, tuple):
            first = instruction.argval[0]  # of two loads in one instruction
            if first in arguments:
                yield Chain(ARGUMENT, first, (), line, True, False), None
        base = _base(instruction, code, arguments)
        if base is None:
            continue
        path, end = _path(instructions, number + 1)
        following = [i.opname for i in instructions[end : end + 2]]
        is_target = following[:1] in (["STORE_ATTR"], ["DELETE_ATTR"])
        is_target = is_target or following[1:] in (["STORE_SUBSCR"], ["DELETE_SUBSCR"])
        stored = instructions[end].argval if following[:1] == ["STORE_ATTR"] else None
        yield Chain(*base, path, line, not is_target, False), stored


def _first_stores(found: list[tuple[Chain, str | None]]) -> dict[tuple[str, str], int]:
    """Return where each chain is stored to for the first time."""
    result: dict[tuple[str, str], int] = {}
    for number, (chain, stored) in enumerate(found):
        if stored is not None:
            text = f"{chain.text}.{stored}" if stored else chain.text
            result.setdefault((chain.scope, text), number)
    return result


def _first_loads(found: list[tuple[Chain, str | None]]) -> dict[tuple[str, str], int]:
    """Return where each chain is read for the first time."""
    result: dict[tuple[str, str], int] = {}
    for number, (chain, stored) in enumerate(found):
        if stored != "":
            result.setdefault((chain.scope, chain.text), number)
    return result


def _arguments(code: CodeType) -> frozenset[str]:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args and **kwargs
    return frozenset(code.co_varnames[:count])


def _base(
    instruction: dis.Instruction, code: CodeType, arguments: frozenset[str]
) -> tuple[str, str] | None:
    """Return scope and name of a variable from outside that an instruction loads."""
    name = instruction.argval
    if "LOAD_FAST" in instruction.opname and isinstance(name, tuple):
        name = name[-1]  # two loads in one instruction: the second is on top
    if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
        return GLOBAL, name
    if instruction.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
        return (FREE, name) if name in code.co_freevars else (ARGUMENT, name)
    if "LOAD_FAST" in instruction.opname and name in arguments:
        return ARGUMENT, name
    return None


def _path(
    instructions: list[dis.Instruction], number: int
) -> tuple[tuple[tuple[str, Any], ...], int]:
    """Return attributes and constant items that are read in a row, and where they end."""
    path: list[tuple[str, Any]] = []
    while True:
        copies = _skip_copies(instructions, number)  # x.n += 1 keeps x, to store there
        if copies < len(instructions) and instructions[copies].opname in _ATTRIBUTES:
            path.append(("attribute", instructions[copies].argval))
            number = copies + 1
            continue
        key = instructions[number] if number < len(instructions) else None
        if key is not None and key.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            copies = _skip_copies(instructions, number + 1)
            if copies < len(instructions) and _is_subscript(instructions[copies]):
                path.append(("item", key.argval))
                number = copies + 1
                continue
        return tuple(path), number


def _skip_copies(instructions: list[dis.Instruction], number: int) -> int:
    copies = ("COPY", "DUP_TOP", "DUP_TOP_TWO")
    while number < len(instructions) and instructions[number].opname in copies:
        number += 1
    return number


def _is_subscript(instruction: dis.Instruction) -> bool:
    if instruction.opname == "BINARY_SUBSCR":
        return True
    return instruction.opname == "BINARY_OP" and instruction.argrepr == "[]"
