"""Layered layout: nodes in columns from left to right, few crossings, straight chains. Plain and iterative."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine import card
from engine.spec import Spec
from engine.validate import order, targets_of

GRID = 8
GAP_X, GAP_Y = 48, 48  # between columns, and between cards of a column; a line of costs in the foot takes some of it
LINE_GAP = 72  # between lines of columns
LEAST_COLUMNS = 6
SCREEN_SHAPE = 2.0  # width by height
SWEEPS = 6
MOST_BENDS = 20_000  # beyond this many, long wires may pass behind cards

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
    above: dict[Key, float]  # from the line that wires run along to the top edge
    below: dict[Key, float]  # and to the bottom edge


def layout(spec: Spec) -> dict[str, tuple[int, int]]:
    """Place every node of a spec; returns {id: (x, y)} of the top left corners, in pixels on the grid.

    A graph much longer than wide is broken into lines, as text is. Cycles are drawn as far as they go.
    """
    places: dict[str, tuple[int, int]] = {}
    layers = _layers(spec)
    top = 0.0
    for component in _components(spec):
        ys = _ys(_drawing(spec, component, layers))
        first = min(layers[node] for node in component)
        columns = _columns(spec, component, layers, ys)
        lines: dict[int, list[str]] = {}
        for node in component:
            lines.setdefault((layers[node] - first) // columns, []).append(node)
        for line in sorted(lines):
            low = min(ys[node] for node in lines[line])
            for node in lines[line]:
                x = (layers[node] - first) % columns * (card.WIDTH + GAP_X)
                places[node] = (x, _snap(ys[node] - low + top))
            top += _extent(spec, lines[line], ys) + LINE_GAP
    return places


def _columns(spec: Spec, component: Sequence[str], layers: Mapping[str, int], ys: Mapping[Key, float]) -> int:
    """How many columns make a line: as many as bring the whole near the shape of a screen, evenly shared out."""
    count = max(layers[node] for node in component) - min(layers[node] for node in component) + 1
    height = _extent(spec, component, ys) + LINE_GAP
    fitting = max(LEAST_COLUMNS, math.isqrt(round(SCREEN_SHAPE * count * height / (card.WIDTH + GAP_X))))
    return math.ceil(count / math.ceil(count / fitting))


def _extent(spec: Spec, nodes: Sequence[str], ys: Mapping[Key, float]) -> float:
    return max(ys[node] + card.height(spec, spec.nodes[node]) for node in nodes) - min(ys[node] for node in nodes)


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


def _drawing(spec: Spec, component: Sequence[str], layers: Mapping[str, int]) -> _Drawing:
    """Collect columns and neighbours; a wire over several columns bends once in each, so that cards make way."""
    first = min(layers[node] for node in component)
    last = max(layers[node] for node in component)
    columns = [_Column() for _ in range(last - first + 1)]
    before: dict[Key, list[Key]] = {node: [] for node in component}
    behind: dict[Key, list[Key]] = {node: [] for node in component}
    above: dict[Key, float] = dict.fromkeys(component, card.HEADER / 2)
    below: dict[Key, float] = {node: card.height(spec, spec.nodes[node]) - card.HEADER / 2 for node in component}
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
                    above[bends], below[bends], before[bends], behind[bends] = 0.0, 0.0, [], []
                    path.append(bends)
            path.append(node)
            for left, right in pairwise(path):
                behind[left].append(right)
                before[right].append(left)
    return _Drawing(columns, before, behind, above, below)


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
    return {key: centre - drawing.above[key] for key, centre in centres.items()}


def _place(
    drawing: _Drawing, column: _Column, centres: dict[Key, float], near: Mapping[Key, list[Key]], *, sort: bool
) -> None:
    """Set the centres of one column, as near to the means of the neighbours as the gaps between cards allow."""
    wishes: dict[Key, float] = {}
    for place, key in enumerate(column.keys):
        around = [centres[other] for other in near[key] if other in centres]
        alone = centres.get(key, place * (card.HEIGHT + GAP_Y))
        wishes[key] = sum(around) / len(around) if around else alone
    if sort:
        column.keys.sort(key=wishes.__getitem__)
    offsets, offset = [], 0.0
    for place, key in enumerate(column.keys):
        if place:
            offset += drawing.below[column.keys[place - 1]] + drawing.above[key] + GAP_Y
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
