"""Which program serves which call."""

from __future__ import annotations

import copy
import gc
import logging
import re
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest

import pydl
from pydl import nn


class Pair(NamedTuple):
    first: Any
    second: Any


def test_shapes_dtypes_and_numbers_have_programs_of_their_own() -> None:
    compiled = pydl.compile(lambda x, factor=2.0: x * factor)
    for count, (x, keywords) in enumerate(
        [
            (pydl.ones(3), {}),
            (pydl.ones(4), {}),
            (pydl.ones(3, dtype="float64"), {}),
            (pydl.ones(3), {"factor": 3.0}),
            (pydl.ones(3), {"factor": 3}),
        ]
    ):
        for _ in range(2):
            expected = x.numpy() * keywords.get("factor", 2.0)
            np.testing.assert_array_equal(compiled(x, **keywords).numpy(), expected)
        assert compiled.traces == count + 1
    assert len(compiled.programs) == 5


def test_structures_in_and_out() -> None:
    def function(pair: Pair, more: dict[str, Any]) -> dict[str, Any]:
        return {
            "pair": Pair(pair.first + 1.0, None),
            "list": [more["a"] * 2.0, (more["b"][0],)],
        }

    more = {"a": pydl.ones(2), "b": [np.full(3, 4.0, np.float32)]}
    compiled = pydl.compile(function)
    result = compiled(Pair(pydl.zeros(1), "name"), more)
    assert isinstance(result["pair"], Pair)
    assert result["pair"].first.tolist() == [1.0]
    assert result["pair"].second is None
    assert result["list"][0].tolist() == [2.0, 2.0]
    assert result["list"][1][0].tolist() == [4.0, 4.0, 4.0]
    compiled(Pair(pydl.zeros(1), "name"), more)
    assert compiled.traces == 1
    compiled(Pair(pydl.zeros(1), "other"), more)
    assert compiled.traces == 2


def test_strided_arguments_are_taken_as_they_are() -> None:
    compiled = pydl.compile(lambda x: x + 1.0)
    x = pydl.arange(12).astype("float32").reshape(3, 4)
    for view in (x, x[::-1], x[:, ::-1]):
        np.testing.assert_array_equal(compiled(view).numpy(), view.numpy() + 1)
    assert compiled.traces == 1


def test_grad_mode_and_threads() -> None:
    compiled = pydl.compile(lambda x: x + 1.0)
    compiled(pydl.ones(2))
    with pydl.no_grad():
        compiled(pydl.ones(2))
    assert compiled.traces == 2
    threads = pydl.get_num_threads()
    try:
        pydl.set_num_threads(threads + 1)
        compiled(pydl.ones(2))
        assert compiled.traces == 3
    finally:
        pydl.set_num_threads(threads)


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    compiled = pydl.compile(lambda x: x + 1.0, cache_size=2)
    for size in (1, 2, 1, 3, 1):
        compiled(pydl.ones(size))
    assert compiled.traces == 3
    assert len(compiled.programs) == 2
    compiled.clear()
    assert compiled.programs == []


def test_retraces_are_logged_and_many_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    compiled = pydl.compile(lambda x: x + 1.0)
    with caplog.at_level(logging.DEBUG, "pydl"):
        compiled(pydl.ones(1))
        compiled(pydl.ones(2))
    assert r"arguments[0][0]: shape (2,), before (1,)" in caplog.text
    with pytest.warns(UserWarning, match=r"traced 8 times.*shape \(9,\), before \(8,\)"):
        for size in range(3, 10):
            compiled(pydl.ones(size))


def test_methods_and_modules() -> None:
    class Scale(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = nn.Parameter(pydl.full((1,), factor))

        @pydl.compile
        def double(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.factor * 2.0

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.factor

    one, two = Scale(3.0), Scale(5.0)
    with pydl.no_grad():
        assert one.double(pydl.ones(1)).tolist() == [6.0]
        assert two.double(pydl.ones(1)).tolist() == [10.0]
        compiled = pydl.compile(one)
        assert compiled(pydl.ones(1)).tolist() == [3.0]
        one.factor = nn.Parameter(pydl.full((1,), 7.0))
        assert compiled(pydl.ones(1)).tolist() == [7.0]


def test_compiled_functions_call_each_other() -> None:
    inner = pydl.compile(lambda x: x * 2.0)
    outer = pydl.compile(lambda x: inner(x) + inner(x))
    assert outer(pydl.ones(1)).tolist() == [4.0]
    assert inner.traces == 0


def test_several_threads_at_once() -> None:
    compiled = pydl.compile(lambda x: pydl.tanh(x @ x) * 2.0 + x)
    inputs = [pydl.randn(64, 64) for _ in range(4)]
    expected = [(pydl.tanh(x @ x) * 2.0 + x).numpy() for x in inputs]
    compiled(inputs[0])
    wrong = []

    def work(number: int) -> None:
        for _ in range(50):
            actual = compiled(inputs[number]).numpy()
            if not np.allclose(actual, expected[number], rtol=1e-5, atol=1e-5):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_results_have_memory_of_their_own() -> None:
    compiled = pydl.compile(lambda x: x + 1.0)
    first = compiled(pydl.zeros(3))
    compiled(pydl.ones(3))
    assert first.tolist() == [1.0, 1.0, 1.0]


def test_an_argument_that_is_an_overwritten_state_is_refused() -> None:
    weight = nn.Parameter(pydl.full((3,), 2.0))

    def function(x: pydl.Tensor) -> pydl.Tensor:
        with pydl.no_grad():
            weight.copy_(x * 3.0)
            return x + 1.0

    compiled = pydl.compile(function, state=weight)
    with pytest.raises(ValueError, match="argument 0 .* shares memory with a state"):
        compiled(weight.detach())
    assert weight.tolist() == [2.0, 2.0, 2.0]


def test_constant_results_are_new_tensors() -> None:
    compiled = pydl.compile(lambda x: (x, pydl.zeros(2), pydl.full((), 3.0)))
    compiled(pydl.ones(1))[1].fill_(5.0)
    assert compiled(pydl.ones(1))[1].tolist() == [0.0, 0.0]


def test_memory_is_given_back() -> None:
    gc.collect()
    before = pydl._core.live_tensor_count()
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4), np.float32), np.ones((8, 2), np.float32), epochs=2, verbose=0)
    assert pydl._core.live_tensor_count() > before
    del model
    gc.collect()
    assert pydl._core.live_tensor_count() == before


def test_copies_of_a_fitted_model_train_on_their_own() -> None:
    model = nn.Sequential(nn.Linear(4, 2))
    model.compile("adam", "mse")
    x, y = np.ones((8, 4), np.float32), np.ones((8, 2), np.float32)
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    before = model[0].weight.detach().numpy().copy()
    twin.compile("adam", "mse")
    twin.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_array_equal(model[0].weight.detach().numpy(), before)
    assert not np.array_equal(twin[0].weight.detach().numpy(), before)


def test_describe_and_to_dot(capsys: pytest.CaptureFixture[str]) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        return pydl.exp(x * 2.0) + 1.0

    compiled = pydl.compile(function, explain=True)
    assert "not traced yet" in compiled.describe()
    compiled(pydl.ones(100))
    printed = capsys.readouterr().out
    assert "== after trace ==" in printed
    assert "fused multiply+exp+add" in printed
    assert "test_signatures.py" in printed
    compiled(pydl.ones(100))
    assert re.search(r"us, 100\.0 % of the time, .* GB/s, \d+ % of peak", compiled.describe())
    assert "memory: arena" in compiled.describe()
    dot = compiled.programs[0].to_dot()
    assert dot.startswith("digraph {")
    assert "multiply+exp+add" in dot


def test_memory_is_shared_by_what_does_not_live_together() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        for _ in range(10):
            x = pydl.softmax(x, 1)
        return x

    program = _program(function, pydl.ones((64, 64)))
    alone = _program(function, pydl.ones((64, 64)), without=["memory"])
    assert program.arena_bytes <= 2 * 64 * 64 * 4
    assert alone.arena_bytes == program.unplanned_bytes == 9 * 64 * 64 * 4


def _program(function: Any, *arguments: Any, **options: Any) -> Any:
    compiled = pydl.compile(function, **options)
    compiled(*arguments)
    return compiled.programs[0]
