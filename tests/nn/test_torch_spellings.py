"""What PyTorch's users type: arguments of layers, losses, functions, initialisers and optimisers.

Everything that both libraries have is walked. A name that PyTorch gives to an argument is ours too,
is accepted, or leads to an error that says what to do; and arguments given by their places never
mean something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pydl
from pydl import nn, optim
from pydl._calls import FIRST, OTHER_NAMES

torch = pytest.importorskip("torch")

PLACES: list[tuple[Any, Any]] = [
    (nn, torch.nn),
    (nn.functional, torch.nn.functional),
    (nn.init, torch.nn.init),
    (nn.utils, torch.nn.utils),
    (optim, torch.optim),
    (optim.lr_scheduler, torch.optim.lr_scheduler),
]
# Deprecated in PyTorch, and in the way of what is in use.
DEPRECATED = {"size_average", "reduce", "min_value", "max_value"}
# Accepted in place of ours.
SPELLINGS = {
    "a": "low",
    "b": "high",
    "dim": "axis",
    "keepdim": "keepdims",
    "start_dim": "start_axis",
    "end_dim": "end_axis",
    "param": "parameter",
    "parameters": "values",
    "params": "parameters",
    "val": "value",
}
# The arguments of two classes are chosen anew, and those of one function that few know by place.
OWN_ORDER = {"pydl.optim.Optimizer", "pydl.nn.functional.embedding_bag"}


def _both() -> Iterator[tuple[str, Any, Any]]:
    for ours, theirs in PLACES:
        for name in getattr(ours, "__all__", None) or vars(ours):
            own, other = getattr(ours, name), getattr(theirs, name, None)
            if name.startswith("_") or not callable(own) or other is None:
                continue
            if (getattr(own, "__module__", None) or "pydl").startswith("pydl"):
                yield f"{ours.__name__}.{name}", own, other


BOTH = {path: (own, other) for path, own, other in _both()}


def _named(function: Callable[..., Any], kinds: set[Any] | None = None) -> list[str]:
    """Names of arguments; none where PyTorch shows none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        return []
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return []
    return [p.name for p in parameters if kinds is None or p.kind in kinds]


def _by_place(function: Callable[..., Any]) -> list[str]:
    """Names of what can be given by place, up to one that PyTorch has given up."""
    names = _named(
        function, {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    )
    unused = DEPRECATED | {"inplace"}
    end = min((names.index(name) for name in unused if name in names), default=len(names))
    return names[:end]


def _message_of(function: Callable[..., Any], name: str) -> str:
    try:
        function(**{name: 0})
    except Exception as error:
        return str(error)
    return ""


def test_what_both_have_is_walked() -> None:
    assert len(BOTH) > 250
    assert {"pydl.nn.Softmax", "pydl.nn.functional.elu", "pydl.optim.AdamW"} <= set(BOTH)


@pytest.mark.parametrize("path", BOTH)
def test_names_of_arguments(path: str) -> None:
    own, other = BOTH[path]
    ours = _named(own)
    for name in _named(other):
        if name in ours or name.startswith("_"):
            continue
        message = _message_of(own, name)
        refused = "there is no argument" in message or "takes no arguments" in message
        if not refused:
            continue
        advice = message.splitlines()[0].partition(f"there is no argument {name!r}")[2]
        assert advice.startswith(";"), f"{name}: {message}"


def _same(ours: str, theirs: str, place: int) -> bool:
    if ours == theirs or SPELLINGS.get(theirs) == ours or (place == 0 and theirs in FIRST):
        return True
    return ours in OTHER_NAMES.get(theirs, ())


@pytest.mark.parametrize("path", [path for path in BOTH if path not in OWN_ORDER])
def test_places_of_arguments(path: str) -> None:
    own, other = BOTH[path]
    ours, theirs = _by_place(own), _by_place(other)
    for place, (mine, name) in enumerate(zip(ours, theirs, strict=False)):
        assert _same(mine, name, place), f"{ours} for {theirs}"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: nn.Softmax(dim=1).axis, 1),
        (lambda: nn.LogSoftmax(dim=0).axis, 0),
        (lambda: nn.GLU(dim=0).axis, 0),
        (lambda: nn.CosineSimilarity(dim=2).axis, 2),
        (lambda: nn.Flatten(start_dim=2, end_dim=3).start_axis, 2),
        (lambda: nn.PairwiseDistance(keepdim=True).keepdims, True),
        (lambda: nn.Unflatten(dim=1, unflattened_size=(2, 3)).axis, 1),
        (lambda: list(nn.ParameterDict(parameters={"w": nn.Parameter(pydl.ones(1))})), ["w"]),
        (lambda: nn.init.constant_(pydl.zeros(1), val=3.0).tolist(), [3.0]),
        (lambda: nn.init.uniform_(pydl.zeros(1), a=2.0, b=2.0).tolist(), [2.0]),
        (lambda: nn.init.calculate_gain("leaky_relu", param=1.0), 1.0),
        (lambda: optim.SGD(params=[nn.Parameter(pydl.ones(1))], lr=0.5).lr, 0.5),
        (lambda: nn.Softmax(**{"".join(["d", "im"]): 1}).axis, 1),
    ],
)
def test_spellings_that_are_accepted(call: Callable[[], Any], expected: Any) -> None:
    assert call() == expected


def test_a_subclass_and_both_spellings() -> None:
    class Own(nn.Softmax):
        def __init__(self, dim: int) -> None:
            super().__init__(dim=dim)

    assert Own(1).axis == 1
    for wrong in (lambda: nn.Softmax(axis=0, dim=0), lambda: nn.Softmax(0, dim=0)):
        with pytest.raises(TypeError, match="Softmax: "):
            wrong()


def test_a_call_runs_once() -> None:
    """An error from inside, after the arguments were taken, is not tried again."""
    calls = []

    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            calls.append(x)
            raise TypeError("from inside")

    with pytest.raises(TypeError, match="from inside"):
        nn.TimeDistributed(Own())(pydl.ones((1, 2, 3)))
    assert len(calls) == 1


@pytest.mark.parametrize("make", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "Rprop"])
def test_options_of_optimizers_by_their_places(make: str) -> None:
    options: dict[str, tuple[Any, ...]] = {
        "SGD": (0.1, 0.9),
        "Rprop": (0.1, (0.4, 1.3)),
        "RMSprop": (0.1, 0.8, 1e-6, 0.2, 0.5),
        "Adagrad": (0.1, 0.2, 0.3),
    }
    given = options.get(make, (0.1, (0.5, 0.6), 1e-3, 0.2))
    ours, theirs = nn.Parameter(pydl.ones(3)), torch.nn.Parameter(torch.ones(3))
    own = getattr(optim, make)([ours], *given)
    other = getattr(torch.optim, make)([theirs], *given)
    for step in range(3):
        ours.grad = pydl.tensor([1.0, -2.0, 0.5 + step])
        theirs.grad = torch.tensor([1.0, -2.0, 0.5 + step])
        own.step()
        other.step()
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-5)


@pytest.mark.parametrize(
    ("beta", "threshold"), [(1.0, None), (2.5, None), (0.5, 1.0), (3, 20), (1.0, 2.0)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus(beta: float, threshold: float | None, dtype: str) -> None:
    values = [-30.0, -1.0, 0.0, 0.3, 1.9, 2.1, 7.0]
    ours = pydl.tensor(values, dtype=dtype, requires_grad=True)
    theirs = torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=True)
    found = nn.Softplus(beta, threshold)(ours)
    expected = torch.nn.Softplus(beta, 1e9 if threshold is None else threshold)(theirs)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    found.sum().backward()
    expected.sum().backward()
    assert ours.grad.tolist() == pytest.approx(theirs.grad.tolist(), rel=1e-6)


def test_softplus_does_not_overflow() -> None:
    x = pydl.tensor([1e30, 3e38, -3e38, 90.0], requires_grad=True)
    y = nn.Softplus(2.0)(x)
    assert y.tolist()[2:] == [0.0, 90.0]


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_clipping_by_other_norms(order: float, dtype: str, compiled: bool) -> None:
    gradients: list[list[float]] = [[3.0, -4.0, 0.0], [0.5]]
    ours, theirs = [], []
    for values in gradients:
        ours.append(nn.Parameter(pydl.zeros(len(values), dtype=dtype)))
        theirs.append(torch.nn.Parameter(torch.zeros(len(values), dtype=getattr(torch, dtype))))
        ours[-1].grad = pydl.tensor(values, dtype=dtype)
        theirs[-1].grad = torch.tensor(values, dtype=getattr(torch, dtype))

    def clip() -> Any:
        return nn.utils.clip_grad_norm_(ours, 2.0, order)

    norm = pydl.compile(clip, state=ours)() if compiled else clip()
    expected = torch.nn.utils.clip_grad_norm_(theirs, 2.0, order)
    tolerance = 1e-2 if dtype == "bfloat16" else 1e-5
    assert float(norm) == pytest.approx(float(expected), rel=tolerance)
    for own, other in zip(ours, theirs, strict=True):
        found = own.grad.astype("float64").tolist()
        assert found == pytest.approx(other.grad.double().tolist(), rel=tolerance)


def test_clipping_by_another_norm_of_extremes() -> None:
    weight = nn.Parameter(pydl.zeros(2))
    weight.grad = pydl.tensor([3e20, 4e20])
    norm = float(nn.utils.clip_grad_norm_(weight, 1.0, 3.0))
    assert norm == pytest.approx(91 ** (1 / 3) * 1e20, rel=1e-6)
    weight.grad = pydl.zeros(2)
    assert float(nn.utils.clip_grad_norm_(weight, 1.0, 3.0)) == 0
    empty = nn.Parameter(pydl.zeros(0))
    empty.grad = pydl.zeros(0)
    assert float(nn.utils.clip_grad_norm_(empty, 1.0, float("inf"))) == 0
    for order in (1.0, float("inf")):
        weight.grad = pydl.tensor([float("nan"), 1.0])
        assert pydl.isnan(nn.utils.clip_grad_norm_(weight, 1.0, order))
        weight.grad = pydl.tensor([float("inf"), 1.0])
        assert pydl.isinf(nn.utils.clip_grad_norm_(weight, 1.0, order))
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="clip_grad_norm_: expected norm_type above 0"):
            nn.utils.clip_grad_norm_(weight, 1.0, wrong)


def test_vectors_of_parameters() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = nn.utils.parameters_to_vector(model.parameters())
    twin = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    assert vector.shape == tuple(torch.nn.utils.parameters_to_vector(twin.parameters()).shape)
    assert vector.requires_grad
    nn.utils.vector_to_parameters(vector.detach() * 2, model.parameters())
    again = nn.utils.parameters_to_vector(model.parameters())
    assert again.tolist() == (2 * vector.detach()).tolist()
    with pytest.raises(ValueError, match=r"expected a vector of shape \(11,\), got \(3,\)"):
        nn.utils.vector_to_parameters(pydl.ones(3), model.parameters())
    with pytest.raises(ValueError, match="at least one parameter"):
        nn.utils.parameters_to_vector([])


@pytest.mark.parametrize("kind", ["BatchNorm2d", "InstanceNorm2d", "GroupNorm", "LazyBatchNorm2d"])
def test_normalisation_without_a_bias(kind: str) -> None:
    arguments = {"GroupNorm": (2, 4), "LazyBatchNorm2d": ()}.get(kind, (4,))
    layer = getattr(nn, kind)(*arguments, affine=True, bias=False)
    x = pydl.randn((3, 4, 5, 5))
    layer(x).sum().backward()
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer.weight.grad.shape == (4,)


def test_identity_stands_for_any_layer() -> None:
    assert nn.Identity(54, unused=0.1)(pydl.ones(2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda: nn.Linear(3, 2, activation="relu"), "pydl.nn.ReLU"),
        (lambda: nn.Linear(3, 2, kernel_initializer="zeros"), "did you mean 'init'"),
        (lambda: nn.Linear(3, 2, kernel_regularizer="l2"), "pydl.nn.add_penalty"),
        (lambda: nn.Linear(3, 2, bias_regularizer="l2"), "pydl.nn.add_penalty"),
        (lambda: nn.Linear(3, 2, kernel_constraint=None), "pydl.nn.add_constraint"),
        (lambda: nn.Linear(3, 2, bias_constraint=None), "pydl.nn.add_constraint"),
        (lambda: nn.Linear(3, 2, bias_initializer="zeros"), "pydl.nn.init.zeros_"),
        (lambda: nn.Linear(3, 2, input_shape=(3,)), "lazy layers find it out"),
        (lambda: nn.Linear(3, units=2), "did you mean 'out_features'"),
        (lambda: nn.Linear(3, 2, use_bias=True), "did you mean 'bias'"),
        (lambda: nn.Conv2d(3, filters=2), "did you mean 'out_channels'"),
        (lambda: nn.Conv2d(3, 2, 1, strides=2), "did you mean 'stride'"),
        (lambda: nn.Conv2d(3, 2, 1, data_format="channels_last"), "images are"),
        (lambda: nn.LSTM(3, 2, return_sequences=True), "the output has all steps"),
        (lambda: nn.LSTM(3, 2, return_state=True), "the second result"),
        (lambda: nn.BatchNorm2d(3, epsilon=1e-3), "did you mean 'eps'"),
        (lambda: nn.Dropout(rate=0.5), "did you mean 'p'"),
        (lambda: nn.ReLU(inplace=True), "leave it out"),
        (lambda: optim.Adam([], learning_rate=0.1), "did you mean 'lr'"),
        (lambda: optim.Adam([], clipnorm=0.1), "did you mean 'clip_norm'"),
        (lambda: optim.Adam([], fused=True), "in one operation"),
        (lambda: optim.lr_scheduler.StepLR(None, 2, verbose=True), "leave it out"),
    ],
)
def test_arguments_of_keras_and_of_pytorch_lead_to_ours(
    call: Callable[[], Any], advice: str
) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert advice in str(caught.value).splitlines()[0]
