"""Groups of an optimiser as the dicts that users of PyTorch expect in `param_groups`."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydl.optim.optimizer import Optimizer


class GroupView(MutableMapping[str, Any]):
    """One group: "params", "lr", and the options, which may be set.

    Parameters
    ----------
    optimizer : Optimizer
        Whose group it is.
    number : int
        The group.
    """

    def __init__(self, optimizer: Optimizer, number: int) -> None:
        self._optimizer, self._number = optimizer, number

    def __getitem__(self, name: str) -> Any:
        group = self._optimizer.groups[self._number]
        if name == "params":
            return list(group.parameters)
        return group.lr if name == "lr" else group._given[name]

    def __setitem__(self, name: str, value: Any) -> None:
        group = self._optimizer.groups[self._number]
        if name == "lr":
            group.lr = value
        elif name in group._given:
            self._optimizer._set_option(name, value, group)
        else:
            expected = ", ".join(["lr", *group._given])
            raise KeyError(f"param_groups: expected one of {expected} to be set, got {name!r}")

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"param_groups: {name!r} can be set, but not left out")

    def __iter__(self) -> Iterator[str]:
        return iter(("params", "lr", *self._optimizer.groups[self._number]._given))

    def __len__(self) -> int:
        return 2 + len(self._optimizer.groups[self._number]._given)

    def __repr__(self) -> str:
        return repr(dict(self))
