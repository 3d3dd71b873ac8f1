"""Schedules of learning rates, against PyTorch, in compiled steps, saved, and in `fit`.

A new public schedule is walked as soon as `CASES` has it, which a test demands.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.optim import lr_scheduler as schedules

KINDS = [
    kind
    for name, kind in vars(schedules).items()
    if name in schedules.__all__ and kind is not schedules.LRScheduler
]

# Functions from the module (ours or PyTorch's) and an optimizer to a schedule.
CASES: dict[str, list[Any]] = {
    "StepLR": [lambda m, o: m.StepLR(o, 3, gamma=0.5)],
    "MultiStepLR": [lambda m, o: m.MultiStepLR(o, [2, 5, 5, 9], gamma=0.3)],
    "ConstantLR": [lambda m, o: m.ConstantLR(o, factor=0.25, total_iters=4)],
    "LinearLR": [lambda m, o: m.LinearLR(o, 0.1, 0.8, total_iters=6)],
    "ExponentialLR": [lambda m, o: m.ExponentialLR(o, 0.9)],
    "PolynomialLR": [lambda m, o: m.PolynomialLR(o, 7, power=2.0)],
    "CosineAnnealingLR": [
        lambda m, o: m.CosineAnnealingLR(o, 6, eta_min=0.01),
        lambda m, o: m.CosineAnnealingLR(o, 1),
    ],
    "CosineAnnealingWarmRestarts": [
        lambda m, o: m.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.01),
        lambda m, o: m.CosineAnnealingWarmRestarts(o, 3),
    ],
    "OneCycleLR": [
        lambda m, o: m.OneCycleLR(o, 1.0, total_steps=20, **_still(m)),
        lambda m, o: m.OneCycleLR(
            o, [1.0, 2.0], epochs=4, steps_per_epoch=6, anneal_strategy="linear",
            three_phase=True, **_still(m)),
    ],
    "CyclicLR": [
        lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=3, **_still(m)),
        lambda m, o: m.CyclicLR(o, 0.01, 0.1, 3, 5, mode="triangular2", **_still(m)),
        lambda m, o: m.CyclicLR(o, 0.01, 0.1, 4, mode="exp_range", gamma=0.9, **_still(m)),
        lambda m, o: m.CyclicLR(
            o, 0.01, 0.1, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle", **_still(m)),
    ],
    "LambdaLR": [lambda m, o: m.LambdaLR(o, [lambda t: 1 / (1 + t), lambda t: 0.9**t])],
    "MultiplicativeLR": [lambda m, o: m.MultiplicativeLR(o, lambda t: 0.5 if t % 2 else 1.1)],
    "SequentialLR": [
        lambda m, o: m.SequentialLR(
            o, [m.LinearLR(o, 0.1, total_iters=4), m.CosineAnnealingLR(o, 8)], milestones=[4]),
        lambda m, o: m.SequentialLR(
            o, [m.ConstantLR(o, 0.1, 4), m.ExponentialLR(o, 0.9), m.StepLR(o, 2)], [3, 7]),
    ],
    "ChainedScheduler": [
        lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.1, 4), m.ExponentialLR(o, 0.9)])],
    "SWALR": [
        lambda m, o: _swalr(m)(o, 0.05),
        lambda m, o: _swalr(m)(o, [0.05, 0.7], 4, "linear"),
        lambda m, o: _swalr(m)(o, 0.4, anneal_epochs=0),
    ],
    "CosineWithWarmup": [],
    "ReduceLROnPlateau": [],
}  # fmt: skip
PAIRS = [(name, make) for name, makers in CASES.items() for make in makers]
OWN = [
    *PAIRS,
    ("CosineWithWarmup", lambda m, o: m.CosineWithWarmup(o, 12, 4, eta_min=0.01)),
]


def _still(module: Any) -> dict[str, bool]:
    """PyTorch's schedule changes momentum too, unless told."""
    return {} if module is schedules else {"cycle_momentum": False}


def _swalr(module: Any) -> Any:
    if module is schedules:
        return schedules.SWALR
    from torch.optim.swa_utils import SWALR

    return SWALR


def make_optimizer() -> Any:
    a, b = nn.Parameter(pydl.ones(1)), nn.Parameter(pydl.ones(1))
    return optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.2)


def test_every_schedule_has_cases() -> None:
    assert {kind.__name__ for kind in KINDS} == set(CASES)


@pytest.mark.parametrize(("name", "make"), PAIRS)
def test_against_pytorch(name: str, make: Any) -> None:
    torch = pytest.importorskip("torch")
    a, b = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    other = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.2)
    reference = make(torch.optim.lr_scheduler, other)
    optimizer = make_optimizer()
    schedule = make(schedules, optimizer)
    for _ in range(20):
        expected = [group["lr"] for group in other.param_groups]
        np.testing.assert_allclose(
            [g.lr for g in optimizer.groups], expected, rtol=1e-9, atol=1e-15
        )
        assert schedule.get_last_lr() == [g.lr for g in optimizer.groups]
        other.step()
        if schedule.last_epoch < 19:
            reference.step()
            schedule.step()


@pytest.mark.parametrize(("name", "make"), OWN)
def test_state_resumes_exactly(name: str, make: Any) -> None:
    def rates(schedule: Any, count: int) -> list[Any]:
        found = []
        for _ in range(count):
            schedule.step()
            found.append(schedule.get_last_lr())
        return found

    whole = rates(make(schedules, make_optimizer()), 12)
    optimizer = make_optimizer()
    schedule = make(schedules, optimizer)
    first = rates(schedule, 5)
    other = make_optimizer()
    resumed = make(schedules, other)
    resumed.load_state_dict(schedule.state_dict())
    other.load_state_dict({n: t.copy() for n, t in optimizer.state_dict().items()})
    assert first + rates(resumed, 7) == whole
    with pytest.raises(ValueError, match=r"load_state_dict: expected"):
        resumed.load_state_dict({"nothing": 1})


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateaus_against_pytorch(mode: str, threshold_mode: str) -> None:
    torch = pytest.importorskip("torch")
    options: dict[str, Any] = {
        "mode": mode, "threshold_mode": threshold_mode, "factor": 0.5, "patience": 1,
        "threshold": 0.05, "cooldown": 1, "min_lr": 0.02,
    }  # fmt: skip
    other = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.2)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **options)
    optimizer = optim.SGD([nn.Parameter(pydl.ones(1))], lr=0.2)
    schedule = schedules.ReduceLROnPlateau(optimizer, **options)
    for i, value in enumerate(np.random.default_rng(0).normal(size=30)):
        reference.step(value)
        schedule.step(pydl.tensor(value) if i % 2 else value)
        if i == 15:
            again = schedules.ReduceLROnPlateau(optimizer, **options)
            again.load_state_dict(schedule.state_dict())
            schedule = again
        assert optimizer.lr == pytest.approx(other.param_groups[0]["lr"])
    with pytest.raises(TypeError, match="expected the value to watch"):
        schedule.step()


def test_cosine_with_warmup() -> None:
    optimizer = optim.SGD([nn.Parameter(pydl.ones(1))], lr=2.0)
    schedule = schedules.CosineWithWarmup(optimizer, 10, 4, eta_min=0.5)
    for t in range(14):
        place = (min(t, 10) - 4) / 6
        expected = 2.0 * t / 4 if t < 4 else 0.5 + 1.5 * (1 + math.cos(math.pi * place)) / 2
        assert optimizer.lr == pytest.approx(expected)
        schedule.step()
    with pytest.raises(ValueError, match="warmup_steps < total_steps, got 3 and 3"):
        schedules.CosineWithWarmup(optimizer, 3, 3)


@pytest.mark.parametrize(("name", "make"), OWN)
def test_compiled_steps_read_the_rate(name: str, make: Any) -> None:
    """The rate is an input of the program: no tracing again, and the bits of eager steps."""

    def train(compiled: bool) -> Any:
        a, b = nn.Parameter(pydl.ones(3)), nn.Parameter(pydl.ones(3))
        optimizer = optim.Adam([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.2)
        schedule = make(schedules, optimizer)

        def step() -> Any:
            optimizer.zero_grad()
            ((a * b - 3) ** 2).sum().backward()
            optimizer.step()
            return a.detach() + b.detach()

        function = pydl.compile(step, state=[a, b, optimizer]) if compiled else step
        found = []
        for _ in range(10):
            found.append(function().tolist())
            schedule.step()
        if compiled:
            assert function.traces == 1
        return found

    assert train(True) == train(False)


def test_schedules_are_not_stepped_in_compiled_functions() -> None:
    optimizer = make_optimizer()
    schedule = schedules.StepLR(optimizer, 2)
    with pytest.raises(pydl.TraceError, match=r"StepLR.step: schedules are stepped outside"):
        pydl.compile(lambda: schedule.step(), state=[optimizer])()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: schedules.StepLR(o, 0), "StepLR: expected step_size to be an integer"),
        (lambda o: schedules.ConstantLR(o, factor=2.0), r"expected factor in \(0, 1\], got 2.0"),
        (lambda o: schedules.LinearLR(o, 0.0), "expected start_factor"),
        (lambda o: schedules.OneCycleLR(o, 1.0), "expected total_steps, or epochs"),
        (lambda o: schedules.CyclicLR(o, 0.1, [1.0]), "expected max_lr for 2 groups, got 1"),
        (lambda o: schedules.LambdaLR(o, [abs]), "expected functions for 2 groups, got 1"),
        (lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [1]), "0 milestones"),
        (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), r"factor in \[0, 1\)"),
        (lambda o: schedules.ChainedScheduler([]), "expected schedulers, got none"),
        (lambda o: schedules.SWALR(o, -0.1), "SWALR: expected swa_lr of at least 0"),
        (lambda o: schedules.SWALR(o, 0.1, -1), "SWALR: expected anneal_epochs of at least 0"),
        (lambda o: schedules.SWALR(o, 0.1, 2.5), "SWALR: expected anneal_epochs to be an int"),
        (lambda o: schedules.SWALR(o, 0.1, 2, "sine"), "SWALR: expected anneal_strategy"),
    ],
)
def test_arguments_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(make_optimizer())


def test_onecycle_ends() -> None:
    schedule = schedules.OneCycleLR(make_optimizer(), 1.0, total_steps=2)
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="at most 2 steps"):
        schedule.step()


# --- fit ----------------------------------------------------------------------------------------


def make_model(**options: Any) -> Any:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model.compile(optimizer, "mse", **options)
    return model, optimizer


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("on_nan", ["warn", "skip"])
def test_fit_takes_a_function_of_the_step(jit: bool, on_nan: Any) -> None:
    seen: list[int] = []

    def rate(step: int) -> float:
        seen.append(step)
        return 0.1 / (1 + step)

    model, optimizer = make_model(learning_rate=rate, jit=jit)
    model.fit(*data(), batch_size=8, epochs=2, verbose=0, on_nan=on_nan)
    assert seen == list(range(8))
    assert optimizer.lr == 0.1 / 8


def test_compile_takes_a_rate() -> None:
    model, optimizer = make_model(learning_rate=0.03)
    assert optimizer.lr == 0.03
    model.compile("adamax", "mse", learning_rate=0.02)
    assert model.optimizer.lr == 0.02


@pytest.mark.parametrize("every", ["epoch", "step"])
def test_fit_steps_schedules(every: Any) -> None:
    model, optimizer = make_model()
    schedule = schedules.SequentialLR(
        optimizer,
        [schedules.ConstantLR(optimizer, 0.5, 9), schedules.ExponentialLR(optimizer, 0.5)],
        [2],
    )
    callback = pydl.training.LearningRateScheduler(schedule, every)
    model.fit(*data(), batch_size=16, epochs=3, verbose=0, callbacks=[callback])
    assert schedule.last_epoch == (3 if every == "epoch" else 6)
    state = callback.state_dict()
    assert all(isinstance(value, pydl.Tensor) for value in state.values())
    before = schedule.state_dict()
    schedule.step()
    callback.load_state_dict(state)
    assert schedule.state_dict() == before
    with pytest.raises(ValueError, match="LearningRateScheduler.load_state_dict: expected"):
        callback.load_state_dict({})


def test_fit_watches_plateaus_and_functions() -> None:
    model, optimizer = make_model()
    plateau = schedules.ReduceLROnPlateau(
        optimizer, patience=0, threshold=1e6, threshold_mode="abs"
    )
    callback = pydl.training.LearningRateScheduler(plateau, monitor="loss")
    model.fit(*data(), epochs=3, verbose=0, callbacks=[callback])
    assert optimizer.lr == pytest.approx(0.001)
    model.fit(
        *data(), epochs=3, verbose=0,
        callbacks=[pydl.training.LearningRateScheduler(lambda epoch: 0.5 - epoch / 10)],
    )  # fmt: skip
    assert optimizer.lr == pytest.approx(0.3)
    with pytest.raises(ValueError, match="expected monitor to be one of loss; got 'val_loss'"):
        model.fit(*data(), callbacks=[pydl.training.LearningRateScheduler(plateau)], verbose=0)
    other = schedules.StepLR(make_optimizer(), 2)
    with pytest.raises(ValueError, match="schedule of the model's optimizer"):
        model.fit(*data(), callbacks=[pydl.training.LearningRateScheduler(other)], verbose=0)


def test_rate_finder() -> None:
    model, optimizer = make_model()
    x, y = (pydl.tensor(a) for a in data())
    before = [p.tolist() for p in model.parameters()]

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        loss = ((model(batch[0]) - batch[1]) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    found = optim.find_learning_rate(step, optimizer, [(x, y)], highest=100.0)
    assert 1e-3 < found.suggestion < 2.0
    assert len(found.rates) == len(found.losses) < 100  # it diverged before
    assert [p.tolist() for p in model.parameters()] == before
    assert optimizer.lr == 0.1 and optimizer.steps == 0
    with pytest.raises(ValueError, match="expected batches, got none"):
        optim.find_learning_rate(step, optimizer, [])
    with pytest.raises(ValueError, match="expected 0 < lowest < highest"):
        optim.find_learning_rate(step, optimizer, [(x, y)], lowest=1.0, highest=0.1)


def test_a_schedule_as_the_learning_rate_of_compile_says_where_it_goes() -> None:
    model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    schedule: Any = pydl.optim.lr_scheduler.StepLR(optimizer, 2)
    with pytest.raises(TypeError, match=r"got StepLR; a schedule goes to the callback"):
        model.compile(optimizer, "mse", learning_rate=schedule)
    wrong: Any = "0.1"
    with pytest.raises(TypeError, match=r"learning_rate as a number or a function .* got str"):
        model.compile(optimizer, "mse", learning_rate=wrong)


@pytest.mark.parametrize(("name", "make"), OWN)
def test_rates_ahead_are_those_to_come(name: str, make: Any) -> None:
    optimizer = make_optimizer()
    schedule = make(schedules, optimizer)
    schedule.step()
    state, groups = schedule.state_dict(), [dict(view) for view in optimizer.param_groups]
    ahead = schedule.rates_ahead(9)
    assert schedule.state_dict() == state
    assert [{**view, "params": None} for view in optimizer.param_groups] == [
        {**group, "params": None} for group in groups
    ]
    for expected in ahead[:-1]:
        assert [group.lr for group in optimizer.groups] == expected
        schedule.step()
    assert [group.lr for group in optimizer.groups] == ahead[-1]


def test_schedules_are_drawn() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = schedules.CosineWithWarmup(make_optimizer(), 12, 4).plot(12)
    lines = axes.get_lines()
    assert [len(line.get_ydata()) for line in lines] == [13, 13]
    assert max(lines[0].get_ydata()) == pytest.approx(0.2)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["group 0", "group 1"]
