"""What the public headers declare is what the shared library shows, and nothing else."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]
HEADERS = sorted((ROOT / "cpp" / "include" / "pydl").glob("*.h"))

# Nothing of these is compiled into the library: a mark would be an error or mean nothing.
WITHOUT_SYMBOLS = re.compile(r"(template|using|typedef|enum|inline|constexpr|static_assert)\b")


def statements(text: str) -> Iterator[str]:
    """Declarations at namespace scope: up to the `;`, or with the body in braces."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^\s*#(.*\\\n)*.*$", "", text, flags=re.M)
    start = depth = 0
    for match in re.finditer(r"[{};]", text):
        head = text[start : match.start()].strip()
        if depth == 0 and match[0] == "{" and re.match(r'(inline )?namespace|extern "C"', head):
            start = match.end()
            continue
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
        if depth <= 0 and is_end(text, match):
            statement = text[start : match.end()].strip(" \n;}" if depth < 0 else " \n;")
            start, depth = match.end(), 0
            if statement:
                yield statement


def is_end(text: str, match: re.Match[str]) -> bool:
    """Whether a declaration ends here: `= {}`, `class {...}`, `typedef ...` go on until the `;`."""
    rest = text[match.end() :].lstrip()
    return match[0] == ";" or (match[0] == "}" and not re.match(r"[;,)}]|\w+;", rest))


def needs_mark(statement: str) -> bool:
    head, brace, body = statement.partition("{")
    if WITHOUT_SYMBOLS.match(head):
        return False
    if re.match(r"struct\b", head):
        # Of an aggregate nothing is compiled, unless it declares a member function without a body.
        body = re.sub(r"\{[^{}]*\}", "", body)
        return re.search(r"\)\s*(const)?\s*(noexcept)?;", body) is not None
    if re.match(r"class\b", head):
        return bool(brace)
    return True


def unmarked(text: str) -> list[str]:
    return [
        re.sub(r"\s+", " ", statement)[:100]
        for statement in statements(text)
        if needs_mark(statement) and "PYDL_API" not in statement.partition("{")[0]
    ]


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.name)
def test_public_declarations_are_marked(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


def test_arguments_of_exported_templates_are_marked() -> None:
    """An instance of a template is visible only if its arguments are."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in HEADERS)
    templates = set(re.findall(r"template <[^>]*>\s+class PYDL_API (\w+)", text))
    used = re.findall(r"using \w+ = (\w+)<(\w+)>;", text)
    arguments = {argument for template, argument in used if template in templates}
    assert len(arguments) >= 12
    unmarked = {name for name in arguments if not re.search(rf"PYDL_API {name}\b", text)}
    assert unmarked == set()


def test_one_header_includes_all_others() -> None:
    text = (HEADERS[0].parent / "pydl.h").read_text(encoding="utf-8")
    included = re.findall(r'^#include "pydl/(\w+\.h)"$', text, re.M)
    # c_api.h is of another language.
    others = [path.name for path in HEADERS if path.name not in ("pydl.h", "c_api.h")]
    assert included == others


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("Tensor f(const Dims& shape = {}, int n = 1);", 1),
        ("PYDL_API Tensor f(const Dims& shape = {}, int n = 1);", 0),
        ("class Thing : public Base {\n public:\n  int f() const { return 1; }\n};", 1),
        ("class PYDL_API Thing {\n  struct Inner {\n    int f();\n  };\n};", 0),
        ("struct Options {\n  Dims dims = {};  // text; more\n  bool flag = false;\n};", 0),
        ("struct Set {\n  const int* find() const;\n};", 1),
        ("struct Set {\n  int size() const { return count(); }\n};", 0),
        ("typedef enum kind {\n  A,\n  B\n} kind;\nint f(kind k);", 1),
        ("struct Set;\nclass Other;\nenum class Kind { a, b };", 0),
        ("inline int f() { return g(); }\nconstexpr int n = 1;\nextern int m;", 1),
        ("template <class T>\nT* g(int n);", 0),
    ],
)
def test_the_test_finds_unmarked_declarations(declaration: str, expected: int) -> None:
    text = f"#pragma once\n\nnamespace pydl::nn {{\n{declaration}\n}}  // namespace pydl::nn\n"
    assert len(unmarked(text)) == expected


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_extension_modules_show_their_initialiser_only() -> None:
    modules = sorted(Path(pydl.__file__).parent.rglob("*.cpython-*.so"))
    assert modules
    for module in modules:
        names = defined_symbols(module)
        assert names == [f"PyInit_{module.name.partition('.')[0]}"], module


def defined_symbols(library: Path) -> list[str]:
    command = ["nm", "--dynamic", "--defined-only", "--extern-only", str(library)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in listing.splitlines()]
