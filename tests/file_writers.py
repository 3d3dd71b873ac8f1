"""All public functions that write files, by name: what is called with a path."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pydl
from pydl.datasets import files
from pydl.text import BytePairEncoding, Vocabulary
from pydl.training import ModelCheckpoint

Writer = Callable[[Any], None]

# What the names of functions that write begin with.
VERBS = ("save", "plot", "write", "export", "dump")


class Picture:
    """What `History.plot` needs of a figure."""

    def savefig(self, file: Any, *, format: str, dpi: int) -> None:
        file.write(f"a {format} of {dpi} dpi".encode() * 1000)


def model() -> pydl.Model:
    layers = pydl.nn.Sequential(pydl.nn.Linear(64, 64), pydl.nn.ReLU(), pydl.nn.Linear(64, 3))
    layers(pydl.zeros((2, 64)))
    return layers


def checkpoint(path: Any) -> None:
    callback = ModelCheckpoint(path)
    callback.model = model()
    callback.on_epoch_end(0, {"val_loss": 1.0})


def downloaded(path: Any) -> None:
    """Fetch what an address consists of."""
    from hashlib import sha256

    path = Path(path)
    data = files.DataFile(path.name, sha256(b"data" * 1000).hexdigest())
    files.download("data:," + "data" * 1000, data, path.parent)


def program(path: Any) -> None:
    pydl.save_program(path, model(), pydl.zeros((2, 64)))


@functools.cache
def golden_program() -> Any:
    source = Path(__file__).parent / "programs" / "golden"
    return pydl.load(min(source.glob("v*/*.pydl")))


def loaded_program(path: Any) -> None:
    golden_program().save(path)


WRITERS: dict[str, Writer] = {
    "pydl.save": lambda path: pydl.save(path, {"x": pydl.zeros((5000,))}),
    "pydl.save_program": program,
    "pydl.programs.Program.save": loaded_program,
    "pydl.Model.save": lambda path: model().save(path),
    "pydl.Model.save (program)": lambda path: model().save(path, pydl.zeros((2, 64))),
    "pydl.text.Vocabulary.save": lambda path: Vocabulary(map(str, range(2000))).save(path),
    "pydl.text.BytePairEncoding.save": lambda path: BytePairEncoding.train(
        ["low lower lowest " * 9], 1300, special_tokens=[str(i) for i in range(999)]
    ).save(path),
    "pydl.training.History.plot": lambda path: pydl.training.history._save(Picture(), str(path)),
    "pydl.plot_model": lambda path: pydl.training.plotting._save("<svg/>" * 1000, path),
    "pydl.training.ModelCheckpoint": checkpoint,
    "pydl.datasets.files.write_file": lambda path: files.write_file(Path(path), b"data" * 1000),
    "pydl.datasets.files.download": downloaded,
}


def modules() -> Iterator[ModuleType]:
    """All public modules of pydl."""
    yield pydl
    for info in pkgutil.walk_packages(pydl.__path__, "pydl."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield import_module(info.name)


def public_writers() -> set[str]:
    """Names of public functions, and methods of public classes, that write by their names."""
    found = set()
    for module in modules():
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isclass(thing):
                for method in vars(thing).keys() - {"save_for_backward"}:  # keeps tensors in memory
                    if method.startswith(VERBS) and callable(getattr(thing, method)):
                        found.add(f"{thing.__qualname__}.{method}")
            elif callable(thing) and name.startswith(VERBS):
                found.add(name)
    return found
