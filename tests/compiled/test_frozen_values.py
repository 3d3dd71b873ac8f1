"""What Python computes while a function is traced is not frozen: it is looked at again, or refused.

Each row names a source of values. The rows of `CHANGES` make a function that reads one, and say how
it changes; the compiled function must give what the function itself gives, before and after. The
rows of `REFUSED` give something else in every call.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import enum
import functools
import io
import itertools
import os
import random
import re
import secrets
import statistics
import sys
import time
import timeit
import types
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pydl
from pydl import TraceError, nn

FILE = r"test_frozen_values\.py"
Step = Callable[[pydl.Tensor], pydl.Tensor]
Row = tuple[Step, Callable[[], Any]]

# --- what the rows read ---------------------------------------------------------------------------


class Settings:
    shared = 2.0

    def __init__(self) -> None:
        self.rate = 2.0
        self.rates = {"low": [2.0, 3.0]}
        self.inner: Any = None

    def scaled(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.rate

    @property
    def doubled(self) -> float:
        return self.rate * 2

    def __call__(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + self.rate


class Slots:
    __slots__ = ("rate",)

    def __init__(self) -> None:
        self.rate = 2.0

    def scaled(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.rate


@dataclasses.dataclass
class Data:
    rate: float = 2.0


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
settings = Settings()
slots = Slots()
data = Data()
many = [Settings(), Settings()]
losses: dict[str, Any] = {}
module = types.ModuleType("settings_of_the_user")
module.__file__ = str(Path(__file__).with_name("settings_of_the_user.py"))


def operation(x: pydl.Tensor) -> pydl.Tensor:
    return x * 2


def other_operation(x: pydl.Tensor) -> pydl.Tensor:
    return x * 3


def helper(x: pydl.Tensor) -> pydl.Tensor:
    return x * number


def outer_helper(x: pydl.Tensor) -> pydl.Tensor:
    return helper(x) + 1


def with_default(x: pydl.Tensor, options: dict[str, float] = {"rate": 2.0}) -> pydl.Tensor:  # noqa: B006
    return x * options["rate"]


def of_settings(x: pydl.Tensor, given: Settings) -> pydl.Tensor:
    return x * given.rate


def with_attribute(x: pydl.Tensor) -> pydl.Tensor:
    return x * with_attribute.rate  # type: ignore[attr-defined]


with_attribute.rate = 2.0  # type: ignore[attr-defined]
bound = settings.scaled
partial = functools.partial(lambda x, rate: x * rate, rate=2.0)


def set_global(name: str, value: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, value)


def reset() -> None:
    """Put everything back that rows change."""
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
    for each in (settings, *many):
        vars(each).clear()
        each.__init__()  # type: ignore[misc]
    Settings.scaled = _SCALED  # type: ignore[method-assign]
    Settings.shared = Data.rate = slots.rate = data.rate = 2.0
    module.rate = with_attribute.rate = 2.0  # type: ignore[attr-defined]
    partial.keywords["rate"] = 2.0
    losses["a"] = nn.MSELoss()
    with_default.__defaults__[0]["rate"] = 2.0  # type: ignore[index]
    os.environ["PYDL_TEST_RATE"] = "2.0"


_SCALED = Settings.scaled
_CHANGED = ("number", "whole", "text", "flag", "nothing", "scalar", "operation", "kind", "pair")
_BEFORE = {name: globals()[name] for name in _CHANGED}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    reset()
    yield
    reset()
    del os.environ["PYDL_TEST_RATE"]


# --- what changes between calls -------------------------------------------------------------------

CHANGES: dict[str, Callable[[], Row]] = {}


def row(make: Callable[[], Row]) -> Callable[[], Row]:
    CHANGES[make.__name__] = make
    return make


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
def attribute() -> Row:
    return lambda x: x * settings.rate, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_attribute() -> Row:
    settings.inner = Settings()
    return lambda x: x * settings.inner.rate, lambda: setattr(settings.inner, "rate", 5.0)


@row
def container_in_an_attribute() -> Row:
    change = lambda: settings.rates["low"].__setitem__(0, 5.0)  # noqa: E731
    return lambda x: x * settings.rates["low"][0], change


@row
def attribute_by_an_alias() -> Row:
    def step(x: pydl.Tensor) -> pydl.Tensor:
        mine = settings
        return x * mine.rate

    return step, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_by_getattr() -> Row:
    return lambda x: x * getattr(settings, "ra" + "te"), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_argument() -> Row:
    return lambda x: of_settings(x, settings), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_item() -> Row:
    return lambda x: x * many[1].rate, lambda: setattr(many[1], "rate", 5.0)


@row
def attribute_in_a_loop() -> Row:
    return lambda x: x * sum(each.rate for each in many), lambda: setattr(many[1], "rate", 5.0)


@row
def attribute_in_a_method() -> Row:
    return lambda x: settings.scaled(x), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_in_a_bound_method() -> Row:
    return lambda x: bound(x), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_in_a_property() -> Row:
    return lambda x: x * settings.doubled, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_a_callable() -> Row:
    return settings, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_a_class() -> Row:
    return lambda x: x * Settings.shared, lambda: setattr(Settings, "shared", 5.0)


@row
def attribute_of_a_class_by_an_object() -> Row:
    return lambda x: x * settings.shared, lambda: setattr(Settings, "shared", 5.0)


@row
def attribute_that_hides_one_of_the_class() -> Row:
    return lambda x: x * settings.shared, lambda: setattr(settings, "shared", 5.0)


@row
def attribute_in_slots() -> Row:
    return lambda x: x * slots.rate, lambda: setattr(slots, "rate", 5.0)


@row
def attribute_in_slots_by_a_method() -> Row:
    return lambda x: slots.scaled(x), lambda: setattr(slots, "rate", 5.0)


@row
def attribute_of_a_dataclass() -> Row:
    return lambda x: x * data.rate, lambda: setattr(data, "rate", 5.0)


@row
def attribute_of_a_module() -> Row:
    return lambda x: x * module.rate, lambda: setattr(module, "rate", 5.0)


@row
def attribute_of_a_function() -> Row:
    return with_attribute, lambda: setattr(with_attribute, "rate", 5.0)


@row
def method_of_a_class() -> Row:
    return lambda x: settings.scaled(x), lambda: setattr(Settings, "scaled", lambda self, x: x * 7)


@row
def helper_function() -> Row:
    return lambda x: outer_helper(x), set_global("number", 5.0)


@row
def default_argument() -> Row:
    return lambda x: with_default(x), lambda: with_default.__defaults__[0].update(rate=5.0)


@row
def partial_function() -> Row:
    return lambda x: partial(x), lambda: partial.keywords.update(rate=5.0)


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
def attribute_of_a_layer() -> Row:
    class Scale(nn.Module):
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.scale if hasattr(self, "scale") else x

    layer = Scale()
    return layer, lambda: setattr(layer, "scale", 3.0)


@row
def option_of_a_loss_in_a_dict() -> Row:
    return lambda x: losses["a"](x, x * 0), lambda: setattr(losses["a"], "reduction", "sum")


@row
def environment() -> Row:
    change = lambda: os.environ.__setitem__("PYDL_TEST_RATE", "5.0")  # noqa: E731
    return lambda x: x * float(os.environ["PYDL_TEST_RATE"]), change


@row
def environment_by_getenv() -> Row:
    change = lambda: os.environ.__setitem__("PYDL_TEST_RATE", "5.0")  # noqa: E731
    return lambda x: x * float(os.getenv("PYDL_TEST_RATE", "1")), change


def given() -> pydl.Tensor:
    return pydl.tensor([1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str) -> None:
    step, change = CHANGES[name]()
    compiled = pydl.compile(step)
    before = step(given()).tolist()
    for _ in range(3):
        assert compiled(given()).tolist() == before
    assert compiled.traces == 1
    change()
    after = step(given())
    assert after.tolist() != before or after.dtype == pydl.float32, "the row changes nothing"
    for _ in range(2):
        result = compiled(given())
        assert result.tolist() == after.tolist()
        assert result.dtype == after.dtype
    assert compiled.traces == 2


def fit_with(function: Step, change: Callable[[], Any], jit: bool, where: str) -> list[float]:
    """Losses and metrics of a model that uses a function, before and after a callback's change."""

    class Net(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            y = self.layer(x)
            return y + value_of(y) if where == "forward" else y

    def value_of(output: pydl.Tensor) -> pydl.Tensor:
        return function(output[0]).astype("float32").mean()

    def loss(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
        value = ((output - target) ** 2).mean()
        return value + value_of(output) if where == "loss" else value

    def metric(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
        return value_of(output) if where == "metric" else output.mean()

    class Change(pydl.training.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if epoch == 1:
                change()

    pydl.manual_seed(0)
    model = Net()
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.01), loss, [metric], jit=jit)
    x = np.ones((4, 3), np.float32)
    history = model.fit(x, x, batch_size=4, epochs=4, verbose=0, callbacks=[Change()])
    return [*history.history["loss"], *history.history["metric"]]


@pytest.mark.parametrize("where", ["loss", "forward", "metric"])
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("error", "ignore:metric 'metric' is reported as a mean over batches")
def test_a_change_is_seen_in_fit(name: str, where: str) -> None:
    """`fit` learns compiled what it learns eagerly, and is not made eager."""
    results = []
    for jit in (True, False):
        reset()
        results.append(fit_with(*CHANGES[name](), jit, where))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*was traced")
def test_a_number_that_changes_in_every_batch() -> None:
    """After some traces the step goes on without compilation, and with the right numbers."""
    results = []
    for jit in (True, False):
        reset()
        model = nn.Sequential(nn.Linear(3, 1))
        with pydl.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.5)

        class Anneal(pydl.training.Callback):
            def on_train_batch_end(self, batch: int) -> None:
                settings.rate = settings.rate * 0.9

        def loss(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
            return ((output - target) ** 2).mean() * settings.rate

        model.compile(pydl.optim.SGD(model.parameters(), lr=0.01), loss, jit=jit)
        x, y = np.ones((40, 3), np.float32), np.ones((40, 1), np.float32)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(x, y, batch_size=1, verbose=0, callbacks=[Anneal()])
        results.append(history.history["loss"])
        texts = [str(warning.message) for warning in caught]
        assert any("settings.rate" in t and "runs without compilation" in t for t in texts) == jit
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


# --- what is another in every call ----------------------------------------------------------------

generator = np.random.default_rng(0)
legacy = np.random.RandomState(0)
bits = np.random.PCG64(0)
python_random = random.Random(0)
source = itertools.count(2)
from random import random as imported_random  # noqa: E402
from time import time as imported_time  # noqa: E402

from numpy.random import normal as imported_normal  # noqa: E402


class Noisy:
    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)
        self.calls = 0
        self.source = itertools.count(2)

    def noise(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + self.generator.normal()

    def taken(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + next(self.source)

    def counted(self, x: pydl.Tensor) -> pydl.Tensor:
        self.calls += 1
        return x * self.calls

    def read(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * float(input())

    def opened(self, x: pydl.Tensor) -> pydl.Tensor:
        with open(__file__, encoding="utf-8") as file:
            return x * len(file.read())


noisy = Noisy()


def counted(x: pydl.Tensor) -> pydl.Tensor:
    global whole
    whole += 1
    return x * whole


def collected(x: pydl.Tensor) -> pydl.Tensor:
    items.append(1.0)
    return x * len(items)


def counted_in_a_dict(x: pydl.Tensor) -> pydl.Tensor:
    table["rate"] += 1
    return x * table["rate"]


REFUSED: dict[str, tuple[Step, str]] = {
    "numpy.random.rand": (lambda x: x + np.random.rand(), "numpy.random"),
    "numpy.random.normal": (lambda x: x + np.random.normal(size=3), "numpy.random"),
    "numpy.random, imported": (lambda x: x + imported_normal(), "numpy.random"),
    "Generator": (lambda x: x + generator.normal(), "numpy.random"),
    "Generator in an object": (lambda x: noisy.noise(x), "numpy.random"),
    "Generator by getattr": (lambda x: x + noisy.generator.uniform(), "numpy.random"),
    "new Generator": (lambda x: x + np.random.default_rng().normal(), "random bytes"),
    "RandomState": (lambda x: x + legacy.uniform(), "numpy.random"),
    "BitGenerator": (lambda x: x + bits.random_raw() % 7, "numpy.random"),
    "random.random": (lambda x: x if random.random() < 0.5 else -x, "Python's random"),
    "random.random, imported": (lambda x: x + imported_random(), "Python's random"),
    "random.gauss": (lambda x: x + random.gauss(0, 1), "Python's random"),
    "random.choice": (lambda x: x + random.choice([1, 2]), "Python's random"),
    "random.Random": (lambda x: x + python_random.uniform(0, 1), "Python's random"),
    "random.SystemRandom": (lambda x: x + random.SystemRandom().random(), "random"),
    "statistics": (lambda x: x + statistics.NormalDist().samples(1)[0], "Python's random"),
    "os.urandom": (lambda x: x + os.urandom(1)[0], "random bytes"),
    "uuid.uuid4": (lambda x: x + uuid.uuid4().int % 7, "random bytes"),
    "secrets": (lambda x: x + secrets.token_bytes(1)[0], "random bytes"),
    "secrets.randbelow": (lambda x: x + secrets.randbelow(9), "random"),
    "time.time": (lambda x: x + time.time() % 1, "time.time"),
    "time.time, imported": (lambda x: x + imported_time() % 1, "time.time"),
    "time.perf_counter": (lambda x: x + time.perf_counter(), "time.perf_counter"),
    "time.monotonic_ns": (lambda x: x + time.monotonic_ns() % 7, "time.monotonic_ns"),
    "timeit.default_timer": (lambda x: x + timeit.default_timer(), "time.perf_counter"),
    "datetime.now": (lambda x: x + datetime.datetime.now().second, r"datetime.now"),
    "date.today": (lambda x: x + datetime.date.today().day, "date.today"),
    "input": (lambda x: noisy.read(x), r"input\(\)"),
    "open": (lambda x: noisy.opened(x), r"open\(\)"),
    "next": (lambda x: x + next(source), "source is an iterator"),
    "next in an object": (lambda x: noisy.taken(x), "self.source is an iterator"),
    "global counter": (counted, "whole .* and changes it"),
    "counter in an object": (lambda x: noisy.counted(x), "calls .* and changes it"),
    "counter in a dict": (counted_in_a_dict, "rate.* and changes it"),
    "growing list": (collected, "changes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_another_in_every_call_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, message = REFUSED[name]
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n" * 9))
    compiled = pydl.compile(step)
    for _ in range(2):
        with pytest.raises(TraceError, match=message) as caught:
            compiled(given())
        assert re.search(rf"{FILE}:\d+", str(caught.value))


@pytest.mark.parametrize("name", REFUSED)
def test_fit_goes_on_without_compilation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, message = REFUSED[name]
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n" * 99))
    with pytest.warns(UserWarning, match=f"fit runs without compilation.*{message}") as caught:
        fit_with(step, lambda: None, True, "forward")
    # The numbers of some of them are so large that the loss does not stay finite.
    told = [warning for warning in caught if "without compilation" in str(warning.message)]
    assert len(told) == 1


# --- what is left alone ---------------------------------------------------------------------------


def test_what_a_function_sets_before_it_reads_it() -> None:
    """Shapes that a model keeps for itself: `self.size = x.shape[0]`."""

    class Model(nn.Module):
        size: int | None = None

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            self.size = x.shape[0]
            return x * self.size

    model = Model()
    compiled = pydl.compile(model)
    for size in (3, 3, 2, 3):
        assert compiled(pydl.ones(size)).tolist() == [float(size)] * size


def test_what_a_function_makes_for_itself() -> None:
    """Objects and containers of the trace are not guarded, and not kept."""

    class Part:
        def __init__(self, value: pydl.Tensor) -> None:
            self.value, self.parts, self.me = value, [value], self

        def scaled(self) -> pydl.Tensor:
            return self.value * len(self.parts)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        parts = [Part(x * i) for i in range(3)]
        rng = np.random.default_rng(3)
        return sum([p.scaled() for p in parts], x) * rng.normal()

    compiled = pydl.compile(step)
    for _ in range(3):
        assert compiled(given()).tolist() == step(given()).tolist()
    assert compiled.traces == 1


def test_iterators_of_the_function_itself() -> None:
    layer = nn.Linear(3, 3)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        total = sum((p * p).sum() for p in layer.parameters())
        pairs = iter(zip(items, (1, 2), strict=True))
        return layer(x) + total * next(pairs)[1] + sum(a for a, _ in pairs)

    compiled = pydl.compile(step, state=layer)
    np.testing.assert_allclose(
        compiled(given()).detach().numpy(), step(given()).detach().numpy(), rtol=1e-5
    )


def test_other_values_do_not_matter() -> None:
    state = {"rate": 2.0, "steps": 0}

    def step(x: pydl.Tensor) -> pydl.Tensor:
        return x * state["rate"] * settings.rate

    compiled = pydl.compile(step)
    for number in range(5):
        state["steps"] = number
        settings.unused = number  # type: ignore[attr-defined]
        assert compiled(given()).tolist() == [4.0, 8.0, 12.0]
    assert compiled.traces == 1


def test_a_reason_names_what_changed(caplog: pytest.LogCaptureFixture) -> None:
    compiled = pydl.compile(lambda x: x * table["rate"])
    compiled(given())
    table["rate"] = 3.0
    with caplog.at_level("DEBUG", logger="pydl"):
        compiled(given())
    assert re.search(rf"table\['rate'\] \({FILE}:\d+\) changed", caplog.text)


def test_a_large_container_is_warned_of() -> None:
    large = list(range(1000))
    with pytest.warns(UserWarning, match=rf"{FILE}:\d+: large is too large to be compared"):
        pydl.compile(lambda x: x * large[3])(given())


def test_a_profiler_goes_on() -> None:
    seen: list[str] = []

    def profile(frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        pydl.compile(helper)(given())
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert "helper" in seen


def test_guards_cost_little() -> None:
    """Ten global variables cost about a microsecond; a bound with room for a busy machine."""
    space: dict[str, Any] = {f"g{i}": float(i) for i in range(10)}
    exec("def step(x): return x * (" + "+".join(space) + ")", space)
    with_guards = pydl.compile(space["step"])
    without = pydl.compile(lambda x: x * 45.0)
    x = given()

    def cost(function: Any) -> float:
        function(x)
        return min(timeit.repeat(lambda: function(x), number=2000, repeat=7)) / 2000

    assert cost(with_guards) - cost(without) < 3e-6
