"""Passes: switches, what each of them does, and what they must keep apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, PASSES, assert_same, check_calls, run_alone

import pydl
from pydl import _core, nn

each_choice = pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)


def random(*shape: int, seed: int = 0, dtype: str = "float64") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


# --- sparse updates -------------------------------------------------------------------------------


def _embedding_step(without: tuple[str, ...] = (), **options: Any) -> tuple[Any, Any]:
    """Parameters after three steps, and the compiled function."""
    pydl.manual_seed(0)
    table, head = nn.Embedding(50, 8, padding_idx=3), nn.Linear(8, 2)
    parameters = [*table.parameters(), *head.parameters()]
    optimizer = pydl.optim.SGD(parameters, lr=0.1, **options)

    def step(words: pydl.Tensor) -> pydl.Tensor:
        optimizer.zero_grad()
        loss = head(table(words)).square().sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    compiled = pydl.compile(step, state=[table, head, optimizer], without=without)
    for seed in range(3):
        compiled(pydl.tensor(np.random.default_rng(seed).integers(0, 9, (4, 6))))
    return [p.detach().copy() for p in parameters], compiled


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}])
def test_sparse_updates_change_nothing_but_the_work(options: dict[str, Any]) -> None:
    found, compiled = _embedding_step(**options)
    expected, dense = _embedding_step(("sparse_updates",), **options)
    assert_same(found, expected)

    def names(function: Any) -> list[str]:
        return [step["name"] for step in function.programs[0].steps()]

    assert ("sgd_update_rows" in names(compiled)) == (not options)
    assert ("take_backward" in names(compiled)) == bool(options)
    assert "take_backward" in names(dense)


def test_sparse_updates_of_a_table_alone() -> None:
    table = nn.Embedding(5, 2, weight=np.ones((5, 2)))
    optimizer = pydl.optim.SGD(table.parameters(), lr=0.5)

    @pydl.compile(state=[table, optimizer])
    def step(words: pydl.Tensor) -> None:
        optimizer.zero_grad()
        table(words).sum().backward()
        optimizer.step()

    for _ in range(2):
        step(pydl.tensor([1, 3, 1]))
    assert table.weight[:, 0].tolist() == [1.0, -1.0, 1.0, 0.0, 1.0]
    with pytest.raises(IndexError, match="index 5"):
        step(pydl.tensor([1, 5, 1]))
    assert table.weight[:, 0].tolist() == [1.0, -1.0, 1.0, 0.0, 1.0]


def test_gradients_that_are_kept_are_made() -> None:
    table = nn.Embedding(5, 2, weight=np.ones((5, 2)))
    optimizer = pydl.optim.SGD(table.parameters(), lr=0.5)

    @pydl.compile(state=[table, optimizer])
    def step(words: pydl.Tensor) -> pydl.Tensor:
        optimizer.zero_grad()
        table(words).sum().backward()
        assert table.weight.grad is not None
        norm = table.weight.grad.square().sum()
        optimizer.step()
        return norm

    assert step(pydl.tensor([1, 3, 1])).item() == 10.0
    assert table.weight[:, 0].tolist() == [1.0, 0.0, 1.0, 0.5, 1.0]


# --- switches -------------------------------------------------------------------------------------


def test_names_of_passes() -> None:
    documented = pydl.compile.__doc__ or ""
    assert PASSES
    for name in PASSES:
        assert f'"{name}"' in documented, name


def test_unknown_pass_is_named() -> None:
    with pytest.raises(ValueError, match="'fuse_everything'.*fuse_elementwise"):
        pydl.compile(lambda x: x, without=["fuse_everything"])


def test_dead_chain_without_dead_code() -> None:
    result = run_alone(
        """
        import pydl

        def function(x):
            (x * 2.0).exp()
            return x + 1.0

        print(pydl.compile(function, without=["dead_code"])(pydl.ones(2)).tolist())
        """
    )
    assert result.returncode == 0
    assert result.stdout.strip() == "[2.0, 2.0]"


def test_without_passes_less_is_done() -> None:
    """Each pass has the effect that its name says, seen in the program."""

    def function(x: pydl.Tensor) -> pydl.Tensor:
        unused = x.softmax()
        del unused
        a = (x * 1.0).softmax() + (x * 1.0).softmax()
        for _ in range(3):
            a = (a @ a.T).softmax() @ a
        return (a * 2.0 + 1.0).tanh().sum()

    def program(*without: str) -> Any:
        compiled = pydl.compile(function, without=without)
        compiled(random(40, 50))
        return compiled.programs[0]

    def count(program: Any, name: str) -> int:
        return sum(step["name"].split("+").count(name) for step in program.steps())

    full = program()
    assert count(full, "softmax") == 4
    assert count(program("common_subexpressions"), "softmax") == 5
    assert count(program("dead_code", "fuse_elementwise", "common_subexpressions"), "softmax") == 6
    assert len(program("fuse_elementwise").steps()) > len(full.steps())
    assert count(program("canonicalize", "fuse_elementwise"), "multiply") > count(
        program("fuse_elementwise"), "multiply"
    )
    assert program("memory").arena_bytes > full.arena_bytes
    assert full.unplanned_bytes >= full.arena_bytes
    assert (
        program("alias", "fuse_elementwise").unplanned_bytes
        > program("fuse_elementwise").unplanned_bytes
    )


def test_arena_is_smaller_than_what_eager_needs() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(6)))
    compiled = pydl.compile(model)
    with pydl.no_grad():
        compiled(random(32, 64, dtype="float32"))
    (program,) = compiled.programs
    assert 0 < program.arena_bytes <= program.eager_bytes < program.unplanned_bytes


@pytest.mark.parametrize("provider", _core.info()["providers"])
def test_relu_in_the_product(provider: str) -> None:
    for shape, outputs in (((5, 7), 3), ((64, 80), 96), ((2, 40, 64), 70)):
        x, weight, bias = pydl.randn(*shape), pydl.randn(outputs, shape[-1]), pydl.randn(outputs)
        actual = _core._apply_with_provider("linear", provider, [x, weight, bias], {"post": "relu"})
        if actual is not None:
            expected = np.maximum(x.numpy() @ weight.numpy().T + bias.numpy(), 0)
            np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4, atol=1e-4)
        compiled = pydl.compile(lambda *a: pydl.relu(pydl.linear(*a)))
        np.testing.assert_allclose(
            compiled(x, weight, bias).numpy(),
            pydl.relu(pydl.linear(x, weight, bias)).numpy(),
            rtol=1e-5,
            atol=1e-5,
        )
        assert [step["name"] for step in compiled.programs[0].steps()] == ["linear"]


def test_memory_is_shared_by_what_does_not_live_together() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        for _ in range(10):
            x = pydl.softmax(x, 1)
        return x

    program = program_of(function, pydl.ones((64, 64)))
    alone = program_of(function, pydl.ones((64, 64)), without=["memory"])
    assert program.arena_bytes <= 2 * 64 * 64 * 4
    assert alone.arena_bytes == program.unplanned_bytes == 9 * 64 * 64 * 4


def program_of(function: Any, *arguments: Any, **options: Any) -> Any:
    compiled = pydl.compile(function, **options)
    compiled(*arguments)
    return compiled.programs[0]


# --- common subexpressions and random numbers -----------------------------------------------------


@each_choice
def test_equal_random_calls_stay_two(without: tuple[str, ...]) -> None:
    compiled = pydl.compile(
        lambda x: (pydl.dropout(x, 0.5), pydl.dropout(x, 0.5), pydl.rand(4), pydl.randn(4)),
        without=without,
    )
    x = pydl.ones(64)
    pydl.manual_seed(3)
    expected = [
        (pydl.dropout(x, 0.5), pydl.dropout(x, 0.5), pydl.rand(4), pydl.randn(4)) for _ in range(3)
    ]
    pydl.manual_seed(3)
    for value in expected:
        a, b, *_ = actual = compiled(x)
        assert_same(actual, value)
        assert a.tolist() != b.tolist()


@each_choice
def test_all_random_functions_continue_their_streams(without: tuple[str, ...]) -> None:
    own = pydl.Generator(5)

    def function(x: pydl.Tensor) -> Any:
        a = pydl.uniform((3, 3), -1.0, 1.0, generator=own) * x.sum()
        b = pydl.normal((5,), 2.0, 3.0)
        c = pydl.randint(0, 100, (7,), generator=own)
        d = pydl.permutation(9)
        return a, b, c, d, pydl.dropout(x, 0.3, generator=own)

    x = random(4, 4, dtype="float32")
    pydl.manual_seed(7)
    expected = [function(x) for _ in range(3)]
    after = own.state().tolist()
    own.manual_seed(5)
    pydl.manual_seed(7)
    compiled = pydl.compile(function, without=without)
    for value in expected:
        assert_same(compiled(x), value)
    assert own.state().tolist() == after
    own.manual_seed(5)
    pydl.manual_seed(7)
    assert_same(compiled(x), expected[0], "after seeding anew")
    assert compiled.traces == 1


def test_derivative_of_dropout_uses_the_mask_of_its_forward() -> None:
    def function(x: pydl.Tensor) -> Any:
        x = (x * 1).detach().requires_grad_()
        y = pydl.dropout(x, 0.5)
        return y.detach(), pydl.grad(y.sum(), x)[0]

    y, gradient = pydl.compile(function)(pydl.ones(100))
    assert y.tolist() == gradient.tolist()
    assert 0 < sum(y.tolist()) < 200


def test_generator_that_only_the_program_uses() -> None:
    """Memory of the generator is filled with other objects after the trace."""
    result = run_alone(
        """
        import pydl

        holder = {"generator": pydl.Generator(5)}

        def draw(x):
            return x + pydl.uniform((4,), generator=holder["generator"])

        expected = draw(pydl.zeros(4)).tolist()
        compiled = pydl.compile(draw)
        holder["generator"] = pydl.Generator(5)
        assert compiled(pydl.zeros(4)).tolist() == expected
        holder["generator"] = None
        others = [pydl.Generator(1000 + i) for i in range(200)]
        states = [g.state().tolist() for g in others]
        compiled(pydl.zeros(4))
        assert [g.state().tolist() for g in others] == states, "another generator was moved"
        """
    )
    assert result.returncode == 0, result.stderr


def test_constants_of_arrays_that_change_are_traced_again() -> None:
    numbers = np.array([1.0, 2.0])

    def function(x: pydl.Tensor) -> pydl.Tensor:
        return x * pydl.tensor(numbers) + pydl.asarray(numbers)

    compiled = pydl.compile(function)
    assert compiled(pydl.ones(2, dtype="float64")).tolist() == [2.0, 4.0]
    numbers[:] = 100
    assert compiled(pydl.ones(2, dtype="float64")).tolist() == [200.0, 200.0]


@each_choice
def test_long_chain(without: tuple[str, ...]) -> None:
    """Longer than a fused kernel holds, with many values that are read far behind."""

    def function(x: pydl.Tensor) -> pydl.Tensor:
        kept = []
        for i in range(60):
            x = (x + 0.1 * i).sin() * 0.9 + x.cos() * 0.1
            if i % 5 == 0:
                kept.append(x)
        for i, tensor in enumerate(kept):
            x = x + tensor * (1.0 / (i + 1))
        return x

    check_calls(function, [(random(7, 11),), (random(7, 11, seed=1),)], (without,), loosen=100)
