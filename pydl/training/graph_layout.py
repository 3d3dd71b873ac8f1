"""Places for the boxes of a `ModelGraph`: rows from top to bottom, groups within groups.

Each group is laid out by itself, as layers of a directed graph (Sugiyama, Tagawa and Toda, 1981):
rows by the longest path, an order within rows that avoids crossings, and positions close to what
they are connected with. For the group around it, it is then one large box. Where a connection
leaves a group, it goes through a port on its border, and where it passes a row, through a free
column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pydl.training.model_graph import ModelGraph

CHARACTER = 7.3  # width of a character of the font
LINE = 16.0  # height of a line of text
_MARGIN = 12.0  # within groups
_TITLE = LINE + 6  # height that the name of a group takes
_GAP_X, _GAP_Y = 22.0, 30.0
_COLUMN = 8.0  # width that a passing connection takes

Point = tuple[float, float]
# ("box", number), ("group", number), ("in" or "out", box outside or inside), ("via", edge, row).
Item = tuple[str, int] | tuple[str, int, int, int]
Outer = int | None
_Links = dict[Item, list[tuple[Item, float]]]


@dataclass
class Place:
    """A rectangle, by its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class GraphLayout:
    """Where boxes and groups are, and the points that edges go through."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Place] = field(default_factory=list)
    groups: list[Place] = field(default_factory=list)
    titles: list[Point] = field(default_factory=list)  # where names of groups begin
    edges: list[list[Point]] = field(default_factory=list)


def box_lines(graph: ModelGraph, number: int) -> list[str]:
    """Return the lines of text in a box."""
    box = graph.boxes[number]
    return [line for line in (box.name, box.label, box.shape) if line]


def group_title(graph: ModelGraph, number: int) -> str:
    """Return the text in the corner of a group."""
    return f"{graph.groups[number].name}: {graph.groups[number].label}"


def lay_out(graph: ModelGraph) -> GraphLayout:
    """Find places for all boxes, groups and edges of a graph.

    Examples
    --------
    >>> import pydl
    >>> from pydl.training.model_graph import trace_model
    >>> layout = lay_out(trace_model(pydl.nn.ReLU(), [pydl.zeros((1, 2))], {}))
    >>> [place.y for place in layout.boxes] == sorted(place.y for place in layout.boxes)
    True
    """
    regions: dict[Outer, _Region] = {None: _Region(graph, None)}
    for number in range(len(graph.groups)):
        regions[number] = _Region(graph, number)
    chains = [_divide(graph, regions, edge) for edge in range(len(graph.edges))]
    for number in reversed(range(len(graph.groups))):
        regions[number].arrange(regions)
    whole = regions[None]
    whole.arrange(regions)
    layout = GraphLayout(whole.width, whole.height)
    corners: dict[Outer, Point] = {None: (0.0, 0.0)}
    for number, group in enumerate(graph.groups):  # outer groups come first
        place = regions[group.parent].absolute(("group", number), corners[group.parent])
        corners[number] = place.x, place.y
        layout.groups.append(place)
        layout.titles.append((place.x + regions[number].title_x, place.y + LINE))
    for number, box in enumerate(graph.boxes):
        layout.boxes.append(regions[box.group].absolute(("box", number), corners[box.group]))
    for (source, _, _), chain in zip(graph.edges, chains, strict=True):
        points: list[Point] = []
        for owner, first, last in chain:
            points += regions[owner].route((first, last, source), corners[owner], regions)
        layout.edges.append(_without_repeats(points))
    return layout


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    return [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]


def _path_to(graph: ModelGraph, group: Outer) -> list[int]:
    """Return the groups around something, outermost first."""
    path: list[int] = []
    while group is not None:
        path.insert(0, group)
        group = graph.groups[group].parent
    return path


def _divide(
    graph: ModelGraph, regions: dict[Outer, _Region], edge: int
) -> list[tuple[Outer, Item, Item]]:
    """Divide an edge into segments, each within one group."""
    source, target, _ = graph.edges[edge]
    leaving = _path_to(graph, graph.boxes[source].group)
    entering = _path_to(graph, graph.boxes[target].group)
    common = 0
    while common < min(len(leaving), len(entering)) and leaving[common] == entering[common]:
        common += 1
    parts: list[tuple[Outer, Item, Item]] = []
    start: Item = ("box", source)
    for group in reversed(leaving[common:]):
        parts.append((group, start, ("out", source)))
        start = ("group", group)
    owner: Outer = leaving[common - 1] if common else None
    ends: list[Item] = [("group", group) for group in entering[common:]]
    for end in [*ends, ("box", target)]:
        parts.append((owner, start, end))
        if end[0] == "group":
            owner, start = end[1], ("in", source)
    for owner, first, last in parts:
        regions[owner].connect(first, last, source)
    return parts


class _Region:
    """One group, or the whole: items in rows, and connections between them."""

    def __init__(self, graph: ModelGraph, number: Outer) -> None:
        self._graph, self._number = graph, number
        self._items: dict[Item, int] = {}  # with their rows
        boxes: list[tuple[int, Item]] = []
        for i, box in enumerate(graph.boxes):
            if box.group == number:
                boxes.append((i, ("box", i)))
        for i, group in enumerate(graph.groups):
            if group.parent == number:
                boxes.append((self._first_box(i), ("group", i)))
        for _, item in sorted(boxes):
            self._items[item] = 0
        # Connections, with the box whose result it is: groups may get several results.
        self._connections: dict[tuple[Item, Item, int], list[Item]] = {}
        self._x: dict[Item, float] = {}  # of the middle
        self._sizes: dict[Item, tuple[float, float]] = {}
        self._rows: list[list[Item]] = []
        self._tops: list[tuple[float, float]] = []  # top and bottom of rows
        self.width = self.height = 0.0
        self.title_x = 8.0  # where the name begins

    def _first_box(self, group: int) -> int:
        """Return the number of the first box in a group, which says when it was called."""
        inside = (
            i for i, b in enumerate(self._graph.boxes) if group in _path_to(self._graph, b.group)
        )
        return next(inside, len(self._graph.boxes))

    def connect(self, first: Item, last: Item, source: int) -> None:
        """Note that something goes from one item to another."""
        for port in (first, last):
            if port[0] in ("in", "out"):
                self._items.setdefault(port, 0)
        self._connections.setdefault((first, last, source), [])

    def arrange(self, regions: dict[Outer, _Region]) -> None:
        """Find the places of all items, relative to the corner of the region."""
        for item in self._items:
            self._sizes[item] = self._size(item, regions)
        self._choose_rows()
        self._add_columns()
        self._order_rows(regions)
        self._choose_x(regions)
        self._choose_y()

    def _size(self, item: Item, regions: dict[Outer, _Region]) -> tuple[float, float]:
        if item[0] == "group":
            return regions[item[1]].width, regions[item[1]].height
        if item[0] != "box":
            return _COLUMN, 0.0
        lines = box_lines(self._graph, item[1])
        return max(map(len, lines)) * CHARACTER + 20, len(lines) * LINE + 12

    def _choose_rows(self) -> None:
        """Give each item the first row below all that it reads; ports are at the borders."""
        after: dict[Item, list[Item]] = defaultdict(list)
        order = {item: i for i, item in enumerate(self._items)}
        for first, last, _ in self._connections:
            if first[0] == "in" or last[0] == "out" or order[first] < order[last]:
                after[last].append(first)
        inner = [item for item in self._items if item[0] in ("box", "group")]
        has_inputs = any(item[0] == "in" for item in self._items)
        for item in inner:
            rows = [self._items[before] for before in after[item]]
            self._items[item] = max(rows, default=-1 if not has_inputs else 0) + 1
        below = max((self._items[item] for item in inner), default=0) + 1
        for item in self._items:
            if item[0] == "out":
                self._items[item] = below

    def _add_columns(self) -> None:
        """Add an item to each row that a connection passes."""
        for number, ((first, last, source), passed) in enumerate(list(self._connections.items())):
            for row in range(self._items[first] + 1, self._items[last]):
                via: Item = ("via", number, row, source)
                self._items[via] = row
                self._sizes[via] = _COLUMN, 0.0
                passed.append(via)

    def _links(self, regions: dict[Outer, _Region]) -> tuple[_Links, _Links]:
        """Return the neighbours of items in the rows above and below.

        With each, how far the item's middle is from the neighbour's where the line between them is
        vertical: ports of groups are not in the middle.
        """
        above: _Links = defaultdict(list)
        below: _Links = defaultdict(list)
        for (first, last, source), passed in self._connections.items():
            chain = [first, *passed, last]
            for upper, lower in pairwise(chain):
                leaves = self._offset(upper, "out", source, regions)
                enters = self._offset(lower, "in", source, regions)
                above[lower].append((upper, leaves - enters))
                below[upper].append((lower, enters - leaves))
        return above, below

    def _order_rows(self, regions: dict[Outer, _Region]) -> None:
        """Order rows by the mean position of neighbours, down and up."""
        count = max(self._items.values(), default=0) + 1
        self._rows = [[item for item, row in self._items.items() if row == i] for i in range(count)]
        position = {item: float(i) for row in self._rows for i, item in enumerate(row)}
        above, below = self._links(regions)
        for sweep in range(6):
            neighbours, rows = (above, self._rows) if sweep % 2 == 0 else (below, self._rows[::-1])
            for row in rows:
                keys = {
                    item: sum(position[n] for n, _ in neighbours[item]) / len(neighbours[item])
                    if neighbours[item]
                    else position[item]
                    for item in row
                }
                row.sort(key=keys.__getitem__)
                position.update({item: float(i) for i, item in enumerate(row)})

    def _choose_x(self, regions: dict[Outer, _Region]) -> None:
        """Move items close to their neighbours, in their order, without overlaps."""
        for row in self._rows:
            right = 0.0
            for item in row:
                self._x[item] = right + self._sizes[item][0] / 2
                right += self._sizes[item][0] + _GAP_X
        above, below = self._links(regions)
        for sweep in range(12):
            rows = self._rows if sweep % 2 == 0 else self._rows[::-1]
            neighbours = above if sweep % 2 == 0 else below
            for row in rows:
                near = [neighbours[i] or above[i] or below[i] or [(i, 0.0)] for i in row]
                wanted = [sum(self._x[n] + d for n, d in each) / len(each) for each in near]
                widths = [self._sizes[item][0] for item in row]
                for item, x in zip(row, _without_overlap(wanted, widths), strict=True):
                    self._x[item] = x
        left = min((x - self._sizes[i][0] / 2 for i, x in self._x.items()), default=0.0)
        right = max((x + self._sizes[i][0] / 2 for i, x in self._x.items()), default=0.0)
        self._x = {item: x + _MARGIN - left for item, x in self._x.items()}
        self.width = right - left + 2 * _MARGIN
        if self._number is not None:
            self._place_title(len(group_title(self._graph, self._number)) * CHARACTER)

    def _place_title(self, length: float) -> None:
        """Put the name to the left, but to the right of lines that come in where it would be."""
        for x in sorted(x for item, x in self._x.items() if item[0] == "in"):
            if x < self.title_x + length + 6:
                self.title_x = max(self.title_x, x + 6)
        self.width = max(self.width, self.title_x + length + 8)

    def _choose_y(self) -> None:
        y = _MARGIN if self._number is None else _TITLE + 18
        has_ports = self._number is not None
        for number, row in enumerate(self._rows):
            height = max((self._sizes[item][1] for item in row), default=0.0)
            first = has_ports and number == 0 and row and row[0][0] == "in"
            last = has_ports and number == len(self._rows) - 1 and row and row[0][0] == "out"
            if first:
                self._tops.append((0.0, _TITLE))  # behind the title, straight down
            elif last:
                self._tops.append((y, y))
            else:
                self._tops.append((y, y + height))
                y += height + _GAP_Y
        ends_with_ports = bool(self._rows) and self._rows[-1] and self._rows[-1][0][0] == "out"
        self.height = y - _GAP_Y + (_MARGIN + 4 if self._number is not None else _MARGIN)
        if ends_with_ports:
            self._tops[-1] = (self.height, self.height)

    def absolute(self, item: Item, corner: Point) -> Place:
        """Return the place of a box or a group."""
        width, height = self._sizes[item]
        top, bottom = self._tops[self._items[item]]
        x = corner[0] + self._x[item] - width / 2
        return Place(x, corner[1] + (top + bottom - height) / 2, width, height)

    def route(
        self, key: tuple[Item, Item, int], corner: Point, regions: dict[Outer, _Region]
    ) -> list[Point]:
        """Return the points of a connection: down from one item, past rows, and into another."""
        first, last, source = key
        points: list[Point] = []
        for item in (first, *self._connections[key], last):
            top, bottom = self._tops[self._items[item]]
            place = self.absolute(item, (0.0, 0.0))
            leave, enter = (self._port(item, kind, source, regions) for kind in ("out", "in"))
            if item is not first:
                points += [(enter, top), (enter, place.y if item[0] != "via" else bottom)]
            if item is not last:
                points += [(leave, place.y + place.height if item[0] != "via" else bottom)]
                points += [(leave, bottom)]
        return [(corner[0] + x, corner[1] + y) for x, y in points]

    def _port(self, item: Item, kind: str, source: int, regions: dict[Outer, _Region]) -> float:
        """Return where a connection begins or ends."""
        return self._x[item] + self._offset(item, kind, source, regions)

    def _offset(self, item: Item, kind: str, source: int, regions: dict[Outer, _Region]) -> float:
        """Return how far from the middle of an item that is: of a group, at its port."""
        if item[0] != "group":
            return 0.0
        inner = regions[item[1]]
        return inner._x.get((kind, source), inner.width / 2) - inner.width / 2


def _without_overlap(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return positions nearest to those wanted, in order and with gaps: isotonic regression."""
    offsets, total = [], 0.0
    for i, width in enumerate(widths):
        if i:
            total += widths[i - 1] / 2 + width / 2 + _GAP_X
        offsets.append(total)
    blocks: list[tuple[float, int]] = []  # sums and counts of those that touch
    for x, offset in zip(wanted, offsets, strict=True):
        blocks.append((x - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [(a + b, m + n)]
    means = [value / count for value, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
