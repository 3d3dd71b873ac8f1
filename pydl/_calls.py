"""Messages for calls that cannot be right, in the words of the caller. Imported when one fails.

A message begins with the function that was called, and says which argument is wrong, what was
expected and what came. Of tensors and arrays it shows dtype and shape, never the elements.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydl import _core

# Names that other libraries give to arguments, and ours in the order in which they are tried.
OTHER_NAMES = {
    "dim": ("axis", "axes"),
    "dims": ("axis", "axes", "shape"),
    "dim0": ("axis1",),
    "dim1": ("axis1", "axis2"),
    "dim2": ("axis2",),
    "diagonal": ("k", "offset"),
    "in_dims": ("in_axes",),
    "out_dims": ("out_axes",),
    "axes": ("axis",),
    "axis": ("axes",),
    "keepdim": ("keepdims",),
    "keep_dims": ("keepdims",),
    "other": ("b",),
    "exponent": ("b",),
    "size": ("shape", "sizes", "output_size"),
    "newshape": ("shape",),
    "split_size_or_sections": ("sizes",),
    "indices_or_sections": ("sizes",),
    "unbiased": ("correction",),
    "ddof": ("correction",),
    "fill_value": ("value",),
    "value": ("fill_value",),
    "count": ("num",),
    "steps": ("num", "count"),
    "end": ("stop",),
    "seed": ("generator",),
    "p": ("rate", "dropout", "ord"),
    "offset": ("k",),
    "rate": ("p",),
    "eps": ("epsilon",),
    "epsilon": ("eps",),
    "learning_rate": ("lr",),
    "nb_epoch": ("epochs",),
    "units": ("out_features", "hidden_size"),
    "filters": ("out_channels",),
    "kernel": ("kernel_size",),
    "strides": ("stride",),
    "padding_mode": ("mode", "padding"),
    "start_dim": ("start_axis",),
    "end_dim": ("end_axis",),
    "use_bias": ("bias",),
    "num_workers": ("prefetch",),
    "max_epochs": ("epochs",),
    "gradient_clip_val": ("clip_norm", "clip_value"),
    "accumulate_grad_batches": ("accumulate",),
    "filepath": ("path",),
    "lr": ("learning_rate",),
    "input1": ("x1",),
    "input2": ("x2",),
    "defaults": ("options",),
}
# What other libraries ask for, and what is so anyway, or done in another way.
_FUSED = "; leave it out: all parameters are updated in one operation"
_ADVICE = {
    "return_dict": "; the result is always a dict",
    "requires_grad": "; call requires_grad_() of the result",
    "inplace": "; leave it out: compiled functions reuse memory by themselves",
    "device": "; leave it out: this build computes on the CPU",
    "foreach": _FUSED,
    "fused": _FUSED,
    "capturable": "; leave it out: optimisers can be part of compiled functions",
    "differentiable": "; the steps of optimisers are not differentiable",
    "size_average": "; write reduction='mean' or 'sum'",
    "reduce": "; write reduction='mean' or 'none'",
    "max_norm": "; limit rows with pydl.nn.add_constraint(layer, pydl.nn.MaxNorm(...))",
    "norm_type": "; norms are Euclidean",
    "scale_grad_by_freq": "; gradients are not divided by frequencies",
    "sparse": "; leave it out: plain SGD updates only the rows that a batch has read",
    "enable_nested_tensor": "; leave it out: there are no nested tensors",
    "mask_check": "; leave it out: there are no nested tensors",
    "recompute_scale_factor": "; give size instead of scale_factor",
    "antialias": "; only mode='area' averages",
    "out": "; leave it out: the result is a new tensor",
    "sorted": "; leave it out: the result is always sorted",
    "memory_format": "; leave it out: the layout of a tensor is that of its strides",
    "cycle_momentum": "; momentum stays as it is: leave this out",
    "base_momentum": "; momentum stays as it is: leave this out",
    "max_momentum": "; momentum stays as it is: leave this out",
    "verbose": "; leave it out: optimizer.lr is the rate, and schedule.plot(steps) draws it",
    "activation": "; activations are layers of their own, such as pydl.nn.ReLU",
    "kernel_regularizer": "; use pydl.nn.add_penalty(layer, l1=..., l2=...)",
    "bias_regularizer": "; use pydl.nn.add_penalty(layer, l2=..., name='bias')",
    "kernel_constraint": "; use pydl.nn.add_constraint(layer, pydl.nn.MaxNorm(...))",
    "bias_constraint": "; use pydl.nn.add_constraint(layer, pydl.nn.NonNeg(), name='bias')",
    "bias_initializer": "; set layer.bias with pydl.nn.init, such as pydl.nn.init.zeros_",
    "input_shape": "; the first argument is the size of the input, lazy layers find it out",
    "input_dim": "; the first argument is the size of the input, lazy layers find it out",
    "data_format": "; leave it out: images are (N, C, H, W)",
    "return_sequences": "; the output has all steps, and output[:, -1] is that of the last one",
    "return_state": "; the final state is the second result anyway",
    "last_epoch": "; schedules go on where load_state_dict says",
}
# The same, where there is no argument with a similar name.
_LAST_ADVICE = {
    "dtype": "; convert with astype",
    "weight": "; multiply the result of reduction='none'",
}
# What stands for "the first argument" and "the second one", whatever we call them.
FIRST, SECOND = ("input", "x", "a", "self", "tensor"), ("other", "y", "b", "target")

# Functions that run operations of the caller: a message keeps the name of the one that failed.
RUN_OTHERS = frozenset({"backward", "grad", "__call__"})

# Of arguments of which none is wrong by itself.
_UNFIT = "these arguments do not fit"

CORE_MISMATCH = re.compile(r"incompatible (function|constructor) arguments")
LEADING_NAME = re.compile(r"([a-z_][a-z0-9_]*): ")


# --- what is expected -----------------------------------------------------------------------------


@dataclass
class Argument:
    """One parameter of a function; `kind` is as in `inspect.Parameter`."""

    name: str
    kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    annotation: str = ""
    default: str | None = None

    def __str__(self) -> str:
        star = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        text = star.get(self.kind, "") + self.name
        return text if self.default is None else f"{text}={self.default}"


def core_arguments(signature: str) -> list[Argument]:
    """Read the arguments out of a signature as pybind11 writes it."""
    node = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    kinds = inspect.Parameter
    spec = node.args

    def argument(arg: ast.arg, kind: Any, default: ast.expr | None) -> Argument:
        annotation = "" if arg.annotation is None else ast.unparse(arg.annotation)
        value = None if default is None else ast.unparse(default)
        return Argument(arg.arg, kind, annotation, value)

    positional = [*spec.posonlyargs, *spec.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults))
    result = [
        argument(arg, kinds.POSITIONAL_OR_KEYWORD, default)
        for arg, default in zip(positional, [*missing, *spec.defaults], strict=True)
    ]
    if spec.vararg is not None:
        result.append(argument(spec.vararg, kinds.VAR_POSITIONAL, None))
    for arg, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        result.append(argument(arg, kinds.KEYWORD_ONLY, default))
    if spec.kwarg is not None:
        result.append(argument(spec.kwarg, kinds.VAR_KEYWORD, None))
    return result


def python_arguments(function: Callable[..., Any], skip: int = 0) -> list[Argument]:
    """Read the arguments of a function of Python, without the first ones, such as `self`."""
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    empty = inspect.Parameter.empty
    return [
        Argument(p.name, p.kind, "", None if p.default is empty else _short(repr(p.default)))
        for p in parameters
    ]


def call_text(name: str, arguments: Iterable[Argument]) -> str:
    """Write a call: ``sum(x, axis=None, keepdims=False)``."""
    parts: list[str] = []
    kinds = inspect.Parameter
    starred = False
    for argument in arguments:
        if argument.kind == kinds.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or argument.kind in (kinds.KEYWORD_ONLY, kinds.VAR_POSITIONAL)
        parts.append(str(argument))
    return f"{name}({', '.join(parts)})"


# --- what came ------------------------------------------------------------------------------------


def described(value: object) -> str:
    """Say what a value is: its type, and a number or short text itself."""
    if isinstance(value, _core.Tensor):
        name = value.dtype.name
        return f"{'an' if name[0] == 'i' else 'a'} {name} tensor of shape {value.shape}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of {value.dtype} and shape {value.shape}"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        return f"{_short(repr(value))}" + ("" if value is None else f" ({type(value).__name__})")
    if isinstance(value, (tuple, list)) and all(type(item) in (int, float) for item in value):
        return f"{_short(repr(value))} ({type(value).__name__})"
    if isinstance(value, (tuple, list, set, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"an object of type {type(value).__name__}"


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _is_integer(value: object) -> bool:
    if isinstance(value, (bool, _core.Tensor)):
        return isinstance(value, bool) or (value.ndim == 0 and not value.dtype.is_floating)
    try:
        return -(2**63) <= operator.index(value) < 2**63  # type: ignore[arg-type]
    except TypeError:
        return False


def _is_sequence(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes))


# Whether a value is of a type, and how that type is called, by what pybind11 writes.
_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "pydl._core.Tensor": ("a tensor", lambda v: v is not None),
    "pydl._core.DType": (
        "a dtype",
        lambda v: isinstance(v, (_core.DType, str, type, np.dtype)),
    ),
    "pydl._core.Generator": ("a Generator", lambda v: isinstance(v, _core.Generator)),
    "typing.SupportsInt": ("an integer", _is_integer),
    "typing.SupportsIndex": ("", _is_integer),
    "typing.SupportsFloat": (
        "a number",
        lambda v: hasattr(v, "__float__") and not isinstance(v, np.ndarray | str),
    ),
    "int": ("an integer", lambda v: _is_integer(v) and not isinstance(v, bool)),
    "float": ("a number", lambda v: isinstance(v, (int, float, np.number))),
    "bool": ("a bool", lambda v: v is None or hasattr(v, "__bool__")),
    "str": ("text", lambda v: isinstance(v, (str, bytes))),
    "None": ("None", lambda v: v is None),
    "object": ("any object", lambda v: True),
    "typing.Any": ("any object", lambda v: True),
    "dict": ("a dict", lambda v: isinstance(v, dict)),
    "tuple": ("a tuple", lambda v: isinstance(v, tuple)),
    "list": ("a list", lambda v: isinstance(v, list)),
    "numpy.ndarray": ("a NumPy array", lambda v: isinstance(v, np.ndarray)),
}


def _alternatives(annotation: str) -> list[str]:
    """Split ``int | Sequence[int | None] | None`` at the bars outside of brackets."""
    parts, depth = [""], 0
    for char in annotation:
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _element(annotation: str) -> str | None:
    match = re.fullmatch(r"collections\.abc\.Sequence\[(.*)\]", annotation)
    return match.group(1) if match else None


def _fits(value: object, annotation: str) -> bool:
    if not annotation:
        return True
    for part in _alternatives(annotation):
        element = _element(part)
        if element is not None:
            is_array = isinstance(value, (_core.Tensor, np.ndarray))
            # Shapes and axes are tuples or lists.
            if _is_sequence(value) and (
                (is_array and element != "int")
                or (
                    not is_array and all(_fits(item, element) for item in value)  # type: ignore[attr-defined]
                )
            ):
                return True
        elif part not in _TYPES or _TYPES[part][1](value):
            return True
    return False


def _plural(name: str) -> str:
    """Write "integers or None" for "an integer or None"."""
    return re.sub(r"\ban? (\w+)", r"\1s", name)


def _expected(annotation: str) -> str:
    names: list[str] = []
    for part in _alternatives(annotation):
        element = _element(part)
        if element is not None:
            name = f"a sequence of {_plural(_expected(element))}"
        else:
            name = _TYPES[part][0] if part in _TYPES else part.rpartition(".")[2]
        if name and name not in names:
            names.append(name)
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


# --- what is wrong --------------------------------------------------------------------------------


def right_name(wrong: str, known: Sequence[str]) -> str | None:
    """Find the argument that was meant by a name that does not exist."""
    for name in OTHER_NAMES.get(wrong, ()):
        if name in known:
            return name
    for names, position in ((FIRST, 0), (SECOND, 1)):
        if wrong in names and len(known) > position:
            return known[position]
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    if close:
        return close[0]
    inside = [name for name in known if len(name) > 3 and (name in wrong or wrong in name)]
    return inside[0] if inside else None


def misuse(
    arguments: list[Argument], positional: Sequence[object], keywords: Mapping[str, object]
) -> str | None:
    """Say what keeps arguments from being bound to parameters, or of which type one should be."""
    kinds = inspect.Parameter
    takes_any = any(a.kind == kinds.VAR_POSITIONAL for a in arguments)
    takes_keywords = any(a.kind == kinds.VAR_KEYWORD for a in arguments)
    in_order = [
        a for a in arguments if a.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.POSITIONAL_ONLY)
    ]
    by_name = [
        a.name for a in arguments if a.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]
    taken = {a.name for a in in_order[: len(positional)]}
    for name in keywords:
        if name not in by_name and not takes_keywords:
            advice = _ADVICE.get(name)
            if advice is None:
                meant = right_name(name, by_name)
                advice = f"; did you mean {meant!r}?" if meant else _LAST_ADVICE.get(name, "")
            return f"there is no argument {name!r}{advice}"
        if name in taken:
            return f"the argument {name!r} was given twice, by its place and by its name"
    if len(positional) > len(in_order) and not takes_any:
        number = "no arguments" if not in_order else f"at most {len(in_order)} in order"
        return f"expected {number}, got {len(positional)}"
    required = [
        a.name
        for a in arguments
        if a.default is None
        and a.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
        and a.name not in taken
        and a.name not in keywords
    ]
    if required:
        return f"the argument {required[0]!r} is missing"
    given = {a.name: value for a, value in zip(in_order, positional, strict=False)}
    given.update(keywords)
    for argument in arguments:
        if argument.name in given and not _fits(given[argument.name], argument.annotation):
            wanted = _expected(argument.annotation)
            return f"{argument.name}: expected {wanted}, got {described(given[argument.name])}"
    return None


# --- functions of the extension module ------------------------------------------------------------


def explain_core(
    scope: object,
    name: str,
    signatures: list[str],
    positional: tuple[object, ...],
    keywords: dict[str, object],
    message: str,
) -> str | Exception | None:
    """Rephrase an error of an extension function; None if its message is already clear.

    An exception is what is to be raised instead.
    """
    of_tensor = scope is _core.Tensor
    owner = scope.__name__ if isinstance(scope, type) and not of_tensor else None
    shown = owner if name == "__init__" and owner else f"{owner}.{name}" if owner else name
    if CORE_MISMATCH.search(message):
        text = mismatch(shown, isinstance(scope, type), signatures, positional, keywords)
        unread = _refused_reading((*positional, *keywords.values())) if _UNFIT in text else None
        return text if unread is None else unread
    if name.startswith("__") or shown.startswith("_"):
        return None
    match = LEADING_NAME.match(message)
    if match is not None and (owner is not None or name in RUN_OTHERS):
        return None
    own = {argument.name for each in signatures for argument in core_arguments(each)}
    return renamed(shown, message, own)


def mismatch(
    name: str,
    is_method: bool,
    signatures: list[str],
    positional: tuple[object, ...],
    keywords: dict[str, object],
) -> str:
    """Say which argument no signature takes, and show the first signature."""
    wrong = usage = ""
    for signature in signatures:
        arguments = core_arguments(signature)
        given = positional
        if is_method and arguments:
            arguments, given = arguments[1:], positional[1:]
        wrong = wrong or misuse(arguments, given, keywords) or ""
        usage = usage or call_text(name, arguments)
    if not wrong:
        values = [described(value) for value in positional[1 if is_method else 0 :]]
        values += [f"{key}={described(value)}" for key, value in keywords.items()]
        wrong = f"{_UNFIT}: {', '.join(values)}"
    return f"{name}: {wrong}\n{usage}"


def _refused_reading(values: Iterable[object]) -> Exception | None:
    """Return the error of a tensor without a value, of a traced function, in place of a number.

    Conversions of arguments to numbers of C++ lose it.
    """
    for value in values:
        if isinstance(value, _core.Tensor) and value.ndim == 0 and _core._is_traced(value):
            try:
                value.item()
            except _core.TraceError as error:
                return error.with_traceback(None)
    return None


def renamed(name: str, message: str, own_arguments: Collection[str]) -> str | None:
    """Put the name that the user called before a message, or in place of an inner function's."""
    match = LEADING_NAME.match(message)
    if match is None:
        return f"{name}: {message}" if message else None
    inner = match.group(1)
    if inner == name:
        return None
    return f"{name}: {message[0 if inner in own_arguments else match.end() :]}"


# --- functions of Python --------------------------------------------------------------------------


def explain_python(
    name: str,
    function: Callable[..., Any],
    positional: Sequence[object],
    keywords: Mapping[str, object],
    skip: int = 0,
) -> str | None:
    """Say what is wrong with the arguments of a function of Python; None where all are right."""
    arguments = python_arguments(function, skip)
    wrong = misuse(arguments, positional, keywords)
    return None if wrong is None else f"{name}: {wrong}\n{call_text(name, arguments)}"
