from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from engine import data
from tests.engine.data.making import HERE, everything, source, split

KINDS = ["Moons", "Circles", "Spirals", "Blobs", "Shapes", "ReversedSequences"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_set_and_another_seed_another(kind: str) -> None:
    first, again, other = (data.prepare(source(kind, samples=60, seed=seed), HERE) for seed in (3, 3, 4))
    for name in first.columns:
        assert np.array_equal(everything(first, name), everything(again, name))
    assert not all(np.array_equal(everything(first, name), everything(other, name)) for name in first.columns)


@pytest.mark.parametrize(
    ("kind", "params", "classes"),
    [("Moons", {}, 2), ("Circles", {}, 2), ("Spirals", {"arms": 3}, 3), ("Blobs", {"classes": 5, "features": 4}, 5)],
)
def test_points_of_a_class_lie_together(kind: str, params: dict[str, Any], classes: int) -> None:
    dataset = data.prepare(split(source(kind, samples=600, **params), validation=0.0, test=0.5), HERE)
    train, test = dataset.splits["train"], dataset.splits["test"]
    near = KNeighborsClassifier(5).fit(train["features"], train["label"])
    assert len(dataset.columns["label"].classes) == classes
    assert np.bincount(everything(dataset, "label")).tolist() == [600 // classes] * classes
    assert near.score(test["features"], test["label"]) > 0.9


def test_moons_without_noise_lie_on_their_half_circles() -> None:
    dataset = data.prepare(source("Moons", noise=0.0), HERE)
    points, label = everything(dataset, "features"), everything(dataset, "label")
    upper, lower = points[label == 0], points[label == 1]
    assert np.allclose(np.hypot(*upper.T), 1, atol=1e-5)
    assert np.allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, atol=1e-5)


@pytest.mark.parametrize(("colour", "channels"), [("RGB", 3), ("grey", 1)])
def test_shapes_are_bright_on_dark_and_of_four_classes(colour: str, channels: int) -> None:
    dataset = data.prepare(source("Shapes", samples=80, size=24, colour=colour, noise=0.0), HERE)
    images = everything(dataset, "image")
    assert images.shape == (80, channels, 24, 24)
    assert 0 <= images.min() <= images.max() <= 1
    assert dataset.columns["label"].classes == ("circle", "cross", "square", "triangle")
    assert all(len(np.unique(image[0])) == 2 for image in images)


def scenes(**params: Any) -> data.Dataset:
    spec = source("ShapesWithBoxes", **{"samples": 60, "size": 40, "noise": 0.0, **params})
    return data.prepare(split(spec, validation=0.0, test=0.0), HERE)


def test_a_box_is_as_large_as_the_pixels_of_its_shape() -> None:
    dataset = scenes()
    masks, held = dataset.splits["train"]["mask"].numpy(), dataset.splits["train"]["boxes"]
    corners, labels = held.port("boxes"), held.port("labels")
    batch = [each.batch(torch.arange(60), 4) for each in (corners, labels)]
    for mask, boxes, classes, count in zip(masks, *batch, held.counts.tolist(), strict=True):
        inside = np.zeros_like(mask)
        for (left, top, right, bottom), label in zip(boxes[:count].int().tolist(), classes.tolist(), strict=False):
            part = mask[top:bottom, left:right] == label + 1
            inside[top:bottom, left:right] = label + 1
            assert all(part.any(axis=axis).all() for axis in (0, 1))
        assert (mask[inside == 0] == 0).all()


def test_scenes_are_drawn_by_their_seed_and_have_no_shapes_or_several() -> None:
    first, again, other = scenes(seed=1), scenes(seed=1), scenes(seed=2)
    held = [each.splits["train"]["boxes"].port("boxes").batch(torch.arange(60), 4) for each in (first, again, other)]
    assert torch.equal(held[0], held[1])
    assert not torch.equal(held[0], held[2])
    assert torch.equal(first.splits["train"]["image"], again.splits["train"]["image"])
    assert set(first.splits["train"]["boxes"].counts.tolist()) == {0, 1, 2, 3, 4}
    assert first.columns["mask"].classes == ("background", "circle", "cross", "square", "triangle")


def test_a_tone_is_loudest_at_the_pitch_of_its_class() -> None:
    spec = split(source("Tones", samples=24, pitches=3), validation=0.0, test=0.0)
    dataset = data.prepare(spec, HERE)
    label, names = dataset.splits["train"]["label"].tolist(), dataset.columns["label"].classes
    held = dataset.splits["train"]["audio"]
    for place, count in enumerate(held.counts.tolist()):
        (wave,) = held.batch(torch.tensor([place]), count).reshape(1, -1).numpy()
        loudest = np.fft.rfftfreq(count, 1 / 8000)[abs(np.fft.rfft(wave)).argmax()]
        assert loudest == pytest.approx(float(names[label[place]].removesuffix(" Hz")), abs=3)
    assert held.counts.min() >= 2000
    assert held.counts.max() <= 4000
    report = data.report(spec, HERE)
    assert not report.problems
    assert report.samples[0]["audio"]["rate"] == 8000
    again = data.prepare(spec, HERE).splits["train"]["audio"]
    assert torch.equal(held.batch(torch.arange(24), 4000), again.batch(torch.arange(24), 4000))


def test_a_sequence_stands_beside_its_reverse_and_what_came_before() -> None:
    dataset = data.prepare(source("ReversedSequences", samples=50, length=6, symbols=4), HERE)
    sequence, backwards, before = (everything(dataset, name) for name in ("sequence", "reversed", "before"))
    assert sequence.dtype == np.int64
    assert set(np.unique(sequence)) == {1, 2, 3, 4}
    assert np.array_equal(sequence[:, ::-1], backwards)
    assert (before[:, 0] == 0).all()
    assert np.array_equal(before[:, 1:], backwards[:, :-1])
