"""The examples of the documentation run: blocks of Python in Markdown files, and docstrings."""

import doctest
import importlib
import pkgutil
import re
import types
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def python_blocks(path: Path) -> list[str]:
    """What can be typed as it stands; fragments are marked "python fragment"."""
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


def module_names() -> list[str]:
    """All modules but the extension, whose docstrings have a test of their own."""
    names = [module.name for module in pkgutil.walk_packages(pydl.__path__, "pydl.")]
    return ["pydl", *(name for name in names if not name.endswith(("__main__", "._core")))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of one document run one after the other, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(python_blocks(path), start=1):
        exec(compile(block, f"{path.name}, block {number}", "exec"), namespace)


def test_the_readme_has_examples() -> None:
    assert len(python_blocks(ROOT / "README.md")) >= 2


@pytest.mark.parametrize("name", module_names())
def test_docstrings_of_modules(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pydl.manual_seed(0)
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.failed == 0


def extension_docstrings() -> list[tuple[str, str]]:
    """Docstrings in the extension, which doctest does not look for by itself."""
    core = importlib.import_module("pydl._core")
    public = {name: getattr(core, name) for name in vars(core) if hasattr(pydl, name)}
    owners = {
        "pydl": types.SimpleNamespace(**public),
        "pydl.Tensor": pydl.Tensor,
        "pydl.Generator": pydl.Generator,
    }
    owners |= {
        f"pydl._core.{name}": getattr(core, name) for name in ("linalg", "nn", "optim", "io")
    }
    return [
        (f"{prefix}.{name}", member.__doc__)
        for prefix, owner in owners.items()
        for name, member in vars(owner).items()
        if ">>>" in (getattr(member, "__doc__", None) or "")
    ]


@pytest.mark.parametrize(("name", "text"), extension_docstrings(), ids=lambda value: value[:40])
def test_docstrings_of_the_extension(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pydl.manual_seed(0)
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert result.failed == 0
