"""Lists and dicts of parameters, which modules find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydl._core import Tensor
from pydl.nn.containers import _check_name
from pydl.nn.module import Module, Parameter, _freeze


class _Parameters(Module):
    """Parameters by name, in order; what the containers share."""

    _parameters: dict[str, Parameter]

    def __init__(self) -> None:
        super().__init__()
        self._parameters = {}

    def _members(self) -> Iterable[tuple[str, Any]]:
        return [*super()._members(), *self._parameters.items()]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and name in self._parameters:
                return self._parameters[name]
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_parameters", ()):
            self._put(name, value)
        else:
            super().__setattr__(name, value)

    def __len__(self) -> int:
        return len(self._parameters)

    def _put(self, name: str, value: Any) -> None:
        kind = type(self).__name__
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{kind}: expected a Parameter or a Tensor for {name}, got {type(value).__name__}"
            )
        self._parameters[name] = value if isinstance(value, Parameter) else Parameter(value)
        if not self._trainable:
            _freeze(self._parameters[name])

    def extra_repr(self) -> str:
        parts = [f"{name}: {value.dtype} {value.shape}" for name, value in self._parameters.items()]
        return ", ".join(parts)


class ParameterList(_Parameters):
    """A list of parameters that are found; their names are "0", "1", ...

    Parameters
    ----------
    values : iterable of Parameter or Tensor
        Tensors become parameters that share their memory.

    Raises
    ------
    TypeError
        For something that is not a tensor.
    IndexError
        For an index outside the list.

    Examples
    --------
    >>> import pydl
    >>> scales = pydl.nn.ParameterList(pydl.ones((2,)) for _ in range(3))
    >>> len(scales), [name for name, _ in scales.named_parameters()]
    (3, ['0', '1', '2'])
    """

    def __init__(self, values: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.extend(values)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters.values())

    def __getitem__(self, index: int) -> Parameter:
        return self._parameters[self._name_at(index)]

    def __setitem__(self, index: int, value: Tensor) -> None:
        self._put(self._name_at(index), value)

    def _name_at(self, index: int) -> str:
        count = len(self._parameters)
        if not -count <= index < count:
            raise IndexError(f"ParameterList: index {index} is outside its {count} parameters")
        return str(index % count)

    def append(self, value: Tensor) -> ParameterList:
        """Add a parameter at the end; return self."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Tensor]) -> ParameterList:
        """Add parameters at the end; return self."""
        for value in values:
            self.append(value)
        return self


class ParameterDict(_Parameters):
    """Parameters by name, which are found.

    Parameters
    ----------
    values : mapping of str to Parameter or Tensor, optional
        Names are those of attributes. Tensors become parameters that share their memory.

    Raises
    ------
    TypeError
        For something that is not a tensor.
    ValueError
        For a name that cannot be part of a path, or is that of a method.

    Examples
    --------
    >>> import pydl
    >>> scales = pydl.nn.ParameterDict({"left": pydl.ones((2,)), "right": pydl.zeros((2,))})
    >>> list(scales), scales["right"].tolist()
    (['left', 'right'], [0.0, 0.0])
    """

    def __init__(self, values: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        for name, value in (values or {}).items():
            self[name] = value

    def __getitem__(self, name: str) -> Parameter:
        if name not in self._parameters:
            raise KeyError(f"ParameterDict: there is no {name!r}; it has {', '.join(self)}")
        return self._parameters[name]

    def __setitem__(self, name: str, value: Tensor) -> None:
        _check_name(self, name)
        self._put(name, value)

    def __delitem__(self, name: str) -> None:
        del self._parameters[name]

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def keys(self) -> Iterable[str]:
        """Names, in order."""
        return self._parameters.keys()

    def values(self) -> Iterable[Parameter]:
        """Parameters, in order."""
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Parameter]]:
        """Names with their parameters, in order."""
        return self._parameters.items()
