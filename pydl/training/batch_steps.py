"""What a trainer does with one batch: its steps, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl._core import Tensor, get_rng_state, set_rng_state
from pydl._warnings import warn
from pydl.autograd.gradients import grad
from pydl.grad_mode import no_grad
from pydl.nn.constraints import apply_constraints, has_constraints
from pydl.nn.lazy import is_lazy
from pydl.nn.module import Module
from pydl.nn.penalties import has_penalties, penalty
from pydl.optim import Optimizer
from pydl.training.alignment import Alignment, aligned_for_loss
from pydl.training.known_batches import KnownBatches
from pydl.training.layout import Layout, call, layout_of, takes_keywords
from pydl.training.mode import in_mode
from pydl.training.nonfinite import all_finite
from pydl.training.objective import Term, Values, divided, make_objective
from pydl.training.optimizer_choice import checked_rate, optimizer_factory
from pydl.training.own_steps import (
    call_loss,
    checked_logs,
    first_leaf,
    loss_and_more,
    packed,
    unpacked,
)
from pydl.training.sources import Source
from pydl.training.steps import StepOptions, Steps

if TYPE_CHECKING:
    from pydl.training.run import Run
    from pydl.training.saving import Example

# One value for the only output, or a dict or a list with one for each output.
PerOutput = Any


class BatchSteps:
    """The steps of a `Trainer`, which adds the loops around them.

    A step is forward, loss, backward and update, or a part of these; parts that the model overrides
    are called instead. Parameters and errors are those of `Trainer`.
    """

    _trains = True

    def __init__(
        self,
        model: Module,
        optimizer: str | Optimizer | type[Optimizer] | None = "adam",
        loss: PerOutput = "cross_entropy",
        metrics: PerOutput = None,
        *,
        loss_weights: PerOutput = None,
        weighted_metrics: PerOutput = None,
        learning_rate: float | Callable[[int], float] | None = None,
        jit: bool = True,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"Trainer: expected a Module, got {type(model).__name__}")
        _require_known_methods(type(model))
        self.model = model
        self.stop_training = False
        last_layer = getattr(type(model), "_last_layer", lambda model: None)(model)
        own_loss = self._own("compute_loss") is not None
        self._objective = make_objective(
            loss, metrics, weighted_metrics, loss_weights, last_layer, own_loss
        )
        if not (learning_rate is None or callable(learning_rate)):
            learning_rate = checked_rate(learning_rate)
        if optimizer is None and self._own("train_step") is None:
            raise TypeError(
                "compile: expected an optimizer; None is for models with a train_step of their own"
            )
        self._optimizer_spec = optimizer_factory(optimizer)
        self._learning_rate = learning_rate
        if isinstance(learning_rate, float) and isinstance(optimizer, Optimizer):
            optimizer.lr = learning_rate
        self.optimizer: Optimizer | None = None
        self._jit = jit
        self._steps: Steps | None = None
        self._known = KnownBatches()
        self._alignment = Alignment("compute_loss")
        self._training: Run | None = None  # the `fit` that runs, or ran last
        self._resumed: dict[str, Tensor] = {}  # what the next one goes on from
        # Of the inputs and the target seen last: for `summary` and `save`.
        self._example: tuple[tuple[Example, ...], Layout] | None = None
        if not is_lazy(model) and any(True for _ in model.parameters()):
            self._bind_optimizer()

    def _own(self, method: str) -> Callable[..., Any] | None:
        """Return a method that the model, or a subclass of the trainer, overrides."""
        from pydl.training.model import Model

        if getattr(type(self), method) is not getattr(BatchSteps, method):
            return getattr(self, method)  # type: ignore[no-any-return]
        found = getattr(type(self.model), method, None)
        if found is None or found is getattr(Model, method):
            return None
        return getattr(self.model, method)  # type: ignore[no-any-return]

    def _bind_optimizer(self) -> Optimizer | None:
        """Return the optimiser; one chosen by name is replaced when parameters have changed."""
        if self._optimizer_spec is None:
            return None
        own = list(self.model.parameters())
        identities = {id(parameter) for parameter in own}
        if isinstance(self._optimizer_spec, Optimizer):
            self.optimizer = self._optimizer_spec
            if identities.isdisjoint(map(id, self.optimizer.parameters)):
                raise ValueError(
                    f"{type(self.model).__name__}: the optimizer has none of the model's "
                    "parameters; make it after the model is built and converted"
                )
            self._warn_of_replaced(self.optimizer, identities)
        elif self.optimizer is None or {id(p) for p in self.optimizer.parameters} != identities:
            self.optimizer = self._optimizer_spec(own)
            if isinstance(self._learning_rate, float):
                self.optimizer.lr = self._learning_rate
        return self.optimizer

    def _warn_of_replaced(self, optimizer: Optimizer, own: set[int]) -> None:
        """Warn where the optimiser has parameters of a layer that another one has replaced."""
        held = set(map(id, optimizer.parameters))
        if held <= own:
            return  # perhaps of a part of the model, by intention
        of_losses = (f.parameters() for f in self._objective.functions() if isinstance(f, Module))
        known = own.union(id(parameter) for each in of_losses for parameter in each)
        missing = [
            name
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad and id(parameter) not in held
        ]
        if missing and not held <= known:
            warn(
                f"{type(self.model).__name__}: the optimizer has parameters that the model does "
                f"not have, but not {missing[0]!r}, which is not trained; after replacing a layer, "
                "make the optimizer anew, and compile with it"
            )

    def _make_lazy_layers(self, verb: str, source: Source) -> None:
        """Let lazy layers find their sizes from the first batch, which is not used up."""
        if not is_lazy(self.model):
            return
        if source.loader is None:
            raise ValueError(
                f"{verb}: the model has lazy layers, whose sizes are not known yet; call it once "
                "with inputs, because the first batch of a generator would be lost"
            )
        random, order = get_rng_state(), source.loader.state_dict()
        columns, layout = next(iter(source.epoch()))
        source.loader.load_state_dict(order)
        set_rng_state(random)
        x, _, _ = layout.build(columns)
        with in_mode(self.model, training=False), no_grad():
            call(self.model, x, takes_keywords(self.model, layout.inputs))

    def _set_learning_rate(self) -> None:
        """Set the rate of the next step where it is a function of their number."""
        if callable(self._learning_rate) and self.optimizer is not None:
            self.optimizer.lr = float(self._learning_rate(self.optimizer.steps))

    def __getstate__(self) -> dict[str, Any]:
        # Copies compile their own steps: programs belong to the tensors they were made for.
        return vars(self) | {"_steps": None, "_training": None, "_known": KnownBatches()}

    def _usual_step(self, method: str, *arguments: Any) -> Any:
        """Call the step of this class, which models and subclasses of the trainer may override."""
        return getattr(BatchSteps, method)(self, *arguments)

    # --- steps ------------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Train on one batch; see `Model.train_step`."""
        x, y, weight = unpacked(data)
        computed = self._forward_loss(x, y, weight)
        self._update(computed.loss)
        return self._batch_logs(self._values(computed, y, weight, plain=False), y)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Measure one batch; see `Model.test_step`."""
        x, y, weight = unpacked(data)
        computed = self._forward_loss(x, y, weight)
        return self._batch_logs(self._values(computed, y, weight, plain=False), y)

    def predict_step(self, data: Any) -> Any:
        """Compute the outputs of one batch; see `Model.predict_step`."""
        _, layout = layout_of(data)
        return call(self.model, data, takes_keywords(self.model, layout.inputs))

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return what is minimised; see `Model.compute_loss`."""
        return self._objective.loss(y_pred, y, sample_weight)[0]

    def _forward_loss(self, x: Any, y: Any, weight: Any, keywords: bool | None = None) -> Computed:
        """Compute outputs and losses."""
        if keywords is None:
            keywords = takes_keywords(self.model, layout_of(x)[1].inputs)
        output = call(self.model, x, keywords)
        own, parts, more = self._own("compute_loss"), list[Tensor](), dict[str, Tensor]()
        if own is None:
            loss, parts = self._objective.loss(output, y, weight)
        else:
            y = aligned_for_loss(self._alignment, self.model, own, x, y, output)
            loss, more = loss_and_more(call_loss(own, x, y, output, weight))
        if has_penalties(self.model):
            loss = loss + penalty(self.model).to(loss.dtype)
        return Computed(output, loss, parts, more)

    def _values(self, computed: Computed, y: Any, weight: Any, plain: bool) -> Values:
        """Return what `Averages` takes."""
        output, loss, parts, more = computed
        return self._objective.values(loss, parts, output, y, weight, plain, more)

    def _update(self, loss: Tensor) -> None:
        """Update the parameters by the gradients of a loss."""
        if self.optimizer is None:
            raise RuntimeError(
                f"{type(self.model).__name__}: compile got optimizer=None, so that only a "
                "train_step that updates the parameters itself can train; give compile an "
                "optimizer for the usual step"
            )
        _require_gradient(loss)
        self.optimizer.zero_grad()
        loss.backward()
        self._update_step()

    def _fit_step(self, columns: tuple[Any, ...], options: StepOptions) -> Values:
        """Update the parameters by one batch; returns what `Averages` takes."""
        x, y, weight = options.layout.build(columns)
        computed = self._forward_loss(x, y, weight, options.keywords)
        self._update(computed.loss)
        return self._values(computed, y, weight, options.plain)

    def _gradient_step(
        self, columns: tuple[Any, ...], options: StepOptions, scale: Tensor | None = None
    ) -> tuple[Values, Tensor, list[list[Tensor | None]]]:
        """Compute the gradients of one batch, and whether they are finite.

        With a scale, what is minimised is the scale times the sum over what counts. Unless the
        batch is the first of its group, gradients are added to those before; those of the terms
        after the first one are returned by themselves.
        """
        x, y, weight = options.layout.build(columns)
        computed = self._forward_loss(x, y, weight, options.keywords)
        loss = computed.loss
        _require_gradient(loss)
        if options.first:
            assert self.optimizer is not None
            self.optimizer.zero_grad()
        values = self._values(computed, y, weight, options.plain)
        if scale is None:
            loss.backward()
            return values, all_finite(p.grad for p in self.model.parameters()), []
        samples = options.layout.size_of(columns)
        terms = self._objective.terms(loss, computed.parts, values, has_penalties(self.model))
        first, *others = (_scaled(term, samples, scale) for term in terms)
        parameters = self._learning()
        found: list[list[Tensor | None]] = [
            list(grad(other, parameters, retain_graph=True, allow_unused=True)) for other in others
        ]
        first.backward()
        gradients = [gradient for each in found for gradient in each]
        finite = all_finite([*(p.grad for p in parameters), *gradients])
        return values, finite, found

    def _learning(self) -> list[Tensor]:
        """Return the parameters whose gradients are accumulated."""
        assert self.optimizer is not None
        return [parameter for parameter in self.optimizer.parameters if parameter.requires_grad]

    def _terms(self, values: Values) -> list[Term]:
        """Return the terms of what was minimised in a step, as far as what counts in them."""
        parts = [value[0] for value in values[1 : 1 + len(self._objective.reported)]]
        return self._objective.terms(values[0][0], parts, values, has_penalties(self.model))

    def _update_step(self, _: tuple[()] = ()) -> None:
        """Update the parameters by the gradients that they have."""
        assert self.optimizer is not None
        self.optimizer.step()
        if has_constraints(self.model):
            apply_constraints(self.model)

    def _evaluation_step(self, columns: tuple[Any, ...], options: StepOptions) -> Values:
        """Compute loss and metrics of one batch."""
        x, y, weight = options.layout.build(columns)
        computed = self._forward_loss(x, y, weight, options.keywords)
        return self._values(computed, y, weight, options.plain)

    def _prediction_step(self, columns: tuple[Any, ...], options: StepOptions) -> Any:
        """Compute the outputs of one batch."""
        x, _, _ = options.layout.build(columns)
        own = self._own("predict_step")
        return call(self.model, x, options.keywords) if own is None else own(x)

    def _own_step(self, method: str) -> Callable[..., dict[str, Tensor]]:
        """Return a step that calls a method of the user's."""
        own = self._own(method)
        assert own is not None

        def step(columns: tuple[Any, ...], options: StepOptions) -> dict[str, Tensor]:
            return checked_logs(method, own(packed(*options.layout.build(columns))))

        return step

    def _run(self, verb: str, *arguments: Any) -> Any:
        """Run a step, as a program where that is possible."""
        steps = self._steps
        if steps is None or steps.optimizer is not self.optimizer:
            functions: dict[str, Callable[..., Any]] = {
                "fit": self._fit_step,
                "gradients": self._gradient_step,
                "update": self._update_step,
                "evaluate": self._evaluation_step,
                "predict": self._prediction_step,
            }
            for name, method in (("fit", "train_step"), ("evaluate", "test_step")):
                if self._own(method) is not None:
                    functions[name] = self._own_step(method)
            steps = self._steps = Steps(functions, self._parts(), self.optimizer, self._jit)
        return steps.run(verb, *arguments)

    def _parts(self) -> list[Any]:
        """Return what steps use besides the batch: losses and metrics may have tensors."""
        owners = [self.model, *self.model.modules(), self]
        others = [v for owner in owners for v in vars(owner).values() if isinstance(v, Optimizer)]
        parts = [self.model, self.optimizer, *others, *self._objective.functions()]
        unique = {id(part): part for part in parts if isinstance(part, (Module, Optimizer))}
        return list(unique.values())

    def _batch_logs(self, values: Values, target: Any) -> dict[str, Tensor]:
        """Return the loss and the metrics of one batch by name, as tensors."""
        samples = first_leaf(target).shape[0] if target is not None else 1
        reported = self._objective.reported
        logs = {"loss": values[0][0]}
        for part, loss in zip(reported, values[1:], strict=False):
            logs[f"{part.name}_loss"] = loss[0]
        values, more = divided(values)
        logs |= more
        totals = values[1 + len(reported) :]
        for (name, metric), given in zip(self._objective.metrics.items(), totals, strict=True):
            logs[name] = metric.result(*metric._sums(given, samples))
        return logs


class Computed(NamedTuple):
    """What a forward pass computes: outputs, what is minimised, the losses of outputs, and more."""

    output: Any
    loss: Tensor
    parts: list[Tensor]
    more: dict[str, Tensor]  # what a loss of one's own reports


# Methods of modules of Lightning, which would never be called, and what to write instead.
_INSTEAD = {
    "training_step": "train_step(self, data), or compute_loss(self, x, y, y_pred, sample_weight)",
    "validation_step": "test_step(self, data)",
    "configure_optimizers": "compile(optimizer), with a schedule in a LearningRateScheduler",
}


def _require_known_methods(kind: type) -> None:
    for name, instead in _INSTEAD.items():
        if hasattr(kind, name):
            raise TypeError(
                f"compile: {kind.__name__}.{name} would never be called; write {instead}"
            )


def _scaled(term: Term, samples: int, scale: Tensor) -> Tensor:
    """Return a term as a sum over what counts, times a scale."""
    if term.is_sum:
        return term.value
    count = samples if term.counted is None else term.counted.to("float64")
    return term.value * (scale * count).to(term.value.dtype)


def _require_gradient(loss: Tensor) -> None:
    if not loss.requires_grad:
        raise ValueError(
            "fit: the loss does not depend on a parameter that learns; all are frozen, or the "
            "model or the loss computes with detach(), no_grad() or NumPy"
        )
