"""What holds for all layers: NumPy arrays as input, attributes with effect, ties, freezing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from nn.every_layer import EXAMPLES, WITHOUT_FORWARD, names

import pydl
from pydl import nn


def test_every_layer_has_an_example():
    assert set(EXAMPLES) == set(names()) - WITHOUT_FORWARD


def _leaves(result):
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in _leaves(item)]
    return [] if result is None else [result]


def _outputs(layer, inputs):
    """Outputs as arrays, with the same random numbers each time."""
    pydl.manual_seed(5)
    leaves = _leaves(layer(*inputs))
    assert all(type(leaf) is pydl.Tensor for leaf in leaves)
    return [leaf.detach().numpy() for leaf in leaves]


@pytest.mark.parametrize("name", EXAMPLES)
def test_numpy_arrays_are_taken_like_tensors(name):
    make, inputs = EXAMPLES[name]
    layer = make()
    state = {key: value.copy() for key, value in layer.state_dict().items()}
    expected = _outputs(layer, map(pydl.asarray, inputs))
    layer.load_state_dict(state)
    for ours, theirs in zip(_outputs(layer, inputs), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_numpy_arrays_by_keyword_and_in_a_model():
    layer = nn.LSTM(4, 3, batch_first=True)
    x = np.ones((2, 5, 4), np.float32)
    output, _ = layer(x=x, lengths=np.array([5, 2]))
    assert output.shape == (2, 5, 3)
    assert nn.Sequential(nn.Flatten(), nn.Linear(20, 2))(x).shape == (2, 2)
    assert nn.Flatten()(x[:, ::-1]).shape == (2, 20)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_numpy_arrays_as_states(kind):
    x = np.ones((2, 5, 4) if "Cell" not in kind else (2, 4), np.float32)
    state = np.ones((1, 2, 3) if "Cell" not in kind else (2, 3), np.float32)
    layer = getattr(nn, kind)(4, 3, **({} if "Cell" in kind else {"batch_first": True}))
    states = (state, state) if "LSTM" in kind else state
    given = tuple(map(pydl.asarray, states)) if "LSTM" in kind else pydl.asarray(states)
    for ours, theirs in zip(_leaves(layer(x, states)), _leaves(layer(x, given)), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


def test_arrays_that_are_no_numbers_reach_forward_unchanged():
    class Lengths(nn.Module):
        def forward(self, words):
            return [len(word) for word in words]

    assert Lengths()(np.array(["a", "bcd"])) == [1, 3]


def _changed(value):
    """Other values that an attribute might take."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2, 0]
    if isinstance(value, float):
        return [value * 0.5 + 0.25]
    if isinstance(value, tuple):
        return [tuple(v + 1 for v in value)] if all(isinstance(v, int) for v in value) else []
    if isinstance(value, str):
        return ["sum", "mean", "tanh", "relu", "nearest", "bilinear", "circular", "max", "erf"]
    return []


@pytest.mark.parametrize("name", EXAMPLES)
def test_attributes_change_what_a_layer_does_or_are_refused(name):
    make, inputs = EXAMPLES[name]
    for attribute, value in vars(make()).items():
        if attribute.startswith("_") or isinstance(value, (pydl.Tensor, nn.Module)):
            continue
        candidates = [new for new in _changed(value) if new != value]
        assert _any_noticed(make, inputs, attribute, candidates) or not candidates, attribute


def _any_noticed(make, inputs, attribute, candidates):
    for new in candidates:
        for training in (True, False):
            pydl.manual_seed(3)
            layer = make().train(training)
            before = _outputs(layer, inputs), _buffers(layer)
            pydl.manual_seed(3)
            layer = make().train(training)
            try:
                setattr(layer, attribute, new)
                after = _outputs(layer, inputs), _buffers(layer)
            except (AttributeError, TypeError, ValueError, IndexError):
                return True
            if not _same(before, after):
                return True
    return False


def _buffers(layer):
    return [buffer.numpy().copy() for buffer in layer.buffers()]


def _same(before, after):
    return all(
        len(a) == len(b)
        and all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(before, after, strict=True)
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_unknown_attributes_are_refused(name):
    layer = EXAMPLES[name][0]()
    if name != "Sequential":  # a model of the user's own, who may note things there
        with pytest.raises(AttributeError, match=f"{name} does not read an attribute 'rato'"):
            layer.rato = 0.5
    with pytest.raises(AttributeError, match=r"requires_grad_\(False\)"):
        layer.requires_grad = False
    layer._note = "anything"
    layer.extra = nn.Linear(1, 1)


def test_a_misspelt_attribute_gets_a_suggestion():
    with pytest.raises(AttributeError, match="did you mean 'momentum'"):
        nn.BatchNorm1d(2).momentun = 0.5
    with pytest.raises(AttributeError, match="Dropout does not read an attribute 'rate'; it has p"):
        nn.Dropout(0.5).rate = 0.1
    with pytest.raises(AttributeError, match="in_features says how the layer was made"):
        nn.Linear(2, 2).in_features = 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_frozen_layers_keep_all_their_state_in_training(name):
    make, inputs = EXAMPLES[name]
    layer = make()
    layer.trainable = False
    assert not layer.trainable and not any(p.requires_grad for p in layer.parameters())
    before = {key: value.copy() for key, value in layer.state_dict().items()}
    layer.train()(*inputs)
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key].numpy(), err_msg=key)
    layer.trainable = True
    assert layer.trainable and all(p.requires_grad for p in layer.parameters())


def _tied(make):
    """Two layers that share all tensors, as objects and by memory."""
    first, second, third = make(), make(), make()
    for path, tensor in [*first.named_parameters(), *first.named_buffers()]:
        *owners, name = path.split(".")
        for layer, value in ((second, tensor), (third, _sharing(tensor))):
            for owner in owners:
                layer = getattr(layer, owner)
            setattr(layer, name, value)
    return nn.ModuleList([first, second, third])


def _sharing(tensor):
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(tensor)
    return nn.Buffer(tensor, tensor.persistent)


def _loaded(model):
    model.load_state_dict({k: v.numpy().copy() for k, v in model.state_dict().items()})
    return model


CONVERSIONS = {
    "to float64": lambda model: model.to("float64"),
    "to float16 and back": lambda model: model.to("float16").to("float32"),
    "to cpu": lambda model: model.to("cpu"),
    "load_state_dict": _loaded,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_tied_tensors_stay_tied(name, conversion):
    model = CONVERSIONS[conversion](_tied(EXAMPLES[name][0]))
    first, second, third = (dict(part.named_parameters()) for part in model)
    first, second, third = (
        part | dict(layer.named_buffers())
        for part, layer in zip((first, second, third), model, strict=True)
    )
    for path, tensor in first.items():
        assert second[path] is tensor, path
        if tensor.size:
            assert np.shares_memory(third[path].detach().numpy(), tensor.detach().numpy()), path


def test_memory_shared_in_two_layouts_is_not_divided_silently():
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    decoder.weight = nn.Parameter(encoder.weight.detach().T)
    model = nn.Sequential(encoder, decoder)
    with pytest.raises(ValueError, match=r"0\.weight and 1\.weight share memory in different"):
        model.to("float64")
    assert model[0].weight.dtype == pydl.float32
    assert model.to("float32")[1].weight is decoder.weight
