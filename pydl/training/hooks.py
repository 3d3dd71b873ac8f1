"""Hooks that see the inputs and outputs of modules within a scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydl import _core

if TYPE_CHECKING:
    from pydl.nn.module import Module

# Called with the path of a module, the module and its arguments before `forward`, and with its
# result after; the result is `BEFORE` the first time.
Look = Callable[[str, "Module", tuple[Any, ...], Any], None]

BEFORE = object()


class observed(_core._RestoreScope):  # noqa: N801  (used like a keyword)
    """Call `look` before and after each module's `forward` that runs in the scope.

    Ctrl-C leaves no module observed, whenever it comes.
    """

    def __init__(self, model: Module, look: Look) -> None:
        modules = list(model.named_modules())

        def observe() -> None:
            for path, module in modules:
                # In the instance's dict it comes before the class's method.
                vars(module)["forward"] = _observing(path, module, look)

        super().__init__([(vars(module), "forward") for _, module in modules], observe)


def _observing(path: str, module: Module, look: Look) -> Callable[..., Any]:
    forward = module.forward

    def run(*args: Any, **kwargs: Any) -> Any:
        look(path, module, (*args, *kwargs.values()), BEFORE)
        output = forward(*args, **kwargs)
        look(path, module, (*args, *kwargs.values()), output)
        return output

    return run
