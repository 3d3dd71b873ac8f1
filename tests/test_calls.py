"""Wrong calls of public functions: `inspect` shows signatures, messages name what was called.

All public names are walked, so that what is added later is walked too.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core
from pydl._calls import core_arguments, right_name

MODULES = [
    "pydl", "pydl.nn", "pydl.nn.functional", "pydl.nn.init", "pydl.nn.utils", "pydl.optim",
    "pydl.data", "pydl.data.augmentation", "pydl.text", "pydl.training", "pydl.datasets",
    "pydl.models", "pydl.testing", "pydl.interop", "pydl.programs", "pydl.compiler", "pydl.random",
    "pydl.autograd", "pydl.autograd.functional", "pydl.linalg",
]  # fmt: skip
# No constructor, or that of an exception.
WITHOUT_CONSTRUCTOR = {"DType", "TraceError"}
ERRORS = (TypeError, ValueError, IndexError, RuntimeError, MemoryError, OverflowError)


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in getattr(module, "__all__", vars(module)):
        value = getattr(module, name)
        is_ours = (getattr(value, "__module__", None) or "pydl").startswith(module.__name__)
        if callable(value) and not name.startswith("_") and is_ours:
            yield name, value


def _callables() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for path in MODULES:
        for name, value in _public(importlib.import_module(path)):
            if name not in WITHOUT_CONSTRUCTOR and not isinstance(value, pydl.DType):
                found[f"{path}.{name}"] = value
    return found


def _methods() -> dict[str, Callable[..., Any]]:
    """Public methods of public classes, by ``module.class.method``."""
    found: dict[str, Callable[..., Any]] = {}
    for path, kind in [*_callables().items(), ("pydl.DType", pydl.DType)]:
        if not isinstance(kind, type) or pydl.Tensor in kind.__mro__[1:]:
            continue
        for name in dir(kind):
            member = getattr(kind, name)
            if not name.startswith("_") and callable(member):
                found[f"{path}.{name}"] = member
    return found


CALLABLES = _callables()
METHODS = _methods()
TENSOR_METHODS = [name for name in METHODS if name.startswith("pydl.Tensor.")]


def _takes_any_keyword(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(p.kind == p.VAR_KEYWORD for p in parameters)


def _message(call: Callable[[], object]) -> str:
    with pytest.raises(TypeError) as caught:
        call()
    return str(caught.value)


def _check_shape(message: str, name: str) -> None:
    if message == f"{name}() takes no arguments":
        return
    assert message.startswith(f"{name}: "), message
    assert len(message.splitlines()) <= 2, message
    assert "tensor([" not in message, message
    assert "array([" not in message, message


def for_each(paths: list[str]) -> Callable[[Callable[[str], None]], Callable[[], None]]:
    """Make one test of a check of thousands of paths, which takes less time than pytest per test.

    All paths that fail are told.
    """

    def decorate(check: Callable[[str], None]) -> Callable[[], None]:
        def test() -> None:
            failures = {}
            for path in paths:
                try:
                    check(path)
                except (Exception, pytest.fail.Exception) as error:
                    failures[path] = f"{type(error).__name__}: {error}"
            assert paths
            assert failures == {}

        return test

    return decorate


# --- signatures -----------------------------------------------------------------------------------


@for_each([*CALLABLES, *METHODS])
def test_signature_is_visible(path: str) -> None:
    function = CALLABLES.get(path) or METHODS[path]
    names = list(inspect.signature(function).parameters)
    assert not [name for name in names if re.fullmatch(r"arg\d+", name)]
    takes_any = "compile" in path or "forward" in path or path == "pydl.nn.Identity"
    assert names != ["args", "kwargs"] or takes_any, path


def test_signature_shows_names_and_defaults() -> None:
    assert str(inspect.signature(pydl.sum)) == "(x, axis=None, keepdims=False, *, dtype=None)"
    method = "(axis=None, keepdims=False, *, dtype=None, out=None)"
    assert str(inspect.signature(pydl.ones(2).sum)) == method
    assert str(inspect.signature(pydl.zeros)) == "(shape, dtype='float32', *, device=None)"
    assert str(inspect.signature(pydl.Generator)) == "(seed=None)"


# --- names of arguments ---------------------------------------------------------------------------


def _called_with(path: str, keyword: str) -> str:
    function = CALLABLES.get(path) or METHODS[path]
    first = [pydl.ones((2, 3))] if path in METHODS else []
    return _message(lambda: function(*first, **{keyword: 1}))


def _names(path: str) -> list[str]:
    parameters = inspect.signature(CALLABLES.get(path) or METHODS[path]).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in kinds and p.name != "self"]


WITH_NAMES = [p for p in [*CALLABLES, *TENSOR_METHODS] if not _takes_any_keyword(
    CALLABLES.get(p) or METHODS[p])]  # fmt: skip


@for_each(WITH_NAMES)
def test_unknown_argument(path: str) -> None:
    message = _called_with(path, "no_such_thing")
    _check_shape(message, path.rpartition(".")[2])
    assert "there is no argument 'no_such_thing'" in message or "takes no arguments" in message


@for_each(WITH_NAMES)
def test_misspelt_arguments(path: str) -> None:
    names = _names(path)
    for name in names:
        if len(name) < 4 or name[:-1] in names or name == "keepdims":
            continue
        message = _called_with(path, name[:-1])
        _check_shape(message, path.rpartition(".")[2])
        meant = re.search(r"did you mean '(\w+)'", message)
        assert meant is not None, message
        assert meant.group(1) in names


@for_each(WITH_NAMES)
def test_names_of_pytorch(path: str) -> None:
    names = _names(path)
    right = {"dim": "axis", "keepdim": "keepdims"}
    if path in CALLABLES and names[:1] == ["x"]:
        right["input"] = "x"
    for wrong, meant in right.items():
        if meant not in names or wrong in names:
            continue
        assert right_name(wrong, names) == meant
        if wrong == "input":
            assert f"did you mean '{meant}'" in _called_with(path, wrong)
        else:
            function = CALLABLES.get(path) or METHODS[path]
            try:
                function(SOME_TENSORS[0], **{wrong: 0})
            except ERRORS as error:
                assert "there is no argument" not in str(error)


def test_spellings_that_are_accepted() -> None:
    x = pydl.arange(6, dtype="float32").reshape(2, 3)
    assert pydl.sum(x, dim=1, keepdim=True).tolist() == x.sum(axis=1, keepdims=True).tolist()
    assert x.max(dim=0).tolist() == x.max(axis=0).tolist()
    assert pydl.softmax(x, dim=0).tolist() == pydl.softmax(x, axis=0).tolist()
    assert pydl.concat([x, x], dim=1).shape == (2, 6)
    for make in (pydl.zeros, pydl.ones, pydl.empty):
        assert make(3, 4).shape == make((3, 4)).shape == make([3, 4]).shape == (3, 4)
        assert make(3, 4, dtype="int32").dtype == make((3, 4), "int32").dtype == pydl.int32
        assert make(shape=(2,)).shape == make(2).shape == (2,)
    assert x.view(3, 2).tolist() == x.view((3, 2)).tolist() == x.reshape(3, 2).tolist()
    assert x.permute(1, 0).tolist() == x.permute((1, 0)).tolist() == x.T.tolist()
    assert x.permute_dims(1, 0).shape == (3, 2)


def test_both_spellings_are_refused() -> None:
    message = _message(lambda: pydl.sum(pydl.ones(2), axis=0, dim=0))
    assert message.startswith("sum: there is no argument 'dim'; did you mean 'axis'?")


def test_a_view_shares_memory_or_fails() -> None:
    x = pydl.zeros((2, 3))
    x.view(6)[0] = 7
    assert x[0, 0].item() == 7
    with pytest.raises(ValueError, match=r"view: .*use reshape"):
        x.T.view(6)
    double = pydl.compile(lambda x: x.T.view(6) * 2)
    assert double(x).shape == (6,)


def test_wrong_numbers_of_arguments() -> None:
    x = pydl.ones(2)
    assert _message(lambda: pydl.sum()).startswith("sum: the argument 'x' is missing\nsum(x, ")
    assert "at most 3 in order, got 4" in _message(lambda: pydl.sum(x, 0, True, 1))
    assert "given twice" in _message(lambda: pydl.sum(x, x=x))
    assert _message(lambda: pydl.nn.Linear(3)).startswith("Linear: the argument 'out_features' is")
    assert _message(lambda: pydl.zeros()) == "zeros: expected a shape, got nothing"


# --- types of arguments ---------------------------------------------------------------------------

# What an argument may be given, by its type as pybind11 writes it: fits, and does not.
SOME_TENSORS = [
    pydl.ones((2, 3)), pydl.ones((2, 3, 4)), pydl.ones((1, 2, 5, 5)), pydl.ones(()), pydl.ones(7),
    pydl.arange(6).reshape(2, 3), pydl.tensor([9, -9]), pydl.tensor([True, False]),
    pydl.zeros((0, 3)), pydl.ones((2, 3), dtype="float64"), pydl.zeros((2, 3), dtype="bfloat16"),
]  # fmt: skip


def _pool(annotation: str) -> list[Any]:
    pools: dict[str, list[Any]] = {
        "pydl._core.Tensor": SOME_TENSORS,
        "object": [*SOME_TENSORS, 2.5, [1.0, 2.0], (1, 2)],
        "pydl._core.DType": ["float32", "int64", pydl.bool, "uint8"],
        "pydl._core.Generator": [pydl.Generator(1)],
        "typing.SupportsInt": [0, 1, -1, 3, 99],
        "typing.SupportsFloat": [0.5, -1.0, 2.0],
        "int": [0, 1, -1, 7],
        "float": [0.5, -2.0],
        "bool": [True, False],
        "str": ["mean", "sum", "nothing"],
        "None": [None],
    }
    values: list[Any] = []
    for part in re.split(r" \| (?![^\[]*\])", annotation):
        sequence = re.fullmatch(r"collections\.abc\.Sequence\[(.*)\]", part)
        if sequence:
            items = _pool(sequence.group(1))
            values += [tuple(items[:n]) for n in range(5)] + [(2, 2), [3, 3]] * (0 in items)
        values += pools.get(part, [])
    return values or [None]


def _core_functions() -> dict[str, tuple[str, Callable[..., Any], list[Any]]]:
    """By path: the name, the function, and its arguments. Their types are in docstrings."""
    skipped = {"manual_seed", "set_grad_enabled", "set_num_threads", "reset_peak_memory",
               "empty_cache", "set_printoptions"}  # fmt: skip
    found = {}
    for path, function in [*CALLABLES.items(), *METHODS.items()]:
        name = path.rpartition(".")[2]
        line = (function.__doc__ or "").partition("\n")[0]
        is_core = line.startswith(f"{name}(") and ") -> " in line
        if is_core and name not in skipped and "Overloaded" not in line:
            found[path] = (name, function, core_arguments(line[len(name) :]))
    return found


CORE = _core_functions()
# Errors of what they run keep the name of the operation that failed.
RUN_OTHERS = {"backward", "grad"}


def test_functions_of_the_extension_are_found() -> None:
    assert len(CORE) > 190


def _call(function: Callable[..., Any], arguments: list[Any], values: dict[str, Any]) -> object:
    star = [a for a in arguments if a.kind == inspect.Parameter.VAR_POSITIONAL]
    keyword = {a.name for a in arguments if a.kind == inspect.Parameter.KEYWORD_ONLY}
    in_order = [
        values[a.name] for a in arguments if a.name in values and a.name not in keyword
    ] if not star else [*(values[a.name] for a in arguments if a.name == "self"), 2, 3]  # fmt: skip
    return function(*in_order, **{name: values[name] for name in keyword if name in values})


@pytest.mark.parametrize("path", CORE)
def test_arguments_of_wrong_types(path: str) -> None:
    name, function, arguments = CORE[path]
    owner = path.split(".")[-2]
    shown = f"{owner}.{name}" if path in METHODS and owner != "Tensor" else name
    for wrong in arguments:
        if wrong.name == "self" or wrong.kind == inspect.Parameter.VAR_POSITIONAL:
            continue
        values = {a.name: _pool(a.annotation)[0] for a in arguments if a.default is None}
        for before in arguments[: arguments.index(wrong)]:
            values.setdefault(before.name, _pool(before.annotation)[-1])
        values[wrong.name] = object()
        try:
            _call(function, arguments, values)
        except ERRORS as error:
            _check_shape(str(error), shown)


@pytest.mark.parametrize("path", CORE)
@pytest.mark.filterwarnings("ignore")
def test_errors_name_the_function_that_was_called(path: str) -> None:
    name, function, arguments = CORE[path]
    if name in RUN_OTHERS or (path in METHODS and not path.startswith("pydl.Tensor.")):
        return
    chance = random.Random(path)
    for _ in range(150):
        values = {
            a.name: chance.choice(_pool(a.annotation)) if a.name != "self"
            else chance.choice(SOME_TENSORS)
            for a in arguments if a.default is None or chance.random() < 0.5
        }  # fmt: skip
        given = {a.name: a for a in arguments if a.name in values}
        skipped = [a for a in arguments if a.name not in given]
        if skipped and any(arguments.index(a) > arguments.index(skipped[0]) for a in given.values()
                           if a.kind != inspect.Parameter.KEYWORD_ONLY):  # fmt: skip
            continue
        try:
            _call(function, arguments, values)
        except ERRORS as error:
            assert str(error).startswith(f"{name}: "), (str(error), values)
            assert "tensor([" not in str(error)


# Written in Python, and composed of functions of the extension.
COMPOSED = {
    f"{path}.{name}": value
    for path in ("pydl", "pydl.nn.functional", "pydl.linalg", "pydl.random")
    for name in importlib.import_module(path).__all__
    if f"{path}.{name}" not in CORE
    and isinstance(value := getattr(importlib.import_module(path), name), _core._CheckedFunction)
    and any("Tensor" in str(p.annotation) for p in inspect.signature(value).parameters.values())
    and name != "save"
}


def test_composed_functions_are_found() -> None:
    assert {"pydl.addcdiv", "pydl.nn.functional.interpolate"} <= set(COMPOSED)


def _python_pool(annotation: str) -> list[Any]:
    values: list[Any] = []
    kinds: dict[str, list[Any]] = {
        "Tensor": list(SOME_TENSORS),
        "int": [0, 1, -1, 7, 99, 2**62],
        "float": [0.5, -2.0, 1e18],
        "bool": [True, False],
        "str": ["mean", "sum", "nothing"],
        "Sequence": [(), (1,), (2, 2), [3, 3], (2**62, 2**62)],
        "None": [None],
    }
    for name, examples in kinds.items():
        values += examples * bool(re.search(rf"\b{name}\b", annotation))
    return values or [None]


@pytest.mark.parametrize("path", COMPOSED)
@pytest.mark.filterwarnings("ignore")
def test_errors_of_composed_functions_name_them(path: str) -> None:
    function, name = COMPOSED[path], path.rpartition(".")[2]
    parameters = list(inspect.signature(function).parameters.values())
    chance = random.Random(path)
    for _ in range(100):
        values: list[Any] = []
        for parameter in parameters:
            if parameter.kind != inspect.Parameter.POSITIONAL_OR_KEYWORD or (
                parameter.default is not inspect.Parameter.empty and chance.random() < 0.5
            ):
                break
            values.append(chance.choice(_python_pool(str(parameter.annotation))))
        try:
            function(*values)
        except ERRORS as error:
            assert str(error).startswith((f"{name}: ", f"{name}(")), (str(error), values)


def test_what_came_is_told_without_its_elements() -> None:
    x = pydl.ones((2, 3))
    array = np.zeros((4, 5))
    assert "got a float32 tensor of shape (2, 3)" in _message(lambda: pydl.astype(x, x))
    assert "got a NumPy array of float64 and shape (4, 5)" in _message(lambda: pydl.sum(x, array))
    assert "got a list of 1000" in _message(lambda: pydl.zeros(dtype=["a"] * 1000, shape=2))
    assert "got 'axis' (str)" in _message(lambda: pydl.sum(x, "axis"))


def test_methods_of_python_classes() -> None:
    model = pydl.Sequential(pydl.nn.Linear(2, 1))
    assert _message(lambda: model.fit(epoch=3)).startswith(
        "Sequential.fit: there is no argument 'epoch'; did you mean 'epochs'?"
    )
    assert "did you mean 'optimizer'" in _message(lambda: model.compile(optimiser="sgd"))
    message = _message(lambda: pydl.optim.SGD([], learning_rate=0.1))
    assert message.startswith("SGD: there is no argument 'learning_rate'; did you mean 'lr'?")

    class Layer(pydl.nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, out=3)  # type: ignore[call-arg]

    assert _message(Layer).startswith("Linear: there is no argument 'out'")


def test_wrapped_functions_are_as_functions() -> None:
    function = pydl.data.random_split
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function
    assert inspect.unwrap(function).__name__ == function.__name__ == "random_split"
    assert (function.__doc__ or "").startswith("Divide")
    assert inspect.ismethod(pydl.Sequential().fit)
    model = pydl.nn.Linear(2, 1)
    with pytest.raises(TypeError, match="^from inside$"):
        model.apply(_raise_type_error)


def _raise_type_error(_: object) -> None:
    raise TypeError("from inside")


def test_indexing_is_not_told_as_take() -> None:
    with pytest.raises(IndexError, match=r"^index 9 is outside axis 0 of size 2$"):
        pydl.ones((2, 3))[pydl.tensor([9])]


def test_layers_keep_the_path_of_modules() -> None:
    model = pydl.Sequential(pydl.nn.Flatten(), pydl.nn.Sequential(pydl.nn.Linear(3, 2)))
    with pytest.raises(ValueError, match=r"^in Sequential\.1\.0 .*: linear: "):
        model(pydl.ones((2, 5)))


def test_suggestions_are_public() -> None:
    layer = pydl.nn.Linear(2, 2)
    for name in ("members", "unguarded", "walk", "weigth", "named_childrem", "pydl_layer"):
        with pytest.raises(AttributeError) as caught:
            getattr(layer, name)
        assert "'_" not in str(caught.value).partition(";")[2]


def test_errors_of_called_functions_stay_as_they_are() -> None:
    def fails(x: pydl.Tensor) -> pydl.Tensor:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        pydl.compile(fails)(pydl.ones(2))
    with pytest.raises(ValueError, match=r"^mine$"):
        pydl.grad(fails)(pydl.ones(2))


PRIVATE = re.compile(r"(?<![\w{/])_[a-z]\w*|_core\b")


def _raised_texts() -> Iterator[tuple[str, str]]:
    """Literal parts of all messages, with the files that they are in."""
    root = Path(__file__).parents[1]
    for path in sorted((root / "pydl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            # What subclasses must define is for who writes one.
            if not isinstance(node, ast.Raise) or "NotImplementedError" in ast.unparse(node):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield path.name, part.value
    sources = [*(root / "cpp" / "src").rglob("*.cpp"), *(root / "pyext").glob("*.cpp")]
    for path in sources:
        for statement in re.findall(r"\bthrow \w+\(.*?\);\n", path.read_text("utf-8"), re.S):
            for text in re.findall(r'"((?:[^"\\]|\\.)*)"', statement):
                yield path.name, text


def test_messages_name_nothing_private() -> None:
    texts = list(_raised_texts())
    assert len(texts) > 600
    assert [text for text in texts if PRIVATE.search(text[1])] == []


@pytest.mark.parametrize("wrong", [2**70, -(2**70), pydl.ones(3), "a", 1.5, None])
def test_integers_of_declared_ops_are_named(wrong: Any) -> None:
    x = pydl.ones(3)
    calls: dict[str, Callable[[], object]] = {
        "topk: k": lambda: pydl.topk(x, wrong),
        "cumsum: axis": lambda: pydl.cumsum(x, wrong),
        "scatter: axis": lambda: pydl.scatter(x, pydl.tensor([0]), x[:1], wrong),
        "index_add: axis": lambda: pydl.index_add(x, pydl.tensor([0]), x[:1], axis=wrong),
    }
    for start, call in calls.items():
        with pytest.raises(TypeError, match=f"^{start}: expected an integer, got"):
            call()


@pytest.mark.parametrize("rate", [lambda step: 0.1, "schedule"])
def test_a_rate_that_is_no_number_says_where_it_goes(rate: Any) -> None:
    parameters = [pydl.nn.Parameter(pydl.ones(2))]
    if rate == "schedule":
        rate = pydl.optim.lr_scheduler.StepLR(pydl.optim.SGD(parameters, lr=0.1), 2)
    with pytest.raises(TypeError, match=r"compile\(learning_rate=\.\.\.\)"):
        pydl.optim.Adam(parameters, lr=rate)
