"""What the guards of a compiled function leave alone, what they report, and what they cost."""

from __future__ import annotations

import re
import sys
import timeit
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from compiled.changing_objects import settings
from compiled.changing_values import given, restored
from compiled.changing_variables import helper, items, table

import pydl
from pydl import nn

FILE = r"test_guards\.py"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with restored():
        yield


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
