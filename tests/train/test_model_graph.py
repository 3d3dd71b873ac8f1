"""Graphs of models, their drawings, and summaries of models of several inputs and outputs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import numpy as np
import pytest

import pydl
from pydl import models, nn
from pydl.training.drawing import to_dot, to_svg
from pydl.training.graph_layout import CHARACTER, group_title, lay_out
from pydl.training.model_graph import trace_model
from pydl.training.summary import summarize


class TwoInputs(nn.Module):
    """Two inputs, two outputs, a shared layer, a nested model, dropout, and operations."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.image = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.GlobalAvgPool2d())
        self.shared = nn.Linear(4, 6)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(12, 3)

    def forward(self, text, picture):
        a = self.shared(self.words(text).mean(axis=1)[:, :4])
        b = self.shared(self.image(picture))
        z = pydl.concat([a, b], axis=1)
        z = self.drop(z) + z
        return {"kind": self.head(z), "score": pydl.tanh(z).sum(axis=1)}


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 2, k, padding=k // 2), *(nn.ReLU() for _ in range(k)))
            for k in (1, 3, 5)
        )
        self.pool = nn.MaxPool2d(3, 1, 1)

    def forward(self, x):
        return pydl.concat([*(branch(x) for branch in self.branches), self.pool(x)], axis=1)


class Crossing(nn.Module):
    """Skips over nested modules, out of them and into them."""

    def __init__(self):
        super().__init__()
        self.outer = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Sequential(nn.Linear(4, 4))})
        self.inner = TwoSteps()

    def forward(self, x):
        y = self.outer["b"](self.outer["a"](x))
        u, v = self.inner(x, y)
        return u + x, (v * u, y)


class TwoSteps(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x, y):
        u = self.first(x)
        return u, self.second(u + y) + x


def _zeros(*shapes):
    return [pydl.zeros((1, *shape)) for shape in shapes]


TWO = [pydl.zeros((1, 7), "int64"), pydl.zeros((1, 3, 8, 8))]
CASES = {
    "two inputs": (TwoInputs, TWO),
    "inception": (Inception, _zeros((4, 8, 8))),
    "crossing": (Crossing, _zeros((4,))),
    "lenet": (models.lenet5, _zeros((1, 28, 28))),
    "resnet": (models.resnet20, _zeros((3, 32, 32))),
    "googlenet": (lambda: models.googlenet(num_classes=3), _zeros((3, 64, 64))),
    "unet": (lambda: models.unet(in_channels=1), _zeros((1, 32, 32))),
    "one layer": (lambda: nn.Linear(2, 2), _zeros((2,))),
    "transformer": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2),
        _zeros((5, 4)),
    ),
    "lstm": (lambda: nn.LSTM(4, 3, batch_first=True), _zeros((5, 4))),
    "parameters only": (lambda: nn.Sequential(nn.Identity(), nn.Flatten()), _zeros((4,))),
}


def _lines(graph):
    boxes = graph.boxes
    return [
        (b.name, b.label, [boxes[j].name for j in graph.sources(i)]) for i, b in enumerate(boxes)
    ]


def test_what_feeds_what():
    graph = trace_model(TwoInputs(), TWO, {})
    assert _lines(graph) == [
        ("text", "", []),
        ("picture", "", []),
        ("words", "Embedding", ["text"]),
        ("mean", "", ["words"]),
        ("slice", "", ["mean"]),
        ("shared", "Linear", ["slice"]),
        ("image.0", "Conv2d", ["picture"]),
        ("image.1", "ReLU", ["image.0"]),
        ("image.2", "GlobalAvgPool2d", ["image.1"]),
        ("shared (call 2)", "Linear", ["image.2"]),
        ("concat", "", ["shared", "shared (call 2)"]),
        ("drop", "Dropout", ["concat"]),
        ("add", "", ["drop", "concat"]),
        ("head", "Linear", ["add"]),
        ("tanh", "", ["add"]),
        ("sum", "", ["tanh"]),
        ("output['kind']", "", ["head"]),
        ("output['score']", "", ["sum"]),
    ]
    assert [group.name for group in graph.groups] == ["image"]
    assert [box.shape for box in graph.boxes[-2:]] == ["(N, 3)", "(N,)"]


def test_operations_of_a_block_are_in_its_group():
    graph = trace_model(Crossing(), _zeros((4,)), {})
    inner = [i for i, group in enumerate(graph.groups) if group.name == "inner"]
    assert [box.name for box in graph.boxes if box.group in inner] == ["inner.first", "add", "add"]
    assert [group.parent for group in graph.groups] == [None, None, inner[0]]


def test_depth_closes_modules():
    graph = trace_model(Crossing(), _zeros((4,)), {}, depth=1)
    layers = [(b.name, b.label) for b in graph.boxes if b.kind == "layer"]
    assert ("inner", "TwoSteps") in layers and not any("." in n and "inner" in n for n, _ in layers)
    graph = trace_model(models.resnet20(), _zeros((3, 32, 32)), {}, depth=1)
    assert [b.name for b in graph.boxes if b.kind == "layer"][3:6] == ["layer1", "layer2", "layer3"]


def test_the_model_is_as_before():
    model = TwoInputs()
    state = {name: tensor.copy() for name, tensor in model.state_dict().items()}
    trace_model(model, TWO, {})
    assert all(m.training and "forward" not in vars(m) for m in model.modules())
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state[name].numpy())


def test_a_model_that_reads_values_cannot_be_drawn(tmp_path):
    class Reading(nn.Module):
        def forward(self, x):
            return x * float(x.sum())

    with pytest.raises(pydl.TraceError):
        pydl.plot_model(Reading(), (3,), tmp_path / "model.svg")


def _overlap(a, b):
    return (
        min(a.x + a.width, b.x + b.width) - max(a.x, b.x) > 0.01
        and min(a.y + a.height, b.y + b.height) - max(a.y, b.y) > 0.01
    )


def _is_inside(a, b):
    return (
        a.x >= b.x and a.y >= b.y and a.x + a.width <= b.x + b.width + 0.01
        and a.y + a.height <= b.y + b.height + 0.01
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_nothing_overlaps_in_drawings(name):
    make, inputs = CASES[name]
    graph = trace_model(make(), inputs, {})
    layout = lay_out(graph)
    for a, b in combinations(layout.boxes, 2):
        assert not _overlap(a, b)
    for number, group in enumerate(graph.groups):
        if group.parent is not None:
            assert _is_inside(layout.groups[number], layout.groups[group.parent])
        for other in range(number):
            if graph.groups[other].parent == group.parent:
                assert not _overlap(layout.groups[number], layout.groups[other])
    for box, place in zip(graph.boxes, layout.boxes, strict=True):
        assert place.x >= 0 and place.x + place.width <= layout.width
        assert place.y >= 0 and place.y + place.height <= layout.height
        for number, frame in enumerate(layout.groups):
            assert _is_inside(place, frame) == (number in _around(graph, box.group))
            assert number in _around(graph, box.group) or not _overlap(place, frame)


def _around(graph, group):
    found = set()
    while group is not None:
        found.add(group)
        group = graph.groups[group].parent
    return found


@pytest.mark.parametrize("name", CASES)
def test_edges_go_down_from_box_to_box_and_past_others(name):
    make, inputs = CASES[name]
    graph = trace_model(make(), inputs, {})
    layout = lay_out(graph)
    for (source, target, _), points in zip(graph.edges, layout.edges, strict=True):
        first, last = layout.boxes[source], layout.boxes[target]
        assert points[0] == pytest.approx((first.x + first.width / 2, first.y + first.height))
        assert points[-1] == pytest.approx((last.x + last.width / 2, last.y))
        assert all(lower[1] >= upper[1] - 0.01 for upper, lower in pairwise(points))
        for x, y in points[1:-1]:
            for place in layout.boxes:
                inside = place.x < x < place.x + place.width
                assert not (inside and place.y + 0.01 < y < place.y + place.height - 0.01)


@pytest.mark.parametrize("name", CASES)
def test_names_of_groups_are_where_no_line_passes(name):
    make, inputs = CASES[name]
    graph = trace_model(make(), inputs, {})
    layout = lay_out(graph)
    for number, (x, y) in enumerate(layout.titles):
        end = x + CHARACTER * len(group_title(graph, number))
        assert end <= layout.groups[number].x + layout.groups[number].width
        for points in layout.edges:
            for (x0, y0), (x1, y1) in pairwise(points):
                if x0 == pytest.approx(x1) and min(y0, y1) < y - 2 and max(y0, y1) > y - 8:
                    assert not x < x0 < end


@pytest.mark.parametrize("name", CASES)
def test_drawings_are_files_of_their_kind(name, tmp_path):
    make, inputs = CASES[name]
    graph = trace_model(make(), inputs, {})
    root = ElementTree.fromstring(to_svg(graph))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {box.name for box in graph.boxes} <= set(texts)
    dot = to_dot(graph)
    assert dot.count("{") == dot.count("}")
    assert len(re.findall(r"^ *b\d+ \[", dot, re.M)) == len(graph.boxes)
    assert dot.count(" -> ") == len(graph.edges)


def test_plot_model(tmp_path):
    model = TwoInputs()
    shapes = {"text": (7,), "picture": (3, 8, 8)}
    pydl.plot_model(model, shapes, tmp_path / "a.svg", dtype={"text": "int64"})
    example = (np.zeros((1, 7), "int64"), np.zeros((1, 3, 8, 8), "float32"))
    pydl.plot_model(model, path=tmp_path / "b.svg", example=example)
    assert (tmp_path / "a.svg").read_text() == (tmp_path / "b.svg").read_text()
    pydl.plot_model(model, path=str(tmp_path / "c.DOT"), example=example, depth=1)
    assert "cluster" not in (tmp_path / "c.DOT").read_text()
    with pytest.raises(ValueError, match=r"ends with \.svg or \.dot, got .*model\.png"):
        pydl.plot_model(model, shapes, tmp_path / "model.png")
    with pytest.raises(ValueError, match="a depth of at least 1, got 0"):
        pydl.plot_model(model, shapes, tmp_path / "a.svg", depth=0)
    with pytest.raises(ValueError, match="plot_model: expected input_shape"):
        pydl.plot_model(model)


def test_names_are_escaped(tmp_path):
    class Keyed(nn.Module):
        def forward(self, parts):
            return {'<"&>': parts["a\\"] + 1}

    graph = trace_model(Keyed(), [{"a\\": pydl.zeros((1, 2))}], {})
    root = ElementTree.fromstring(to_svg(graph))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "output['<\"&>']" in texts
    assert "label=\"output['<\\\"&>']" in to_dot(graph)


def test_summary_of_shared_frozen_and_tied_layers():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode, self.decode = nn.Linear(4, 4), nn.Linear(4, 4)
            self.decode.weight = self.encode.weight
            self.first = nn.Sequential(nn.ReLU(), nn.Linear(4, 4))
            self.again = self.first[1]
            self.first.requires_grad_(False)
            self.decode.bias.requires_grad = False

        def forward(self, x):
            return self.decode(self.again(self.first(self.encode(x))))

    lines = summarize(Tied(), (4,)).splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "MFLOP", "notes"]
    notes = {line.split()[0]: line[line.index("(N, 4)") :].split("  ")[-1] for line in lines[2:7]}
    assert notes["first.1"] == "frozen; also again; called 2 times"
    assert notes["decode"] == "weight tied to encode.weight; bias frozen"
    assert "parameters: 44 (20 trainable), 176 bytes" in lines
    flops = {line.split()[0]: line for line in lines}
    assert "6.4e-05" in flops["first.1"] and "3.2e-05" in flops["encode"]


def test_depth_of_a_summary():
    model = models.resnet20()
    lines = summarize(model, (3, 32, 32), depth=1).splitlines()
    assert [line.split()[0] for line in lines[2:]][:4] == ["conv1", "bn1", "relu", "layer1"]
    whole = sum(p.size for p in model.layer1.parameters())
    assert f"{whole:,}" in next(line for line in lines if line.startswith("layer1"))
    shown = [int(n.replace(",", "")) for n in re.findall(r"\)  +([\d,]+)  ", "\n".join(lines))]
    assert sum(shown) == sum(p.size for p in model.parameters())
    with pytest.raises(ValueError, match="a depth of at least 1"):
        summarize(model, depth=0)
    with pytest.raises(ValueError, match="a graph needs input_shape"):
        summarize(model, show_graph=True)


def test_summary_of_dicts():
    class OneDict(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 2), nn.Linear(3, 2)

        def forward(self, inputs):
            return {"u": self.a(inputs["a"]), "v": self.b(inputs["b"])}

    text = summarize(OneDict(), {"a": (4,), "b": (3,)}, show_graph=True)
    assert "inputs['a']" in text and "output['v']" in text
    text = summarize(TwoInputs(), {"text": (7,), "picture": (3, 8, 8)}, {"text": "int64"})
    assert "called 2 times" in text
    with pytest.raises(TypeError, match=r"summary: expected the shape .* got \{'a': 3\}"):
        summarize(OneDict(), {"a": 3})
