"""Attention and the Transformer's layers: against PyTorch with all masks, derivatives, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.nn import functional as F
from pydl.testing import check_gradients

RNG = np.random.default_rng(0)
N, L, S, E, HEADS = 3, 4, 5, 8, 2


def _data(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def _close(actual: Any, expected: Any, where: str = "") -> None:
    np.testing.assert_allclose(
        actual.detach().numpy(), expected.detach().numpy(), 1e-9, 1e-10, err_msg=where
    )


def _twin(layer: nn.Module, twin: Any) -> Any:
    """PyTorch's layer with our parameters, which must have its names, shapes and order."""
    torch = pytest.importorskip("torch")
    with pydl.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(pydl.tensor(RNG.uniform(-0.5, 0.5, parameter.shape)))
    own = {name: torch.tensor(x.numpy()) for name, x in layer.state_dict().items()}
    assert [name for name, _ in layer.named_parameters()] == [
        name for name, _ in twin.named_parameters()
    ]
    twin.load_state_dict(own)
    return twin


def _compare(
    layer: nn.Module, twin: Any, arrays: dict[str, Any], options: dict[str, Any]
) -> tuple[Any, Any]:
    """Results and all gradients, for floating arrays as inputs with gradients."""
    torch = pytest.importorskip("torch")
    ours, theirs = {}, {}
    for name, array in arrays.items():
        smooth = array.dtype.kind == "f" and "mask" not in name
        ours[name] = pydl.tensor(array, requires_grad=smooth)
        theirs[name] = torch.tensor(array, requires_grad=smooth)
    y, expected = layer(**ours, **options), twin(**theirs, **options)
    results, wanted = (y, expected) if isinstance(y, tuple) else ((y,), (expected,))
    for actual, value in zip(results, wanted, strict=True):
        assert (actual is None) == (value is None)
        if actual is not None:
            assert actual.shape == tuple(value.shape)
            _close(actual, value)
    g = _data(*results[0].shape)
    results[0].backward(pydl.tensor(g))
    wanted[0].backward(torch.tensor(g))
    for name, tensor in ours.items():
        if tensor.requires_grad:
            _close(tensor.grad, theirs[name].grad, name)
    own = dict(layer.named_parameters())
    for name, parameter in twin.named_parameters():
        if parameter.grad is None:
            continue  # PyTorch gives none for what had no influence
        _close(own[name].grad, parameter.grad, name)
    return results, wanted


# --- scaled_dot_product_attention -----------------------------------------------------------------

MASKS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "bool": lambda: RNG.random((L, S)) < 0.7,
    "by batch": lambda: RNG.random((N, 1, 1, S)) < 0.7,
    "added": lambda: _data(N, HEADS, L, S),
    "infinite": lambda: np.where(RNG.random((L, S)) < 0.7, 0.0, -np.inf),
}


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("mask", MASKS)
def test_sdpa_as_in_torch(mask: str, scale: float | None) -> None:
    torch = pytest.importorskip("torch")
    arrays = [_data(N, HEADS, L, 3), _data(N, HEADS, S, 3), _data(N, HEADS, S, 6)]
    ours = [pydl.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    given = MASKS[mask]()
    if given is not None:
        given[..., 0] = True if given.dtype == bool else 0.0
    y = F.scaled_dot_product_attention(*ours, attn_mask=given, scale=scale)
    expected = torch.nn.functional.scaled_dot_product_attention(
        *theirs, attn_mask=None if given is None else torch.tensor(given), scale=scale
    )
    _close(y, expected)
    y.square().sum().backward()
    expected.square().sum().backward()
    for x, t in zip(ours, theirs, strict=True):
        assert x.grad is not None
        _close(x.grad, t.grad)


@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (4, 6), (6, 4)])
def test_causal_sdpa(queries: int, keys: int) -> None:
    torch = pytest.importorskip("torch")
    arrays = [_data(2, queries, 3), _data(2, keys, 3), _data(2, keys, 3)]
    y = F.scaled_dot_product_attention(*map(pydl.tensor, arrays), is_causal=True)
    expected = torch.nn.functional.scaled_dot_product_attention(
        *map(torch.tensor, arrays), is_causal=True
    )
    _close(y, expected)
    allowed = np.tril(np.ones((queries, keys), dtype=bool))
    allowed[:, -1] = False
    both = F.scaled_dot_product_attention(
        *map(pydl.tensor, arrays), np.arange(keys) < keys - 1, is_causal=True
    )
    _close(both, F.scaled_dot_product_attention(*map(pydl.tensor, arrays), allowed))


@pytest.mark.parametrize("kind", ["bool", "added"])
def test_a_query_without_keys_gets_zeros(kind: str) -> None:
    mask = np.ones((L, S), dtype=bool)
    mask[1] = False
    given = mask if kind == "bool" else np.where(mask, 0.0, -np.inf)
    inputs = [pydl.tensor(_data(2, n, 3), requires_grad=True) for n in (L, S, S)]
    y = F.scaled_dot_product_attention(*inputs, attn_mask=given)
    assert (y.detach().numpy()[:, 1] == 0).all()
    y.sum().backward()
    for x in inputs:
        assert x.grad is not None
        assert np.isfinite(x.grad.numpy()).all()


def test_dropout_of_weights() -> None:
    ones = pydl.ones((1, 200, 50))
    generator = pydl.Generator(3)
    y = F.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5, generator=generator)
    values = y.numpy()[0, :, 0]
    assert 0.9 < values.mean() < 1.1
    assert values.std() > 0.02
    generator = pydl.Generator(3)
    again = F.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5, generator=generator)
    np.testing.assert_array_equal(y.numpy(), again.numpy())


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_sdpa(order: int) -> None:
    mask = np.array([[True, False, True], [False, False, False]])
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}):
        check_gradients(
            lambda q, k, v, options=options: F.scaled_dot_product_attention(q, k, v, **options),
            [_data(2, 2, 3), _data(2, 3, 3), _data(2, 3, 2)],
            order=order,
        )


# --- MultiheadAttention ---------------------------------------------------------------------------

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch first": {"batch_first": True},
    "no bias": {"bias": False},
    "further keys": {"add_bias_kv": True, "add_zero_attn": True},
    "sizes": {"kdim": 6, "vdim": 10},
    "zeros": {"add_zero_attn": True, "batch_first": True},
}
CALLS: dict[str, dict[str, Any]] = {
    "weights": {},
    "each head": {"average_attn_weights": False},
    "no weights": {"need_weights": False},
}


def _inputs(options: dict[str, Any]) -> dict[str, Any]:
    def shape(length: int, size: int) -> tuple[int, int, int]:
        return (N, length, size) if options.get("batch_first") else (length, N, size)

    return {
        "query": _data(*shape(L, E)),
        "key": _data(*shape(S, options.get("kdim", E))),
        "value": _data(*shape(S, options.get("vdim", E))),
    }


def _masks(kind: str) -> dict[str, Any]:
    attention = RNG.random((L, S)) < 0.3
    padding = RNG.random((N, S)) < 0.3
    attention[:, 0] = padding[:, 0] = False
    return {
        "none": {},
        "attention": {"attn_mask": attention},
        "padding": {"key_padding_mask": padding},
        "both": {"attn_mask": attention, "key_padding_mask": padding},
        "numbers": {"attn_mask": _data(N * HEADS, L, S), "key_padding_mask": _data(N, S)},
    }[kind]


@pytest.mark.parametrize("masks", ["none", "attention", "padding", "both", "numbers"])
@pytest.mark.parametrize("options", OPTIONS)
def test_multihead_attention_as_in_torch(options: str, masks: str) -> None:
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(E, HEADS, dtype="float64", **OPTIONS[options])
    twin = torch.nn.MultiheadAttention(E, HEADS, dtype=torch.float64, **OPTIONS[options])
    _twin(layer, twin)
    for call in CALLS.values():
        layer.zero_grad()
        twin.zero_grad()
        _compare(layer, twin, {**_inputs(OPTIONS[options]), **_masks(masks)}, call)


def test_self_attention_and_attention_to_one_memory() -> None:
    """One product serves inputs that are the same tensor."""
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(E, HEADS, dtype="float64")
    twin = _twin(layer, torch.nn.MultiheadAttention(E, HEADS, dtype=torch.float64))
    x, memory = _data(L, N, E), _data(S, N, E)
    for arrays in ((x, x, x), (x, memory, memory), (x, x, memory[:L])):
        unique = {id(a): (pydl.tensor(a), torch.tensor(a)) for a in arrays}
        ours, theirs = zip(*(unique[id(a)] for a in arrays), strict=True)
        _close(layer(*ours)[0], twin(*theirs)[0])


def test_causal_without_a_mask() -> None:
    torch = pytest.importorskip("torch")
    for options in ({}, {"add_bias_kv": True}):
        layer = nn.MultiheadAttention(E, HEADS, dtype="float64", **options)
        twin = _twin(layer, torch.nn.MultiheadAttention(E, HEADS, dtype=torch.float64, **options))
        x = _data(L, N, E)
        mask = np.triu(np.ones((L, L), dtype=bool), 1)
        y, weights = layer(*[pydl.tensor(x)] * 3, is_causal=True)
        expected, expected_weights = twin(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(mask))
        _close(y, expected)
        _close(weights, expected_weights)


def test_without_a_batch() -> None:
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(E, HEADS, dtype="float64")
    twin = _twin(layer, torch.nn.MultiheadAttention(E, HEADS, dtype=torch.float64))
    arrays = {"query": _data(L, E), "key": _data(S, E), "value": _data(S, E)}
    padding = np.array([False, True, False, False, True])
    for call in CALLS.values():
        layer.zero_grad()
        twin.zero_grad()
        _compare(layer, twin, {**arrays, "key_padding_mask": padding}, call)


# --- the Transformer's layers ---------------------------------------------------------------------

LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch first": {"batch_first": True},
    "norm first": {"norm_first": True, "activation": "gelu"},
    "no bias": {"bias": False, "layer_norm_eps": 0.1},
}


def _shape(options: dict[str, Any], length: int) -> tuple[int, int, int]:
    return (N, length, E) if options.get("batch_first") else (length, N, E)


@pytest.mark.parametrize("name", LAYERS)
def test_encoder_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    options = LAYERS[name]
    layers = []
    for module, dtype in ((nn, "float64"), (torch.nn, torch.float64)):
        layer = module.TransformerEncoderLayer(E, HEADS, 16, 0.0, dtype=dtype, **options)
        norm = module.LayerNorm(E, dtype=dtype) if options.get("norm_first") else None
        silent = {} if module is nn else {"enable_nested_tensor": False}
        layers.append(module.TransformerEncoder(layer, 2, norm, **silent))
    encoder, twin = layers
    _twin(encoder, twin)
    masks = _masks("padding")["key_padding_mask"]
    mask = np.triu(np.ones((S, S), dtype=bool), 1)
    arrays = {"src": _data(*_shape(options, S)), "mask": mask, "src_key_padding_mask": masks}
    _compare(encoder, twin, arrays, {})
    src = arrays["src"]
    _close(encoder(pydl.tensor(src), is_causal=True), twin(torch.tensor(src), torch.tensor(mask)))


@pytest.mark.parametrize("name", LAYERS)
def test_decoder_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    options = LAYERS[name]
    layers = []
    for module, dtype in ((nn, "float64"), (torch.nn, torch.float64)):
        layer = module.TransformerDecoderLayer(E, HEADS, 16, 0.0, dtype=dtype, **options)
        layers.append(module.TransformerDecoder(layer, 2))
    decoder, twin = layers
    _twin(decoder, twin)
    masks = _masks("both")
    arrays = {
        "tgt": _data(*_shape(options, L)),
        "memory": _data(*_shape(options, S)),
        "tgt_mask": np.triu(np.ones((L, L), dtype=bool), 1),
        "memory_mask": masks["attn_mask"],
        "tgt_key_padding_mask": np.zeros((N, L), dtype=bool),
        "memory_key_padding_mask": masks["key_padding_mask"],
    }
    _compare(decoder, twin, arrays, {})


def test_layers_of_an_encoder_are_copies() -> None:
    layer = nn.TransformerEncoderLayer(E, HEADS, 16, activation=pydl.tanh)
    encoder = nn.TransformerEncoder(layer, 2)
    first, second = encoder.layers
    assert first.activation is pydl.tanh  # type: ignore[attr-defined]
    own = [dict(module.named_parameters()) for module in (layer, first, second)]
    for name, parameter in own[0].items():
        for other in own[1:]:
            assert other[name] is not parameter
            np.testing.assert_array_equal(other[name].detach().numpy(), parameter.detach().numpy())


def test_positional_encodings() -> None:
    x = _data(4, 2, 6)
    sinusoidal = nn.SinusoidalPositionalEncoding(6, 9, dtype="float64")
    added = sinusoidal(pydl.tensor(x)).numpy() - x
    for t in range(4):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            np.testing.assert_allclose(added[t, :, 2 * i], np.sin(angle), atol=1e-12)
            np.testing.assert_allclose(added[t, :, 2 * i + 1], np.cos(angle), atol=1e-12)
    assert list(sinusoidal.state_dict()) == []
    learned = nn.LearnedPositionalEncoding(6, 9, batch_first=True, dtype="float64")
    y = learned(pydl.tensor(x))
    np.testing.assert_allclose(y.detach().numpy() - x, [learned.weight.detach().numpy()[:2]] * 4)
    y.sum().backward()
    assert learned.weight.grad is not None
    np.testing.assert_array_equal(learned.weight.grad.numpy()[:, 0], [4.0] * 2 + [0.0] * 7)
    assert learned(pydl.tensor(x[0])).shape == (2, 6)
    odd = nn.SinusoidalPositionalEncoding(5)
    assert odd(pydl.zeros((3, 1, 5))).shape == (3, 1, 5)


# --- compiled -------------------------------------------------------------------------------------


def test_compiled_as_eager() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(E, HEADS, 16), 2)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(E, HEADS, 16), 1)
    model = nn.ModuleList([encoder, decoder])

    def loss(src: pydl.Tensor, tgt: pydl.Tensor, padding: pydl.Tensor) -> pydl.Tensor:
        model.zero_grad()
        memory = encoder(src, src_key_padding_mask=padding)
        y = decoder(tgt, memory, memory_key_padding_mask=padding, tgt_is_causal=True)
        total = y.square().mean() + (y[0] * 0.5).sum()
        total.backward()
        return total.detach()

    compiled = pydl.compile(loss, state=model)
    for call in range(2):
        arguments = [pydl.tensor(_data(n, N, E), dtype="float32") for n in (S, L)]
        arguments.append(pydl.tensor(_masks("padding")["key_padding_mask"]))
        results = []
        for function in (loss, compiled):
            pydl.manual_seed(call)  # the same dropout
            value = function(*arguments)
            grads = [p.grad.numpy().copy() for p in model.parameters() if p.grad is not None]
            results.append((value.item(), grads))
        assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
        assert len(results[0][1]) == len(list(model.parameters()))
        for eager, traced in zip(results[0][1], results[1][1], strict=True):
            np.testing.assert_allclose(traced, eager, 1e-4, 1e-5)
    assert compiled.traces == 1


class _Reverser(nn.Module):
    """A Transformer that writes a sequence of digits backwards."""

    def __init__(self, digits: int = 8, size: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(digits + 1, size)  # one for the start
        self.position = nn.SinusoidalPositionalEncoding(size, 16, batch_first=True)
        encoder = nn.TransformerEncoderLayer(size, 4, 64, 0.0, batch_first=True, norm_first=True)
        decoder = nn.TransformerDecoderLayer(size, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(encoder, 1)
        self.decoder = nn.TransformerDecoder(decoder, 1)
        self.head = nn.Linear(size, digits)

    def forward(self, source: pydl.Tensor, written: pydl.Tensor) -> pydl.Tensor:
        memory = self.encoder(self.position(self.embedding(source)))
        y = self.decoder(self.position(self.embedding(written)), memory, tgt_is_causal=True)
        logits: pydl.Tensor = self.head(y)
        return logits


def test_a_transformer_learns_to_reverse() -> None:
    pydl.manual_seed(0)
    model = _Reverser()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)

    def batch(count: int) -> tuple[pydl.Tensor, pydl.Tensor, pydl.Tensor]:
        source = rng.integers(0, 8, (count, 6))
        target = source[:, ::-1]
        written = np.concatenate([np.full((count, 1), 8), target[:, :-1]], 1)
        return pydl.tensor(source), pydl.tensor(written), pydl.tensor(target.copy())

    @pydl.compile(state=[model, optimizer])
    def step(source: pydl.Tensor, written: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(source, written).reshape(-1, 8), target.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()

    for _ in range(400):
        step(*batch(64))
    model.eval()
    # Written one digit after the other, from what was written before.
    source, written, target = batch(100)
    tokens = written.numpy().copy()
    tokens[:, 1:] = 0
    answer = np.zeros_like(tokens)
    for t in range(6):
        with pydl.no_grad():
            answer[:, t] = model(source, pydl.tensor(tokens)).numpy()[:, t].argmax(-1)
        if t < 5:
            tokens[:, t + 1] = answer[:, t]
    assert (answer == target.numpy()).all(1).mean() > 0.95


# --- errors ---------------------------------------------------------------------------------------


def _attend(**shapes: tuple[int, ...]) -> object:
    layer = nn.MultiheadAttention(E, HEADS)
    given = {"query": (L, N, E), "key": (S, N, E), "value": (S, N, E), **shapes}
    return layer(**{name: pydl.zeros(shape) for name, shape in given.items()})


ERRORS: list[tuple[Callable[[], object], str]] = [
    (lambda: nn.MultiheadAttention(8, 3), "MultiheadAttention: expected num_heads that divide"),
    (lambda: nn.MultiheadAttention(8, 2, 1.5), "MultiheadAttention: expected a dropout"),
    (lambda: _attend(query=(L, N, 9)), r"expected query of shape \(length, N, 8\)"),
    (lambda: _attend(key=(S, E)), "expected key of shape"),
    (lambda: _attend(value=(L, N, E)), "as many keys as values"),
    (lambda: _attend(key=(S, 1, E), value=(S, 1, E)), "one batch size"),
    (lambda: _attend(attn_mask=(S, L)), r"attn_mask of shape \(4, 5\) or \(6, 4, 5\)"),
    (lambda: _attend(key_padding_mask=(S, N)), r"key_padding_mask of shape \(3, 5\)"),
    (
        lambda: F.scaled_dot_product_attention(
            pydl.ones((2, 3)), pydl.ones((4, 3)), pydl.ones((4, 3)), np.ones((3, 4))
        ),
        r"expected a mask that broadcasts to \(2, 4\)",
    ),
    (
        lambda: F.scaled_dot_product_attention(
            pydl.ones((2, 3)), pydl.ones((4, 2)), pydl.ones((4, 3))
        ),
        "query and key with the same last axis",
    ),
    (
        lambda: F.scaled_dot_product_attention(
            pydl.ones((2, 3)), pydl.ones((4, 3)), pydl.ones((5, 3))
        ),
        "as many values as keys",
    ),
    (
        lambda: nn.TransformerEncoderLayer(8, 2, activation="selu"),  # type: ignore[arg-type]
        "TransformerEncoderLayer: expected activation",
    ),
    (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), -1),
        "TransformerEncoder: expected a num_layers",
    ),
    (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1)(pydl.ones((3, 2, 7))),
        "in TransformerEncoder.layers.0.self_attn",
    ),
    (lambda: nn.LearnedPositionalEncoding(0, 3), "LearnedPositionalEncoding: expected size"),
    (
        lambda: nn.SinusoidalPositionalEncoding(4, 3)(pydl.ones((5, 1, 4))),
        "longer than max_length 3",
    ),
    (
        lambda: nn.SinusoidalPositionalEncoding(4)(pydl.ones((5, 1, 3))),
        r"expected x of shape \(T, N, 4\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
