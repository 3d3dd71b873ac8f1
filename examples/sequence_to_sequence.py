"""Encoder and decoder with attention: sequences to sequences of another length.

What `spelling_to_phonemes.py` and `translation.py` share: the network, batches of pairs, and
greedy decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

import pydl
from pydl import nn
from pydl.data import DataLoader
from pydl.text import BucketBatchSampler, pad_sequences
from pydl.training import Callback

# Numbers of the special tokens, in sources and targets alike.
PADDING, UNKNOWN, BEGIN, END = range(4)

Pair = tuple[Sequence[int], Sequence[int]]


class EncoderDecoder(pydl.Model):
    """A GRU reads the source in both directions, another writes the target (Luong et al., 2015).

    Sizes: N sequences; sources of S tokens; targets of T tokens; H hidden units.
    """

    def __init__(
        self,
        source_tokens: int,
        target_tokens: int,
        *,
        embedding: int = 128,
        hidden: int = 256,
        encoder_layers: int = 1,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(source_tokens, embedding, padding_idx=PADDING)
        self.target_embedding = nn.Embedding(target_tokens, embedding, padding_idx=PADDING)
        self.encoder = nn.GRU(
            embedding,
            hidden // 2,
            encoder_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=True,
        )
        self.bridge = nn.Linear(hidden, hidden)
        self.decoder = nn.GRU(embedding, hidden, batch_first=True)
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, target_tokens)
        self.dropout = nn.Dropout(dropout)

    def encode(self, source: pydl.Tensor, lengths: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        """From sources (N, S) to what is remembered of each token (N, S, H), and a state."""
        x = self.dropout(self.source_embedding(source))
        memory, state = self.encoder(x, lengths=lengths)
        forward, backward = state[-2], state[-1]  # of the last layer
        summary = pydl.concat([forward, backward], axis=1)
        return self.dropout(memory), pydl.tanh(self.bridge(summary)).expand_dims(0)

    def attend(
        self, h: pydl.Tensor, memory: pydl.Tensor, lengths: pydl.Tensor
    ) -> tuple[pydl.Tensor, pydl.Tensor]:
        """Look with every step of the decoder (N, T, H) at the memory of the source (N, S, H).

        Returns what was seen, (N, T, H), and how much of it came from each token, (N, T, S).
        """
        scores = self.score(h) @ pydl.matrix_transpose(memory)
        is_token = pydl.arange(memory.shape[1]) < lengths.reshape(-1, 1, 1)
        weights = pydl.softmax(pydl.where(is_token, scores, -1e9))
        return weights @ memory, weights

    def decode(
        self,
        previous: pydl.Tensor,
        state: pydl.Tensor,
        memory: pydl.Tensor,
        lengths: pydl.Tensor,
        target_lengths: pydl.Tensor | None = None,
    ) -> tuple[pydl.Tensor, pydl.Tensor]:
        """From previous tokens (N, T) to scores of the tokens that follow, and a state.

        The recurrent layer does not depend on what the attention sees, so all steps that are known
        go through it at once: the whole target in training, one token in decoding.
        """
        x = self.dropout(self.target_embedding(previous))
        h, state = self.decoder(x, state, lengths=target_lengths)
        context, _ = self.attend(h, memory, lengths)
        seen = pydl.tanh(self.combine(pydl.concat([context, h], axis=2)))
        return self.output(self.dropout(seen)), state

    def forward(
        self,
        source: pydl.Tensor,
        lengths: pydl.Tensor,
        previous: pydl.Tensor,
        target_lengths: pydl.Tensor,
    ) -> pydl.Tensor:
        """Scores (N, T, tokens) of each token of the target, given those before it."""
        memory, state = self.encode(source, lengths)
        return self.decode(previous, state, memory, lengths, target_lengths)[0]


def token_loss(scores: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
    """Cross-entropy per token; padding does not count."""
    scores = scores.reshape(-1, scores.shape[-1])
    return nn.functional.cross_entropy(scores, target.reshape(-1), ignore_index=PADDING)


class TokenAccuracy(pydl.training.Metric):
    """Share of tokens that are right, given the right ones before."""

    name = "token_accuracy"

    def totals(self, scores: pydl.Tensor, target: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        is_token = target != PADDING
        right = (pydl.argmax(scores, axis=-1) == target) & is_token
        return right.sum(), is_token.sum()

    def result(self, right: float, tokens: float) -> float:
        return right / tokens


def pair_collate(pairs: Sequence[Pair], multiple: int) -> tuple[pydl.Tensor, ...]:
    """Make a batch: source and target with lengths as `forward` takes them, and what follows.

    All have the same length, a multiple of `multiple`: a step is compiled once for each shape, and
    these shall be few.
    """
    sources, targets = zip(*pairs, strict=True)
    longest = max(max(map(len, sources)), max(map(len, targets)) + 1)
    size = -(-longest // multiple) * multiple
    source, source_lengths = pad_sequences(sources, size)
    previous, target_lengths = pad_sequences([[BEGIN, *target] for target in targets], size)
    following, _ = pad_sequences([[*target, END] for target in targets], size)
    arrays = (source, source_lengths, previous, target_lengths, following)
    return tuple(pydl.asarray(array) for array in arrays)


def pair_loader(
    pairs: Sequence[Pair], batch_size: int, *, shuffle: bool, seed: int, multiple: int
) -> DataLoader:
    """Batches of pairs of similar length."""
    sizes = [max(len(source), len(target) + 1) for source, target in pairs]
    sampler = BucketBatchSampler(sizes, batch_size, shuffle=shuffle, drop_last=shuffle, seed=seed)
    collate = partial(pair_collate, multiple=multiple)
    return DataLoader(pairs, batch_sampler=sampler, collate_fn=collate, prefetch=2)


class WarmUpAndDecay(Callback):
    """Raise the learning rate evenly over the first steps, then lower it evenly to zero."""

    def __init__(self, optimizer: pydl.optim.Optimizer, steps: int, warm_up: int = 200) -> None:
        self.optimizer, self.highest, self.steps = optimizer, optimizer.lr, steps
        self.warm_up, self.done = min(warm_up, steps // 10 + 1), 0

    def on_train_begin(self) -> None:
        self.on_train_batch_end(-1)

    def on_train_batch_end(self, step: int) -> None:
        self.done += 1
        rising, falling = self.done / self.warm_up, 1 - self.done / (self.steps + 2)
        self.optimizer.lr = self.highest * min(rising, falling)


def train(
    model: EncoderDecoder,
    pairs: Sequence[Pair],
    validation: Sequence[Pair],
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    seed: int,
    multiple: int = 4,
) -> pydl.training.History:
    """Teach the model to write each next token of the target from the right ones before it."""
    loader = pair_loader(pairs, batch_size, shuffle=True, seed=seed, multiple=multiple)
    held_out = pair_loader(validation, batch_size, shuffle=False, seed=seed, multiple=multiple)
    optimizer = pydl.optim.AdamW(model.parameters(), lr=lr)
    model.compile(optimizer, token_loss, [TokenAccuracy()])
    schedule = WarmUpAndDecay(optimizer, epochs * len(loader))
    return model.fit(
        loader, epochs=epochs, validation_data=held_out, callbacks=[schedule], verbose=2
    )


def greedy(
    model: EncoderDecoder, sources: Sequence[Sequence[int]], longest: int, batch_size: int = 500
) -> list[list[int]]:
    """Write a target for each source, always the token with the highest score."""
    model.eval()
    results: dict[int, list[int]] = {}
    with pydl.no_grad():
        for numbers in BucketBatchSampler([len(source) for source in sources], batch_size):
            tokens = _greedy_batch(model, [sources[number] for number in numbers], longest)
            results.update(zip(numbers, map(_until_end, tokens), strict=True))
    return [results[number] for number in range(len(sources))]


def _greedy_batch(
    model: EncoderDecoder, sources: Sequence[Sequence[int]], longest: int
) -> list[list[int]]:
    source, lengths = map(pydl.asarray, pad_sequences(sources))
    memory, state = model.encode(source, lengths)
    token = pydl.full((len(sources), 1), BEGIN, dtype="int64")
    written = np.empty((len(sources), 0), np.int64)
    while written.shape[1] < longest and not (written == END).any(axis=1).all():
        scores, state = model.decode(token, state, memory, lengths)
        token = pydl.argmax(scores, axis=-1)
        written = np.concatenate([written, token.numpy()], axis=1)
    return [row.tolist() for row in written]


def _until_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens
