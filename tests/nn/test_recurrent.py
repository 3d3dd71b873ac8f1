"""Recurrent layers and cells: against PyTorch, with lengths, compiled, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import _core, nn
from pydl.testing import check_gradients

RNG = np.random.default_rng(0)
STEPS, BATCH, INPUTS, HIDDEN = 6, 5, 3, 7

# name of the layer, and arguments
LAYERS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "bias": False}),
    ("LSTM", {}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    ("LSTM", {"proj_size": 4, "num_layers": 2, "bidirectional": True}),
    ("LSTM", {"bias": False, "bidirectional": True}),
    ("GRU", {}),
    ("GRU", {"num_layers": 3, "bidirectional": True, "bias": False}),
    ("GRU", {"batch_first": True, "num_layers": 2}),
]
IDS = [name + "".join(f"-{k}={v}" for k, v in options.items()) for name, options in LAYERS]


def _array(*shape):
    return RNG.standard_normal(shape)


def _states(layer, batch, requires_grad=False):
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    sizes = [layer.proj_size or layer.hidden_size, layer.hidden_size]
    kept = sizes if isinstance(layer, nn.LSTM) else sizes[:1]
    return [_array(count, batch, size) for size in kept]


def _as_argument(states):
    return tuple(states) if len(states) == 2 else states[0]


def _as_list(states):
    return list(states) if isinstance(states, tuple) else [states]


def _pair(torch, name, options, inputs=INPUTS, hidden=HIDDEN):
    """A layer and PyTorch's, with PyTorch's weights."""
    theirs = getattr(torch.nn, name)(inputs, hidden, dtype=torch.float64, **options)
    ours = getattr(nn, name)(inputs, hidden, dtype="float64", **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def _compare(actual, expected, **tolerance):
    np.testing.assert_allclose(
        actual.detach().numpy(),
        expected.detach().numpy(),
        **{"rtol": 1e-9, "atol": 1e-10} | tolerance,
    )


def _check_against_torch(torch, ours, theirs, x, states, lengths=None):
    """Values, and gradients for input, states and weights."""
    batch_first = ours.batch_first
    x1 = pydl.tensor(x, requires_grad=True)
    x2 = torch.from_numpy(np.array(x)).requires_grad_()
    given1 = [pydl.tensor(s, requires_grad=True) for s in states]
    given2 = [torch.from_numpy(s.copy()).requires_grad_() for s in states]
    y1, final1 = ours(x1, _as_argument(given1), lengths)
    if lengths is None:
        y2, final2 = theirs(x2, _as_argument(given2))
    else:
        utils = torch.nn.utils.rnn
        packed = utils.pack_padded_sequence(
            x2, torch.tensor(lengths), batch_first=batch_first, enforce_sorted=False
        )
        y2, final2 = theirs(packed, _as_argument(given2))
        steps = x.shape[1 if batch_first else 0]
        y2, _ = utils.pad_packed_sequence(y2, batch_first=batch_first, total_length=steps)
    results1, results2 = [y1, *_as_list(final1)], [y2, *_as_list(final2)]
    weights = [_array(*r.shape) for r in results1]
    for actual, expected in zip(results1, results2, strict=True):
        assert actual.shape == tuple(expected.shape)
        _compare(actual, expected)
    sum((r * pydl.tensor(w)).sum() for r, w in zip(results1, weights, strict=True)).backward()
    sum((r * torch.from_numpy(w)).sum() for r, w in zip(results2, weights, strict=True)).backward()
    _compare(x1.grad, x2.grad)
    for a, b in zip(given1, given2, strict=True):
        _compare(a.grad, b.grad)
    grads = {key: value.grad for key, value in theirs.named_parameters()}
    for key, parameter in ours.named_parameters():
        _compare(parameter.grad, grads[key], err_msg=key)


@pytest.mark.parametrize("with_lengths", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize(("name", "options"), LAYERS, ids=IDS)
def test_agrees_with_torch(name, options, with_lengths):
    torch = pytest.importorskip("torch")
    ours, theirs = _pair(torch, name, options)
    shape = (BATCH, STEPS, INPUTS) if ours.batch_first else (STEPS, BATCH, INPUTS)
    lengths = [3, 6, 1, 4, 2] if with_lengths else None
    _check_against_torch(torch, ours, theirs, _array(*shape), _states(ours, BATCH), lengths)


@pytest.mark.parametrize(
    ("steps", "batch", "hidden"), [(1, 4, 5), (4, 1, 5), (3, 2, 1), (2, 70, 33)]
)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_sizes(name, steps, batch, hidden):
    torch = pytest.importorskip("torch")
    ours, theirs = _pair(torch, name, {"bidirectional": True}, 2, hidden)
    _check_against_torch(torch, ours, theirs, _array(steps, batch, 2), _states(ours, batch))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_without_a_batch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = _pair(torch, name, {"num_layers": 2, "bidirectional": True})
    states = [s[:, 0] for s in _states(ours, 1)]
    _check_against_torch(torch, ours, theirs, _array(STEPS, INPUTS), states)
    with pytest.raises(ValueError, match=f"{name}: lengths are of a batch"):
        ours(pydl.zeros((STEPS, INPUTS)), lengths=[3])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_our_weights_load_into_torch(name):
    torch = pytest.importorskip("torch")
    ours = getattr(nn, name)(INPUTS, HIDDEN, 2)
    theirs = getattr(torch.nn, name)(INPUTS, HIDDEN, 2)
    theirs.load_state_dict({k: torch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    x = _array(STEPS, BATCH, INPUTS).astype(np.float32)
    _compare(ours(pydl.tensor(x))[0], theirs(torch.from_numpy(x))[0], rtol=1e-4, atol=1e-5)
    bound = 1 / np.sqrt(HIDDEN)
    assert 0.8 * bound < max(abs(p).max().item() for p in ours.parameters()) <= bound


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells_agree_with_torch(name, bias):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(INPUTS, HIDDEN, bias, dtype=torch.float64)
    ours = getattr(nn, name)(INPUTS, HIDDEN, bias, dtype="float64")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for shape in [(BATCH, INPUTS), (INPUTS,)]:
        x = _array(*shape)
        given = [_array(*shape[:-1], HIDDEN) for _ in range(2 if name == "LSTMCell" else 1)]
        for states in ([], given):
            a = [_as_argument([pydl.tensor(s) for s in states])] if states else []
            b = [_as_argument([torch.from_numpy(s) for s in states])] if states else []
            found, expected = ours(pydl.tensor(x), *a), theirs(torch.from_numpy(x), *b)
            for p, q in zip(_as_list(found), _as_list(expected), strict=True):
                _compare(p, q)


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_in_both_conventions_is_its_cell(reset_after):
    layer = nn.GRU(INPUTS, HIDDEN, reset_after=reset_after, dtype="float64")
    cell = nn.GRUCell(INPUTS, HIDDEN, reset_after=reset_after, dtype="float64")
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = pydl.tensor(_array(STEPS, BATCH, INPUTS))

    def step(h, x):
        h = cell(x, h)
        return h, h

    _, expected = pydl.scan(step, pydl.zeros((BATCH, HIDDEN), dtype="float64"), x)
    _compare(layer(x)[0], expected)
    layer(x)[0].square().sum().backward()
    expected.square().sum().backward()
    for name, parameter in cell.named_parameters():
        _compare(getattr(layer, f"{name}_l0").grad, parameter.grad)


@pytest.mark.parametrize("lengths", [None, [2, 3, 1]], ids=["whole", "lengths"])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RNN", {}),
        ("LSTM", {}),
        ("LSTM", {"proj_size": 1}),
        ("GRU", {}),
        ("GRU", {"reset_after": False}),
    ],
)
def test_gradients_by_finite_differences(name, options, order, lengths):
    layer = getattr(nn, name)(2, 3, bidirectional=True, dtype="float64", **options)
    names = [name for name, _ in layer.named_parameters()]

    def function(x, *weights):
        for name, weight in zip(names, weights, strict=True):
            object.__setattr__(layer, name, weight)
        output, state = layer(x, lengths=lengths)
        return pydl.concat([r.reshape(-1) for r in (output, *_as_list(state))])

    arrays = [_array(3, 3, 2), *(p.detach().numpy().copy() for p in layer.parameters())]
    check_gradients(function, arrays, order=order, rtol=2e-4, atol=1e-6)


def test_gradients_where_the_state_depends_on_the_input():
    """The state is computed from what goes in: its gradient must not be counted twice."""
    layer = nn.LSTM(3, 3, dtype="float64")

    def function(x):
        h = x[0].tanh().expand_dims(0)
        return layer(x, (h, h * 0.5))[0]

    for order in (1, 2):
        check_gradients(function, [_array(2, 2, 3)], order=order, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_lengths_are_what_shorter_sequences_give(name):
    layer = getattr(nn, name)(INPUTS, HIDDEN, 2, bidirectional=True)
    x = pydl.tensor(_array(STEPS, 4, INPUTS).astype(np.float32))
    lengths = pydl.tensor([4, 0, 6, 1])
    output, state = layer(x, lengths=lengths)
    for n, length in enumerate(lengths.tolist()):
        assert not output[length:, n].any().item()
        if length == 0:
            assert not any(s[:, n].any().item() for s in _as_list(state))
            continue
        alone, final = layer(x[:length, n : n + 1])
        pydl.testing.assert_close(output[:length, n], alone[:, 0])
        for s, f in zip(_as_list(state), _as_list(final), strict=True):
            pydl.testing.assert_close(s[:, n], f[:, 0])


def test_what_lies_behind_the_end_has_no_influence():
    layer = nn.LSTM(INPUTS, HIDDEN, bidirectional=True)
    x = _array(STEPS, 2, INPUTS).astype(np.float32)
    spoilt = x.copy()
    spoilt[3:, 0] = np.nan
    results = []
    for values in (x, spoilt):
        leaf = pydl.tensor(values, requires_grad=True)
        output, _ = layer(leaf, lengths=[3, 6])
        layer.weight_ih_l0.grad = None
        output.sum().backward()
        results.append((output, leaf.grad[:3], layer.weight_ih_l0.grad.copy()))
    for a, b in zip(*results, strict=True):
        pydl.testing.assert_close(b, a, rtol=0, atol=0)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
def test_threads_do_not_change_the_result(cell, threads):
    gates = {"lstm": 4, "gru": 3, "rnn_tanh": 1}[cell]
    x = pydl.tensor(_array(9, 26, 20).astype(np.float32))
    h = pydl.tensor(_array(26, 40).astype(np.float32))
    c = h * 0.5 if cell == "lstm" else None
    weights = [pydl.tensor((_array(gates * 40, n) / 8).astype(np.float32)) for n in (20, 40)]
    lengths = pydl.tensor(np.arange(26) % 10)
    before = pydl.get_num_threads()
    found = []
    try:
        for count in (1, threads):
            pydl.set_num_threads(count)
            for given in (None, lengths):
                results = _core.recurrent(x, h, c, weights, given, cell)
                grads = _core.recurrent_backward([results[0]], x, h, c, weights, given, cell)
                found.append([t for t in (*results, *grads) if t is not None])
    finally:
        pydl.set_num_threads(before)
    for a, b in zip(found[:2], found[2:], strict=True):
        for p, q in zip(a, b, strict=True):
            pydl.testing.assert_close(p, q, rtol=1e-4, atol=1e-4)


def test_dropout_between_layers():
    layer = nn.GRU(4, 8, 2, dropout=0.5, generator=pydl.Generator(3))
    x = pydl.ones((3, 2, 4))
    first, second = layer(x)[0], layer(x)[0]
    assert (first != second).any().item()
    layer.eval()
    pydl.testing.assert_close(layer(x)[0], layer(x)[0], rtol=0, atol=0)
    certain = nn.GRU(4, 8, 2, dropout=1.0)
    without = certain(x)[0]
    with pydl.no_grad():
        certain.weight_ih_l1[...] = 0.0
    pydl.testing.assert_close(certain(x)[0], without)


def test_parts_of_a_sequence_carry_the_state():
    layer = nn.LSTM(INPUTS, HIDDEN, 2)
    x = pydl.tensor(_array(8, BATCH, INPUTS).astype(np.float32))
    whole, final = layer(x)
    first, state = layer(x[:5])
    second, last = layer(x[5:], tuple(s.detach() for s in state))
    pydl.testing.assert_close(pydl.concat([first, second]), whole)
    for a, b in zip(last, final, strict=True):
        pydl.testing.assert_close(a, b)
    second.sum().backward()  # ends at the detached state


class _Tagger(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layer = getattr(nn, kind)(INPUTS, HIDDEN, 2, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(2 * HIDDEN, 3)

    def forward(self, x, lengths=None):
        output, _ = self.layer(x, lengths=lengths)
        return self.head(output)


@pytest.mark.parametrize("with_lengths", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_compiled_training_is_eager_training(kind, with_lengths):
    x = pydl.tensor(_array(STEPS, BATCH, INPUTS).astype(np.float32))
    target = pydl.tensor(_array(STEPS, BATCH, 3).astype(np.float32))
    lengths = (pydl.tensor([6, 2, 3, 5, 1]),) if with_lengths else ()
    losses = []
    for compiled in (False, True):
        pydl.manual_seed(1)
        model = _Tagger(kind)
        optimizer = pydl.optim.Adam(model.parameters(), lr=0.01)

        def step(x, target, *lengths, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (model(x, *lengths) - target).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        run = pydl.compile(state=[model, optimizer])(step) if compiled else step
        losses.append([run(x, target, *lengths).item() for _ in range(5)])
        # Compiled forward, eager backward.
        forward = pydl.compile(state=[model])(lambda *a, model=model: model(*a).square().sum())
        for parameter in model.parameters():
            parameter.grad = None
        forward(x, *lengths).backward()
        assert all(p.grad is not None for p in model.parameters())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][-1] < losses[0][0]


def test_a_bad_length_in_a_compiled_step_leaves_the_state():
    layer = nn.GRU(INPUTS, HIDDEN)
    run = pydl.compile(state=[layer])(lambda x, lengths: layer(x, lengths=lengths)[0])
    x = pydl.ones((STEPS, 2, INPUTS))
    assert run(x, pydl.tensor([2, 6])).shape == (STEPS, 2, HIDDEN)
    with pytest.raises(IndexError, match="recurrent: length 7 of sequence 1 is outside 0 to 6"):
        run(x, pydl.tensor([2, 7]))


@pytest.mark.parametrize("length", [-1, 7])
def test_a_bad_length_of_a_projected_layer(length):
    layer = nn.LSTM(INPUTS, HIDDEN, proj_size=1)
    with pytest.raises(IndexError, match=f"length {length} of sequence 1 is outside 0 to 6"):
        layer(pydl.ones((STEPS, 2, INPUTS)), lengths=pydl.tensor([2, length]))


def test_scan_with_a_cell_compiles_and_has_gradients():
    cell = nn.LSTMCell(INPUTS, HIDDEN, dtype="float64")
    layer = nn.LSTM(INPUTS, HIDDEN, dtype="float64")
    layer.load_state_dict({f"{k}_l0": v for k, v in cell.state_dict().items()})
    x = pydl.tensor(_array(STEPS, BATCH, INPUTS))

    def run(x):
        def step(state, x):
            state = cell(x, state)
            return state, state[0]

        zeros = pydl.zeros((BATCH, HIDDEN), dtype="float64")
        return pydl.scan(step, (zeros, zeros), x)[1]

    expected = layer(x)[0]
    compiled = pydl.compile(state=[cell])(run)
    expected.square().sum().backward()
    for function in (run, compiled):
        found = function(x)
        _compare(found, expected)
        for parameter in cell.parameters():
            parameter.grad = None
        found.square().sum().backward()
        for name, parameter in cell.named_parameters():
            _compare(parameter.grad, getattr(layer, f"{name}_l0").grad)


def test_fit():
    class Last(pydl.Model):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)

        def forward(self, x):
            return self.head(self.layer(x)[1][0])

    pydl.manual_seed(0)
    x = RNG.uniform(-1, 1, (256, 6, 1)).astype(np.float32)
    model = Last()
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.02), "mse")
    history = model.fit(x, x.sum(1), epochs=8, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]


def test_no_history_without_gradients():
    layer = nn.LSTM(INPUTS, HIDDEN)
    with pydl.no_grad():
        output, (h, c) = layer(pydl.ones((STEPS, BATCH, INPUTS)))
    assert not (output.requires_grad or h.requires_grad or c.requires_grad)
    recorded, _ = layer(pydl.ones((STEPS, BATCH, INPUTS)))
    pydl.testing.assert_close(recorded, output, rtol=0, atol=0)


def test_overwritten_weights_are_noticed():
    layer = nn.LSTM(INPUTS, HIDDEN)
    output, _ = layer(pydl.ones((STEPS, BATCH, INPUTS)))
    with pydl.no_grad():
        layer.weight_hh_l0.fill_(0.0)
    with pytest.raises(
        RuntimeError, match="recurrent still needs its input .* overwritten in place"
    ):
        output.sum().backward()


def test_a_failed_backward_leaves_no_gradients_behind():
    layer = nn.LSTM(INPUTS, HIDDEN)
    fails = True

    def derivative(gradients):
        if fails:
            raise ArithmeticError("on purpose")
        return gradients

    output, (h, _) = layer(pydl.tensor(_array(STEPS, BATCH, INPUTS), dtype="float32"))
    (passed,) = _core._record_function([h], [h.detach()], derivative)
    (h.sum() + output.sum()).backward(retain_graph=True)
    expected = [weight.grad for weight in layer.parameters()]
    layer.zero_grad()
    loss = passed.sum() + output.sum()  # the gradient of output is there when that of h fails
    with pytest.raises(ArithmeticError, match="on purpose"):
        loss.backward(retain_graph=True)
    assert all(weight.grad is None for weight in layer.parameters())
    fails = False
    loss.backward()
    for weight, gradient in zip(layer.parameters(), expected, strict=True):
        pydl.testing.assert_close(weight.grad, gradient, rtol=0, atol=0)


def test_empty_batch():
    layer = nn.LSTM(INPUTS, HIDDEN)
    x = pydl.zeros((STEPS, 0, INPUTS))
    x.requires_grad = True
    output, (h, c) = layer(x)
    assert (output.shape, h.shape, c.shape) == ((STEPS, 0, HIDDEN), (1, 0, HIDDEN), (1, 0, HIDDEN))
    output.sum().backward()
    assert not layer.weight_hh_l0.grad.any().item()


def test_representation():
    assert (
        repr(nn.LSTM(3, 5, 2, bidirectional=True)) == "LSTM(3, 5, num_layers=2, bidirectional=True)"
    )
    assert repr(nn.RNN(3, 5, nonlinearity="relu")) == "RNN(3, 5, nonlinearity='relu')"
    assert repr(nn.GRU(3, 5, reset_after=False)) == "GRU(3, 5, reset_after=False)"
    assert repr(nn.GRUCell(3, 5, bias=False)) == "GRUCell(3, 5, bias=False)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.LSTM(0, 5),
            ValueError,
            "LSTM: expected input_size, hidden_size and num_layers",
        ),
        (lambda: nn.GRU(3, 5, dropout=2.0), ValueError, "GRU: expected a dropout in"),
        (lambda: nn.LSTM(3, 5, proj_size=5), ValueError, "LSTM: expected a proj_size below"),
        (lambda: nn.RNN(3, 5, nonlinearity="elu"), ValueError, "RNN: expected nonlinearity"),
        (
            lambda: nn.RNNCell(3, 5, nonlinearity="elu"),
            ValueError,
            "RNNCell: expected nonlinearity",
        ),
        (
            lambda: nn.LSTM(3, 5)(pydl.zeros((2, 2, 4))),
            ValueError,
            r"LSTM: expected input of shape \(T, N, 3\)",
        ),
        (
            lambda: nn.LSTM(3, 5)(pydl.zeros((0, 2, 3))),
            ValueError,
            "LSTM: expected at least one time step",
        ),
        (
            lambda: nn.LSTM(3, 5)(pydl.zeros((2, 2, 3)), pydl.zeros((1, 2, 5))),
            TypeError,
            "LSTM: .* pair",
        ),
        (
            lambda: nn.GRU(3, 5)(pydl.zeros((2, 2, 3)), pydl.zeros((1, 3, 5))),
            ValueError,
            r"GRU: expected an initial state of shape \(1, 2, 5\), got \(1, 3, 5\)",
        ),
        (
            lambda: nn.GRU(3, 5)(pydl.zeros((2, 2, 3)), lengths=[1]),
            ValueError,
            "GRU: expected one length for each of 2",
        ),
        (
            lambda: nn.GRU(3, 5)(pydl.zeros((2, 2, 3)), lengths=[1, 3]),
            IndexError,
            "length 3 of sequence 1",
        ),
        (
            lambda: nn.GRU(3, 5)(pydl.zeros((2, 2, 3)), lengths=[1.0, 2.0]),
            TypeError,
            "integer dtype",
        ),
        (
            lambda: nn.GRUCell(3, 5)(pydl.zeros((2, 4))),
            ValueError,
            r"GRUCell: expected input of shape \(N, 3\)",
        ),
        (
            lambda: nn.LSTMCell(3, 5)(pydl.zeros((2, 3)), pydl.zeros((2, 5))),
            TypeError,
            "LSTMCell: .* pair",
        ),
        (
            lambda: nn.RNNCell(3, 5)(pydl.zeros((2, 3)), pydl.zeros((1, 5))),
            ValueError,
            r"RNNCell: expected a state of shape \(2, 5\), got \(1, 5\)",
        ),
    ],
)
def test_errors_name_the_layer(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("reverse", [False, True])
def test_weights_beyond_the_cache(reverse):
    """The product of x is computed for several steps at once."""
    units, inputs, steps, batch = 300, 200, 6, 7
    arrays = [_array(steps, batch, inputs), _array(batch, units), _array(batch, units)]
    weights = [_array(4 * units, n) / 20 for n in (inputs, units)] + [_array(4 * units)] * 2
    results = []
    for dtype in ("float32", "float64"):
        x, h, c = (pydl.tensor(a, dtype=dtype) for a in arrays)
        given = [pydl.tensor(w, dtype=dtype) for w in weights]
        results.append(_core.recurrent(x, h, c, given, cell="lstm", reverse=reverse))
    x, h, c = (pydl.tensor(a) for a in arrays)
    for t in reversed(range(steps)) if reverse else range(steps):
        h, c = _core.recurrent_step(x[t], h, c, [pydl.tensor(w) for w in weights])
    for found, tolerance in zip(results, (1e-4, 1e-10), strict=True):
        for actual, expected in zip(found[1:], (h, c), strict=True):
            pydl.testing.assert_close(
                actual.astype("float64"), expected, rtol=tolerance, atol=tolerance
            )
