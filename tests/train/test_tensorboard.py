"""Event files: read back by a small reader of our own, and by TensorBoard's where it is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback, EarlyStopping, TensorBoard
from pydl.training.callbacks import event_files

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def model() -> Any:
    pydl.manual_seed(0)
    layers = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
    layers.compile("sgd", "mse", ["mae"])
    return layers


def fit(*callbacks: Any, own: Any = None, **options: Any) -> Any:
    options = {"batch_size": 8, "epochs": 2, "verbose": 0, "validation_data": (X, Y)} | options
    return (own or model()).fit(X, Y, callbacks=list(callbacks), **options)


# --- a reader -------------------------------------------------------------------------------------


def slow_crc(data: bytes) -> int:
    """The definition of CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def unmasked(data: bytes) -> int:
    rotated = (struct.unpack("<I", data)[0] - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def messages(path: Path) -> Iterator[dict[int, list[Any]]]:
    data, place = path.read_bytes(), 0
    while place < len(data):
        length = data[place : place + 8]
        assert unmasked(data[place + 8 : place + 12]) == slow_crc(length)
        size = struct.unpack("<Q", length)[0]
        message = data[place + 12 : place + 12 + size]
        assert unmasked(data[place + 12 + size : place + 16 + size]) == slow_crc(message)
        place += 16 + size
        yield fields(message)
    assert place == len(data)


def fields(message: bytes) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = varint()
        if key & 7 == 0:
            value: Any = varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            value = message[place : place + size]
            place += size
            if key & 7 != 2:
                value = struct.unpack({1: "<d", 5: "<f"}[key & 7], value)[0]
        found.setdefault(key >> 3, []).append(value)
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("events.out.tfevents.*"))


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for path in files(folder):
        for message in messages(path):
            for summary in message.get(5, []):
                for value in map(fields, fields(summary).get(1, [])):
                    if 2 in value:
                        point = (message[2][0], value[2][0])
                        found.setdefault(value[1][0].decode(), []).append(point)
    return found


# --- checksums and pictures -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3, 9, 4095, 4096, 4097, 5000, 70001])
def test_checksums(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert event_files.crc32c(data) == slow_crc(data)


def test_the_checksum_of_the_standard() -> None:
    assert event_files.crc32c(b"123456789") == 0xE3069283
    assert event_files.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720
    assert event_files.crc32c(bytes(10000)) == slow_crc(bytes(10000))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pictures(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    data = event_files.png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    start = data.index(b"IDAT")
    size = struct.unpack(">I", data[start - 4 : start])[0]
    body = data[start + 4 : start + 4 + size]
    assert struct.unpack(">I", data[start + 4 + size : start + 8 + size])[0] == zlib.crc32(
        b"IDAT" + body
    )
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(5, 1 + 7 * channels)
    assert (rows[:, 0] == 0).all()
    np.testing.assert_array_equal(rows[:, 1:].reshape(5, 7, channels), pixels)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1])
def test_integers(value: int) -> None:
    assert fields(event_files.integer(5, value)) == {5: [value % 2**64]}


# --- trainings ------------------------------------------------------------------------------------


def test_values_of_epochs(tmp_path: Path) -> None:
    history = fit(TensorBoard(tmp_path / "lögs"), epochs=3).history
    train, validation = (scalars(tmp_path / "lögs" / run) for run in ("train", "validation"))
    for name in ("loss", "mae"):
        for found, values in ((train, history[name]), (validation, history[f"val_{name}"])):
            points = found[f"epoch_{name}"]
            assert [step for step, _ in points] == [0, 1, 2]
            assert [value for _, value in points] == pytest.approx(values, rel=1e-6)
    assert train["epoch_learning_rate"] == [(i, pytest.approx(0.01)) for i in range(3)]
    assert set(validation) == {"epoch_loss", "epoch_mae"}
    first = next(messages(files(tmp_path / "lögs" / "train")[0]))
    assert first[3] == [b"brain.Event:2"] and first[1][0] > 1e9


@pytest.mark.parametrize(("freq", "expected"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])])
def test_values_of_steps(freq: Any, expected: list[int], tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, update_freq=freq, write_steps_per_second=True)
    fit(board, epochs=2)
    found = scalars(tmp_path / "train")
    assert [step for step, _ in found["batch_loss"]] == expected
    assert [step for step, _ in found["batch_mae"]] == expected
    assert all(value > 0 for _, value in found["epoch_steps_per_second"])
    # It goes on counting where it is resumed.
    resumed = TensorBoard(tmp_path / "more", update_freq="batch")
    resumed.load_state_dict(board.state_dict())
    fit(resumed, epochs=3, initial_epoch=2)
    steps = [step for step, _ in scalars(tmp_path / "more" / "train")["batch_loss"]]
    assert steps == [7, 8, 9]
    fit(resumed, epochs=1)
    assert int(resumed.state_dict()["steps"]) == 3


def test_evaluations(tmp_path: Path) -> None:
    own, board = model(), TensorBoard(tmp_path)
    values = own.evaluate(X, Y, callbacks=board, verbose=0)
    assert scalars(tmp_path / "validation") == {
        f"evaluation_{name}_vs_iterations": [(0, pytest.approx(value))]
        for name, value in values.items()
    }


def test_each_training_has_its_files(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    fit(board)
    fit(board)
    assert [len(files(tmp_path / run)) for run in ("train", "validation")] == [2, 2]


def test_the_graph(tmp_path: Path) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(1, 1), nn.Linear(1, 1)

        def forward(self, x: Any) -> Any:
            return self.left(x) + self.right(x)

    own = nn.Sequential(nn.Linear(2, 1), nn.Sequential(Two(), nn.ReLU()))
    own.compile("sgd", "mse")
    fit(TensorBoard(tmp_path), own=own)
    graph = [m[4][0] for m in messages(files(tmp_path / "train")[0]) if 4 in m]
    nodes = {
        node[1][0].decode(): (node[2][0].decode(), [i.decode() for i in node.get(3, [])])
        for node in map(fields, fields(graph[0])[1])
    }
    start = "Sequential"
    assert nodes == {
        f"{start}/input": ("Placeholder", []),
        f"{start}/0": ("Linear", [f"{start}/input"]),
        f"{start}/1/0/left": ("Linear", []),
        f"{start}/1/0/right": ("Linear", []),
        f"{start}/1/0/output": (
            "Two", [f"{start}/0", f"{start}/1/0/left", f"{start}/1/0/right"]),
        f"{start}/1/1": ("ReLU", [f"{start}/1/0/output"]),
    }  # fmt: skip
    assert fields(fields(graph[0])[4][0]) == {1: [22]}
    fit(TensorBoard(tmp_path / "none", write_graph=False))
    assert not any(4 in m for m in messages(files(tmp_path / "none" / "train")[0]))


def test_histograms(tmp_path: Path) -> None:
    own = model()
    board = TensorBoard(tmp_path, histogram_freq=2)
    fit(board, own=own, epochs=4)
    found = []
    for message in messages(files(tmp_path / "train")[0]):
        for value in (fields(v) for s in message.get(5, []) for v in fields(s).get(1, [])):
            if 5 in value:
                found.append((message[2][0], value[1][0].decode(), fields(value[5][0])))
    names = [f"{name}/histogram" for name, _ in own.named_parameters()]
    assert [(step, name) for step, name, _ in found] == [(s, n) for s in (1, 3) for n in names]
    for (_, parameter), (_, _, histogram) in zip(own.named_parameters(), found[4:], strict=True):
        values = parameter.detach().numpy().astype(np.float64)
        expected = (values.min(), values.max(), values.size, values.sum(), (values**2).sum())
        assert [histogram[i][0] for i in (1, 2, 3, 4, 5)] == pytest.approx(expected)
        limits, counts = (np.frombuffer(histogram[i][0], "<f8") for i in (6, 7))
        assert counts.sum() == values.size and len(limits) == len(counts)
        for low, high, count in zip(limits[:-1], limits[1:-1], counts[1:-1], strict=False):
            assert count == ((values >= low) & (values < high)).sum()


@pytest.mark.parametrize(
    "values", [[], [np.nan, np.inf, 1.0], [np.nan], [2.0] * 4, [1e300, -1e300]]
)
def test_histograms_of_anything(values: list[float], tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    board.add_histogram("h", values)
    board.add_histogram("b", pydl.ones((2, 3), dtype="bfloat16"), step=1)
    assert len(list(messages(files(tmp_path / "train")[0]))) == 3


def test_pictures_are_checked(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    for shape in ((3,), (5, 4, 4), (1, 1, 1, 1), (3, 0, 2)):
        with pytest.raises(ValueError, match=r"add_image: expected an image .* got shape \("):
            board.add_image("a", np.zeros(shape))
    board.add_image("a", np.array([[0.0, 0.5, 1.0, 2.0, -1.0, np.nan]]))
    value = fields(fields(list(messages(files(tmp_path / "train")[0]))[1][5][0])[1][0])
    png = fields(value[4][0])[4][0]
    start = png.index(b"IDAT") + 4
    assert list(zlib.decompress(png[start:-16])) == [0, 0, 128, 255, 255, 0, 0]


def test_options() -> None:
    for options, message in (
        ({"histogram_freq": -1}, "histogram_freq to be an integer of at least 0"),
        ({"update_freq": 0}, "update_freq, unless 'epoch' or 'batch', to be an integer"),
        ({"update_freq": "step"}, "update_freq, unless 'epoch' or 'batch'"),
        ({"hparams": [1]}, "hparams as a mapping, got list"),
    ):
        with pytest.raises(ValueError, match=f"TensorBoard: expected {message}"):
            TensorBoard("logs", **options)  # type: ignore[arg-type]


def test_values_that_do_not_fit_in_32_bits(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    for value in (1e300, -1e300, float("nan")):
        board.add_scalar("a", value)
    points = [value for _, value in scalars(tmp_path / "train")["a"]]
    assert points[:2] == [np.inf, -np.inf] and np.isnan(points[2])


# --- TensorBoard's own reader ---------------------------------------------------------------------


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(
        tmp_path, histogram_freq=1, hparams={"lr": 0.5, "name": "größe", "wide": True, "n": 3}
    )
    own = model()

    class Draw(Callback):
        def on_epoch_end(self, epoch: int) -> None:
            board.add_image("noise", np.full((3, 4, 5), 0.5), epoch)
            board.add_text("note", "# größe", epoch)

    history = fit(board, Draw(), EarlyStopping(patience=9), own=own, epochs=2).history
    everything = dict.fromkeys(accumulator.DEFAULT_SIZE_GUIDANCE, 0)
    read = accumulator.EventAccumulator(str(tmp_path / "train"), everything)
    read.Reload()
    assert [e.value for e in read.Scalars("epoch_loss")] == pytest.approx(history["loss"])
    assert [e.step for e in read.Scalars("epoch_mae")] == [0, 1]
    assert read.file_version == 2.0
    weights = own[0].weight.detach().numpy()
    last = read.Histograms("0.weight/histogram")[1].histogram_value
    assert (last.num, last.min) == (weights.size, pytest.approx(weights.min()))
    assert sum(last.bucket) == weights.size
    picture = read.Images("noise")[0]
    assert (picture.width, picture.height) == (5, 4)
    nodes = {node.name: (node.op, list(node.input)) for node in read.Graph().node}
    assert nodes["Sequential/1/1"] == ("Linear", ["Sequential/1/0"])
    assert read.Tensors("note")[1].tensor_proto.string_val[0].decode() == "# größe"
    from tensorboard.plugins.hparams import metadata

    content = read.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    assert (found["lr"].number_value, found["name"].string_value) == (0.5, "größe")
    assert found["wide"].bool_value is True and found["n"].number_value == 3
