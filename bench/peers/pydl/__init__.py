"""pydl: eager, and with the whole step compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.case import Contender, Work
from bench.conv import Convolution
from bench.operations.row import Operation
from bench.peers.pydl.cnn import cnn
from bench.peers.pydl.convolution import convolution
from bench.peers.pydl.dense import mlp, vae
from bench.peers.pydl.operations import operation
from bench.peers.pydl.rnn import rnn
from bench.peers.pydl.vectorization import vectorization
from bench.text import Vectorization
from bench.train_cnn import Cnn
from bench.train_mlp import Mlp
from bench.train_rnn import Rnn
from bench.train_vae import Vae

_CONTENDERS: dict[type[Any], Callable[..., Contender]] = {
    Operation: operation,
    Convolution: convolution,
    Vectorization: vectorization,
    Mlp: mlp,
    Vae: vae,
    Cnn: cnn,
    Rnn: rnn,
}


def build(work: Work, data: Any, variant: str) -> Contender:
    return _CONTENDERS[type(work)](work, data, variant)
