"""Shared layers and tied weights through all that copies, converts, saves and loads them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pydl
from pydl import nn


class Head(nn.Module):
    def __init__(self, embedding):
        super().__init__()
        self.proj = nn.Linear(4, 7, bias=False)
        self.proj.weight = embedding.weight

    def forward(self, x):
        return self.proj(x)


class Tied(pydl.Model):
    """A weight of two layers, one layer at three places, and memory that two parameters share."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.head = Head(self.embedding)
        self.shared = nn.Linear(4, 4)
        self.steps = nn.ModuleList([self.shared, nn.Tanh(), self.shared])
        self.named = nn.ModuleDict({"again": nn.Sequential(self.shared)})
        self.scale = nn.Parameter(pydl.ones((4,)))
        self.same_memory = nn.Parameter(self.scale)
        self.lists = nn.ParameterList([self.scale])

    def forward(self, words):
        x = self.embedding(words).sum(axis=1)
        for step in self.steps:
            x = step(x)
        x = self.named["again"](x) * self.scale + self.same_memory + self.lists[0]
        return self.head(x)


WORDS = np.array([[0, 1], [5, 6], [2, 2]])


def _check_tied(model):
    assert model.head.proj.weight is model.embedding.weight
    assert model.steps[0] is model.steps[2] is model.shared is model.named["again"][0]
    assert model.lists[0] is model.scale
    assert np.shares_memory(model.scale.detach().numpy(), model.same_memory.detach().numpy())
    assert len(list(model.parameters())) == 5


def _output(model):
    return model.eval()(pydl.asarray(WORDS)).detach().numpy()


def _by_state(model, tmp_path):
    other = Tied()
    other.load_state_dict(model.state_dict())
    return other


def _by_safetensors(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    other = Tied()
    other.load(tmp_path / "model.safetensors")
    return other


def _by_program_file(model, tmp_path):
    model.save(tmp_path / "model.pydl", WORDS)
    other = Tied()
    other.load(tmp_path / "model.pydl")
    return other


WAYS = {
    "to float64 and back": lambda model, _: model.to("float64").to("float32"),
    "copy": lambda model, _: copy.copy(model),
    "deepcopy": lambda model, _: copy.deepcopy(model),
    **{
        f"pickle {protocol}": lambda model, _, protocol=protocol: pickle.loads(
            pickle.dumps(model, protocol)
        )
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
    "state_dict": _by_state,
    "safetensors": _by_safetensors,
    "program file": _by_program_file,
    "averaged": lambda model, _: nn.AveragedModel(model).module,
}


@pytest.mark.parametrize("way", WAYS)
def test_ties_survive(way, tmp_path):
    model = Tied()
    _check_tied(model)
    expected = _output(model)
    other = WAYS[way](model, tmp_path)
    _check_tied(other)
    np.testing.assert_allclose(_output(other), expected, rtol=1e-6, atol=1e-6)
    # They learn as one; averages of weights do not learn.
    other.train().requires_grad_(True)
    optimizer = pydl.optim.SGD(other.parameters(), lr=0.5)
    other(pydl.asarray(WORDS)).square().mean().backward()
    optimizer.step()
    _check_tied(other)


@pytest.mark.parametrize("saved", ["before", "after"])
def test_program_files_have_one_copy(saved, tmp_path):
    model = Tied()
    model.compile("sgd", "cross_entropy")
    if saved == "after":
        model.fit(WORDS, np.array([1, 2, 3]), epochs=2, verbose=0)
    model.save(tmp_path / "model.pydl", WORDS)
    program = pydl.load(tmp_path / "model.pydl")
    np.testing.assert_allclose(
        program.predict(WORDS).numpy(), model.predict(WORDS).numpy(), rtol=1e-5, atol=1e-6
    )


def test_training_keeps_ties_and_matches_a_copy_by_hand():
    model = Tied()
    other = copy.deepcopy(model)
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), "cross_entropy")
    model.fit(WORDS, np.array([1, 2, 3]), epochs=3, batch_size=3, verbose=0, shuffle=False)
    _check_tied(model)
    optimizer = pydl.optim.SGD(other.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(other(pydl.asarray(WORDS)), pydl.tensor([1, 2, 3]))
        loss.backward()
        optimizer.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


# --- nothing is lost in containers --------------------------------------------------------------


ASKS = {
    "parameters": lambda m: list(m.parameters()),
    "buffers": lambda m: list(m.buffers()),
    "state_dict": lambda m: m.state_dict(),
    "load_state_dict": lambda m: m.load_state_dict({}, strict=False),
    "to": lambda m: m.to("float64"),
    "zero_grad": lambda m: m.zero_grad(),
    "requires_grad_": lambda m: m.requires_grad_(False),
    "trainable": lambda m: setattr(m, "trainable", False),
}
THINGS = {
    "module": lambda: nn.Linear(2, 2),
    "parameter": lambda: nn.Parameter(pydl.ones((2,))),
    "buffer": lambda: nn.Buffer(pydl.ones((2,))),
}
NESTS = {
    "list": lambda thing: [thing],
    "tuple": lambda thing: (1, thing),
    "dict": lambda thing: {"a": thing},
    "set": lambda thing: {thing},
    "nested": lambda thing: {"a": [1, (None, {"b": [thing]})]},
}


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = nn.Linear(2, 2)
        self.parts = []
        self.deep = {"lists": [[], {}]}

    def forward(self, x):
        return self.own(x)


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("thing", THINGS)
def test_containers_are_refused_at_the_assignment(nest, thing):
    model = Holder()
    if nest == "set" and thing != "module":
        pytest.skip("tensors in sets are compared by elements")
    with pytest.raises(TypeError, match="are not found; use ModuleList"):
        model.parts = NESTS[nest](THINGS[thing]())


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("thing", THINGS)
def test_containers_that_are_filled_later_are_refused_when_asked(thing, ask):
    for fill in (
        lambda m, value: m.parts.append(value),
        lambda m, value: m.deep["lists"][0].append([value]),
        lambda m, value: m.deep["lists"][1].update(key=(value,)),
        lambda m, value: m.own.__dict__.setdefault("_extra", [value]),
    ):
        model = nn.Sequential(Holder())
        fill(model[0], THINGS[thing]())
        with pytest.raises(TypeError, match="not found|does not belong"):
            ASKS[ask](model)


def test_one_name_of_tied_tensors_is_enough():
    model, other = Tied(), Tied()
    state = model.state_dict()
    once = {name: state[name] for name in ("head.proj.weight", "steps.0.weight", "steps.2.bias")}
    with pytest.raises(ValueError, match="missing: scale, same_memory, lists.0$"):
        other.load_state_dict(once)
    other.load_state_dict(once | {"same_memory": pydl.full((4,), 3.0)})
    assert other.scale.tolist() == [3.0] * 4
    np.testing.assert_array_equal(
        other.embedding.weight.detach().numpy(), state["embedding.weight"].numpy()
    )
    assert (
        other.load_state_dict({"lists.0": other.scale}, strict=False).missing[0]
        == "embedding.weight"
    )
    empty = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
    for layer in empty:
        layer.weight = nn.Parameter(pydl.zeros((0, 1)))
    with pytest.raises(ValueError, match=r"missing: 1\.weight"):
        empty.load_state_dict({k: v for k, v in empty.state_dict().items() if k != "1.weight"})


def test_compiled_functions_find_what_lists_hold():
    """What only runs is not lost: the layer in the list has its effect."""
    model = Holder()
    model.parts.append(nn.Linear(2, 2))
    model.forward = lambda x: model.parts[0](x)
    x = pydl.ones((1, 2))
    expected = model.parts[0](x).tolist()
    assert pydl.compile(lambda x: model(x), state=[model])(x).tolist() == expected


def test_containers_may_refer_to_what_belongs_to_the_module():
    model = Holder()
    model.parts = [model.own, {"weight": model.own.weight}]
    assert len(list(model.parameters())) == 2
    model.own = nn.Linear(2, 2)  # the list still has the old one
    with pytest.raises(TypeError, match="does not belong"):
        model.state_dict()
