"""Sets that are drawn at random, to learn with and to try networks on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.audio import Sound, audio_column
from engine.data.boxes import boxes_column, held
from engine.data.masks import mask_column
from engine.data.sources import Array, Held, Reader, class_column, image_column
from engine.ops import source as declared
from engine.ops.source_audio import Tones as DeclaredTones
from engine.ops.source_vision import ShapesWithBoxes as DeclaredScenes

SHAPES = ("circle", "cross", "square", "triangle")
LOWEST_PITCH, TONE_RATE = 220.0, 8000  # hertz, and samples a second
TRIALS = 20  # to find a place that is still free
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


class ShapesWithBoxes(Held):
    """Images of several shapes: "image", the "boxes" around them, and the "mask" of their pixels."""

    target = "boxes"

    def __init__(self, source: DeclaredScenes, _folder: Path) -> None:
        random = np.random.default_rng(source.seed)
        channels, size = 3 if source.colour == "RGB" else 1, source.size
        images = np.empty((source.samples, channels, size, size), np.uint8)
        masks = np.zeros((source.samples, size, size), np.uint8)
        found = []
        for image, mask in zip(images, masks, strict=True):
            found.append(_shapes(source, random))
            image[:] = _painted(found[-1], source, channels, random)
            for shape, inside in found[-1]:
                mask[inside] = shape + 1
        listed = [(*_around_pixels(inside), shape) for shapes in found for shape, inside in shapes]
        offsets = np.cumsum([0, *map(len, found)])
        boxes = held(np.array(listed, np.float32).reshape(-1, 5), offsets)
        columns = (
            image_column("image", images.shape[1:]),
            boxes_column("boxes", SHAPES),
            mask_column("mask", masks.shape[1:], ("background", *SHAPES)),
        )
        super().__init__(columns, {"image": images, "boxes": boxes, "mask": masks})


def _shapes(source: DeclaredScenes, random: Random) -> list[tuple[int, Array]]:
    """Draw the shapes of one image and the pixels inside each; none touches another."""
    size, shapes = source.size, []
    free = np.ones((size, size), bool)
    for _ in range(int(random.integers(0, source.most + 1))):
        for _trial in range(TRIALS):
            shape, half = int(random.integers(len(SHAPES))), random.uniform(0.1, 0.25) * size
            x, y = (np.arange(size) + 0.5 - random.uniform(half, size - half) for _ in range(2))
            inside = _inside(SHAPES[shape], x[None, :] / half, y[:, None] / half)
            left, top, right, bottom = _around_pixels(inside)
            around = (slice(max(0, top - 1), bottom + 1), slice(max(0, left - 1), right + 1))
            if free[around].all():
                free[around] = False
                shapes.append((shape, inside))
                break
    return shapes


def _around_pixels(inside: Array) -> tuple[int, int, int, int]:
    """The corners x1 y1 x2 y2 of the box around these pixels."""
    across, down = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1


def _painted(shapes: list[tuple[int, Array]], source: DeclaredScenes, channels: int, random: Random) -> Array:
    """Paint shapes (channels, size, size), bright on dark."""
    pixels = np.broadcast_to(random.uniform(0.0, 0.3, (channels, 1, 1)), (channels, source.size, source.size)).copy()
    for _shape, inside in shapes:
        pixels[:, inside] = random.uniform(0.5, 1.0, (channels, 1))
    pixels += source.noise * random.standard_normal(pixels.shape)
    return np.asarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))


class Tones(Reader):
    """Sounds of one tone each: "audio" and "label"."""

    target = "label"

    def __init__(self, source: DeclaredTones, _folder: Path) -> None:
        random = np.random.default_rng(source.seed)
        pitches = LOWEST_PITCH * 2 ** (np.arange(source.pitches) / 3)
        self._labels = random.permutation(np.arange(source.samples) % source.pitches)
        self._sounds = [Sound(_tone(pitches[label], source, random), TONE_RATE) for label in self._labels]
        seconds = np.array([len(each.samples) / TONE_RATE for each in self._sounds])
        lengths = (float(seconds.min()), float(np.median(seconds)), float(seconds.max()))
        self.columns = {
            "audio": replace(audio_column("audio", 1, TONE_RATE, TONE_RATE), lengths=lengths),
            "label": class_column("label", [f"{pitch:.0f} Hz" for pitch in pitches]),
        }

    def __len__(self) -> int:
        return len(self._labels)

    def held(self, name: str) -> Array | None:
        return self._labels if name == "label" else None

    def files(self, name: str) -> Sequence[Sound]:
        return self._sounds if name == "audio" else ()

    def seconds(self, name: str) -> Array:
        return np.array([len(each.samples) / each.rate for each in self._sounds])

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name == "label":
            return self._labels[indices], {}
        return np.array([*(self._sounds[index] for index in indices), None], object)[:-1], {}


def _tone(pitch: float, source: DeclaredTones, random: Random) -> Array:
    """Draw the samples (time, 1) of a tone, in any loudness and phase."""
    time = np.arange(max(2, round(random.uniform(0.5, 1) * source.seconds * TONE_RATE))) / TONE_RATE
    wave = random.uniform(0.2, 1) * np.sin(2 * math.pi * (pitch * time + random.random()))
    return np.asarray((wave + source.noise * random.standard_normal(len(time))).astype(np.float32)[:, None])


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
