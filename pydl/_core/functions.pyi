"""Functions that are bound by their declaration."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
from . import argsort as argsort
from . import cummax as cummax
from . import cummin as cummin
from . import cumprod as cumprod
from . import cumsum as cumsum
from . import index_add as index_add
from . import linear_recurrence as linear_recurrence
from . import logcumsumexp as logcumsumexp
from . import scatter as scatter
from . import scatter_add as scatter_add
from . import sort_with_indices as sort_with_indices
from . import topk as topk

__all__ = [
    "argsort",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "index_add",
    "linear_recurrence",
    "logcumsumexp",
    "scatter",
    "scatter_add",
    "sort_with_indices",
    "topk",
]
