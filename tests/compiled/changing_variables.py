"""Rows of `CHANGES` that read variables, containers, arrays and the environment."""

from __future__ import annotations

import array
import collections
import enum
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from compiled.changes import Row, row

import pydl


class Pair(NamedTuple):
    low: float
    high: float


class Kind(enum.Enum):
    ADD = 1
    SUBTRACT = 2


number: float = 2.0
whole: int = 2
text = "tanh"
flag = True
nothing: Any = None
scalar: Any = np.float32(2.0)
items = [2.0, 3.0]
nested = [[2.0], [3.0]]
table: dict[str, Any] = {"rate": 2.0, "inner": {"rate": 3.0}}
chosen = {1, 2}
queue = collections.deque([2.0])
numbers = np.array([2.0, 3.0], np.float32)
gathered = np.ones((6, 6), np.float32)[::2, ::3]
raw = bytearray([2, 3])
typed = array.array("d", [2.0])
pair = Pair(2.0, 3.0)
kind = Kind.ADD


def operation(x: pydl.Tensor) -> pydl.Tensor:
    return x * 2


def other_operation(x: pydl.Tensor) -> pydl.Tensor:
    return x * 3


def helper(x: pydl.Tensor) -> pydl.Tensor:
    return x * number


def outer_helper(x: pydl.Tensor) -> pydl.Tensor:
    return helper(x) + 1


def set_global(name: str, value: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, value)


def reset() -> None:
    """Put everything back that the rows change."""
    globals().update(_BEFORE)
    items[:] = [2.0, 3.0]
    nested[0][:] = [2.0]
    table.clear()
    table.update(rate=2.0, inner={"rate": 3.0})
    chosen.clear()
    chosen.update({1, 2})
    queue.clear()
    queue.append(2.0)
    numbers[:], gathered[:], raw[:], typed[0] = [2.0, 3.0], 1.0, bytes([2, 3]), 2.0
    os.environ["PYDL_TEST_RATE"] = "2.0"


_CHANGED = ("number", "whole", "text", "flag", "nothing", "scalar", "operation", "kind", "pair")
_BEFORE = {name: globals()[name] for name in _CHANGED}


@row
def global_float() -> Row:
    return lambda x: x * number, set_global("number", 5.0)


@row
def global_integer() -> Row:
    return lambda x: x * whole, set_global("whole", 5)


@row
def global_integer_as_float() -> Row:
    return lambda x: x.astype("int64") * whole, set_global("whole", 2.0)


@row
def global_string() -> Row:
    return lambda x: getattr(pydl, text)(x), set_global("text", "exp")


@row
def global_flag() -> Row:
    return lambda x: x * 2 if flag else x * 3, set_global("flag", False)


@row
def global_none() -> Row:
    return lambda x: x if nothing is None else x * nothing, set_global("nothing", 3.0)


@row
def global_numpy_scalar() -> Row:
    return lambda x: x * scalar, set_global("scalar", np.float32(7.0))


@row
def global_function() -> Row:
    return lambda x: operation(x), set_global("operation", other_operation)


@row
def global_enum() -> Row:
    return lambda x: x + 1 if kind is Kind.ADD else x - 1, set_global("kind", Kind.SUBTRACT)


@row
def global_named_tuple() -> Row:
    return lambda x: x * pair.low, set_global("pair", Pair(5.0, 3.0))


@row
def item_of_a_list() -> Row:
    return lambda x: x * items[0], lambda: items.__setitem__(0, 5.0)


@row
def length_of_a_list() -> Row:
    return lambda x: x * len(items), lambda: items.append(1.0)


@row
def list_in_a_loop() -> Row:
    return lambda x: sum([x * i for i in items], x), lambda: items.__setitem__(1, 7.0)


@row
def nested_list() -> Row:
    return lambda x: x * nested[0][0], lambda: nested[0].__setitem__(0, 5.0)


@row
def whole_nested_list() -> Row:
    return lambda x: x * sum(sum(each) for each in nested), lambda: nested[0].append(5.0)


@row
def value_of_a_dict() -> Row:
    return lambda x: x * table["rate"], lambda: table.update(rate=5.0)


@row
def value_by_get() -> Row:
    return lambda x: x * table.get("rate", 1.0), lambda: table.update(rate=5.0)


@row
def value_by_a_variable() -> Row:
    def step(x: pydl.Tensor) -> pydl.Tensor:
        for key in ("rate",):
            x = x * table[key]
        return x

    return step, lambda: table.update(rate=5.0)


@row
def missing_key() -> Row:
    def step(x: pydl.Tensor) -> pydl.Tensor:
        try:
            return x * table["absent"]
        except KeyError:
            return x

    return step, lambda: table.update(absent=3.0)


@row
def nested_dict() -> Row:
    return lambda x: x * table["inner"]["rate"], lambda: table["inner"].update(rate=5.0)


@row
def alias_of_a_dict() -> Row:
    def step(x: pydl.Tensor) -> pydl.Tensor:
        mine = table
        return x * mine["rate"]

    return step, lambda: table.update(rate=5.0)


@row
def member_of_a_set() -> Row:
    return lambda x: x * 2 if 2 in chosen else x, lambda: chosen.discard(2)


@row
def item_of_a_deque() -> Row:
    return lambda x: x * queue[0], lambda: queue.__setitem__(0, 5.0)


@row
def numpy_array() -> Row:
    return lambda x: x * numbers.sum(), lambda: numbers.__setitem__(0, 5.0)


@row
def numpy_array_as_operand() -> Row:
    return lambda x: x[:2] * numbers, lambda: numbers.__setitem__(0, 5.0)


@row
def numpy_array_with_strides() -> Row:
    return lambda x: x[:2] * gathered[0], lambda: gathered.__setitem__((0, 1), 5.0)


@row
def bytes_in_an_array() -> Row:
    return lambda x: x * raw[0], lambda: raw.__setitem__(0, 5)


@row
def typed_array() -> Row:
    return lambda x: x * typed[0], lambda: typed.__setitem__(0, 5.0)


@row
def helper_function() -> Row:
    return lambda x: outer_helper(x), set_global("number", 5.0)


@row
def closure_variable() -> Row:
    rate = 2.0

    def change() -> None:
        nonlocal rate
        rate = 5.0

    return lambda x: x * rate, change


@row
def closure_container() -> Row:
    rates = [2.0]
    return lambda x: x * rates[0], lambda: rates.__setitem__(0, 5.0)


@row
def closure_of_a_helper() -> Row:
    rate = 2.0

    def inner(x: pydl.Tensor) -> pydl.Tensor:
        return x * rate

    def change() -> None:
        nonlocal rate
        rate = 5.0

    globals()["operation"] = inner
    return lambda x: operation(x), change


@row
def closure_in_a_lambda() -> Row:
    rate = 2.0

    def step(x: pydl.Tensor) -> pydl.Tensor:
        return (lambda y: y * rate)(x)

    def change() -> None:
        nonlocal rate
        rate = 5.0

    return step, change


@row
def environment() -> Row:
    change = lambda: os.environ.__setitem__("PYDL_TEST_RATE", "5.0")  # noqa: E731
    return lambda x: x * float(os.environ["PYDL_TEST_RATE"]), change


@row
def environment_by_getenv() -> Row:
    change = lambda: os.environ.__setitem__("PYDL_TEST_RATE", "5.0")  # noqa: E731
    return lambda x: x * float(os.getenv("PYDL_TEST_RATE", "1")), change


@row
def environment_by_get() -> Row:
    change = lambda: os.environ.__setitem__("PYDL_TEST_RATE", "5.0")  # noqa: E731
    return lambda x: x * float(os.environ.get("PYDL_TEST_RATE", "1")), change


@row
def environment_by_membership() -> Row:
    change = lambda: os.environ.__delitem__("PYDL_TEST_RATE")  # noqa: E731
    return lambda x: x * (2.0 if "PYDL_TEST_RATE" in os.environ else 5.0), change


@row
def environment_under_another_name() -> Row:
    environ = os.environ
    change = lambda: environ.update(PYDL_TEST_RATE="5.0")  # noqa: E731
    return lambda x: x * float(environ.get("PYDL_TEST_RATE", "1")), change
