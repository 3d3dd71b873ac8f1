"""What users of PyTorch type about optimisers: `param_groups`, closures, named parameters."""

from __future__ import annotations

from typing import Any

import pytest

import pydl
from pydl import nn, optim


def make(**options: Any) -> optim.SGD:
    first, second = nn.Parameter(pydl.ones(2)), nn.Parameter(pydl.ones(3))
    return optim.SGD(
        [{"params": [first]}, {"params": [second], "lr": 0.5, "momentum": 0.25}], **options
    )


def test_rates_and_options_of_groups() -> None:
    optimizer = make(lr=0.1, momentum=0.9)
    for group in optimizer.param_groups:
        group["lr"] *= 0.5
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.25]
    assert [group.lr for group in optimizer.groups] == [0.05, 0.25]
    optimizer.param_groups[1]["momentum"] = 0.5
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.5]
    first = optimizer.param_groups[0]
    assert first["params"][0] is optimizer.parameters[0]
    assert set(first) == {"params", "lr", *first.keys()} and len(first) == len(list(first))
    assert "'lr': 0.05" in repr(first)


def test_a_group_of_its_own_momentum_steps_like_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours = make(lr=0.1, momentum=0.9)
    theirs = torch.optim.SGD(
        [
            {"params": [torch.nn.Parameter(torch.ones(2))]},
            {"params": [torch.nn.Parameter(torch.ones(3))], "lr": 0.5, "momentum": 0.25},
        ],
        lr=0.1,
        momentum=0.9,
    )
    for step in range(4):
        if step == 2:
            ours.param_groups[0]["momentum"] = theirs.param_groups[0]["momentum"] = 0.5
            ours.param_groups[1]["lr"] = theirs.param_groups[1]["lr"] = 0.05
        for mine, other in zip(ours.param_groups, theirs.param_groups, strict=True):
            (own,), (parameter,) = mine["params"], other["params"]
            own.grad = pydl.ones(own.shape) * (step + 1)
            parameter.grad = torch.ones_like(parameter) * (step + 1)
        ours.step()
        theirs.step()
    for mine, other in zip(ours.param_groups, theirs.param_groups, strict=True):
        assert mine["params"][0].tolist() == pytest.approx(other["params"][0].tolist())


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda o: o.param_groups[0].__setitem__("beta", 1), KeyError, "expected one of lr, mom"),
        (lambda o: o.param_groups[0].__setitem__("params", []), KeyError, "expected one of lr"),
        (lambda o: o.param_groups[0].__setitem__("momentum", -1), ValueError, "SGD: expected mom"),
        (lambda o: o.param_groups[0].pop("lr"), TypeError, "can be set, but not left out"),
        (lambda o: setattr(o, "param_groups", []), AttributeError, "groups are fixed"),
        (lambda o: o.add_param_group({}), AttributeError, "give all groups when the optimizer is"),
    ],
)
def test_what_cannot_be_changed(change: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        change(make(lr=0.1))


def test_steps_with_closures() -> None:
    weight = nn.Parameter(pydl.tensor([1.0]))
    optimizer = optim.SGD([weight], lr=0.25)

    def closure() -> pydl.Tensor:
        optimizer.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert weight.tolist() == [0.5]
    assert optimizer.step() is None


def test_named_parameters_are_parameters() -> None:
    layer = nn.Linear(2, 1)
    optimizer = optim.Adam(layer.named_parameters(), lr=0.1)
    assert [p is q for p, q in zip(optimizer.parameters, layer.parameters(), strict=True)] == [
        True, True,
    ]  # fmt: skip
