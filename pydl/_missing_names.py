"""What to type instead of names that NumPy, PyTorch or Keras have, and pydl does not.

Imported when a name is missing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_NO_COMPLEX = "pydl has no complex numbers"
# By module: the name in pydl, as it is typed, or a sentence, which contains a space.
HINTS: dict[str, dict[str, str]] = {
    "pydl": {
        "absolute": "pydl.abs",
        "array": "pydl.tensor",
        "as_tensor": "pydl.asarray",
        "complex64": _NO_COMPLEX,
        "complex128": _NO_COMPLEX,
        "cuda": "this build computes on the CPU",
        "device": "devices are named by text; this build has 'cpu'",
        "double": "pydl.float64",
        "dtype": "pydl.DType",
        "expit": "pydl.sigmoid",
        "fft": f"{_NO_COMPLEX}, and so no Fourier transforms",
        "func": "pydl.vmap, pydl.grad and the other transformations are in pydl itself",
        "half": "pydl.float16",
        "inference_mode": "pydl.no_grad",
        "jit": "pydl.compile",
        "long": "pydl.int64",
        "mod": "pydl.remainder",
        "ndarray": "pydl.Tensor",
        "seed": "pydl.manual_seed",
        "set_default_dtype": "pass dtype= to functions that create tensors",
        "trapz": "pydl.trapezoid",
    },
    "pydl.linalg": {
        "eig": f"{_NO_COMPLEX}, and eigenvalues may be complex; eigh is for symmetric matrices",
        "eigvals": f"{_NO_COMPLEX}, and eigenvalues may be complex; eigvalsh is for symmetric ones",
        "lu": "pydl.linalg.lu_factor",
    },
    "pydl.random": {
        "RandomState": "pydl.Generator",
        "choice": "pydl.random.randint and pydl.random.multinomial choose positions",
        "default_rng": "pydl.Generator",
        "lognormal": "pydl.random.log_normal",
        "random": "pydl.rand",
        "seed": "pydl.manual_seed",
        "standard_normal": "pydl.randn",
    },
}


def message(module: str, name: str, known: Iterable[str]) -> str:
    """Write the message of an AttributeError.

    Parameters
    ----------
    module : str
        The module, as in ``"pydl.linalg"``.
    name : str
        What it does not have.
    known : iterable of str
        Its names.

    Returns
    -------
    str
    """
    text = f"module {module!r} has no attribute {name!r}"
    hint = HINTS.get(module, {}).get(name)
    if hint is None and not name.startswith("_"):
        close = difflib.get_close_matches(name, known, 1, 0.8)
        hint = f"{module}.{close[0]}" if close else None
    if hint is None:
        return text
    return f"{text}: {hint}" if " " in hint else f"{text}; use {hint}"
