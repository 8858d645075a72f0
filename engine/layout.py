"""Layered layout: nodes in columns from left to right, few crossings, straight chains. Plain and iterative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.spec import Spec
from engine.validate import order, targets_of

CARD_WIDTH, CARD_HEIGHT = 208, 88  # pixels, of a card of the usual size
GRID = 8
GAP_X, GAP_Y = 64, 32  # between columns, and between cards of a column
COMPONENT_GAP = 64
SWEEPS = 6
MOST_BENDS = 20_000  # beyond this many, long wires may pass behind cards

Sizes = Mapping[str, tuple[float, float]]
Key = str | int  # a node's id, or the number of a bend in a long wire


@dataclass
class _Column:
    keys: list[Key] = field(default_factory=list)


@dataclass
class _Drawing:
    """One connected graph being laid out: its columns, and the neighbours of each key left and right."""

    columns: list[_Column]
    before: dict[Key, list[Key]]
    behind: dict[Key, list[Key]]
    heights: dict[Key, float]


def layout(spec: Spec, sizes: Sizes | None = None) -> dict[str, tuple[int, int]]:
    """Place every node of a spec; returns {id: (x, y)} of the top left corners, in pixels on the grid.

    `sizes` gives cards' (width, height) where they differ from the usual. Cycles are drawn as far as they go.
    """
    places: dict[str, tuple[int, int]] = {}
    layers = _layers(spec)
    top = 0.0
    for component in _components(spec):
        drawing = _drawing(spec, component, layers, sizes or {})
        ys = _ys(drawing)
        xs = _xs(component, layers, sizes or {})
        low = min(ys[node] for node in component)
        for node in component:
            places[node] = (_snap(xs[layers[node]]), _snap(ys[node] - low + top))
        top += max(ys[node] + drawing.heights[node] for node in component) - low + COMPONENT_GAP
    return places


def _snap(value: float) -> int:
    return round(value / GRID) * GRID


def _sorted(spec: Spec) -> list[str]:
    known = order(spec)
    return known + sorted(set(spec.nodes) - set(known))


def _layers(spec: Spec) -> dict[str, int]:
    """The column of each node: one behind its last source, pulled right where that shortens the wires."""
    layers: dict[str, int] = {}
    sequence = _sorted(spec)
    for node_id in sequence:
        layers[node_id] = max((layers[s] + 1 for s in spec.nodes[node_id].sources() if s in layers), default=0)
    targets = targets_of(spec)
    for node_id in reversed(sequence):
        latest = min((layers[target] for target in targets[node_id]), default=0) - 1
        incoming = len(set(spec.nodes[node_id].sources()))
        if latest > layers[node_id] and len(set(targets[node_id])) > incoming:
            layers[node_id] = latest
    return layers


def _components(spec: Spec) -> list[list[str]]:
    """Groups of connected nodes, the one with the first node first."""
    targets = targets_of(spec)
    places = {node_id: place for place, node_id in enumerate(spec.nodes)}
    seen: set[str] = set()
    found = []
    for start in spec.nodes:
        if start in seen:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            node_id = waiting.pop()
            group.append(node_id)
            near = [source for source in spec.nodes[node_id].sources() if source in spec.nodes]
            for other in (*near, *targets[node_id]):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        found.append(sorted(group, key=places.__getitem__))
    return found


def _drawing(spec: Spec, component: Sequence[str], layers: Mapping[str, int], sizes: Sizes) -> _Drawing:
    """Collect columns and neighbours; a wire over several columns bends once in each, so that cards make way."""
    first = min(layers[node] for node in component)
    last = max(layers[node] for node in component)
    columns = [_Column() for _ in range(last - first + 1)]
    before: dict[Key, list[Key]] = {node: [] for node in component}
    behind: dict[Key, list[Key]] = {node: [] for node in component}
    heights: dict[Key, float] = {node: sizes.get(node, (CARD_WIDTH, CARD_HEIGHT))[1] for node in component}
    ordered = sorted(component, key=lambda node: layers[node])
    for node in ordered:
        columns[layers[node] - first].keys.append(node)
    bends = 0
    for node in ordered:
        for source in dict.fromkeys(spec.nodes[node].sources()):
            if source not in before or layers[source] >= layers[node]:
                continue
            path: list[Key] = [source]
            if bends < MOST_BENDS:
                for layer in range(layers[source] + 1, layers[node]):
                    bends += 1
                    columns[layer - first].keys.append(bends)
                    heights[bends], before[bends], behind[bends] = 0.0, [], []
                    path.append(bends)
            path.append(node)
            for left, right in zip(path, path[1:], strict=False):
                behind[left].append(right)
                before[right].append(left)
    return _Drawing(columns, before, behind, heights)


def _xs(component: Iterable[str], layers: Mapping[str, int], sizes: Sizes) -> dict[int, float]:
    widths: dict[int, float] = {}
    for node in component:
        width = sizes.get(node, (CARD_WIDTH, CARD_HEIGHT))[0]
        widths[layers[node]] = max(widths.get(layers[node], 0.0), width)
    xs, x = {}, 0.0
    for layer in range(min(widths), max(widths) + 1):
        xs[layer] = x
        x += widths.get(layer, 0.0) + GAP_X
    return xs


def _ys(drawing: _Drawing) -> dict[Key, float]:
    """Find the tops: sweeps right and left, each column sorted and set as near its neighbours as room allows."""
    centres: dict[Key, float] = {}
    for column in drawing.columns:
        _place(drawing, column, centres, drawing.before, sort=True)
    for sweep in range(SWEEPS):
        sort = sweep < SWEEPS - 2
        for column in reversed(drawing.columns):
            _place(drawing, column, centres, drawing.behind, sort=sort)
        for column in drawing.columns:
            _place(drawing, column, centres, drawing.before, sort=sort)
    for column in drawing.columns:
        near = {key: drawing.before[key] + drawing.behind[key] for key in column.keys}
        _place(drawing, column, centres, near, sort=False)
    return {key: centre - drawing.heights[key] / 2 for key, centre in centres.items()}


def _place(
    drawing: _Drawing, column: _Column, centres: dict[Key, float], near: Mapping[Key, list[Key]], *, sort: bool
) -> None:
    """Set the centres of one column, as near to the means of the neighbours as the gaps between cards allow."""
    wishes: dict[Key, float] = {}
    for place, key in enumerate(column.keys):
        around = [centres[other] for other in near[key] if other in centres]
        alone = centres.get(key, place * (CARD_HEIGHT + GAP_Y))
        wishes[key] = sum(around) / len(around) if around else alone
    if sort:
        column.keys.sort(key=wishes.__getitem__)
    offsets, offset = [], 0.0
    for place, key in enumerate(column.keys):
        if place:
            above = column.keys[place - 1]
            offset += (drawing.heights[above] + drawing.heights[key]) / 2 + GAP_Y
        offsets.append(offset)
    levels = _isotonic([wishes[key] - offset for key, offset in zip(column.keys, offsets, strict=True)])
    for key, level, offset in zip(column.keys, levels, offsets, strict=True):
        centres[key] = level + offset


def _isotonic(wishes: Sequence[float]) -> list[float]:
    """The rising sequence nearest to the wishes, by least squares (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for wish in wishes:
        total, count = wish, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, many = pools.pop()
            total, count = total + more, count + many
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
