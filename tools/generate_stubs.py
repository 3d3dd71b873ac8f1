"""Writes the type stubs of the extension module, pydl/_core/*.pyi, or checks them.

pybind11-stubgen reads the signatures from the built extension. This tool adds what it cannot know:
the operators of Tensor, and the types of arguments that C++ accepts as arbitrary objects.

    python tools/generate_stubs.py          # write
    python tools/generate_stubs.py --check  # fail if the committed stubs differ
"""

from __future__ import annotations

import argparse
import ast
import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUBS = ROOT / "pydl" / "_core"
MODULES = ("__init__", "linalg", "nn", "optim", "io", "random")

HEADER = '''"""{doc}"""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc
import os
import typing

import numpy
import numpy.typing
import typing_extensions
'''

# In the stub of the main module; the submodules import them.
ALIASES = """
from . import functions as functions
from . import io as io
from . import linalg as linalg
from . import nn as nn
from . import optim as optim
from . import random as random

Array: typing.TypeAlias = numpy.typing.NDArray[typing.Any]
TensorLike: typing.TypeAlias = Tensor | numpy.typing.ArrayLike
DTypeLike: typing.TypeAlias = DType | str | type[typing.Any] | numpy.dtype[typing.Any]
Index: typing.TypeAlias = (
    int | slice_ | types.EllipsisType | Tensor | Array | list[int]
    | tuple[int | slice_ | types.EllipsisType | None, ...] | None
)
"""

# Runs the tool so that it reads the signatures from docstrings: those that `inspect` shows have no
# types.
STUBGEN = """
import inspect
read = inspect.getfullargspec

def getfullargspec(function):
    if not inspect.isfunction(function):
        raise TypeError("unsupported callable")
    return read(function)

inspect.getfullargspec = getfullargspec
from pybind11_stubgen import main
main()
"""

# Arguments that C++ accepts as arbitrary objects, by name.
ANY_ARGUMENTS = {
    "a": "TensorLike",
    "b": "TensorLike",
    "alpha": "TensorLike",
    "other": "TensorLike",
    "axes": "int | collections.abc.Sequence[int | collections.abc.Sequence[int]]",
    "ord": "str | float",
    "p": "str | float | None",
    "negative_slope": "TensorLike",
    "indices_or_sections": "int | collections.abc.Sequence[int]",
    "pad_width": "int | collections.abc.Sequence[int | tuple[int, int]]",
    "repeats": "int | collections.abc.Sequence[int] | Tensor | Array",
    "source": "TensorLike",
    "values": "TensorLike",
    "min": "TensorLike | None",
    "max": "TensorLike | None",
    "tensors": "collections.abc.Sequence[TensorLike]",
    "sizes": "int | collections.abc.Sequence[int]",
    "high": "int | collections.abc.Sequence[int]",
    "x": "int | TensorLike",
    "path": "str | os.PathLike[str]",
    "target": "DTypeLike",
    "out": "None",
}
# The same for methods or functions with that name.
ANY_RESULTS = {
    "_apply_with_provider": "typing.Any",
    "__array__": "Array",
    "copy_": "typing_extensions.Self",
    "fill_": "typing_extensions.Self",
    "index_add_": "typing_extensions.Self",
    "index_copy_": "typing_extensions.Self",
    "index_fill_": "typing_extensions.Self",
    "info": "dict[str, typing.Any]",
    "load_params": "tuple[dict[str, Tensor], dict[str, str]]",
    "masked_fill_": "typing_extensions.Self",
    "masked_scatter_": "typing_extensions.Self",
    "memory_stats": "dict[str, int]",
    "numpy": "Array",
    "ops": "list[dict[str, typing.Any]]",
    "requires_grad_": "typing_extensions.Self",
    "to_device": "typing_extensions.Self",
    "bernoulli_": "typing_extensions.Self",
    "exponential_": "typing_extensions.Self",
    "normal_": "typing_extensions.Self",
    "add_": "typing_extensions.Self",
    "clamp_": "typing_extensions.Self",
    "clip_": "typing_extensions.Self",
    "div_": "typing_extensions.Self",
    "mul_": "typing_extensions.Self",
    "pow_": "typing_extensions.Self",
    "sub_": "typing_extensions.Self",
    "uniform_": "typing_extensions.Self",
    "scatter_": "typing_extensions.Self",
    "scatter_add_": "typing_extensions.Self",
    "scatter_reduce_": "typing_extensions.Self",
    "view_as": "Tensor",
    "zero_": "typing_extensions.Self",
}
# Functions of any number of tensors, which may also be given as one sequence. Others take integers.
OF_TENSORS = {
    *("block_diag", "broadcast_arrays", "broadcast_tensors", "cartesian_prod", "meshgrid"),
}
# Readable forms of pybind11's annotations, and arguments for generic types that lack them.
TYPES = {
    "typing.SupportsInt | typing.SupportsIndex": "int",
    "typing.SupportsFloat | typing.SupportsIndex": "float",
    "pydl._core.Tensor": "Tensor",
    "pydl._core.DType": "DType",
    "pydl._core.Generator": "Generator",
    "numpy.ndarray": "Array",
    "collections.abc.Callable": "collections.abc.Callable[..., typing.Any]",
    "dict": "dict[str, typing.Any]",
    "list": "list[typing.Any]",
    "tuple": "tuple[typing.Any, ...]",
    "bool": "builtins.bool",  # the module has a dtype of that name
}
# Arguments that are converted.
CONVERTED = {"Tensor": "TensorLike", "DType": "DTypeLike"}

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
          "lshift", "rshift"]  # fmt: skip
IN_PLACE = ["iadd", "isub", "imul", "itruediv"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
UNARY = ["neg", "pos", "abs", "invert"]


def operators() -> list[str]:
    """Signatures of the methods in type slots of Tensor, where they cannot be read."""
    signatures = [
        "__new__(cls, data: TensorLike) -> typing_extensions.Self",
        "__bool__(self) -> builtins.bool",
        "__float__(self) -> float",
        "__int__(self) -> int",
        "__index__(self) -> int",
        "__len__(self) -> int",
        "__hash__(self) -> int",
        "__iter__(self) -> collections.abc.Iterator[Tensor]",
        "__getitem__(self, key: Index) -> Tensor",
        "__setitem__(self, key: Index, value: TensorLike) -> None",
    ]
    signatures += [f"__{name}__(self) -> Tensor" for name in UNARY]
    signatures += [f"__{name}__(self, other: TensorLike) -> Tensor" for name in BINARY]
    signatures += [f"__r{name}__(self, other: TensorLike) -> Tensor" for name in BINARY]
    signatures += [f"__{name}__(self, other: TensorLike) -> Tensor" for name in IN_PLACE]
    signatures += [f"__{name}__(self, other: TensorLike) -> Tensor" for name in COMPARISONS]
    return signatures


# A type written in C, whose signatures cannot be read.
CHECKED_FUNCTION = """
'A Python function with better messages for wrong arguments.'
__name__: str
__wrapped__: collections.abc.Callable[..., typing.Any]
def __init__(
    self,
    function: collections.abc.Callable[..., typing.Any],
    explain: collections.abc.Callable[..., str | None],
) -> None: ...
def __call__(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any: ...
"""


class Rewriter(ast.NodeTransformer):
    """Makes annotations readable and reduces docstrings to their first line."""

    def __init__(self, converts: bool) -> None:
        self.converts = converts

    def annotation(self, node: ast.expr) -> ast.expr:
        text = ast.unparse(node)
        for old, new in TYPES.items():
            if "|" in old:
                text = text.replace(old, new)
        return replace_names(ast.parse(text, mode="eval").body)

    def argument(self, argument: ast.arg, default: ast.expr | None) -> None:
        if argument.annotation is None:
            return
        argument.annotation = self.annotation(argument.annotation)
        text = ast.unparse(argument.annotation)
        if text == "typing.Any":
            text = ANY_ARGUMENTS.get(argument.arg, text)
        if self.converts:
            parts = text.split(" | ")
            text = " | ".join(CONVERTED.get(part, part) for part in parts)
        if isinstance(default, ast.Constant) and default.value is None and "None" not in text:
            text += " | None" if text != "typing.Any" else ""
        argument.annotation = ast.parse(text, mode="eval").body

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        positional = [*node.args.posonlyargs, *node.args.args]
        missing: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
        for argument, default in zip(positional, [*missing, *node.args.defaults], strict=True):
            self.argument(argument, default)
        for argument, keyword_default in zip(
            node.args.kwonlyargs, node.args.kw_defaults, strict=True
        ):
            self.argument(argument, keyword_default)
        if node.args.vararg is not None:
            sizes = "int | collections.abc.Sequence[int]"
            anything = node.args.kwarg is not None
            tensors = "TensorLike | collections.abc.Sequence[TensorLike]"
            kind = "typing.Any" if anything else tensors if node.name in OF_TENSORS else sizes
            node.args.vararg.annotation = ast.parse(kind, mode="eval").body
        if node.args.kwarg is not None:
            node.args.kwarg.annotation = ast.parse("typing.Any", mode="eval").body
        if node.returns is not None:
            node.returns = self.annotation(node.returns)
            if node.name in ANY_RESULTS:
                node.returns = ast.parse(ANY_RESULTS[node.name], mode="eval").body
        node.body = first_line(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = self.annotation(node.annotation)
        node.value = None
        return node


class Names(ast.NodeTransformer):
    """Replaces names and attributes by `TYPES`."""

    def replace(self, node: ast.expr) -> ast.expr:
        text = ast.unparse(node)
        return ast.parse(TYPES[text], mode="eval").body if text in TYPES else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.replace(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self.replace(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        # The generic type already has its arguments.
        node.slice = self.visit(node.slice)
        return node


def replace_names(node: ast.expr) -> ast.expr:
    result = Names().visit(node)
    assert isinstance(result, ast.expr)
    return result


def first_line(node: ast.FunctionDef | ast.ClassDef) -> list[ast.stmt]:
    doc = ast.get_docstring(node)
    body: ast.expr = ast.Constant(doc.splitlines()[0] if doc else ...)
    return [ast.Expr(body)]


class BuiltinNames(ast.NodeTransformer):
    """Writes types as `builtins.float` where the class has a method of that name."""

    def __init__(self, methods: set[str]) -> None:
        self.names = methods & {"float", "int"}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.names:
            return node
        return ast.Attribute(ast.Name("builtins"), node.id)


def rewrite_class(node: ast.ClassDef) -> None:
    members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
    rewriter = Rewriter(converts=True)
    if node.name == "Tensor":
        untyped = [m for m in members if m.name.startswith("__") and m.returns is None]
        untyped += [m for m in members if m.name == "__reduce_ex__"]  # as object's
        members = [m for m in members if m not in untyped]
        lines = [f"def {signature}: ..." for signature in operators()]
        attributes = ["__array_priority__: typing.ClassVar[int]"]
        added = ast.parse("\n".join([*attributes, *lines])).body
    elif node.name == "_CheckedFunction":
        members, added = [], ast.parse(CHECKED_FUNCTION).body
    else:
        added = []
    typed = [rewriter.visit_FunctionDef(member) for member in members]
    has_doc = bool(added) and isinstance(added[0], ast.Expr)
    node.body = [
        *([] if has_doc else first_line(node)),
        *added,
        *(member for member in typed if member is not None),
    ]
    methods = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
    BuiltinNames(methods).visit(node)


def is_list_of_names(node: ast.stmt) -> bool:
    """Whether this is `__all__`, which is redundant: a stub exports everything that it defines."""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "__all__"


def rewrite(source: str, name: str) -> str:
    """The text of one stub from what pybind11-stubgen wrote."""
    tree = ast.parse(source)
    doc = (ast.get_docstring(tree) or "").splitlines()[0]
    rewriter = Rewriter(converts=name in ("__init__", "linalg", "nn", "random"))
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            rewrite_class(node)
        elif isinstance(node, ast.FunctionDef | ast.AnnAssign) and not is_list_of_names(node):
            rewriter.visit(node)
        else:
            continue
        body.append(node)
    header = HEADER.format(doc=doc)
    if name == "__init__":
        header = header.replace("import typing\n", "import types\nimport typing\n", 1)
        header += ALIASES.replace("slice_", "builtins.slice")
    else:
        header += "\nfrom . import DType, DTypeLike, Generator, Tensor, TensorLike\n"
    text = header + "\n" + ast.unparse(ast.Module(body, []))
    for method in ("__eq__", "__ne__"):  # object's return a bool
        signature = f"def {method}(self, other: TensorLike) -> Tensor:"
        text = text.replace(signature, f"{signature}  # type: ignore[override]")
    return text


def list_functions() -> str:
    """The stub of the functions that pydl exports because their declarations say so."""
    program = "from pydl._core import functions; print(*sorted(functions.__all__))"
    command = [sys.executable, "-c", program]
    with tempfile.TemporaryDirectory() as folder:
        names = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder
        ).stdout.split()
    imports = "".join(f"from . import {name} as {name}\n" for name in names)
    return (
        '"""Functions that are bound by their declaration."""\n\n'
        "# Written by tools/generate_stubs.py from the built extension: do not edit.\n"
        f"{imports}\n__all__ = {names!r}\n"
    )


def run_tool(arguments: list[str], text: str | None = None) -> str:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, input=text, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout


def generate() -> dict[Path, str]:
    """The stubs by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", STUBGEN, "pydl._core", "-o", folder]
        # Not in the root of the repository, whose pydl/ may lack the extension.
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        raw = Path(folder) / "pydl" / "_core"
        sources = {name: (raw / f"{name}.pyi").read_text(encoding="utf-8") for name in MODULES}
    stubs = {}
    texts = {name: rewrite(source, name) for name, source in sources.items()}
    texts["functions"] = list_functions()
    for name, written in texts.items():
        path = STUBS / f"{name}.pyi"
        lint = ["ruff", "check", "--quiet", "--select=F401,I", "--fix", "--stdin-filename"]
        text = run_tool([*lint, str(path), "-"], written)
        stubs[path] = run_tool(["ruff", "format", "--stdin-filename", str(path), "-"], text)
    return stubs


def main() -> int:
    parser = argparse.ArgumentParser(description="Write or check the type stubs of pydl._core.")
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    changed = False
    for path, text in generate().items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        changed = True
        if check:
            name = str(path.relative_to(ROOT))
            sys.stdout.writelines(
                difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, "built")
            )
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
