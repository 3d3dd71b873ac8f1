"""Rows of `CHANGES` that read attributes: of objects, classes, modules, functions and layers."""

from __future__ import annotations

import dataclasses
import functools
import types
from pathlib import Path
from typing import Any

from compiled.changes import Row, row

import pydl
from pydl import nn


class Settings:
    shared = 2.0

    def __init__(self) -> None:
        self.rate = 2.0
        self.rates = {"low": [2.0, 3.0]}
        self.inner: Any = None

    def scaled(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.rate

    @property
    def doubled(self) -> float:
        return self.rate * 2

    def __call__(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + self.rate


class Slots:
    __slots__ = ("rate",)

    def __init__(self) -> None:
        self.rate = 2.0

    def scaled(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.rate


@dataclasses.dataclass
class Data:
    rate: float = 2.0


settings = Settings()
slots = Slots()
data = Data()
many = [Settings(), Settings()]
losses: dict[str, Any] = {}
module = types.ModuleType("settings_of_the_user")
module.__file__ = str(Path(__file__).with_name("settings_of_the_user.py"))


def with_default(x: pydl.Tensor, options: dict[str, float] = {"rate": 2.0}) -> pydl.Tensor:  # noqa: B006
    return x * options["rate"]


def of_settings(x: pydl.Tensor, given: Settings) -> pydl.Tensor:
    return x * given.rate


def with_attribute(x: pydl.Tensor) -> pydl.Tensor:
    return x * with_attribute.rate  # type: ignore[attr-defined]


with_attribute.rate = 2.0  # type: ignore[attr-defined]
bound = settings.scaled
partial = functools.partial(lambda x, rate: x * rate, rate=2.0)


def reset() -> None:
    """Put everything back that the rows change."""
    for each in (settings, *many):
        vars(each).clear()
        each.__init__()  # type: ignore[misc]
    Settings.scaled = _SCALED  # type: ignore[method-assign]
    Settings.shared = Data.rate = slots.rate = data.rate = 2.0
    module.rate = with_attribute.rate = 2.0  # type: ignore[attr-defined]
    partial.keywords["rate"] = 2.0
    losses["a"] = nn.MSELoss()
    with_default.__defaults__[0]["rate"] = 2.0  # type: ignore[index]


_SCALED = Settings.scaled


@row
def attribute() -> Row:
    return lambda x: x * settings.rate, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_attribute() -> Row:
    settings.inner = Settings()
    return lambda x: x * settings.inner.rate, lambda: setattr(settings.inner, "rate", 5.0)


@row
def container_in_an_attribute() -> Row:
    change = lambda: settings.rates["low"].__setitem__(0, 5.0)  # noqa: E731
    return lambda x: x * settings.rates["low"][0], change


@row
def attribute_by_an_alias() -> Row:
    def step(x: pydl.Tensor) -> pydl.Tensor:
        mine = settings
        return x * mine.rate

    return step, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_by_getattr() -> Row:
    return lambda x: x * getattr(settings, "ra" + "te"), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_argument() -> Row:
    return lambda x: of_settings(x, settings), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_an_item() -> Row:
    return lambda x: x * many[1].rate, lambda: setattr(many[1], "rate", 5.0)


@row
def attribute_in_a_loop() -> Row:
    return lambda x: x * sum(each.rate for each in many), lambda: setattr(many[1], "rate", 5.0)


@row
def attribute_in_a_method() -> Row:
    return lambda x: settings.scaled(x), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_in_a_bound_method() -> Row:
    return lambda x: bound(x), lambda: setattr(settings, "rate", 5.0)


@row
def attribute_in_a_property() -> Row:
    return lambda x: x * settings.doubled, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_a_callable() -> Row:
    return settings, lambda: setattr(settings, "rate", 5.0)


@row
def attribute_of_a_class() -> Row:
    return lambda x: x * Settings.shared, lambda: setattr(Settings, "shared", 5.0)


@row
def attribute_of_a_class_by_an_object() -> Row:
    return lambda x: x * settings.shared, lambda: setattr(Settings, "shared", 5.0)


@row
def attribute_that_hides_one_of_the_class() -> Row:
    return lambda x: x * settings.shared, lambda: setattr(settings, "shared", 5.0)


@row
def attribute_in_slots() -> Row:
    return lambda x: x * slots.rate, lambda: setattr(slots, "rate", 5.0)


@row
def attribute_in_slots_by_a_method() -> Row:
    return lambda x: slots.scaled(x), lambda: setattr(slots, "rate", 5.0)


@row
def attribute_of_a_dataclass() -> Row:
    return lambda x: x * data.rate, lambda: setattr(data, "rate", 5.0)


@row
def attribute_of_a_module() -> Row:
    return lambda x: x * module.rate, lambda: setattr(module, "rate", 5.0)


@row
def attribute_of_a_function() -> Row:
    return with_attribute, lambda: setattr(with_attribute, "rate", 5.0)


@row
def method_of_a_class() -> Row:
    return lambda x: settings.scaled(x), lambda: setattr(Settings, "scaled", lambda self, x: x * 7)


@row
def default_argument() -> Row:
    return lambda x: with_default(x), lambda: with_default.__defaults__[0].update(rate=5.0)


@row
def partial_function() -> Row:
    return lambda x: partial(x), lambda: partial.keywords.update(rate=5.0)


@row
def attribute_of_a_layer() -> Row:
    class Scale(nn.Module):
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.scale if hasattr(self, "scale") else x

    layer = Scale()
    return layer, lambda: setattr(layer, "scale", 3.0)


@row
def option_of_a_loss_in_a_dict() -> Row:
    return lambda x: losses["a"](x, x * 0), lambda: setattr(losses["a"], "reduction", "sum")
