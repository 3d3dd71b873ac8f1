"""The part of Python's pickle format that describes data, read without Python's unpickler.

A pickle is a program for a small stack machine. Python's own one can import and call anything. This
one knows the instructions that build numbers, text, tuples, lists and dicts; it calls only what the
caller allows by name, and reads no more than the file has.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple


class Allowed(NamedTuple):
    """A function that a pickle may call with a tuple of arguments."""

    function: Callable[[tuple[Any, ...]], Any]


Resolve = Callable[[str, str], Any]

_PROTO, _FRAME, _STOP, _MARK = 0x80, 0x95, ord("."), ord("(")
_CONSTANTS = {ord("N"): None, 0x88: True, 0x89: False, ord(")"): ()}
_NUMBERS = {ord("J"): "<i", ord("K"): "<B", ord("M"): "<H", ord("G"): ">d"}
_LONG1 = 0x8A
# Formats of the length in front of a text; "T" and "U" are of Python 2.
_TEXTS = {ord("X"): "<I", 0x8C: "<B", 0x8D: "<Q", ord("T"): "<I", ord("U"): "<B"}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_PUTS = {ord("q"): "<B", ord("r"): "<I"}
_GETS = {ord("h"): "<B", ord("j"): "<I"}
_MEMOIZE = 0x94

_KEYS = (str, int, float, bool, type(None))
_LONGEST_LINE = 1000
_MARKER = object()


class DataPickle:
    """Reads one pickle from a file at its present position.

    Parameters
    ----------
    file : binary file
        Left behind the pickle's end.
    size : int
        Bytes of the file.
    resolve : callable (module, name) -> object
        Returns what a global name stands for: an `Allowed` function or inert data. It raises
        ValueError for what the pickle must not name.
    persistent : callable (object) -> object
        Returns what a persistent id stands for.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        resolve: Resolve,
        persistent: Callable[[Any], Any],
    ) -> None:
        self._file, self._resolve, self._persistent = file, resolve, persistent
        self._at, self._size = file.tell(), size
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Run the pickle and return the object that it describes.

        Raises
        ------
        ValueError
            For a pickle that is damaged or contains anything but data; it says where.
        """
        try:
            while (code := self._read(1)[0]) != _STOP:
                self._execute(code)
            return self._pop()
        except (ValueError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"pickle, at byte {self._at}: {error}") from error

    # --- instructions -----------------------------------------------------------------------------

    def _execute(self, code: int) -> None:
        push = self._stack.append
        if code in _CONSTANTS:
            push(_CONSTANTS[code])
        elif code in _NUMBERS:
            push(self._number(_NUMBERS[code]))
        elif code == _LONG1:
            push(int.from_bytes(self._read(self._read(1)[0]), "little", signed=True))
        elif code in _TEXTS:
            push(self._read(self._number(_TEXTS[code])).decode("utf-8", "surrogatepass"))
        elif code in _TUPLES:
            count = _TUPLES[code]
            push(tuple([self._pop() for _ in range(count)][::-1]))
        elif code in _PUTS:
            self._memo[self._number(_PUTS[code])] = self._top()
        elif code in _GETS:
            push(self._remembered(self._number(_GETS[code])))
        elif code == _MEMOIZE:
            self._memo[len(self._memo)] = self._top()
        elif code == _PROTO:
            self._read(1)
        elif code == _FRAME:
            self._read(8)  # a promise about the lengths of what follows, which is checked anyway
        elif code == _MARK:
            push(_MARKER)
        elif chr(code) in _COMPOUND:
            _COMPOUND[chr(code)](self)
        else:
            raise ValueError(f"refused instruction {bytes([code])!r}: it is not needed for data")

    def _tuple(self) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def _append(self) -> None:
        item = self._pop()
        self._container(list).append(item)

    def _appends(self) -> None:
        items = self._pop_to_mark()
        self._container(list).extend(items)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._container(dict)[_checked_key(key)] = value

    def _set_items(self) -> None:
        items = self._pop_to_mark()
        if len(items) % 2:
            raise ValueError("a key without a value")
        target = self._container(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_checked_key(key)] = value

    def _global(self) -> None:
        module, name = self._line(), self._line()
        self._stack.append(self._resolve(module, name))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a global that is not named by text")
        self._stack.append(self._resolve(module, name))

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Allowed) or not isinstance(arguments, tuple):
            raise ValueError(f"refused to call {_kind(function)} with {_kind(arguments)}")
        self._stack.append(function.function(arguments))

    def _build(self) -> None:
        # Attributes, such as the versions of modules that PyTorch adds to a state dict.
        self._pop()
        self._container(dict)

    def _persistent_id(self) -> None:
        self._stack.append(self._persistent(self._pop()))

    # --- stack and memo ---------------------------------------------------------------------------

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARKER:
            raise ValueError("the stack is empty")
        return self._stack[-1]

    def _pop(self) -> Any:
        self._top()
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack:
            item = self._stack.pop()
            if item is _MARKER:
                return items[::-1]
            items.append(item)
        raise ValueError("the stack has no mark")

    def _container(self, kind: type[Any]) -> Any:
        target = self._top()
        if type(target) is not kind:
            raise ValueError(f"expected a {kind.__name__} to fill, got {_kind(target)}")
        return target

    def _remembered(self, index: int) -> Any:
        if index not in self._memo:
            raise ValueError(f"nothing is remembered under {index}")
        return self._memo[index]

    # --- bytes ------------------------------------------------------------------------------------

    def _read(self, count: int) -> bytes:
        # Checked first, because reading allocates whatever size is claimed.
        if count > self._size - self._at:
            raise ValueError(
                f"truncated: {count} more bytes expected, {self._size - self._at} there"
            )
        content = self._file.read(count)
        self._at += len(content)
        if len(content) != count:
            raise ValueError(f"truncated: {count} bytes expected, {len(content)} there")
        return content

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    def _line(self) -> str:
        line = self._file.readline(_LONGEST_LINE)
        self._at += len(line)
        if not line.endswith(b"\n"):
            raise ValueError("truncated: a name without an end")
        return line[:-1].decode("utf-8")


_COMPOUND: dict[str, Callable[[DataPickle], None]] = {
    "}": lambda machine: machine._stack.append({}),
    "]": lambda machine: machine._stack.append([]),
    "t": DataPickle._tuple,
    "a": DataPickle._append,
    "e": DataPickle._appends,
    "s": DataPickle._set_item,
    "u": DataPickle._set_items,
    "c": DataPickle._global,
    "\x93": DataPickle._stack_global,
    "R": DataPickle._reduce,
    "b": DataPickle._build,
    "Q": DataPickle._persistent_id,
}


def _checked_key(key: Any) -> Any:
    # Hashing a tuple nested deeply enough would overflow the stack.
    if not isinstance(key, _KEYS):
        raise ValueError(f"expected a key that is text or a number, got {_kind(key)}")
    return key


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
