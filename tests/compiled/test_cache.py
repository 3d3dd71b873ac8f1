"""Which calls share a program, what may go in and out, threads, and memory."""

from __future__ import annotations

import copy
import gc
import logging
import re
import sys
import threading
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from compiled.comparison import assert_same

import pydl
from pydl import nn, optim

Pair = namedtuple("Pair", ["left", "right"])


class Batch(NamedTuple):
    x: pydl.Tensor
    y: pydl.Tensor
    name: str = ""


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
    """It is no tensor: what it holds must be declared all the same."""
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
        (lambda: (random(4), 2), r"shape \(4,\), before \(3,\)"),
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


# --- what goes in and out -------------------------------------------------------------------------


def test_structures() -> None:
    def function(
        pair: Pair, items: list[Any], table: dict[str, Any], *rest: Any, **more: Any
    ) -> Any:
        return {
            "pair": Pair(pair.right * 2, pair.left),
            "items": [item + 1 for item in items],
            "table": {k: (v, None) for k, v in table.items()},
            "rest": rest,
            3: more,
            "batch": Batch(pair.left, items[0])._replace(name=None),
            "empty": ((), [], {}),
        }

    arguments = (
        Pair(random(2), random(3)),
        [random(1), random(0)],
        {"a": random(2), "b": random(2, 2)},
        random(4),
        (random(1), (random(2),)),
    )
    compiled = pydl.compile(function)
    expected = function(*arguments, extra=random(3))
    for _ in range(2):
        actual = compiled(*arguments, extra=random(3))
        assert_same(actual, expected)
        assert type(actual["pair"]) is Pair
        assert type(actual["batch"]) is Batch
    assert compiled.traces == 1


def test_named_tuples_with_static_fields() -> None:
    def function(batch: Batch) -> pydl.Tensor:
        return batch.x + batch.y if batch.name == "sum" else batch.x - batch.y

    compiled = pydl.compile(function)
    x, y = random(3), random(3, seed=1)
    for name in ("sum", "difference", "sum"):
        assert_same(compiled(Batch(x, y, name)), function(Batch(x, y, name)))
    assert compiled.traces == 2


def test_results_of_no_tensors_at_all() -> None:
    assert pydl.compile(lambda x: None)(random(3)) is None
    assert pydl.compile(lambda: ())() == ()
    assert pydl.compile(lambda: [None, {}])() == [None, {}]
    assert_same(pydl.compile(lambda: pydl.ones(2))(), pydl.ones(2))


def test_static_numbers_in_nested_arguments() -> None:
    compiled = pydl.compile(lambda c: c["x"] * c["options"]["scale"] + c["options"]["shift"][0])
    x = random(3)
    for scale in (2.0, 3.0, 2.0):
        config = {"x": x, "options": {"scale": scale, "shift": [1.0]}}
        assert_same(compiled(config), x * scale + 1.0)
    assert compiled.traces == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8", "bool"])
def test_arrays(dtype: str) -> None:
    rng = np.random.default_rng(0)
    compiled = pydl.compile(lambda x: (x + 1 if x.dtype != "bool" else x.logical_not()).sum(axis=0))

    def eager(array: Any) -> pydl.Tensor:
        x = pydl.tensor(array)
        return (x + 1 if x.dtype != "bool" else x.logical_not()).sum(axis=0)

    for _ in range(2):
        array = (rng.standard_normal((4, 6)) * 3).astype(dtype)
        for given in (array, array[::-1], np.asfortranarray(array)):
            assert_same(compiled(given), eager(given))
        assert_same(compiled(pydl.tensor(array)), eager(array))  # one program for both
    assert compiled.traces == 1


def test_arrays_are_read_at_each_call() -> None:
    compiled = pydl.compile(lambda x: x * 2)
    array = np.zeros(3, np.float32)
    assert compiled(array).tolist() == [0.0] * 3
    array[:] = 1
    assert compiled(array).tolist() == [2.0] * 3
    array.flags.writeable = False
    assert compiled(array).tolist() == [2.0] * 3
    assert compiled(np.array(5.0)).item() == 10.0


def test_numpy_scalars_are_numbers() -> None:
    compiled = pydl.compile(lambda x, s: x * s)
    for scale in (np.float64(2.0), np.float32(3.0), np.int64(4)):
        assert_same(compiled(random(3), scale), random(3) * scale)


# --- what is compiled -----------------------------------------------------------------------------


def test_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    compiled = pydl.compile(model)
    with pydl.no_grad():
        for k in range(3):
            assert_same(compiled(random(5, 3, seed=k)), model(random(5, 3, seed=k)), loosen=10)
            for parameter in model.parameters():
                parameter.copy_(parameter * 0.9)
    assert compiled.traces == 1


class Trainer:
    """A method with all it needs in its object."""

    def __init__(self, seed: int) -> None:
        pydl.manual_seed(seed)
        self.model = nn.Linear(3, 1)
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.1)
        self.count = pydl.zeros((), dtype="int64")
        self.name = "trainer"

    def plain(self, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = ((self.model(x) - y) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.count[...] = self.count + 1
        return loss.detach()

    @pydl.compile
    def step(self, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return self.plain(x, y)


def test_methods() -> None:
    eager, first, second = Trainer(0), Trainer(0), Trainer(1)
    for k in range(3):
        x, y = random(8, 3, seed=k), random(8, 1, seed=k)
        assert_same(first.step(x, y), eager.plain(x, y), loosen=20)
        second.step(x, y)
        assert_same(first.model.state_dict(), eager.model.state_dict(), loosen=50)
    assert first.count.item() == 3
    assert first.step.traces == 1
    assert second.step is not first.step
    assert first.model.weight.tolist() != second.model.weight.tolist()


def test_method_of_another_name() -> None:
    class Holder:
        def plain(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

        fast = pydl.compile(plain)

    holder = Holder()
    for _ in range(3):
        assert_same(holder.fast(random(3)), random(3) * 2)
    assert not isinstance(holder.plain, pydl.compiler.CompiledFunction)
    assert holder.fast.traces == 1


def test_method_that_calls_that_of_its_base_class() -> None:
    class Base:
        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

    class Derived(Base):
        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return super().run(x) + 1

    derived = Derived()
    for _ in range(3):
        assert_same(derived.run(random(3)), random(3) * 2 + 1)


def test_methods_of_modules() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        @pydl.compile
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.layer(x).tanh()

    net = Net()
    with pydl.no_grad():
        for k in range(3):
            expected = net.layer(random(4, 3, seed=k)).tanh()
            assert_same(net(random(4, 3, seed=k)), expected, loosen=10)
            net.layer.weight.fill_(0.1 * k)
    assert [name for name, _ in net.named_parameters()] == ["layer.weight", "layer.bias"]


def test_copies_of_objects_with_compiled_methods() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        @pydl.compile
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.layer(x)

    net = Net()
    x = random(4, 3)
    with pydl.no_grad():
        net(x)
        other = copy.deepcopy(net)
        other.layer.weight.fill_(0.0)
        assert_same(other(x), other.layer(x))
        assert_same(net(x), net.layer(x), loosen=10)


def test_methods_of_objects_with_slots() -> None:
    class Holder:
        __slots__ = ("scale",)

        def __init__(self) -> None:
            self.scale = pydl.tensor(2.0)

        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.scale

    try:
        assert_same(Holder().run(random(3)), random(3) * 2)
    except pydl.TraceError as error:
        assert "self.scale" in str(error)


def test_decorated_functions_keep_their_names() -> None:
    @pydl.compile(state=[])
    def scaled(x: pydl.Tensor) -> pydl.Tensor:
        """Times two."""
        return x * 2

    assert scaled.__name__ == "scaled"
    assert scaled.__doc__ == "Times two."
    assert "not traced" in scaled.describe()
    scaled(random(3))
    assert "multiply" in scaled.describe()
    assert "arena" in scaled.describe()
    assert scaled.programs[0].to_dot().startswith("digraph")


def test_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = pydl.compile(lambda x: ((x * 1.0 + 2.0).tanh() @ x).sum(), explain=True)
    for _ in range(3):
        compiled(random(40, 40))
    text = capsys.readouterr().out
    for name in ("canonicalize", "common_subexpressions", "dead_code", "fuse_elementwise"):
        assert f"after {name}" in text
    assert text.count("after fuse_elementwise") == 1  # at the trace only
    described = compiled.describe()
    assert "GFLOP/s" in described
    assert "test_cache.py:" in described
    for step in compiled.programs[0].steps():
        assert step["seconds"] > 0
        assert step["operands"]


def test_nested_compiled_functions() -> None:
    weight = nn.Parameter(random(3))
    inner = pydl.compile(lambda x: x * weight, state=weight)
    outer = pydl.compile(lambda x: inner(x) + inner(x * 2), state=weight)
    expected = random(3) * weight.detach() + random(3) * 2 * weight.detach()
    with pydl.no_grad():
        assert_same(outer(random(3)), expected)
        assert inner.traces == 0
        assert_same(inner(random(3)), random(3) * weight)
        weight.fill_(2.0)
        assert_same(outer(random(3)), random(3) * 6.0)
    assert (inner.traces, outer.traces) == (1, 1)


def test_undeclared_state_of_a_nested_function_is_named() -> None:
    weight = pydl.tensor([1.0, 2.0, 3.0])
    inner = pydl.compile(lambda x: x * weight, state=weight)
    with pytest.raises(pydl.TraceError, match="declared"):
        pydl.compile(lambda x: inner(x) + 1)(random(3))
    assert_same(inner(random(3)), random(3) * weight)


def test_recursion() -> None:
    @pydl.compile
    def power(x: pydl.Tensor, n: int) -> pydl.Tensor:
        return x if n == 1 else x * power(x, n - 1)

    assert_same(power(random(3), 4), random(3) * (random(3) * (random(3) * random(3))))
    assert power.traces == 1


def test_state_is_found_in_lists_and_dicts() -> None:
    a, b, c = (pydl.tensor(float(k)) for k in range(3))
    compiled = pydl.compile(lambda x: x * a + b * c, state=[[a], {"k": (b, [c])}])
    assert_same(compiled(random(3)), random(3) * 0.0 + 2.0)
    c.fill_(5.0)
    assert_same(compiled(random(3)), random(3) * 0.0 + 5.0)


# --- threads --------------------------------------------------------------------------------------


def run_in_threads(count: int, work: Callable[[int], None]) -> None:
    """All at once, switching as often as possible; raises what the first that failed raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("size", [4, 200])
def test_one_program_in_several_threads(size: int) -> None:
    """Small programs run under the interpreter's lock, large ones beside each other."""
    weight = nn.Parameter(random(size, size))

    def function(x: pydl.Tensor) -> Any:
        h = (x @ weight.detach()).tanh()
        return (h * 2.0 + x).softmax(), h.sum(axis=0)

    compiled = pydl.compile(function, state=weight)
    inputs = [random(size, size, seed=n) for n in range(4)]
    expected = [function(x) for x in inputs]
    compiled(inputs[0])

    def work(number: int) -> None:
        for _ in range(20):
            assert_same(compiled(inputs[number]), expected[number], loosen=50)

    run_in_threads(4, work)
    assert compiled.traces == 1


def test_tracing_in_several_threads() -> None:
    """Each thread is the first to ask for some shapes."""

    def function(x: pydl.Tensor, s: float) -> pydl.Tensor:
        return (x * s).tanh().sum() + x

    compiled = pydl.compile(function, cache_size=64)

    def work(number: int) -> None:
        for k in range(40):
            x = random(1 + (k + number) % 6, seed=k)
            assert_same(compiled(x, 2.0 + number % 2), function(x, 2.0 + number % 2), loosen=10)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_in_threads(4, work)
    assert len(compiled.programs) <= 64


def test_eager_work_beside_a_trace() -> None:
    """A trace concerns its own thread only."""
    inside, go_on = threading.Event(), threading.Event()

    def function(x: pydl.Tensor) -> pydl.Tensor:
        inside.set()
        assert go_on.wait(10)
        return x * 2

    compiled = pydl.compile(function)
    results: list[Any] = []
    worker = threading.Thread(target=lambda: results.append(compiled(random(3))))
    worker.start()
    assert inside.wait(10)
    assert_same(random(3) + 1, pydl.tensor(random(3).numpy() + 1))
    other = pydl.compile(lambda x: x + 5)
    assert_same(other(random(3)), random(3) + 5)
    go_on.set()
    worker.join()
    assert_same(results[0], random(3) * 2)


def test_models_train_in_threads_of_their_own() -> None:
    def train(number: int, compile_it: bool) -> Any:
        rng = np.random.default_rng(number)
        model = nn.Linear(3, 2)
        with pydl.no_grad():
            for parameter in model.parameters():
                parameter.copy_(pydl.tensor(rng.standard_normal(parameter.shape)))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x: pydl.Tensor) -> pydl.Tensor:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run: Any = pydl.compile(step, state=[model, optimizer]) if compile_it else step
        for k in range(10):
            run(random(6, 3, seed=k))
        return model.state_dict()

    expected = [train(n, False) for n in range(4)]

    def work(number: int) -> None:
        assert_same(train(number, True), expected[number], loosen=200)

    run_in_threads(4, work)


def test_programs_are_dropped_while_they_run() -> None:
    compiled = pydl.compile(lambda x: (x @ x).tanh().sum(), cache_size=3)
    inputs = [random(n, n) for n in (150, 151, 152)]
    expected = [(x @ x).tanh().sum() for x in inputs]

    def run(which: int) -> None:
        try:
            result = compiled(inputs[which])
        except RuntimeError as error:  # see test_program_is_dropped_before_its_first_run
            assert "does not serve" in str(error)
        else:
            assert_same(result, expected[which], loosen=1000)

    def work(number: int) -> None:
        for k in range(10):
            which = (number + k) % 3
            if number == 0:
                compiled.clear()
            else:
                run(which)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_in_threads(3, work)


# --- memory ---------------------------------------------------------------------------------------


def alive() -> int:
    gc.collect()
    return pydl.live_tensor_count()


def test_memory_is_released() -> None:
    before = alive()
    x = random(50, 50)
    compiled = pydl.compile(lambda x: ((x @ x).tanh() + pydl.tensor([1.0] * 50)).sum(axis=0))
    compiled(x)
    result = compiled(x)
    assert alive() > before
    del compiled, x, result
    assert alive() == before


def test_memory_of_a_training_step_is_released() -> None:
    before = alive()

    def train() -> None:
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        @pydl.compile(state=[model, optimizer])
        def step(x: pydl.Tensor) -> pydl.Tensor:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        for n in (4, 4, 5):
            step(random(n, 3))

    train()
    assert alive() == before


def test_memory_after_trace_errors_is_released() -> None:
    before = alive()
    model = nn.Linear(3, 1)  # of two tensors

    def bad(x: pydl.Tensor) -> Any:
        loss = model(x).sum()
        loss.backward()
        return loss.item()

    for _ in range(3):
        with pytest.raises(pydl.TraceError):
            pydl.compile(bad, state=model)(random(3))
    assert alive() == before + 2


def test_memory_of_compiled_methods_is_released() -> None:
    before = alive()
    trainer = Trainer(0)
    trainer.step(random(4, 3), random(4, 1))
    del trainer
    assert alive() == before


def test_calls_leave_nothing_behind() -> None:
    model = nn.Linear(3, 3)
    compiled = pydl.compile(model)
    x = random(4, 3)
    with pydl.no_grad():
        compiled(x)
        before = alive()
        for _ in range(100):
            compiled(x)
        assert alive() == before


def test_clear_releases_programs() -> None:
    compiled = pydl.compile(lambda x: x * pydl.tensor([1.0, 2.0, 3.0]))
    before = alive()
    x = random(3)
    compiled(x)
    del x
    assert alive() > before
    compiled.clear()
    assert alive() == before


def test_program_holds_no_arguments() -> None:
    """Between calls the inputs of the last one are free to go."""
    compiled = pydl.compile(lambda x: x * 2)
    compiled(random(1000, 100))
    gc.collect()
    before = pydl.memory_stats()["live_bytes"]
    compiled(random(1000, 100))
    gc.collect()
    assert pydl.memory_stats()["live_bytes"] <= before
