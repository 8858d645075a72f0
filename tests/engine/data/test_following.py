from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine import data
from engine.data.loader import Flow, Loader
from engine.data.prepare import batching_of
from engine.spec import Spec
from tests.engine.data.making import HERE, source, split, steps
from tests.engine.data.test_loader import with_batching

CHAINS: list[tuple[Any, ...]] = [
    ("RandomFlip",),
    (("RandomCrop", {"size": 24, "padding": 4}), ("RandomFlip", {"direction": "both"})),
    (("Resize", {"size": 48}), "RandomFlip"),
    (("CenterCrop", {"size": 20}),),
]


def shapes(*chain: Any) -> Spec:
    """Bright shapes on black, with boxes and masks of them."""
    spec = split(source("ShapesWithBoxes", samples=40, size=32, noise=0.0), validation=0.0, test=0.25)
    return with_batching(steps(spec, "image", *chain), batch_size=5)


def batches(spec: Spec, part: str = "train") -> list[dict[str, torch.Tensor]]:
    made = data.prepare(spec, HERE, ["image", "boxes", "mask"])
    names = {"image": "image", "mask": "classes"}
    splits = {
        split: {
            "image": columns["image"],
            "classes": columns["mask"],
            **{port: columns["boxes"].port(port) for port in ("boxes", "labels", "mask")},
        }
        for split, columns in made.splits.items()
    }
    tails = {names[name]: tail for name, tail in made.tails.items()}
    movers = [({port: port for port in ("boxes", "labels", "mask")}, mover) for mover in made.movers.values()]
    flow = Flow(splits, made.rows, tails, None, made.cache, movers=movers)
    loader = Loader(flow, batching_of(spec), torch.device("cpu"), 0)
    found = loader.training(1) if part == "train" else loader.measuring(part)
    return [dict(zip(splits[part], batch, strict=True)) for batch in found]


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("part", ["train", "test"])
def test_masks_lie_on_the_pixels_of_their_images(chain: tuple[Any, ...], part: str) -> None:
    for batch in batches(shapes(*chain), part):
        assert batch["classes"].shape[1:] == batch["image"].shape[2:]
        bright = batch["image"].amax(1) > 0.3
        inside = (batch["classes"] > 0) & (batch["classes"] < 255)
        assert bright.any()
        assert (bright == inside).double().mean() > 0.95  # a resize blurs their edges


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("part", ["train", "test"])
def test_boxes_enclose_the_pixels_of_their_images(chain: tuple[Any, ...], part: str) -> None:
    seen = 0
    for batch in batches(shapes(*chain), part):
        height, width = batch["image"].shape[2:]
        for image, boxes, mask in zip(batch["image"].amax(1), batch["boxes"], batch["mask"], strict=True):
            covered = torch.zeros(height, width, dtype=torch.bool)
            for x1, y1, x2, y2 in boxes[mask].round().long().tolist():
                assert 0 <= x1 < x2 <= width
                assert 0 <= y1 < y2 <= height
                covered[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1] = True
                seen += 1
            outside = (image > 0.3) & ~covered
            assert outside.double().mean() < 0.03  # what is left of shapes that were cut away
    assert seen > 10


def test_columns_that_follow_have_the_size_of_their_images() -> None:
    column = data.columns_of(shapes(("CenterCrop", {"size": 20})), HERE)["mask"]
    assert column.shape == (20, 20)
    assert data.prepare(shapes(("Resize", {"size": [16, 24]})), HERE, ["mask"]).splits["train"]["mask"].shape[1:] == (
        16,
        24,
    )


def test_pixels_that_come_from_outside_do_not_count() -> None:
    spec = shapes(("RandomAffine", {"translate": 0.4}))
    assert data.columns_of(spec, HERE)["mask"].ignored == 255
    assert any((batch["classes"] == 255).any() for batch in batches(spec))


def test_a_folder_with_boxes_moves_them_wherever_its_images_are_kept(tmp_path: Path) -> None:
    del tmp_path
    first = batches(with_batching(shapes("RandomFlip"), cache="memory", batch_size=5))
    again = batches(with_batching(shapes("RandomFlip"), cache="disk", batch_size=5))
    for one, two in zip(first, again, strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)
