"""Functions whose intermediate results are computed again in backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import enable_grad
from pydl.mixed_precision import autocast

__all__ = ["checkpoint"]


def checkpoint(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function and forget its intermediate results; backward computes them again.

    Trades time for memory: of a deep network cut into parts, each called through `checkpoint`, only
    the inputs of the parts are kept (Chen et al., 2016, arXiv:1604.06174). Random numbers are the
    same the second time. The function must do the same then, and change nothing but its results.

    Parameters
    ----------
    function : callable
        From tensors to a tensor, or tuples, lists and dicts of them; a module, for example.
    *args, **kwargs
        Arguments of the function.

    Returns
    -------
    Tensor or structure of Tensor
        What the function returns.

    Raises
    ------
    RuntimeError
        In backward, where arguments or captured tensors that require gradients have been
        overwritten since the call.

    Notes
    -----
    Where backward is to be differentiated itself (`create_graph=True`), what it computes again is
    kept, as without `checkpoint`.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([0.5, 2.0], requires_grad=True)
    >>> pydl.checkpoint(lambda x: pydl.exp(x) * x, x).sum().backward()
    >>> [round(g, 3) for g in x.grad.tolist()]
    [2.473, 22.167]
    """
    if not _core.is_grad_enabled():
        return function(*args, **kwargs)
    tree, tensors = _core._ArgumentTree.of((args, kwargs))
    tape = _core._RandomTape()
    dtype = _core.autocast_dtype()
    precision = autocast(dtype or _core.bfloat16, enabled=dtype is not None)

    def run(with_history: bool = False) -> tuple[list[Tensor], Any]:
        # Views have the history of the arguments, and are distinct where one depends on another.
        replace = _view if with_history else _leaf
        inputs = [replace(t) if t.requires_grad else t for t in tensors]
        own_args, own_kwargs = tree.build(inputs)
        return inputs, function(*own_args, **own_kwargs)

    with tape.record():
        inputs, result = run()
    structure, outputs = _core._ArgumentTree.of(result)
    given = {hash(tensor) for tensor in inputs}  # the hash is the tensor's identity
    captured = [leaf for leaf in _core._leaves_of(outputs) if hash(leaf) not in given]
    recorded = [tensor for tensor in tensors if tensor.requires_grad] + captured
    if not recorded or not any(output.requires_grad for output in outputs):
        return result

    read = [_core._SavedTensor(tensor) for tensor in (*tensors, *captured)]

    def backward(gradients: list[Tensor | None]) -> list[Tensor | None]:
        for saved in read:
            saved.unpack("checkpoint")  # raises where it has been overwritten
        create_graph = _core.is_grad_enabled()
        with precision, enable_grad(), tape.replay(), _core._RecomputeScope():
            again, second = run(with_history=create_graph)
            results = _core._ArgumentTree.of(second)[1]
        pairs = [
            (output, gradient)
            for output, gradient in zip(results, gradients, strict=True)
            if gradient is not None and output.requires_grad
        ]
        wanted = [tensor for tensor in again if tensor.requires_grad] + captured
        roots, weights = [output for output, _ in pairs], [weight for _, weight in pairs]
        with _core._RecomputeScope():
            return list(_core._grad(roots, wanted, weights, True, create_graph, True, False))

    return structure.build(_core._record_function(recorded, outputs, backward))


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_()


def _view(tensor: Tensor) -> Tensor:
    view: Tensor = tensor[...]
    return view
