"""What passes and the plan must not break: memory that is shared, overwritten, handed out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, PASSES, assert_same, check_calls, run_alone

import pydl
from pydl import nn

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


# --- aliasing of results and operands -------------------------------------------------------------


@pytest.mark.parametrize(
    "without",
    [
        pytest.param(
            choice,
            id=name,
        )
        for choice, name in zip(CHOICES, CHOICE_IDS, strict=True)
    ],
)
def test_operand_and_a_view_of_it(without: tuple[str, ...]) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        t = x.softmax()
        return (t + t.T).softmax()

    check_calls(function, [(random(60, 60),)], (without,))


@pytest.mark.parametrize("size", [3, 40, 200])
def test_operand_and_views_of_it_in_a_chain(size: int) -> None:
    views: list[Any] = [
        lambda t: t.T,
        lambda t: t[::-1],
        lambda t: t[:, ::-1],
        lambda t: t[0],
        lambda t: t[-1],
        lambda t: t[:, :1],
        lambda t: t[:, -1:],
    ]
    for view in views:

        def function(x: pydl.Tensor, view: Any = view) -> pydl.Tensor:
            t = x.softmax()
            return (t * 2.0 + view(t) * t - view(t)).softmax()

        check_calls(function, [(random(size, size),)])


# --- simplification of what has another layout ----------------------------------------------------


@pytest.mark.parametrize(
    "simplified",
    [
        pytest.param(lambda x: x * 1, id="times_one"),
        pytest.param(lambda x: x / 1, id="over_one"),
        pytest.param(lambda x: x**1, id="power_one"),
        pytest.param(lambda x: x - 0, id="minus_zero"),
        pytest.param(lambda x: x.copy(), id="copy"),
        pytest.param(lambda x: x.astype("float64"), id="cast"),
    ],
)
@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda x: x[:, ::2], id="gaps"),
        pytest.param(lambda x: x[::-1], id="reversed"),
        pytest.param(lambda x: x.T, id="transposed"),
        pytest.param(lambda x: x[1:3, 2:5], id="part"),
        pytest.param(lambda x: x[0].expand(3, 6), id="expanded"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda y: y.reshape(-1) * 2, id="reshaped"),
        pytest.param(lambda y: y[1:3] * 2, id="sliced"),
        pytest.param(lambda y: y.T.reshape(-1) * 2, id="transposed"),
        pytest.param(lambda y: y.softmax(), id="read"),
    ],
)
def test_views_of_simplified_views(simplified: Any, view: Any, use: Any) -> None:
    check_calls(lambda x: use(simplified(view(x))), [(random(6, 6),), (random(6, 6, seed=1),)])


# --- memory that is handed out --------------------------------------------------------------------


@each_choice
def test_results_have_memory_of_their_own(without: tuple[str, ...]) -> None:
    weight = nn.Parameter(random(3))

    def function(x: pydl.Tensor) -> Any:
        return x * 1, x.copy(), weight * 1, weight.copy(), pydl.tensor([1.0, 2.0]), pydl.ones(2)

    compiled = pydl.compile(function, state=[weight], without=without)
    x = random(3, seed=1)
    before = x.tolist(), weight.tolist()
    expected = [t.tolist() for t in compiled(x)]
    for _ in range(2):
        for tensor in compiled(x):
            with pydl.no_grad():
                tensor.detach().fill_(77)
        assert (x.tolist(), weight.tolist()) == before
        assert [t.tolist() for t in compiled(x)] == expected


def test_results_of_earlier_calls_stay() -> None:
    compiled = pydl.compile(lambda x: ((x * 2).softmax(), (x + 1).tanh()[1:], x.sum()))
    inputs = [random(8, 8, seed=k) for k in range(4)]
    results = [compiled(x) for x in inputs]
    for x, result in zip(inputs, results, strict=True):
        assert_same(result, ((x * 2).softmax(), (x + 1).tanh()[1:], x.sum()))


def test_results_that_are_views_of_one_another_share_memory() -> None:
    def function(x: pydl.Tensor) -> Any:
        y = x * 2
        return y, y[0], y.reshape(-1)

    y, row, flat = pydl.compile(function)(random(3, 3))
    row.fill_(5.0)
    assert y[0].tolist() == [5.0] * 3
    assert flat[:3].tolist() == [5.0] * 3


def test_results_that_are_arguments_and_states() -> None:
    weight = nn.Parameter(random(3))
    compiled = pydl.compile(lambda x: (x, weight, x, {"a": x[1:]}), state=[weight])
    x = random(3)
    for _ in range(2):
        a, b, c, d = compiled(x)
        assert_same(a, x)
        assert_same(b, weight)
        assert_same(c, x)
        assert_same(d["a"], x[1:])
    assert b.requires_grad


@each_choice
def test_one_tensor_as_two_arguments(without: tuple[str, ...]) -> None:
    x = random(5, 5)
    check_calls(lambda a, b: (a * b + a).softmax() - b, [(x, x), (x, x.T)], (without,))


# --- memory that is overwritten -------------------------------------------------------------------


@each_choice
def test_assignments_to_temporaries(without: tuple[str, ...]) -> None:
    def function(x: pydl.Tensor, v: pydl.Tensor) -> Any:
        t = x * 2
        early = t + 1
        t[1] = v
        middle = t + 1
        t[:, ::2] = t[:, 1::2] * 10
        part = t[2]
        t += 1
        part -= x[0]
        t.T[0] = 7.0
        z = pydl.zeros((3, 4), dtype=x.dtype)
        z[::2] = t[:2, :4]
        z.fill_(2.0)
        z[0, 1] = v.sum()
        return early, middle, t, part, z, t.copy(), x * 2

    calls = [(random(4, 4, seed=k), random(4, seed=9 + k)) for k in range(3)]
    check_calls(function, calls, (without,))


@each_choice
def test_states_are_overwritten_in_program_order(without: tuple[str, ...]) -> None:
    def make() -> tuple[list[pydl.Tensor], Any]:
        states = [random(4), random(4, 3, seed=1)]
        a, b = states

        def function(x: pydl.Tensor) -> Any:
            before = a * 2 + x
            a[...] = a + x
            between = a * 2 + x
            view = b[1]
            b[1:3] = x[:3]
            b.T[0] += a
            a[::2] = before[::2] * 0.5
            return before, between, view * 1, b.sum(axis=0), (a * 2 + x) - before

        return states, function

    (expected_states, eager), (states, function) = make(), make()
    compiled = pydl.compile(function, state=states, without=without)
    for k in range(4):
        x = random(4, seed=20 + k)
        assert_same(compiled(x), eager(x), f"call {k}")
        assert_same(states, expected_states, f"states after call {k}")
    assert compiled.traces == 1


@each_choice
def test_declared_views_of_one_memory(without: tuple[str, ...]) -> None:
    """States may share memory: a tensor and a part of it."""

    def make() -> tuple[list[pydl.Tensor], Any]:
        whole = random(4, 4)
        part = whole[1]

        def function(x: pydl.Tensor) -> Any:
            part[...] = part + x
            a = whole.sum(axis=0)
            whole[:, 0] = x
            return a, part * 1

        return [whole, part], function

    (expected_states, eager), (states, function) = make(), make()
    compiled = pydl.compile(function, state=states, without=without)
    for k in range(3):
        x = random(4, seed=20 + k)
        assert_same(compiled(x), eager(x), f"call {k}")
        assert_same(states, expected_states, f"states after call {k}")


def test_argument_that_is_a_state() -> None:
    def make() -> tuple[pydl.Tensor, Any]:
        weight = random(3)

        def function(x: pydl.Tensor) -> pydl.Tensor:
            y = x * 2
            weight[...] = weight + 1
            return y + x

        return weight, function

    weight, function = make()
    before = weight.tolist()
    with pytest.raises(ValueError, match="argument 0 .* shares memory with a state"):
        pydl.compile(function, state=[weight])(weight)
    assert weight.tolist() == before


@each_choice
def test_states_with_strides(without: tuple[str, ...]) -> None:
    """A declared tensor may be a view of a larger array."""
    arrays = [np.arange(48.0).reshape(6, 8) for _ in range(2)]
    expected_state, state = (pydl.asarray(array)[::-1, ::2] for array in arrays)

    def function(tensor: pydl.Tensor, x: pydl.Tensor) -> pydl.Tensor:
        tensor[...] = tensor * 0.5 + x
        return tensor.sum(axis=0)

    compiled = pydl.compile(lambda x: function(state, x), state=[state], without=without)
    for k in range(3):
        x = random(4, seed=k)
        assert_same(compiled(x), function(expected_state, x))
        assert np.allclose(*arrays)


def test_constants_are_those_of_the_time_of_the_trace() -> None:
    numbers = np.array([1.0, 2.0])

    def function(x: pydl.Tensor) -> pydl.Tensor:
        return x * pydl.tensor(numbers) + pydl.asarray(numbers)

    compiled = pydl.compile(function)
    assert compiled(pydl.ones(2, dtype="float64")).tolist() == [2.0, 4.0]
    numbers[:] = 100
    assert compiled(pydl.ones(2, dtype="float64")).tolist() == [2.0, 4.0]


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
