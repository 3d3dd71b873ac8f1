"""Module: what belongs to it, its state, its modes, its messages."""

from __future__ import annotations

import copy
import time
import warnings
from collections import OrderedDict, deque

import numpy as np
import pytest

import pydl
from pydl import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.scale = nn.Parameter(pydl.ones((3,)))
        self.mean = nn.Buffer(pydl.zeros((3,)))
        self.cache = nn.Buffer(pydl.zeros((1,)), persistent=False)

    def forward(self, x):
        return self.inner(x) * self.scale - self.mean


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(Block(), nn.ReLU())
        self.head = nn.Linear(3, 2, bias=False)

    def forward(self, x):
        return self.head(self.encoder(x))


def test_names_are_paths_of_attributes():
    names = [name for name, _ in Net().named_parameters()]
    assert names == [
        "encoder.0.scale",
        "encoder.0.inner.weight",
        "encoder.0.inner.bias",
        "head.weight",
    ]
    assert [name for name, _ in Net().named_buffers()] == ["encoder.0.mean", "encoder.0.cache"]
    assert [name for name, _ in Net().named_modules()] == [
        "",
        "encoder",
        "encoder.0",
        "encoder.0.inner",
        "encoder.1",
        "head",
    ]


def test_state_has_parameters_and_persistent_buffers():
    assert list(Net().state_dict()) == [
        "encoder.0.scale",
        "encoder.0.mean",
        "encoder.0.inner.weight",
        "encoder.0.inner.bias",
        "head.weight",
    ]


def test_state_shares_memory_but_no_gradient():
    layer = nn.Linear(2, 2)
    weight = layer.state_dict()["weight"]
    assert not weight.requires_grad
    with pydl.no_grad():
        layer.weight.fill_(3.0)
    assert weight.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_load_state_dict_copies_and_converts():
    source, target = Net(), Net()
    parameters = list(target.parameters())
    state = {name: value.numpy().astype(np.float64) for name, value in source.state_dict().items()}
    result = target.load_state_dict(state)
    assert result.missing == [] and result.unexpected == []
    assert all(new is old for new, old in zip(target.parameters(), parameters, strict=True))
    for name, value in target.state_dict().items():
        assert value.dtype == pydl.float32
        np.testing.assert_array_equal(value.numpy(), source.state_dict()[name].numpy())


def test_load_state_dict_lists_everything_and_changes_nothing():
    model = Net()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    state = {name: np.ones(value.shape, np.float32) for name, value in before.items()}
    del state["encoder.0.scale"]
    state["extra"] = np.ones(1, np.float32)
    state["head.weight"] = np.ones((2, 4), np.float32)
    with pytest.raises(ValueError) as failure:
        model.load_state_dict(state)
    assert str(failure.value).split("\n  ") == [
        "Net.load_state_dict:",
        "missing: encoder.0.scale",
        "unexpected: extra",
        "head.weight: expected shape (2, 3), got (2, 4)",
    ]
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_load_state_dict_not_strict_reports_but_still_checks_shapes():
    layer = nn.Linear(2, 1)
    result = layer.load_state_dict({"bias": np.array([5.0]), "other": np.zeros(1)}, strict=False)
    assert result == (["weight"], ["other"])
    assert layer.bias.tolist() == [5.0]
    with pytest.raises(ValueError, match=r"bias: expected shape \(1,\), got \(3,\)"):
        layer.load_state_dict({"bias": np.zeros(3)}, strict=False)


def test_train_and_eval_reach_all_modules():
    model = Net()
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    model.encoder.train()
    assert model.encoder[0].inner.training and not model.head.training


def test_freezing_stops_gradients():
    model = Net()
    model.encoder.requires_grad_(False)
    model(pydl.ones((1, 3))).sum().backward()
    assert model.head.weight.grad is not None
    assert all(p.grad is None for p in model.encoder.parameters())


def test_zero_grad():
    layer = nn.Linear(2, 1)
    layer(pydl.ones((1, 2))).sum().backward()
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_apply_goes_innermost_first():
    visited = []
    Net().apply(lambda module: visited.append(type(module).__name__))
    assert visited == ["Linear", "Block", "ReLU", "Sequential", "Linear", "Net"]


def test_to_converts_floating_state_and_keeps_flags():
    model = Net()
    model.head.requires_grad_(False)
    model.count = nn.Buffer(pydl.zeros((), dtype="int64"))
    assert model.to("float64") is model
    assert {p.dtype for p in model.parameters()} == {pydl.float64}
    assert model.count.dtype == pydl.int64
    assert not model.head.weight.requires_grad and model.encoder[0].scale.requires_grad
    assert isinstance(model.encoder[0].cache, nn.Buffer) and not model.encoder[0].cache.persistent
    assert model(pydl.ones((1, 3), dtype="float64")).dtype == pydl.float64
    weight = model.head.weight
    assert model.to("cpu").head.weight is weight


def test_a_shared_parameter_counts_once_but_is_saved_under_both_names():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert len(list(model.parameters())) == 3
    assert {"0.weight", "1.weight"} <= set(model.state_dict())


def test_repr_is_nested():
    assert repr(Net()) == (
        "Net(\n"
        "  (encoder): Sequential(\n"
        "    (0): Block(\n"
        "      (inner): Linear(in_features=3, out_features=3, bias=True)\n"
        "    )\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (head): Linear(in_features=3, out_features=2, bias=False)\n"
        ")"
    )


def test_error_in_a_layer_names_its_path():
    with pytest.raises(ValueError) as failure:
        Net()(pydl.ones((1, 4)))
    message = str(failure.value)
    assert message.startswith(
        "in Net.encoder.0.inner (Linear(in_features=3, out_features=3, bias=True)): linear: "
    )
    assert message.count("in Net") == 1


def test_error_in_a_layer_alone_has_no_path():
    with pytest.raises(ValueError, match=r"^linear: "):
        nn.Linear(3, 2)(pydl.ones((1, 4)))


def test_exception_type_and_arguments_survive():
    class Failing(nn.Module):
        def forward(self, x):
            raise OSError(5, "no such thing")

    with pytest.raises(OSError) as failure:
        nn.Sequential(Failing())(1)
    assert failure.value.args == (5, "no such thing")


def test_module_works_without_calling_super_init():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 1)

    assert len(list(Forgetful().parameters())) == 2


def test_container_without_super_init_says_so():
    class Forgetful(nn.Sequential):
        def __init__(self):
            self.size = 3

    with pytest.raises(RuntimeError, match=r"Forgetful.__init__ must call super\(\).__init__\(\)"):
        Forgetful()(1)


def test_misspelt_attribute_gets_a_suggestion():
    with pytest.raises(
        AttributeError, match="Linear has no attribute 'wieght'; did you mean 'weig"
    ):
        _ = nn.Linear(1, 1).wieght
    assert not hasattr(nn.Linear(1, 1), "nothing")


def test_missing_forward_is_named():
    with pytest.raises(NotImplementedError, match="Empty does not define forward"):
        type("Empty", (nn.Module,), {})()(1)


def test_assignments_that_would_lose_parameters_are_refused():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter: .* got Tensor"):
        layer.weight = pydl.zeros((2, 2))
    with pytest.raises(TypeError, match="Net.head is a Module: .* got function"):
        Net().head = lambda x: x
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


CONTAINERS = {
    "list": lambda item: [item],
    "tuple": lambda item: (item,),
    "dict": lambda item: {"a": item},
    "set": lambda item: {item},
    "nested": lambda item: [1, {"a": ("b", [item])}],
    "deque": lambda item: deque([item]),
}
LOST = {
    "module": lambda: nn.Linear(1, 1),
    "stateless module": nn.ReLU,
    "parameter": lambda: nn.Parameter(pydl.ones((2,))),
    "buffer": lambda: nn.Buffer(pydl.ones((2,))),
}


@pytest.mark.parametrize("make", LOST.values(), ids=LOST)
@pytest.mark.parametrize("pack", CONTAINERS.values(), ids=CONTAINERS)
def test_modules_and_parameters_in_containers_are_refused(pack, make):
    with pytest.raises(TypeError, match=r"Net\.blocks\[.*use ModuleList, ModuleDict"):
        Net().blocks = pack(make())


SEARCHES = {
    "parameters": lambda model: list(model.parameters()),
    "buffers": lambda model: list(model.buffers()),
    "modules": lambda model: list(model.modules()),
    "state_dict": lambda model: model.state_dict(),
    "load_state_dict": lambda model: model.load_state_dict({}, strict=False),
    "to": lambda model: model.to("float64"),
    "requires_grad_": lambda model: model.requires_grad_(False),
    "zero_grad": lambda model: model.zero_grad(),
    "compile": lambda model: model.compile("sgd", "mse"),
    "fit": lambda model: model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0),
    "evaluate": lambda model: model.evaluate(np.ones((4, 2)), np.ones((4, 2)), verbose=0),
    "predict": lambda model: model.predict(np.ones((4, 2))),
    "summary": lambda model: model.summary((2,)),
}


class Appending(pydl.Model):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.others = []
        self.by_name = {}

    def forward(self, x):
        for layer in [self.first, *self.others, *self.by_name.values()]:
            x = layer(x)
        return x


@pytest.mark.parametrize("verb", SEARCHES)
def test_what_is_appended_later_is_noticed(verb, tmp_path):
    model = Appending()
    if verb in ("fit", "evaluate"):
        model.compile("sgd", "mse")
    model.others.append(nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"Appending.others\[0\] is a Linear that does not belong"):
        SEARCHES[verb](model)
    outer = nn.Sequential(model)
    model.others.clear()
    model.by_name["a"] = [nn.Parameter(pydl.ones((1,)))]
    with pytest.raises(TypeError, match=r"0\.by_name\['a'\]\[0\] is a Parameter that does not"):
        list(outer.parameters())


def test_containers_may_refer_to_what_is_found_elsewhere():
    model = Appending()
    model.order = [model.first, model.first]
    model.others.append(model.first)
    model.by_name["weight"] = model.first.weight
    assert [name for name, _ in model.named_parameters()] == ["first.weight", "first.bias"]
    assert nn.Sequential(model).state_dict().keys() == {"0.first.weight", "0.first.bias"}


def test_long_lists_of_numbers_are_passed_over_quickly():
    model = Appending()
    model.words = [str(i) for i in range(100_000)]
    start = time.perf_counter()
    list(model.parameters())
    assert time.perf_counter() - start < 0.5


def test_modules_of_a_class_are_refused():
    with pytest.raises(TypeError, match="Shared.layer: .* attributes of the class are not found"):

        class Shared(nn.Module):
            layer = nn.Linear(2, 2)

    with pytest.raises(TypeError, match="Listed.layers"):

        class Listed(nn.Module):
            layers = (nn.Parameter(pydl.ones((1,))),)

    class Harmless(nn.Module):
        activation = nn.ReLU()

    assert list(Harmless().parameters()) == []


def test_module_dict():
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.ReLU()
    assert list(heads) == ["a", "b"] == list(heads.keys()) and len(heads) == 2
    assert "a" in heads and "c" not in heads and heads["a"] is heads.a
    assert [type(m) for m in heads.values()] == [nn.Linear, nn.ReLU]
    owner = nn.Module()
    owner.heads = heads
    assert list(owner.state_dict()) == ["heads.a.weight", "heads.a.bias"]
    del heads["b"]
    assert [name for name, _ in heads.items()] == ["a"]
    with pytest.raises(KeyError, match="there is no 'x'; it has a"):
        heads["x"]
    with pytest.raises(TypeError, match="layer c: expected a Module, got 3"):
        heads["c"] = 3
    for name in ("a.b", "", 3, "items"):
        with pytest.raises(ValueError, match="ModuleDict: "):
            heads[name] = nn.ReLU()


class TestTrainable:
    def test_reaches_what_is_below_and_what_comes_later(self):
        model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Linear(2, 2))
        model[0].trainable = False
        assert model.trainable and not model[0][1].trainable
        assert [p.requires_grad for p in model.parameters()] == [False] * 4 + [True] * 2
        model[0].append(nn.Linear(2, 2))
        model[0].extra = nn.Linear(2, 2)
        model[0].scale = nn.Parameter(pydl.ones((2,)))
        assert not any(p.requires_grad for p in model[0].parameters())
        model[0].trainable = True
        assert all(p.requires_grad for p in model.parameters()) and model[0][1].trainable

    def test_of_a_parameter_is_requires_grad(self):
        parameter = nn.Parameter(pydl.ones((2,)))
        parameter.trainable = False
        assert not parameter.requires_grad and not parameter.trainable

    def test_is_copied(self):
        layer = nn.BatchNorm1d(2)
        layer.trainable = False
        assert not copy.deepcopy(layer).trainable

    def test_compiled_steps_notice(self):
        layer = nn.BatchNorm1d(2).train()
        forward = pydl.compile(lambda x: layer(x), state=[layer])
        x = pydl.tensor([[1.0, 2.0], [3.0, 5.0]])
        forward(x)
        moved = layer.running_mean.tolist()
        layer.trainable = False
        forward(x)
        assert layer.running_mean.tolist() == moved != [0.0, 0.0]
        layer.trainable = True
        forward(x)
        assert layer.running_mean.tolist() != moved


def test_train_asks_submodules_that_define_it():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def train(self, mode=True):
            super().train(mode)
            self.norm.eval()
            return self

    model = nn.Sequential(Backbone(), nn.Dropout())
    model.train()
    assert model[0].training and not model[0].norm.training and model[1].training


def test_parameter_is_apart_from_the_tensor_it_came_from():
    data = pydl.ones((2,))
    parameter = nn.Parameter(data)
    assert isinstance(parameter, pydl.Tensor)
    assert parameter.requires_grad and not data.requires_grad
    assert not nn.Parameter(data, requires_grad=False).requires_grad


class TestSequential:
    def test_index_slice_iterate_and_append(self):
        model = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
        assert model.append(nn.Linear(4, 1)) is model
        assert len(model) == 3 and isinstance(model[-1], nn.Linear)
        assert [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear]
        head = model[1:]
        assert isinstance(head, nn.Sequential) and head[1] is model[2]
        assert list(head.state_dict()) == ["2.weight", "2.bias"]
        with pytest.raises(IndexError, match="index 3 is outside its 3 layers"):
            model[3]

    def test_replacing_a_layer(self):
        model = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
        model[1] = nn.Tanh()
        assert isinstance(model[1], nn.Tanh)
        with pytest.raises(TypeError, match="layer 1: expected a Module, got 3"):
            model[1] = 3

    def test_names(self):
        model = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 4), act=nn.ReLU()))
        assert model.hidden is model[0]
        assert list(model.state_dict()) == ["hidden.weight", "hidden.bias"]
        model.act = nn.Tanh()
        assert isinstance(model[1], nn.Tanh)
        assert isinstance(nn.Sequential(hidden=nn.Identity()).hidden, nn.Identity)
        with pytest.raises(ValueError, match="'fit' is taken by a method"):
            nn.Sequential(fit=nn.ReLU())

    def test_what_is_no_module_is_refused(self):
        with pytest.raises(
            TypeError, match=r"layer 1: expected a Module, got ReLU; write ReLU\(\)"
        ):
            nn.Sequential(nn.ReLU(), nn.ReLU)

    def test_is_a_model(self):
        assert issubclass(nn.Sequential, pydl.Model) and pydl.Sequential is nn.Sequential


RECURRENT = [
    lambda: nn.RNN(3, 4, batch_first=True),
    lambda: nn.LSTM(3, 4, num_layers=2, batch_first=True),
    lambda: nn.GRU(3, 4, batch_first=True),
]


class TestSequentialOfRecurrentLayers:
    @pytest.mark.parametrize("make", RECURRENT)
    def test_hands_on_the_output(self, make):
        layer, head, x = make(), nn.Linear(4, 2), pydl.ones((2, 5, 3))
        expected = head(layer(x)[0])
        for model in (
            nn.Sequential(layer, head),
            nn.Sequential(nn.Sequential(layer), head),
            nn.Sequential(nn.Sequential(nn.Sequential(layer, nn.Identity())), head),
        ):
            np.testing.assert_array_equal(model(x).detach().numpy(), expected.detach().numpy())
        output, _ = nn.Sequential(layer)(x)
        assert output.shape == (2, 5, 4)

    @pytest.mark.parametrize("jit", [True, False])
    @pytest.mark.parametrize("make", RECURRENT)
    def test_learns(self, make, jit):
        pydl.manual_seed(0)
        model = nn.Sequential(
            make(), nn.GRU(4, 4, batch_first=True), nn.Flatten(), nn.Linear(20, 1)
        )
        x = np.random.default_rng(0).normal(size=(32, 5, 3)).astype(np.float32)
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.02), "mse", jit=jit)
        history = model.fit(x, x.sum(axis=(1, 2)), epochs=20, verbose=0).history["loss"]
        assert history[-1] < 0.7 * history[0]

    @pytest.mark.parametrize(
        ("make", "x"),
        [
            (lambda: nn.LSTMCell(3, 4), pydl.ones((2, 3))),
            (lambda: nn.MaxPool1d(2, return_indices=True), pydl.ones((2, 3, 8))),
        ],
    )
    def test_other_layers_of_several_results_are_named(self, make, x):
        kind = type(make()).__name__
        with pytest.raises(TypeError, match=rf"layer 1 \(Linear\) takes one.*{kind}, gives a"):
            nn.Sequential(make(), nn.Linear(4, 2))(x)

    def test_layers_of_users_may_take_tuples(self):
        class Second(nn.Module):
            def forward(self, parts):
                return parts[1]

        assert nn.Sequential(nn.LSTMCell(3, 4), Second())(pydl.ones((2, 3))).shape == (2, 4)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: nn.LSTM(3, 3),
            lambda: nn.GRU(3, 3),
            lambda: nn.RNN(3, 3),
            lambda: nn.TransformerEncoderLayer(3, 1, 4, batch_first=False),
        ],
    )
    def test_axes_in_another_order_than_that_of_fit_are_noticed(self, make):
        with pytest.warns(UserWarning, match=r"layer 1 \(.*samples; give \w+ batch_first=True"):
            nn.Sequential(nn.Identity(), make(), nn.Linear(3, 1)).compile("sgd", "mse")

        class Swap(nn.Module):
            def forward(self, x):
                return x.permute_dims((1, 0, 2))

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            nn.Sequential(Swap(), make(), Swap(), nn.Linear(3, 1)).compile("sgd", "mse")


def test_module_list():
    blocks = nn.ModuleList([nn.Linear(2, 2)])
    blocks.append(nn.ReLU()).extend([nn.Tanh()])
    assert len(blocks) == 3 and isinstance(blocks[-1], nn.Tanh) and len(blocks[:2]) == 2
    owner = nn.Module()
    owner.blocks = blocks
    assert list(owner.state_dict()) == ["blocks.0.weight", "blocks.0.bias"]
