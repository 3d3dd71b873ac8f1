"""Results of layers inside of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl.nn.module import Module


class FeatureExtractor(Module):
    """Return what layers inside of a model computed, by name, instead of the model's output.

    Parameters
    ----------
    model : Module
        The model, which stays as it is; the extractor shares its parameters.
    layers : iterable of str, or mapping of str to str
        Paths as in `named_modules`, such as "layer3" or "layer3.0.conv1"; "" is the model itself. A
        mapping gives the results other names.

    Raises
    ------
    ValueError
        For a path that the model does not have, with the most similar ones.
    RuntimeError
        When called, if the model did not call one of the layers.

    Notes
    -----
    The whole model runs. Of a layer that is called several times, the last result counts.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> features = nn.FeatureExtractor(model, {"1": "hidden", "": "output"})
    >>> {name: y.shape for name, y in features(pydl.ones((2, 4))).items()}
    {'hidden': (2, 8), 'output': (2, 3)}
    """

    def __init__(self, model: Module, layers: Iterable[str] | Mapping[str, str]) -> None:
        super().__init__()
        if isinstance(layers, str):
            layers = [layers]
        self.model = model
        named = dict(layers) if isinstance(layers, Mapping) else {path: path for path in layers}
        known = dict(model.named_modules())
        for path in named:
            if path not in known:
                raise ValueError(_unknown(type(model).__name__, path, known))
        self.layers = named

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        known = dict(self.model.named_modules())
        found: dict[str, Any] = {}
        handles = []
        try:
            for path, name in self.layers.items():
                handles.append(known[path].register_forward_hook(_keeping(found, name)))
            self.model(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()
        missing = [path for path, name in self.layers.items() if name not in found]
        if missing:
            raise RuntimeError(
                f"FeatureExtractor: {type(self.model).__name__} did not call {', '.join(missing)}"
            )
        return {name: found[name] for name in self.layers.values()}

    def extra_repr(self) -> str:
        return f"layers={self.layers}"


def _keeping(found: dict[str, Any], name: str) -> Any:
    def keep(module: Module, args: tuple[Any, ...], output: Any) -> None:
        found[name] = output

    return keep


def _unknown(model: str, path: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = [name for name in known if name]
    similar = get_close_matches(path, names, n=3) or names[:10]
    return f"FeatureExtractor: {model} has no layer {path!r}; did you mean {', '.join(similar)}?"
