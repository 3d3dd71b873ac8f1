"""The CTC loss as a module."""

from __future__ import annotations

from pydl import _core
from pydl._core import Tensor
from pydl.nn.losses import Reduction, _Loss


class CTCLoss(_Loss):
    """Connectionist temporal classification (Graves et al., 2006), as `torch.nn.CTCLoss`.

    -log p(target) of a sequence of labels for a longer sequence of outputs, whatever their
    alignment: at each step a network emits one of the labels, or the blank; repeated labels are
    read once, and blanks are left out.

    Called with `log_probs` (T, N, C) or (T, C), the log-softmax of the outputs; `targets` (N, S),
    or those of all sequences joined, integers other than the blank; and `input_lengths` and
    `target_lengths` (N,), integers: the steps and targets of each sequence that count.

    Parameters
    ----------
    blank : int, default 0
        The class that means no label.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean is over losses that are divided by the length of their target.
    zero_infinity : bool, default False
        Whether a target that is too long for its steps has loss and gradient 0, instead of infinity
        and NaN.

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes and lengths that do not fit.
    IndexError
        When called, for a target outside the classes, or the blank.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.CTCLoss()
    >>> log_probs = pydl.nn.functional.log_softmax(pydl.zeros((5, 2, 4)), -1)
    >>> round(loss(log_probs, pydl.tensor([[1, 2], [3, 0]]), [5, 5], [2, 1]).item(), 4)
    2.9557
    """

    def __init__(
        self, blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor
    ) -> Tensor:
        return _core.nn.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
