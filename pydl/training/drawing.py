"""Graphs of models as text: SVG drawings of our own, and the language of Graphviz."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from pydl.training.graph_layout import (
    LINE,
    GraphLayout,
    Place,
    Point,
    box_lines,
    group_title,
    lay_out,
)
from pydl.training.model_graph import ModelGraph

_COLORS = {"input": "#d9ead3", "layer": "#dbe7f6", "operation": "#fff2cc", "output": "#f4d9d9"}


# --- SVG --------------------------------------------------------------------------------------


def to_svg(graph: ModelGraph) -> str:
    """Return a drawing of a graph as SVG.

    Examples
    --------
    >>> import pydl
    >>> from pydl.training.model_graph import trace_model
    >>> graph = trace_model(pydl.nn.ReLU(), [pydl.zeros((1, 2))], {})
    >>> to_svg(graph).startswith("<svg")
    True
    """
    layout = lay_out(graph)
    width, height = round(layout.width), round(layout.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="12">',
        '<defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="7" refY="4" '
        'orient="auto"><path d="M0,1 L8,4 L0,7 z" fill="#555"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    frames = [_rectangle(place, "#f7f7f7", "#999", 6) for place in layout.groups]
    titles = [_title(graph, number, place) for number, place in enumerate(layout.titles)]
    boxes = [_box(graph, number, place) for number, place in enumerate(layout.boxes)]
    return "\n".join([*lines, *frames, *_edges(graph, layout), *titles, *boxes, "</svg>", ""])


def _rectangle(place: Place, fill: str, stroke: str, radius: float) -> str:
    return (
        f'<rect x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="{radius}" fill="{fill}" stroke="{stroke}"/>'
    )


def _title(graph: ModelGraph, number: int, place: Point) -> str:
    text = escape(group_title(graph, number))
    return f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" fill="#444">{text}</text>'


def _box(graph: ModelGraph, number: int, place: Place) -> str:
    box = graph.boxes[number]
    radius = place.height / 2.5 if box.kind == "operation" else 3
    parts = [_rectangle(place, _COLORS[box.kind], "#444", radius)]
    for i, line in enumerate(box_lines(graph, number)):
        x, y = place.x + place.width / 2, place.y + 6 + LINE * (i + 0.75)
        weight = ' font-weight="bold"' if i == 0 else ""
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"{weight}>{escape(line)}</text>'
        )
    return "\n".join(parts)


def _edges(graph: ModelGraph, layout: GraphLayout) -> list[str]:
    """Draw lines with arrows; the shape shows when the mouse is over one."""
    return [
        f'<path d="{_curve(points)}" fill="none" stroke="#555" marker-end="url(#arrow)">'
        f"<title>{escape(shape)}</title></path>"
        for (_, _, shape), points in zip(graph.edges, layout.edges, strict=True)
    ]


def _curve(points: Sequence[Point]) -> str:
    """Return a path that is vertical at each point."""
    parts = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.05:
            parts.append(f"L{x1:.1f},{y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}")
    return " ".join(parts)


# --- Graphviz ---------------------------------------------------------------------------------


def to_dot(graph: ModelGraph) -> str:
    r"""Return a graph in the language of Graphviz.

    Examples
    --------
    >>> import pydl
    >>> from pydl.training.model_graph import trace_model
    >>> graph = trace_model(pydl.nn.ReLU(), [pydl.zeros((1, 2))], {})
    >>> print(to_dot(graph).splitlines()[3])
      b0 [label="input\n(N, 2)", fillcolor="#d9ead3"];
    """
    lines = [
        "digraph model {",
        '  node [shape=box, style="filled,rounded", fontname="monospace", fontsize=12];',
        '  edge [fontname="monospace", fontsize=9, color="#555555"];',
        *_dot_of_group(graph, None, "  "),
    ]
    for source, target, shape in graph.edges:
        lines.append(f'  b{source} -> b{target} [label="{_quoted(shape)}"];')
    return "\n".join([*lines, "}", ""])


def _dot_of_group(graph: ModelGraph, owner: int | None, indent: str) -> list[str]:
    lines = []
    for number, box in enumerate(graph.boxes):
        if box.group == owner:
            label = "\\n".join(map(_quoted, box_lines(graph, number)))
            lines.append(f'{indent}b{number} [label="{label}", fillcolor="{_COLORS[box.kind]}"];')
    for number, group in enumerate(graph.groups):
        if group.parent == owner:
            lines.append(f"{indent}subgraph cluster_{number} {{")
            lines.append(f'{indent}  label="{_quoted(group_title(graph, number))}";')
            lines += _dot_of_group(graph, number, indent + "  ")
            lines.append(f"{indent}}}")
    return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
