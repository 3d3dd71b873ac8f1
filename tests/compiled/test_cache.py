"""Which calls share a program, how many are kept, and what is said of calls that do not."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from compiled.comparison import assert_same

import pydl
from pydl import nn


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = pydl.get_num_threads()
    yield
    pydl.set_num_threads(before)


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


# --- what is traced anew --------------------------------------------------------------------------


def test_the_function_runs_once_for_calls_alike() -> None:
    runs: list[int] = []

    def function(x: pydl.Tensor) -> pydl.Tensor:
        counted()
        return x * 2

    def counted() -> None:
        runs.append(1)

    compiled = pydl.compile(function)
    assert compiled.traces == 0
    for k in range(5):
        assert_same(compiled(random(3, seed=k)), random(3, seed=k) * 2)
    assert (compiled.traces, len(runs), len(compiled.programs)) == (1, 1, 1)


CALLS: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "shape": ((random(3), 2), (random(4), 2)),
    "rank": ((random(3), 2), (random(3, 1), 2)),
    "size_one": ((random(3, 1), 2), (random(3, 3), 2)),
    "dtype": ((random(3), 2), (random(3, dtype="float64"), 2)),
    "int": ((random(3), 2), (random(3), 3)),
    "float": ((random(3), 0.5), (random(3), 0.25)),
    "int_and_float": ((random(3), 2), (random(3), 2.0)),
    "bool_and_int": ((random(3), 1), (random(3), True)),
    "number_and_tensor": ((random(3), 2.0), (random(3), pydl.tensor(2.0))),
    "number_and_none": ((random(3), 2.0), (random(3), None)),
    "list_and_tuple": ((random(3), [1, 2]), (random(3), (1, 2))),
    "length": ((random(3), [1, 2]), (random(3), [1, 2, 3])),
    "keys": ((random(3), {"a": 1}), (random(3), {"b": 1})),
    "nested": ((random(3), {"a": [1, (2,)]}), (random(3), {"a": [1, (3,)]})),
    "string": ((random(3), "tanh"), (random(3), "relu")),
    "slice": ((random(3), slice(0, 2)), (random(3), slice(1, 3))),
    "function": ((random(3), pydl.tanh), (random(3), pydl.relu)),
    "requires_grad": ((random(3), 2), (random(3).requires_grad_(), 2)),
}


def _apply(x: pydl.Tensor, how: Any) -> Any:
    if how is None:
        return x
    if isinstance(how, (dict, list, tuple)):
        values = how.values() if isinstance(how, dict) else how
        total = x * (2.0 if isinstance(how, list) else 3.0)
        for i, value in enumerate(values):
            total = total + i * _apply(x, value)
        return total
    if isinstance(how, str):
        return getattr(pydl, how)(x)
    if isinstance(how, slice):
        return x[how]
    if callable(how):
        return how(x)
    if isinstance(how, bool):
        return -x if how else x
    return x * how


@pytest.mark.parametrize("name", CALLS)
def test_other_signature(name: str) -> None:
    first, second = CALLS[name]
    compiled = pydl.compile(lambda x, how: _apply(x, how).detach())
    for _ in range(2):  # the second time both are there
        for call in (first, second):
            assert_same(compiled(*call), _apply(*call).detach(), name)
    assert compiled.traces == 2
    assert len(compiled.programs) == 2


def test_positional_and_keyword_arguments() -> None:
    compiled = pydl.compile(lambda x, y=2.0, *, z=None: x * y if z is None else x * y + z)
    x = random(3)
    assert_same(compiled(x), x * 2)
    assert_same(compiled(x, y=x), x * x)
    assert_same(compiled(x=x, y=x), x * x)
    assert_same(compiled(y=x, x=x + 1), (x + 1) * x)
    assert_same(compiled(x, 3.0, z=x), x * 3.0 + x)


def test_order_of_keys_does_not_matter() -> None:
    compiled = pydl.compile(lambda d: d["a"] - d["b"])
    a, b = random(3), random(3, seed=1)
    assert_same(compiled({"a": a, "b": b}), a - b)
    assert_same(compiled({"b": b, "a": a}), a - b)
    assert compiled.traces <= 2


def test_layout_does_not_matter() -> None:
    compiled = pydl.compile(lambda x: x.T @ x)
    x = random(4, 4)
    for given in (x, x.T, x[::-1], random(8, 8)[::2, 1::2], x[:1].expand(4, 4)):
        assert_same(compiled(given), given.T @ given, loosen=20)
    assert compiled.traces == 1


def test_grad_mode() -> None:
    weight = nn.Parameter(random(3))

    def function(x: pydl.Tensor) -> pydl.Tensor:
        y = x * weight
        return y.detach() * (2.0 if y.requires_grad else 3.0)

    compiled = pydl.compile(function, state=weight)
    for _ in range(2):
        assert_same(compiled(random(3)), function(random(3)))
        with pydl.no_grad():
            assert_same(compiled(random(3)), function(random(3)))
    assert compiled.traces == 2


def test_number_of_threads(threads: None) -> None:
    compiled = pydl.compile(lambda x: (x @ x).softmax().sum(axis=0))
    x = random(100, 100)
    expected = (x @ x).softmax().sum(axis=0)
    for count in (1, 2, 1, 2):
        pydl.set_num_threads(count)
        assert_same(compiled(x), expected, loosen=20)
    assert compiled.traces == 2


def test_training_flag_and_settings_of_declared_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    compiled = pydl.compile(lambda x: model(x).detach(), state=model)
    x = random(40, 3)
    assert 0.0 in compiled(x).reshape(-1).tolist()
    model.eval()
    assert_same(compiled(x), model(x).detach(), loosen=10)
    model.train()
    assert 0.0 in compiled(x).reshape(-1).tolist()
    traces = compiled.traces
    for training in (False, True):
        model.train(training)
        compiled(x)
    assert compiled.traces == traces


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(pydl.ones((3,)))
        self.scale: Any = 2.0
        self.scales = [2.0, 3.0]
        self.table = {"a": 2.0}
        self.names = ("a", "b")
        self.function: Any = pydl.tanh

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        y = self.function(x * self.weight) * self.scale
        return y * self.scales[0] * self.scales[1] * self.table[self.names[0]] * len(self.names)


def _set_scale(model: Scaled) -> None:
    model.scale = 5.0


def _set_tensor(model: Scaled) -> None:
    model.scale = pydl.tensor(4.0)


def _add_attribute(model: Scaled) -> None:
    model.extra = 1  # type: ignore[attr-defined]


def _set_function(model: Scaled) -> None:
    model.function = pydl.relu


def _replace_list(model: Scaled) -> None:
    model.scales = [5.0, 6.0]


def _replace_tuple(model: Scaled) -> None:
    model.names = ("a", "b", "c")


@pytest.mark.parametrize(
    "change",
    [
        _set_scale,
        _set_tensor,
        _add_attribute,
        _set_function,
        _replace_list,
        _replace_tuple,
    ],
)
def test_changed_attributes_of_a_declared_module(change: Callable[[Scaled], None]) -> None:
    model = Scaled()
    compiled = pydl.compile(model)
    x = random(3)
    with pydl.no_grad():
        assert_same(compiled(x), model(x))
        change(model)
        assert_same(compiled(x), model(x), change.__name__)


def test_training_flag_of_a_module_that_was_not_declared() -> None:
    dropout = nn.Dropout(0.5)
    compiled = pydl.compile(lambda x: dropout(x))
    x = pydl.ones(64)
    try:
        compiled(x)
    except pydl.TraceError:
        return  # asking to declare it would do
    dropout.eval()
    assert compiled(x).tolist() == [1.0] * 64


def test_module_as_an_argument() -> None:
    """It is not a tensor: what it holds must be declared all the same."""
    model = nn.Linear(3, 2)
    with pytest.raises(pydl.TraceError, match="declared"):
        pydl.compile(lambda m, x: m(x))(model, random(3))
    compiled = pydl.compile(lambda m, x: m(x).detach(), state=model)
    assert_same(compiled(model, random(3)), model(random(3)).detach(), loosen=10)


@pytest.mark.parametrize("kind", ["set", "bytearray", "list_subclass"])
def test_other_argument_that_is_changed_between_calls(kind: str) -> None:
    class Numbers(list):  # type: ignore[type-arg]
        pass

    value: Any = {"set": {1}, "bytearray": bytearray([1]), "list_subclass": Numbers([1])}[kind]
    compiled = pydl.compile(lambda x, n: x * sum(n))
    assert_same(compiled(random(3), value), random(3))
    if kind == "set":
        value.add(2)
    else:
        value.append(2)
    assert_same(compiled(random(3), value), random(3) * 3)


def test_static_zeros_of_both_signs() -> None:
    compiled = pydl.compile(lambda x, s: x / s)
    assert compiled(pydl.ones(1), 0.0).tolist() == [np.inf]
    assert compiled(pydl.ones(1), -0.0).tolist() == [-np.inf]


def test_not_a_number_as_a_static_argument() -> None:
    """It differs from itself, which must not make a program that serves nobody."""
    compiled = pydl.compile(lambda x, s: x * s)
    for value in (float("nan"), np.float64("nan"), float("nan")):
        assert np.isnan(compiled(pydl.ones(1), value).item())


# --- bounds and messages --------------------------------------------------------------------------


def test_cache_is_bounded() -> None:
    compiled = pydl.compile(lambda x: x * 2, cache_size=3)
    for n in range(1, 6):
        assert_same(compiled(random(n)), random(n) * 2)
        assert len(compiled.programs) == min(n, 3)
    assert compiled.traces == 5
    compiled(random(4))
    compiled(random(3))  # the last used stay
    assert compiled.traces == 5
    compiled(random(6))
    compiled(random(3))
    compiled(random(4))
    assert compiled.traces == 6
    compiled(random(5))
    assert compiled.traces == 7
    compiled.clear()
    assert compiled.programs == []
    assert_same(compiled(random(3)), random(3) * 2)
    assert compiled.traces == 8


def test_cache_of_one() -> None:
    compiled = pydl.compile(lambda x: x * 2, cache_size=1)
    for n in (1, 2, 1):
        assert_same(compiled(random(n)), random(n) * 2)
    assert compiled.traces == 3


def test_bound_methods_keep_the_size_of_their_cache() -> None:
    class Holder:
        @pydl.compile(cache_size=2)
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

    holder = Holder()
    for n in range(1, 5):
        holder.run(random(n))
    assert len(holder.run.programs) == 2


def test_warning_after_many_traces_names_the_reason() -> None:
    compiled = pydl.compile(lambda x, s: x * s)
    with pytest.warns(UserWarning) as caught:
        for n in range(1, 30):
            compiled(random(3), float(n))
    first = str(caught[0].message)
    assert "<lambda>" in first
    assert "traced" in first
    assert "arguments" in first
    assert ", before " in first  # both values
    assert caught[0].filename == __file__
    assert len(caught) <= 5
    with pytest.warns(UserWarning, match=r"shape \(\d+,\), before \(\d+,\)"):
        for n in range(1, 30):
            compiled(random(n), 1.0)
    sized = pydl.compile(lambda x: x + 1.0)
    with pytest.warns(UserWarning, match=r"traced 8 times.*shape \(9,\), before \(8,\)"):
        for n in range(1, 10):
            sized(random(n))


def test_no_warning_for_a_few_traces() -> None:
    compiled = pydl.compile(lambda x: x * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(1, 5):
            compiled(random(n))
            compiled(random(n))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (lambda: (random(4), 2), r"arguments\[0\]\[0\]: shape \(4,\), before \(3,\)"),
        (lambda: (random(3, dtype="float64"), 2), r"float64, before float32"),
        (lambda: (random(3), 7), r"7, before 2"),
        (lambda: (random(3), [7]), r"before 2"),
    ],
)
def test_retraces_are_logged(second: Any, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    def scaled(x: pydl.Tensor, s: Any) -> pydl.Tensor:
        return x * (s[0] if isinstance(s, list) else s)

    compiled = pydl.compile(scaled)
    with caplog.at_level(logging.DEBUG, logger="pydl"):
        compiled(random(3), 2)
        compiled(random(3), 2)
        assert not caplog.records
        compiled(*second())
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("pydl", logging.DEBUG)
    assert "scaled is traced again" in record.getMessage()
    assert re.search(reason, record.getMessage())


def test_retraces_by_state_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    compiled = pydl.compile(model)

    def message() -> str:
        caplog.clear()
        compiled(random(3))
        (record,) = caplog.records
        return str(record.getMessage())

    compiled(random(3))
    with caplog.at_level(logging.DEBUG, logger="pydl"):
        model.eval()
        assert re.search("training|attributes", message())
        model.requires_grad_(False)
        assert "requires_grad" in message()
        with pydl.no_grad():
            assert "gradients" in message()
