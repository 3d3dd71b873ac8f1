"""What cannot be compiled says so, names the place, and leaves everything as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import TraceError, nn, optim

SCALE = pydl.tensor([2.0])
KEPT: list[pydl.Tensor] = []

READS: dict[str, Callable[[pydl.Tensor], Any]] = {
    "if": lambda x: x if x.sum() > 0 else -x,
    "bool": lambda x: x * bool(x.sum()),
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "item": lambda x: x * x.sum().item(),
    "tolist": lambda x: x * x.tolist()[0],
    "numpy": lambda x: x * x.numpy()[0],
    "asarray": lambda x: x * np.asarray(x)[0],
    "dlpack": lambda x: np.from_dlpack(x),
    "memoryview": lambda x: memoryview(x),
    "range": lambda x: [x for _ in range(x.sum().astype("int64"))],
}


@pytest.mark.parametrize("name", READS)
def test_reading_values(name: str) -> None:
    with pytest.raises((TraceError, BufferError), match=r"value of a tensor|only shapes"):
        pydl.compile(READS[name])(pydl.ones(3))


def test_the_line_is_named() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        y = x * 2.0
        if y.sum() > 0:
            y = -y
        return y

    line = function.__code__.co_firstlineno + 2
    with pytest.raises(TraceError, match=rf"test_refusals\.py:{line}: .*pydl\.where"):
        pydl.compile(function)(pydl.ones(3))


def test_shapes_may_be_asked_for_and_tensors_shown() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        assert repr(x) == "tensor(traced, shape=(3,), dtype=float32)"
        for _ in range(x.shape[0]):
            x = x + float(len(x))
        return x

    assert pydl.compile(function)(pydl.zeros(3)).tolist() == [9.0, 9.0, 9.0]


def test_captured_tensors_are_named() -> None:
    shift = pydl.ones(1)
    model = nn.Sequential(nn.Linear(3, 3))

    class Owner:
        def __init__(self) -> None:
            self.hidden = {"a": pydl.ones(1)}

        def method(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.hidden["a"]

    with pytest.raises(TraceError, match=r"captured tensor shift of shape \(1,\)"):
        pydl.compile(lambda x: x + shift)(pydl.ones(3))
    with pytest.raises(TraceError, match="captured tensor SCALE"):
        pydl.compile(lambda x: x + SCALE)(pydl.ones(3))
    with pytest.raises(TraceError, match=r"captured tensor model\.0\.weight"):
        pydl.compile(lambda x: model(x))(pydl.ones(3))
    with pytest.raises(TraceError, match="changes between calls"):
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        pydl.compile(lambda x: x * optimizer.lr, state=optimizer)(pydl.ones(3))
    assert pydl.compile(Owner().method)(pydl.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_leaks_are_named() -> None:
    history: list[pydl.Tensor] = []

    def appends(x: pydl.Tensor) -> pydl.Tensor:
        history.append(x * 2.0)
        return x + 1.0

    with pytest.raises(TraceError, match=r"history\[0\] keeps a tensor"):
        pydl.compile(appends)(pydl.ones(2))
    with pytest.raises(TraceError, match="has no elements"):
        history[0].numpy()
    with pytest.raises(TraceError, match="has no elements"):
        _ = history[0] + 1.0
    history.clear()

    class Remembers(nn.Module):
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            self.last = x * 2.0
            return self.last + 1.0

    with pytest.raises(TraceError, match=r"self\.last keeps a tensor"):
        pydl.compile(Remembers())(pydl.ones(2))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: 3.0, r"result is 3\.0 \(float\)"),
        (lambda x: (x, "a"), r"result\[1\] is 'a' \(str\)"),
        (lambda x: {"loss": x, "n": [1]}, r"result\['n'\]\[0\] is 1 \(int\)"),
    ],
)
def test_results_that_are_no_tensors(result: Callable[..., Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        pydl.compile(result)(pydl.ones(2))


def test_arguments_are_not_overwritten() -> None:
    def argument(x: pydl.Tensor) -> pydl.Tensor:
        x[0] = 1.0
        return x

    with pytest.raises(TraceError, match="argument 0 of a traced function is overwritten"):
        pydl.compile(argument)(pydl.ones(2))


def test_refusals_of_the_function_are_its_own() -> None:
    with pytest.raises(ValueError, match="matmul"):
        pydl.compile(lambda x: x @ x)(pydl.ones((2, 3)))
    with pytest.raises(ZeroDivisionError):
        pydl.compile(lambda x: x * (1 / 0))(pydl.ones(2))
    with pytest.raises(ValueError, match="no pass 'inline'"):
        pydl.compile(lambda x: x, without=["inline"])
    with pytest.raises(TypeError, match="expected a function, got int"):
        pydl.compile(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="state takes modules, optimizers and tensors, got int"):
        pydl.compile(lambda x: x, state=[3])(pydl.ones(2))


def _state(model: nn.Module, optimizer: optim.Optimizer) -> dict[str, Any]:
    values = {**model.state_dict(), **optimizer.state_dict()}
    return {name: value.numpy().copy() for name, value in values.items()}


def _assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


@pytest.mark.parametrize("update_first", [False, True])
def test_an_error_in_a_run_leaves_the_state_alone(update_first: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    table = nn.Parameter(pydl.ones((5, 3)))

    def step(x: pydl.Tensor, y: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        if not update_first:
            x = x + pydl.take(table.detach(), index)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss + pydl.take(table.detach(), index).sum() if update_first else loss

    compiled = pydl.compile(step, state=[model, optimizer, table])
    x, y, index = pydl.ones((2, 3)), pydl.tensor([0, 1]), pydl.tensor([0, 4])
    compiled(x, y, index)
    before = _state(model, optimizer)
    with pytest.raises(IndexError, match="take: index 5 is outside"):
        compiled(x, y, pydl.tensor([0, 5]))
    _assert_same(before, _state(model, optimizer))
    with pytest.raises(IndexError, match="class index 9 is outside the 4 classes"):
        compiled(x, pydl.tensor([0, 9]), index)
    _assert_same(before, _state(model, optimizer))
    compiled(x, y, index)
    assert optimizer.steps == 2


def test_a_failed_trace_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 4))
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    before = copy.deepcopy(model.state_dict())

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss if loss > 0 else -loss

    model(pydl.ones((2, 3))).sum().backward()
    gradient = model[0].weight.grad
    with pytest.raises(TraceError):
        pydl.compile(step, state=[model, optimizer])(pydl.ones((2, 3)))
    assert gradient is not None
    assert model[0].weight.grad is not None
    np.testing.assert_array_equal(model[0].weight.grad.numpy(), gradient.numpy())
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), value.numpy())
    assert optimizer.steps == 0
    step(pydl.ones((2, 3)))
    assert optimizer.steps == 1
