"""PyTorch: eager, with fused optimiser, and with forward and backward compiled by inductor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.case import Contender, Work
from bench.conv import Convolution
from bench.operations.row import Operation
from bench.peers.torch.cnn import cnn
from bench.peers.torch.convolution import convolution
from bench.peers.torch.dense import mlp, vae
from bench.peers.torch.operations import operation
from bench.peers.torch.rnn import rnn
from bench.train_cnn import Cnn
from bench.train_mlp import Mlp
from bench.train_rnn import Rnn
from bench.train_vae import Vae

_CONTENDERS: dict[type[Any], Callable[..., Contender]] = {
    Operation: operation,
    Convolution: convolution,
    Mlp: mlp,
    Vae: vae,
    Cnn: cnn,
    Rnn: rnn,
}


def build(work: Work, data: Any, variant: str) -> Contender:
    return _CONTENDERS[type(work)](work, data, variant)
