"""Malformed program files give errors that say what is wrong and where, and never do harm."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pydl
from pydl import nn, optim
from pydl.interop.safetensors import load_with_metadata

Json = Any
Tensors = dict[str, pydl.Tensor]
HUGE = 2**62


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tensors, Json]:
    """A step with states, a view, constants, numbers of the batch and generators."""
    path = tmp_path_factory.mktemp("base") / "base.pydl"
    layer = nn.Linear(3, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    table = pydl.zeros((4, 3))
    row = table[1]

    def train(x: pydl.Tensor, y: pydl.Tensor) -> dict[str, pydl.Tensor]:
        noisy = pydl.dropout(x, 0.5) + row + pydl.tensor([1.0, 2.0, 3.0])
        loss = ((layer(noisy) - y) ** 2).sum() / x.shape[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach(), "mean": x.mean((0, 1))}

    step = pydl.compile(train, state=[layer, optimizer, table, row])
    pydl.save_program(path, step, (pydl.zeros((2, 3)), pydl.zeros((2, 2))))
    tensors, metadata = load_with_metadata(path)
    return tensors, json.loads(metadata["pydl.program"])


def _load(path: Path, tensors: Tensors, program: Any) -> Any:
    text = program if isinstance(program, str) else json.dumps(program)
    pydl.save(path / "bad.pydl", tensors, {"pydl.program": text})
    return pydl.load(path / "bad.pydl")


def _call(f: Json, op: str) -> Json:
    return next(call for call in f["calls"] if call[0] == op)


def _set(*keys: Any, to: Any) -> Callable[[Json], None]:
    """Change one value of the first function, or (keys that begin with a dot) of the program."""

    def change(program: Json) -> None:
        place = program["functions"][0]
        if keys[0] == ".":
            place = program
        for key in keys[1 if keys[0] == "." else 0 : -1]:
            place = _call(place, key[1:]) if str(key).startswith("@") else place[key]
        place[keys[-1]] = to

    return change


def _without(*keys: Any) -> Callable[[Json], None]:
    def change(program: Json) -> None:
        place = program["functions"][0]
        for key in keys[:-1]:
            place = _call(place, key[1:]) if str(key).startswith("@") else place[key]
        del place[keys[-1]]

    return change


def _append(*keys: Any, value: Any) -> Callable[[Json], None]:
    def change(program: Json) -> None:
        place = program["functions"][0]
        for key in keys:
            place = place[key]
        place.append(value)

    return change


def _twice(program: Json) -> None:
    program["functions"].append(program["functions"][0])


def _called(op: str, inputs: list[int], attrs: Json | None = None) -> Callable[[Json], None]:
    """One more call."""
    return _append("calls", value=[op, inputs, attrs or {}])


_WINDOWS = {
    "kernel": [2], "stride": [2], "padding": [0], "dilation": [1], "size": [1], "adaptive": False,
}  # fmt: skip

# Values: x, y, then states.
CASES: dict[str, tuple[Callable[[Json], None], str]] = {
    "newer format": (_set(".", "format", to=3), "format: this version .* formats 1 to 2, got 3"),
    "format as text": (_set(".", "format", to="1"), "format: expected an integer"),
    "no functions": (_set(".", "functions", to=[]), "functions: expected at least one"),
    "functions as object": (_set(".", "functions", to={}), "functions: expected an array"),
    "class names": (_set(".", "class_names", to=[1]), r"class_names\[0\]: expected a string"),
    "preprocessing": (
        _set(".", "preprocessing", to={"mean": ["x"]}),
        r"preprocessing.mean\[0\]: expected a number",
    ),
    "generator name": (_set(".", "generators", to=["?"]), r"generators\[0\]: there is no tensor"),
    "generator shape": (
        _set(".", "generators", to=["constant.0"]),
        r"generators\[0\]: set_state: expected int64 of shape \(2,\)",
    ),
    "equal functions": (_twice, r"functions\[1\]: another function has this name"),
    "function as text": (
        _set(".", "functions", 0, to="f"),
        r"functions\[0\]: there is no 'states'",
    ),
    "input name": (_set("inputs", 1, "name", to="x"), r"inputs\[1\]: another input has this name"),
    "input dtype": (_set("inputs", 0, "dtype", to="float31"), r"inputs\[0\].dtype: .*float31"),
    "negative input": (_set("inputs", 0, "shape", to=[-1]), r"inputs\[0\]: a size is negative"),
    "falling input": (
        _set("inputs", 0, "shape", to=[{"batch": -1, "plus": 9}]),
        r"inputs\[0\]: a size is negative",
    ),
    "huge input": (_set("inputs", 0, "shape", to=[HUGE]), r"inputs\[0\]: sizes .* too large"),
    "overflowing input": (
        _set("inputs", 0, "shape", to=[2**31, 2**31, 2**31]),
        r"inputs\[0\]: sizes .* too large",
    ),
    "overflowing batch": (
        _set("inputs", 0, "shape", to=[{"batch": 2**63 - 1, "plus": 2**63 - 1}]),
        r"inputs\[0\]: a batch of 2 is too large",
    ),
    "rank": (_set("inputs", 0, "shape", to=[1] * 99), r"inputs\[0\].shape: expected at most"),
    "size as number": (
        _set("inputs", 0, "shape", to=[1.5]),
        r"inputs\[0\].shape\[0\]: expected an integer",
    ),
    "size out of range": (
        _set("inputs", 0, "shape", to=[2**64]),
        r"inputs\[0\].shape\[0\]: expected an integer",
    ),
    "unknown state": (_set("states", 0, to="?"), r"states\[0\]: there is no tensor '\?'"),
    "state as number": (_set("states", 0, to=1), r"states\[0\]: expected a string"),
    "view of no state": (_set("views", 0, "state", to=99), r"views\[0\].state: expected 0 to"),
    "negative view": (_set("views", 0, "offset", to=-1), r"views\[0\]: .* outside its state"),
    "view behind": (_set("views", 0, "offset", to=10), r"views\[0\]: .* outside its state"),
    "view far behind": (_set("views", 0, "offset", to=2**63 - 1), r"views\[0\]: .* outside"),
    "strides that overflow": (_set("views", 0, "strides", to=[HUGE]), r"views\[0\]: .* outside"),
    "strides before": (_set("views", 0, "strides", to=[-3]), r"views\[0\]: .* outside"),
    "view without strides": (_set("views", 0, "strides", to=[]), r"views\[0\]: .* outside"),
    "huge view": (
        lambda p: p["functions"][0]["views"][0].update(shape=[HUGE], strides=[0]),
        r"views\[0\]: sizes .* are too large",
    ),
    "unknown constant": (_set("constants", 0, to="?"), r"constants\[0\]: there is no tensor"),
    "state as constant": (
        lambda p: p["functions"][0]["constants"].__setitem__(0, p["functions"][0]["states"][0]),
        r"constants\[0\]: .* is a state",
    ),
    "constant of integers": (
        _set("constants", 0, to={"dtype": "int64", "number": 1}),
        r"constants\[0\].dtype: expected a floating-point dtype",
    ),
    "constant that is closed": (
        _set("constants", 0, to={"dtype": "float32", "number": {"top": 1, "bottom": 2}}),
        r"constants\[0\].number: expected a quotient that depends on the batch",
    ),
    "generator number": (_set("generators", 0, to=7), r"generators\[0\]: expected 0 to 0, got 7"),
    "calls as text": (_set("calls", to="all"), "calls: expected an array"),
    "empty call": (_set("calls", 0, to=[]), r"calls\[0\]: expected more than 0 elements, got 0"),
    "unknown op": (_set("calls", 1, 0, to="magic"), r"calls\[1\]\[0\]: there is no op 'magic'"),
    "op as number": (_set("calls", 1, 0, to=1), r"calls\[1\]\[0\]: expected a string"),
    "no inputs": (_set("calls", 1, to=["add"]), r"calls\[1\]: expected more than 1 elements"),
    "too few inputs": (_set("@add", 1, to=[0]), r"calls\[\d+\]: add: expected 2 .*got 1"),
    "too many inputs": (_set("@mean", 1, to=[0, 0]), r"calls\[\d+\]: mean: expected 1 .*got 2"),
    "an input of later": (_set("@add", 1, 0, to=10**6), r"calls\[\d+\]\[1\]\[0\]: expected 0 to"),
    "its own input": (
        lambda p: _set("calls", 1, 1, 0, to=_first_result(p["functions"][0]) + 1)(p),
        r"calls\[1\]\[1\]\[0\]: expected 0 to",
    ),
    "negative input number": (_set("@add", 1, 0, to=-1), r"\[1\]\[0\]: expected 0 to \d+, got -1"),
    "unknown draw": (_set("@draw", 1, to=3), r"calls\[0\]\[1\]: expected 0 to 0, got 3"),
    "unknown attribute": (_set("@mean", 2, "extra", to=1), "mean has no attribute 'extra'"),
    "missing attribute": (_without("@mean", 2, "axes"), "mean: lacks its attribute 'axes'"),
    "mistyped attribute": (_set("@mean", 2, "keepdims", to=1), "keepdims: expected true or false"),
    "mistyped dims": (_set("@mean", 2, "axes", to=1), "axes: expected an array"),
    "axis outside": (_set("@mean", 2, "axes", to=[7]), "mean: axis 7 is outside"),
    "axis of extremes": (_set("@mean", 2, "axes", to=[-(2**63)]), "are too large"),
    "attributes as array": (_set("@mean", 2, to=[]), r"calls\[\d+\]\[2\]: expected an object"),
    "region": (_append("calls", value=["negative", [0], {}, -1]), r"\]\[3\]: expected 0 to"),
    "region too large": (
        _append("calls", value=["negative", [0], {}, 2**40]),
        r"\]\[3\]: expected",
    ),
    "probability": (_set("@dropout", 2, "p", to="high"), r"\[2\].p: expected a number"),
    "missing results": (_set("results", to=[]), "results: expected 2 results"),
    "too many results": (_append("results", value=0), "results: expected 2 results"),
    "results outside": (_set("results", 0, to=10**9), r"results\[0\]: expected 0 to"),
    "result that is no JSON": (_set("result", to="{"), "result: expected a name in quotes"),
    "result of others": (_set("result", to='{"dict":{"a":2}}'), "result.dict.a: expected 0 to 1"),
    "result kind": (_set("result", to='{"set":[]}'), "result.set: expected one of"),
    "result as text": (_set("result", to='"all"'), "result: expected an object"),
    "two kinds": (_set("result", to='{"list":[],"tuple":[]}'), "result: expected one of"),
    # A call that only older files have.
    "inputs of an older op": (
        _called("max_pool_indices", [0, 0], _WINDOWS),
        r"calls\[\d+\]: max_pool_indices: expected 1 .*got 2",
    ),
    "attributes of an older op": (
        _called("max_pool_indices", [0]),
        r"calls\[\d+\]: max_pool_indices: lacks its attribute 'kernel'",
    ),
    "unknown attribute of an older op": (
        _called("max_pool_indices", [0], {**_WINDOWS, "divisor": 1}),
        "max_pool_indices has no attribute 'divisor'",
    ),
    "shape for an older op": (
        _called("max_pool_indices", [0], _WINDOWS),
        r"calls\[\d+\]: max_pool_\w+: expected a batch axis, channels and 1 to 3 spatial axes",
    ),
    # What ops say about calls.
    "huge full": (
        _called("full", [], {"shape": [HUGE], "dtype": "float32", "value": 0}),
        r"calls\[\d+\]: sizes .* are too large",
    ),
    "overflowing full": (
        _called("full", [], {"shape": [2**40, 2**40], "dtype": "float32", "value": 0}),
        r"calls\[\d+\]: sizes .* are too large",
    ),
    "negative full": (
        _called("full", [], {"shape": [-1], "dtype": "float32", "value": 0}),
        r"calls\[\d+\]: full: .*-1",
    ),
    "long range": (
        _called("arange", [], {"start": 0, "step": 1, "count": HUGE, "dtype": "int64"}),
        r"calls\[\d+\]: .* does not fit into memory",
    ),
    "dtypes": (_called("full", [], {"shape": [], "dtype": "int65", "value": 0}), "dtype: .*int65"),
    "overwritten argument": (_called("assign", [0, 0]), "assign: argument 0 .* is overwritten"),
    "overwritten constant": (
        lambda p: _called("assign", [_first_result(p["functions"][0]) - 1] * 2)(p),
        "assign: a constant of a traced function is overwritten",
    ),
    "updates that overwrite all": (
        _called(
            "sgd_update",
            [0, 0],
            {"count": 9, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False},
        ),
        r"calls\[\d+\]: sgd_update: expected a count",
    ),
}


def _first_result(f: Json) -> int:
    return sum(len(f[part]) for part in ["inputs", "states", "views", "constants"])


@pytest.mark.parametrize("name", CASES)
def test_malformed_programs_say_where(
    name: str, base: tuple[Tensors, Json], tmp_path: Path
) -> None:
    tensors, program = base
    program = json.loads(json.dumps(program))
    change, message = CASES[name]
    change(program)
    with pytest.raises(ValueError, match=message) as error:
        _load(tmp_path, tensors, program)
    assert "bad.pydl: program: " in str(error.value)


def test_the_program_itself_loads(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    program = _load(tmp_path, *base)
    assert program(pydl.ones((4, 3)), pydl.ones((4, 2)))["mean"].item() == 1.0


def test_a_draw_that_is_no_generator(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    changed = json.loads(json.dumps(program))
    function = changed["functions"][0]
    draw = _first_result(function)
    for op, inputs, message in [
        ("dropout", [draw, draw], r"calls\[1\]: dropout: input 0 is the state of a generator"),
        ("dropout", [draw, 0], r"calls\[1\]: dropout: input 0 is the state of a generator"),
        ("dropout", [draw], r"calls\[1\]: dropout: .*2 .*1"),
        ("dropout", [0, 0], r"calls\[1\]: dropout: expected a generator state"),
        ("negative", [draw], r"calls\[1\]: negative: input 0 is the state of a generator"),
        ("permutation", [draw], r"calls\[1\]: cannot draw \d+ numbers"),
        ("none", [], r"results\[0\]: the state of a generator that nothing draws from"),
    ]:
        attrs = {"dropout": {"p": 0.5}, "permutation": {"n": HUGE}}.get(op, {})
        function["calls"] = [["draw", 0], [op, inputs, attrs]][: 1 if op == "none" else 2]
        function["results"] = [draw if op == "none" else 0, 0]
        with pytest.raises(ValueError, match=message):
            _load(tmp_path, tensors, changed)


MEMBERS = ["name", "inputs", "outputs", "result", "states", "views", "constants", "generators"]


@pytest.mark.parametrize("member", [*MEMBERS, "calls", "results"])
def test_missing_members_are_named(member: str, base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    changed = json.loads(json.dumps(program))
    del changed["functions"][0][member]
    with pytest.raises(ValueError, match=rf"functions\[0\]: there is no '{member}'"):
        _load(tmp_path, tensors, changed)


@pytest.mark.parametrize(
    "member", ["format", "functions", "generators", "class_names", "preprocessing"]
)
def test_missing_parts_are_named(member: str, base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    changed = {key: value for key, value in program.items() if key != member}
    with pytest.raises(ValueError, match=f"there is no '{member}'"):
        _load(tmp_path, tensors, changed)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "1", "{", '{"format": 1}', '{"a": 1, "a": 2}', "[" * 100_000, "\x01"]
)
def test_metadata_that_is_no_program(text: str, base: tuple[Tensors, Json], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bad.pydl: program: "):
        _load(tmp_path, base[0], text)


def test_attributes_given_twice(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    text = json.dumps(base[1]).replace('"keepdims":', '"keepdims": true, "keepdims":', 1)
    with pytest.raises(ValueError, match="'keepdims' is given twice"):
        _load(tmp_path, base[0], text)


def test_missing_tensors_are_named(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    for name in tensors:
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(ValueError, match=re.escape(f"there is no tensor '{name}'")):
            _load(tmp_path, rest, program)


def test_tensors_of_other_shapes_and_dtypes(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    for name in program["functions"][0]["states"]:
        if tensors[name].shape == (4, 3):
            continue  # only a view of it is used
        for other in [pydl.zeros((7, 5)), tensors[name].astype("int8"), pydl.zeros((0,))]:
            with pytest.raises(ValueError, match=r"functions\[0\].(calls|views)\[\d+\]: "):
                _load(tmp_path, tensors | {name: other}, program)


def test_truncated_files(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    _load(tmp_path, tensors, program)
    whole = (tmp_path / "bad.pydl").read_bytes()
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    places = [0, 1, 7, 8, 9, header - 1, header, header + 1, len(whole) - 1]
    for size in {*places, *range(0, len(whole), 97)}:
        (tmp_path / "cut.pydl").write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut.pydl' is not a valid"):
            pydl.load(tmp_path / "cut.pydl")


def test_many_members_are_read_in_little_time(base: tuple[Tensors, Json], tmp_path: Path) -> None:
    tensors, program = base
    changed = json.loads(json.dumps(program))
    changed["preprocessing"] = {str(i): [0] for i in range(30_000)}
    assert len(_load(tmp_path, tensors, changed).preprocessing) == 30_000


def test_a_file_of_parameters_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds parameters, but no program"):
        pydl._core._SavedProgram.from_params({}, {}, "file")
