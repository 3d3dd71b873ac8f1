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
CLIPPED = X.copy().requires_grad_()  # a parameter with a gradient
CLIPPED.grad = X.copy()
POSITIVE, TALL = pydl.eye(700) + S @ S.T, pydl.uniform((2000, 30))

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
    "quantile": lambda: _core.quantile(X, 0.5),
    "nanquantile": lambda: _core.nanquantile(X, 0.5),
    "kthvalue": lambda: _core.kthvalue(X, 9),
    "lexsort": lambda: _core.lexsort([X, Y]),
    "aminmax": lambda: _core.aminmax(X),
    "bincount": lambda: _core.bincount(INDEX),
    "histogram": lambda: _core.histogram(X),
    "mode": lambda: _core.mode(X),
    "std_mean": lambda: _core.std_mean(X),
    "unique_all": lambda: _core.unique_all(X),
    "unique_counts": lambda: _core.unique_counts(X),
    "unique_inverse": lambda: _core.unique_inverse(X),
    "var_mean": lambda: _core.var_mean(X),
    "clip": lambda: _core.clip(X, 0.2, 0.8),
    "allclose": lambda: _core.allclose(X, X),
    "lerp": lambda: _core.lerp(X, Y, 0.3),
    "huber": lambda: _core.huber(X, Y, 0.3),
    "squared_difference_backward": lambda: _core.squared_difference_backward(X, Y, Y),
    "leaky_relu_backward": lambda: _core.leaky_relu_backward(X, Y, 0.3),
    "elu_backward": lambda: _core.elu_backward(X, Y, 0.3),
    "euclidean_norm": lambda: _core.euclidean_norm(X, [0]),
    "replace_nonfinite": lambda: _core.replace_nonfinite(X, 0.0, 1.0, -1.0),
    "count_in_bins": lambda: _core.count_in_bins(X, pydl.linspace(0, 1, 11)),
    "count_integers": lambda: _core.count_integers(INDEX, 100),
    "cross_product": lambda: _core.cross_product(
        *(a[: N // 3 * 3].reshape(-1, 3) for a in (X, Y)), 1
    ),
    "prelu": lambda: _core.prelu(X, 0.25),
    "threshold": lambda: _core.threshold(X, 0.5, 0.1),
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
    "block_diag": lambda: _core.block_diag(S, T),
    "cartesian_prod": lambda: _core.cartesian_prod(X[:700], X[:700]),
    "cat": lambda: _core.cat([X, Y]),
    "column_stack": lambda: _core.column_stack([X, Y]),
    "combinations": lambda: _core.combinations(X[:700]),
    "compress": lambda: _core.compress(X, BOOLS, int(BOOLS.sum().item())),
    "concatenate": lambda: _core.concatenate([X, Y]),
    "diag": lambda: _core.diag(X[:700]),
    "diag_embed": lambda: _core.diag_embed(S),
    "diagflat": lambda: _core.diagflat(X[:700]),
    "dstack": lambda: _core.dstack([X, Y]),
    "fold": lambda: _core.nn.fold(_core.nn.unfold(IMAGE, 3), 64, 3),
    "hstack": lambda: _core.hstack([X, Y]),
    "index_add": lambda: _core.index_add(X, INDEX, Y),
    "index_add_": lambda: Y.copy().index_add_(0, INDEX, X),
    "index_copy": lambda: _core.index_copy(X, INDEX, Y),
    "index_copy_": lambda: Y.copy().index_copy_(0, INDEX, X),
    "index_fill": lambda: _core.index_fill(X, INDEX, 1.0),
    "index_fill_": lambda: Y.copy().index_fill_(0, INDEX, 1.0),
    "index_select": lambda: _core.index_select(X, 0, INDEX),
    "masked_fill_": lambda: Y.copy().masked_fill_(BOOLS, 1.0),
    "masked_scatter": lambda: _core.masked_scatter(X, BOOLS, Y),
    "masked_scatter_": lambda: Y.copy().masked_scatter_(BOOLS, X),
    "one_hot": lambda: _core.one_hot(ROWS, 700),
    "put": lambda: _core.put(X, INDEX, Y),
    "ravel": lambda: _core.ravel(S.T),
    "repeat": lambda: _core.repeat(X, 2),
    "repeat_interleave": lambda: _core.repeat_interleave(X, 2),
    "roll": lambda: _core.roll(X, 3),
    "scatter": lambda: X.scatter(0, INDEX, Y),
    "scatter_": lambda: Y.copy().scatter_(0, INDEX, X),
    "scatter_add": lambda: X.scatter_add(0, INDEX, Y),
    "scatter_add_": lambda: Y.copy().scatter_add_(0, INDEX, X),
    "scatter_reduce": lambda: _core.scatter_reduce(X, INDEX, Y, "amax"),
    "scatter_reduce_": lambda: Y.copy().scatter_reduce_(0, INDEX, X, "amax"),
    "segment_max": lambda: _core.segment_max(X, INDEX, N),
    "segment_mean": lambda: _core.segment_mean(X, INDEX, N),
    "segment_min": lambda: _core.segment_min(X, INDEX, N),
    "segment_prod": lambda: _core.segment_prod(X, INDEX, N),
    "segment_sum": lambda: _core.segment_sum(X, INDEX, N),
    "take_along_axis": lambda: _core.take_along_axis(X, INDEX),
    "take_along_dim": lambda: _core.take_along_dim(X, INDEX),
    "tile": lambda: _core.tile(X, 2),
    "tril_indices": lambda: _core.tril_indices(700),
    "triu_indices": lambda: _core.triu_indices(700),
    "unfold": lambda: _core.nn.unfold(IMAGE, 3),
    "vstack": lambda: _core.vstack([X, Y]),
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
    "outer": lambda: _core.outer(X[:700], Y[:700]),
    "kron": lambda: _core.kron(X[:700], Y[:700]),
    "dot": lambda: _core.dot(X, Y),
    "vdot": lambda: _core.vdot(X, Y),
    "inner": lambda: _core.inner(X, Y),
    "vecdot": lambda: _core.vecdot(S, T),
    "cross": lambda: _core.cross(X[:399_999].reshape(-1, 3), Y[:3]),
    "mv": lambda: _core.mv(S, X[:700]),
    "bmm": lambda: _core.bmm(IMAGE[0], IMAGE[1]),
    "addmm": lambda: _core.addmm(S, S, T),
    "einsum": lambda: _core.einsum("ij,jk->ik", [S, T]),
    "tensordot": lambda: _core.tensordot(S, T, 1),
    "trace": lambda: _core.trace(S),
    "solve_triangular": lambda: _core.linalg.solve_triangular(POSITIVE, T, upper=True),
    "lu_solve": lambda: _core.linalg.lu_solve(POSITIVE, pydl.permutation(700), T),
    "cholesky": lambda: _core.linalg.cholesky(POSITIVE),
    "cholesky_solve": lambda: _core.linalg.cholesky_solve(T, POSITIVE),
    "lu_factor": lambda: _core.linalg.lu_factor(POSITIVE),
    "slogdet": lambda: _core.linalg.slogdet(POSITIVE),
    "det": lambda: _core.linalg.det(POSITIVE),
    "qr": lambda: _core.linalg.qr(TALL),
    "eigh": lambda: _core.linalg.eigh(POSITIVE[:150, :150]),
    "eigvalsh": lambda: _core.linalg.eigvalsh(POSITIVE[:150, :150]),
    "svd": lambda: _core.linalg.svd(TALL, False),
    "svdvals": lambda: _core.linalg.svdvals(TALL),
    "pinv": lambda: _core.linalg.pinv(TALL),
    "matrix_rank": lambda: _core.linalg.matrix_rank(TALL),
    "matrix_norm": lambda: _core.linalg.matrix_norm(S),
    "matrix_power": lambda: _core.linalg.matrix_power(S, 2),
    "multi_dot": lambda: _core.linalg.multi_dot([S, T, S]),
    "cond": lambda: _core.linalg.cond(TALL),
    "lstsq": lambda: _core.linalg.lstsq(TALL, X[:2000]),
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
    "clip_grad_value_": lambda: _core.optim.clip_grad_value_([CLIPPED], 0.5),
    "adam_update": lambda: _core.optim.adam_update(
        pydl.zeros((), "int64"), [Y], [Y.copy()], [Y.copy()], [X], pydl.tensor(0.1, "float64")
    ),
    "adagrad_update": lambda: _core.optim.adagrad_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "adadelta_update": lambda: _core.optim.adadelta_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "adamax_update": lambda: _core.optim.adamax_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "nadam_update": lambda: _core.optim.nadam_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "radam_update": lambda: _core.optim.radam_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "rprop_update": lambda: _core.optim.rprop_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "lion_update": lambda: _core.optim.lion_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()]], [X], pydl.tensor(0.1, "float64")
    ),
    "lamb_update": lambda: _core.optim.lamb_update(
        pydl.zeros((), "int64"), [Y], [[Y.copy()], [Y.copy()]], [X], pydl.tensor(0.1, "float64")
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
    "nll_loss": lambda: _core.nn.nll_loss(S, LABELS),
    "multi_margin_loss": lambda: _core.nn.multi_margin_loss(S, LABELS),
    "multilabel_margin_loss": lambda: _core.nn.multilabel_margin_loss(
        X.reshape(-1, 8), pydl.zeros((N // 8, 8), "int64")
    ),
    "gaussian_nll_loss": lambda: _core.nn.gaussian_nll_loss(X, Y, X),
    "margin_ranking_loss": lambda: _core.nn.margin_ranking_loss(X, Y, X),
    "cosine_embedding_loss": lambda: _core.nn.cosine_embedding_loss(S, T, LABELS),
    "triplet_margin_loss": lambda: _core.nn.triplet_margin_loss(S, T, S),
    "contrastive_loss": lambda: _core.nn.contrastive_loss(S, T, LABELS),
    "bilinear": lambda: _core.nn.bilinear(S, T, pydl.ones((4, 700, 700))),
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
    *(
        "promote_types",
        "from_numpy",
        "from_dlpack",
        "empty",
        "empty_like",
        "permute_dims",
        "matrix_transpose",
    ),
    *("expand", "broadcast_to", "expand_dims", "squeeze", "flip", "slice", "split", "info", "ops"),
    *("is_grad_enabled", "autocast_dtype", "set_autocast_dtype", "set_grad_enabled"),
    *("manual_seed", "memory_stats", "reset_peak_memory", "empty_cache", "live_tensor_count"),
    *("get_num_threads", "set_num_threads", "T", "mT", "detach", "item", "numpy"),
    *("requires_grad_", "is_contiguous", "view", "permute", "get_rng_state", "set_rng_state"),
    *("empty_like", "is_tensor", "numel", "may_share_memory", "new_empty", "cpu", "float"),
    "type_as",
    *("get_printoptions", "set_printoptions"),
    "positive",
    *("array_split", "as_strided", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays"),
    *("broadcast_shapes", "broadcast_tensors", "chunk", "diagonal", "dsplit", "expand_as"),
    *("fliplr", "flipud", "hsplit", "meshgrid", "moveaxis", "movedim", "narrow", "rot90", "select"),
    *("sliding_window_view", "swapaxes", "t", "tensor_split", "transpose", "unbind", "unflatten"),
    *("unsqueeze", "unstack", "view_as", "vsplit", "conj", "real"),
}
# Functions of many arguments, each the name of an op, which all run through one door.
OPS = {op["name"] for op in _core.ops()}


def _on_a_copy(method: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the operands of other calls as they are."""
    return lambda x, *others: method(x.copy() if isinstance(x, pydl.Tensor) else x, *others)


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
    for module in (_core, _core.linalg, _core.nn, _core.optim, _core.io, _core.random):
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
        overwrites = name.endswith("_") and not name.endswith("__")
        call = _usual_call(_on_a_copy(method) if overwrites else method)
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
