"""Functions with custom derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad

__all__ = ["Function", "FunctionContext", "custom_gradient", "once_differentiable"]


class _Spec(NamedTuple):
    """What is known about a tensor that need not be kept."""

    shape: tuple[int, ...]
    dtype: Any

    @classmethod
    def of(cls, value: Any) -> _Spec | None:
        return cls(value.shape, value.dtype) if isinstance(value, Tensor) else None


class _SavedOutput(NamedTuple):
    """An output among the saved tensors, by its number: the record of the call has it."""

    number: int


class FunctionContext:
    """What `Function.forward` hands on to `Function.backward`: tensors, and any attributes.

    Made by `Function.apply`.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument, whether its gradient is wanted. `backward` may return None for others.
    """

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._name = name
        self._given: tuple[Tensor | None, ...] = ()
        self._saved: tuple[_core._SavedTensor | _SavedOutput | None, ...] = ()
        self._outputs: list[Tensor] | None = None  # the saved ones, while backward runs
        self._constant: tuple[Tensor, ...] = ()
        self._materializes = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`: inputs, outputs and intermediate results.

        Other ways to keep inputs and outputs, such as attributes, would keep the whole record of
        the computation alive, and would not notice that they have been overwritten.
        """
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                kind = type(tensor).__name__
                raise TypeError(
                    f"{self._name}: save_for_backward takes tensors and None, got {kind}; "
                    "set other values as attributes of the context"
                )
        self._given = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` was given; raises where something has been overwritten since."""
        return tuple(map(self._unpack, self._saved))

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Declare outputs that have no gradient, such as indices."""
        self._constant = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether `backward` gets zeros, as by default, or None where nothing flows."""
        self._materializes = bool(value)

    def _unpack(self, saved: _core._SavedTensor | _SavedOutput | None) -> Tensor | None:
        if saved is None:
            return None
        if not isinstance(saved, _SavedOutput):
            return saved.unpack(self._name)
        if self._outputs is None:
            raise RuntimeError(f"{self._name}: saved outputs can be read in backward only")
        return self._outputs[saved.number]


class Function:
    """A function with a derivative of its own: subclasses define `forward` and `backward`.

    Call it as ``MyFunction.apply(*args)``. `forward` gets the arguments and computes without
    recording; `backward` gets one gradient for each output and returns one for each argument of
    `forward`, None for those that are not tensors or have none. What `backward` computes from
    gradients and saved tensors is differentiable again, so second derivatives follow from it; with
    `once_differentiable` they raise instead.

    Instead of ``forward(ctx, *args)``, a subclass may define ``forward(*args)`` together with
    ``setup_context(ctx, inputs, output)``.

    In compiled functions, the operations of both become part of the program.

    Examples
    --------
    >>> import pydl
    >>> class Exp(pydl.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...     @staticmethod
    ...     def backward(ctx, gradient):
    ...         (y,) = ctx.saved_tensors
    ...         return gradient * y
    >>> x = pydl.tensor([0.0, 1.0], requires_grad=True)
    >>> Exp.apply(x).sum().backward()
    >>> [round(g, 3) for g in x.grad.tolist()]
    [1.0, 2.718]
    """

    @staticmethod
    def forward(*args: Any) -> Any:
        """Compute the outputs: a tensor or a tuple. Defined by subclasses."""
        raise NotImplementedError("a Function defines forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: FunctionContext, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what `backward` needs, where `forward` does not take the context."""

    @staticmethod
    def backward(ctx: FunctionContext, *gradients: Any) -> Any:
        """Compute the gradients of the arguments from those of the outputs, in subclasses."""
        raise NotImplementedError("a Function defines backward(ctx, ...)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call the function.

        Raises
        ------
        TypeError
            Where no argument is a tensor. In backward, for a gradient that is not a tensor.
        ValueError
            In backward, for a gradient of another shape or of no floating-point dtype.
        RuntimeError
            In backward, for another number of gradients, gradients of arguments that are no
            tensors, and saved tensors that have been overwritten.
        """
        if not any(isinstance(arg, Tensor) for arg in args):
            kinds = ", ".join(type(arg).__name__ for arg in args)
            raise TypeError(
                f"{cls.__name__}.apply: expected a tensor among the arguments, got ({kinds})"
            )
        needs = tuple(isinstance(arg, Tensor) and arg.requires_grad for arg in args)
        context = FunctionContext(cls.__name__, needs)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                output = cls.forward(context, *args)
            else:
                output = cls.forward(*args)
                cls.setup_context(context, args, output)
        if not (_core.is_grad_enabled() and any(needs)):
            return output
        outputs = output if isinstance(output, tuple) else (output,)
        recorded = _record_call(cls, context, args, outputs)
        return recorded if isinstance(output, tuple) else recorded[0]


def _record_call(
    cls: type[Function], context: FunctionContext, args: tuple[Any, ...], outputs: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Give the outputs of a call their history."""
    constant = {hash(tensor) for tensor in context._constant}  # the hash is the tensor's identity
    recorded = [
        i
        for i, output in enumerate(outputs)
        if isinstance(output, Tensor) and output.dtype.is_floating and hash(output) not in constant
    ]
    saved = _save(context, args, [outputs[i] for i in recorded])
    inputs = [arg for arg, needs in zip(args, context.needs_input_grad, strict=True) if needs]
    specs, result_specs = list(map(_Spec.of, args)), list(map(_Spec.of, outputs))

    def backward(gradients: list[Tensor | None], kept: list[Tensor]) -> list[Tensor | None]:
        given: list[Tensor | None] = [None] * len(result_specs)
        for i, gradient in zip(recorded, gradients, strict=True):
            given[i] = gradient
        if context._materializes:
            given = [_or_zeros(g, spec) for g, spec in zip(given, result_specs, strict=True)]
        context._outputs = kept
        try:
            found = cls.backward(context, *given)
        finally:
            context._outputs = None
        checked = _check_gradients(cls.__name__, found, specs)
        return [g for g, needs in zip(checked, context.needs_input_grad, strict=True) if needs]

    own = [outputs[i] for i in recorded]
    if not own:
        return outputs
    results = _core._record_named_function(inputs, own, cls.__name__, saved, backward)
    filled = list(outputs)
    for i, result in zip(recorded, results, strict=True):
        filled[i] = result
    return tuple(filled)


def _save(context: FunctionContext, args: tuple[Any, ...], outputs: list[Tensor]) -> list[int]:
    """Keep what is to be saved without circles of references; return the numbers of outputs."""
    inputs = {hash(arg) for arg in args if isinstance(arg, Tensor)}
    numbers = {hash(output): i for i, output in enumerate(outputs)}
    saved: list[_core._SavedTensor | _SavedOutput | None] = []
    kept: list[int] = []
    for tensor in context._given:
        if tensor is None:
            saved.append(None)
        elif hash(tensor) in numbers and hash(tensor) not in inputs:
            saved.append(_SavedOutput(len(kept)))
            kept.append(numbers[hash(tensor)])
        else:
            saved.append(_core._SavedTensor(tensor))
    context._saved, context._given, context._constant = tuple(saved), (), ()
    return kept


def _or_zeros(gradient: Tensor | None, spec: _Spec | None) -> Tensor | None:
    if gradient is not None or spec is None:
        return gradient
    return _core.zeros(spec.shape, spec.dtype)


def _check_gradients(
    name: str, found: Any, specs: Sequence[_Spec | None]
) -> tuple[Tensor | None, ...]:
    """Return what `backward` gave as one gradient for each argument, or say what is wrong."""
    gradients = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    while len(gradients) > len(specs) and gradients[-1] is None:
        gradients = gradients[:-1]
    if len(gradients) != len(specs):
        raise RuntimeError(
            f"{name}.backward: expected {len(specs)} gradients, one for each argument of forward, "
            f"got {len(gradients)}"
        )
    pairs = enumerate(zip(gradients, specs, strict=True))
    return tuple(_check_gradient(f"{name}.backward", i, g, spec) for i, (g, spec) in pairs)


def _check_gradient(name: str, number: int, gradient: Any, spec: _Spec | None) -> Tensor | None:
    if gradient is None:
        return None
    if spec is None:
        raise RuntimeError(
            f"{name}: argument {number} is not a tensor: expected None as its gradient, "
            f"got {type(gradient).__name__}"
        )
    if not isinstance(gradient, Tensor):
        kind = type(gradient).__name__
        raise TypeError(f"{name}: expected a tensor or None as gradient {number}, got {kind}")
    if gradient.shape != spec.shape or not gradient.dtype.is_floating:
        raise ValueError(
            f"{name}: expected gradient {number} of shape {spec.shape} and {spec.dtype}, got shape "
            f"{gradient.shape} and {gradient.dtype}"
        )
    return gradient.astype(spec.dtype)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the `backward` of a `Function` whose own derivative would be wrong.

    It computes without recording then, and derivatives of its results raise RuntimeError.

    Parameters
    ----------
    backward : callable
        It takes a `FunctionContext` and gradients.

    Returns
    -------
    callable
        What takes its place.

    Examples
    --------
    >>> import pydl
    >>> class Sign(pydl.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x.sign()
    ...     @staticmethod
    ...     @pydl.autograd.once_differentiable
    ...     def backward(ctx, gradient):
    ...         return gradient
    >>> x = pydl.tensor([-2.0, 3.0], requires_grad=True)
    >>> Sign.apply(x).sum().backward()
    >>> x.grad.tolist()
    [1.0, 1.0]
    """

    @functools.wraps(backward)
    def run(ctx: FunctionContext, *gradients: Any) -> Any:
        with no_grad():
            found = backward(ctx, *gradients)
        if not _core.is_grad_enabled():
            return found
        sources = [x for x in (*gradients, *ctx.saved_tensors) if x is not None and x.requires_grad]
        return _refuse_derivatives(ctx._name, sources, found)

    return run


def _refuse_derivatives(name: str, sources: list[Tensor], found: Any) -> Any:
    """Let derivatives of what a function found raise."""

    def refuse(gradients: list[Tensor | None]) -> list[Tensor | None]:
        raise RuntimeError(f"{name}.backward is differentiable once: it has no second derivative")

    results = list(found) if isinstance(found, (tuple, list)) else [found]
    places = [i for i, result in enumerate(results) if isinstance(result, Tensor)]
    if not sources or not places:
        return found
    recorded = _core._record_function(sources, [results[i] for i in places], refuse)
    for i, result in zip(places, recorded, strict=True):
        results[i] = result
    return tuple(results)


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function that returns its result together with the derivative to use for it.

    Parameters
    ----------
    function : callable
        From tensors, and whatever else it takes, to a pair: a tensor or a tuple of tensors, and a
        function from the gradients of these to a gradient for each positional argument, None for
        those that have none. That function may use whatever `function` computed; second derivatives
        follow from its operations.

    Returns
    -------
    callable
        Takes the same arguments and returns the result only.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        For a function that does not return such a pair; in backward, for gradients of another
        number, shape or kind.

    Examples
    --------
    >>> import pydl
    >>> @pydl.custom_gradient
    ... def log1pexp(x):
    ...     e = x.exp()
    ...     return (1 + e).log(), lambda gradient: gradient * (1 - 1 / (1 + e))
    >>> pydl.grad(log1pexp)(pydl.tensor(100.0)).item()
    1.0
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        name = getattr(function, "__name__", type(function).__name__)
        needs = [isinstance(arg, Tensor) and arg.requires_grad for arg in args]
        if not (_core.is_grad_enabled() and any(needs)):
            return _pair_of(name, function(*args, **kwargs))[0]
        # The derivative keeps what it uses of these; a leaf itself must not be kept.
        own = [
            _core._record_function([arg], [arg], list)[0] if need and arg.is_leaf else arg
            for arg, need in zip(args, needs, strict=True)
        ]
        result, derivative = _pair_of(name, function(*own, **kwargs))
        outputs = result if isinstance(result, tuple) else (result,)
        recorded = _record_pair(name, derivative, args, needs, outputs)
        return recorded if isinstance(result, tuple) else recorded[0]

    return call


def _pair_of(name: str, returned: Any) -> tuple[Any, Callable[..., Any]]:
    if isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1]):
        result, derivative = returned
        parts = result if isinstance(result, tuple) else (result,)
        if parts and all(isinstance(part, Tensor) for part in parts):
            return result, derivative
    raise TypeError(
        f"{name}: a function with custom_gradient returns a pair: a tensor or a tuple of tensors, "
        f"and the function that computes gradients; got {type(returned).__name__}"
    )


def _record_pair(
    name: str,
    derivative: Callable[..., Any],
    args: tuple[Any, ...],
    needs: list[bool],
    outputs: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    specs, result_specs = list(map(_Spec.of, args)), list(map(_Spec.of, outputs))

    def backward(gradients: list[Tensor | None], kept: list[Tensor]) -> list[Tensor | None]:
        given = [_or_zeros(g, spec) for g, spec in zip(gradients, result_specs, strict=True)]
        checked = _check_gradients(name, derivative(*given), specs)
        return [g for g, need in zip(checked, needs, strict=True) if need]

    inputs = [arg for arg, need in zip(args, needs, strict=True) if need]
    return tuple(_core._record_named_function(inputs, list(outputs), name, [], backward))
