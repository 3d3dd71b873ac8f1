"""Penalties and constraints: values, gradients, training, copies, compiled steps."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pydl
from pydl import nn


def _model():
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    nn.add_penalty(model[0], l1=0.01, l2=0.1)
    nn.add_penalty(model[0], l2=0.5, name="bias")
    nn.add_constraint(model[2], nn.MaxNorm(0.25))
    return model


def test_values_and_gradients():
    model = _model()
    w, b = (t.detach().numpy().astype("float64") for t in (model[0].weight, model[0].bias))
    value = nn.penalty(model)
    expected = 0.01 * np.abs(w).sum() + 0.1 * (w**2).sum() + 0.5 * (b**2).sum()
    np.testing.assert_allclose(float(value), expected, rtol=1e-6)
    value.backward()
    np.testing.assert_allclose(
        model[0].weight.grad.numpy(), 0.01 * np.sign(w) + 0.2 * w, rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(model[0].bias.grad.numpy(), b, rtol=1e-6)
    assert model[2].weight.grad is None


def test_nothing_without_any():
    model = nn.Sequential(nn.Linear(2, 2))
    assert not nn.has_penalties(model) and not nn.has_constraints(model)
    assert nn.penalty(model).shape == () and float(nn.penalty(model)) == 0.0
    nn.apply_constraints(model)
    assert "penalt" not in repr(model)


def test_a_second_call_replaces_and_zero_removes():
    layer = nn.add_penalty(nn.Linear(2, 2), l1=1.0)
    nn.add_penalty(layer, l2=2.0)
    assert "penalty(weight)=2*l2" in repr(layer) and "l1" not in repr(layer)
    nn.add_penalty(layer)
    assert not nn.has_penalties(layer)
    nn.add_constraint(layer, nn.NonNeg())
    nn.add_constraint(layer, None)
    assert not nn.has_constraints(layer)


def test_a_shared_layer_counts_once():
    shared = nn.add_penalty(nn.Linear(3, 3), l2=1.0)
    alone = float(nn.penalty(shared))
    assert float(nn.penalty(nn.ModuleList([shared, nn.Sequential(shared)]))) == alone


def test_sixteen_bits_do_not_overflow():
    layer = nn.Linear(300, 300).to("float16")
    nn.init.constant_(layer.weight, 2.0)
    nn.add_penalty(layer, l2=1.0)
    assert nn.penalty(layer).dtype == "float32"
    assert float(nn.penalty(layer)) == 360_000.0
    nn.init.constant_(layer.weight, 300.0)
    nn.add_constraint(layer, nn.MaxNorm(1.0))
    nn.apply_constraints(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), 300**-0.5, rtol=1e-3)


def test_computed_weights():
    layer = nn.add_penalty(nn.utils.weight_norm(nn.Linear(3, 2)), l2=1.0)
    nn.penalty(layer).backward()
    assert layer.weight_g.grad is not None
    with pytest.raises(ValueError, match="computed from other tensors"):
        nn.add_constraint(layer, nn.NonNeg())


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_and_pickles_keep_them(again):
    model = _model()
    other = again(model)
    assert repr(other) == repr(model) and "constraint(weight)=MaxNorm(0.25)" in repr(other)
    assert float(nn.penalty(other)) == float(nn.penalty(model))
    assert nn.has_constraints(other)


def _norms(weight, axes):
    return np.sqrt((weight.astype("float64") ** 2).sum(axis=axes, keepdims=True))


@pytest.mark.parametrize("shape", [(3, 4), (5, 2, 3, 3), (7,), (0, 3), (3, 0)])
def test_constraints_against_formulas_of_keras(shape):
    weight = np.random.default_rng(0).normal(size=shape).astype("float32") * 2
    axes = tuple(range(1, len(shape))) or (0,)
    norms = _norms(weight, axes)
    expected = {
        nn.MaxNorm(1.5): weight * np.clip(norms, 0, 1.5) / (1e-7 + norms),
        nn.UnitNorm(): weight / (1e-7 + norms),
        nn.NonNeg(): weight * (weight >= 0),
        nn.MinMaxNorm(1.5, 2.0, rate=0.25): weight
        * (0.25 * np.clip(norms, 1.5, 2.0) + 0.75 * norms)
        / (1e-7 + norms),
    }
    for constraint, value in expected.items():
        result = constraint(pydl.asarray(weight))
        np.testing.assert_allclose(result.numpy(), value, rtol=1e-5, atol=1e-6)


def test_axes_zero_weights_and_bits():
    weight = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    result = nn.UnitNorm(axes=(0, 2))(pydl.asarray(weight)).numpy()
    np.testing.assert_allclose(_norms(result, (0, 2)), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(nn.MaxNorm(1e9)(pydl.asarray(weight)).numpy(), weight)
    for constraint in (nn.MaxNorm(1.0), nn.UnitNorm(), nn.MinMaxNorm(0.5, 1.0), nn.NonNeg()):
        assert not constraint(pydl.zeros((2, 3))).numpy().any()
        assert np.isnan(constraint(pydl.full((2, 3), float("nan"))).numpy()).all()
    assert not nn.MaxNorm(0.0)(pydl.ones((2, 3))).numpy().any()


def test_frozen_parameters_stay():
    layer = nn.add_constraint(nn.Linear(2, 2), nn.NonNeg())
    nn.init.constant_(layer.weight, -1.0)
    layer.trainable = False
    nn.apply_constraints(layer)
    assert layer.weight.tolist() == [[-1.0, -1.0], [-1.0, -1.0]]


def test_compiled_steps_compute_the_same():
    x = pydl.asarray(np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
    results = []
    for compiled in (False, True):
        model = _model()
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.5)

        def step(x, model=model, optimizer=optimizer):
            loss = model(x).square().mean() + nn.penalty(model)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            nn.apply_constraints(model)
            return loss

        if compiled:
            step = pydl.compile(step, state=[model, optimizer])
        losses = [float(step(x)) for _ in range(3)]
        # A change is noticed.
        nn.add_penalty(model[0], l1=3.0)
        losses.append(float(step(x)))
        results.append((losses, model[2].weight.detach().numpy().copy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-5, atol=1e-6)
    assert _norms(results[1][1], (1,)).max() < 0.2501


def test_wrong_calls():
    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="add_penalty: expected l1 of at least 0, got -1"):
        nn.add_penalty(layer, l1=-1.0)
    with pytest.raises(ValueError, match="Linear has no parameter 'wieght'; it has weight, bias"):
        nn.add_penalty(layer, l1=1.0, name="wieght")
    with pytest.raises(ValueError, match="Sequential has no parameter 'weight'; it has none"):
        nn.add_constraint(nn.Sequential(layer), nn.NonNeg())
    with pytest.raises(TypeError, match=r"got NonNeg; write NonNeg\(\)"):
        nn.add_constraint(layer, nn.NonNeg)
    with pytest.raises(TypeError, match="expected a Module, got Parameter"):
        nn.add_penalty(layer.weight, l1=1.0)
    nn.add_constraint(layer, lambda w: w[0])
    with pytest.raises(ValueError, match=r"returned shape \(2,\) for a parameter"):
        nn.apply_constraints(layer)
    for make in (
        lambda: nn.MaxNorm(-1),
        lambda: nn.MinMaxNorm(2, 1),
        lambda: nn.MinMaxNorm(rate=2),
    ):
        with pytest.raises(ValueError, match="Norm: expected"):
            make()
