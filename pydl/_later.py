"""Names of a package that are imported when they are first asked for: few programs need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pydl._checked_calls import check_public


def import_later(
    namespace: dict[str, Any], modules: Mapping[str, Sequence[str]]
) -> Callable[[str], Any]:
    """Return the function `__getattr__` of a package.

    Parameters
    ----------
    namespace : dict
        That of the package, as ``globals()`` returns it.
    modules : mapping
        The names that each module has. A module without names is offered itself, and so is one that
        is a part of the package.

    Returns
    -------
    callable
        From a name to what has it.
    """
    homes = {name: module for module, names in modules.items() for name in names}
    own = f"{namespace['__name__']}."
    for module, names in modules.items():
        if not names or module.startswith(own):
            homes.setdefault(module.rpartition(".")[2], module)

    def get(name: str) -> Any:
        if name not in homes:
            from pydl._missing_names import message

            known = namespace.get("__all__", namespace)
            raise AttributeError(message(namespace["__name__"], name, known))
        module = import_module(homes[name])
        namespace[name] = getattr(module, name) if name in modules[homes[name]] else module
        check_public(namespace)
        return namespace[name]

    return get
