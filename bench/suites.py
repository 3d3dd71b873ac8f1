"""All suites by the words that select them on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench import conv, operations, text, train_cnn, train_mlp, train_rnn, train_vae
from bench.case import Case

SUITES: dict[str, Callable[[], Iterable[Case]]] = {
    "ops": operations.cases,
    "conv": conv.cases,
    "text": text.cases,
    "train mlp": train_mlp.cases,
    "train vae": train_vae.cases,
    "train cnn": train_cnn.cases,
    "train rnn": train_rnn.cases,
}
