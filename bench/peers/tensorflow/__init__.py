"""TensorFlow: Keras optimisers, the step in a tf.function, with and without XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.case import Contender, Work
from bench.conv import Convolution
from bench.peers.tensorflow.cnn import cnn
from bench.peers.tensorflow.convolution import convolution
from bench.peers.tensorflow.dense import mlp, vae
from bench.peers.tensorflow.rnn import rnn
from bench.train_cnn import Cnn
from bench.train_mlp import Mlp
from bench.train_rnn import Rnn
from bench.train_vae import Vae

_CONTENDERS: dict[type[Any], Callable[..., Contender]] = {
    Convolution: convolution,
    Mlp: mlp,
    Vae: vae,
    Cnn: cnn,
    Rnn: rnn,
}


def build(work: Work, data: Any, variant: str) -> Contender:
    return _CONTENDERS[type(work)](work, data, variant)
