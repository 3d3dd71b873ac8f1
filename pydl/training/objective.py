"""What a training minimises and measures: a loss and metrics for each output of a model."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.training import losses

if TYPE_CHECKING:
    from pydl.nn.module import Module
    from pydl.training.metrics import Metric

# What a step returns, see `Objective`.
Values = list[Any]


class Part(NamedTuple):
    """One output with its loss, how much that counts, and its metrics by reported name.

    `key` is the output's key in a dict or number in a tuple; None for the only output, or all.
    """

    key: Any
    name: str
    loss: losses.Loss | None
    weight: float
    metrics: dict[str, Metric]
    weighted: frozenset[str]

    def pick(self, value: Any, role: str) -> Any:
        """Return this part of outputs, targets or weights."""
        if self.key is None:
            return value
        if isinstance(self.key, int):
            if isinstance(value, (tuple, list)) and self.key < len(value):
                return value[self.key]
            expected = f"a tuple of at least {self.key + 1}"
        else:
            if isinstance(value, Mapping) and self.key in value:
                return value[self.key]
            expected = f"a dict with {self.key!r}"
        raise ValueError(
            f"the losses and metrics of compile expect {expected} as {role}, got {_kind(value)}"
        )


class Term(NamedTuple):
    """A term of what is minimised: a mean over `counted`, by default the samples; or a sum."""

    value: Tensor
    counted: Tensor | None = None
    is_sum: bool = False


class Objective:
    """The parts, and the values that a step computes for them.

    A step returns a list of lists of tensors, for `Averages`: the loss, with the number of targets
    that count if that is not the number of samples; where there are several outputs the same for
    each part; and the totals of each metric. Last, where a loss of one's own reports more numbers,
    a dict of these.
    """

    def __init__(self, parts: Sequence[Part], own_loss: bool = False) -> None:
        self.parts = list(parts)
        self.own_loss = own_loss  # the model computes its loss itself

    @property
    def reported(self) -> list[Part]:
        """The parts whose losses are reported one by one."""
        return [] if self.own_loss else self._trained

    @property
    def _trained(self) -> list[Part]:
        """The parts that have a loss each."""
        return [part for part in self.parts if part.loss is not None] if self.keyed else []

    @property
    def keyed(self) -> bool:
        """Whether there are several outputs with a loss or metrics each."""
        return self.parts[0].key is not None

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics by the names under which they are reported."""
        return {name: metric for part in self.parts for name, metric in part.metrics.items()}

    @property
    def names(self) -> list[str]:
        """The names of all values, in the order in which they are reported."""
        return ["loss", *(f"{part.name}_loss" for part in self.reported), *self.metrics]

    def functions(self) -> Iterator[Any]:
        """Iterate over losses and metrics: they may have tensors."""
        from pydl.training.metrics import FunctionMean

        for part in self.parts:
            if part.loss is not None:
                yield part.loss.function
                yield part.loss.each
            for metric in part.metrics.values():
                yield metric
                if isinstance(metric, FunctionMean):
                    yield metric.function

    def loss(self, output: Any, target: Any, weight: Any = None) -> tuple[Tensor, list[Tensor]]:
        """Return what is minimised, and the losses of the parts."""
        if not self.keyed:
            part = self.parts[0]
            assert part.loss is not None
            return part.loss.value(output, target, weight), []
        found, total = [], None
        for part in self._trained:
            assert part.loss is not None
            value = _named(part, part.loss.value, *self._of(part, output, target, weight))
            found.append(value)
            term = value if part.weight == 1 else value * part.weight
            total = term if total is None else total + term
        assert total is not None
        return total, found

    def terms(
        self, loss: Tensor, parts: Sequence[Tensor], values: Values, adds: bool
    ) -> list[Term]:
        """Divide a loss into terms that are means over different things.

        `values` are those of the batch; `adds` says that something is added to the losses of parts.
        """
        if self.own_loss:
            return [Term(loss)]
        if not self.keyed:
            return [_term(self.parts[0], loss, values[0])]
        found, rest, is_empty = [], loss, not adds
        for part, value, given in zip(self.reported, parts, values[1:], strict=False):
            term = _term(part, value * part.weight, given)
            if term.counted is None and not term.is_sum:
                is_empty = False
            else:
                rest = rest - term.value
                found.append(term)
        return found if is_empty else [Term(rest), *found]

    def values(
        self,
        loss: Tensor,
        parts: Sequence[Tensor],
        output: Any,
        target: Any,
        weight: Any,
        plain: bool,
        more: dict[str, Tensor],
    ) -> Values:
        """Return what a step returns; `plain` targets need not be looked at one by one."""
        with no_grad():
            values: Values = [[loss.detach()]]
            if not (self.keyed or self.own_loss):
                values = [_with_count(self.parts[0], loss, target, plain)]
            for part, value in zip(self.reported, parts, strict=False):
                values.append(_with_count(part, value, part.pick(target, "targets"), plain))
            for part in self.parts:
                if part.metrics:
                    values += self._totals(part, output, target, weight, plain)
        if more:
            self._require_free(more)
            values.append(more)
        return values

    def _require_free(self, more: Mapping[str, Tensor]) -> None:
        taken = [name for name in more if name in self.metrics]
        if taken:
            raise ValueError(f"compute_loss: there is a metric named {taken[0]!r} already")

    def _totals(self, part: Part, output: Any, target: Any, weight: Any, plain: bool) -> Values:
        output, target, weight = self._of(part, output, target, weight)
        return [
            metric._weighted_values(output, target, weight)
            if weight is not None and name in part.weighted
            else metric._values(output, target, plain)
            for name, metric in part.metrics.items()
        ]

    def _of(self, part: Part, output: Any, target: Any, weight: Any) -> tuple[Any, Any, Any]:
        """Return the entry of a part; a single array of weights belongs to all parts."""
        if isinstance(weight, (Mapping, tuple)) and part.key is not None:
            weight = _optional(part, weight)
        return part.pick(output, "outputs of the model"), part.pick(target, "targets"), weight

    def is_plain(self, columns: Any) -> bool:
        """Whether all targets, as `Layout.build` returns them, are plain for their losses."""
        for part in self.parts:
            if part.loss is None:
                if part.metrics:
                    return False
                continue
            target = part.pick(columns, "targets")
            if not isinstance(target, Tensor) or not part.loss.is_plain(target):
                return False
        return not self.own_loss

    def check_targets(self, verb: str, target: Any) -> None:
        """Raise `ValueError` for targets without those of a part, or with some that none takes."""
        if not self.keyed:
            if isinstance(target, (Mapping, tuple)) and self._only.known:
                keys = list(target if isinstance(target, Mapping) else range(len(target)))
                example = ", ".join(f"{key!r}: ..." for key in keys)
                shown = "{" + example + "}" if isinstance(target, Mapping) else "[..., ...]"
                raise ValueError(
                    f"{verb}: the targets are {_kind(target)}, but compile got one loss for one "
                    f"output; give one for each, loss={shown}, or a function of your own that "
                    "takes all outputs and targets"
                )
            return
        for part in self.parts:
            part.pick(target, "targets")
        keys = list(target) if isinstance(target, Mapping) else list(range(len(target)))
        unused = [key for key in keys if all(part.key != key for part in self.parts)]
        if unused:
            raise ValueError(
                f"{verb}: y has targets {', '.join(map(repr, unused))}, for which compile got no "
                "loss and no metric"
            )

    def check_weights(self, verb: str, weights: Any) -> None:
        """Raise `ValueError` for weights of samples that belong to no output."""
        if not isinstance(weights, (Mapping, tuple)):
            return
        if not self.keyed:
            raise ValueError(
                f"{verb}: sample_weight is {_kind(weights)}, but compile got one loss for one "
                "output; give one array"
            )
        known = [part.key for part in self.parts]
        given = list(weights) if isinstance(weights, Mapping) else range(len(weights))
        if any(key not in known for key in given):
            raise ValueError(
                f"{verb}: sample_weight is {_kind(weights)}, but the outputs with a loss or a "
                f"metric are {', '.join(map(repr, known))}"
            )

    def counts_nothing(self, values: Values) -> bool:
        """Whether a loss is 0 / 0 only because no target of a batch counts, of some output."""
        losses = values[1 : 1 + len(self.reported)] or values[:1]
        empty = [len(loss) > 1 and float(loss[1]) == 0 for loss in losses]
        others = (loss[0] for loss, none in zip(losses, empty, strict=True) if not none)
        return any(empty) and all(math.isfinite(float(loss)) for loss in others)

    @property
    def _only(self) -> losses.Loss:
        return self.parts[0].loss or losses.Loss(_never)

    def takes_classes(self, key: Any) -> bool:
        """Whether floats (N,) are class indices to the loss of an output.

        A loss that the model computes itself gets targets as they were given.
        """
        for part in self.parts:
            if part.key == key and part.loss is not None:
                return part.loss.ignore_index is not None and not self.own_loss
        return False


def make_objective(
    loss: Any,
    metrics: Any,
    weighted_metrics: Any,
    loss_weights: Any,
    last_layer: Module | None,
    own_loss: bool,
) -> Objective:
    """Return the objective of the arguments of `compile`.

    Raises
    ------
    ValueError, TypeError
        For arguments that do not fit together; the messages say what to pass.
    """
    keys = _keys(loss)
    if keys is None:
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if isinstance(value, Mapping):
                raise ValueError(
                    f"compile: {name} is a dict of outputs, but there is one loss; give "
                    "loss={...} with the same names too"
                )
        if loss_weights is not None:
            raise ValueError("compile: loss_weights need several losses, loss={...} or [...]")
        single = losses.get(loss)
        losses.check_last_layer(single, loss, last_layer)
        single = losses.with_last_layer(single, last_layer)
        return Objective([_part(None, "", single, 1.0, metrics, weighted_metrics)], own_loss)
    found = []
    extra = _measured(metrics, keys, loss), _measured(weighted_metrics, keys, loss)
    weights = _loss_weights(loss_weights, keys)
    for key in keys:
        given = loss[key]
        name = key if isinstance(key, str) else f"output_{key}"
        known = None if given is None else losses.get(given)
        found.append(_part(key, name, known, weights[key], extra[0][key], extra[1][key]))
    if all(part.loss is None for part in found):
        raise ValueError("compile: all losses are None; a training needs at least one")
    names = Objective(found, own_loss).names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"compile: two values would be reported as {', '.join(twice)}")
    return Objective(found, own_loss)


def _keys(loss: Any) -> list[Any] | None:
    """Return the keys of the outputs; None for one loss."""
    if not isinstance(loss, (Mapping, list, tuple)):
        return None
    if len(loss) == 0:
        raise ValueError("compile: expected at least one loss, got none")
    if isinstance(loss, Mapping):
        for key in loss:
            if not isinstance(key, str):
                raise TypeError(f"compile: expected names of outputs in loss, got {key!r}")
        return list(loss)
    return list(range(len(loss)))


def _part(
    key: Any, name: str, loss: losses.Loss | None, weight: float, metrics: Any, weighted: Any
) -> Part:
    if not (metrics or weighted):
        return Part(key, name, loss, weight, {}, frozenset())
    from pydl.training.metrics import get_all  # here: many programs need none of them

    for_metrics = loss or losses.Loss(_never)
    plain = get_all(metrics, for_metrics)
    others = {
        (f"weighted_{n}" if n in plain else n): metric
        for n, metric in get_all(weighted, for_metrics).items()
    }
    for n, metric in others.items():
        if len(inspect.signature(metric.totals).parameters) < 3:
            raise TypeError(
                f"compile: the metric {n!r} takes no weights of samples; give it in metrics, or "
                "define totals(self, output, target, sample_weight=None)"
            )
    prefix = f"{name}_" if name else ""
    found = {f"{prefix}{n}": metric for n, metric in {**plain, **others}.items()}
    return Part(key, name, loss, weight, found, frozenset(f"{prefix}{n}" for n in others))


def _measured(metrics: Any, keys: list[Any], loss: Any) -> Any:
    """Return the metrics of each output, by its key."""
    if metrics is None:
        return dict.fromkeys(keys)
    named = isinstance(loss, Mapping)
    if named and not isinstance(metrics, Mapping):
        raise ValueError(
            "compile: there is a loss for each output; expected metrics as a dict with their "
            f"names too, such as {{{keys[0]!r}: ['mae']}}, got {type(metrics).__name__}"
        )
    if not named and (isinstance(metrics, (str, Mapping)) or len(metrics) != len(keys)):
        raise ValueError(
            f"compile: there are losses for {len(keys)} outputs; expected metrics as a list with "
            f"as many items, each a list of metrics or None, got {metrics!r}"
        )
    _require_known("metrics", metrics, keys, named)
    return {key: (metrics.get(key) if named else metrics[key]) for key in keys}


def _loss_weights(weights: Any, keys: list[Any]) -> dict[Any, float]:
    if weights is None:
        return dict.fromkeys(keys, 1.0)
    named = isinstance(keys[0], str)
    if named != isinstance(weights, Mapping) or (not named and len(weights) != len(keys)):
        form = "a dict of the names of outputs" if named else f"a list of {len(keys)} numbers"
        raise ValueError(f"compile: expected loss_weights as {form}, got {weights!r}")
    _require_known("loss_weights", weights, keys, named)
    found = {key: (weights.get(key, 1.0) if named else weights[key]) for key in keys}
    for key, value in found.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"compile: expected loss_weights of numbers, got {value!r} for {key!r}")
    return {key: float(value) for key, value in found.items()}


def _require_known(name: str, given: Any, keys: list[Any], named: bool) -> None:
    unknown = [key for key in given if key not in keys] if named else []
    if unknown:
        raise ValueError(
            f"compile: {name} has {', '.join(map(repr, unknown))}, for which there is no loss; "
            f"outputs are {', '.join(map(repr, keys))} (a loss of None measures an output only)"
        )


def divided(values: Values) -> tuple[Values, dict[str, Tensor]]:
    """Return the lists of what a step returned, and what a loss of one's own reports besides."""
    return (values[:-1], values[-1]) if values[-1].__class__ is dict else (values, {})


def _term(part: Part, value: Tensor, given: Sequence[Tensor]) -> Term:
    assert part.loss is not None
    return Term(value, given[1] if len(given) > 1 else None, part.loss.reduction == "sum")


def _with_count(part: Part, loss: Tensor, target: Any, plain: bool) -> list[Tensor]:
    assert part.loss is not None
    counted = part.loss.counted(target, plain)
    return [loss.detach()] if counted is None else [loss.detach(), counted]


def _named(part: Part, function: Any, *arguments: Any) -> Tensor:
    """Call the loss of a part; errors say which output it is."""
    try:
        return function(*arguments)  # type: ignore[no-any-return]
    except (ValueError, TypeError) as error:
        if error.args and isinstance(error.args[0], str):
            error.args = (f"output {part.key!r}: {error.args[0]}", *error.args[1:])
        raise


def _optional(part: Part, weight: Any) -> Any:
    """Return the weights of one output; None where there are none for it."""
    if isinstance(weight, Mapping):
        return weight.get(part.key)
    return weight[part.key] if isinstance(part.key, int) and part.key < len(weight) else None


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dict with {', '.join(map(repr, value)) or 'nothing'}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "one tensor" if isinstance(value, Tensor) else type(value).__name__


def _never(output: Any, target: Any) -> Tensor:
    raise RuntimeError("an output without a loss has no value")
