"""Looking at what goes into modules, and what comes out, for the length of a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydl.nn.module import Module

# Called with the path of a module, the module and its arguments before `forward`, and with its
# result after; the result is `BEFORE` the first time.
Look = Callable[[str, "Module", tuple[Any, ...], Any], None]

BEFORE = object()


@contextmanager
def observed(model: Module, look: Look) -> Iterator[None]:
    """Call `look` before and after each module's `forward` that runs in the scope."""
    modules = list(model.named_modules())
    missing = object()
    previous = [vars(module).get("forward", missing) for _, module in modules]

    def observing(path: str, module: Module) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            look(path, module, (*args, *kwargs.values()), BEFORE)
            output = forward(*args, **kwargs)
            look(path, module, (*args, *kwargs.values()), output)
            return output

        return run

    try:
        for path, module in modules:
            # In the instance's dict it comes before the class's method.
            vars(module)["forward"] = observing(path, module)
        yield
    finally:
        for (_, module), before in zip(modules, previous, strict=True):
            if before is missing:
                vars(module).pop("forward", None)
            else:
                vars(module)["forward"] = before
