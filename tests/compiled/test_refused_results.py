"""Traced tensors that are kept, results that are not tensors, arguments that are overwritten."""

from __future__ import annotations

import copy
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compiled.comparison import run_alone

import pydl
from pydl import TraceError, nn

FILE = Path(__file__).name


@pytest.fixture(autouse=True)
def _no_leftovers() -> None:
    """Tracebacks of earlier tests keep traced tensors alive."""
    gc.collect()


def x3() -> pydl.Tensor:
    return pydl.tensor([1.0, 2.0, 3.0])


def _if(x: pydl.Tensor) -> pydl.Tensor:
    if x.sum() > 0:
        return x
    return -x


# --- leaks and results ----------------------------------------------------------------------------


def test_tensor_kept_in_a_list() -> None:
    losses: list[Any] = []

    def function(x: pydl.Tensor) -> pydl.Tensor:
        losses.append(x.sum())
        return x

    with pytest.raises(TraceError, match=r"losses\[0\] keeps a tensor.*return it"):
        pydl.compile(function)(x3())


def test_tensor_is_kept_while_those_of_an_earlier_trace_go() -> None:
    errors = []
    try:
        pydl.compile(_if)(x3())
    except TraceError as error:  # its traceback holds the tensors of that trace
        errors.append(error)
    losses: list[Any] = []

    def function(x: pydl.Tensor) -> pydl.Tensor:
        errors.clear()
        losses.append(x.sum())
        return x

    with pytest.raises(TraceError, match="losses"):
        pydl.compile(function)(x3())


def test_tensor_kept_in_a_dict() -> None:
    history: dict[str, Any] = {}

    def function(x: pydl.Tensor) -> pydl.Tensor:
        history["loss"] = x.sum()
        return x

    with pytest.raises(TraceError, match=r"history\['loss'\] keeps a tensor"):
        pydl.compile(function)(x3())


def test_tensor_kept_in_an_attribute() -> None:
    class Keeper:
        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            self.last = x * 2
            return x

    with pytest.raises(TraceError, match=r"self\.last keeps a tensor"):
        Keeper().run(x3())


def test_tensor_kept_in_a_module() -> None:
    class Layer(nn.Module):
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            self.last = x * 2
            return self.last

    model = nn.Sequential(Layer())
    with pytest.raises(TraceError, match=r"model\.0\.last keeps a tensor"):
        pydl.compile(lambda x: model(x), state=model)(x3())
    with pytest.raises(TraceError, match=r"self\.last keeps a tensor"):
        pydl.compile(Layer())(x3())


KEPT: Any = None


def _keeps_global(x: pydl.Tensor) -> pydl.Tensor:
    global KEPT
    KEPT = x * 2
    return x


def test_tensor_kept_in_a_global() -> None:
    with pytest.raises(TraceError, match="KEPT keeps a tensor"):
        pydl.compile(_keeps_global)(x3())


def test_tensor_kept_out_of_sight() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        function.last = x * 2  # type: ignore[attr-defined]
        return x

    with pytest.raises(TraceError, match="keeps a tensor"):
        pydl.compile(function)(x3())


def test_backward_that_reaches_an_argument() -> None:
    @pydl.compile
    def step(x: pydl.Tensor, y: pydl.Tensor) -> None:
        (x * y).sum().backward()

    y = x3()
    y.requires_grad = True
    message = r"step: backward\(\) reached tensor 1 of the arguments, of shape \(3,\); use pydl"
    with pytest.raises(TraceError, match=message):
        step(x3(), y)
    assert y.grad is None


def test_tensor_kept_in_a_cycle_that_is_garbage() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        cycle: list[Any] = [x * 2]
        cycle.append(cycle)
        return cycle[0]

    assert pydl.compile(function)(x3()).tolist() == [2.0, 4.0, 6.0]


def test_captured_list_is_changed() -> None:
    calls: list[int] = []

    def function(x: pydl.Tensor) -> pydl.Tensor:
        calls.append(1)
        return x

    with pytest.raises(TraceError, match="calls"):
        pydl.compile(function)(x3())


def test_traced_tensor_is_of_no_use_afterwards() -> None:
    """Even where a leak was an error, the tensor that is left must not crash."""
    kept: list[pydl.Tensor] = []

    def function(x: pydl.Tensor) -> pydl.Tensor:
        kept.append(x * 2)
        return x

    with pytest.raises(TraceError):
        pydl.compile(function)(x3())
    (leaked,) = kept
    for use in (
        lambda: leaked.tolist(),
        lambda: leaked + 1,
        lambda: leaked.numpy(),
        lambda: leaked[0],
        lambda: leaked.fill_(1.0),
        lambda: pydl.ones(3).copy_(leaked),
        lambda: copy.deepcopy(leaked),
        lambda: pydl.compile(lambda y: y * leaked)(x3()),
        lambda: pydl.compile(lambda y: y * leaked, state=[leaked])(x3()),
    ):
        with pytest.raises(TraceError):
            use()
    for use in (lambda: leaked.numpy(), lambda: leaked + 1):
        with pytest.raises(TraceError, match="has no elements"):
            use()


def test_traced_tensor_as_an_argument_of_another_call() -> None:
    result = run_alone(
        """
        import pydl

        kept = []
        try:
            pydl.compile(lambda x: kept.append(x * 2))(pydl.ones(3))
        except pydl.TraceError:
            pass
        try:
            pydl.compile(lambda y: y * 2)(kept[0])
        except pydl.TraceError:
            print("refused")
        """
    )
    assert result.stdout.strip() == "refused", result.returncode


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (3, r"result is 3 \(int\)"),
        ("text", "result is 'text' .*str"),
        ((None, 2.5), r"result\[1\] is 2\.5 .*float"),
        ({"a": {"b": True}}, r"result\['a'\]\['b'\] is True .*bool"),
        ({"n": [1]}, r"result\['n'\]\[0\] is 1 \(int\)"),
        ([object()], r"result\[0\] is <object"),
    ],
)
def test_results_that_are_no_tensors(result: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        pydl.compile(lambda x: result)(x3())


def test_generator_functions_are_refused() -> None:
    def function(x: pydl.Tensor) -> Iterator[pydl.Tensor]:
        yield x

    with pytest.raises(TraceError, match="result is <generator"):
        pydl.compile(function)(x3())


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overwrite",
    [
        lambda x: x.fill_(1.0),
        lambda x: x.copy_(x * 2),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x.__iadd__(1.0),
        lambda x: x.reshape(-1).__setitem__(0, 5.0),
        lambda x: x[1:].zero_(),
    ],
)
def test_argument_is_overwritten(overwrite: Any) -> None:
    def function(y: pydl.Tensor, x: pydl.Tensor) -> pydl.Tensor:
        overwrite(x)
        return x + y

    x = x3()
    with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*argument 1 .*is overwritten.*state="):
        pydl.compile(function)(x3(), x)
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_backward_to_an_argument() -> None:
    x = x3().requires_grad_()

    def function(x: pydl.Tensor) -> pydl.Tensor:
        loss = (x * x).sum()
        loss.backward()
        return loss.detach()

    with pytest.raises(TraceError, match=r"argument.*pydl\.grad"):
        pydl.compile(function)(x)
    assert x.grad is None


def test_ordinary_errors_are_those_of_eager_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(ValueError) as eager:
        model(x3())
    with pytest.raises(ValueError) as compiled:
        pydl.compile(lambda x: model(x), state=model)(x3())
    assert str(compiled.value) == str(eager.value)
    with pytest.raises(ZeroDivisionError):
        pydl.compile(lambda x: x * (1 // 0))(x3())
    with pytest.raises(TypeError, match="missing 1 required"):
        pydl.compile(lambda x, y: x)(x3())
