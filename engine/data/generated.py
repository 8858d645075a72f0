"""Sets that are drawn at random, to learn with and to try networks on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Held, class_column, image_column
from engine.ops import source as declared

SHAPES = ("circle", "cross", "square", "triangle")
Random = np.random.Generator


class Points(Held):
    """Points with a class each: "features" and "label", as many of each class as can be."""

    target = "label"

    def __init__(self, source: declared._Points, _folder: Path) -> None:
        random = np.random.default_rng(getattr(source, "seed", 0))
        names = _class_names(source)
        label = random.permutation(np.arange(source.samples) % len(names))
        points = _points(source, label, random)
        parts = ("x", "y") if points.shape[1] == 2 else tuple(f"x{place}" for place in range(1, points.shape[1] + 1))
        columns = (
            Column("features", "number", (points.shape[1],), "float32", parts=parts),
            class_column("label", names),
        )
        super().__init__(columns, {"features": points.astype(np.float32), "label": label})


def _class_names(source: declared._Points) -> list[str]:
    match source:
        case declared.Moons():
            return ["upper", "lower"]
        case declared.Circles():
            return ["outer", "inner"]
        case declared.Spirals():
            return [f"arm {place}" for place in range(1, source.arms + 1)]
        case declared.Blobs():
            return [f"blob {place}" for place in range(1, source.classes + 1)]
    raise TypeError(f"no points for {source!r}")


def _points(source: declared._Points, label: Array, random: Random) -> Array:
    """Draw a point for each class in `label`: (samples, features)."""
    along = random.random(len(label))
    match source:
        case declared.Moons():
            angle = math.pi * along
            upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            points = np.where(label[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
        case declared.Circles():
            radius = np.where(label == 0, 1.0, source.inner)
            points = radius[:, None] * _around(2 * math.pi * along)
        case declared.Spirals():
            angle = 2 * math.pi * (source.turns * along + label / source.arms)
            points = (0.1 + 0.9 * along)[:, None] * _around(angle)
        case declared.Blobs():
            centres = random.uniform(-10, 10, (source.classes, source.features))
            return centres[label] + source.spread * random.standard_normal((len(label), source.features))
        case _:
            raise TypeError(f"no points for {source!r}")
    return points + source.noise * random.standard_normal(points.shape)


def _around(angle: Array) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


class Shapes(Held):
    """Images of one shape each: "image" and "label"."""

    target = "label"

    def __init__(self, source: declared.Shapes, _folder: Path) -> None:
        random = np.random.default_rng(source.seed)
        label = random.permutation(np.arange(source.samples) % len(SHAPES))
        channels = 3 if source.colour == "RGB" else 1
        images = np.empty((source.samples, channels, source.size, source.size), np.uint8)
        for place, shape in enumerate(label.tolist()):
            images[place] = _drawn(SHAPES[shape], source, channels, random)
        columns = (image_column("image", images.shape[1:]), class_column("label", SHAPES))
        super().__init__(columns, {"image": images, "label": label})


def _drawn(shape: str, source: declared.Shapes, channels: int, random: Random) -> Array:
    """Draw one image: (channels, size, size), bright on dark."""
    size = source.size
    half = random.uniform(0.15, 0.4) * size  # of the shape's width
    x, y = (np.arange(size) + 0.5 - random.uniform(half, size - half) for _ in range(2))
    inside = _inside(shape, x[None, :] / half, y[:, None] / half)
    ground = random.uniform(0.0, 0.3, (channels, 1, 1))
    colour = random.uniform(0.5, 1.0, (channels, 1, 1))
    pixels = np.where(inside, colour, ground) + source.noise * random.standard_normal((channels, size, size))
    return np.asarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))


def _inside(shape: str, x: Array, y: Array) -> Array:
    """Which pixels lie in a shape that reaches from -1 to 1."""
    match shape:
        case "circle":
            return np.asarray(x**2 + y**2 <= 1)
        case "square":
            return np.asarray(np.maximum(abs(x), abs(y)) <= 0.85)
        case "triangle":
            return np.asarray((abs(x) <= (y + 1) / 2) & (y <= 1))
    return np.asarray((np.minimum(abs(x), abs(y)) <= 0.3) & (np.maximum(abs(x), abs(y)) <= 1))


class ReversedSequences(Held):
    """Sequences of symbols: "sequence", "reversed", and "before", which is "reversed" one place later, from 0 on."""

    target = "reversed"

    def __init__(self, source: declared.ReversedSequences, _folder: Path) -> None:
        random = np.random.default_rng(source.seed)
        sequence = random.integers(1, source.symbols + 1, (source.samples, source.length))
        backwards = np.ascontiguousarray(sequence[:, ::-1])
        before = np.concatenate([np.zeros((source.samples, 1), np.int64), backwards[:, :-1]], axis=1)
        arrays = {"sequence": sequence, "before": before, "reversed": backwards}
        super().__init__([Column(name, "number", (source.length,), "int64") for name in arrays], arrays)
