"""PyTorch's checkpoint files: what is read from both formats, and what is refused."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.interop import load_torch_weights

LEGACY, ZIP = "legacy", "zip"
FORMATS = [LEGACY, ZIP]
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16"]
MAGIC = 0x1950A86A20F9469CFC6C


# --- files by real PyTorch ------------------------------------------------------------------------


def save_by_torch(path: Path, content: Any, form: str) -> Path:
    torch = pytest.importorskip("torch")
    torch.save(content, path, _use_new_zipfile_serialization=form == ZIP)
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(tmp_path: Path, form: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    content = {"x": torch.tensor([[-1.5, 2, 3], [0, 1e4, -7]]).to(getattr(torch, dtype))}
    x = load_torch_weights(save_by_torch(tmp_path / "w.pt", content, form))["x"]
    assert x.dtype == dtype
    assert x.tolist() == content["x"].tolist()


@pytest.mark.parametrize("form", FORMATS)
def test_small_dtypes_and_shapes(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    content = {
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 4),
        "bfloat16 scalar": torch.tensor(0.5, dtype=torch.bfloat16),
        "one": torch.arange(4.0).expand(1, 4),
    }
    loaded = load_torch_weights(save_by_torch(tmp_path / "w.pt", content, form))
    assert list(loaded) == list(content)
    for name, tensor in content.items():
        assert loaded[name].shape == tuple(tensor.shape)
        assert str(tensor.dtype) == f"torch.{loaded[name].dtype}"
        assert loaded[name].tolist() == tensor.tolist()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_views_of_one_storage(tmp_path: Path, form: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(60.0).reshape(3, 4, 5).to(getattr(torch, dtype))
    content = {
        "base": base,
        "transposed": base.permute(2, 0, 1),
        "part": base[1:, ::2, 1:4],
        "element": base[2, 3, 4],
        "channels last": base[None].contiguous(memory_format=torch.channels_last),
    }
    loaded = load_torch_weights(save_by_torch(tmp_path / "w.pt", content, form))
    for name, tensor in content.items():
        assert loaded[name].tolist() == tensor.tolist(), name
    if dtype == "float32":
        assert np.shares_memory(loaded["base"].numpy(), loaded["part"].numpy())
        loaded["base"][2, 3, 4] = -1.0
        assert loaded["element"].item() == -1.0


@pytest.mark.parametrize("form", FORMATS)
def test_state_dict_of_a_module(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    model[1].weight = model[0].bias  # tied
    path = save_by_torch(tmp_path / "w.pt", model.state_dict(), form)
    loaded = load_torch_weights(path)
    assert {name: x.tolist() for name, x in loaded.items()} == {
        name: x.tolist() for name, x in model.state_dict().items()
    }
    assert loaded["1.weight"] is loaded["0.bias"]
    parameters = save_by_torch(tmp_path / "p.pt", dict(model.named_parameters()), form)
    assert load_torch_weights(parameters)["0.weight"].tolist() == model[0].weight.tolist()


@pytest.mark.parametrize("form", FORMATS)
def test_entry_of_a_training_checkpoint(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    content = {"epoch": 3, "state_dict": {"w": torch.ones(2)}, "lr": [0.1, None], "best": True}
    path = save_by_torch(tmp_path / "w.pt", content, form)
    assert load_torch_weights(path, key="state_dict")["w"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"other things as well: epoch.*key='state_dict'"):
        load_torch_weights(path)
    with pytest.raises(ValueError, match=r"one of the file's entries, epoch.*got 'model'"):
        load_torch_weights(path, key="model")
    with pytest.raises(ValueError, match=r"entry 'lr': expected a dict of tensors, got a list"):
        load_torch_weights(path, key="lr")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_protocols(tmp_path: Path, form: str, protocol: int) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "w.pt"
    content = collections.OrderedDict(w=torch.ones(2), n=torch.tensor([2**40, -(2**40)]))
    torch.save(
        content,
        path,
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=form == ZIP,
    )
    assert load_torch_weights(path)["n"].tolist() == [2**40, -(2**40)]


@pytest.mark.parametrize("form", FORMATS)
def test_whole_modules_are_refused(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    path = save_by_torch(tmp_path / "w.pt", torch.nn.Linear(2, 2), form)
    with pytest.raises(ValueError, match=r"w\.pt: .*refused torch\.nn\.modules\.linear\.Linear"):
        load_torch_weights(path)


@pytest.mark.parametrize("form", FORMATS)
def test_repeated_elements_are_refused(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    path = save_by_torch(tmp_path / "w.pt", {"x": torch.ones(1).expand(2**40)}, form)
    with pytest.raises(ValueError, match="more elements than storage"):
        load_torch_weights(path)


# --- files made by hand ---------------------------------------------------------------------------


class Global:
    """Pickled as a name to look up."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> str:
        return self.name


class Call:
    """Pickled as a call of a name with arguments."""

    def __init__(self, function: Global, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Storage:
    def __init__(self, key: str, kind: str, count: Any, view: Any = None) -> None:
        self.identity = ("storage", Global(f"torch {kind}"), key, "cpu", count, view)


class HandPickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes names of classes that need not exist here."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            module, _, name = obj.name.partition(" ")
            self.write(b"c" + f"{module}\n{name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(b"R")
        elif isinstance(obj, Storage):
            self.save(obj.identity)
            self.write(b"Q")
        else:
            super().save(obj, False)


def dump(content: Any) -> bytes:
    file = io.BytesIO()
    HandPickler(file, 2).dump(content)
    return file.getvalue()


def tensor(
    storage: Storage, offset: Any = 0, size: Any = (4,), stride: Any = (1,), version: str = "_v2"
) -> Call:
    rest = (False, {}) if version else ()
    function = Global(f"torch._utils _rebuild_tensor{version}")
    return Call(function, storage, offset, size, stride, *rest)


def make(
    path: Path,
    form: str,
    content: Any,
    storages: dict[str, bytes] | None = None,
    counts: dict[str, int] | None = None,
    little: bool = True,
) -> Path:
    storages = {"0": np.arange(4, dtype="<f4").tobytes()} if storages is None else storages
    pickled = content if isinstance(content, bytes) else dump(content)
    if form == LEGACY:
        head = [MAGIC, 1001, {"little_endian": little, "type_sizes": {"long": 4}}]
        raw = b"".join(map(dump, head)) + pickled + dump(list(storages))
        for key, elements in storages.items():
            count = (counts or {}).get(key, len(elements) // 4)
            raw += struct.pack("<q" if little else ">q", count) + elements
        path.write_bytes(raw)
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("any/data.pkl", pickled)
        archive.writestr("any/byteorder", "little" if little else "big")
        for key, elements in storages.items():
            archive.writestr(f"any/data/{key}", elements)
    return path


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("version", ["", "_v2"])
def test_file_made_by_hand(tmp_path: Path, form: str, version: str) -> None:
    content = {
        "x": tensor(Storage("0", "FloatStorage", 4), version=version),
        "y": tensor(Storage("0", "FloatStorage", 4), 1, (1, 2), (5, 2), version),
    }
    loaded = load_torch_weights(make(tmp_path / "w.pt", form, content))
    assert loaded["x"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert loaded["y"].tolist() == [[1.0, 3.0]]
    loaded["x"][1] = 5.0  # not read-only
    assert loaded["y"][0, 0].item() == 5.0


def test_ordered_dicts_of_python_2(tmp_path: Path, form: str) -> None:
    pairs = [["x", tensor(Storage("0", "FloatStorage", 4))]]
    content = Call(Global("collections OrderedDict"), pairs)
    assert list(load_torch_weights(make(tmp_path / "w.pt", form, content))) == ["x"]


def test_views_of_storages_in_old_files(tmp_path: Path) -> None:
    storage = Storage("0", "FloatStorage", 4, ("1", 1, 3))
    content = {"x": tensor(storage, 1, (2,), (1,))}
    loaded = load_torch_weights(make(tmp_path / "w.pt", LEGACY, content))
    assert loaded["x"].tolist() == [2.0, 3.0]
    content = {"x": tensor(storage, 1, (3,), (1,))}
    with pytest.raises(ValueError, match="reaches outside of storage 0, which has 3 elements"):
        load_torch_weights(make(tmp_path / "w.pt", LEGACY, content))
    content = {"x": tensor(Storage("0", "FloatStorage", 4, ("1", 2, 3)), 0, (1,))}
    with pytest.raises(ValueError, match="a view reaches outside of its 4 elements"):
        load_torch_weights(make(tmp_path / "w.pt", LEGACY, content))


def test_big_endian_files(tmp_path: Path, form: str) -> None:
    content = {"x": tensor(Storage("0", "FloatStorage", 4))}
    elements = {"0": np.arange(4, dtype=">f4").tobytes()}
    path = make(tmp_path / "w.pt", form, content, elements, little=False)
    assert load_torch_weights(path)["x"].tolist() == [0.0, 1.0, 2.0, 3.0]


# --- refusals -------------------------------------------------------------------------------------


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_code_is_not_run(tmp_path: Path, form: str) -> None:
    victim = tmp_path / "victim"
    attack = pickle.dumps({"x": Malicious(victim)}, protocol=2)
    name = f"{os.system.__module__}.system"
    with pytest.raises(ValueError, match=rf"w\.pt: pickle, at byte \d+: refused {name}"):
        load_torch_weights(make(tmp_path / "w.pt", form, attack))
    assert not victim.exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "builtins getattr", "torch load", "os system", "torch._utils x"]
)
def test_names_are_refused(tmp_path: Path, form: str, name: str) -> None:
    content = {"x": Call(Global(name), "1 + 1")}
    with pytest.raises(ValueError, match="refused " + name.replace(" ", ".")):
        load_torch_weights(make(tmp_path / "w.pt", form, content))


STORAGE = Storage("0", "FloatStorage", 4)
ORDERED_DICT = Global("collections OrderedDict")
MALFORMED: dict[str, tuple[Any, str]] = {
    "size too large": ({"x": tensor(STORAGE, 0, (5,))}, "reaches outside of storage 0"),
    "huge size": ({"x": tensor(STORAGE, 0, (2**62, 2**62), (0, 0))}, "more elements"),
    "offset outside": ({"x": tensor(STORAGE, 4, (1,))}, "reaches outside"),
    "negative offset": ({"x": tensor(STORAGE, -1)}, "malformed offset"),
    "negative size": ({"x": tensor(STORAGE, 0, (-1,))}, "malformed size"),
    "negative stride": ({"x": tensor(STORAGE, 3, (4,), (-1,))}, "malformed strides"),
    "stride outside": ({"x": tensor(STORAGE, 0, (2,), (2**61,))}, "reaches outside"),
    "strides missing": ({"x": tensor(STORAGE, 0, (2, 2), (1,))}, "malformed offset or strides"),
    "many axes": ({"x": tensor(STORAGE, 0, (1,) * 9, (1,) * 9)}, "more than 8 axes"),
    "float size": ({"x": tensor(STORAGE, 0, (2.0,))}, "malformed size"),
    "size no tuple": ({"x": tensor(STORAGE, 0, 4)}, "malformed size"),
    "empty and huge": ({"x": tensor(STORAGE, 0, (0, 2**62, 2**62), (1, 1, 1))}, "large|exceeded"),
    "no storage": ({"x": Call(Global("torch._utils _rebuild_tensor_v2"), 1, 0, (), ())}, "storage"),
    "no arguments": ({"x": Call(Global("torch._utils _rebuild_tensor_v2"))}, "malformed tensor"),
    "no parameter": ({"x": Call(Global("torch._utils _rebuild_parameter"), 1)}, "parameter"),
    "call of data": ({"x": Call(Global("torch FloatStorage"), 4)}, "refused to call"),
    "called twice": ({"x": Call(Call(ORDERED_DICT), 4)}, "refused to call a dict"),
    "bad items": (Call(ORDERED_DICT, [[[], 1]]), "malformed items"),
    "complex": ({"x": tensor(Storage("0", "ComplexFloatStorage", 4))}, "refused torch.Complex"),
    "negative count": ({"x": tensor(Storage("0", "FloatStorage", -4))}, "number of elements"),
    "count no number": ({"x": tensor(Storage("0", "FloatStorage", "4"))}, "number of elements"),
    "two types": (
        {"x": tensor(STORAGE), "y": tensor(Storage("0", "IntStorage", 4))},
        "storage 0 is given twice",
    ),
    "too few bytes": ({"x": tensor(Storage("0", "FloatStorage", 5))}, "expected (5|20)"),
    "huge storage": ({"x": tensor(Storage("0", "FloatStorage", 2**60))}, r"expected \d{19}"),
    "other storage": ({"x": tensor(Storage("1", "FloatStorage", 4))}, "storages|no any/data/1"),
    "not a dict": ([tensor(STORAGE)], "expected a dict of tensors, got a list"),
    "not named": ({1: tensor(STORAGE)}, "expected tensors by name"),
    "deep key": (b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"Ns.", "a key that is text"),
    "deep list": (b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "expected a dict"),
    "long text": (b"\x80\x02X\xff\xff\xff\xff.", "truncated: 4294967295 more bytes"),
    "far memo": (b"\x80\x02}r\xff\xff\xff\xffj\xfe\xff\xff\xff.", "remembered under 4294967294"),
    "bytearray": (b"\x80\x05\x96" + b"\xff" * 8 + b".", "refused instruction"),
    "empty stack": (b"\x80\x02R.", "stack is empty"),
    "no mark": (b"\x80\x02t.", "no mark"),
    "mark as value": (b"\x80\x02((\x85.", "stack is empty"),
    "half a pair": (b"\x80\x02}(K\x01u.", "a key without a value"),
    "append to dict": (b"\x80\x02}K\x01a.", "expected a list to fill"),
    "attributes of a name": (b"\x80\x02ctorch\nFloatStorage\n}b.", "expected a dict to fill"),
    "endless name": (b"\x80\x02c" + b"x" * 5000, "a name without an end"),
    "bad text": (b"\x80\x02X\x01\x00\x00\x00\xff.", "can't decode"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(tmp_path: Path, form: str, case: str) -> None:
    content, message = MALFORMED[case]
    if form == LEGACY and case == "too few bytes":
        message = "expected 5 elements, got 4"
    if form == LEGACY and case == "huge storage":
        path = make(tmp_path / "w.pt", form, content, counts={"0": 2**60})
        message = r"storage 0: truncated: \d{19} bytes expected, 16 there"
    else:
        path = make(tmp_path / "w.pt", form, content)
    with pytest.raises(ValueError, match=message) as caught:
        load_torch_weights(path)
    assert str(path) in str(caught.value)


def test_overlapping_bfloat16_is_not_copied_without_end(tmp_path: Path, form: str) -> None:
    storage = Storage("0", "BFloat16Storage", 8000)
    content = {f"{i}": tensor(storage, i, (7000,)) for i in range(100)}
    path = make(tmp_path / "w.pt", form, content, {"0": bytes(16000)}, {"0": 8000})
    with pytest.raises(ValueError, match="overlap one another too much"):
        load_torch_weights(path)


def test_items_of_ordered_dicts_are_limited(tmp_path: Path, form: str) -> None:
    pair = b"](X\x01\x00\x00\x00aNeq\x00"  # the list ["a", None], remembered as 0
    pairs = b"](" + pair + b"h\x00" * 5000 + b"eq\x01"  # a list of it, remembered as 1
    call = b"ccollections\nOrderedDict\nh\x01\x85R"
    pickled = b"\x80\x02(" + pairs + call * 10 + b"t."
    with pytest.raises(ValueError, match="malformed OrderedDict"):
        load_torch_weights(make(tmp_path / "w.pt", form, pickled))


def test_bytes_that_are_no_booleans(tmp_path: Path, form: str) -> None:
    content = {"x": tensor(Storage("0", "BoolStorage", 4))}
    path = make(tmp_path / "w.pt", form, content, {"0": b"\0\1\2\0"}, {"0": 4})
    with pytest.raises(ValueError, match="neither true nor false"):
        load_torch_weights(path)


VALID = {
    "x": tensor(STORAGE),
    "y": tensor(Storage("1", "BFloat16Storage", 2), 0, (2,)),
    "z": tensor(Storage("2", "LongStorage", 1), 0, (), ()),
}
ELEMENTS = {"0": bytes(16), "1": bytes(4), "2": bytes(8)}


def valid(path: Path, form: str) -> bytes:
    return make(path, form, VALID, ELEMENTS, {"0": 4, "1": 2, "2": 1}).read_bytes()


def test_truncation_at_every_length(tmp_path: Path, form: str) -> None:
    path = tmp_path / "w.pt"
    content = valid(path, form)
    assert list(load_torch_weights(path)) == ["x", "y", "z"]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"w\.pt: "):
            load_torch_weights(path)


def test_corruption_never_does_more_than_raise(tmp_path: Path, form: str) -> None:
    path = tmp_path / "w.pt"
    content = valid(path, form)
    generator = random.Random(0)
    for _ in range(2000):
        changed = bytearray(content)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(changed))
            changed[at : at + generator.randint(0, 2)] = generator.randbytes(
                generator.randint(0, 2)
            )
        path.write_bytes(changed)
        try:
            loaded = load_torch_weights(path)
        except ValueError as error:
            assert "w.pt: " in str(error)
        else:
            for value in loaded.values():
                assert value.nbytes <= len(content)
                assert len(repr(value)) > 0


def test_archives(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(ValueError, match=r"expected one data\.pkl in the archive, got 0"):
        load_torch_weights(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("any/data.pkl", bytes(1_000_000))
    with pytest.raises(ValueError, match=r"any/data\.pkl: expected an entry that is neither comp"):
        load_torch_weights(path)
    content = valid(path, ZIP)
    path.write_bytes(content.replace(b"little", b"middle"))
    with pytest.raises(ValueError, match="byteorder|CRC"):
        load_torch_weights(path)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for content in (b"", b"hello", b"\x80", bytes(1000), dump([1]), dump(MAGIC) + dump(1)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="weights: not a PyTorch checkpoint|truncated"):
            load_torch_weights(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_torch_weights(tmp_path / "absent")


def test_torch_is_not_imported(tmp_path: Path, form: str, monkeypatch: Any) -> None:
    path = tmp_path / "w.pt"
    valid(path, form)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert isinstance(load_torch_weights(path)["x"], pydl.Tensor)
