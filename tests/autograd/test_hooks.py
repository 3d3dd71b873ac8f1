"""Hooks of tensors and modules, and gradients that results keep."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn


def leaf(*values: float) -> pydl.Tensor:
    return pydl.tensor(list(values), requires_grad=True)


# --- tensors --------------------------------------------------------------------------------------


def test_a_hook_of_a_leaf_gets_the_whole_gradient_once() -> None:
    x, seen = leaf(1.0, 2.0), []
    x.register_hook(lambda gradient: seen.append(gradient.tolist()))
    ((x * x).sum() + x.sum() + (3 * x).sum()).backward()
    assert seen == [[6.0, 8.0]]
    assert x.grad.tolist() == [6.0, 8.0]


def test_what_a_hook_returns_takes_the_place_of_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda gradient: gradient * 2)
    x.register_hook(lambda gradient: gradient + 1)
    for _ in range(2):  # the gradients of both passes are added
        x.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_hooks_of_results_change_what_flows_on() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    y.register_hook(lambda gradient: gradient * 10)
    (y * y).sum().backward()
    assert x.grad.tolist() == [180.0, 360.0]


def test_each_result_of_an_op_has_its_own_hooks() -> None:
    x = leaf(3.0, 1.0)
    values, indices = pydl.topk(x, 2)
    seen: list[Any] = []
    values.register_hook(lambda gradient: seen.append(gradient.tolist()))
    (values * pydl.tensor([1.0, 10.0])).sum().backward()
    assert seen == [[1.0, 10.0]] and indices.tolist() == [0, 1]


def test_handles_remove_hooks() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda gradient: gradient * 5)
    with x.register_hook(lambda gradient: gradient * 7):
        (x * 1).sum().backward()
    assert x.grad.tolist() == [35.0]
    handle.remove()
    handle.remove()
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_grad_calls_hooks_of_its_inputs() -> None:
    x = leaf(2.0)
    y = x * x
    x.register_hook(lambda gradient: gradient * 3)
    y.register_hook(lambda gradient: gradient * 5)
    gradients = pydl.grad((y * 1).sum(), [x, y])
    assert [g.tolist() for g in gradients] == [[60.0], [5.0]]
    assert x.grad is None


def test_hooks_are_recorded_with_create_graph() -> None:
    x = leaf(2.0)
    x.register_hook(lambda gradient: gradient * x.detach() * gradient)
    (first,) = pydl.grad((x**3).sum(), x, create_graph=True)
    assert first.tolist() == [288.0]  # x * (3 x^2)^2 with x held constant outside
    (second,) = pydl.grad(first.sum(), x)
    assert second.shape == (1,)


def test_post_accumulate_hooks_see_the_gradient_of_the_leaf() -> None:
    x, seen = leaf(1.0, 2.0), []

    def step(p: pydl.Tensor) -> None:
        seen.append(p.grad.tolist())
        with pydl.no_grad():
            p.copy_(p - p.grad)
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    ((x * x).sum() + x.sum()).backward()
    assert seen == [[3.0, 5.0]]
    assert x.tolist() == [-2.0, -3.0] and x.grad is None


def test_retained_gradients() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    assert not y.retains_grad and not y.is_leaf and y.grad_fn == "multiply" and x.grad_fn is None
    y.retain_grad()
    x.retain_grad()
    assert y.retains_grad and not x.retains_grad
    (y * y).sum().backward(retain_graph=True)
    assert y.grad.tolist() == [6.0, 12.0]
    (y * 1).sum().backward()
    assert y.grad.tolist() == [7.0, 13.0]


def test_a_backward_after_hooks_were_freed_says_so() -> None:
    x = leaf(1.0)
    y = x + 1
    y.register_hook(lambda gradient: gradient * 2)
    z = y.sum()
    z.backward()
    with pytest.raises(RuntimeError, match="hooks of a result of add were freed.*retain_graph"):
        z.backward()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda g: g.sum(),
            r"register_hook: expected the hook to return a gradient of shape \(2,\)",
        ),
        (lambda g: g.astype("int64"), "register_hook: expected the hook .*float32, got .* int64"),
        (lambda g: "text", "register_hook: expected the hook to return a tensor or None, got str"),
    ],
)
def test_wrong_results_of_hooks(make: Any, message: str) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(make)
    with pytest.raises((TypeError, ValueError), match=message):
        x.sum().backward()


def test_errors_in_hooks_leave_the_engine_usable() -> None:
    x = leaf(1.0)

    def fail(gradient: pydl.Tensor) -> None:
        raise KeyError("mine")

    with x.register_hook(fail), pytest.raises(KeyError, match="mine"):
        (x * x).sum().backward()
    assert pydl.is_grad_enabled() and x.grad is None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0]


def test_hooks_need_a_gradient() -> None:
    with pytest.raises(
        RuntimeError, match="register_hook: the tensor of shape .* does not require"
    ):
        pydl.ones(2).register_hook(print)
    with pytest.raises(RuntimeError, match="retain_grad: .* does not require"):
        pydl.ones(2).retain_grad()
    with pytest.raises(RuntimeError, match="expected a leaf, got the result of multiply"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_hooks_keep_no_graph_alive() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    for _ in range(3):
        x = leaf(1.0)
        y = x.exp()
        y.retain_grad()
        y.register_hook(lambda gradient, y=y: gradient * y.detach())
        x.register_hook(lambda gradient: gradient * 2)
        y.sum().backward()
        del x, y
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_hooks_in_threads() -> None:
    x = leaf(1.0, 2.0)
    counts: list[int] = []
    x.register_hook(lambda gradient: counts.append(1))

    def work() -> None:
        for _ in range(20):
            pydl.grad((x * x).sum(), x)
            x.register_hook(lambda gradient: None).remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 60


# --- compiled -------------------------------------------------------------------------------------


def test_hooks_of_parameters_run_once_in_compiled_steps() -> None:
    layer = nn.Linear(2, 1, bias=False)
    calls: list[int] = []

    def double(gradient: pydl.Tensor) -> pydl.Tensor:
        calls.append(1)
        return gradient * 2

    handle = layer.weight.register_hook(double)
    step = pydl.compile(lambda x: layer(x).sum().backward(), state=[layer])
    x = pydl.ones((3, 2))
    step(x)
    assert layer.weight.grad.tolist() == [[6.0, 6.0]] and calls == [1]
    layer.weight.grad = None
    handle.remove()
    step(x)  # another set of hooks: traced again
    assert layer.weight.grad.tolist() == [[3.0, 3.0]] and step.traces == 2


def test_hooks_of_parameters_run_once_for_results_of_compiled_functions() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.register_hook(lambda gradient: gradient * 2)
    forward = pydl.compile(layer)
    for _ in range(2):
        layer.weight.grad = None
        forward(pydl.ones((3, 2))).sum().backward()
        assert layer.weight.grad.tolist() == [[6.0, 6.0]]


def test_hooks_of_results_inside_of_compiled_functions() -> None:
    def f(x: pydl.Tensor) -> pydl.Tensor:
        y = x * 3
        y.register_hook(lambda gradient: gradient * 10)
        return (y * y).sum()

    for function in (f, pydl.compile(f)):
        x = leaf(1.0, 2.0)
        function(x).backward()
        assert x.grad.tolist() == [180.0, 360.0]


def test_checkpoint_calls_hooks_of_parameters_once() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.register_hook(lambda gradient: gradient * 2)
    pydl.checkpoint(layer, pydl.ones((3, 2))).sum().backward()
    assert layer.weight.grad.tolist() == [[6.0, 6.0]]


def test_a_hook_that_reads_in_a_trace_is_refused() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.register_hook(lambda gradient: print(gradient.sum().item()))
    step = pydl.compile(lambda x: layer(x).sum().backward(), state=[layer])
    with pytest.raises(pydl.TraceError):
        step(pydl.ones((3, 2)))


# --- modules --------------------------------------------------------------------------------------


def model() -> nn.Sequential:
    pydl.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def test_features_by_forward_hooks() -> None:
    net, features = model(), {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda m, args, y, name=name: features.update({name: y}))
    y = net(pydl.ones((4, 2)))
    assert {name: f.shape for name, f in features.items()} == {
        "0": (4, 3), "1": (4, 3), "2": (4, 1), "": (4, 1)
    }  # fmt: skip
    assert features[""].tolist() == y.tolist()


def test_forward_hooks_change_inputs_and_outputs_in_order() -> None:
    layer, order = nn.ReLU(), []

    def note(name: str, factor: float) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], y: Any) -> Any:
            order.append(name)
            return y * factor

        return hook

    layer.register_forward_hook(note("a", 2.0))
    layer.register_forward_hook(note("b", 3.0))
    layer.register_forward_hook(note("first", 1.0), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: args[0] + 1)
    assert layer(pydl.tensor([1.0, -5.0])).tolist() == [12.0, 0.0]
    assert order == ["first", "a", "b"]


def test_hooks_with_kwargs() -> None:
    class Scale(nn.Module):
        def forward(self, x: Any, *, factor: float = 1.0) -> Any:
            return x * factor

    layer = Scale()
    layer.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True
    )
    layer.register_forward_hook(lambda m, args, kwargs, y: y + kwargs["factor"], with_kwargs=True)
    assert layer(pydl.ones(2), factor=2.0).tolist() == [6.0, 6.0]


def test_full_backward_hooks() -> None:
    net, seen = model(), []
    net[1].register_full_backward_hook(lambda m, gx, gy: seen.append((gx[0], gy[0])))
    x = pydl.ones((4, 2))
    net(x).sum().backward()
    hidden = net[1](net[0](x)).detach()
    gy = pydl.ones((4, 1)) @ net[2].weight.detach()
    assert np.allclose(seen[0][1].numpy(), gy.numpy())
    assert np.allclose(seen[0][0].numpy(), (gy * (1 - hidden * hidden)).numpy(), atol=1e-6)


def test_backward_hooks_replace_gradients_and_are_removed() -> None:
    layer = nn.ReLU()
    before = layer.register_full_backward_pre_hook(lambda m, gy: gy[0] * 2)
    after = layer.register_backward_hook(lambda m, gx, gy: (gx[0] + 1,))
    x = leaf(-1.0, 3.0)
    layer(x).sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]
    before.remove()
    after.remove()
    x.grad = None
    layer(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_backward_hooks_without_inputs_that_require_gradients() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, gx, gy: seen.append((gx, gy[0].shape)))
    layer(pydl.ones((3, 2))).sum().backward()
    assert seen == [((None,), (3, 1))]


def test_wrong_results_of_backward_hooks() -> None:
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda m, gx, gy: (gx[0].sum(),))
    with pytest.raises(
        ValueError, match=r"ReLU: a backward hook returned \(shape \(\)\), expected"
    ):
        layer(leaf(1.0, 2.0)).sum().backward()
    with pytest.raises(TypeError, match="ReLU: expected a function as hook, got int"):
        layer.register_forward_hook(3)  # type: ignore[arg-type]


def test_module_hooks_in_compiled_functions() -> None:
    net = model()
    x = pydl.ones((4, 2))
    plain = net(x).tolist()
    run = pydl.compile(net)
    assert np.allclose(run(x).tolist(), plain)
    handle = net[0].register_forward_hook(lambda m, args, y: y * 0)
    changed = net(x).tolist()
    assert np.allclose(run(x).tolist(), changed) and changed != plain
    handle.remove()
    assert np.allclose(run(x).tolist(), plain)


def test_backward_hooks_in_compiled_steps() -> None:
    net = model()
    net[1].register_full_backward_hook(lambda m, gx, gy: (gx[0] * 2,))
    x = pydl.ones((4, 2))
    net(x).sum().backward()
    expected = net[0].weight.grad.tolist()
    net.zero_grad()
    pydl.compile(lambda x: net(x).sum().backward(), state=[net])(x)
    assert np.allclose(net[0].weight.grad.tolist(), expected)


def test_module_hooks_that_keep_a_tensor_of_a_trace_are_refused() -> None:
    net, features = model(), {}
    net[0].register_forward_hook(lambda m, args, y: features.update(first=y))
    with pytest.raises(pydl.TraceError, match="keeps a tensor"):
        pydl.compile(net)(pydl.ones((4, 2)))


def test_module_hooks_keep_nothing_alive() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    net = model()
    net.register_full_backward_hook(lambda m, gx, gy: None)
    vars(net)["last"] = net(leaf(1.0, 2.0))  # a module that holds its own output
    del net
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    seen: dict[str, list[Any]] = {"pydl": [], "torch": []}
    weight = np.array([[0.5, -1.0], [2.0, 1.0]], np.float32)
    data = np.array([[1.0, 2.0], [3.0, -4.0]], np.float32)
    for name, lib, layer in (
        ("pydl", pydl, nn.Linear(2, 2, bias=False)),
        ("torch", torch, torch.nn.Linear(2, 2, bias=False)),
    ):
        with lib.no_grad():
            layer.weight.copy_(lib.tensor(weight))
        log = seen[name]
        layer.register_full_backward_pre_hook(lambda m, gy, log=log: log.append(gy[0].tolist()))
        layer.register_full_backward_hook(
            lambda m, gx, gy, log=log: log.append([gx[0].tolist(), gy[0].tolist()])
        )
        x = lib.tensor(data, requires_grad=True)
        x.register_hook(lambda g, log=log: log.append(g.tolist()))
        (layer(x) ** 2).sum().backward()
        log.append(x.grad.tolist())
    assert seen["pydl"] == seen["torch"]
