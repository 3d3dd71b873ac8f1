"""Tensors, modules, optimisers and generators in pickles, in copies, and in other processes."""

from __future__ import annotations

import copy
import io
import multiprocessing
import operator
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
          "float64"]  # fmt: skip


def through(value: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_every_dtype_and_protocol(dtype: str, protocol: int) -> None:
    for shape in [(), (1,), (3,), (2, 3), (2, 0), (1,) * 8]:
        x = pydl.randint(0, 2, shape).astype(dtype)
        y = through(x, protocol)
        assert type(y) is pydl.Tensor
        assert (y.dtype, y.shape, y.tolist()) == (x.dtype, x.shape, x.tolist())
        assert y.is_contiguous()
        y.zero_()
        assert not y.any()
    negative_zero = pydl.tensor([-0.0, float("nan"), 1.0]).astype("bfloat16")
    again = through(negative_zero, protocol)
    assert np.signbit(again.float().numpy())[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_layouts(protocol: int) -> None:
    base = pydl.arange(24).reshape(2, 3, 4)
    for x in (base.mT, base[:, ::-1], base[0, :, 1], pydl.expand(pydl.arange(3), (2, 3))):
        assert through(x, protocol).tolist() == x.tolist()
    # A view is pickled with its own elements, not with all the memory that it is a part of.
    assert len(pickle.dumps(pydl.zeros(100_000)[:1], protocol)) < 500


def test_read_only_memory_is_read_as_memory_of_its_own() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    assert through(pydl.from_numpy(array)).fill_(1).tolist() == [1.0] * 3


def test_what_is_kept_of_the_history() -> None:
    leaf = pydl.tensor([1.0, 2.0], requires_grad=True)
    leaf.sum().backward()
    again = through(leaf)
    assert again.requires_grad
    assert again.is_leaf
    assert again.grad is None
    result = through(leaf * 2)
    assert result.tolist() == [2.0, 4.0]
    assert result.is_leaf
    assert not result.requires_grad


def test_pickles_hold_data_only() -> None:
    names = set()
    for _, argument, _ in pickletools.genops(pickle.dumps(nn.Parameter(pydl.ones(2)), 2)):
        if isinstance(argument, str):
            names.add(argument)
    assert {"pydl._pickling read_subclass", "pydl._pickling read_elements", "float32"} <= names
    allowed = ("pydl._pickling ", "pydl.nn.module Parameter", "_codecs encode")
    assert [n for n in names if " " in n and not n.startswith(allowed)] == []


def test_buffers_out_of_band() -> None:
    x = pydl.arange(100_000, dtype="float32")
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps([x, x.detach()], protocol=5, buffer_callback=buffers.append)
    assert len(data) < 1000
    assert len(buffers) == 1
    assert buffers[0].raw().nbytes == 400_000
    first, second = pickle.loads(data, buffers=buffers)
    first[0] = 7.0
    assert second[0].item() == 7.0
    assert x[0].item() == 0.0


@pytest.mark.parametrize("damage", ["dtype", "shape", "data"])
def test_damaged_pickles_are_refused(damage: str) -> None:
    data = pickle.dumps(pydl.ones((2, 3)), 2)
    damaged = {
        "dtype": data.replace(b"float32", b"float99"),
        "shape": data.replace(b"K\x02K\x03", b"K\x02K\x04"),
        "data": data.replace(b"float32", b"float16"),
    }[damage]
    assert damaged != data
    with pytest.raises((TypeError, ValueError), match="float|bytes"):
        pickle.loads(damaged)


# --- parameters and modules -----------------------------------------------------------------------


def test_parameters_and_buffers_stay_what_they_are() -> None:
    parameter = nn.Parameter(pydl.ones(2))
    frozen = nn.Parameter(pydl.ones(2), requires_grad=False)
    buffer = nn.Buffer(pydl.ones(2), persistent=False)
    ways: list[Callable[[Any], Any]] = [through, copy.deepcopy, copy.copy]
    for way in ways:
        assert type(way(parameter)) is nn.Parameter
        assert way(parameter).requires_grad
        assert type(way(frozen)) is nn.Parameter
        assert not way(frozen).requires_grad
        again = way(buffer)
        assert type(again) is nn.Buffer
        assert again.persistent is False
        whole = way(nn.Parameter(pydl.arange(3), requires_grad=False))
        assert whole.dtype == "int64"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tied_weights_stay_tied(protocol: int) -> None:
    weight = nn.Parameter(pydl.ones((3, 2)))
    same_memory = nn.Parameter(weight)
    view = weight.detach()[1:]
    a, b, c, d, e = through([weight, weight, same_memory, weight.detach(), view], protocol)
    assert a is b
    a.detach().fill_(5)
    assert c.tolist() == d.tolist() == [[5.0, 5.0]] * 3
    assert e.tolist() == [[1.0, 1.0]] * 2  # a view of a part is a tensor of its own
    # Two pickles have nothing to do with each other.
    assert through(weight, protocol).tolist() == [[1.0, 1.0]] * 3
    weight.detach().fill_(2)
    assert through(weight, protocol).tolist() == [[2.0, 2.0]] * 3


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 3)
        self.decoder = nn.Linear(3, 3)
        self.decoder.weight = self.encoder.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return self.decoder(self.norm(self.encoder(x)))


def test_modules() -> None:
    model = Tied()
    model(pydl.randn(8, 3))  # moves the running statistics
    model.eval()
    again = through(model)
    assert again.decoder.weight is again.encoder.weight
    assert not again.training
    x = pydl.randn(4, 3)
    assert again(x).tolist() == model(x).tolist()
    assert [n for n, _ in again.named_parameters()] == [n for n, _ in model.named_parameters()]
    assert all(isinstance(p, nn.Parameter) for p in again.parameters())


def layers() -> list[nn.Module]:
    return [
        nn.Linear(3, 2), nn.Conv2d(2, 3, 3), nn.LSTM(3, 4), nn.GRU(3, 4), nn.Embedding(5, 3),
        nn.Dropout(0.5), nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Flatten()),
        nn.ModuleList([nn.Linear(2, 2)]), nn.ModuleDict({"a": nn.LayerNorm(4)}),
        nn.MultiheadAttention(4, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
def test_layers(layer: nn.Module) -> None:
    again = through(layer)
    assert repr(again) == repr(layer)
    for name, value in layer.state_dict().items():
        assert again.state_dict()[name].tolist() == value.tolist()


def _train(model: nn.Module, optimizer: pydl.optim.Optimizer, steps: int) -> list[Any]:
    x = pydl.linspace(-1, 1, 6).reshape(2, 3)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) ** 2).sum().backward()
        optimizer.step()
    return [p.tolist() for p in model.parameters()]


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_optimizers_go_on_where_they_were(name: str) -> None:
    model = nn.Linear(3, 2)
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(pydl.optim, name)(
        [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias]}], lr=0.05, **options
    )
    _train(model, optimizer, 3)
    other, other_optimizer = through((model, optimizer))
    assert other_optimizer.parameters[0] is other.weight
    assert other_optimizer.steps == 3
    assert [g.lr for g in other_optimizer.groups] == [0.1, 0.05]
    assert repr(other_optimizer) == repr(optimizer)
    before = [p.tolist() for p in model.parameters()]
    expected = _train(other, other_optimizer, 3)
    assert [p.tolist() for p in model.parameters()] == before
    assert _train(model, optimizer, 3) == expected
    other_optimizer.lr = 0.5
    assert optimizer.lr == 0.1


def test_compiled_models_and_functions() -> None:
    model = pydl.Sequential(nn.Linear(3, 2))
    model.compile(optimizer="adam", loss="mse")
    x, y = pydl.randn(16, 3), pydl.randn(16, 2)
    model.fit(x, y, epochs=1, verbose=0)
    again = through(model)
    assert again.predict(x).tolist() == model.predict(x).tolist()
    again.fit(x, y, epochs=1, verbose=0)


# --- other objects --------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_dtypes_are_the_same_objects(protocol: int) -> None:
    for name in DTYPES:
        dtype = getattr(pydl, name)
        assert through(dtype, protocol) is dtype
        assert copy.deepcopy(dtype) is dtype


def test_generators_go_on_with_the_same_numbers() -> None:
    ways: list[Callable[[Any], Any]] = [through, copy.deepcopy, copy.copy]
    for way in ways:
        generator = pydl.Generator(3)
        pydl.rand(5, generator=generator)
        again = way(generator)
        assert again.seed == 3
        expected = pydl.rand(4, generator=again).tolist()
        assert pydl.rand(4, generator=generator).tolist() == expected


def test_tensors_in_compiled_functions_have_no_elements_to_write() -> None:
    with pytest.raises(pydl.TraceError):
        pydl.compile(lambda x: pickle.loads(pickle.dumps(x)) + x)(pydl.ones(2))


def test_between_processes() -> None:
    model = nn.Linear(3, 2)
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    x = pydl.randn(4, 3)
    with multiprocessing.get_context("spawn").Pool(1) as pool:

        def elsewhere(function: Any, *args: Any, **keywords: Any) -> Any:
            # A result that cannot be read there would never come.
            return pool.apply_async(function, args, keywords).get(timeout=60)

        assert elsewhere(operator.mul, pydl.arange(3), 2).tolist() == [0, 2, 4]
        assert elsewhere(model, x).tolist() == model(x).tolist()
        drawn = elsewhere(pydl.rand, 2, generator=pydl.Generator(4))
        assert drawn.tolist() == pydl.rand(2, generator=pydl.Generator(4)).tolist()
        assert elsewhere(copy.copy, pydl.int16) is pydl.int16
        returned, its_optimizer = elsewhere(copy.copy, (model, optimizer))
    trained = _train(returned, its_optimizer, 1)
    assert trained == _train(model, optimizer, 1)


def test_joblib() -> None:
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    x = pydl.arange(5)
    joblib.dump({"x": x, "layer": nn.Linear(2, 2)}, file)
    file.seek(0)
    assert joblib.load(file)["x"].tolist() == x.tolist()
    assert joblib.hash(x) == joblib.hash(pydl.arange(5))
