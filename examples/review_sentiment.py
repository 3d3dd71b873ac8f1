"""Like or dislike: 10,605 sentences from movie reviews, and three ways to tell.

A bag of words (TF-IDF of words and pairs of words, and a linear classifier) knows no order; an
LSTM reads the words one after the other; a convolutional network (Kim, 2014) looks for short
phrases. All use the same sentences for training, for early stopping, and the same fifth as the
test set. Needs the data set (`pydl.datasets.load_movie_reviews` says where it looks and fetches it
from); with `--glove` the networks start from word vectors that have seen billions of words
(`pydl.datasets.load_glove`).

    python examples/review_sentiment.py

With the defaults it takes two to four minutes; mean test accuracies of three trainings: bag of
words 0.788, LSTM 0.775, convolutions 0.773, where the majority is 0.502. With `--glove --runs 1`:
0.788, 0.790 and 0.785. The standard error of an accuracy is 0.009: none of the three is clearly
better than another on so few sentences.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn
from pydl.data import Dataset, TensorDataset, stratified_split
from pydl.text import (
    CSRMatrix,
    TfidfVectorizer,
    Vocabulary,
    WordTokenizer,
    WordVectors,
    pad_sequences,
)
from pydl.training import EarlyStopping

Array = npt.NDArray[Any]

LONGEST = 40  # words; one sentence in a hundred has more


class SparseRows(Dataset):
    """Rows of a sparse matrix, made dense batch by batch, and their labels."""

    def __init__(self, matrix: CSRMatrix, labels: Array) -> None:
        self.matrix, self.labels = matrix, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[pydl.Tensor, pydl.Tensor]:
        return pydl.asarray(self.matrix[number]), pydl.asarray(self.labels[number])

    def get_batch(self, indices: Array) -> tuple[pydl.Tensor, pydl.Tensor]:
        """Gather samples into a batch."""
        rows = self.matrix[indices].toarray()
        return pydl.asarray(rows), pydl.asarray(self.labels[indices])


class RecurrentClassifier(pydl.Model):
    """Two LSTMs, one for each direction, and a linear layer on their last states."""

    def __init__(self, vectors: Array, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(*vectors.shape, padding_idx=0, weight=vectors)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(vectors.shape[1], hidden, batch_first=True, bidirectional=True)
        self.scores = nn.Linear(2 * hidden, 2)

    def forward(self, words: pydl.Tensor, lengths: pydl.Tensor) -> pydl.Tensor:
        """From words (N, T), `lengths` of which count, to scores (N, 2)."""
        vectors = self.dropout(self.embedding(words))
        _, (h, _) = self.lstm(vectors, lengths=lengths)
        return self.scores(self.dropout(pydl.concat([h[0], h[1]], axis=1)))


class ConvolutionalClassifier(pydl.Model):
    """The strongest answer to each of many phrases of 3, 4 and 5 words, and a linear layer."""

    def __init__(self, vectors: Array, phrases: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(*vectors.shape, padding_idx=0, weight=vectors)
        self.dropout = nn.Dropout(0.5)
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(vectors.shape[1], phrases, words, padding=words - 1) for words in (3, 4, 5)]
        )
        self.scores = nn.Linear(3 * phrases, 2)

    def forward(self, words: pydl.Tensor, lengths: pydl.Tensor) -> pydl.Tensor:
        """From words (N, T) to scores (N, 2); padding is zeros, and needs no lengths."""
        vectors = self.dropout(self.embedding(words)).permute_dims((0, 2, 1))
        found = [pydl.relu(layer(vectors)).max(axis=2) for layer in self.convolutions]
        return self.scores(self.dropout(pydl.concat(found, axis=1)))


def train(
    model: pydl.Model, training: Dataset, validation: Dataset, epochs: int, lr: float
) -> None:
    """Train until the validation accuracy no longer rises."""
    optimizer = pydl.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    model.compile(optimizer, "cross_entropy", ["accuracy"])
    stop = EarlyStopping("val_accuracy", patience=4, restore_best_weights=True)
    model.fit(
        training,
        batch_size=32,
        epochs=epochs,
        validation_data=validation,
        callbacks=[stop],
        verbose=0,
    )


def bags_of_words(texts: list[Array], labels: list[Array]) -> list[Dataset]:
    """TF-IDF of the parts, with the words and pairs that come twice or more in the first."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    vectorizer.fit(texts[0])
    return [SparseRows(vectorizer.transform(t), y) for t, y in zip(texts, labels, strict=True)]


def sequences_of_words(
    texts: list[Array], labels: list[Array], vocabulary: Vocabulary
) -> list[Dataset]:
    """Numbers of the words of each sentence (N, T), how many they are, and the labels."""
    tokenizer = WordTokenizer()
    encoded = [[vocabulary.encode(tokenizer(text)) for text in part] for part in texts]
    return [
        TensorDataset(*pad_sequences(part, LONGEST), y)
        for part, y in zip(encoded, labels, strict=True)
    ]


def starting_vectors(vocabulary: Vocabulary, glove: bool, seed: int) -> Array:
    """Vectors of the words, at random or from GloVe; that of the padding is 0."""
    if glove:
        matrix, found = WordVectors(*pydl.datasets.load_glove()).matrix(
            vocabulary, missing="normal", seed=seed
        )
        print(f"GloVe has {found:.0%} of the words")
    else:
        matrix = np.random.default_rng(seed).normal(0, 0.3, (len(vocabulary), 100))
    matrix[vocabulary.padding_index] = 0
    return matrix


def divided(labels: Array) -> list[Array]:
    """Divide the sentences into training, validation and test; returns their indices."""
    rest, tested = stratified_split(labels, 0.2, seed=0)
    training, validation = stratified_split(labels[rest], 0.1, seed=0)
    return [rest[training], rest[validation], tested]


def main(
    epochs: int = 15, runs: int = 3, limit: int | None = None, glove: bool = False, seed: int = 0
) -> dict[str, float]:
    """Print a table of accuracies on the test sentences; returns them."""
    sentences, ratings = pydl.datasets.load_movie_reviews()
    all_texts, all_labels = np.array(sentences)[:limit], (ratings >= 0).astype(np.int64)[:limit]
    parts = divided(all_labels)
    texts, labels = [all_texts[part] for part in parts], [all_labels[part] for part in parts]
    print("{} sentences for training, {} for validation, {} for test".format(*map(len, parts)))

    bags = bags_of_words(texts, labels)
    vocabulary = Vocabulary.from_documents(texts[0], WordTokenizer(), min_count=2)
    sequences = sequences_of_words(texts, labels, vocabulary)
    vectors = starting_vectors(vocabulary, glove, seed)
    terms = bags[0].matrix.shape[1]
    ways: dict[str, tuple[Any, float, list[Dataset]]] = {  # network, learning rate, data
        "bag of words, linear": (lambda: pydl.Sequential(nn.Linear(terms, 2)), 5e-3, bags),
        "LSTM, both directions": (lambda: RecurrentClassifier(vectors), 1e-3, sequences),
        "convolutions": (lambda: ConvolutionalClassifier(vectors), 1e-3, sequences),
    }
    majority = float(np.bincount(labels[2]).max() / len(labels[2]))
    accuracies = {"majority": majority}
    print(f"{'':24}{'test accuracy':>14}{'seconds':>10}\n{'majority':24}{majority:14.4f}")
    for name, (network, lr, (training, validation, tested)) in ways.items():
        start, found = time.perf_counter(), []
        for run in range(runs):
            pydl.manual_seed(seed + run)
            model = network()
            train(model, training, validation, epochs, lr)
            found.append(model.evaluate(tested, verbose=0)["accuracy"])
        accuracies[name] = float(np.mean(found))
        seconds = (time.perf_counter() - start) / runs
        print(f"{name:24}{accuracies[name]:14.4f}{seconds:10.1f}")
    return accuracies


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15, help="at most so many")
    parser.add_argument("--runs", type=int, default=3, help="trainings that are averaged")
    parser.add_argument("--limit", type=int, help="use so many sentences only")
    parser.add_argument("--glove", action="store_true", help="start from GloVe's vectors")
    parser.add_argument("--seed", type=int, default=0, help="of the first training")
    main(**vars(parser.parse_args()))
