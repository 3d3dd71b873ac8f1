"""Every function that reads files: a damaged or hostile one is a ValueError that names it."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_readers import READERS, Reader, public_readers
from file_writers import model
from PIL import Image

import pydl
from pydl.text import BytePairEncoding, Vocabulary, WordVectors

every_reader = pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())


def test_the_table_has_every_reader():
    known = {key.split(" ")[0] for key in READERS}
    missing = [
        name for name in public_readers() if not any(key.endswith(f".{name}") for key in known)
    ]
    assert missing == []


def check(reader: Reader, path: Path) -> bool:
    """Read the file; whether it was refused, which only the right errors may say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader.read(path)
        except (ValueError, OSError) as error:
            assert path.stem in str(error), f"{error!r} does not name the file"
            return True
    return False


def numbers_in(content: bytes) -> Iterator[bytes]:
    """The content with numbers of its text changed, whether or not they mean sizes."""
    for number in (b"0", b"1", b"-1", b"9" * 5000, b"4611686018427387904", b"1e400", b"null"):
        for place in [i for i, byte in enumerate(content) if chr(byte).isdigit()][:40]:
            yield content[:place] + number + content[place + 1 :]


def damaged(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Files that begin as a sound one."""
    for _ in range(60):
        yield content[: chance.randrange(len(content))]
    for _ in range(250):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(min(len(content), chance.choice((64, 512, 4096))))] = (
                chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            )
        yield bytes(changed)
    for _ in range(60):
        at = chance.randrange(len(content))
        yield content[:at] + chance.randbytes(chance.choice((1, 4, 40))) + content[at:]
        yield content[:at] + content[at + chance.choice((1, 4, 40)) :]


@every_reader
class TestEveryReader:
    def test_sound_files(self, reader: Reader, tmp_path: Path):
        path = tmp_path / f"a-file{reader.suffix}"
        reader.make(path)
        assert not check(reader, path)

    def test_damaged_files(self, reader: Reader, tmp_path: Path):
        path = tmp_path / f"a-file{reader.suffix}"
        reader.make(path)
        content = path.read_bytes()
        refused = 0
        for each in damaged(content, random.Random(len(content))):
            path.write_bytes(each)
            refused += check(reader, path)
        assert refused > 50

    def test_changed_numbers(self, reader: Reader, tmp_path: Path):
        path = tmp_path / f"a-file{reader.suffix}"
        reader.make(path)
        contents = list(numbers_in(path.read_bytes()))
        assert contents
        for each in contents:
            path.write_bytes(each)
            check(reader, path)

    def test_other_contents(self, reader: Reader, tmp_path: Path):
        path = tmp_path / f"a-file{reader.suffix}"
        reader.make(path)
        deep = b"[" * 200_000
        formats = (b'{"format": "pydl.text.Vocabulary", "tokens": %b', b"%b", b'{"a": %b')
        contents = [b"", b"\0" * 100, b"\xff" * 100, b"text", *(f % deep for f in formats)]
        contents += [struct.pack("<Q", len(deep)) + deep, b"\x80\x02" + b"(" * 100_000 + b"."]
        for content in contents:
            path.write_bytes(content)
            # A text without lines has no words, which is nothing wrong.
            is_sound = content == b"" and reader is READERS["pydl.text.WordVectors.from_text"]
            assert check(reader, path) != is_sound

    def test_what_is_no_file(self, reader: Reader, tmp_path: Path):
        path = tmp_path / f"a-file{reader.suffix}"
        if reader.suffix == ".npy":
            path.with_suffix(".txt").write_text("")
        with pytest.raises(FileNotFoundError, match="a-file") as caught:
            reader.read(path)
        assert caught.value.filename == str(path)
        path.mkdir()
        with pytest.raises(IsADirectoryError) as caught:
            reader.read(path)
        assert caught.value.filename == str(path)


# --- files that promise more than they have -------------------------------------------------------


def most_memory(work: Callable[[], Any]) -> int:
    """How many bytes the process grew by, at its peak, during a call in a child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        gc.collect()  # reads all objects, whose pages count only when the child has used them
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            work()
        finally:
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            os.write(write, struct.pack("<q", grown * 1024))
            os._exit(0)
    os.waitpid(child, 0)
    grown = struct.unpack("<q", os.read(read, 8))[0]
    os.close(read), os.close(write)
    return int(grown)


def png(path: Path, width: int, height: int, bits: int, colour: int) -> Path:
    """An image of zeros, which packs well."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    row = b"\0" * (1 + width * bits // 8 * (3 if colour == 2 else 1))
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
    return path


class TestSizes:
    @pytest.mark.parametrize(("bits", "colour"), [(8, 0), (8, 2), (16, 0), (16, 2)])
    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_images_are_bounded_before_they_are_decoded(self, bits, colour, tmp_path):
        path = png(tmp_path / "large.png", 11_000, 10_000, bits, colour)
        with pytest.raises(ValueError, match=r"large\.png.*11000 x 10000 pixels.*max_pixels"):
            pydl.data.load_image(path)
        (tmp_path / "data" / "class").mkdir(parents=True)
        path.rename(tmp_path / "data" / "class" / path.name)
        folder = pydl.data.ImageFolder(tmp_path / "data")
        with pytest.raises(ValueError, match=r"large\.png.*max_pixels.*skip_errors=True"):
            folder[0]
        assert most_memory(lambda: folder[0]) < 20_000_000

    @pytest.mark.parametrize(("bits", "colour"), [(8, 0), (8, 2), (16, 0), (16, 2)])
    def test_memory_grows_with_the_pixels(self, bits, colour, tmp_path):
        path = png(tmp_path / "large.png", 4_000, 5_000, bits, colour)
        assert pydl.data.load_image(path, max_pixels=20_000_000).shape == (5_000, 4_000, 3)
        with pytest.raises(ValueError, match="max_pixels 19999999"):
            pydl.data.load_image(path, max_pixels=19_999_999)
        bytes_per_pixel = most_memory(lambda: pydl.data.load_image(path)) / 20_000_000
        assert bytes_per_pixel < 18  # 14.1 in a new process, up to 16.4 after other tests

    def test_an_array_is_no_larger_than_its_file(self, tmp_path):
        path = tmp_path / "large.npy"
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (400000000, 50), }\n"
        path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        (tmp_path / "words").write_text("a\n")
        with pytest.raises(ValueError, match=r"large\.npy.*takes 80000000000 bytes, 0 follow"):
            WordVectors.from_npy(path, tmp_path / "words")

    @pytest.mark.parametrize("descr", ["'|O'", "[('a', '<f4')]", "'<M8[s]'", "'<U7'", "7"])
    def test_arrays_of_other_things(self, descr, tmp_path):
        path = tmp_path / "other.npy"
        header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (), }}\n".encode()
        path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        with pytest.raises(ValueError, match=r"other\.npy.*expected a dtype of numbers"):
            WordVectors.from_npy(path, path)

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2", "i1"])
    def test_arrays_of_numbers(self, dtype, order, tmp_path):
        values = np.array(np.arange(6).reshape(3, 2), dtype, order=order)
        np.save(tmp_path / "a.npy", values)
        (tmp_path / "words").write_text("a\nb\nc\n")
        found = WordVectors.from_npy(tmp_path / "a.npy", tmp_path / "words")
        np.testing.assert_array_equal(found.vectors, values.astype(np.float32))

    def test_tokens_do_not_double_for_ever(self, tmp_path):
        path = tmp_path / "doubled.json"
        merges = [[0, 0]] + [[256 + i, 256 + i] for i in range(60)]
        record = {"format": "pydl.text.BytePairEncoding", "special_tokens": [], "characters": []}
        path.write_text(json.dumps(record | {"merges": merges}))
        with pytest.raises(ValueError, match=r"doubled\.json.*tokens of at most"):
            BytePairEncoding.load(path)

    def test_nesting(self, tmp_path):
        path = tmp_path / "deep.json"
        path.write_text("[" * 100_000)
        for load in (Vocabulary.load, BytePairEncoding.load):
            with pytest.raises(ValueError, match=r"deep\.json.*nested too deeply"):
                load(path)


# --- programs that ask for more than their reader allows ------------------------------------------


class TestWork:
    def test_a_small_file_may_ask_for_much(self, tmp_path):
        path = tmp_path / "greedy.pydl"
        pydl.save_program(
            path,
            lambda x: (pydl.ones((3000, 3000)) + x.sum()) @ pydl.ones((3000, 3000)),
            pydl.zeros((2,)),
            open_batch=False,
        )
        assert path.stat().st_size < 2000
        start = time.monotonic()
        with pytest.raises(ValueError, match=r"greedy\.pydl.*needs 540\d{8} operations"):
            pydl.load(path, max_operations=10**9)
        assert time.monotonic() - start < 1
        assert pydl.load(path, max_operations=10**11)(pydl.zeros((2,))).shape == (3000, 3000)

    def test_each_batch_is_counted(self, tmp_path):
        path = tmp_path / "open.pydl"
        pydl.save_program(path, model(), pydl.zeros((2, 64)))
        program = pydl.load(path, max_operations=200_000)
        assert program(pydl.zeros((4, 64))).shape == (4, 3)
        with pytest.raises(ValueError, match=r"for a batch of 400, more than the 200000"):
            program(pydl.zeros((400, 64)))
        assert program(pydl.zeros((4, 64))).shape == (4, 3)
        with pytest.raises(ValueError, match=r"for a batch of 400"):
            pydl.load(path, batch_size=400, max_operations=200_000)

    def test_overflow_is_the_most(self, tmp_path):
        path = tmp_path / "huge.pydl"
        big = 2**21
        pydl.save_program(
            path,
            lambda x: (x.reshape(1, 1).expand(big, big) @ x.reshape(1, 1).expand(big, big)).sum(),
            pydl.zeros((1,)),
            open_batch=False,
        )
        with pytest.raises(ValueError, match="needs 9223372036854775807 operations"):
            pydl.load(path, max_operations=10**15)

    @pytest.mark.parametrize("limit", [-1, 10**30])
    def test_limits(self, limit, tmp_path):
        path = tmp_path / "open.pydl"
        pydl.save_program(path, model(), pydl.zeros((2, 64)))
        with pytest.raises((ValueError, TypeError)):
            pydl.load(path, max_operations=limit)


# --- pictures in folders --------------------------------------------------------------------------


class TestFolders:
    def make(self, root: Path) -> Path:
        for name in ("cat", "dog"):
            (root / name).mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (4, 3), (number, 0, 0)).save(root / name / f"{number}.PNG")
        return root

    def test_other_files_are_left_out_with_a_word(self, tmp_path):
        root = self.make(tmp_path / "pets")
        for stray in ("cat/Thumbs.db", "dog/notes.txt", "dog/labels.csv"):
            (root / stray).write_bytes(b"\xd0\xcf\x11\xe0")
        with pytest.warns(UserWarning, match=r"left out 3 files.*Thumbs\.db") as caught:
            folder = pydl.data.ImageFolder(root)
        assert len(caught) == 1 and caught[0].filename == __file__
        assert len(folder) == 4 and len(folder.ignored) == 3
        assert len(list(pydl.data.DataLoader(folder, 2))) == 2

    def test_no_word_where_there_is_nothing_else(self, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert pydl.data.ImageFolder(self.make(tmp_path / "pets")).ignored == []

    def test_damaged_images_say_what_to_do(self, tmp_path):
        root = self.make(tmp_path / "pets")
        (root / "cat" / "2.png").write_bytes((root / "cat" / "0.PNG").read_bytes()[:30])
        with pytest.raises(ValueError, match=r"2\.png.*skip_errors=True"):
            list(pydl.data.DataLoader(pydl.data.ImageFolder(root), 2))
        folder = pydl.data.ImageFolder(root, skip_errors=True)
        assert folder.skipped == [root / "cat" / "2.png"]

    def test_a_class_without_images(self, tmp_path):
        root = self.make(tmp_path / "pets")
        (root / "fish").mkdir()
        (root / "fish" / "a.txt").write_text("")
        with pytest.raises(FileNotFoundError, match=r"no images in .*fish, among 1 files"):
            pydl.data.ImageFolder(root)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
    def test_photos_are_turned_upright(self, orientation, suffix, tmp_path):
        from PIL import ImageOps

        pixels = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((8, 8), np.uint8))
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / "data" / "class" / f"a.{suffix}"
        path.parent.mkdir(parents=True)
        lossless = {"lossless": True} if suffix == "webp" else {}
        Image.fromarray(pixels).convert("RGB").save(path, exif=exif, **lossless)
        with Image.open(path) as image:
            stored = np.asarray(image.convert("RGB"))  # Pillow turns TIFF files by itself
            stored = stored if suffix == "jpg" else np.stack([pixels] * 3, axis=2)
            upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert (upright.shape != stored.shape) == (orientation >= 5)
        np.testing.assert_array_equal(pydl.data.load_image(path), upright)
        folder = pydl.data.ImageFolder(tmp_path / "data")
        np.testing.assert_array_equal(folder[0][0], upright)
        folder = pydl.data.ImageFolder(tmp_path / "data", apply_exif_orientation=False)
        np.testing.assert_array_equal(folder[0][0], stored)

    def test_programs_are_not_run(self, tmp_path):
        path = tmp_path / "pets" / "cat" / "a.eps"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (4, 3)).save(path)
        with pytest.raises(ValueError, match=r"a\.eps.*EPS files are programs"):
            pydl.data.load_image(path)
        Image.new("RGB", (4, 3)).save(path.with_suffix(".png"))
        with pytest.warns(UserWarning, match=r"left out 1 file .*a\.eps"):
            assert len(pydl.data.ImageFolder(tmp_path / "pets")) == 1

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_other_orientations_mean_nothing(self, orientation, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (4, 3)).save(tmp_path / "a.jpg", exif=exif)
        assert pydl.data.load_image(tmp_path / "a.jpg").shape == (3, 4, 3)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_damaged_notes_of_a_camera(self, tmp_path):
        Image.new("RGB", (4, 3)).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
        assert pydl.data.load_image(tmp_path / "a.jpg").shape == (3, 4, 3)
