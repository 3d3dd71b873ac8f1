"""Attributes of optimisers: options take effect, everything else is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import pydl
from pydl import optim

OPTIMIZERS = [
    cls
    for cls in (getattr(optim, name) for name in optim.__all__)
    if inspect.isclass(cls) and issubclass(cls, optim.Optimizer) and cls is not optim.Optimizer
    if not cls.needs_closure
]

OTHER_VALUES = {
    "lr": 0.05,
    "momentum": 0.7,
    "dampening": 0.3,
    "weight_decay": 0.2,
    "nesterov": True,
    "betas": (0.5, 0.6),
    "eps": 0.1,
    "alpha": 0.4,
    "decoupled_weight_decay": True,
    "maximize": True,
    "clip_norm": 0.5,
    "clip_value": 0.5,
    "amsgrad": True,
    "centered": True,
    "lr_decay": 0.5,
    "initial_accumulator_value": 0.5,
    "rho": 0.3,
    "momentum_decay": 0.5,
    "etas": (0.3, 1.5),
    "step_sizes": (0.001, 0.02),
    "ns_steps": 2,
    "ns_coefficients": (2.0, -1.5, 0.5),
    "adjust_lr_fn": "match_rms_adamw",
}
# Directions whose size does not matter.
NO_EFFECT = {
    ("Lion", "clip_norm"), ("Lion", "clip_value"), ("Rprop", "clip_norm"), ("Rprop", "clip_value"),
    ("Muon", "clip_norm"), ("Muon", "clip_value"), ("Muon", "eps"), ("Muon", "momentum"),
    ("Muon", "nesterov"),
    # Gradients are in proportion to the parameters here, so weight decay changes their size alone.
    ("Adadelta", "weight_decay"), ("Adagrad", "weight_decay"), ("Adamax", "weight_decay"),
    ("NAdam", "weight_decay"),
    # What counts at the first step alone, or after more steps than these.
    ("Adagrad", "initial_accumulator_value"), ("Rprop", "lr"), ("Rprop", "step_sizes"),
    ("Lion", "betas"), ("RAdam", "eps"),
}  # fmt: skip


def _options(cls):
    signature = inspect.signature(cls.__init__)
    return [name for name in signature.parameters if name not in ("self", "parameters")]


CASES = [
    (cls, name)
    for cls in OPTIMIZERS
    for name in _options(cls)
    if (cls.__name__, name) not in NO_EFFECT
]


def test_all_options_of_all_optimizers_are_walked():
    assert len(OPTIMIZERS) >= 4
    walked = {name for _, name in CASES} | {name for _, name in NO_EFFECT}
    assert walked == set(OTHER_VALUES)


def _steps(optimizer, weight, count, compiled):
    def step():
        loss = (weight * weight * pydl.tensor([1.0, 2.0, 3.0])).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = pydl.compile(step, state=[optimizer, weight]) if compiled else step
    for i in range(count):
        if i == count // 2:
            yield weight.tolist()
        run()
    yield weight.tolist()


def _weight():
    return pydl.nn.Parameter(pydl.tensor([[1.0, -2.0, 3.0]]))  # a matrix, for Muon


def _base(cls, name):
    """Options beside which the other one can be set."""
    if name == "amsgrad":  # the second moment must fall
        return {"betas": (0.5, 0.1), "lr": 0.2}
    if name == "decoupled_weight_decay":
        return {"weight_decay": 0.1}
    return {"momentum": 0.5} if name in ("dampening", "nesterov") else {}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("cls", "name"), CASES)
def test_an_option_that_is_set_is_like_one_that_is_given(cls, name, compiled):
    value, base = OTHER_VALUES[name], _base(cls, name)
    results = []
    for given in (False, True):
        weight = _weight()
        optimizer = cls([weight], **base, **({name: value} if given else {}))
        if not given:
            setattr(optimizer, name, value)
        assert getattr(optimizer, name) == value
        results.append(list(_steps(optimizer, weight, 4, compiled)))
    assert results[0] == results[1]
    plain = _weight()
    assert list(_steps(cls([plain], **base), plain, 4, compiled)) != results[0]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("cls", "name"), CASES)
def test_an_option_may_change_in_the_middle(cls, name, compiled):
    endings = []
    for change in (False, True):
        weight = _weight()
        optimizer = cls([weight], **_base(cls, name))
        steps = _steps(optimizer, weight, 6, compiled)
        next(steps)
        if change:
            setattr(optimizer, name, OTHER_VALUES[name])
        endings.append(next(steps))
    assert endings[0] != endings[1]
    assert np.isfinite(endings).all()


@pytest.mark.parametrize("cls", OPTIMIZERS)
def test_what_is_no_attribute_is_refused(cls):
    optimizer = cls([_weight()])
    with pytest.raises(
        AttributeError, match=f"{cls.__name__} has no attribute 'learning_rate'.*lr"
    ):
        optimizer.learning_rate = 0.1
    if "weight_decay" in _options(cls):
        with pytest.raises(AttributeError, match="did you mean 'weight_decay'"):
            optimizer.weight_decy = 0.1
    with pytest.raises(AttributeError, match="its options are lr, "):
        optimizer.qqq = 0.1
    with pytest.raises(AttributeError, match="did you mean 'lr'"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match="groups are fixed"):
        optimizer.groups = ()
    for name in ("steps", "parameters"):
        with pytest.raises(AttributeError):
            setattr(optimizer, name, 3)
    with pytest.raises(AttributeError):
        optimizer.groups[0].momentun = 0.1


@pytest.mark.parametrize("cls", OPTIMIZERS)
def test_a_value_out_of_range_changes_nothing(cls):
    optimizer = cls([_weight()])
    before = repr(optimizer)
    name = "weight_decay" if "weight_decay" in _options(cls) else "clip_norm"
    with pytest.raises(ValueError, match="weight_decay|norm to clip by"):
        setattr(optimizer, name, -1.0)
    assert repr(optimizer) == before


def test_momentum_switched_off_and_on_keeps_the_step_count():
    weight = _weight()
    optimizer = optim.SGD([weight], lr=0.01, momentum=0.9)
    for momentum in (0.9, 0.0, 0.5):
        optimizer.momentum = momentum
        list(_steps(optimizer, weight, 2, compiled=True))
    assert optimizer.steps == 6
    assert ("0.velocity" in optimizer.state_dict()) is True


def test_options_hold_for_all_groups():
    first, second = _weight(), _weight()
    optimizer = optim.SGD([{"params": [first]}, {"params": [second], "momentum": 0.9}], lr=0.01)
    optimizer.weight_decay = 0.25
    assert [group.options["weight_decay"] for group in optimizer.groups] == [0.25, 0.25]
    assert [group.options["momentum"] for group in optimizer.groups] == [0.0, 0.9]


def test_options_are_not_set_in_compiled_functions():
    weight = _weight()
    optimizer = optim.SGD([weight])

    @pydl.compile(state=[optimizer])
    def step(x):
        optimizer.momentum = 0.5
        return x

    with pytest.raises(pydl.TraceError, match="SGD.momentum: options are set outside"):
        step(pydl.ones((1,)))


def test_optimizers_of_users_may_have_attributes_of_their_own():
    class Mine(optim.SGD):
        def __init__(self, parameters):
            super().__init__(parameters, lr=0.1)
            self.history = []

    optimizer = Mine([_weight()])
    optimizer.note = "x"
    assert optimizer.history == [] and optimizer.note == "x"
    with pytest.raises(AttributeError, match="did you mean 'lr'"):
        optimizer.learning_rate = 1.0
