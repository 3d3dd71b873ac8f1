"""Rows of the recurrent layers: the op itself, its gradients, and products over sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
# steps, batch, inputs, hidden
_SHAPES = [(3, 2, 3, 4), (1, 1, 2, 1), (2, 0, 3, 4), (4, 3, 1, 5), (5, 9, 20, 37)]


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _step(
    cell: str, reset_after: bool, x: Array, h: Array, c: Array | None, weights: list[Array]
) -> tuple[Array, Array | None]:
    w_ih, w_hh, *biases = weights
    b_ih, b_hh = biases or (np.zeros(len(w_ih)),) * 2
    a, b = np.split(x @ w_ih.T + b_ih, _GATES[cell], -1), h @ w_hh.T + b_hh
    b = np.split(b, _GATES[cell], -1)
    if cell == "lstm":
        i, f, g, o = (p + q for p, q in zip(a, b, strict=True))
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return _sigmoid(o) * np.tanh(c), c
    if cell == "gru":
        r, z = _sigmoid(a[0] + b[0]), _sigmoid(a[1] + b[1])
        units = h.shape[1]
        inner = r * b[2] if reset_after else (r * h) @ w_hh[2 * units :].T + b_hh[2 * units :]
        n = np.tanh(a[2] + inner)
        return (1 - z) * n + z * h, None
    total = a[0] + b[0]
    return (np.tanh(total) if cell == "rnn_tanh" else np.maximum(total, 0)), None


def _run(
    x: Array, h: Array, c: Array | None, weights: list[Array], lengths: Array | None,
    cell: str, reset_after: bool, reverse: bool,
) -> list[Array]:  # fmt: skip
    steps, batch, _ = x.shape
    output = np.zeros((steps, batch, h.shape[1]))
    for t in reversed(range(steps)) if reverse else range(steps):
        new_h, new_c = _step(cell, reset_after, x[t], h, c, weights)
        active = np.ones((batch, 1), bool) if lengths is None else (lengths > t)[:, None]
        output[t] = np.where(active, new_h, 0)
        h = np.where(active, new_h, h)
        c = None if c is None else np.where(active, new_c, c)
    return [output, h, *([] if c is None else [c])]


# The arrays of a sample: x, h0, w_ih, w_hh, then c0 of an LSTM, biases and lengths.


def _sorted_out(arrays: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
    x, h0, w_ih, w_hh, *rest = arrays
    c0 = rest.pop(0) if keywords["cell"] == "lstm" else None
    biases = [rest.pop(0), rest.pop(0)] if keywords["bias"] else []
    lengths = rest.pop(0) if keywords["lengths"] else None
    return x, h0, c0, [w_ih, w_hh, *biases], lengths


def _options(keywords: dict[str, Any]) -> dict[str, Any]:
    return {name: keywords[name] for name in ("cell", "reset_after", "reverse")}


def _call(*tensors: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    results = _core.recurrent(*_sorted_out(tensors, keywords), **_options(keywords))
    return pydl.concat([r.reshape(-1) for r in results if r is not None])


def _reference(*arrays: Array, **keywords: Any) -> Array:
    return np.concatenate(
        [r.ravel() for r in _run(*_sorted_out(arrays, keywords), **_options(keywords))]
    )


def _arrays(
    rng: np.random.Generator, shape: tuple[int, ...], keywords: dict[str, Any]
) -> list[Array]:
    steps, batch, inputs, hidden = shape
    rows = _GATES[keywords["cell"]] * hidden
    scale = 1 / np.sqrt(hidden)
    arrays = [
        rng.uniform(-1, 1, (steps, batch, inputs)),
        rng.uniform(-1, 1, (batch, hidden)),
        rng.uniform(-1, 1, (rows, inputs)) * scale,
        rng.uniform(-1, 1, (rows, hidden)) * scale,
    ]
    if keywords["cell"] == "lstm":
        arrays.append(rng.uniform(-1, 1, (batch, hidden)))
    if keywords["bias"]:
        arrays += [rng.uniform(-0.5, 0.5, rows) for _ in range(2)]
    if keywords["cell"] == "rnn_relu":
        # Far from the kink: sums are positive, or negative, in whole rows.
        signs = np.where(np.arange(rows) % 3 == 0, -1.0, 1.0)
        for i in range(4):
            arrays[i] = abs(arrays[i]) + 0.1
        arrays[2] *= signs[:, None]
        arrays[3] *= signs[:, None] * 0.3
        if keywords["bias"]:
            arrays[4:6] = [abs(b) * signs for b in arrays[4:6]]
    if keywords["lengths"]:
        arrays.append(np.arange(batch) * 7 % (steps + 1))
    return arrays


def _keywords(cell: str, shape: int, **changes: Any) -> dict[str, Any]:
    keywords = {"cell": cell, "reset_after": True, "reverse": shape % 2 == 1, "bias": shape != 3,
                "lengths": shape >= 3}  # fmt: skip
    return {**keywords, **changes}


def _variants() -> list[tuple[tuple[int, ...], dict[str, Any]]]:
    cells: list[tuple[str, dict[str, Any]]] = [
        ("lstm", {}), ("gru", {}), ("gru", {"reset_after": False}), ("rnn_tanh", {}),
        ("rnn_relu", {}),
    ]  # fmt: skip
    variants = [
        (shape, _keywords(cell, number, **changes))
        for cell, changes in cells
        for number, shape in enumerate(_SHAPES)
    ]
    both = {"reverse": True, "lengths": True}
    return variants + [
        (_SHAPES[0], _keywords(cell, 0, **changes, **both)) for cell, changes in cells
    ]


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample(tuple(_arrays(rng, shape, k)), k) for shape, k in _variants()]


# --- gradients ------------------------------------------------------------------------------------


def _with_gradients(rng: np.random.Generator) -> list[Sample]:
    """The gradients of the results come first."""
    samples = []
    for shape, keywords in _variants():
        steps, batch, _, hidden = shape
        count = 3 if keywords["cell"] == "lstm" else 2
        shapes = [(steps, batch, hidden), (batch, hidden), (batch, hidden)][:count]
        gradients = [rng.uniform(-1, 1, s) for s in shapes]
        samples.append(Sample((*gradients, *_arrays(rng, shape, keywords)), keywords))
    return samples


def _split_gradients(arrays: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Any]:
    count = 3 if keywords["cell"] == "lstm" else 2
    return arrays[:count], arrays[count:]


def _call_backward(*tensors: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    gradients, operands = _split_gradients(tensors, keywords)
    found = _core.recurrent_backward(
        list(gradients), *_sorted_out(operands, keywords), **_options(keywords)
    )
    return pydl.concat([g.reshape(-1) for g in found if g is not None])


def _reference_backward(*arrays: Array, **keywords: Any) -> Array:
    """Central differences along every element, of arrays in the order of the results."""
    gradients, operands = _split_gradients(arrays, keywords)
    lstm, smooth = keywords["cell"] == "lstm", len(operands) - keywords["lengths"]
    order = [0, 1, *([4] if lstm else []), 2, 3, *range(5 if lstm else 4, smooth)]
    weight = np.concatenate([np.ravel(g) for g in gradients])
    if sum(operands[i].size for i in order) > 400:
        return _through_single_steps(gradients, operands, keywords)
    results = []
    for place in order:
        slopes = np.zeros(operands[place].size)
        for i in range(slopes.size):
            values = []
            for step in (1e-5, -1e-5):
                moved = [np.array(a) for a in operands]
                moved[place].reshape(-1)[i] += step
                values.append(_reference(*moved, **keywords) @ weight)
            slopes[i] = (values[0] - values[1]) / 2e-5
        results.append(slopes)
    return np.concatenate(results)


def _through_single_steps(
    gradients: tuple[Array, ...], operands: tuple[Array, ...], keywords: dict[str, Any]
) -> Array:
    """Through the same steps written in differentiable ops, for what is too large to vary."""
    leaves = [pydl.tensor(a, requires_grad=a.dtype.kind == "f") for a in operands]
    x, h, c, weights, lengths = _sorted_out(tuple(leaves), keywords)
    h0, c0 = h, c
    outputs: list[pydl.Tensor] = [h] * x.shape[0]
    for t in reversed(range(x.shape[0])) if keywords["reverse"] else range(x.shape[0]):
        new = _core.recurrent_step(x[t], h, c, weights, keywords["cell"], keywords["reset_after"])
        active = (lengths > t).expand_dims(1) if lengths is not None else pydl.tensor([[True]])
        outputs[t] = pydl.where(active, new[0], 0.0)
        h = pydl.where(active, new[0], h)
        c = None if c is None else pydl.where(active, new[1], c)
    results = [pydl.stack(outputs), h, *([] if c is None else [c])]
    total = sum(((r * pydl.tensor(g)).sum() for r, g in zip(results, gradients, strict=True)),
                start=pydl.tensor(0.0, dtype="float64"))  # fmt: skip
    total.backward()
    order = [x, h0, *([] if c0 is None else [c0]), *weights]
    return np.concatenate([np.asarray(leaf.grad).ravel() for leaf in order])


# --- products over sequences ----------------------------------------------------------------------


def _product_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for number, (steps, batch, a, b) in enumerate([*_SHAPES, (60, 20, 33, 18)]):
        shift = number % 3 - 1
        lengths = np.arange(batch) * 5 % (steps + 1)
        samples.append(
            Sample(
                (
                    rng.uniform(-1, 1, (steps, batch, a)),
                    rng.uniform(-1, 1, (steps, batch, b)),
                    lengths,
                    rng.uniform(-1, 1, (batch, b)),
                ),
                {"shift": shift},
            )
        )
    return samples


def _product(a: Array, b: Array, lengths: Array, first: Array, shift: int) -> Array:
    result = np.zeros((a.shape[2], b.shape[2]))
    for n, length in enumerate(lengths):
        for t in range(int(length)):
            inside = 0 <= t + shift < length
            result += np.outer(a[t, n], b[t + shift, n] if inside else first[n])
    return result


def _zeros(*shape: int) -> pydl.Tensor:
    return pydl.zeros(shape)


_X = _zeros(2, 3, 5)
_BAD = (
    BadCall(
        lambda: _core.recurrent(_zeros(2, 3), _zeros(3, 4), None, [_X, _X], cell="rnn_tanh"),
        ValueError,
        r"recurrent: expected x of shape \(T, N, I\)",
    ),
    BadCall(
        lambda: _core.recurrent(
            _zeros(2, 3, 5), _zeros(3, 4), None, [_zeros(12, 5), _zeros(12, 5)], cell="gru"
        ),
        ValueError,
        r"recurrent: expected w_hh of shape \(12, 4\), got \(12, 5\)",
    ),
    BadCall(
        lambda: _core.recurrent(_X, _zeros(3, 4), None, [_zeros(16, 5), _zeros(16, 4)]),
        ValueError,
        "expected c0 for an LSTM",
    ),
    BadCall(
        lambda: _core.recurrent(
            _zeros(2, 3, 5), _zeros(3, 4), None, [_zeros(4, 5), _zeros(4, 4)],
            pydl.tensor([1, 3, 0]), cell="rnn_relu",
        ),
        IndexError,
        "recurrent: length 3 of sequence 1 is outside 0 to 2",
    ),
    BadCall(
        lambda: _core.recurrent(_zeros(2, 3, 5), _zeros(3, 4), None, [], cell="elman"),
        ValueError,
        "expected cell 'lstm', 'gru', 'rnn_tanh' or 'rnn_relu', got 'elman'",
    ),
)  # fmt: skip

ROWS = [
    Row("recurrent", _call, _reference, _samples, smooth=(0, 1, 2, 3), bad=_BAD),
    Row("recurrent_backward", _call_backward, _reference_backward, _with_gradients, rtol=5e-5,
        atol=5e-6, smooth=(0, 1, 2, 3, 4, 5)),
    Row(
        "sequence_product",
        _core.sequence_product,
        _product,
        _product_samples,
        smooth=(0, 1, 3),
        bad=(
            BadCall(
                lambda: _core.sequence_product(_zeros(2, 3, 4), _zeros(2, 3, 5),
                                               pydl.tensor([1, 2, 3]), _zeros(3, 5)),
                IndexError,
                "sequence_product: length 3 of sequence 2 is outside 0 to 2",
            ),
            BadCall(
                lambda: _core.sequence_product(_zeros(2, 3, 4), _zeros(3, 3, 5),
                                               pydl.tensor([1, 2, 3]), _zeros(3, 5)),
                ValueError,
                "sequence_product: expected shapes",
            ),
        ),
        atol=1e-5,
    ),
]  # fmt: skip
