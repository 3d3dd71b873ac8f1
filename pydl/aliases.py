"""Names that NumPy and PyTorch have for functions of pydl, which follow the array API standard.

Only those that people type; each is the same object as the function with the standard's name.
"""

from pydl._core import acos as arccos
from pydl._core import acosh as arccosh
from pydl._core import asin as arcsin
from pydl._core import asinh as arcsinh
from pydl._core import atan as arctan
from pydl._core import atan2 as arctan2
from pydl._core import atanh as arctanh
from pydl._core import clip as clamp
from pydl._core import divide as div
from pydl._core import divide as true_divide
from pydl._core import equal as eq
from pydl._core import greater as gt
from pydl._core import greater_equal as ge
from pydl._core import less as lt
from pydl._core import less_equal as le
from pydl._core import multiply as mul
from pydl._core import negative as neg
from pydl._core import not_equal as ne
from pydl._core import pow as power
from pydl._core import subtract as sub

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "clamp",
    "div",
    "eq",
    "ge",
    "gt",
    "le",
    "lt",
    "mul",
    "ne",
    "neg",
    "power",
    "sub",
    "true_divide",
]
