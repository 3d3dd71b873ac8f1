"""Values that a trace does not have, and tensors that were not declared: messages that help."""

from __future__ import annotations

import functools
import gc
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import TraceError, nn, optim

FILE = Path(__file__).name


@pytest.fixture(autouse=True)
def _no_leftovers() -> None:
    """Tracebacks of earlier tests keep traced tensors alive."""
    gc.collect()


def x3() -> pydl.Tensor:
    return pydl.tensor([1.0, 2.0, 3.0])


# --- values of tensors ----------------------------------------------------------------------------


def _if(x: pydl.Tensor) -> pydl.Tensor:
    if x.sum() > 0:
        return x
    return -x


def _while(x: pydl.Tensor) -> pydl.Tensor:
    while x.sum() < 100:
        x = x * 2
    return x


def _and(x: pydl.Tensor) -> pydl.Tensor:
    return x if x.sum() > 0 and x.sum() < 9 else -x


def _assert(x: pydl.Tensor) -> pydl.Tensor:
    assert (x > 0).all()
    return x


READS: dict[str, Callable[[pydl.Tensor], Any]] = {
    "if": _if,
    "while": _while,
    "and": _and,
    "assert": _assert,
    "bool": lambda x: x * bool(x.sum()),
    "not": lambda x: x * (not x.sum()),
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "range": lambda x: sum(x * i for i in range(x.sum().astype("int64"))),
    "index": lambda x: x[int(x[0])],
    "list_index": lambda x: [x, -x][x[0].astype("int64")],
    "item": lambda x: x * x.sum().item(),
    "tolist": lambda x: x * sum(x.tolist()),
    "numpy": lambda x: x * x.numpy().sum(),
    "asarray": lambda x: x * np.asarray(x).sum(),
    "np_function": lambda x: pydl.tensor(np.sin(np.array(x))),
    "from_dlpack": lambda x: np.from_dlpack(x),
    "in": lambda x: x * (2.0 in list(x)),
    "max": lambda x: max(x[0], x[1]),
    "sorted": lambda x: sorted(x)[0],
    "format": lambda x: x * float(f"{x.sum():.3f}"),
    # Numbers that a function takes: converted to types of C++, and scalars of any type.
    "number": lambda x: pydl.nn.functional.smooth_l1_loss(x, x, beta=x.sum()),
    "named number": lambda x: pydl.trapezoid(x, dx=x.sum()),
    "integer": lambda x: pydl.linalg.matrix_power(pydl.outer(x, x), x[0].astype("int64")),
    "start": lambda x: pydl.linspace(x[0], 1.0, 3),
    "scalar": lambda x: pydl.full((2,), x[0]),
    "named scalar": lambda x: pydl.addmm(x, pydl.outer(x, x), pydl.outer(x, x), beta=x[0]),
}


@pytest.mark.parametrize("name", READS)
def test_reading_a_value(name: str) -> None:
    function = READS[name]
    compiled = pydl.compile(function)
    first = function.__code__.co_firstlineno
    length = len(inspect.getsource(function).splitlines())
    with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*value of a tensor") as caught:
        compiled(x3())
    line = int(str(caught.value).split(f"{FILE}:")[1].split(":")[0])
    assert first <= line < first + length, f"{caught.value} is not in {first}+{length}"


def test_advice() -> None:
    with pytest.raises(TraceError, match=r"pydl\.where.*loop over a static length"):
        pydl.compile(_if)(x3())


def test_line_of_a_value_that_is_read_in_a_layer() -> None:
    class Gate(nn.Module):
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return x if x.mean().item() > 0 else -x

    model = nn.Sequential(nn.Linear(3, 3), Gate())
    line = inspect.getsourcelines(Gate.forward)[1] + 1
    with pytest.raises(TraceError, match=rf"{FILE}:{line}: .*value"):
        pydl.compile(model)(x3())


def test_line_of_a_value_that_a_helper_reads() -> None:
    def helper(x: pydl.Tensor) -> float:
        return x.sum().item()

    line = inspect.getsourcelines(helper)[1] + 1
    with pytest.raises(TraceError, match=rf"{FILE}:{line}:"):
        pydl.compile(lambda x: x * helper(x))(x3())


def test_value_that_the_library_reads() -> None:
    """The message names the line that calls the library."""
    model = nn.Linear(3, 1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = model(x).sum()
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
        return loss.detach()

    line = inspect.getsourcelines(step)[1] + 3
    with pytest.raises(TraceError, match=rf"{FILE}:{line}: .*clip_grad_norm_: .*value"):
        pydl.compile(step, state=model)(x3())


def test_buffer_of_a_traced_tensor() -> None:
    """The buffer protocol has an exception of its own."""
    with pytest.raises((TraceError, BufferError), match="value of a tensor"):
        pydl.compile(lambda x: x * memoryview(x).nbytes)(x3())


def test_value_of_a_state() -> None:
    model = nn.Linear(3, 2)
    for read in (lambda t: t.numpy(), lambda t: t.tolist(), lambda t: np.asarray(t)):
        with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*value of model\.bias was asked for"):
            pydl.compile(lambda x, read=read: x * sum(read(model.bias.detach())), state=model)(x3())


@pytest.mark.parametrize("read", [float, lambda t: t.item(), lambda t: t.tolist()])
def test_single_value_of_a_state(read: Any) -> None:
    scale = pydl.tensor(2.0)
    with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*value of scale was asked for"):
        pydl.compile(lambda x: x * read(scale), state=scale)(x3())


def test_value_of_the_learning_rate() -> None:
    optimizer = optim.SGD([nn.Parameter(x3())], lr=0.1)
    with pytest.raises(
        TraceError, match=rf"{FILE}:\d+: .*value of .* was asked for.*changes between"
    ):
        pydl.compile(lambda x: x * optimizer.lr, state=optimizer)(x3())


def test_what_is_known_of_a_traced_tensor() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        assert (x.shape, x.ndim, x.size, str(x.dtype)) == ((3, 2), 2, 6, "float32")
        assert repr(x) == "tensor(traced, shape=(3, 2), dtype=float32)"
        assert (len(x), x.requires_grad, x.device) == (3, False, "cpu")
        for row in x:
            assert row.shape == (2,)
        return x * x.shape[0]

    compiled = pydl.compile(function)
    assert compiled(pydl.ones((3, 2))).tolist() == [[3.0, 3.0]] * 3


def test_printing_a_traced_tensor_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        print(x * 2)
        return x

    pydl.compile(function)(pydl.full((2, 3), 4321.0))
    text = capsys.readouterr().out
    assert "8642" not in text
    assert "(2, 3)" in text


# --- tensors that were not declared ---------------------------------------------------------------

GLOBAL = pydl.tensor([4.0, 5.0, 6.0])
GLOBALS = {"weights": [pydl.tensor([4.0, 5.0, 6.0])]}
GLOBAL_MODEL = nn.Sequential(nn.Linear(3, 3))


def _uses_global(x: pydl.Tensor) -> pydl.Tensor:
    return x * GLOBAL


def _uses_global_container(x: pydl.Tensor) -> pydl.Tensor:
    return x * GLOBALS["weights"][0]


def _uses_global_model(x: pydl.Tensor) -> pydl.Tensor:
    return GLOBAL_MODEL(x)


def test_undeclared_closure_variable() -> None:
    weight = pydl.tensor([4.0, 5.0, 6.0])

    def function(x: pydl.Tensor) -> pydl.Tensor:
        return x * weight

    line = inspect.getsourcelines(function)[1] + 1
    with pytest.raises(
        TraceError, match=rf"{FILE}:{line}: .*captured tensor weight .*\(3,\).*float32.*state="
    ):
        pydl.compile(function)(x3())


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (_uses_global, "GLOBAL"),
        (_uses_global_container, r"GLOBALS\['weights'\]\[0\]"),
        (_uses_global_model, r"GLOBAL_MODEL\.0\.weight"),
    ],
)
def test_undeclared_global(function: Any, name: str) -> None:
    with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*captured tensor {name} "):
        pydl.compile(function)(x3())


def test_undeclared_parameter_of_a_module() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(TraceError, match=r"captured tensor model\.0\.weight "):
        pydl.compile(lambda x: model(x))(x3())
    with pytest.raises(TraceError, match=r"captured tensor model\.2\.(weight|bias) "):
        pydl.compile(lambda x: model(x), state=[model[0]])(x3())


def test_undeclared_attribute_of_self() -> None:
    class Helper:
        def __init__(self) -> None:
            self.inner = Inner()

        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.inner.scale

    class Inner:
        def __init__(self) -> None:
            self.scale = pydl.tensor(2.0)

    with pytest.raises(TraceError, match=r"captured tensor self\.inner\.scale "):
        Helper().run(x3())


class Scaling:
    def __init__(self) -> None:
        self.scale = pydl.tensor(2.0)

    def __call__(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.scale


def _with_default(x: pydl.Tensor, *, scale: pydl.Tensor = GLOBAL) -> pydl.Tensor:
    return x * scale


@pytest.mark.parametrize(
    "function",
    [Scaling(), _with_default, functools.partial(lambda x, scale: x * scale, scale=GLOBAL)],
    ids=["callable", "default", "partial"],
)
def test_undeclared_tensor_elsewhere(function: Any) -> None:
    with pytest.raises(TraceError, match=r"captured tensor \S*scale "):
        pydl.compile(function)(x3())


def test_undeclared_target_of_an_assignment() -> None:
    total = pydl.zeros(3)

    def function(x: pydl.Tensor) -> pydl.Tensor:
        total[...] = total + x
        return x

    with pytest.raises(TraceError, match="captured tensor total "):
        pydl.compile(function)(x3())
    assert total.tolist() == [0.0] * 3


def test_undeclared_tensor_that_only_a_value_is_read_of() -> None:
    limit = pydl.tensor(2.0)
    with pytest.raises(TraceError, match="captured tensor limit "):
        pydl.compile(lambda x: x if limit.item() > 1 else -x)(x3())


def test_undeclared_optimizer() -> None:
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: pydl.Tensor) -> None:
        model(x).sum().backward()
        optimizer.step()

    with pytest.raises(TraceError, match="captured tensor optimizer"):
        pydl.compile(step, state=model)(x3())
    assert optimizer.steps == 0
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("value", [3, "model", {1, 2}, object(), np.ones(3)])
def test_state_that_holds_nothing(value: Any) -> None:
    with pytest.raises(TypeError, match=f"state takes modules.*{type(value).__name__}"):
        pydl.compile(lambda x: x, state=[value])(x3())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((3,), "expected a function, got int"), ((lambda x: x, {"cache_size": 0}), "cache_size")],
)
def test_arguments_of_compile(arguments: Any, message: str) -> None:
    function, options = arguments if len(arguments) == 2 else (*arguments, {})
    with pytest.raises((TypeError, ValueError), match=message):
        pydl.compile(function, **options)
