"""Products with Jacobians and Hessians, and these matrices themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl import _core
from pydl._core import Tensor, TraceError
from pydl.autograd.gradients import as_input, map_tree, needs_record, value_and_grad
from pydl.autograd.vectorization import vmap
from pydl.grad_mode import enable_grad

__all__ = ["backward", "hessian", "hvp", "jacobian", "jvp", "vjp"]


class _Evaluation:
    """A function that was called once on leaves of its own, and recorded."""

    def __init__(
        self, name: str, function: Callable[..., Any], args: Sequence[Any], has_aux: bool = False
    ) -> None:
        self.name, self.args = name, args
        self.leaves: list[Tensor] = []
        # Inside of another transformed function, gradients are recorded too.
        self.records = _core._gradient_nesting() > 0 or any(map(needs_record, args))
        own = [map_tree(arg, lambda x: as_input(x, self.leaves)) for arg in args]
        with _core._NestingScope(), enable_grad():
            result = function(*own)
        self.aux: Any = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise TypeError(
                    f"{name}: with has_aux the function returns a pair of outputs and anything else"
                )
            result, self.aux = result
        self._result = result
        self.outputs: list[Tensor] = []
        map_tree(result, self._add_output)
        if not self.outputs:
            raise TypeError(f"{name}: expected the function to return tensors, got {result!r}")

    def _add_output(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"{self.name}: expected the function to return tensors, got {kind}")
        self.outputs.append(value)

    def value(self) -> Any:
        """Return what the function returned, with history only where that is wanted."""
        return self._result if self.records else map_tree(self._result, lambda y: y.detach())

    def like_outputs(self, parts: Sequence[Any]) -> Any:
        """Put one thing for each output into the structure of the outputs."""
        position = iter(parts)
        return map_tree(self._result, lambda _: next(position))

    def weights(self, given: Any) -> list[Tensor]:
        """Return weights of the outputs as a list, after a check."""
        tensors = _as_tensors(given)
        _require_alike(self.name, "the outputs", self.outputs, tensors)
        return tensors

    def gradients(
        self, outputs: list[Tensor], weights: list[Tensor], create_graph: bool
    ) -> list[Tensor | None]:
        """Return the gradients of outputs for all leaves."""
        pairs = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
        if not pairs:
            return [None] * len(self.leaves)
        roots, given = [y for y, _ in pairs], [w for _, w in pairs]
        return list(_core._grad(roots, self.leaves, given, True, create_graph, True))

    def like_args(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        """Put one thing for each leaf into the structure of the arguments."""
        position = iter(parts)
        return tuple(map_tree(arg, lambda _: next(position)) for arg in self.args)

    def or_zeros(self, gradients: Sequence[Tensor | None]) -> list[Tensor]:
        return [
            _core.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(self.leaves, gradients, strict=True)
        ]


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Call a function, and make the function that multiplies by its transposed Jacobian.

    Parameters
    ----------
    function : callable
        From the primals to a tensor, or tuples, lists and dicts of them.
    *primals
        Arguments: tensors, arrays, numbers, or lists, tuples and dicts of them.
    has_aux : bool, default False
        Whether `function` returns a pair of its outputs and anything else.

    Returns
    -------
    outputs : Tensor or structure of Tensor
        What the function returned.
    pullback : callable
        From weights of the outputs, in their structure, to a tuple of gradients, one for each
        primal. It may be called several times.
    aux
        With `has_aux`, what else the function returned.

    Raises
    ------
    TypeError, ValueError
        For a function that does not return tensors, and weights of other shapes.

    Examples
    --------
    >>> import pydl
    >>> y, pullback = pydl.vjp(lambda x: x * x, pydl.tensor([1.0, 2.0]))
    >>> pullback(pydl.tensor([1.0, 10.0]))[0].tolist()
    [2.0, 40.0]
    """
    made = _Evaluation("vjp", function, primals, has_aux)

    def pullback(weights: Any) -> tuple[Any, ...]:
        given = made.weights(weights)
        records = made.records or _core._gradient_nesting() > 0
        records = records or any(weight.requires_grad for weight in given)
        found = made.gradients(made.outputs, given, records and _core.is_grad_enabled())
        return made.like_args(made.or_zeros(found))

    return (made.value(), pullback, made.aux) if has_aux else (made.value(), pullback)


def jvp(
    function: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Call a function, and compute the change of its outputs along a direction of its inputs.

    The derivative of the gradients for their weights is used: two backward passes.

    Parameters
    ----------
    function : callable
        From the primals to a tensor, or tuples, lists and dicts of them.
    primals : tuple or list
        Arguments: tensors, arrays, numbers, or lists, tuples and dicts of them.
    tangents : tuple or list
        The direction: in the structure of `primals`, with equal shapes.
    has_aux : bool, default False
        Whether `function` returns a pair of its outputs and anything else.

    Returns
    -------
    outputs, output_tangents : Tensor or structure of Tensor
        What the function returned, and the product of its Jacobian with the direction.
    aux
        With `has_aux`, what else the function returned.

    Raises
    ------
    TypeError, ValueError
        For a function that does not return tensors, and tangents of other shapes.

    Examples
    --------
    >>> import pydl
    >>> x, direction = pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 0.5])
    >>> y, change = pydl.jvp(lambda x: x * x, (x,), (direction,))
    >>> change.tolist()
    [2.0, 2.0]
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError("jvp: expected tuples of primals and tangents, one for each argument")
    made = _Evaluation("jvp", function, primals, has_aux)
    directions = _as_tensors(tangents)
    _require_alike("jvp", "the primals", made.leaves, directions)
    records = made.records or any(direction.requires_grad for direction in directions)
    records = records and _core.is_grad_enabled()
    changes = made.like_outputs(_push_forward(made, directions, records))
    return (made.value(), changes, made.aux) if has_aux else (made.value(), changes)


def _push_forward(made: _Evaluation, directions: list[Tensor], records: bool) -> list[Tensor]:
    """Multiply by the Jacobian: the gradients are linear in the weights of the outputs."""
    with enable_grad():
        weights = [_core.zeros_like(output).detach().requires_grad_() for output in made.outputs]
        gradients = made.gradients(made.outputs, weights, True)
    pairs = [
        (gradient, direction)
        for gradient, direction in zip(gradients, directions, strict=True)
        if gradient is not None and gradient.requires_grad
    ]
    changes: Sequence[Tensor | None] = [None] * len(weights)
    if pairs:
        roots, given = [g for g, _ in pairs], [d for _, d in pairs]
        changes = _core._grad(roots, weights, given, records, records, True)
    return [
        _core.zeros_like(weight).detach() if change is None else change
        for weight, change in zip(weights, changes, strict=True)
    ]


def hvp(function: Callable[..., Any], inputs: Any, v: Any) -> tuple[Any, Any]:
    """Call a function, and multiply a vector by its Hessian, which is not computed.

    Parameters
    ----------
    function : callable
        From the inputs to a tensor with a single element.
    inputs : Tensor, tuple, or structure of Tensor
        The argument; a tuple holds several.
    v : Tensor, tuple, or structure of Tensor
        In the structure of `inputs`, with equal shapes.

    Returns
    -------
    output : Tensor
        The value of the function.
    product : Tensor, tuple, or structure of Tensor
        The Hessian times `v`, in the structure of `inputs`.

    Raises
    ------
    TypeError, ValueError
        For a function that does not return one element, and a `v` of other shapes.

    Examples
    --------
    >>> import pydl
    >>> x, v = pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 0.0])
    >>> y, product = pydl.hvp(lambda x: (x**3).sum(), x, v)
    >>> product.tolist()
    [6.0, 0.0]
    """
    made, single = _evaluation_of_inputs("hvp", function, inputs)
    output = _single_output(made)
    vector = _as_tensors(v)
    _require_alike("hvp", "the inputs", made.leaves, vector)
    records = (made.records or any(x.requires_grad for x in vector)) and _core.is_grad_enabled()
    one = _core.ones_like(output).detach()
    with enable_grad():
        gradients = made.gradients([output], [one], True)
    pairs = [
        (g, x) for g, x in zip(gradients, vector, strict=True) if g is not None and g.requires_grad
    ]
    found: Sequence[Tensor | None] = [None] * len(made.leaves)
    if pairs:
        roots, given = [g for g, _ in pairs], [x for _, x in pairs]
        found = _core._grad(roots, made.leaves, given, records, records, True)
    product = made.like_args(made.or_zeros(found))
    return made.value(), product[0] if single else product


def jacobian(
    function: Callable[..., Any],
    inputs: Any = None,
    *,
    argnums: int | Sequence[int] = 0,
    create_graph: bool = False,
    vectorize: bool = True,
    has_aux: bool = False,
) -> Any:
    """Compute the matrix of all derivatives of a function, or make the function that does.

    ``jacobian(function, inputs)`` computes it, as PyTorch's function does;
    ``jacobian(function, argnums=0)`` returns a function of the same arguments, as JAX's does.

    Parameters
    ----------
    function : callable
        From the inputs to a tensor, or tuples, lists and dicts of them.
    inputs : Tensor, tuple, or structure of Tensor, optional
        The argument; a tuple holds several.
    argnums : int or sequence of int, default 0
        Without `inputs`: the numbers of the arguments to differentiate for.
    create_graph : bool, default False
        Whether the result is recorded. It always is where an input requires a gradient, or
        inside of another transformed function.
    vectorize : bool, default True
        Whether all rows are computed at once, by `vmap`, or one after the other, which needs less
        memory, and is done anyway where a derivative cannot be computed at once, as that of a
        compiled function.
    has_aux : bool, default False
        Whether `function` returns a pair of its outputs and anything else; the result is such a
        pair too.

    Returns
    -------
    Tensor or structure of Tensor, or callable
        The shape of a result is that of the output followed by that of the input. A structure of
        outputs contains, in place of each, a structure of inputs.

    Raises
    ------
    TypeError
        For a function that does not return tensors.

    Examples
    --------
    >>> import pydl
    >>> pydl.jacobian(lambda x: x * x, pydl.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    >>> pydl.jacobian(lambda x, y: x * y, argnums=1)(3.0, 4.0).item()
    3.0
    """

    def compute(chosen: Callable[..., Any], args: tuple[Any, ...], single: bool) -> Any:
        return _jacobian("jacobian", chosen, args, single, create_graph, vectorize, has_aux)

    return _differentiate("jacobian", compute, function, inputs, argnums)


def hessian(
    function: Callable[..., Any],
    inputs: Any = None,
    *,
    argnums: int | Sequence[int] = 0,
    create_graph: bool = False,
    vectorize: bool = True,
) -> Any:
    """Compute the matrix of second derivatives of a function, or make the function that does.

    ``hessian(function, inputs)`` computes it, as PyTorch's function does;
    ``hessian(function, argnums=0)`` returns a function of the same arguments, as JAX's does.

    Parameters
    ----------
    function : callable
        From the inputs to a tensor with a single element.
    inputs : Tensor, tuple, or structure of Tensor, optional
        The argument; a tuple holds several.
    argnums : int or sequence of int, default 0
        Without `inputs`: the numbers of the arguments to differentiate for.
    create_graph : bool, default False
        Whether the result is recorded; see `jacobian`.
    vectorize : bool, default True
        Whether all rows are computed at once; see `jacobian`.

    Returns
    -------
    Tensor or structure of Tensor, or callable
        The shape of a result is that of an input followed by that of an input. For several inputs
        it is a tuple of tuples, and in general a structure of inputs that contains, in place of
        each, a structure of inputs.

    Raises
    ------
    TypeError, ValueError
        For a function that does not return one element.

    Examples
    --------
    >>> import pydl
    >>> pydl.hessian(lambda x: x.prod(), pydl.tensor([2.0, 3.0])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    def compute(chosen: Callable[..., Any], args: tuple[Any, ...], single: bool) -> Any:
        numbers = 0 if single else tuple(range(len(args)))
        gradient = value_and_grad(_checked_scalar(chosen), numbers)
        return _jacobian(
            "hessian",
            lambda *own: gradient(*own)[1],
            args,
            single,
            create_graph,
            vectorize,
            False,
        )

    return _differentiate("hessian", compute, function, inputs, argnums)


def _checked_scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        value = function(*args)
        if isinstance(value, Tensor) and value.size == 1:
            return value
        got = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"hessian: expected the function to return one element, got {got}")

    return call


def _evaluation_of_inputs(
    name: str, function: Callable[..., Any], inputs: Any
) -> tuple[_Evaluation, bool]:
    single = not isinstance(inputs, tuple)
    return _Evaluation(name, function, (inputs,) if single else inputs), single


def _single_output(made: _Evaluation) -> Tensor:
    if len(made.outputs) != 1 or made.outputs[0].size != 1:
        shapes = ", ".join(str(output.shape) for output in made.outputs)
        raise ValueError(
            f"{made.name}: expected the function to return one element, got shape {shapes}"
        )
    return made.outputs[0]


def _differentiate(
    name: str,
    compute: Callable[[Callable[..., Any], tuple[Any, ...], bool], Any],
    function: Callable[..., Any],
    inputs: Any,
    argnums: int | Sequence[int],
) -> Any:
    """Compute for inputs, or make the function that computes for some of its arguments."""
    if inputs is not None:
        single = not isinstance(inputs, tuple)
        return compute(function, (inputs,) if single else inputs, single)
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        for number in numbers:
            if not -len(args) <= number < len(args):
                raise ValueError(
                    f"{name}: argnums has {number}, but there are {len(args)} arguments"
                )

        def chosen(*own: Any) -> Any:
            every = list(args)
            for number, value in zip(numbers, own, strict=True):
                every[number] = value
            return function(*every, **kwargs)

        return compute(chosen, tuple(args[n] for n in numbers), isinstance(argnums, int))

    return call


def _jacobian(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    single: bool,
    create_graph: bool,
    vectorize: bool,
    has_aux: bool,
) -> Any:
    made = _Evaluation(name, function, args, has_aux)
    records = (create_graph or made.records) and _core.is_grad_enabled()
    parts = []
    for output in made.outputs:
        blocks = made.like_args(_blocks(made, output, records, vectorize))
        parts.append(blocks[0] if single else blocks)
    found = made.like_outputs(parts)
    return (found, made.aux) if has_aux else found


def _blocks(made: _Evaluation, output: Tensor, records: bool, vectorize: bool) -> list[Tensor]:
    """Return the derivatives of one output for each leaf: its shape, then that of the leaf."""

    def row(weight: Tensor) -> list[Tensor]:
        return made.or_zeros(made.gradients([output], [weight], records))

    shapes = [(*output.shape, *leaf.shape) for leaf in made.leaves]
    if output.size == 0 or not output.requires_grad:
        return [
            _core.zeros(shape, leaf.dtype) for shape, leaf in zip(shapes, made.leaves, strict=True)
        ]
    basis = _core.eye(output.size, dtype=output.dtype).reshape((output.size, *output.shape))
    stacked = _vectorized(row, basis) if vectorize and output.size > 1 else None
    if stacked is None:
        rows = [row(basis[i]) for i in range(output.size)]
        stacked = [_core.stack(list(column)) for column in zip(*rows, strict=True)]
    return [x.reshape(shape) for x, shape in zip(stacked, shapes, strict=True)]


def _vectorized(row: Callable[[Tensor], list[Tensor]], basis: Tensor) -> list[Tensor] | None:
    """Return all rows, or None for a derivative that reads elements, as of compiled functions."""
    try:
        return vmap(row)(basis)  # type: ignore[no-any-return]
    except TraceError:
        return None


def _as_tensors(tree: Any) -> list[Tensor]:
    """Return the leaves of lists, tuples and dicts as tensors."""
    found: list[Tensor] = []

    def add(value: Any) -> None:
        is_number = isinstance(value, (int, float))
        found.append(_core.tensor(float(value)) if is_number else _core.asarray(value))

    map_tree(tree, add)
    return found


def _require_alike(name: str, of: str, expected: list[Tensor], given: list[Tensor]) -> None:
    shapes, found = [x.shape for x in expected], [x.shape for x in given]
    if shapes != found:
        raise ValueError(f"{name}: expected tensors of the shapes of {of}, {shapes}, got {found}")


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add the gradients of several tensors to `grad` of every leaf that they depend on.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        What to differentiate.
    grad_tensors : Tensor or sequence, optional
        Weights of their elements; 1 for a single element.
    retain_graph : bool, optional
        Whether to keep the record for another call; by default the value of `create_graph`.
    create_graph : bool, default False
        Whether the gradients are recorded, for derivatives of higher order.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor(3.0, requires_grad=True)
    >>> pydl.autograd.backward([x * x, 2 * x])
    >>> x.grad.item()
    8.0
    """
    outputs = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    weights: list[Tensor | None] = [None] * len(outputs)
    if grad_tensors is not None:
        weights = [grad_tensors] if isinstance(grad_tensors, Tensor) else list(grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    _core._backward(outputs, weights, keep, create_graph)
