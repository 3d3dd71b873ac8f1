"""Changes of objects are noticed however they are made, also after many calls without any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pydl
from pydl import nn

SCALE = 2.0
UNREAD = 0


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 2.0
        self.inner = nn.Linear(2, 2)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return self.inner(x) * self.scale


def assign(layer: Scaled, value: float) -> None:
    layer.scale = value


def assign_in_dict(layer: Scaled, value: float) -> None:
    vars(layer)["scale"] = value


def update_dict(layer: Scaled, value: float) -> None:
    layer.__dict__.update(scale=value)


def delete_and_assign(layer: Scaled, value: float) -> None:
    del layer.scale
    layer.scale = value


def bypass(layer: Scaled, value: float) -> None:
    object.__setattr__(layer, "scale", value)


@pytest.mark.parametrize("change", [assign, assign_in_dict, update_dict, delete_and_assign, bypass])
def test_an_attribute_that_changes_is_noticed(change: Callable[[Scaled, float], None]) -> None:
    layer = Scaled()
    x = pydl.ones((3, 2))
    compiled = pydl.compile(layer)
    with pydl.no_grad():
        for value in (2.0, 3.0, 3.0, 5.0):
            change(layer, value)
            for _ in range(20):
                result = compiled(x)
            assert np_equal(result, layer(x))
        assert compiled.traces == 3


def test_what_comes_back_needs_no_trace() -> None:
    layer = Scaled()
    x = pydl.ones((3, 2))
    compiled = pydl.compile(layer)
    with pydl.no_grad():
        for value in (2.0, 3.0) * 10:
            layer.scale = value
            assert np_equal(compiled(x), layer(x))
    assert compiled.traces == 2


def test_new_attributes_are_noticed() -> None:
    layer = Scaled()
    x = pydl.ones((3, 2))
    compiled = pydl.compile(layer)
    compiled(x), compiled(x)
    layer.another = 1
    compiled(x), compiled(x)
    assert compiled.traces == 2
    del layer.another
    compiled(x)
    assert compiled.traces == 2  # as it was before
    del layer.scale
    layer.another = 1  # as many as before, but not the same
    with pytest.raises(AttributeError):
        compiled(x)


def test_global_variables_beside_those_that_are_read_do_not_count() -> None:
    global SCALE, UNREAD
    compiled = pydl.compile(lambda x: x * SCALE)
    x = pydl.ones((2,))
    for i in range(10):
        UNREAD = i
        assert compiled(x).tolist() == [2.0, 2.0]
    assert compiled.traces == 1
    SCALE = 4.0
    try:
        assert compiled(x).tolist() == [4.0, 4.0]
        assert compiled.traces == 2
    finally:
        SCALE = 2.0


def test_layers_that_are_replaced_are_noticed() -> None:
    layer = Scaled()
    compiled = pydl.compile(layer)
    x = pydl.ones((3, 2))
    with pydl.no_grad():
        for _ in range(3):
            compiled(x)
        layer.inner = nn.Linear(2, 2)
        for _ in range(3):
            assert np_equal(compiled(x), layer(x))
        assert compiled.traces == 2
        layer.eval()
        for _ in range(3):
            compiled(x)
        assert compiled.traces == 3


def np_equal(a: Any, b: Any) -> bool:
    return bool((a.numpy() == b.numpy()).all())
