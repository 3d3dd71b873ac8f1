"""All public functions that read files, by name: how to make one, and how to read it."""

from __future__ import annotations

import inspect
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from file_writers import model, modules
from PIL import Image

import pydl
from pydl.models.weights import load_weights
from pydl.text import BytePairEncoding, Vocabulary, WordVectors

VERBS = ("load", "read", "from_text", "from_npy")


class Reader(NamedTuple):
    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    suffix: str = ""


def pixels(bits: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if bits == 16:
        return rng.integers(0, 65536, (9, 7), np.uint16)
    return rng.integers(0, 256, (9, 7, 3), np.uint8)


def image(bits: int = 8, **options: Any) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(pixels(bits)).save(path, **options)


def checkpoint(path: Path) -> None:
    """A checkpoint as PyTorch writes them: a zip file with a pickle and the storages."""
    text = b"\x80\x02}q\x00X\x01\x00\x00\x00xq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02("
    text += b"(X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05"
    text += b"X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89"
    text += b"ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", text)
        archive.writestr("archive/byteorder", b"little")
        archive.writestr("archive/data/0", struct.pack("<6f", *range(6)))


def glove(path: Path) -> None:
    path.write_text("the 0.1 0.2 0.3\nof 0.4 0.5 0.6\n")


def vectors(path: Path) -> None:
    np.save(path, np.eye(3, dtype=np.float32))
    path.with_suffix(".txt").write_text("a\nb\nc\n")


class OneTensor(pydl.nn.Module):
    """A model of which the files in the table are."""

    def __init__(self) -> None:
        super().__init__()
        self.x = pydl.nn.Parameter(pydl.zeros((2, 3)))


def into_model(path: Path) -> Any:
    return load_weights(OneTensor(), path)


def from_folder(path: Path) -> Any:
    """Read the file as the only image of a folder."""
    place = path.parent / "folder"
    (place / "class").mkdir(parents=True, exist_ok=True)
    for old in (place / "class").iterdir():
        old.unlink()
    (place / "class" / path.name).write_bytes(path.read_bytes())
    return pydl.data.ImageFolder(place)[0]


READERS: dict[str, Reader] = {
    "pydl.load": Reader(
        lambda path: pydl.save(path, {"x": pydl.ones((2, 3))}, {"a": "b"}), pydl.load
    ),
    "pydl.load (program)": Reader(
        lambda path: pydl.save_program(path, model(), pydl.zeros((2, 64))), pydl.load
    ),
    "pydl.interop.load": Reader(
        lambda path: pydl.save(path, {"x": pydl.ones((2, 3))}), pydl.interop.load
    ),
    "pydl.interop.load_metadata": Reader(
        lambda path: pydl.save(path, {}, {"a": "1"}), pydl.interop.load_metadata
    ),
    "pydl.Model.load": Reader(lambda path: model().save(path), lambda path: model().load(path)),
    "pydl.interop.load_torch_weights": Reader(checkpoint, pydl.interop.load_torch_weights),
    "pydl.models.weights.load_weights (safetensors)": Reader(
        lambda path: pydl.save(path, {"x": pydl.ones((2, 3))}), into_model, ".safetensors"
    ),
    "pydl.models.weights.load_weights (checkpoint)": Reader(checkpoint, into_model, ".pth"),
    "pydl.text.Vocabulary.load": Reader(
        lambda path: Vocabulary(["a", "b"]).save(path), Vocabulary.load
    ),
    "pydl.text.BytePairEncoding.load": Reader(
        lambda path: BytePairEncoding([(97, 98), (256, 99)], "ä").save(path), BytePairEncoding.load
    ),
    "pydl.text.WordVectors.from_text": Reader(glove, WordVectors.from_text),
    "pydl.text.WordVectors.from_npy": Reader(
        vectors, lambda path: WordVectors.from_npy(path, path.with_suffix(".txt")), ".npy"
    ),
    "pydl.data.load_image (PNG)": Reader(image(), pydl.data.load_image, ".png"),
    "pydl.data.load_image (16 bits)": Reader(image(16), pydl.data.load_image, ".png"),
    "pydl.data.load_image (JPEG)": Reader(image(), pydl.data.load_image, ".jpg"),
    "pydl.data.load_image (GIF)": Reader(image(), pydl.data.load_image, ".gif"),
    "pydl.data.load_image (BMP)": Reader(image(), pydl.data.load_image, ".bmp"),
    "pydl.data.load_image (TIFF)": Reader(
        image(compression="tiff_lzw"), pydl.data.load_image, ".tiff"
    ),
    "pydl.data.load_image (WebP)": Reader(image(), pydl.data.load_image, ".webp"),
    "pydl.data.ImageFolder": Reader(image(), from_folder, ".png"),
}

# It reads state that is in memory, not files.
IN_MEMORY = {"load_state_dict"}
# The files of these are compared with pinned hashes before anything is read from them.
PINNED = "pydl.datasets"


def public_readers() -> set[str]:
    """Names of public functions, and methods of public classes, that read by their names."""
    found = set()
    for module in modules():
        if module.__name__.startswith(PINNED):
            continue
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", "").startswith(PINNED):
                continue
            if inspect.isclass(thing):
                found |= {f"{thing.__name__}.{m}" for m in vars(thing) if m.startswith(VERBS)}
            elif callable(thing) and name.startswith(VERBS):
                found.add(name)
    return {name for name in found if name.split(".")[-1] not in IN_MEMORY}
