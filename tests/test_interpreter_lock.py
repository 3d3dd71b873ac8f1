"""Other threads of Python go on while a binding works for long, whichever binding it is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

N = 400_000
X, Y = pydl.uniform((N,)), pydl.uniform((N,))
S, T = pydl.uniform((700, 700)), pydl.uniform((700, 700))
INDEX = pydl.randint(0, N, (N,))
ROWS = pydl.randint(0, 700, (700,))
BOOLS = X > 0.5
IMAGE = pydl.uniform((4, 16, 64, 64))
KERNEL = pydl.uniform((16, 16, 3, 3))
LINE, LINE_KERNEL = pydl.uniform((8, 16, 2000)), pydl.uniform((16, 16, 3))
CUBE, CUBE_KERNEL = pydl.uniform((2, 8, 20, 20, 20)), pydl.uniform((8, 8, 3, 3, 3))
CHANNELS = pydl.ones(16)
LABELS = pydl.randint(0, 700, (700,))
SEQUENCE = pydl.uniform((16, 64, 32))
CTC = (
    pydl.log_softmax(pydl.uniform((200, 16, 50)), -1),
    pydl.randint(1, 50, (16, 20)),
    pydl.full((16,), 200),
    pydl.full((16,), 20),
)
HEADS = pydl.uniform((2, 4, 256, 32))

# Arguments that many functions take.
USUAL: list[tuple[Any, ...]] = [(X,), (X, Y), (S,), (S, T), (BOOLS,), (BOOLS, BOOLS), ((N,),)]
USUAL += [
    ((700, 700),),
    (IMAGE,),
    (LINE, 2),
    (IMAGE, 2),
    (CUBE, 2),
    (LINE, LINE_KERNEL),
    (CUBE, CUBE_KERNEL),
]

# Calls that need more.
CALLS: dict[str, Callable[[], Any]] = {
    "where": lambda: _core.where(BOOLS, X, Y),
    "nonzero": lambda: _core.nonzero(X),
    "masked_fill": lambda: _core.masked_fill(X, BOOLS, 0),
    "masked_select": lambda: _core.masked_select(X, BOOLS),
    "clip": lambda: _core.clip(X, 0.2, 0.8),
    "astype": lambda: _core.astype(X, "float64"),
    "full": lambda: _core.full((N,), 3.0),
    "arange": lambda: _core.arange(N),
    "linspace": lambda: _core.linspace(0, 1, N),
    "eye": lambda: _core.eye(700),
    "randint": lambda: _core.randint(0, 9, (N,)),
    "permutation": lambda: _core.permutation(N),
    "full_like": lambda: _core.full_like(X, 3.0),
    "logspace": lambda: _core.logspace(0, 1, N),
    "rand": lambda: _core.rand(N),
    "randint_like": lambda: _core.randint_like(X, 9),
    "randperm": lambda: _core.randperm(N),
    "shuffle": lambda: _core.random.shuffle(Y),
    "randn": lambda: _core.randn(N),
    "dropout": lambda: _core.dropout(X, 0.5),
    "concat": lambda: _core.concat([X, Y]),
    "stack": lambda: _core.stack([X, Y]),
    "gather": lambda: _core.gather(X, INDEX, 0),
    "take": lambda: _core.take(X, INDEX),
    "gather_backward": lambda: _core.gather_backward(X, INDEX, 0, N),
    "take_backward": lambda: _core.take_backward(X, INDEX, 0, N),
    "slice_backward": lambda: _core.slice_backward(X, (2 * N,), (0,), (2,)),
    "reshape": lambda: _core.reshape(S.T, (-1,)),
    "flatten": lambda: _core.flatten(S.T),
    "linear": lambda: _core.linear(S, T, X[:700]),
    "softmax_cross_entropy": lambda: _core.softmax_cross_entropy(S, LABELS),
    "softmax_cross_entropy_backward": lambda: _core.softmax_cross_entropy_backward(
        pydl.ones(()), S, LABELS
    ),
    "ctc_loss": lambda: _core.ctc_loss(*CTC),
    "ctc_loss_backward": lambda: _core.ctc_loss_backward(pydl.ones(16), *CTC),
    "_grad": lambda: _core._grad([loss_of(LEAF)], [LEAF], [None], False, False, False),
    "tensor": lambda: _core.tensor(X),
    "asarray": lambda: _core.asarray(X, copy=True),
    "getitem by an index": lambda: X[INDEX],
    "getitem by an array": lambda: X[INDEX.numpy()],
    "setitem": lambda: Y.__setitem__(slice(None), X),
    "outer product": lambda: X[:2000].reshape(2000, 1) * Y[:2000],
    "where on a row": lambda: _core.where(BOOLS[:2000], X[:2000].reshape(2000, 1), 1.0),
    "tolist": lambda: X.tolist(),
    "copy_": lambda: Y.copy_(X),
    "fill_": lambda: Y.fill_(1),
    "zero_": lambda: Y.zero_(),
    "bernoulli_": lambda: Y.bernoulli_(),
    "exponential_": lambda: Y.exponential_(),
    "new_ones": lambda: X.new_ones((N,)),
    "new_zeros": lambda: X.new_zeros((N,)),
    "normal_": lambda: Y.normal_(),
    "uniform_": lambda: Y.uniform_(),
    "contiguous": lambda: S.T.contiguous(),
    "to": lambda: X.to("float64"),
    "__deepcopy__": lambda: X.__deepcopy__({}),
    "__dlpack__": lambda: X.__dlpack__(copy=True),
    "__iadd__": lambda: Y.__iadd__(X),
    "backward": lambda: loss_of(LEAF).backward(),
    "compiled function": lambda: COMPILED(S),
    "compilation": lambda: pydl.compile(lambda x: (x @ x).tanh().sum())(S),
    "save_params": lambda: _core.io.save_params(FILE[0], {"x": X}),
    "write_file": lambda: _core.io.write_file(FILE[0], X.numpy().tobytes()),
    "load_params": lambda: (
        _core.io.save_params(FILE[0], {"x": X}),
        _core.io.load_params(FILE[0]),
    ),
    "adam_update": lambda: _core.optim.adam_update(
        pydl.zeros((), "int64"), [Y], [Y.copy()], [Y.copy()], [X], pydl.tensor(0.1, "float64")
    ),
    "sgd_update": lambda: _core.optim.sgd_update(
        pydl.zeros((), "int64"), [Y], [], [X], pydl.tensor(0.1, "float64")
    ),
    "conv2d": lambda: _core.nn.conv2d(IMAGE, KERNEL),
    "conv_transpose2d": lambda: _core.nn.conv_transpose2d(IMAGE, KERNEL),
    "max_unpool": lambda: _core.nn.max_unpool(
        *_core.nn.max_pool2d(IMAGE, 2, return_indices=True), (64, 64)
    ),
    "embedding": lambda: _core.nn.embedding(ROWS, S),
    "cross_entropy": lambda: _core.nn.cross_entropy(S, LABELS),
    "scaled_dot_product_attention": lambda: _core.nn.scaled_dot_product_attention(
        HEADS, HEADS, HEADS
    ),
    "attention_weights": lambda: _core.nn.attention_weights(HEADS, HEADS),
    "group_norm": lambda: _core.nn.group_norm(IMAGE, 4),
    "layer_norm": lambda: _core.nn.layer_norm(S, (700,)),
    "rms_norm": lambda: _core.nn.rms_norm(S, (700,)),
    "local_response_norm": lambda: _core.nn.local_response_norm(IMAGE, 3),
    "batch_norm": lambda: _core.nn.batch_norm(IMAGE, None, None, CHANNELS, CHANNELS, True),
    "default_bias": lambda: _core.nn.default_bias((N,), 4),
    "embedding_bag": lambda: pydl.nn.functional.embedding_bag(ROWS.reshape(70, 10), S),
    "pad": lambda: _core.nn.pad(IMAGE, (1, 1, 1, 1)),
    "lstm": lambda: LSTM(SEQUENCE),
    "gru": lambda: GRU(SEQUENCE),
    "rnn": lambda: RNN(SEQUENCE),
    "recurrent_step": lambda: CELL(S[:, :32].contiguous()),
    "orthogonal": lambda: _core.nn.orthogonal((200, 200)),
}
LEAF = pydl.uniform((N,)).requires_grad_()
COMPILED = pydl.compile(lambda x: (x @ x).tanh().sum())
LSTM, GRU, RNN = pydl.nn.LSTM(32, 64), pydl.nn.GRU(32, 64), pydl.nn.RNN(32, 64)
CELL = pydl.nn.LSTMCell(32, 64)
FILE: list[str] = []


def loss_of(leaf: pydl.Tensor) -> pydl.Tensor:
    return (leaf * leaf).sum()


# Functions that compute nothing, or give a view.
WITHOUT_WORK = {
    *("promote_types", "from_numpy", "from_dlpack", "empty", "permute_dims", "matrix_transpose"),
    *("expand", "broadcast_to", "expand_dims", "squeeze", "flip", "slice", "split", "info", "ops"),
    *("is_grad_enabled", "autocast_dtype", "set_autocast_dtype", "set_grad_enabled"),
    *("manual_seed", "memory_stats", "reset_peak_memory", "empty_cache", "live_tensor_count"),
    *("get_num_threads", "set_num_threads", "T", "mT", "detach", "item", "numpy"),
    *("requires_grad_", "is_contiguous", "view", "permute", "get_rng_state", "set_rng_state"),
    *("empty_like", "is_tensor", "numel", "may_share_memory", "new_empty", "cpu", "float"),
    "type_as",
    *("get_printoptions", "set_printoptions"),
}
# Functions of many arguments, each the name of an op, which all run through one door.
OPS = {op["name"] for op in _core.ops()}


def _usual_call(function: Callable[..., Any]) -> Callable[[], Any] | None:
    for arguments in USUAL:
        try:
            result = function(*arguments)
        except (TypeError, ValueError, RuntimeError, IndexError):
            continue
        if isinstance(result, pydl.Tensor) and max(result.size, N) >= N:
            return lambda arguments=arguments: function(*arguments)
    return None


def _calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield from CALLS.items()
    for module in (_core, _core.nn, _core.optim, _core.io, _core.random):
        for name, function in vars(module).items():
            if isinstance(function, type) or not callable(function) or name.startswith("_"):
                continue
            if name in CALLS or name in WITHOUT_WORK:
                continue
            call = _usual_call(function)
            if call is not None:
                yield f"{module.__name__}.{name}", call
            elif name not in OPS:
                UNKNOWN.append(f"{module.__name__}.{name}")
    for name in dir(pydl.Tensor):
        if name.startswith("__") and name not in ("__add__", "__matmul__", "__pow__", "__neg__"):
            continue
        method = getattr(pydl.Tensor, name)
        if name in CALLS or name in WITHOUT_WORK or not callable(method):
            continue
        call = _usual_call(method)
        if call is not None:
            yield f"Tensor.{name}", call


# Python objects are made under the lock, which is given to others from time to time.
MAKES_OBJECTS = {"tolist", "Tensor.tolist"}
UNKNOWN: list[str] = []
ALL = dict(_calls())


class Counter:
    """A thread that counts whenever it gets the interpreter's lock."""

    def __enter__(self) -> Counter:
        self.count, self._stop = 0, False
        self._interval = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while self.count == 0:
            time.sleep(1e-3)
        # Nobody is made to give the lock: the count moves only where it is given by itself.
        sys.setswitchinterval(100.0)
        return self

    def _run(self) -> None:
        while not self._stop:
            self.count += 1
            time.sleep(1e-6)

    def __exit__(self, *_: object) -> None:
        self._stop = True
        sys.setswitchinterval(self._interval)
        self._thread.join()

    def moves_during(self, work: Callable[[], Any], seconds: float = 10.0, least: int = 1) -> bool:
        """Whether it counts while `work` is done, in some of many attempts."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.count
            work()
            if self.count >= before + least:
                return True
        return False

    def moves_when_asked(self, work: Callable[[], Any]) -> bool:
        """The same for work that only gives the lock to those who have asked for it.

        Between two instructions of Python the lock changes hands too, which is one move or two.
        """
        sys.setswitchinterval(1e-4)
        try:
            return self.moves_during(work, least=5)
        finally:
            sys.setswitchinterval(100.0)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    FILE[:] = [str(Path(tmp_path_factory.mktemp("lock")) / "x.safetensors")]
    with Counter() as running:
        yield running


@pytest.mark.parametrize("name", ALL)
def test_others_go_on(name: str, counter: Counter) -> None:
    if name in MAKES_OBJECTS:
        assert counter.moves_when_asked(ALL[name])
    else:
        assert counter.moves_during(ALL[name])


def test_the_count_stands_still_where_the_lock_is_kept(counter: Counter) -> None:
    values = list(range(200_000))
    assert not counter.moves_during(lambda: sorted(values), 0.5)


def test_every_binding_is_walked() -> None:
    assert UNKNOWN == []
    assert len(ALL) > 150


def test_small_work_keeps_the_lock(counter: Counter) -> None:
    """Giving and taking it costs more than a small op."""
    x = pydl.ones(10)
    assert not counter.moves_during(lambda: x + x, 0.5)


def test_array_conversion(counter: Counter) -> None:
    array = np.ones((700, 700), np.float32)
    assert counter.moves_during(lambda: pydl.tensor(array))
