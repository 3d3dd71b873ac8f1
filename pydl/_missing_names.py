"""What to type instead of names that NumPy, PyTorch or Keras have, and pydl does not.

Imported when a name is missing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import import_module

from pydl._missing_layers import HINTS as _LAYERS

_NO_COMPLEX = "pydl has no complex numbers"
_NO_SPARSE = "pydl has no sparse tensors"
_NO_QUANTISED = "pydl has no quantised numbers"
# By module: the name in pydl, as it is typed, or a sentence, which contains a space.
HINTS: dict[str, dict[str, str]] = {
    "pydl": {
        "absolute": "pydl.abs",
        "addr": "x + pydl.outer(a, b)",
        "adjoint": "pydl.matrix_transpose",
        "angle": _NO_COMPLEX,
        "append": "pydl.concat",
        "argpartition": "pydl.topk",
        "around": "pydl.round",
        "array": "pydl.tensor",
        "as_tensor": "pydl.asarray",
        "asanyarray": "pydl.asarray",
        "ascontiguousarray": "x.contiguous() of a tensor",
        "bartlett": "pydl.bartlett_window, with periodic=False",
        "bitwise_not": "pydl.bitwise_invert",
        "blackman": "pydl.blackman_window, with periodic=False",
        "chain_matmul": "pydl.linalg.multi_dot",
        "cholesky": "pydl.linalg.cholesky",
        "clamp_max": "pydl.clip, with max=",
        "clamp_min": "pydl.clip, with min=",
        "clone": "x.clone() of a tensor",
        "complex": _NO_COMPLEX,
        "complex128": _NO_COMPLEX,
        "complex64": _NO_COMPLEX,
        "conjugate": _NO_COMPLEX,
        "convolve": "pydl.nn.functional.conv1d, with the kernel reversed",
        "correlate": "pydl.nn.functional.conv1d, which does not reverse the kernel",
        "cuda": "this build computes on the CPU",
        "degrees": "pydl.rad2deg",
        "det": "pydl.linalg.det",
        "detach": "x.detach() of a tensor",
        "device": "devices are named by text; this build has 'cpu'",
        "dist": "pydl.linalg.vector_norm(a - b)",
        "double": "pydl.float64",
        "dtype": "pydl.DType",
        "eig": "pydl.linalg.eigh, for symmetric matrices; others may have complex eigenvalues",
        "expit": "pydl.sigmoid",
        "fabs": "pydl.abs",
        "fft": f"{_NO_COMPLEX}, and so no Fourier transforms",
        "fix": "pydl.trunc",
        "func": "pydl.vmap, pydl.grad and the other transformations are in pydl itself",
        "gammaln": "pydl.lgamma",
        "geomspace": "pydl.logspace, with exponents",
        "ger": "pydl.outer",
        "half": "pydl.float16",
        "hamming": "pydl.hamming_window, with periodic=False",
        "hanning": "pydl.hann_window, with periodic=False",
        "identity": "pydl.eye",
        "inference_mode": "pydl.no_grad",
        "inverse": "pydl.linalg.inv",
        "invert": "pydl.bitwise_invert",
        "is_complex": _NO_COMPLEX,
        "is_floating_point": "pydl.isdtype(x.dtype, 'real floating')",
        "is_nonzero": "bool(x) of a tensor",
        "iscomplex": _NO_COMPLEX,
        "isreal": _NO_COMPLEX,
        "istft": f"{_NO_COMPLEX}, and so no Fourier transforms",
        "jit": "pydl.compile",
        "kaiser": "pydl.kaiser_window, with periodic=False",
        "left_shift": "pydl.bitwise_left_shift",
        "logdet": "pydl.linalg.slogdet",
        "long": "pydl.int64",
        "lstsq": "pydl.linalg.lstsq",
        "matrix_exp": "pydl.linalg.matrix_exp",
        "matrix_power": "pydl.linalg.matrix_power",
        "matrix_rank": "pydl.linalg.matrix_rank",
        "mod": "pydl.remainder",
        "msort": "pydl.sort(x, 0)",
        "ndarray": "pydl.Tensor",
        "ndtri": "pydl.erfinv(2 * p - 1) * 2**0.5",
        "nuclear_norm": "pydl.linalg.matrix_norm(x, 'nuc')",
        "pairwise_distance": "pydl.nn.functional.pairwise_distance",
        "permute": "pydl.permute_dims",
        "pinverse": "pydl.linalg.pinv",
        "polar": _NO_COMPLEX,
        "promote_types": "pydl.result_type",
        "psi": "pydl.digamma",
        "qr": "pydl.linalg.qr",
        "quantize_per_channel": _NO_QUANTISED,
        "quantize_per_tensor": _NO_QUANTISED,
        "radians": "pydl.deg2rad",
        "range": "pydl.arange, which excludes its end",
        "right_shift": "pydl.bitwise_right_shift",
        "rint": "pydl.round",
        "row_stack": "pydl.vstack",
        "scalar_tensor": "pydl.tensor",
        "seed": "pydl.manual_seed",
        "set_default_dtype": "pass dtype= to functions that create tensors",
        "sgn": "pydl.sign",
        "slogdet": "pydl.linalg.slogdet",
        "solve": "pydl.linalg.solve",
        "sparse_coo_tensor": _NO_SPARSE,
        "sparse_csr_tensor": _NO_SPARSE,
        "special": "special functions are in pydl itself",
        "stft": f"{_NO_COMPLEX}, and so no Fourier transforms",
        "svd": "pydl.linalg.svd",
        "swapdims": "pydl.swapaxes",
        "t": "x.T of a tensor",
        "trapz": "pydl.trapezoid",
        "triangular_solve": "pydl.linalg.solve_triangular",
        "view_as_complex": _NO_COMPLEX,
        "view_as_real": _NO_COMPLEX,
    },
    "pydl.linalg": {
        "cholesky_ex": "pydl.linalg.cholesky, which raises for what is not positive definite",
        "eig": f"{_NO_COMPLEX}, and eigenvalues may be complex; eigh is for symmetric matrices",
        "eigvals": f"{_NO_COMPLEX}, and eigenvalues may be complex; eigvalsh is for symmetric ones",
        "inv_ex": "pydl.linalg.inv, which raises for singular matrices",
        "lu": "pydl.linalg.lu_factor",
        "lu_factor_ex": "pydl.linalg.lu_factor",
        "solve_ex": "pydl.linalg.solve, which raises for singular matrices",
        "tensorinv": "pydl.linalg.inv of a tensor reshaped to matrices",
        "tensorsolve": "pydl.linalg.solve of tensors reshaped to matrices",
        "vander": "pydl.vander",
    },
    "pydl.nn": {
        "Activation": "a layer such as pydl.nn.ReLU; pydl.nn.Lambda makes one of a function",
        "Add": "functions merge: a + b in forward",
        "BatchNormalization": "pydl.nn.BatchNorm1d, or BatchNorm2d for images",
        "Concatenate": "functions merge: pydl.concat([a, b], axis=1) in forward",
        "Convolution2D": "pydl.nn.Conv2d",
        "DataParallel": "this build computes on the CPU, with all of its cores",
        "Dense": "pydl.nn.Linear",
        "GlobalAveragePooling2D": "pydl.nn.GlobalAvgPool2d",
        "GlobalMaxPooling2D": "pydl.nn.AdaptiveMaxPool2d, with output_size=1",
        "Input": "the first layer knows the size of its input; LazyLinear and its like find it",
        "InputLayer": "the first layer knows the size of its input",
        "LayerNormalization": "pydl.nn.LayerNorm",
        "MaxPooling1D": "pydl.nn.MaxPool1d",
        "MaxPooling2D": "pydl.nn.MaxPool2d",
        "AveragePooling2D": "pydl.nn.AvgPool2d",
        "Conv2DTranspose": "pydl.nn.ConvTranspose2d",
        "DepthwiseConv2D": "pydl.nn.Conv2d with as many groups as input channels",
        "SimpleRNN": "pydl.nn.RNN",
        "SpatialDropout2D": "pydl.nn.Dropout2d",
        "MultiHeadAttention": "pydl.nn.MultiheadAttention",
        "ZeroPadding2D": "pydl.nn.ZeroPad2d",
    },
    "pydl.optim": {"FTRL": "pydl.optim.Adagrad", "SparseAdam": "pydl.optim.Adam"},
    "pydl.random": {
        "RandomState": "pydl.Generator",
        "binomial": "sums of pydl.random.bernoulli",
        "chisquare": "2 * pydl.random.gamma(df / 2)",
        "choice": "pydl.random.randint and pydl.random.multinomial choose positions",
        "default_rng": "pydl.Generator",
        "lognormal": "pydl.random.log_normal",
        "multivariate_normal": "mean + pydl.linalg.cholesky(covariance) @ pydl.randn(n)",
        "pareto": "pydl.expm1(pydl.random.exponential(1 / a))",
        "random": "pydl.rand",
        "random_sample": "pydl.rand",
        "seed": "pydl.manual_seed",
        "standard_cauchy": "pydl.random.cauchy",
        "standard_exponential": "pydl.random.exponential",
        "standard_gamma": "pydl.random.gamma",
        "standard_normal": "pydl.randn",
        "weibull": "pydl.random.exponential() ** (1 / a)",
    },
    **_LAYERS,
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
    if hint is None and module == "pydl":
        hint = _elsewhere(name)
    if hint is None and not name.startswith("_"):
        close = difflib.get_close_matches(name, known, 1, 0.8)
        hint = f"{module}.{close[0]}" if close else None
    if hint is None:
        return text
    return f"{text}: {hint}" if " " in hint else f"{text}; use {hint}"


# Where names are found that are typed as attributes of pydl, as PyTorch has some of them.
_MODULES = ("nn.functional", "nn", "optim", "linalg", "random", "data", "autograd", "training")


def _elsewhere(name: str) -> str | None:
    """Find a name in other modules of pydl."""
    for path in _MODULES:
        if name in import_module(f"pydl.{path}").__all__:
            return f"pydl.{path}.{name}"
    return None
