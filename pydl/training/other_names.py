"""Which loss, metric or optimiser was meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable

# Names in other libraries, and usual abbreviations.
_OTHER_NAMES = {
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
    "ce": "cross_entropy",
    "softmax_cross_entropy": "cross_entropy",
    "l1": "mae",
    "l2": "mse",
    "kld": "kl_divergence",
    "kl_div": "kl_divergence",
    "nll_loss": "nll",
    "top_5_accuracy": "top_k_accuracy",
    "roc_auc": "auc",
    "average_precision": "pr_auc",
    "f1_score": "f1",
    "iou_score": "iou",
    "r2_score": "r2",
    "kappa": "cohen_kappa",
    "mcc": "matthews_correlation",
    "momentum": "sgd",
}


def meant(name: str, known: Iterable[str]) -> str:
    """Return the hint "; did you mean ...?" for a name that is not known, or nothing."""
    from difflib import get_close_matches

    names, lower = list(known), name.lower()
    close = [_OTHER_NAMES.get(lower, lower), *get_close_matches(lower, names, n=1)]
    found = next((candidate for candidate in close if candidate in names), None)
    return "" if found is None else f"; did you mean {found!r}?"
