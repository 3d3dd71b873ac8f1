"""Losses of distances between vectors."""

from __future__ import annotations

from pydl import _core
from pydl._core import Tensor
from pydl.nn.losses.base import Reduction, _Loss


class HingeEmbeddingLoss(_Loss):
    """Distances x as loss where the target is 1, and max(0, margin - x) where it is -1.

    Distances and targets are of one shape; as `torch.nn.HingeEmbeddingLoss`.

    Parameters
    ----------
    margin : float, default 1.0
        The distance beyond which pairs with the target -1 do not count.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.HingeEmbeddingLoss()(pydl.tensor([0.25]), pydl.tensor([-1])).item()
    0.75
    """

    def __init__(self, margin: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, distance: Tensor, target: Tensor) -> Tensor:
        return _core.nn.hinge_embedding_loss(distance, target, self.margin, self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, -target (x1 - x2) + margin): which of two numbers shall be larger.

    Called with x1, x2 and a target of one shape: 1 where x1 shall be larger, -1 where x2 shall be.

    Parameters
    ----------
    margin : float, default 0.0
        By how much it shall be larger.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.MarginRankingLoss()
    >>> loss(pydl.ones((1,)), pydl.zeros((1,)), pydl.tensor([-1])).item()
    1.0
    """

    def __init__(self, margin: float = 0.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x1: Tensor, x2: Tensor, target: Tensor) -> Tensor:
        return _core.nn.margin_ranking_loss(x1, x2, target, self.margin, self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Called with vectors (N, D) and a target (N,), or with (D,) and a target of rank 0.

    Parameters
    ----------
    margin : float, default 0.0
        The cosine below which pairs with the target -1 do not count.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([[1.0, 2.0]])
    >>> round(pydl.nn.CosineEmbeddingLoss()(x, x, pydl.tensor([-1])).item(), 4)
    1.0
    """

    def __init__(self, margin: float = 0.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x1: Tensor, x2: Tensor, target: Tensor) -> Tensor:
        return _core.nn.cosine_embedding_loss(x1, x2, target, self.margin, self.reduction)


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), as in PyTorch.

    Called with three tensors (..., D) of one shape; d is `pydl.nn.functional.pairwise_distance`.

    Parameters
    ----------
    margin : float, default 1.0
        By how much the negative shall be farther away.
    p : float, default 2.0
        Order of the norm.
    eps : float, default 1e-6
        Added to each difference.
    swap : bool, default False
        Whether d(positive, negative) counts instead of d(anchor, negative) where it is smaller.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.zeros((1, 2))
    >>> pydl.nn.TripletMarginLoss()(x, x, x).item()
    1.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return _core.nn.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class ContrastiveLoss(_Loss):
    """target d^2 + (1 - target) max(0, margin - d)^2 with d = norm(x1 - x2) (Hadsell et al., 2006).

    Called with vectors (..., D) of one shape and a target (...): 1 for pairs that belong together,
    0 for others.

    Parameters
    ----------
    margin : float, default 1.0
        The distance beyond which other pairs do not count.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> x1, x2 = pydl.tensor([[0.0, 0.5]]), pydl.zeros((1, 2))
    >>> pydl.nn.ContrastiveLoss()(x1, x2, pydl.tensor([1])).item()
    0.25
    """

    def __init__(self, margin: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x1: Tensor, x2: Tensor, target: Tensor) -> Tensor:
        return _core.nn.contrastive_loss(x1, x2, target, self.margin, self.reduction)
