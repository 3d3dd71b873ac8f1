"""The functions of `torch.autograd.functional` that are not those of `pydl.autograd`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import _core
from pydl._checked_calls import check_public
from pydl.autograd import transformations
from pydl.autograd.transformations import hessian, hvp, jacobian

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

# The Hessian of what can be differentiated twice is symmetric.
vhp = hvp


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """Call a function, and multiply a vector by its transposed Jacobian.

    `pydl.vjp` instead returns a function, which can be called for several vectors.

    Parameters
    ----------
    func : callable
        From the inputs to a tensor, or tuples, lists and dicts of them.
    inputs : Tensor, tuple, or structure of Tensor
        The argument; a tuple holds several.
    v : Tensor or structure of Tensor, optional
        Weights of the outputs; 1 for an output of one element.

    Returns
    -------
    output, product : Tensor or structure of Tensor
        What the function returned, and the product, in the structure of `inputs`.

    Examples
    --------
    >>> import pydl
    >>> y, product = pydl.autograd.functional.vjp(lambda x: (x * x).sum(), pydl.tensor([1.0, 2.0]))
    >>> product.tolist()
    [2.0, 4.0]
    """
    single = not isinstance(inputs, tuple)
    output, pullback = transformations.vjp(func, *((inputs,) if single else inputs))
    if v is None:
        if getattr(output, "size", 0) != 1:
            raise ValueError("vjp: v is needed where the output has more than one element")
        v = _core.ones_like(output)
    product = pullback(v)
    return output, product[0] if single else product


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """Call a function, and multiply its Jacobian by a vector.

    Parameters
    ----------
    func : callable
        From the inputs to a tensor, or tuples, lists and dicts of them.
    inputs : Tensor, tuple, or structure of Tensor
        The argument; a tuple holds several.
    v : Tensor, tuple, or structure of Tensor, optional
        In the structure of `inputs`; 1 for an input of one element.

    Returns
    -------
    output, product : Tensor or structure of Tensor
        What the function returned, and the product, in the structure of the output.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([1.0, 2.0])
    >>> y, product = pydl.autograd.functional.jvp(lambda x: x * x, x, pydl.tensor([1.0, 0.5]))
    >>> product.tolist()
    [2.0, 2.0]
    """
    single = not isinstance(inputs, tuple)
    args = (inputs,) if single else inputs
    if v is None:
        if not single or getattr(inputs, "size", 0) != 1:
            raise ValueError("jvp: v is needed where there is more than one element of input")
        v = _core.ones_like(inputs)
    output, product = transformations.jvp(func, args, (v,) if single else v)
    return output, product


check_public(globals())
