"""All public optimisers: against PyTorch, compiled, saved in the middle, clipped.

A new optimiser of `pydl.optim` is walked as soon as it is public; `CASES` gives its options.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim

KINDS = [
    kind
    for kind in (getattr(optim, name) for name in sorted(optim.__all__))
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer)
    if kind is not optim.Optimizer
]
FUSED = [kind for kind in KINDS if not kind.needs_closure]
SHAPES = [(3, 4), (4, 2), (5, 5), (1, 3)]  # matrices, because of Muon

# Options beside the defaults, for each kind.
CASES: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ],
    "RMSprop": [
        {"centered": True, "alpha": 0.9},
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1, "maximize": True},
    ],
    "Adam": [{"amsgrad": True, "lr": 0.1, "weight_decay": 0.1}, {"maximize": True}],
    "AdamW": [{"amsgrad": True, "lr": 0.1, "betas": (0.5, 0.6)}, {"maximize": True}],
    "Adagrad": [
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1},
        {"maximize": True},
    ],
    "Adadelta": [{"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}],
    "Adamax": [{"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}],
    "NAdam": [
        {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1},
        {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True},
    ],
    "RAdam": [
        {"lr": 0.1, "weight_decay": 0.1},
        {"decoupled_weight_decay": True, "weight_decay": 0.1, "betas": (0.9, 0.99)},
    ],
    "Rprop": [{"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3), "maximize": True}],
    "Lion": [{"lr": 0.01, "weight_decay": 0.1, "maximize": True}],
    "LAMB": [{"lr": 0.1, "weight_decay": 0.1, "maximize": True}],
    "Muon": [{"nesterov": False, "ns_steps": 3}, {"adjust_lr_fn": "match_rms_adamw"}],
    "LBFGS": [{"line_search_fn": "strong_wolfe"}],
}
EVERY = [(kind, options) for kind in FUSED for options in [{}, *CASES.get(kind.__name__, [])]]


def test_every_kind_has_cases() -> None:
    assert {kind.__name__ for kind in KINDS} == set(CASES)


def starts(dtype: Any) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [np.asarray(generator.normal(size=shape), dtype) for shape in SHAPES]


def gradient(step: int, number: int, dtype: Any) -> np.ndarray | None:
    """Gradients with elements that are always 0; some are missing in some steps."""
    if number == 1 and step % 3 == 1:
        return None
    values = np.random.default_rng((step, number)).normal(size=SHAPES[number])
    values[0, 0] = 0.0
    return np.asarray(values * (0 if step == 2 and number == 2 else 1), dtype)


def groups_of(parameters: list[Any]) -> list[dict[str, Any]]:
    return [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.05}]


def run(kind: Any, options: dict[str, Any], dtype: str, steps: range, state: Any = None) -> Any:
    parameters = [nn.Parameter(pydl.tensor(p).astype(dtype)) for p in starts(np.float64)]
    optimizer = kind(groups_of(parameters), **options)
    if state is not None:
        for parameter, value in zip(parameters, state[0], strict=True):
            parameter.detach().copy_(value.detach())
        optimizer.load_state_dict(state[1])
    for step in steps:
        for i, parameter in enumerate(parameters):
            g = gradient(step, i, np.float64)
            parameter.grad = None if g is None else pydl.tensor(g).astype(dtype)
        optimizer.step()
    return parameters, optimizer


def numbers(parameters: list[Any]) -> list[np.ndarray]:
    return [p.detach().astype("float64").numpy() for p in parameters]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize(("kind", "options"), EVERY)
def test_against_pytorch(kind: Any, options: dict[str, Any], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    reference = getattr(torch.optim, kind.__name__, None)
    if reference is None:
        pytest.skip(f"PyTorch has no {kind.__name__}")
    # PyTorch keeps states of 16 bits, and Muon computes in bfloat16.
    wide = torch.float32 if "16" in dtype else getattr(torch, dtype)
    parameters = [torch.nn.Parameter(torch.tensor(p).to(wide)) for p in starts(np.float64)]
    if "16" in dtype:
        for p in parameters:
            p.data = p.data.to(getattr(torch, dtype)).to(wide)
    found, own_optimizer = run(kind, options, dtype, range(20))
    optimizer = reference(groups_of(parameters), **{"lr": own_optimizer.lr, **options})
    for step in range(20):
        for i, parameter in enumerate(parameters):
            g = gradient(step, i, np.float64)
            rounded = None if g is None else torch.tensor(g).to(getattr(torch, dtype))
            parameter.grad = None if rounded is None else rounded.to(wide)
        optimizer.step()
    tolerance = {"float64": 1e-9, "float32": 2e-4, "float16": 0.03, "bfloat16": 0.1}[dtype]
    if kind is optim.Muon:
        tolerance = max(tolerance, 0.02)
    for own, other in zip(numbers(found), parameters, strict=True):
        expected = other.detach().double().numpy()
        np.testing.assert_allclose(own, expected, rtol=tolerance, atol=tolerance)


def lion(p: Any, g: Any, s: Any, lr: float, betas: Any = (0.9, 0.99), weight_decay: float = 0.0,
         maximize: bool = False) -> Any:  # fmt: skip
    g = -g if maximize else g
    m = s.get("m", 0.0)
    s["m"] = betas[1] * m + (1 - betas[1]) * g
    return p * (1 - lr * weight_decay) - lr * np.sign(betas[0] * m + (1 - betas[0]) * g)


def lamb(p: Any, g: Any, s: Any, lr: float, betas: Any = (0.9, 0.999), eps: float = 1e-6,
         weight_decay: float = 0.0, maximize: bool = False) -> Any:  # fmt: skip
    g = -g if maximize else g
    s["t"] = s.get("t", 0) + 1
    s["m"] = betas[0] * s.get("m", 0.0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0.0) + (1 - betas[1]) * g * g
    m, v = s["m"] / (1 - betas[0] ** s["t"]), s["v"] / (1 - betas[1] ** s["t"])
    direction = m / (np.sqrt(v) + eps) + weight_decay * p
    a, b = np.linalg.norm(p), np.linalg.norm(direction)
    return p - lr * (a / b if a > 0 and b > 0 else 1.0) * direction


def muon(p: Any, g: Any, s: Any, lr: float, weight_decay: float = 0.1, momentum: float = 0.95,
         nesterov: bool = True, ns_steps: int = 5,
         adjust_lr_fn: str = "original") -> Any:  # fmt: skip
    s["v"] = momentum * s.get("v", 0.0) + (1 - momentum) * g
    x = (1 - momentum) * g + momentum * s["v"] if nesterov else s["v"]
    rows, columns = p.shape
    x = x.T if rows > columns else x
    x = x / max(np.linalg.norm(x), 1e-7)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    x = x.T if rows > columns else x
    size = np.sqrt(max(1, rows / columns))
    if adjust_lr_fn == "match_rms_adamw":
        size = 0.2 * np.sqrt(max(rows, columns))
    return p * (1 - lr * weight_decay) - lr * size * x


@pytest.mark.parametrize("reference", [lion, lamb, muon], ids=lambda f: f.__name__)
def test_those_that_pytorch_lacks_against_numpy(reference: Any) -> None:
    kind = {"lion": optim.Lion, "lamb": optim.LAMB, "muon": optim.Muon}[reference.__name__]
    for options in [{}, *CASES[kind.__name__]]:
        values, states = starts(np.float64), [{} for _ in SHAPES]
        parameters, optimizer = run(kind, options, "float64", range(20))
        rates = [optimizer.groups[0].lr] * 2 + [0.05] * 2
        given = {name: value for name, value in options.items() if name != "lr"}
        for step in range(20):
            for i in range(len(values)):
                g = gradient(step, i, np.float64)
                if g is not None:
                    values[i] = reference(values[i], g, states[i], rates[i], **given)
        for own, expected in zip(numbers(parameters), values, strict=True):
            np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("kind", "options"), EVERY)
def test_state_resumes_exactly(kind: Any, options: dict[str, Any], dtype: str) -> None:
    """Saved in the middle, as tensors and by pickle, and copied: the same bits."""
    whole, _ = run(kind, options, dtype, range(9))
    first, optimizer = run(kind, options, dtype, range(4))
    state = {name: value.copy() for name, value in optimizer.state_dict().items()}
    for name, value in state.items():
        slot = name.split(".")[1]
        if name.startswith("lr.") or slot == "step":
            continue
        assert value.dtype == "float32", name
    resumed, _ = run(kind, options, dtype, range(4, 9), (first, state))
    for a, b in zip(numbers(whole), numbers(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    for other in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert repr(other) == repr(optimizer)
        for name, value in other.state_dict().items():
            np.testing.assert_array_equal(
                value.astype("float64").numpy(), state[name].astype("float64").numpy()
            )


def train(kind: Any, options: dict[str, Any], compiled: bool, dtype: str = "float32") -> Any:
    pydl.manual_seed(5)
    a, b = nn.Linear(4, 6, bias=False, dtype=dtype), nn.Linear(6, 2, bias=False, dtype=dtype)
    optimizer = kind([{"params": [a.weight]}, {"params": [b.weight], "lr": 0.02}], **options)
    x = pydl.normal((16, 4)).astype(dtype)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        optimizer.zero_grad()
        loss = (b(pydl.tanh(a(x))).astype("float32") - 1).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    function = pydl.compile(step, state=[a, b, optimizer]) if compiled else step
    losses = []
    traces = 0
    for i in range(8):
        if i == 4:
            optimizer.lr = optimizer.lr / 2
            traces = function.traces if compiled else 0
        losses.append(float(function(x)))
    if compiled:
        assert function.traces == traces, "a new learning rate must not trace again"
    return losses, numbers([a.weight, b.weight])


CLIPPED: list[tuple[Any, dict[str, Any]]] = [
    (kind, clipping) for kind in FUSED for clipping in ({"clip_norm": 0.01}, {"clip_value": 0.001})
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("kind", "options"), [*EVERY, *CLIPPED])
def test_compiled_steps_are_eager_ones(kind: Any, options: dict[str, Any], dtype: str) -> None:
    eager = train(kind, options, False, dtype)
    compiled = train(kind, options, True, dtype)
    assert eager[0] == compiled[0]
    for a, b in zip(eager[1], compiled[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", FUSED)
def test_clipping_is_that_of_the_functions(kind: Any) -> None:
    clip = {"clip_norm": optim.clip_grad_norm_, "clip_value": optim.clip_grad_value_}
    for name, function in clip.items():
        results = []
        for options in ({}, {name: 0.5}):
            parameters = [nn.Parameter(pydl.tensor(p)) for p in starts(np.float64)]
            optimizer = kind(parameters, **options)
            assert getattr(optimizer, name) == options.get(name)
            for step in range(3):
                for i, parameter in enumerate(parameters):
                    g = gradient(step, i, np.float64)
                    parameter.grad = None if g is None else pydl.tensor(g * 3)
                if not options:
                    function(parameters, 0.5)
                optimizer.step()
            results.append(numbers(parameters))
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)


def test_clipping_changes_and_is_checked() -> None:
    weight = nn.Parameter(pydl.tensor([0.0]))
    optimizer = optim.SGD([weight], lr=1.0, clip_value=0.5)
    weight.grad = pydl.tensor([3.0])
    optimizer.step()
    assert weight.item() == -0.5 and "clip_value=0.5" in repr(optimizer)
    optimizer.clip_value = None
    weight.grad = pydl.tensor([3.0])
    optimizer.step()
    assert weight.item() == -3.5
    with pytest.raises(ValueError, match=r"SGD: expected a norm to clip by of at least 0, got -1"):
        optim.SGD([weight], clip_norm=-1.0)
    with pytest.raises(ValueError, match="by norm or by value, got both"):
        optim.SGD([weight], clip_norm=1.0, clip_value=1.0)
    with pytest.raises(ValueError, match="clip_grad_value_: expected clip_value of at least 0"):
        optim.clip_grad_value_([weight], float("nan"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.Muon([nn.Parameter(pydl.ones(3))]), "Muon: expected matrices"),
        (lambda p: optim.Muon([p], ns_steps=0), "1 to 100 ns_steps, got 0"),
        (lambda p: optim.Rprop([p], etas=(1.5, 1.2)), "expected etas"),
        (lambda p: optim.Rprop([p], step_sizes=(2.0, 1.0)), "expected step_sizes in order"),
        (lambda p: optim.Adagrad([p], lr_decay=-1.0), "expected lr_decay of at least 0"),
        (lambda p: optim.Adadelta([p], rho=1.0), r"expected rho in \[0, 1\)"),
        (lambda p: optim.Lion([p], betas=(0.9, 1.0)), r"Lion: expected betas in \[0, 1\)"),
        (lambda p: optim.NAdam([p], eps=-1.0), "NAdam: expected eps of at least 0"),
        (lambda p: optim.LBFGS([p], max_iter=0), "max_iter of at least 1"),
        (lambda p: optim.LBFGS([{"params": [p]}, {"params": []}]), "expected one group"),
    ],
)
def test_options_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(nn.Parameter(pydl.ones((2, 2))))


@pytest.mark.parametrize("name", [kind.__name__.lower() for kind in FUSED])
def test_fit_knows_every_name(name: str) -> None:
    model = nn.Sequential(nn.Linear(3, 1, bias=False))
    model.compile(name, "mse")
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    model.fit(x, x.sum(axis=1, keepdims=True), epochs=1, verbose=0)
    assert type(model.optimizer).__name__.lower() == name and model.optimizer.steps == 1


def test_fit_refuses_lbfgs() -> None:
    model = nn.Sequential(nn.Linear(3, 1))
    with pytest.raises(TypeError, match="LBFGS calls a function that computes the loss"):
        model.compile(optim.LBFGS, "mse")


# --- LBFGS --------------------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def lbfgs(steps: int, state: Any = None, **options: Any) -> Any:
    x = nn.Parameter(pydl.tensor([-1.2, 1.0], dtype="float64"))
    optimizer = optim.LBFGS([x], **options)
    if state is not None:
        x.detach().copy_(state[0])
        optimizer.load_state_dict(state[1])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return x, optimizer


def test_lbfgs_finds_the_minimum() -> None:
    x, optimizer = lbfgs(7, line_search_fn="strong_wolfe", tolerance_change=1e-15)
    np.testing.assert_allclose(x.detach().numpy(), [1, 1], atol=1e-7)
    assert optimizer.steps < 60


def test_lbfgs_without_search_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    given = np.array([[3.0, 1.0], [1.0, 2.0]])
    other = torch.nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))
    reference = torch.optim.LBFGS([other], lr=0.3, max_iter=7)
    x = nn.Parameter(pydl.tensor([-1.2, 1.0], dtype="float64"))
    optimizer = optim.LBFGS([x], lr=0.3, max_iter=7)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((pydl.tensor(given) @ x) ** 2).sum() + (x**4).sum()
        loss.backward()
        return loss

    def other_closure() -> Any:
        reference.zero_grad()
        loss = ((torch.tensor(given) @ other) ** 2).sum() + (other**4).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
        reference.step(other_closure)
        np.testing.assert_allclose(x.detach().numpy(), other.detach().numpy(), rtol=1e-6)


def test_lbfgs_resumes_exactly() -> None:
    options: dict[str, Any] = {"line_search_fn": "strong_wolfe", "max_iter": 3}
    whole, _ = lbfgs(6, **options)
    half, optimizer = lbfgs(3, **options)
    state = (half.detach().copy(), {n: t.copy() for n, t in optimizer.state_dict().items()})
    resumed, _ = lbfgs(3, state, **options)
    assert whole.tolist() == resumed.tolist()


def test_lbfgs_says_what_it_needs() -> None:
    x = nn.Parameter(pydl.ones(2))
    optimizer = optim.LBFGS([x])
    with pytest.raises(TypeError, match=r"LBFGS.step: expected a closure"):
        optimizer.step()
    compiled = pydl.compile(lambda: optimizer.step(lambda: x.sum()), state=[optimizer])
    with pytest.raises(pydl.TraceError, match=r"LBFGS.step: .*cannot be compiled"):
        compiled()


def several(dtypes: list[str], search: str | None = "strong_wolfe", **options: Any) -> Any:
    """Parameters of several shapes, their optimizer, and a closure with its minimum at 1."""
    generator = np.random.default_rng(7)
    shapes: list[tuple[int, ...]] = [(3, 4), (), (0, 2), (33, 5), (1,)]
    parameters = [
        nn.Parameter(pydl.tensor(generator.standard_normal(shape), dtype=dtypes[i % len(dtypes)]))
        for i, shape in enumerate(shapes)
    ]
    optimizer = optim.LBFGS(parameters, line_search_fn=search, **options)

    def closure() -> Any:
        optimizer.zero_grad()
        parts = [((p - 1) ** 2 + (p - 1) ** 4).astype("float64").sum() for p in parameters]
        loss = sum(parts[1:], parts[0])
        loss.backward()
        return loss

    return parameters, optimizer, closure


@pytest.mark.parametrize(
    ("dtypes", "tolerance"),
    [
        (["float32"], 1e-4),
        (["float64"], 1e-5),
        (["float32", "float64"], 1e-4),
        (["bfloat16"], 0.02),
        (["float16", "float32"], 0.02),
    ],
)
def test_lbfgs_of_shapes_and_dtypes(dtypes: list[str], tolerance: float) -> None:
    parameters, optimizer, closure = several(dtypes)
    before = [p.dtype for p in parameters]
    for _ in range(3):
        optimizer.step(closure)
    assert [p.dtype for p in parameters] == before
    for p in parameters:
        values = p.detach().astype("float64").numpy()
        np.testing.assert_allclose(values, 1, atol=tolerance)
    assert optimizer.state_dict()["direction"].dtype in ("float32", "float64")


def test_lbfgs_of_parameters_that_are_not_contiguous() -> None:
    results = []
    for transposed in (False, True):
        values = pydl.tensor(np.arange(12.0).reshape(3, 4) / 5)
        x = nn.Parameter(values.T.copy().T if transposed else values)
        x.detach().copy_(values)
        optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=4)

        def closure(x: Any = x, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (x**4 + x).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        results.append(x.tolist())
    assert results[0] == results[1]


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_of_many_elements_is_that_of_pytorch_for_any_number_of_threads(
    search: str | None,
) -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(3)
    start, scale = generator.standard_normal((2, 50_001))
    scale = np.exp(scale)

    def run(library: Any, parameter: Any, factor: Any) -> Any:
        optimizer = library.optim.LBFGS([parameter], lr=0.2, max_iter=9, line_search_fn=search)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = (parameter**4 * 0.1 + parameter**2 * factor).sum()
            loss.backward()
            return loss

        for _ in range(2):
            optimizer.step(closure)
        return parameter.detach().numpy()

    results = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            results.append(run(pydl, nn.Parameter(pydl.tensor(start)), pydl.tensor(scale)))
    finally:
        pydl.set_num_threads(before)
    assert all(np.array_equal(results[0], other) for other in results[1:])
    expected = run(torch, torch.nn.Parameter(torch.tensor(start)), torch.tensor(scale))
    np.testing.assert_allclose(results[0], expected, atol=1e-6 if search is None else 1e-3)


def test_lbfgs_calls_its_closure_as_often_as_pytorch() -> None:
    calls = []
    x = nn.Parameter(pydl.tensor([3.0, 2.0]))
    optimizer = optim.LBFGS([x], lr=0.01, max_iter=4)

    def closure() -> Any:
        calls.append(x.tolist())
        optimizer.zero_grad()
        loss = (x**4).sum()
        loss.backward()
        return float(loss.item())

    first = optimizer.step(closure)
    assert first == 97.0 and len(calls) == 4 and x.tolist() not in calls


@pytest.mark.parametrize("error", [KeyError("here"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_lbfgs_passes_on_errors_of_the_closure(error: BaseException, at: int) -> None:
    _, optimizer, closure = several(["float32"])
    calls = 0

    def failing() -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            assert pydl.is_grad_enabled()
            raise error
        return closure()

    with pydl.no_grad():
        with pytest.raises(type(error)) as found:
            optimizer.step(failing)
        assert not pydl.is_grad_enabled()
    assert found.value is error
    assert int(optimizer.state_dict()["evaluations"]) == at - 1
    losses = [optimizer.step(closure) for _ in range(4)]
    assert losses[-1] < 1e-6


def test_lbfgs_says_what_a_closure_should_return() -> None:
    optimizer = optim.LBFGS([nn.Parameter(pydl.ones(2))])
    with pytest.raises(TypeError, match=r"LBFGS.step: expected the closure to return the loss"):
        optimizer.step(lambda: None)
    with pytest.raises(TypeError, match=r"LBFGS.step: expected a closure"):
        optimizer.step(3)


def test_lbfgs_options_and_rate_may_change_in_a_step() -> None:
    x = nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.LBFGS([x], lr=0.5, max_iter=2)
    optimizer.max_iter = 1

    def closure() -> Any:
        optimizer.lr = 0.125
        x.grad = pydl.tensor([4.0])
        return 1.0

    optimizer.step(closure)
    assert x.tolist() == [1 - 0.125] and optimizer.steps == 1


def test_lbfgs_clips_gradients() -> None:
    x = nn.Parameter(pydl.tensor([0.0, 0.0]))
    optimizer = optim.LBFGS([x], lr=1.0, max_iter=1, clip_norm=1.0)

    def closure() -> Any:
        x.grad = pydl.tensor([30.0, 40.0])
        return 1.0

    optimizer.step(closure)
    np.testing.assert_allclose(x.detach().numpy(), [-0.6 / 1.4, -0.8 / 1.4], rtol=1e-6)


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_lbfgs_copies_go_on_with_the_same_bits(how: str) -> None:
    import copy
    import pickle

    parameters, optimizer, closure = several(["float32"], max_iter=2, history_size=3)
    for _ in range(2):
        optimizer.step(closure)
    twin = pickle.loads(pickle.dumps(optimizer)) if how == "pickle" else copy.deepcopy(optimizer)
    kept = {name: value.tolist() for name, value in twin.state_dict().items()}
    assert kept == {name: value.tolist() for name, value in optimizer.state_dict().items()}

    def other_closure() -> Any:
        twin.zero_grad()
        parts = [((p - 1) ** 2 + (p - 1) ** 4).astype("float64").sum() for p in twin.parameters]
        loss = sum(parts[1:], parts[0])
        loss.backward()
        return loss

    assert optimizer.step(closure) == twin.step(other_closure)
    for a, b in zip(parameters, twin.parameters, strict=True):
        assert a.tolist() == b.tolist()


def test_lbfgs_states_that_do_not_fit() -> None:
    _, optimizer, closure = several(["float32"])
    optimizer.step(closure)
    state = optimizer.state_dict()
    kept = {name: value.tolist() for name, value in state.items()}
    wrong = [
        ({**state, "more": pydl.ones(1)}, "not part of this optimiser"),
        ({**state, "step.0": pydl.ones(2)}, "step.0: expected shape"),
        ({n: t for n, t in state.items() if n != "change.0"}, "change.0 is missing"),
        ({n: t for n, t in state.items() if n != "scale"}, "scale is missing"),
    ]
    for given, message in wrong:
        with pytest.raises(ValueError, match=rf"LBFGS.load_state_dict: .*{message}"):
            optimizer.load_state_dict(given)
        assert kept == {name: value.tolist() for name, value in optimizer.state_dict().items()}
    optimizer.load_state_dict({name: np.asarray(value.numpy()) for name, value in state.items()})
    assert kept == {name: value.tolist() for name, value in optimizer.state_dict().items()}
