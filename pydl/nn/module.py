"""Module: the base of layers and models, and the tensors that it owns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from pydl._core import Tensor, asarray
from pydl.grad_mode import no_grad
from pydl.nn import _attributes, _hooks
from pydl.nn._conversion import SharedConversion, position_in_memory
from pydl.nn._registering import Registering

if TYPE_CHECKING:
    import numpy.typing as npt

    from pydl._core import DType, RemovableHandle
    from pydl.nn.constraints import WeightConstraint
    from pydl.nn.penalties import WeightPenalty

ModuleT = TypeVar("ModuleT", bound="Module")


class Parameter(Tensor):
    """A tensor that a module learns: found by `Module.parameters` when it is an attribute.

    Parameters
    ----------
    data : Tensor or array_like
        Initial values; a tensor shares its memory with the parameter.
    requires_grad : bool, default True
        Whether `backward` computes its gradient. Only floating dtypes can.

    Examples
    --------
    >>> import pydl
    >>> scale = pydl.nn.Parameter(pydl.ones((3,)))
    >>> scale.requires_grad
    True
    """

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        self = super().__new__(cls, asarray(data).detach())
        self.requires_grad = requires_grad
        return self

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        pass

    @property
    def trainable(self) -> bool:
        """Another name of `requires_grad`, as Keras has it."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad = bool(value)


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not trained, such as a running mean.

    Parameters
    ----------
    data : Tensor or array_like
        Initial values; a tensor shares its memory with the buffer.
    persistent : bool, default True
        Whether `Module.state_dict` contains it.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Buffer(pydl.zeros((3,))).requires_grad
    False
    """

    persistent: bool

    def __new__(cls, data: Any, persistent: bool = True) -> Buffer:
        self = super().__new__(cls, asarray(data).detach())
        self.persistent = persistent
        return self

    def __init__(self, data: Any, persistent: bool = True) -> None:
        pass


class LoadResult(NamedTuple):
    """What `Module.load_state_dict` did not load."""

    missing: list[str]
    unexpected: list[str]


class Module(Registering):
    """Base of layers and models: subclasses create parameters and submodules, and define `forward`.

    Whatever attribute is a `Parameter`, a `Buffer` or another `Module` belongs to the module, under
    the attribute's name. There is nothing else to register. Those in lists, tuples and dicts are
    not found, so they are refused: at the assignment, or, where they are added later, by the next
    call that looks for parameters, such as `parameters`, `state_dict` or `Model.compile`. Use
    `ModuleList` and `ModuleDict`.

    A module is called like a function. NumPy arrays of numbers among the arguments become tensors
    of the same dtype before `forward` sees them.

    pydl's own layers refuse to set attributes that they do not read: a misspelt one, or a size of a
    layer that is made already.

    Attributes
    ----------
    training : bool
        Whether layers such as `Dropout` behave as in training; set by `train` and `eval`.
    trainable : bool
        False freezes the module, as in Keras; see there.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, size):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(pydl.ones((size,)))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> layer = Scale(3)
    >>> layer(pydl.ones((2, 3))).shape
    (2, 3)
    >>> [name for name, _ in layer.named_parameters()]
    ['factor']
    """

    training: bool = True

    # Attributes that compiled functions need not look at.
    _unguarded: frozenset[str] = frozenset({"_pinned_mode"})

    # The mode that was set on this very module: `Model.fit` keeps to it. It is set
    # wherever `training` is, because compiled functions notice attributes that appear.
    _pinned_mode: bool | None = None
    _trainable: bool = True
    _hooks: tuple[_hooks.ModuleHook, ...] = ()
    _penalties: tuple[WeightPenalty, ...] = ()
    _constraints: tuple[WeightConstraint, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _attributes.check_class(cls, _KINDS)

    def __init__(self) -> None:
        super().__init__()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; subclasses define it, callers call the module itself."""
        advice = "; what Keras names call is forward here" if hasattr(self, "call") else ""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(){advice}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for value in args:
            if value.__class__ in _CONVERTED:
                args = tuple(map(_as_tensor, args))
                break
        if kwargs:
            kwargs = {name: _as_tensor(value) for name, value in kwargs.items()}
        try:
            if self._hooks:
                return _hooks.call(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            _name_layer(error, self)
            raise

    def _check_made(self) -> None:
        """Raise `RuntimeError` if the first call has yet to create the parameters."""

    # --- what belongs to the module ---------------------------------------------------------------

    def _members(self) -> Iterable[tuple[str, Any]]:
        """Attributes, and what else a container holds, by name."""
        return vars(self).items()

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Direct submodules with their names."""
        for name, value in self._members():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """Direct submodules."""
        for _, module in self.named_children():
            yield module

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Iterate over this module (named `prefix`) and all below it, with dotted names.

        Raises
        ------
        TypeError
            Here, and in all that looks for modules, parameters and buffers: for those that only a
            list, tuple or dict holds.
        """
        found = list(self._walk(prefix, set()))
        _attributes.check_all_found(self, found, _KINDS)
        return iter(found)

    def _walk(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def _named_tensors(self, kind: type[Tensor]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            module._check_made()
            for name, value in module._members():
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Parameters of this module and all below it, each once, with dotted names."""
        return self._named_tensors(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Parameters of this module and all below it, each once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Buffers of this module and all below it, each once, with dotted names."""
        return self._named_tensors(Buffer)

    def buffers(self) -> Iterator[Buffer]:
        """Buffers of this module and all below it, each once."""
        for _, buffer in self.named_buffers():
            yield buffer

    def __setattr__(self, name: str, value: Any) -> None:
        _check_assignment(self, name, value)
        if name == "training":
            vars(self)["_pinned_mode"] = bool(value)
        object.__setattr__(self, name, value)
        if not self._trainable:
            _freeze(value)

    if not TYPE_CHECKING:  # type checkers should still report unknown attributes

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(_unknown_attribute(self, name), name=name, obj=self)

    # --- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers by dotted name; the tensors share the module's memory.

        Examples
        --------
        >>> import pydl
        >>> list(pydl.nn.Linear(2, 1).state_dict())
        ['weight', 'bias']
        """
        self.named_modules()  # raises where something would be missing
        return {name: tensor.detach() for name, tensor in self._state("")}

    def _state(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        self._check_made()
        for name, value in self._members():
            if isinstance(value, Parameter) or (isinstance(value, Buffer) and value.persistent):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._state(f"{prefix}{name}.")

    def load_state_dict(
        self, state: Mapping[str, Tensor | npt.NDArray[Any]], strict: bool = True
    ) -> LoadResult:
        """Copy values into parameters and buffers; nothing is changed when something does not fit.

        Parameters
        ----------
        state : mapping of str to Tensor or numpy.ndarray
            As from `state_dict`. Dtypes are converted, shapes must agree. Of tied tensors, one name
            is enough: files often have them once.
        strict : bool, default True
            Whether the names must be exactly the module's own.

        Returns
        -------
        LoadResult
            `missing`: names that `state` lacks; `unexpected`: names that the module lacks. Both are
            empty lists when `strict`.

        Raises
        ------
        ValueError
            For shapes that differ and, when `strict`, for names that differ; it lists them.
        """
        self.named_modules()
        own = dict(self._state(""))
        missing = _names_without_values(own, state)
        unexpected = [name for name in state if name not in own]
        given = {name: asarray(state[name]) for name in own if name in state}
        problems = []
        if strict and missing:
            problems.append("missing: " + ", ".join(missing))
        if strict and unexpected:
            problems.append("unexpected: " + ", ".join(unexpected))
        problems += [
            f"{name}: expected shape {own[name].shape}, got {value.shape}"
            for name, value in given.items()
            if own[name].shape != value.shape
        ]
        if problems:
            raise ValueError("\n  ".join([f"{type(self).__name__}.load_state_dict:", *problems]))
        with no_grad():
            for name, value in given.items():
                own[name].copy_(value.to(own[name].dtype))
        return LoadResult(missing, unexpected)

    # --- modes ------------------------------------------------------------------------------------

    def train(self: ModuleT, mode: bool = True) -> ModuleT:
        """Set training mode here and in all submodules (`False`: evaluation mode); return self.

        `Model.fit` sets training mode, but a submodule that was put into evaluation mode separately
        stays there: ``model.backbone.eval()``, or ``layer.training = False``. Its batch norm does
        not move its running moments then, and its dropout drops nothing. ``train()`` on it, or on a
        module around it, ends that. Submodules that define `train` themselves are asked, as in
        PyTorch.
        """
        vars(self)["training"] = vars(self)["_pinned_mode"] = mode
        for child in self.children():
            pinned = child._pinned_mode
            child.train(mode)
            vars(child)["_pinned_mode"] = False if pinned is False and not mode else None
        return self

    def eval(self: ModuleT) -> ModuleT:
        """Set evaluation mode: the same as `train(False)`."""
        return self.train(False)

    @property
    def trainable(self) -> bool:
        """Whether the module learns; assigning concerns all below it, as in Keras.

        False freezes all parameters, also those that are added later, and lets batch norm run in
        inference mode, with the running moments, which do not move, even in training mode. Dropout
        stays in training mode; `eval` ends that too. True lets all parameters learn, those frozen
        in other ways included. It takes effect at once, without another `compile`.

        Examples
        --------
        >>> import pydl
        >>> layer = pydl.nn.BatchNorm1d(2)
        >>> layer.trainable = False
        >>> _ = layer(pydl.tensor([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer.running_mean.tolist(), layer.weight.requires_grad
        ([0.0, 0.0], False)
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for module in self.modules():
            vars(module)["_trainable"] = bool(value)
        self.requires_grad_(bool(value))

    def requires_grad_(self: ModuleT, flag: bool = True) -> ModuleT:
        """Freeze all parameters (`False`), or let them learn again (`True`); return self.

        Optimisers leave frozen parameters alone. Batch norm keeps moving its running moments in
        training mode, as in PyTorch: set `trainable`, or call `eval`, where that is not wanted.
        """
        for parameter in self.parameters():
            parameter.requires_grad = flag
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set their elements to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def apply(self: ModuleT, function: Callable[[Module], object]) -> ModuleT:
        """Call `function` with every submodule, innermost first, and with this one; return self."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self: ModuleT, target: DType | str | type[np.generic]) -> ModuleT:
        """Convert floating parameters and buffers to a dtype, or move all to a device; return self.

        Parameters that change are new objects, so call it before an optimiser is created. Tied
        ones, whether they are one object or share their memory, stay tied.

        Raises
        ------
        ValueError
            For parameters that share memory in different layouts, such as a matrix and its
            transpose. Nothing is changed then.
        """
        found = [
            (module, f"{path}.{name}" if path else name, name, value)
            for path, module in self.named_modules()
            for name, value in module._members()
            if isinstance(value, (Parameter, Buffer)) and value.dtype.is_floating
        ]
        for module in self.modules():
            module._check_made()
        conversion = SharedConversion(lambda tensor: tensor.to(target))
        if any(value.detach().to(target).dtype != value.dtype for _, _, _, value in found[:1]):
            conversion.check([(path, value) for _, path, _, value in found])
        for module, _, name, value in found:
            converted = conversion.apply(value, _rewrap)
            if converted is not value:
                setattr(module, name, converted)
        return self

    # --- hooks ------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every `forward`.

        Parameters
        ----------
        hook : callable
            Returns None, or what to call `forward` with: a tuple, or a single argument.
        prepend : bool, default False
            Whether it runs before the hooks that are registered already.
        with_kwargs : bool, default False
            Whether it is called as ``hook(module, args, kwargs)``, and returns None or such a pair.

        Returns
        -------
        RemovableHandle
            Has `remove`, and is a context manager.
        """
        return _hooks.add(self, _hooks.BEFORE, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every `forward`.

        Compiled functions run hooks while they are traced; one that keeps an output then is refused
        like any other variable that would keep it: return what you need.

        Parameters
        ----------
        hook : callable
            Returns None, or what takes the place of the output.
        prepend : bool, default False
            Whether it runs before the hooks that are registered already.
        with_kwargs : bool, default False
            Whether it is called as ``hook(module, args, kwargs, output)``.

        Returns
        -------
        RemovableHandle
            Has `remove`, and is a context manager.

        Examples
        --------
        >>> import pydl
        >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 3), pydl.nn.ReLU())
        >>> seen = {}
        >>> with model[0].register_forward_hook(lambda m, args, y: seen.update(first=y)):
        ...     _ = model(pydl.ones((4, 2)))
        >>> seen["first"].shape
        (4, 3)
        """
        return _hooks.add(self, _hooks.AFTER, hook, prepend, with_kwargs)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known.

        Parameters
        ----------
        hook : callable
            Gets a tuple, and returns None, or the gradients that replace it.
        prepend : bool, default False
            Whether it runs before the hooks that are registered already.

        Returns
        -------
        RemovableHandle
            Has `remove`, and is a context manager.
        """
        return _hooks.add(self, _hooks.BEFORE_BACKWARD, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when a backward pass has gone through.

        Parameters
        ----------
        hook : callable
            Gets the gradients of the positional arguments and of the outputs, as tuples with None
            where there is none, and returns None, or what takes the place of `grad_input`. Where no
            argument requires a gradient, it is called with None for each, as soon as the gradients
            of the outputs are known.
        prepend : bool, default False
            Whether it runs before the hooks that are registered already.

        Returns
        -------
        RemovableHandle
            Has `remove`, and is a context manager.

        Examples
        --------
        >>> import pydl
        >>> layer = pydl.nn.ReLU()
        >>> handle = layer.register_full_backward_hook(lambda m, gx, gy: (gx[0] * 10,))
        >>> x = pydl.tensor([-1.0, 2.0], requires_grad=True)
        >>> layer(x).sum().backward()
        >>> x.grad.tolist()
        [0.0, 10.0]
        """
        return _hooks.add(self, _hooks.AFTER_BACKWARD, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Do the same as `register_full_backward_hook`: the older name that PyTorch has."""
        return _hooks.add(self, _hooks.AFTER_BACKWARD, hook)

    # --- how it looks -----------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return settings to show between the parentheses of the module's `repr`."""
        return ""

    def __repr__(self) -> str:
        notes = [str(item) for item in (*self._penalties, *self._constraints)]
        head, lines = ", ".join(filter(None, [self.extra_repr(), *notes])), []
        for name, child in self.named_children():
            lines.append(f"({name}): " + repr(child).replace("\n", "\n  "))
        if not lines:
            return f"{type(self).__name__}({head})"
        return (
            f"{type(self).__name__}(\n  " + "\n  ".join([head, *lines] if head else lines) + "\n)"
        )


_KINDS = (Module, Parameter, Buffer)


def _names_without_values(own: Mapping[str, Tensor], state: Mapping[str, Any]) -> list[str]:
    """Return the names that a state lacks, but for tensors that are tied to one that it has."""
    missing = [name for name in own if name not in state]
    if not missing:
        return missing
    given = {position_in_memory(tensor) for name, tensor in own.items() if name in state}
    given.discard(None)
    return [name for name in missing if position_in_memory(own[name]) not in given]


def _rewrap(old: Parameter | Buffer, data: Tensor) -> Parameter | Buffer:
    if isinstance(old, Parameter):
        return type(old)(data, old.requires_grad)
    return type(old)(data, old.persistent)


# Of the arguments of a module: arrays, and tuples that may contain arrays.
_CONVERTED = frozenset({np.ndarray, tuple})


def _as_tensor(value: Any) -> Any:
    """Return arrays of numbers, also those in a tuple, as tensors, anything else as it is."""
    if type(value) is np.ndarray:
        return asarray(value) if value.dtype.kind in "biuf" else value
    if type(value) is tuple and any(type(item) is np.ndarray for item in value):
        return tuple(map(_as_tensor, value))
    return value


def _freeze(value: object) -> None:
    """Freeze what becomes part of a module that is frozen."""
    if isinstance(value, Parameter):
        value.requires_grad = False
    elif isinstance(value, Module):
        value.trainable = False


def _check_assignment(module: Module, name: str, value: object) -> None:
    """Refuse assignments by which parameters would silently get lost, or that would do nothing."""
    where = f"{type(module).__name__}.{name}"
    current = vars(module).get(name)
    for kind in (Parameter, Module):
        if isinstance(current, kind) and not (value is None or isinstance(value, kind)):
            raise TypeError(
                f"{where} is a {kind.__name__}: expected another one or None, "
                f"got {type(value).__name__}"
            )
    _attributes.check_container(module, name, value, _KINDS)
    _attributes.check_effect(module, name, value)


_TRAINER = (
    "a pydl.Model has it; for any other module, pydl.training.Trainer(module, optimizer, loss) has "
    "fit, evaluate and predict"
)

# What other libraries have, and models, but not all modules: what to write instead.
_ELSEWHERE = {
    "fit": _TRAINER,
    "evaluate": _TRAINER,
    "predict": "a pydl.Model has it; write pydl.training.Trainer(module).predict(x)",
    "summary": "a pydl.Model has it; print pydl.training.summarize(module, input_shape)",
    "load_weights": "write load_state_dict(pydl.load(path))",
    "save_weights": "write pydl.save(path, model)",
    "get_weights": "see state_dict() and parameters()",
    "set_weights": "write load_state_dict(state)",
    "count_params": "write sum(p.size for p in model.parameters())",
    "add": "a Sequential has append(layer)",
    "cuda": "devices are chosen by to(device)",
    "cpu": "devices are chosen by to(device)",
    "trainable_variables": "write [p for p in model.parameters() if p.requires_grad]",
    "trainable_weights": "write [p for p in model.parameters() if p.requires_grad]",
}


def _unknown_attribute(module: Module, name: str) -> str:
    message = f"{type(module).__name__} has no attribute {name!r}"
    if name.startswith("_"):
        return message
    from difflib import get_close_matches

    if name in _ELSEWHERE:
        return f"{message}; {_ELSEWHERE[name]}"
    known = [*vars(module), *(child for child, _ in module.named_children()), *dir(type(module))]
    public = [candidate for candidate in known if not candidate.startswith("_")]
    similar = get_close_matches(name, public, n=1)
    return f"{message}; did you mean {similar[0]!r}?" if similar else message


def _name_layer(error: Exception, module: Module) -> None:
    """Put the path of the layer that raised before the message, seen from the outermost module.

    The innermost module that the exception passes is noted on it; every module around that one
    writes the full path that it knows. A module that is called directly adds nothing.
    """
    try:
        failed, message = error.__dict__.setdefault("_pydl_layer", (module, error.args))
        if failed is module or len(message) != 1 or not isinstance(message[0], str):
            return
        for path, candidate in module.named_modules(type(module).__name__):
            if candidate is failed:
                line = repr(failed).split("\n")[0].rstrip("(")
                error.args = (f"in {path} ({line}): {message[0]}",)
    except Exception:  # the error itself matters more than where it came from
        return
