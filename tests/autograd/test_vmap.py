"""Functions of one example on a batch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import functional as F

RNG = np.random.default_rng(3)


def values(*shape: int) -> pydl.Tensor:
    return pydl.tensor(RNG.standard_normal(shape))


def indices(high: int, *shape: int) -> pydl.Tensor:
    return pydl.tensor(RNG.integers(0, high, shape))


def tensors_of(result: Any) -> list[pydl.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def one_by_one(function: Any, args: Any, axes: Any) -> list[Any]:
    """Call the function with each example and stack the results."""
    size = next(a.shape[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    rows = []
    for i in range(size):
        own = [
            a if axis is None else pydl.tensor(np.take(a.numpy(), i, axis))
            for a, axis in zip(args, axes, strict=True)
        ]
        rows.append([y.numpy() for y in tensors_of(function(*own))])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def check(function: Any, args: Any, axes: Any, compiled: bool = False) -> None:
    mapped = pydl.vmap(function, in_axes=tuple(axes))
    found = tensors_of((pydl.compile(mapped) if compiled else mapped)(*args))
    expected = one_by_one(function, args, axes)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.allclose(one.numpy(), other, rtol=1e-9, atol=1e-11, equal_nan=True)


B = 3
CASES: dict[str, Any] = {
    "elementwise": (lambda x, y: x.exp() * y + 1.0, (values(B, 2, 4), values(B, 4))),
    "comparisons": (lambda x, y: pydl.where(x > y, x, y * 2), (values(B, 4), values(B, 2, 4))),
    "clip": (lambda x: x.clip(-0.5, 0.5), (values(B, 4),)),
    "cast": (lambda x: x.astype("float32").astype("float64"), (values(B, 4),)),
    "sum": (lambda x: (x.sum(), x.sum(0), x.sum(-1, keepdims=True)), (values(B, 2, 4),)),
    "means": (lambda x: (x.mean(1), x.var(0, correction=1), x.std()), (values(B, 2, 4),)),
    "extrema": (lambda x: (x.max(0), x.min(), x.argmax(1), x.argmax()), (values(B, 2, 4),)),
    "tests": (lambda x: ((x > 0).all(0), (x > 0).any(), x.prod(1)), (values(B, 2, 4),)),
    "logsumexp": (lambda x: (pydl.logsumexp(x, 0), pydl.softmax(x, 1)), (values(B, 2, 4),)),
    "log_softmax": (lambda x: (pydl.log_softmax(x, 0), pydl.softmax(x, -1)), (values(B, 2, 4),)),
    "reshape": (lambda x: (x.reshape(4, 2), x.flatten(), x.T.reshape(-1)), (values(B, 2, 4),)),
    "permute": (lambda x: (x.permute_dims(2, 0, 1), x[0].T), (values(B, 2, 4, 3),)),
    "broadcast": (lambda x: pydl.broadcast_to(x, (2, 3, 4)), (values(B, 3, 1),)),
    "slices": (lambda x: (x[1], x[:, ::2], x[..., -1], x[None], pydl.flip(x)), (values(B, 2, 4),)),
    "concat": (lambda x, y: pydl.concat([x, y, x], 1), (values(B, 2, 4), values(B, 2, 1))),
    "stack": (lambda x, y: pydl.stack([x, y], 1), (values(B, 4), values(B, 4))),
    "matrices": (lambda x, y: x @ y, (values(B, 2, 4), values(B, 4, 3))),
    "vectors": (lambda x, y: (x @ y, x @ x), (values(B, 4), values(B, 4))),
    "matrix by vector": (lambda x, y: x @ y, (values(B, 2, 4), values(B, 4))),
    "stacks of matrices": (lambda x, y: x @ y, (values(B, 2, 3, 4), values(B, 4, 3))),
    "linear": (pydl.linear, (values(B, 5, 4), values(B, 2, 4), values(B, 2))),
    "linear of a vector": (pydl.linear, (values(B, 4), values(B, 2, 4), values(B, 2))),
    "gather": (lambda x, i: pydl.gather(x, i, 1), (values(B, 2, 4), indices(4, B, 2, 3))),
    "take": (lambda x, i: pydl.take(x, i, 1), (values(B, 2, 4), indices(4, B, 3))),
    "sort": (lambda x: (pydl.sort(x, 0), pydl.argsort(x), *pydl.topk(x, 2)), (values(B, 4, 4),)),
    "cumsum": (lambda x: (pydl.cumsum(x, 0), pydl.cumsum(x, 1)), (values(B, 2, 4),)),
    "cross entropy": (
        lambda x, t: (F.cross_entropy(x, t), F.cross_entropy(x, t, reduction="sum")),
        (values(B, 5, 4), indices(4, B, 5)),
    ),
    "cross entropy of one": (
        lambda x, t: F.cross_entropy(x.reshape(1, 4), t.reshape(1)),
        (values(B, 4), indices(4, B)),
    ),
    "conv": (F.conv2d, (values(B, 2, 4, 6, 5), values(B, 6, 4, 3, 3), values(B, 6))),
    "grouped conv": (
        lambda x, w: F.conv2d(x, w, groups=2, padding=1),
        (values(B, 2, 4, 6, 5), values(B, 6, 2, 3, 3)),
    ),
    "transposed conv": (F.conv_transpose2d, (values(B, 2, 4, 3, 3), values(B, 4, 2, 2, 2))),
    "pooling": (
        lambda x: (F.max_pool2d(x, 2), F.avg_pool2d(x, 2)),
        (values(B, 2, 3, 6, 4),),
    ),
    "layer norm": (lambda x: F.layer_norm(x, (4,)), (values(B, 2, 4),)),
    "new tensors": (lambda x: pydl.zeros_like(x) + pydl.ones(4) * x, (values(B, 4),)),
    "index tensors": (lambda x, i: x[i, i], (values(B, 4, 4), indices(4, B, 3))),
}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_rules(name: str, compiled: bool) -> None:
    function, args = CASES[name]
    check(function, args, [0] * len(args), compiled)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(case[1]) > 1])
def test_rules_where_some_arguments_are_the_same(name: str) -> None:
    function, args = CASES[name]
    for place in range(len(args)):
        axes = [None if i == place else 0 for i in range(len(args))]
        own = [a[0] if axis is None else a for a, axis in zip(args, axes, strict=True)]
        check(function, own, axes)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_each_example(name: str) -> None:
    function, args = CASES[name]
    places = [i for i, a in enumerate(args) if a.dtype.is_floating]

    def scalar(*own: Any) -> Any:
        outputs = [y for y in tensors_of(function(*own)) if y.dtype.is_floating]
        return sum(((y * y).sum() for y in outputs), pydl.zeros((), dtype="float64"))

    gradient = pydl.grad(scalar, tuple(places))
    check(gradient, args, [0] * len(args))
    # Per-example gradients for what is the same in all examples.
    shared = [0] * len(args)
    shared[places[-1]] = None  # type: ignore[call-overload]
    if len(args) > 1:
        own = [a[0] if axis is None else a for a, axis in zip(args, shared, strict=True)]
        check(gradient, own, shared)


@pytest.mark.parametrize("name", CASES)
def test_gradients_through_batches(name: str) -> None:
    function, args = CASES[name]
    places = tuple(i for i, a in enumerate(args) if a.dtype.is_floating)

    def scalar(mapped: bool, *own: Any) -> Any:
        if mapped:
            results = tensors_of(pydl.vmap(function)(*own))
        else:
            rows = [tensors_of(function(*(a[i] for a in own))) for i in range(B)]
            results = [pydl.stack(list(column)) for column in zip(*rows, strict=True)]
        kept = [y for y in results if y.dtype.is_floating]
        return sum(((y * y).sum() for y in kept), pydl.zeros((), dtype="float64"))

    found = pydl.grad(lambda *own: scalar(True, *own), places)(*args)
    expected = pydl.grad(lambda *own: scalar(False, *own), places)(*args)
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one.numpy(), other.numpy(), rtol=1e-9, atol=1e-11)


def test_axes() -> None:
    x, y = values(2, 4, B), values(B, 4)
    f = lambda x, y: x * y  # noqa: E731
    found = pydl.vmap(f, in_axes=(2, 0), out_axes=1)(x, y)
    expected = np.stack([x.numpy()[..., i] * y.numpy()[i] for i in range(B)], 1)
    assert np.allclose(found.numpy(), expected)
    assert np.allclose(pydl.vmap(f, (-1, 0), -1)(x, y).numpy(), np.moveaxis(expected, 1, -1))


def test_structures() -> None:
    params = {"w": values(B, 4), "b": [values(4), 2.0]}
    axes = {"w": 0, "b": [None, None]}
    mapped = pydl.vmap(
        lambda p, x: {"y": p["w"] * x + p["b"][0] * p["b"][1], "same": (p["b"][0],)},
        in_axes=(axes, None),
        out_axes={"y": 1, "same": None},
    )
    found = mapped(params, values(4))
    assert found["y"].shape == (4, B) and found["same"][0].shape == (4,)


def test_captured_and_constant_results() -> None:
    x, w = values(B, 4), values(4)
    y, same, one = pydl.vmap(lambda x: (x * w, w + 1, 1.0))(x)
    assert np.allclose(y.numpy(), (x * w).numpy()) and same.shape == (B, 4) and one.shape == (B,)


def test_captured_parameters_get_gradients() -> None:
    layer = nn.Linear(4, 2)
    x = values(B, 4).astype("float32")
    pydl.vmap(lambda x: layer(x).tanh())(x).sum().backward()
    found = layer.weight.grad.numpy().copy()
    layer.zero_grad()
    layer(x).tanh().sum().backward()
    assert np.allclose(found, layer.weight.grad.numpy(), atol=1e-6)


def test_detach_stops_gradients() -> None:
    x = values(B, 4).requires_grad_()
    pydl.vmap(lambda x: x.detach() * x)(x).sum().backward()
    assert np.allclose(x.grad.numpy(), x.detach().numpy())
    with pydl.no_grad():
        assert not pydl.vmap(lambda x: x * 2)(x).requires_grad


def test_nested() -> None:
    x, y = values(B, 4), values(2, 4)
    products = pydl.vmap(lambda a: pydl.vmap(lambda b: (a * b).sum())(y))(x)
    assert np.allclose(products.numpy(), x.numpy() @ y.numpy().T)
    both = pydl.compile(pydl.vmap(pydl.vmap(lambda a, b: a * b, (0, None)), (None, 0)))
    assert np.allclose(both(x, y).numpy(), x.numpy()[None] * y.numpy()[:, None])


def test_jacobians_of_each_example() -> None:
    x = values(B, 4)
    f = lambda x: (x * x).sum() * x  # noqa: E731
    found = pydl.vmap(lambda x: pydl.jacobian(f, x))(x)
    expected = np.stack([pydl.jacobian(f, x[i]).numpy() for i in range(B)])
    assert np.allclose(found.numpy(), expected)
    g = lambda x: (x**3).sum() * x[0]  # noqa: E731
    hessians = pydl.vmap(pydl.hessian(g))(x)
    assert np.allclose(
        hessians.numpy(), np.stack([pydl.hessian(g, x[i]).numpy() for i in range(B)])
    )
    jvps = pydl.vmap(lambda x: pydl.jvp(f, (x,), (x,))[1])(x)
    assert np.allclose(jvps.numpy(), np.einsum("bij,bj->bi", expected, x.numpy()))


def test_gradients_of_a_network_for_each_example() -> None:
    pydl.manual_seed(0)
    weights = [values(5, 4), values(5), values(3, 5), values(3)]
    x, t = values(B, 4), indices(3, B)

    def loss(w: Any, x: Any, t: Any) -> Any:
        hidden = F.relu(pydl.linear(x, w[0], w[1]))
        return F.cross_entropy(pydl.linear(hidden, w[2], w[3]).reshape(1, 3), t.reshape(1))

    for run in (lambda f: f, pydl.compile):
        found = run(pydl.vmap(pydl.grad(loss), in_axes=(None, 0, 0)))(weights, x, t)
        for i in range(B):
            for one, other in zip(found, pydl.grad(loss)(weights, x[i], t[i]), strict=True):
                assert np.allclose(one[i].numpy(), other.numpy())


def test_programs_are_batched() -> None:
    x, w = values(50, 4), values(4, 4)
    run = pydl.compile(pydl.vmap(lambda x, w: pydl.softmax((x @ w).tanh(), -1), (0, None)))
    run(x, w)
    assert len(run.programs[0].steps()) < 10


LAYERS: dict[str, Any] = {
    "recurrent": (lambda: nn.GRU(4, 3), (5, 2, 4)),
    "attention": (lambda: nn.MultiheadAttention(4, 2), (5, 2, 4)),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(4), nn.GroupNorm(2, 4)), (5, 4)),
    "batch norm": (lambda: nn.BatchNorm1d(4).eval(), (5, 4)),
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        (2, 2, 6, 6),
    ),
    "transformer": (lambda: nn.TransformerEncoderLayer(4, 2, 8).eval(), (5, 2, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    make, shape = LAYERS[name]
    pydl.manual_seed(0)
    layer = make()
    x = values(B, *shape).astype("float32")

    def call(x: Any) -> Any:
        inputs = (x, x, x) if name == "attention" else (x,)
        return tensors_of(layer(*inputs))[0]

    found = pydl.vmap(call)(x)
    expected = np.stack([call(x[i]).detach().numpy() for i in range(B)])
    assert np.allclose(found.detach().numpy(), expected, atol=1e-5)
    (found * found).sum().backward()
    gradients = [p.grad.numpy().copy() for p in layer.parameters() if p.grad is not None]
    layer.zero_grad()
    sum(((call(x[i]) ** 2).sum() for i in range(B)), pydl.zeros(())).backward()
    others = [p.grad.numpy() for p in layer.parameters() if p.grad is not None]
    assert len(gradients) == len(others)
    for one, other in zip(gradients, others, strict=True):
        assert np.allclose(one, other, rtol=1e-4, atol=1e-4)


def test_batch_norm_in_training_is_refused() -> None:
    with pytest.raises(pydl.TraceError, match="the same in all examples"):
        pydl.vmap(nn.BatchNorm1d(4))(values(B, 5, 4).astype("float32"))


def test_writing() -> None:
    def f(x: Any) -> Any:
        y = x * 0
        y[0] = x[1]
        y[1:] = 5.0
        return y

    check(f, (values(B, 4),), [0])

    def into_shared(x: Any) -> Any:
        y = pydl.zeros(4, dtype="float64")
        y[0] = x[1]
        return y

    with pytest.raises(pydl.TraceError, match="the same in all examples"):
        pydl.vmap(into_shared)(values(B, 4))


def test_own_functions() -> None:
    class Cube(pydl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * 3 * x * x

    x = values(B, 4)
    found = pydl.vmap(pydl.grad(lambda x: Cube.apply(x).sum()))(x)
    assert np.allclose(found.numpy(), 3 * x.numpy() ** 2)
    assert np.allclose(pydl.vmap(Cube.apply)(x).numpy(), x.numpy() ** 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: pydl.vmap(lambda x: x if x.sum() > 0 else -x)(x), pydl.TraceError, "pydl.where"),
        (lambda x: pydl.vmap(lambda x: x + pydl.rand(4))(x), pydl.TraceError, "random numbers"),
        (lambda x: pydl.vmap(lambda x: pydl.dropout(x, 0.5))(x), pydl.TraceError, "random numbers"),
        (lambda x: pydl.vmap(lambda x, y: x)(x, values(2)), ValueError, "batches of one size"),
        (lambda x: pydl.vmap(lambda x: x, in_axes=2)(x), ValueError, "in_axes has axis 2"),
        (lambda x: pydl.vmap(lambda x: x, in_axes=None)(x), ValueError, "no batch axis"),
        (lambda x: pydl.vmap(lambda x, y: x)(x, 3.0), ValueError, "pass None in in_axes"),
        (lambda x: pydl.vmap(lambda x: x, in_axes=(0, 0))(x), ValueError, "2 entries for 1"),
        (lambda x: pydl.vmap(lambda x: x, out_axes=5)(x), IndexError, "out_axes 5 is out of"),
        (lambda x: pydl.vmap(lambda x: x, out_axes=None)(x), ValueError, "differs between"),
        (lambda x: pydl.vmap(lambda x: "text")(x), TypeError, "to return tensors, got str"),
        (lambda x: pydl.vmap(lambda x: x.matmul(pydl.ones((3, 2))))(x), ValueError, "matmul"),
    ],
)
def test_wrong_calls(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(values(B, 4))
    assert not pydl._core._is_tracing()


def _solved(a: pydl.Tensor) -> pydl.Tensor:
    return pydl.linalg.solve(a, a[0])


def _written(a: pydl.Tensor) -> pydl.Tensor:
    x = a * 1
    x[0] = 2.0
    return x


EMPTY: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "itself": (lambda a: a, (3, 3)),
    "elementwise": (lambda a: pydl.exp(a) * 2, (3, 3)),
    "sum": (lambda a: a.sum(), ()),
    "largest": (lambda a: a.amax(axis=1), (3,)),
    "view": (lambda a: a[1:, 0].reshape(1, 2), (1, 2)),
    "product": (lambda a: a @ pydl.ones((3, 4)), (3, 4)),
    "solve": (_solved, (3,)),
    "inverse": (pydl.linalg.pinv, (3, 3)),
    "positions": (lambda a: pydl.argsort(a, 0), (3, 3)),
    "constant": (lambda a: pydl.ones(2), (2,)),
    "gradient": (pydl.grad(lambda a: (a * a).sum()), (3, 3)),
    "write": (_written, (3, 3)),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", EMPTY)
def test_no_examples(name: str, compiled: bool) -> None:
    function, shape = EMPTY[name]
    mapped = pydl.vmap(function)
    found = (pydl.compile(mapped) if compiled else mapped)(pydl.zeros((0, 3, 3)))
    one = pydl.vmap(function)(pydl.eye(3)[None])
    assert found.shape == (0, *shape)
    assert found.dtype == one.dtype


def test_gradients_of_no_examples() -> None:
    x = pydl.tensor(np.zeros((0, 3)), dtype="float32", requires_grad=True)
    weight = pydl.tensor(np.ones((3, 2)), dtype="float32", requires_grad=True)
    pydl.vmap(lambda row: pydl.tanh(row @ weight).sum())(x).sum().backward()
    assert x.grad is not None and x.grad.shape == (0, 3)
    assert weight.grad is not None and weight.grad.tolist() == [[0.0, 0.0]] * 3
    nested = pydl.vmap(pydl.vmap(lambda row: row.sum()))
    assert nested(pydl.zeros((0, 4, 3))).shape == (0, 4)
    assert nested(pydl.zeros((4, 0, 3))).shape == (4, 0)


def test_backward_on_what_is_outside() -> None:
    w = values(4).requires_grad_()
    with pytest.raises(pydl.TraceError, match=r"backward\(\) reached a tensor .* pydl.grad"):
        pydl.vmap(lambda x: (w * x).sum().backward())(values(B, 4))
    assert w.grad is None


def test_nothing_is_kept() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    x = values(B, 4)
    pydl.vmap(pydl.grad(lambda x: (x**3).sum()))(x)
    kept: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        pydl.vmap(lambda x: kept.append(x * 2) or 1 / 0)(x)
    with pytest.raises(pydl.TraceError, match="keeping it"):
        kept[0].tolist()
    del x
    kept.clear()
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    w, x = values(4), values(B, 4)
    f = lambda w, x: ((w * x).sum() ** 2).sum()  # noqa: E731
    own = pydl.vmap(pydl.grad(f), in_axes=(None, 0))(w, x)
    theirs = torch.func.vmap(torch.func.grad(f), in_dims=(None, 0))(
        torch.tensor(w.numpy()), torch.tensor(x.numpy())
    )
    assert np.allclose(own.numpy(), theirs.numpy())
