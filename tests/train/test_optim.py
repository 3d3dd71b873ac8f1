"""Optimisers, against NumPy written out by hand and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import nn, optim

SHAPES = [(3, 4), (4,), ()]
STEPS = 6


def starts(dtype=np.float64):
    generator = np.random.default_rng(0)
    return [np.asarray(generator.normal(size=shape), dtype) for shape in SHAPES]


def gradients(step):
    generator = np.random.default_rng(100 + step)
    return [np.asarray(generator.normal(size=shape)) for shape in SHAPES]


def sgd(p, g, s, lr=0.01, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * p
    if momentum:
        s["v"] = momentum * s["v"] + (1 - dampening) * g if "v" in s else g
        g = g + momentum * s["v"] if nesterov else s["v"]
    return p - lr * g


def rmsprop(p, g, s, lr=0.01, alpha=0.99, eps=1e-8, momentum=0.0, weight_decay=0.0):
    g = g + weight_decay * p
    s["s"] = alpha * s.get("s", 0.0) + (1 - alpha) * g * g
    change = g / (np.sqrt(s["s"]) + eps)
    if momentum:
        change = s["v"] = momentum * s.get("v", 0.0) + change
    return p - lr * change


def adam(p, g, s, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    if decoupled:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0.0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0.0) + (1 - betas[1]) * g * g
    m, v = s["m"] / (1 - betas[0] ** s["t"]), s["v"] / (1 - betas[1] ** s["t"])
    return p - lr * m / (np.sqrt(v) + eps)


def adamw(p, g, s, weight_decay=0.01, **options):
    return adam(p, g, s, weight_decay=weight_decay, decoupled=True, **options)


CASES = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1, "eps": 1e-3}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (optim.AdamW, adamw, {}),
    (optim.AdamW, adamw, {"lr": 0.1, "weight_decay": 0.3}),
]


def run_pydl(kind, options, dtype=np.float64):
    parameters = [nn.Parameter(pydl.tensor(p)) for p in starts(dtype)]
    optimizer = kind(parameters, **options)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, gradients(step), strict=True):
            parameter.grad = pydl.tensor(gradient.astype(dtype))
        optimizer.step()
    return [p.detach().numpy() for p in parameters]


@pytest.mark.parametrize(("kind", "reference", "options"), CASES)
def test_against_numpy(kind, reference, options):
    expected, states = starts(), [{} for _ in SHAPES]
    for step in range(STEPS):
        expected = [
            reference(p, g, s, **options)
            for p, g, s in zip(expected, gradients(step), states, strict=True)
        ]
    for found, wanted in zip(run_pydl(kind, options), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "reference", "options"), CASES)
def test_against_pytorch(kind, reference, options, dtype):
    torch = pytest.importorskip("torch")
    parameters = [torch.nn.Parameter(torch.tensor(p)) for p in starts(dtype)]
    optimizer = getattr(torch.optim, kind.__name__)(parameters, **options)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, gradients(step), strict=True):
            parameter.grad = torch.tensor(gradient.astype(dtype))
        optimizer.step()
    tolerance = 1e-10 if dtype == np.float64 else 1e-5
    for found, wanted in zip(run_pydl(kind, options, dtype), parameters, strict=True):
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=tolerance)


def test_learning_rate_and_steps():
    weight = nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.SGD([weight], lr=0.5)
    weight.grad = pydl.tensor([1.0])
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert weight.tolist() == [0.25]
    assert optimizer.lr == 0.25 and optimizer.steps == 2
    with pytest.raises(ValueError, match="learning rate of at least 0, got -1"):
        optimizer.lr = -1


def test_groups_have_options_of_their_own():
    a, b = nn.Parameter(pydl.tensor([1.0])), nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5, "weight_decay": 1.0}], lr=0.1)
    for parameter in (a, b):
        parameter.grad = pydl.tensor([1.0])
    optimizer.step()
    assert a.item() == pytest.approx(0.9) and b.item() == pytest.approx(0.0)
    with pytest.raises(TypeError, match="a group may have params, lr, momentum.* got 'beta'"):
        optim.SGD([{"params": [a], "beta": 1}])


def test_parameters_without_gradient_keep_steps_of_their_own():
    """A parameter that joins later is updated as by an optimiser of its own, as in PyTorch."""
    early, late, alone = (nn.Parameter(pydl.tensor([1.0, 2.0])) for _ in range(3))
    together, apart = optim.Adam([early, late], lr=0.1), optim.Adam([alone], lr=0.1)
    for step in range(5):
        early.grad = pydl.tensor([0.5, 1.0])
        late.grad = pydl.tensor([1.0, -3.0]) if step in (2, 4) else None
        together.step()
    for _ in range(2):
        alone.grad = pydl.tensor([1.0, -3.0])
        apart.step()
    assert late.tolist() == alone.tolist()
    assert together.steps == 5


def test_frozen_parameters_with_an_old_gradient_stay():
    weight = nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.SGD([weight], lr=0.1)
    weight.grad = pydl.tensor([1.0])
    weight.requires_grad = False
    optimizer.step()
    assert weight.item() == 1.0 and optimizer.steps == 0


def test_zero_grad():
    weight = nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.SGD([weight])
    weight.grad = pydl.tensor([1.0])
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert weight.grad is None


def test_state_resumes_exactly():
    def fresh():
        return [nn.Parameter(pydl.tensor(p)) for p in starts()]

    def steps(optimizer, parameters, numbers):
        for step in numbers:
            for parameter, gradient in zip(parameters, gradients(step), strict=True):
                parameter.grad = pydl.tensor(gradient)
            optimizer.step()

    whole, first = fresh(), fresh()
    steps(optim.Adam(whole, lr=0.05), whole, range(6))
    optimizer = optim.Adam(first, lr=0.05)
    steps(optimizer, first, range(3))
    state = {name: value.numpy().copy() for name, value in optimizer.state_dict().items()}
    assert [name for name in state if name.startswith("1.")] == [
        "1.step",
        "1.first_moment",
        "1.second_moment",
    ]
    resumed = optim.Adam(first, lr=0.9)
    resumed.load_state_dict(state)
    steps(resumed, first, range(3, 6))
    assert resumed.lr == 0.05 and resumed.steps == 6
    for a, b in zip(whole, first, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_bad_state_is_named():
    weight = nn.Parameter(pydl.zeros((2,)))
    optimizer = optim.SGD([weight])
    with pytest.raises(ValueError, match="SGD.load_state_dict: lr.0 is missing"):
        optimizer.load_state_dict({})
    with pytest.raises(ValueError, match="0.velocity is not part of this optimiser"):
        optimizer.load_state_dict({**optimizer.state_dict(), "0.velocity": pydl.zeros((2,))})
    with pytest.raises(ValueError, match=r"0.step: expected shape \(\), got \(2,\)"):
        optimizer.load_state_dict({**optimizer.state_dict(), "0.step": pydl.zeros((2,))})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD([]), "expected parameters, got none"),
        (lambda p: optim.SGD([p, p]), "a parameter was given twice"),
        (lambda p: optim.SGD([p * 2]), "is not a leaf"),
        (lambda p: optim.SGD([p], lr=-1), "learning rate of at least 0, got -1"),
        (lambda p: optim.SGD([p], momentum=-1), "expected momentum of at least 0, got -1"),
        (lambda p: optim.SGD([p], nesterov=True), "nesterov needs momentum"),
        (lambda p: optim.RMSprop([p], alpha=1.0), r"expected alpha in \[0, 1\), got 1.0"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), r"expected betas in \[0, 1\), got 1.0"),
        (lambda p: optim.AdamW([p], eps=-1.0), "AdamW: expected eps of at least 0"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make(nn.Parameter(pydl.ones((2,))))


def test_what_is_no_parameter_is_refused():
    with pytest.raises(TypeError, match="expected tensors as parameters, got str"):
        optim.Adam(["weight"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (nn.Linear(2, 2), r"got Linear; give parameters\(\) of the Linear"),
        (nn.Sequential(nn.Linear(2, 2)), r"got Sequential; give parameters\(\)"),
        (nn.Linear(2, 2).parameters, r"got method; call it: parameters\(\)"),
        (3, "got int$"),
        (None, "got NoneType$"),
        ([{"params": nn.Linear(2, 2)}], r"got Linear; give parameters\(\)"),
        ([{"params": 3}], "got int$"),
    ],
)
@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "LBFGS", "Muon", "clip_grad_norm_", "clip_grad_value_"]
)
def test_what_is_not_a_list_of_parameters_is_named(name, given, message):
    if name.startswith("clip") and isinstance(given, list):
        return
    arguments = (given, 1.0) if name.startswith("clip") else (given,)
    with pytest.raises(TypeError, match=f"{name}: expected an iterable of parameters, {message}"):
        getattr(optim, name)(*arguments)


def test_clip_grad_norm():
    a, b = nn.Parameter(pydl.zeros((2,))), nn.Parameter(pydl.zeros(()))
    a.grad, b.grad = pydl.tensor([2.0, 3.0]), pydl.tensor(6.0)
    held = a.grad
    norm = optim.clip_grad_norm_([a, b], 14.0)
    assert norm.shape == () and norm.dtype == "float64" and norm == 7.0
    assert a.grad.tolist() == [2.0, 3.0]
    assert optim.clip_grad_norm_([a, b, nn.Parameter(pydl.zeros((1,)))], 3.5) == 7.0
    assert a.grad.tolist() == [1.0, 1.5] and b.grad.item() == 3.0
    assert held.tolist() == [1.0, 1.5]  # in place


def _with_gradients(dtype: str, *values: list[float]) -> list[nn.Parameter]:
    parameters = [nn.Parameter(pydl.zeros(len(v), dtype=dtype)) for v in values]
    for parameter, v in zip(parameters, values, strict=True):
        parameter.grad = pydl.tensor(v, dtype=dtype)
    return parameters


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 300.0, 6e4, 1e20])
def test_clip_grad_norm_of_every_size(dtype, size):
    """Squares that are beyond the range of a dtype are no infinite norms, and none that are 0."""
    if dtype == "float16" and not 1e-6 <= size <= 6e4:
        return
    parameters = _with_gradients(dtype, [size] * 3, [-size])
    exact = float(pydl.tensor(size, dtype=dtype).astype("float64").item())
    norm = optim.clip_grad_norm_(parameters, size)
    assert float(norm) == pytest.approx(2 * exact, rel=1e-6)
    for parameter in parameters:
        found = np.abs(parameter.grad.astype("float64").numpy())
        np.testing.assert_allclose(found, size / 2, rtol=1e-2, atol=6e-8)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_clip_grad_norm_takes_one_tensor_and_any_iterable(dtype):
    (parameter,) = _with_gradients(dtype, [3.0, 4.0])
    assert optim.clip_grad_norm_(parameter, 10.0) == 5.0
    assert optim.clip_grad_norm_((p for p in [parameter]), 1.0) == 5.0
    np.testing.assert_allclose(parameter.grad.astype("float32").numpy(), [0.6, 0.8], rtol=1e-3)
    layer = nn.Linear(2, 1)
    assert optim.clip_grad_norm_(layer.parameters(), 1.0) == 0.0
    for wrong in ({"weight": parameter}, ["weight"], [None]):
        with pytest.raises(TypeError, match="clip_grad_norm_: expected tensors"):
            optim.clip_grad_norm_(wrong, 1.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_clip_grad_norm_that_is_not_finite(dtype, value):
    """As in PyTorch: an error if asked for, else what scaling by such a norm gives."""
    parameters = _with_gradients(dtype, [1.0, value], [2.0])
    with pytest.raises(
        RuntimeError, match="clip_grad_norm_: the norm of the gradients is (inf|nan)"
    ):
        optim.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[1].grad.astype("float32").tolist() == [2.0]
    norm = optim.clip_grad_norm_(parameters, 1.0)
    assert not np.isfinite(float(norm))
    last = parameters[1].grad.astype("float32").item()
    assert np.isnan(last) if np.isnan(value) else last == 0


@pytest.mark.parametrize("bound", [-1.0, float("nan")])
def test_clip_grad_norm_refuses_bounds(bound):
    with pytest.raises(ValueError, match="clip_grad_norm_: expected max_norm"):
        optim.clip_grad_norm_([], bound)


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop])
def test_one_tensor_is_a_parameter_list(make):
    """Whatever takes parameters takes one tensor, not its rows."""
    (parameter,) = _with_gradients("float32", [1.0, 2.0])
    optimizer = make(parameter, lr=0.1)
    optimizer.step()
    assert (parameter.detach().numpy() != 0).all()
