"""One case of every loss and function of vectors, with PyTorch's or NumPy's formula for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Options = dict[str, Any]
EVERY = ("mean", "sum", "none")


@dataclass(frozen=True)
class LossCase:
    """Operands and options of a function of `pydl.nn.functional`.

    `operands` makes NumPy arrays; those at `leaves` are differentiated. `reference`, from NumPy
    arrays and options to losses without reduction, replaces PyTorch's function of the same name.
    An option may be an array: then it is a tensor for both libraries.
    """

    operands: Callable[[np.random.Generator], Sequence[Array]]
    options: Sequence[Options] = ({},)
    module: str | None = None
    leaves: tuple[int, ...] = (0,)
    reference: Callable[..., Array] | None = None
    reductions: tuple[str, ...] = EVERY
    # Names of options that PyTorch calls otherwise.
    renamed: dict[str, str] = field(default_factory=dict)


def scores(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape) * 2


def probabilities(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(0.05, 0.95, shape)


def classes(rng: np.random.Generator, count: int, *shape: int, ignored: int | None = None) -> Array:
    labels = rng.integers(0, count, shape)
    if ignored is not None:
        labels.flat[:: max(2, labels.size // 3)] = ignored
    return labels


def signs(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(0, 2, shape) * 2 - 1


def bits(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(0, 2, shape).astype(float)


def _pair(rng: np.random.Generator) -> Sequence[Array]:
    return scores(rng, 5, 3), scores(rng, 5, 3)


def _labels(rng: np.random.Generator) -> Sequence[Array]:
    labels = np.array([[2, 0, -1, 1], [-1, 0, 1, 2], [3, 1, 0, 2], [1, 1, -1, 0]])
    return scores(rng, 4, 4), labels


def _distribution(rng: np.random.Generator) -> Array:
    p = rng.uniform(0.1, 1, (5, 3))
    return p / p.sum(axis=1, keepdims=True)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _sigmoid_focal(x: Array, t: Array, alpha: float = 0.25, gamma: float = 2.0) -> Array:
    p = _sigmoid(x)
    q = p * t + (1 - p) * (1 - t)
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)) * (1 - q) ** gamma
    return loss if alpha < 0 else loss * (alpha * t + (1 - alpha) * (1 - t))


def _softmax_focal(x: Array, t: Array, alpha: Any = 1.0, gamma: float = 2.0) -> Array:
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    hot = t if t.dtype.kind == "f" else np.eye(x.shape[1])[t]
    return (-hot * np.log(p) * (1 - p) ** gamma * alpha).sum(axis=1)


def _dice(p: Array, t: Array, axis: Any = None, smooth: float = 1e-7) -> Array:
    both, all_of = (p * t).sum(axis=axis), p.sum(axis=axis) + t.sum(axis=axis)
    return np.asarray(1 - (2 * both + smooth) / (all_of + smooth))


def _hinge(x: Array, t: Array) -> Array:
    return np.maximum(0, 1 - np.where(t == 0, -1, t) * x)


def _contrastive(a: Array, b: Array, t: Array, margin: float = 1.0) -> Array:
    d = np.sqrt(((a - b) ** 2).sum(axis=-1))
    return t * d**2 + (1 - t) * np.maximum(0, margin - d) ** 2


def _msle(x: Array, t: Array) -> Array:
    return (np.log1p(np.maximum(x, 0)) - np.log1p(np.maximum(t, 0))) ** 2


def _cosine(a: Array, b: Array, eps: float) -> Array:
    lengths = (np.maximum(np.sqrt((x**2).sum(axis=1)), eps) for x in (a, b))
    return (a * b).sum(axis=1) / np.prod(list(lengths), axis=0)


CLASS_WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25])

LOSSES: dict[str, LossCase] = {
    "cross_entropy": LossCase(
        lambda rng: (scores(rng, 6, 4), classes(rng, 4, 6, ignored=-100)),
        ({}, {"weight": CLASS_WEIGHTS}, {"label_smoothing": 0.2},
         {"weight": CLASS_WEIGHTS, "label_smoothing": 0.3}),
        "CrossEntropyLoss",
    ),
    "cross_entropy of places": LossCase(
        lambda rng: (scores(rng, 2, 4, 3, 2), classes(rng, 4, 2, 3, 2, ignored=-100)),
        ({}, {"weight": CLASS_WEIGHTS, "label_smoothing": 0.1}),
    ),
    "cross_entropy of probabilities": LossCase(
        lambda rng: (scores(rng, 5, 3), _distribution(rng)),
        ({}, {"weight": CLASS_WEIGHTS[:3]}, {"label_smoothing": 0.2}),
        leaves=(0, 1),
    ),
    "cross_entropy of one sample": LossCase(lambda rng: (scores(rng, 4), np.array(2))),
    "nll_loss": LossCase(
        lambda rng: (np.log(probabilities(rng, 6, 4)), classes(rng, 4, 6, ignored=-100)),
        ({}, {"weight": CLASS_WEIGHTS}),
        "NLLLoss",
    ),
    **{
        f"{name} of another ignored label": LossCase(
            lambda rng: (np.log(probabilities(rng, 6, 4)), classes(rng, 4, 6, ignored=1)),
            ({"ignore_index": 1}, {"ignore_index": 1, "weight": CLASS_WEIGHTS}),
        )
        for name in ("cross_entropy", "nll_loss")
    },
    "nll_loss of places": LossCase(
        lambda rng: (scores(rng, 2, 4, 3), classes(rng, 4, 2, 3)), ({}, {"weight": CLASS_WEIGHTS})
    ),
    "nll_loss of one sample": LossCase(lambda rng: (scores(rng, 4), np.array(2))),
    "softmax_focal_loss": LossCase(
        lambda rng: (scores(rng, 6, 4), classes(rng, 4, 6)),
        ({}, {"gamma": 0.5}, {"gamma": 0.0, "alpha": 0.25}, {"gamma": 3.0}),
        "SoftmaxFocalLoss",
        reference=_softmax_focal,
    ),
    "softmax_focal_loss of probabilities": LossCase(
        lambda rng: (scores(rng, 5, 3), _distribution(rng)),
        ({}, {"gamma": 1.5, "alpha": CLASS_WEIGHTS[:3]}),
        reference=_softmax_focal,
    ),
    "multi_margin_loss": LossCase(
        lambda rng: (scores(rng, 6, 4), classes(rng, 4, 6)),
        ({}, {"p": 2}, {"margin": 0.5, "weight": CLASS_WEIGHTS}),
        "MultiMarginLoss",
    ),
    "multi_margin_loss of one sample": LossCase(lambda rng: (scores(rng, 4), np.array(2))),
    "multilabel_margin_loss": LossCase(_labels, module="MultiLabelMarginLoss"),
    "multilabel_margin_loss of one sample": LossCase(
        lambda rng: (scores(rng, 4), np.array([3, 1, -1, 0]))
    ),
    "multilabel_soft_margin_loss": LossCase(
        lambda rng: (scores(rng, 5, 4), bits(rng, 5, 4)),
        ({}, {"weight": CLASS_WEIGHTS}),
        "MultiLabelSoftMarginLoss",
    ),
    "binary_cross_entropy": LossCase(
        lambda rng: (probabilities(rng, 5, 3), probabilities(rng, 5, 3)),
        ({}, {"weight": CLASS_WEIGHTS[:3]}, {"weight": np.full((5, 1), 0.5)}),
        "BCELoss",
    ),
    "binary_cross_entropy_with_logits": LossCase(
        lambda rng: (scores(rng, 5, 3), probabilities(rng, 5, 3)),
        ({}, {"weight": CLASS_WEIGHTS[:3]},
         {"pos_weight": CLASS_WEIGHTS[:3], "weight": np.full((5, 1), 0.5)}),
        "BCEWithLogitsLoss",
        leaves=(0, 1),
    ),
    "sigmoid_focal_loss": LossCase(
        lambda rng: (scores(rng, 5, 3), bits(rng, 5, 3)),
        ({}, {"alpha": -1.0}, {"gamma": 0.5}, {"gamma": 0.0, "alpha": 0.75}),
        "SigmoidFocalLoss",
        reference=_sigmoid_focal,
    ),
    "dice_loss": LossCase(
        lambda rng: (probabilities(rng, 5, 3), bits(rng, 5, 3)),
        ({}, {"axis": 1, "smooth": 1.0}),
        "DiceLoss",
        reference=_dice,
    ),
    "hinge_loss": LossCase(
        lambda rng: (scores(rng, 9), signs(rng, 9)), module="HingeLoss", reference=_hinge
    ),
    "hinge_loss of 0 and 1": LossCase(
        lambda rng: (scores(rng, 9), bits(rng, 9)), reference=_hinge
    ),
    "squared_hinge_loss": LossCase(
        lambda rng: (scores(rng, 9), signs(rng, 9)),
        module="SquaredHingeLoss",
        reference=lambda x, t: _hinge(x, t) ** 2,
    ),
    "soft_margin_loss": LossCase(
        lambda rng: (scores(rng, 9), signs(rng, 9)), module="SoftMarginLoss"
    ),
    "mse_loss": LossCase(_pair, module="MSELoss", leaves=(0, 1)),
    "l1_loss": LossCase(_pair, module="L1Loss", leaves=(0, 1)),
    "smooth_l1_loss": LossCase(
        _pair, ({}, {"beta": 0.5}, {"beta": 0.0}), "SmoothL1Loss", leaves=(0, 1)
    ),
    "huber_loss": LossCase(_pair, ({}, {"delta": 2.5}), "HuberLoss", leaves=(0, 1)),
    "log_cosh_loss": LossCase(
        _pair, module="LogCoshLoss", leaves=(0, 1), reference=lambda x, t: np.log(np.cosh(x - t))
    ),
    "msle_loss": LossCase(_pair, module="MSLELoss", leaves=(0, 1), reference=_msle),
    "mape_loss": LossCase(
        _pair, module="MAPELoss", leaves=(0, 1),
        reference=lambda x, t: 100 * np.abs(x - t) / np.abs(t),
    ),
    "kl_div": LossCase(
        lambda rng: (np.log(_distribution(rng)), _distribution(rng)),
        module="KLDivLoss",
        leaves=(0, 1),
        reductions=(*EVERY, "batchmean"),
    ),
    "kl_div of logarithms": LossCase(
        lambda rng: (np.log(_distribution(rng)), np.log(_distribution(rng))),
        ({"log_target": True},),
        leaves=(0, 1),
        reductions=(*EVERY, "batchmean"),
    ),
    "poisson_nll_loss": LossCase(
        lambda rng: (scores(rng, 5, 3), rng.poisson(2.0, (5, 3)).astype(float)),
        ({}, {"full": True}),
        "PoissonNLLLoss",
    ),
    "poisson_nll_loss of rates": LossCase(
        lambda rng: (probabilities(rng, 5, 3), rng.poisson(2.0, (5, 3)).astype(float)),
        ({"log_input": False}, {"log_input": False, "full": True, "eps": 0.1}),
    ),
    "gaussian_nll_loss": LossCase(
        lambda rng: (*_pair(rng), probabilities(rng, 5, 3)),
        ({}, {"full": True}, {"eps": 0.5}),
        "GaussianNLLLoss",
        leaves=(0, 1, 2),
    ),
    "gaussian_nll_loss, one variance per row": LossCase(
        lambda rng: (*_pair(rng), probabilities(rng, 5)), leaves=(0, 2)
    ),
    "hinge_embedding_loss": LossCase(
        lambda rng: (np.abs(scores(rng, 9)), signs(rng, 9)),
        ({}, {"margin": 2.5}),
        "HingeEmbeddingLoss",
    ),
    "margin_ranking_loss": LossCase(
        lambda rng: (scores(rng, 9), scores(rng, 9), signs(rng, 9)),
        ({}, {"margin": 1.5}),
        "MarginRankingLoss",
        leaves=(0, 1),
    ),
    "cosine_embedding_loss": LossCase(
        lambda rng: (*_pair(rng), signs(rng, 5)),
        ({}, {"margin": -0.5}),
        "CosineEmbeddingLoss",
        leaves=(0, 1),
    ),
    "triplet_margin_loss": LossCase(
        lambda rng: (*_pair(rng), scores(rng, 5, 3)),
        ({}, {"margin": 4.0}, {"p": 1.0, "swap": True}, {"p": 3.0, "eps": 0.1}),
        "TripletMarginLoss",
        leaves=(0, 1, 2),
    ),
    "contrastive_loss": LossCase(
        lambda rng: (*_pair(rng), bits(rng, 5)),
        ({}, {"margin": 5.0}),
        "ContrastiveLoss",
        leaves=(0, 1),
        reference=_contrastive,
    ),
    # No losses, but the same kind of functions.
    "normalize": LossCase(
        lambda rng: (scores(rng, 4, 3, 2),),
        ({}, {"p": 1.0, "axis": -1}, {"p": 3.0, "axis": 0, "eps": 5.0}),
        reductions=(),
        renamed={"axis": "dim"},
    ),
    "cosine_similarity": LossCase(
        lambda rng: (scores(rng, 4, 3, 2), scores(rng, 1, 3, 1)),
        ({}, {"axis": 0}, {"axis": -1}),
        "CosineSimilarity",
        leaves=(0, 1),
        reductions=(),
        renamed={"axis": "dim"},
    ),
    "cosine_similarity of short vectors": LossCase(
        lambda rng: (scores(rng, 4, 3) / 9, scores(rng, 4, 3)),
        ({"eps": 1.0},),
        leaves=(0, 1),
        reductions=(),
        reference=_cosine,  # PyTorch's gradient leaves out that the norm is limited
    ),
    "pairwise_distance": LossCase(
        lambda rng: (scores(rng, 4, 3), scores(rng, 4, 3)),
        ({}, {"p": 1.0}, {"p": 3.0, "eps": 0.1, "keepdims": True}, {"p": float("inf")}),
        "PairwiseDistance",
        leaves=(0, 1),
        reductions=(),
        renamed={"keepdims": "keepdim"},
    ),
    "bilinear": LossCase(
        lambda rng: (
            scores(rng, 2, 4, 3), scores(rng, 2, 4, 2), scores(rng, 5, 3, 2), scores(rng, 5)
        ),
        leaves=(0, 1, 2, 3),
        reductions=(),
    ),
}  # fmt: skip


def function_of(name: str) -> str:
    """The name of the function that a case calls."""
    return name.split(",")[0].split(" of ")[0]
