"""Overwriting: what a derivative still needs raises, and what nobody needs does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl


def leaf(*values: float) -> pydl.Tensor:
    return pydl.tensor(list(values), requires_grad=True)


OVERWRITES: dict[str, Callable[[pydl.Tensor], object]] = {
    "fill_": lambda x: x.fill_(0.5),
    "zero_": lambda x: x.zero_(),
    "copy_": lambda x: x.copy_([3.0, 4.0]),
    "setitem": lambda x: x.__setitem__(0, 5),
    "setitem of a slice": lambda x: x.__setitem__(slice(None, None, -1), pydl.ones(2)),
    "iadd": lambda x: x.__iadd__(1),
    "isub": lambda x: x.__isub__(1),
    "imul": lambda x: x.__imul__(2),
    "itruediv": lambda x: x.__itruediv__(2),
}


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_a_saved_input_raises(name: str) -> None:
    w, data = leaf(1.0, 2.0), pydl.ones(2)
    y = (w * data).sum()
    OVERWRITES[name](data)
    with pytest.raises(RuntimeError, match=r"multiply.*input of shape \(2,\).*overwritten"):
        y.backward()
    assert w.grad is None


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_through_views_counts(name: str) -> None:
    w, data = leaf(1.0, 2.0), pydl.ones((3, 2))
    y = (w * data[1]).sum()
    OVERWRITES[name](data[1:].detach()[0].reshape(2))
    with pytest.raises(RuntimeError, match="multiply.*overwritten"):
        y.backward()


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_a_saved_output_raises(name: str) -> None:
    w = leaf(1.0, 2.0)
    y = w.exp()
    OVERWRITES[name](y.detach())
    with pytest.raises(RuntimeError, match="exp.*output.*overwritten"):
        y.sum().backward()


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_a_leaf_that_was_saved_raises(name: str) -> None:
    w = leaf(1.0, 2.0)
    y = (w * w).sum()
    with pydl.no_grad():
        OVERWRITES[name](w)
    with pytest.raises(RuntimeError, match="multiply.*overwritten"):
        y.backward()


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_a_leaf_while_recording_raises(name: str) -> None:
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="requires a gradient cannot be overwritten"):
        OVERWRITES[name](w)
    assert w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", [n for n in OVERWRITES if not n.startswith("i")])
def test_overwriting_a_result_while_recording_raises(name: str) -> None:
    y = leaf(1.0, 2.0) * 2
    with pytest.raises(RuntimeError, match="requires a gradient cannot be overwritten"):
        OVERWRITES[name](y)
    assert y.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("name", OVERWRITES)
def test_overwriting_what_is_not_needed_is_fine(name: str) -> None:
    w, data = leaf(1.0, 2.0), pydl.ones(2)
    y = (w + data).sum()
    OVERWRITES[name](data)
    y.backward()
    assert w.grad is not None
    assert w.grad.tolist() == [1.0, 1.0]


def test_in_place_operators_on_results_make_new_tensors() -> None:
    w = leaf(1.0, 2.0)
    y = first = w * 1
    y *= w
    y += 3
    assert y is not first
    assert first.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 4.0]


def test_in_place_with_a_recorded_operand_makes_a_new_tensor() -> None:
    w, total = leaf(1.0, 2.0), pydl.zeros(2)
    before = total
    for _ in range(3):
        total += w * w
    assert before.tolist() == [0.0, 0.0]
    assert total.requires_grad
    total.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [6.0, 12.0]


def test_recorded_values_are_not_written_into_other_tensors() -> None:
    w, buffer = leaf(1.0, 2.0), pydl.zeros(2)
    for write in (lambda: buffer.copy_(w * 2), lambda: buffer.__setitem__(slice(None), w)):
        with pytest.raises(RuntimeError, match=r"recorded tensor cannot be written.*detach"):
            write()
    assert buffer.tolist() == [0.0, 0.0]
    buffer.copy_((w * 2).detach())
    assert buffer.tolist() == [2.0, 4.0]


def test_updating_weights_under_no_grad() -> None:
    w = leaf(1.0, 2.0)
    identity = w
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        assert w.grad is not None
        with pydl.no_grad():
            w -= 0.25 * w.grad
    assert w is identity
    assert w.requires_grad
    np.testing.assert_allclose(w.detach().numpy(), [0.125, 0.25])


def test_writes_after_backward_are_fine() -> None:
    w, data = leaf(1.0), pydl.ones(1)
    y = (w * data).sum()
    y.backward()
    data.fill_(7)
    assert w.grad is not None
    assert w.grad.tolist() == [1.0]


def test_optimizers_count_as_writers() -> None:
    w = pydl.nn.Parameter(pydl.ones(2))
    optimizer = pydl.optim.SGD([w], lr=0.1)
    stale: Any = (w * w).sum()
    (w * 3).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="multiply.*overwritten"):
        stale.backward()


def test_failed_writes_do_not_count() -> None:
    w, data = leaf(1.0, 2.0), pydl.ones(2)
    y = (w * data).sum()
    with pytest.raises(ValueError, match="shape|broadcast"):
        data[:] = pydl.ones(3)
    with pytest.raises(IndexError):
        data[5] = 0
    y.backward()
    assert w.grad is not None
    assert w.grad.tolist() == [1.0, 1.0]
