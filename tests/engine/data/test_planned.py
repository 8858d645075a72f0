from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine import data, edit
from engine.columns import Column
from engine.data import steps
from engine.data.keys import Keys
from engine.ops.steps import Step
from tests.engine.data.making import HERE, image_folder, refusal, source, step
from tests.engine.data.making import steps as with_steps


def folder(path: Path, channels: str = "RGB") -> Any:
    """A spec of images of 10 x 12 pixels, without a test split."""
    image_folder(path, {"cat": 8, "dog": 8})
    return source("ImageFolder", path, height=10, width=12, colour=channels)


@pytest.mark.parametrize(
    ("chain", "words", "at"),
    [
        ((("CenterCrop", {"size": 32}),), "cuts out 32 × 32 pixels, and there are 10 × 12", "0.params.size"),
        ((("Crop", {"size": 8, "top": 3}),), "cuts out 8 × 8 pixels, and there are 7 × 12", "0.params.size"),
        ((("RandomCrop", {"size": [20, 12], "padding": [4, 0]}),), "and there are 18 × 12", "0.params.size"),
        ((("Resize", {"size": 8}), ("CenterCrop", {"size": 10})), "and there are 8 × 8", "1.params.size"),
        ((("PadImage", {"size": [9, 20]}),), "fills up to 9 × 20 pixels, and the images have 10 × 12", "0.params.size"),
        (("Greyscale", "Greyscale"), "takes three channels, and the images have one channel; remove it.", "1"),
        (("Greyscale", ("Standardize", {"measured": "ImageNet"})), "and the images have 1", "1.params.measured"),
        ((("RandomResizedCrop", {"scale": [0.9, 0.3]}),), "has the scale (0.9, 0.3); the least", "0.params.scale"),
        (("Standardize", "RandomFlip", "ColourJitter"), "and Standardize changes them; put it before", "2"),
        (("OneHot",), "works on category columns", "0"),
    ],
)  # fmt: skip
def test_orders_that_do_not_work_are_refused_at_their_step(
    tmp_path: Path, chain: tuple[Any, ...], words: str, at: str
) -> None:
    message, param = refusal(with_steps(folder(tmp_path), "image", *chain))
    assert words in message
    assert param == f"data.columns.image.steps.{at}"


def test_one_click_puts_a_step_before_the_one_that_scales_the_pixels(tmp_path: Path) -> None:
    spec = with_steps(folder(tmp_path), "image", "RandomFlip", "Standardize", "RandomErasing", "ColourJitter")
    (fix,) = data.report(spec, HERE).problems[0].fixes
    assert fix.text == "Put ColourJitter before Standardize"
    mended = edit.set_setting(spec, **fix.arguments)
    assert not data.report(mended, HERE).problems
    names = [each["op"] for each in mended.data["columns"]["image"]["steps"]]
    assert names == ["RandomFlip", "ColourJitter", "Standardize", "RandomErasing"]


@pytest.mark.parametrize("chain", [("Greyscale", "Greyscale"), ("Greyscale", "OneHot")])
def test_one_click_removes_a_step_that_has_nothing_to_do(tmp_path: Path, chain: tuple[str, ...]) -> None:
    spec = with_steps(folder(tmp_path), "image", *chain)
    (fix,) = data.report(spec, HERE).problems[0].fixes
    assert fix.text == f"Remove {chain[1]}"
    mended = edit.set_setting(spec, **fix.arguments)
    assert not data.report(mended, HERE).problems
    assert [each["op"] for each in mended.data["columns"]["image"]["steps"]] == ["Greyscale"]


def test_a_folder_of_images_is_prepared_at_rest_and_new_ones_alike(tmp_path: Path) -> None:
    chain: tuple[Any, ...] = (
        "RandomFlip",
        ("RandomCrop", {"size": 8}),
        "ColourJitter",
        "Greyscale",
        ("Standardize", {}),
    )
    spec = with_steps(folder(tmp_path), "image", *chain)
    dataset = data.prepare(spec, HERE, ["image", "label"])
    column = dataset.columns["image"]
    assert (column.shape, column.dtype, column.steps[-1]) == ((1, 8, 8), "float32", "Standardize")
    stored = dataset.splits["train"]["image"]
    values = dataset.tails["image"](stored[0 : len(stored)], None)
    assert values.shape[1:] == (1, 8, 8)
    assert abs(float(values.mean())) < 1e-4
    plain = data.prepare(with_steps(spec, "image"), HERE, ["image"]).splits["train"]["image"]
    pixels = np.asarray(plain[0].permute(1, 2, 0) * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "new.png")
    again = data.read_rows(dataset.state, [{"image": str(tmp_path / "new.png")}], ["image"])["image"]
    assert torch.allclose(again[0], values[0], atol=1e-4)


def test_each_step_can_be_seen_by_itself() -> None:
    images = torch.rand(4, 3, 8, 8)
    chain = (
        step("Resize", size=6),
        step("RandomFlip", p=1.0),
        step("Greyscale"),
        step("Standardize"),
    )
    fitted = steps.fit(chain, Column("image", "image", (3, 8, 8), "float32"), images.numpy())
    keys = Keys(0, 0, torch.arange(4))
    seen = [steps.apply(fitted[: place + 1], images, keys) for place in range(len(fitted))]
    assert [tuple(each.shape[1:]) for each in seen] == [(3, 6, 6), (3, 6, 6), (1, 6, 6), (1, 6, 6)]
    assert seen[1].equal(seen[0].flip(3))
    assert seen[3].equal(steps.apply(fitted, images, keys))


def test_every_declared_step_runs_on_a_kind_it_names_and_makes_the_planned_shape() -> None:
    columns = {
        "image": Column("x", "image", (3, 40, 40), "float32"),
        "number": Column("x", "number", (6, 2), "float32"),
        "category": Column("x", "category", (), "int64", low=0.0, high=3.0),
        "date": Column("x", "date", (), "float64"),
    }
    random = np.random.default_rng(0)
    values: dict[str, Any] = {
        "image": random.random((9, 3, 40, 40), np.float32),
        "number": random.random((9, 6, 2), np.float32) + 1,
        "category": random.integers(0, 4, 9),
        "date": random.uniform(0, 20_000, 9),
    }
    for name, declared in Step.registry.items():
        for kind in set(declared.kinds) & set(columns):
            column, raw = columns[kind], values[kind]
            params: dict[str, Any] = {"size": 24} if "size" in declared.params() and name != "PadImage" else {}
            params |= {"gives": "numbers"} if name == "Bucketise" else {}
            ordered = None
            if name == "Index":
                column, raw = Column("x", "number", (), "float32"), random.integers(0, 3, 9).astype(np.float32)
                ordered = np.unique(raw)
            one = step(name, **params)
            planned = steps.after(column, [one])
            fitted = json.loads(json.dumps(steps.fit([one], column, raw, ordered)))
            for keys in (None, Keys(0, 0, torch.arange(9))):
                found = steps.apply(fitted, steps.tensor(raw), keys)
                assert found.shape[1:] == planned.shape, name
                assert str(found.dtype) in (f"torch.{planned.dtype}", "torch.float64"), name
                assert planned.kind == one.makes(column.kind), name
                assert not found.isnan().any(), name
