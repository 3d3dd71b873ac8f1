"""What may be compiled, and what goes in and out."""

from __future__ import annotations

import copy
import re
from collections import namedtuple
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from compiled.comparison import assert_same
from compiled.trainer import Trainer

import pydl
from pydl import nn

Pair = namedtuple("Pair", ["left", "right"])


class Batch(NamedTuple):
    x: pydl.Tensor
    y: pydl.Tensor
    name: str = ""


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


# --- what goes in and out -------------------------------------------------------------------------


def test_structures() -> None:
    def function(
        pair: Pair, items: list[Any], table: dict[str, Any], *rest: Any, **more: Any
    ) -> Any:
        return {
            "pair": Pair(pair.right * 2, pair.left),
            "items": [item + 1 for item in items],
            "table": {k: (v, None) for k, v in table.items()},
            "rest": rest,
            3: more,
            "batch": Batch(pair.left, items[0])._replace(name=None),
            "empty": ((), [], {}),
        }

    arguments = (
        Pair(random(2), random(3)),
        [random(1), random(0)],
        {"a": random(2), "b": random(2, 2)},
        random(4),
        (random(1), (random(2),)),
    )
    compiled = pydl.compile(function)
    expected = function(*arguments, extra=random(3))
    for _ in range(2):
        actual = compiled(*arguments, extra=random(3))
        assert_same(actual, expected)
        assert type(actual["pair"]) is Pair
        assert type(actual["batch"]) is Batch
    assert compiled.traces == 1


def test_named_tuples_with_static_fields() -> None:
    def function(batch: Batch) -> pydl.Tensor:
        return batch.x + batch.y if batch.name == "sum" else batch.x - batch.y

    compiled = pydl.compile(function)
    x, y = random(3), random(3, seed=1)
    for name in ("sum", "difference", "sum"):
        assert_same(compiled(Batch(x, y, name)), function(Batch(x, y, name)))
    assert compiled.traces == 2


def test_results_of_no_tensors_at_all() -> None:
    assert pydl.compile(lambda x: None)(random(3)) is None
    assert pydl.compile(lambda: ())() == ()
    assert pydl.compile(lambda: [None, {}])() == [None, {}]
    assert_same(pydl.compile(lambda: pydl.ones(2))(), pydl.ones(2))


def test_static_numbers_in_nested_arguments() -> None:
    compiled = pydl.compile(lambda c: c["x"] * c["options"]["scale"] + c["options"]["shift"][0])
    x = random(3)
    for scale in (2.0, 3.0, 2.0):
        config = {"x": x, "options": {"scale": scale, "shift": [1.0]}}
        assert_same(compiled(config), x * scale + 1.0)
    assert compiled.traces == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8", "bool"])
def test_arrays(dtype: str) -> None:
    rng = np.random.default_rng(0)
    compiled = pydl.compile(lambda x: (x + 1 if x.dtype != "bool" else x.logical_not()).sum(axis=0))

    def eager(array: Any) -> pydl.Tensor:
        x = pydl.tensor(array)
        return (x + 1 if x.dtype != "bool" else x.logical_not()).sum(axis=0)

    for _ in range(2):
        array = (rng.standard_normal((4, 6)) * 3).astype(dtype)
        for given in (array, array[::-1], np.asfortranarray(array)):
            assert_same(compiled(given), eager(given))
        assert_same(compiled(pydl.tensor(array)), eager(array))  # one program for both
    assert compiled.traces == 1


def test_arrays_are_read_at_each_call() -> None:
    compiled = pydl.compile(lambda x: x * 2)
    array = np.zeros(3, np.float32)
    assert compiled(array).tolist() == [0.0] * 3
    array[:] = 1
    assert compiled(array).tolist() == [2.0] * 3
    array.flags.writeable = False
    assert compiled(array).tolist() == [2.0] * 3
    assert compiled(np.array(5.0)).item() == 10.0
    nested = pydl.compile(lambda more: [more["a"] * 2.0, (more["b"][0],)])
    first, (second,) = nested({"a": pydl.ones(2), "b": [array]})
    assert (first.tolist(), second.tolist()) == ([2.0, 2.0], [1.0] * 3)


def test_numpy_scalars_are_numbers() -> None:
    compiled = pydl.compile(lambda x, s: x * s)
    for scale in (np.float64(2.0), np.float32(3.0), np.int64(4)):
        assert_same(compiled(random(3), scale), random(3) * scale)


# --- what is compiled -----------------------------------------------------------------------------


def test_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    compiled = pydl.compile(model)
    with pydl.no_grad():
        for k in range(3):
            assert_same(compiled(random(5, 3, seed=k)), model(random(5, 3, seed=k)), loosen=10)
            for parameter in model.parameters():
                parameter.copy_(parameter * 0.9)
    assert compiled.traces == 1


def test_methods() -> None:
    eager, first, second = Trainer(0), Trainer(0), Trainer(1)
    for k in range(3):
        x, y = random(8, 3, seed=k), random(8, 1, seed=k)
        assert_same(first.step(x, y), eager.plain(x, y), loosen=20)
        second.step(x, y)
        assert_same(first.model.state_dict(), eager.model.state_dict(), loosen=50)
    assert first.count.item() == 3
    assert first.step.traces == 1
    assert second.step is not first.step
    assert first.model.weight.tolist() != second.model.weight.tolist()


def test_method_of_another_name() -> None:
    class Holder:
        def plain(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

        fast = pydl.compile(plain)

    holder = Holder()
    for _ in range(3):
        assert_same(holder.fast(random(3)), random(3) * 2)
    assert not isinstance(holder.plain, pydl.compiler.CompiledFunction)
    assert holder.fast.traces == 1


def test_method_that_calls_that_of_its_base_class() -> None:
    class Base:
        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

    class Derived(Base):
        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return super().run(x) + 1

    derived = Derived()
    for _ in range(3):
        assert_same(derived.run(random(3)), random(3) * 2 + 1)


def test_bound_methods_declare_what_their_object_holds() -> None:
    class Owner:
        def __init__(self) -> None:
            self.hidden = {"a": pydl.ones(1)}

        def method(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.hidden["a"]

    assert pydl.compile(Owner().method)(pydl.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_methods_of_modules() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        @pydl.compile
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.layer(x).tanh()

    net = Net()
    with pydl.no_grad():
        for k in range(3):
            expected = net.layer(random(4, 3, seed=k)).tanh()
            assert_same(net(random(4, 3, seed=k)), expected, loosen=10)
            net.layer.weight.fill_(0.1 * k)
    assert [name for name, _ in net.named_parameters()] == ["layer.weight", "layer.bias"]


def test_copies_of_objects_with_compiled_methods() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        @pydl.compile
        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.layer(x)

    net = Net()
    x = random(4, 3)
    with pydl.no_grad():
        net(x)
        other = copy.deepcopy(net)
        other.layer.weight.fill_(0.0)
        assert_same(other(x), other.layer(x))
        assert_same(net(x), net.layer(x), loosen=10)


def test_methods_of_objects_with_slots() -> None:
    class Holder:
        __slots__ = ("scale",)

        def __init__(self) -> None:
            self.scale = pydl.tensor(2.0)

        @pydl.compile
        def run(self, x: pydl.Tensor) -> pydl.Tensor:
            return x * self.scale

    try:
        assert_same(Holder().run(random(3)), random(3) * 2)
    except pydl.TraceError as error:
        assert "self.scale" in str(error)


def test_decorated_functions_keep_their_names() -> None:
    @pydl.compile(state=[])
    def scaled(x: pydl.Tensor) -> pydl.Tensor:
        """Times two."""
        return x * 2

    assert scaled.__name__ == "scaled"
    assert scaled.__doc__ == "Times two."
    assert "not traced" in scaled.describe()
    scaled(random(3))
    assert "multiply" in scaled.describe()
    assert "arena" in scaled.describe()
    assert scaled.programs[0].to_dot().startswith("digraph")


def test_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = pydl.compile(lambda x: ((x * 1.0 + 2.0).tanh() @ x).sum(), explain=True)
    assert "not traced yet" in compiled.describe()
    for _ in range(3):
        compiled(random(40, 40))
    text = capsys.readouterr().out
    for name in ("trace", "canonicalize", "common_subexpressions", "dead_code", "fuse_elementwise"):
        assert f"== after {name} ==" in text
    assert "fused multiply" not in text
    assert "fused add+tanh" in text
    assert text.count("after fuse_elementwise") == 1  # at the trace only
    described = compiled.describe()
    assert "GFLOP/s" in described
    assert re.search(r"us, .* % of the time, .* GB/s, \d+ % of peak", described)
    assert "memory: arena" in described
    assert f"{Path(__file__).name}:" in described
    dot = compiled.programs[0].to_dot()
    assert dot.startswith("digraph {")
    assert "add+tanh" in dot
    for step in compiled.programs[0].steps():
        assert step["seconds"] > 0
        assert step["operands"]


def test_nested_compiled_functions() -> None:
    weight = nn.Parameter(random(3))
    inner = pydl.compile(lambda x: x * weight, state=weight)
    outer = pydl.compile(lambda x: inner(x) + inner(x * 2), state=weight)
    expected = random(3) * weight.detach() + random(3) * 2 * weight.detach()
    with pydl.no_grad():
        assert_same(outer(random(3)), expected)
        assert inner.traces == 0
        assert_same(inner(random(3)), random(3) * weight)
        weight.fill_(2.0)
        assert_same(outer(random(3)), random(3) * 6.0)
    assert (inner.traces, outer.traces) == (1, 1)


def test_undeclared_state_of_a_nested_function_is_named() -> None:
    weight = pydl.tensor([1.0, 2.0, 3.0])
    inner = pydl.compile(lambda x: x * weight, state=weight)
    with pytest.raises(pydl.TraceError, match="declared"):
        pydl.compile(lambda x: inner(x) + 1)(random(3))
    assert_same(inner(random(3)), random(3) * weight)


def test_recursion() -> None:
    @pydl.compile
    def power(x: pydl.Tensor, n: int) -> pydl.Tensor:
        return x if n == 1 else x * power(x, n - 1)

    assert_same(power(random(3), 4), random(3) * (random(3) * (random(3) * random(3))))
    assert power.traces == 1


def test_state_is_found_in_lists_and_dicts() -> None:
    a, b, c = (pydl.tensor(float(k)) for k in range(3))
    compiled = pydl.compile(lambda x: x * a + b * c, state=[[a], {"k": (b, [c])}])
    assert_same(compiled(random(3)), random(3) * 0.0 + 2.0)
    c.fill_(5.0)
    assert_same(compiled(random(3)), random(3) * 0.0 + 5.0)
