"""Every loss against PyTorch or NumPy: values, gradients, second derivatives, compiled, 16-bit."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from nn.loss_cases import LOSSES, Array, LossCase, function_of

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.nn import losses

RUNS = [(name, i) for name, case in LOSSES.items() for i in range(len(case.options))]
TORCH_RUNS = [(name, i) for name, i in RUNS if LOSSES[name].reference is None]


def operands_of(name: str) -> list[Array]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [np.asarray(operand) for operand in LOSSES[name].operands(rng)]


def tensors(library: Any, arrays: list[Array], leaves: tuple[int, ...], dtype: str) -> list[Any]:
    made = []
    for i, array in enumerate(arrays):
        tensor = library.tensor(array)
        if array.dtype.kind == "f":
            tensor = tensor.to(getattr(library, dtype))
        made.append(tensor.requires_grad_() if i in leaves else tensor)
    return made


def options_of(library: Any, case: LossCase, i: int, dtype: str = "float64") -> dict[str, Any]:
    made = {}
    for name, value in case.options[i].items():
        is_array = isinstance(value, np.ndarray)
        made[name] = library.tensor(value).to(getattr(library, dtype)) if is_array else value
        if library is not pydl and name in case.renamed:
            made[case.renamed[name]] = made.pop(name)
    return made


def reductions_of(case: LossCase) -> list[dict[str, str]]:
    return [{"reduction": reduction} for reduction in case.reductions] or [{}]


def test_every_loss_is_walked():
    walked = {function_of(name) for name in LOSSES}
    functions = {name for name in F.__all__ if name.endswith("_loss") or "cross_entropy" in name}
    assert functions - {"ctc_loss"} <= walked  # of that, see test_ctc.py
    modules = {case.module for case in LOSSES.values()}
    assert {name for name in nn.__all__ if name.endswith("Loss")} - {"CTCLoss"} <= modules
    assert {name for name in losses.__all__ if name.endswith("Loss")} - {"_Loss"} <= modules


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(("name", "i"), TORCH_RUNS)
def test_values_and_gradients_are_those_of_pytorch(name, i):
    torch = pytest.importorskip("torch")
    case, arrays = LOSSES[name], operands_of(name)
    for reduction in reductions_of(case):
        results, gradients = [], []
        for library, functions in ((pydl, F), (torch, torch.nn.functional)):
            made = tensors(library, arrays, case.leaves, "float64")
            function = getattr(functions, function_of(name))
            result = function(*made, **options_of(library, case, i), **reduction)
            weights = np.cos(np.arange(result.detach().numpy().size) + 1.0)
            factor = library.tensor(weights).reshape(tuple(result.shape))
            (result * factor).sum().backward()
            results.append(result.detach().numpy())
            gradients.append([made[leaf].grad.numpy() for leaf in case.leaves])
        assert results[0].shape == results[1].shape
        np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-12)
        for ours, theirs in zip(*gradients, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("name", "i"), [run for run in RUNS if run not in TORCH_RUNS])
def test_values_are_those_of_the_formula(name, i):
    case, arrays = LOSSES[name], operands_of(name)
    assert case.reference is not None
    expected = case.reference(*arrays, **case.options[i])
    function = getattr(F, function_of(name))
    for reduction in reductions_of(case):
        found = function(
            *tensors(pydl, arrays, (), "float64"), **options_of(pydl, case, i), **reduction
        )
        kind = reduction.get("reduction", "none")
        reduced = expected if kind == "none" else getattr(expected, kind)()
        assert found.shape == reduced.shape
        np.testing.assert_allclose(found.numpy(), reduced, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "i"), RUNS)
def test_first_and_second_derivatives_are_those_of_differences(name, i):
    case, arrays = LOSSES[name], operands_of(name)
    made = tensors(pydl, arrays, (), "float64")
    options = options_of(pydl, case, i)
    function = getattr(F, function_of(name))
    if name == "gaussian_nll_loss" and "eps" in options:
        return  # variances below the limit receive a gradient, which no difference shows

    def of_leaves(*leaves):
        given = list(made)
        for place, leaf in zip(case.leaves, leaves, strict=True):
            given[place] = leaf
        return function(*given, **options)

    pydl.testing.check_gradients(of_leaves, [arrays[leaf] for leaf in case.leaves], order=2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize(("name", "i"), RUNS)
def test_other_dtypes_give_nearly_the_same(name, i, dtype):
    case, arrays = LOSSES[name], operands_of(name)
    function = getattr(F, function_of(name))
    # Compare on operands that are exact in this dtype.
    narrow = tensors(pydl, arrays, (), dtype)
    wide = [t.to("float64") if t.dtype.is_floating else t for t in narrow]
    weights = options_of(pydl, case, i, dtype)
    expected = function(
        *wide,
        **{k: v.to("float64") if isinstance(v, pydl.Tensor) else v for k, v in weights.items()},
    ).numpy()
    found = function(*narrow, **weights)
    assert found.dtype.name == dtype
    bound = {"float16": 0.02, "bfloat16": 0.12, "float32": 1e-5}[dtype]
    found = found.to("float64").numpy()
    np.testing.assert_allclose(
        found, expected, rtol=bound, atol=bound * max(1, abs(expected).max())
    )


@pytest.mark.parametrize(("name", "i"), RUNS)
def test_compiled_functions_give_the_same(name, i):
    case, arrays = LOSSES[name], operands_of(name)
    options, function = options_of(pydl, case, i, "float32"), getattr(F, function_of(name))
    leaves = case.leaves

    def loss_and_gradients(*operands):
        given = [
            op.detach().requires_grad_() if i in leaves else op for i, op in enumerate(operands)
        ]
        loss = function(*given, **options)
        loss.sum().backward()
        return (loss.detach(), *(given[leaf].grad for leaf in leaves))

    made = tensors(pydl, arrays, (), "float32")
    eager = loss_and_gradients(*made)
    state = [value for value in options.values() if isinstance(value, pydl.Tensor)]
    compiled = pydl.compile(loss_and_gradients, state=state)(*made)
    for ours, theirs in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, case in LOSSES.items() if case.module])
def test_modules_are_their_functions(name):
    case = LOSSES[name]
    assert case.module is not None
    made = tensors(pydl, operands_of(name), (), "float32")
    for i in range(len(case.options)):
        options = options_of(pydl, case, i, "float32")
        for reduction in reductions_of(case):
            module = getattr(nn, case.module)(**options, **reduction)
            expected = getattr(F, function_of(name))(*made, **options, **reduction)
            np.testing.assert_array_equal(module(*made).numpy(), expected.numpy())
            assert isinstance(repr(module), str)


ONE_SHAPE = [
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "log_cosh_loss", "msle_loss"),
    *("mape_loss", "kl_div", "poisson_nll_loss", "hinge_loss", "squared_hinge_loss"),
    *("soft_margin_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
    *("sigmoid_focal_loss", "dice_loss", "hinge_embedding_loss", "multilabel_soft_margin_loss"),
]


@pytest.mark.parametrize("name", ONE_SHAPE)
def test_a_column_and_a_line_are_refused(name):
    for shapes in (((3, 1), (3,)), ((3,), (3, 1)), ((3,), ())):
        with pytest.raises(ValueError, match=rf"^{name}: expected a target of shape"):
            getattr(F, name)(*map(pydl.ones, shapes))


def test_weights_that_would_enlarge_the_loss_are_refused():
    column, line = pydl.ones((3, 1)) / 2, pydl.ones((3,))
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        with pytest.raises(ValueError, match=rf"^{name}: expected a weight that broadcasts"):
            getattr(F, name)(column, column, weight=line)
    with pytest.raises(ValueError, match="expected pos_weight that broadcasts"):
        F.binary_cross_entropy_with_logits(line, line, pos_weight=column)


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("smooth_l1_loss", (pydl.ones(2), pydl.ones(2)), {"beta": -1.0}, "beta of at least 0, got -1"),
    ("huber_loss", (pydl.ones(2), pydl.ones(2)), {"delta": 0.0}, "delta above 0, got 0"),
    ("multi_margin_loss", (pydl.ones((1, 2)), [1]), {"p": 3}, "p of 1 or 2, got 3"),
    ("softmax_focal_loss", (pydl.ones((1, 2)), [1]), {"gamma": -1.0}, "gamma of at least 0"),
    ("softmax_focal_loss", (pydl.ones((1, 2)), [1]), {"alpha": pydl.ones(3)}, "class weights"),
    ("sigmoid_focal_loss", (pydl.ones(2), pydl.ones(2)), {"alpha": 2.0}, r"alpha in \[0, 1\]"),
    ("nll_loss", (pydl.ones((2, 3)), pydl.ones((2, 3))), {}, "expect class indices of shape"),
    ("nll_loss", (pydl.ones((2, 3)), [0, 1]), {"weight": pydl.ones(2)}, r"of shape \(3,\)"),
    ("multilabel_margin_loss", (pydl.ones((2, 3)), pydl.ones((2, 3))), {}, "integers as target"),
    ("kl_div", (pydl.ones(2), pydl.ones(2)), {"reduction": "max"}, "'batchmean', 'sum' or 'none'"),
    ("gaussian_nll_loss", (pydl.ones((2, 3)), pydl.ones((2, 3)), pydl.ones(3)), {}, "a variance"),
    ("triplet_margin_loss", (pydl.ones((2, 3)), pydl.ones(3), pydl.ones(3)), {}, "positive"),
    ("cosine_embedding_loss", (pydl.ones((2, 3)), pydl.ones((2, 3)), [[1]]), {}, "a target"),
    ("contrastive_loss", (pydl.ones((2, 3)), pydl.ones((2, 3)), [[1]]), {}, "a target of shape"),
    ("bilinear", (pydl.ones((2, 3)), pydl.ones((1, 2)), pydl.ones((4, 3, 2))), {}, "leading axes"),
    ("bilinear", (pydl.ones((2, 3)), pydl.ones((2, 2)), pydl.ones((4, 3))), {}, r"\(O, I, J\)"),
]


@pytest.mark.parametrize(("name", "operands", "options", "message"), WRONG)
def test_wrong_options_are_named(name, operands, options, message):
    with pytest.raises(ValueError, match=rf"^{name}: .*{message}"):
        getattr(F, name)(*operands, **options)


@pytest.mark.parametrize("name", ["nll_loss", "multi_margin_loss", "softmax_focal_loss"])
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_that_are_no_classes_are_refused(name, label):
    with pytest.raises(IndexError, match=rf"^{name}: "):
        getattr(F, name)(pydl.zeros((2, 3)), pydl.tensor([0, label]))


@pytest.mark.parametrize("name", [n for n, case in LOSSES.items() if case.reductions])
def test_an_empty_batch_sums_to_zero(name):
    case, arrays = LOSSES[name], operands_of(name)
    if (arrays[0].ndim == 1 and arrays[-1].ndim == 0) or " of one sample" in name:
        return
    made = [tensor[:0] for tensor in tensors(pydl, arrays, (), "float32")]
    if name == "dice_loss":
        assert F.dice_loss(*made).item() == 0
        return
    function = getattr(F, function_of(name))
    options = {k: v for k, v in case.options[0].items() if not isinstance(v, np.ndarray)}
    assert function(*made, **options, reduction="sum").item() == 0
    assert function(*made, **options, reduction="none").shape[0] == 0


class TestEdges:
    def gradient(self, function, *arrays, **options):
        made = [pydl.tensor(np.array(a, float)) for a in arrays]
        made[0].requires_grad_()
        function(*made, **options).sum().backward()
        return made[0].grad.tolist()

    def test_equal_elements_have_no_gradient_in_errors(self):
        for name in ("l1_loss", "smooth_l1_loss", "huber_loss", "log_cosh_loss", "mse_loss"):
            assert self.gradient(getattr(F, name), [2.0], [2.0]) == [0]
        assert self.gradient(F.mape_loss, [2.0], [2.0]) == [0]

    def test_equal_elements_are_pushed_apart_by_margins(self):
        assert self.gradient(F.margin_ranking_loss, [2.0], [2.0], [1.0]) == [-1]
        assert self.gradient(F.hinge_embedding_loss, [1.0], [-1.0]) == [-1]

    def test_infinite_differences(self):
        infinite = pydl.tensor([np.inf, -np.inf, np.nan], requires_grad=True)
        for name, slope in (("huber_loss", 1.0), ("smooth_l1_loss", 1.0), ("log_cosh_loss", 1.0)):
            loss = getattr(F, name)(infinite, pydl.zeros(3), reduction="none")
            assert loss[:2].tolist() == [np.inf, np.inf] and np.isnan(loss[2].item())
            (gradient,) = pydl.autograd.grad(loss.sum(), [infinite])
            assert gradient[:2].tolist() == [slope, -slope]

    def test_small_differences_keep_their_precision_in_log_cosh(self):
        x = pydl.tensor([1e-3, 1e-6])
        found = F.log_cosh_loss(x, pydl.zeros(2), reduction="none").numpy()
        np.testing.assert_allclose(found, x.numpy().astype(float) ** 2 / 2, rtol=1e-6)

    def test_large_differences_do_not_overflow_in_log_cosh(self):
        found = F.log_cosh_loss(pydl.tensor([1e4]), pydl.zeros(1))
        assert found.item() == pytest.approx(1e4 - np.log(2))

    def test_absent_classes_add_nothing_to_the_divergence(self):
        log_probs = pydl.tensor([-np.inf, 0.0], requires_grad=True)
        loss = F.kl_div(log_probs, pydl.tensor([0.0, 1.0]), reduction="sum")
        loss.backward()
        assert loss.item() == 0 and log_probs.grad.tolist() == [0, -1]
        logs = F.kl_div(log_probs, pydl.tensor([-np.inf, 0.0]), log_target=True, reduction="sum")
        assert logs.item() == 0

    def test_ignored_labels_may_have_infinite_scores(self):
        scores = pydl.tensor([[-np.inf, -1.0], [-1.0, -2.0]], requires_grad=True)
        loss = F.nll_loss(scores, pydl.tensor([-100, 1]))
        loss.backward()
        assert loss.item() == 2 and scores.grad.tolist() == [[0, 0], [0, -1]]

    def test_sure_probabilities(self):
        torch = pytest.importorskip("torch")
        p, t = [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]
        theirs = torch.nn.functional.binary_cross_entropy(
            torch.tensor(p), torch.tensor(t), torch.tensor([1.0, 2.0, 3.0, 4.0]), reduction="none"
        )
        ours = F.binary_cross_entropy(
            pydl.tensor(p), pydl.tensor(t), pydl.tensor([1.0, 2.0, 3.0, 4.0]), reduction="none"
        )
        assert ours.tolist() == theirs.tolist()

    def test_sure_logits_in_focal_losses(self):
        for gamma in (0.5, 2.0):
            x = pydl.tensor([200.0, -200.0], requires_grad=True)
            loss = F.sigmoid_focal_loss(x, pydl.tensor([1.0, 1.0]), gamma=gamma, reduction="sum")
            loss.backward()
            assert loss.item() == pytest.approx(50)
            np.testing.assert_allclose(x.grad.numpy(), [0, -0.25], atol=1e-6)
            scores = pydl.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
            focal = F.softmax_focal_loss(scores, pydl.tensor([0, 0]), gamma=gamma, reduction="none")
            focal.sum().backward()
            assert focal.tolist() == [0, 200]
            np.testing.assert_allclose(scores.grad.numpy(), [[0, 0], [-1, 1]], atol=1e-6)

    def test_variances_below_the_limit_receive_a_gradient(self):
        var = pydl.tensor([0.0, 2.0], requires_grad=True)
        F.gaussian_nll_loss(pydl.ones(2), pydl.zeros(2), var, eps=0.5, reduction="sum").backward()
        np.testing.assert_allclose(var.grad.numpy(), [0.5 * (2 - 4), 0.5 * (0.5 - 0.25)])

    def test_vectors_of_zeros(self):
        torch = pytest.importorskip("torch")
        x, y = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [0.0, 0.0]])
        for name in ("normalize", "cosine_similarity", "pairwise_distance"):
            gradients = []
            for library, functions in ((pydl, F), (torch, torch.nn.functional)):
                a = library.tensor(x).requires_grad_()
                operands = (a,) if name == "normalize" else (a, library.tensor(y))
                getattr(functions, name)(*operands).sum().backward()
                gradients.append(a.grad.numpy())
            assert np.isfinite(gradients[0]).all()
            if name != "cosine_similarity":
                np.testing.assert_allclose(*gradients, rtol=1e-9)

    def test_integers_as_predictions(self):
        assert F.huber_loss(pydl.tensor([3]), pydl.tensor([1])).item() == 1.5
        assert F.mape_loss(pydl.tensor([3]), pydl.tensor([2])).item() == 50
        assert F.hinge_loss(pydl.tensor([0]), pydl.tensor([1])).item() == 1


def test_weights_of_losses_are_saved_and_converted():
    loss = nn.BCEWithLogitsLoss(pydl.ones(3), pydl.ones(3))
    assert set(loss.state_dict()) == {"weight", "pos_weight"}
    assert set(nn.SoftmaxFocalLoss(alpha=0.5).state_dict()) == {"alpha"}
