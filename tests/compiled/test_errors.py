"""What cannot be traced or run: messages that help, and nothing changed."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, run_alone, to_numpy

import pydl
from pydl import TraceError, nn, optim

FILE = "test_errors.py"


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
    """`clip_grad_norm_` returns a number: the message names the line that calls it."""
    model = nn.Linear(3, 1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = model(x).sum()
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0)
        return loss.detach()

    line = inspect.getsourcelines(step)[1] + 3
    with pytest.raises(TraceError, match=rf"{FILE}:{line}: .*value"):
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
    with pytest.raises(TraceError, match=rf"{FILE}:\d+: .*value of .* was asked for"):
        pydl.compile(lambda x: x * optimizer.lr, state=optimizer)(x3())


def test_what_is_known_of_a_traced_tensor() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        assert (x.shape, x.ndim, x.size, str(x.dtype)) == ((3, 2), 2, 6, "float32")
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
    [((3,), "function"), ((lambda x: x, {"cache_size": 0}), "cache_size")],
)
def test_arguments_of_compile(arguments: Any, message: str) -> None:
    function, options = arguments if len(arguments) == 2 else (*arguments, {})
    with pytest.raises((TypeError, ValueError), match=message):
        pydl.compile(function, **options)


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


# --- afterwards -----------------------------------------------------------------------------------


def _model() -> tuple[nn.Sequential, optim.Optimizer]:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return model, optim.Adam(model.parameters(), lr=0.1)


def _train(model: nn.Module, optimizer: optim.Optimizer, x: pydl.Tensor) -> pydl.Tensor:
    loss = (model(x) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def _everything(model: nn.Module, optimizer: optim.Optimizer) -> Any:
    return (
        {k: to_numpy(v) for k, v in model.state_dict().items()},
        {k: to_numpy(v) for k, v in optimizer.state_dict().items()},
        [None if p.grad is None else to_numpy(p.grad) for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        pydl.is_grad_enabled(),
    )


def _assert_equal(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            _assert_equal(left, right)
    else:
        assert np.array_equal(a, b)


@pytest.mark.parametrize("when", ["first", "later"])
@pytest.mark.parametrize("grads", [False, True])
@pytest.mark.parametrize("place", ["before_backward", "before_step", "after_step", "other_error"])
def test_everything_is_as_before_after_an_error(place: str, grads: bool, when: str) -> None:
    model, optimizer = _model()
    twin, twin_optimizer = _model()
    x = pydl.ones((5, 3))

    def step(x: pydl.Tensor) -> Any:
        loss = (model(x) ** 2).mean()
        if place == "before_backward":
            loss.item()
        optimizer.zero_grad()
        loss.backward()
        if place == "before_step":
            model[0].weight.grad.numpy()
        optimizer.step()
        if place == "after_step" and loss > 0:
            return None
        if place == "other_error":
            raise KeyError("x")
        return loss.detach()

    pairs = [(model, optimizer), (twin, twin_optimizer)]
    for m, o in pairs:
        if when == "later":
            _train(m, o, x)
        if grads:
            (m(x) ** 2).mean().backward()
        else:
            o.zero_grad()
    before = _everything(model, optimizer)
    error = KeyError if place == "other_error" else TraceError
    compiled = pydl.compile(step, state=[model, optimizer])
    for _ in range(2):
        with pytest.raises(error):
            compiled(x)
        after = _everything(model, optimizer)
        # Moments of zeros may have come into being.
        _assert_equal((after[0], *after[2:]), (before[0], *before[2:]))
        _assert_equal([after[1][k] for k in before[1]], list(before[1].values()))
        assert all(not np.any(v) for k, v in after[1].items() if k not in before[1])
    for k in range(3):
        results = [_train(m, o, x) for m, o in pairs]
        assert_same(results[0], results[1], f"eager step {k} afterwards")
        assert_same(model.state_dict(), twin.state_dict())
    good = pydl.compile(lambda x: _train(model, optimizer, x), state=[model, optimizer])
    assert_same(good(x), _train(twin, twin_optimizer, x), loosen=10)
    assert_same(model.state_dict(), twin.state_dict(), loosen=100)


def test_grad_mode_after_an_error() -> None:
    def function(x: pydl.Tensor) -> float:
        with pydl.no_grad():
            return x.sum().item()

    with pytest.raises(TraceError):
        pydl.compile(function)(x3())
    assert pydl.is_grad_enabled()
    assert x3().sum().item() == 6.0


# --- errors while a program runs ------------------------------------------------------------------


@pytest.mark.parametrize("op", ["take", "gather"])
@pytest.mark.parametrize("order", ["before", "after", "between"])
@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
def test_index_error_leaves_states_alone(op: str, order: str, without: tuple[str, ...]) -> None:
    model, optimizer = _model()
    counter = pydl.zeros((), dtype="int64")
    table = pydl.arange(10.0)

    def lookup(index: pydl.Tensor) -> pydl.Tensor:
        if op == "take":
            return pydl.take(table, index).sum()
        return pydl.gather(table, index, 0).sum()

    def step(x: pydl.Tensor, index: pydl.Tensor) -> Any:
        found = None
        if order == "before":
            found = lookup(index)
        counter[...] = counter + 1
        if order == "between":
            found = lookup(index)
        loss = _train(model, optimizer, x)
        if order == "after":
            found = lookup(index)
        return loss, found

    states = [model, optimizer, counter, table]
    compiled = pydl.compile(step, state=states, without=without)
    x, good, bad = pydl.ones((5, 3)), pydl.tensor([1, 2]), pydl.tensor([3, 11])
    compiled(x, good)
    before = _everything(model, optimizer), counter.item(), to_numpy(table)
    for _ in range(2):
        with pytest.raises(IndexError, match=f"{op}: index 11"):
            compiled(x, bad)
        after = _everything(model, optimizer), counter.item(), to_numpy(table)
        _assert_equal(after[0], before[0])
        assert after[1] == before[1]
        assert np.array_equal(after[2], before[2])
    compiled(x, good)
    assert counter.item() == 2
    assert optimizer.steps == 2
    assert compiled.traces == 1


def test_index_error_in_the_first_call() -> None:
    """The trace went well: the next call needs no other one."""
    total = pydl.zeros(3)

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        total[...] = total + x
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[total])
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([5]))
    assert total.tolist() == [0.0] * 3
    assert compiled(x3(), pydl.tensor([2])).tolist() == [3.0]
    assert total.tolist() == [1.0, 2.0, 3.0]
    assert compiled.traces == 1


def test_index_error_where_the_index_is_a_constant() -> None:
    total = pydl.zeros(3)

    def function(x: pydl.Tensor) -> pydl.Tensor:
        total[...] = total + x
        return pydl.take(x, pydl.tensor([5]))

    compiled = pydl.compile(function, state=[total])
    for _ in range(2):
        with pytest.raises(IndexError, match="take: index 5"):
            compiled(x3())
        assert total.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    "view", [np.s_[:, ::2], np.s_[::-1], np.s_[1:3, 1:3]], ids=["gaps", "reversed", "part"]
)
def test_index_error_and_states_with_strides(view: Any) -> None:
    array = np.arange(16.0).reshape(4, 4)
    state = pydl.asarray(array[view])

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        state[...] = state + 1
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[state])
    compiled(x3(), pydl.tensor([0]))
    before = array.copy()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert np.array_equal(array, before)


@pytest.mark.parametrize(
    "first",
    [
        "whole",
        "part",
    ],
)
def test_index_error_and_states_that_share_memory(first: str) -> None:
    whole = pydl.arange(6.0)
    part = whole[2:4]

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        whole[...] = whole + 1
        part[...] = part * 2
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[whole, part] if first == "whole" else [part, whole])
    compiled(x3(), pydl.tensor([0]))
    before = whole.tolist()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert whole.tolist() == before


def test_index_error_leaves_generators_alone() -> None:
    generator = pydl.Generator(3)

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        return pydl.dropout(x, 0.5, generator=generator) + pydl.take(x, index)

    compiled = pydl.compile(function)
    compiled(x3(), pydl.tensor([0]))
    before = generator.state().tolist()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert generator.state().tolist() == before


def test_index_error_leaves_gradients_alone() -> None:
    weight = nn.Parameter(pydl.ones(3))

    def function(index: pydl.Tensor) -> pydl.Tensor:
        (weight * 2).sum().backward()
        return pydl.take(weight.detach(), index)

    compiled = pydl.compile(function, state=[weight])
    compiled(pydl.tensor([0]))
    with pytest.raises(IndexError):
        compiled(pydl.tensor([7]))
    assert weight.grad is not None
    assert weight.grad.tolist() == [2.0] * 3
    compiled(pydl.tensor([0]))
    assert weight.grad.tolist() == [4.0] * 3
