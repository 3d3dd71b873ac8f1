"""Functions that are bound by their declaration."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
from . import argsort as argsort
from . import cumsum as cumsum
from . import index_add as index_add
from . import scatter as scatter
from . import scatter_add as scatter_add
from . import topk as topk

__all__ = ["argsort", "cumsum", "index_add", "scatter", "scatter_add", "topk"]
