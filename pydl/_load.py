"""Loads the extension module: the one next to the sources, or that of the installed package."""

from __future__ import annotations

from typing import Any

from pydl import _core


def _explain(*call: Any) -> str | Exception | None:
    """Tell an error of a function of the extension in the words of its caller."""
    from pydl._calls import explain_core

    return explain_core(*call)


def _reduce(tensor: Any, protocol: int) -> tuple[Any, ...]:
    """Say how a tensor is pickled."""
    from pydl._pickling import reduce_tensor

    return reduce_tensor(tensor, protocol)


if _core.__file__ is None:
    # The folder of type stubs, which counts as a package: there is no extension module here.
    from pydl import _source_folder

    _source_folder.import_installed()
else:
    _core._set_explainer(_explain)
    _core._set_reducer(_reduce)
