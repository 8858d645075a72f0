from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.columns import Column
from engine.data import augment, steps
from engine.data.keys import Keys
from engine.ops.steps import Step
from tests.engine.data.making import step

COUNT, SIZE = 30, (20, 26)
IMAGES = torch.rand(COUNT, 3, *SIZE, generator=torch.Generator().manual_seed(0))
KEYS = Keys(4, 0, torch.arange(COUNT))
CHAINS: dict[str, tuple[Step, ...]] = {
    "flip": (step("RandomFlip", direction="both"),),
    "crop": (step("RandomCrop", size=(12, 18), padding=2),),
    "resized crop": (step("RandomResizedCrop", size=(24, 16), scale=(0.5, 1.0)),),
    "rotation": (step("RandomRotation", degrees=60),),
    "affine": (step("RandomAffine", degrees=30, translate=0.2, scale=(0.7, 1.5), shear=20),),
    "resize": (step("Resize", size=(31, 17)),),
    "nearest": (step("Resize", size=(40, 52), mode="nearest"),),
    "middle": (step("CenterCrop", size=(13, 17)),),
    "part": (step("Crop", size=(10, 9), top=3, left=5),),
    "padding": (step("PadImage", size=(33, 32)),),
    "pixels": (step("PadImage", pixels=(1, 4), value=0.0),),
    "all": (
        step("Resize", size=(30, 40)),
        step("PadImage", pixels=3),
        step("RandomFlip"),
        step("RandomRotation", degrees=20),
        step("ColourJitter"),
        step("RandomCrop", size=(28, 34)),
        step("RandomResizedCrop", size=24, scale=(0.6, 1.0)),
        step("CenterCrop", size=22),
    ),
}


def fitted(chain: tuple[Step, ...], images: Tensor = IMAGES) -> list[steps.Fitted]:
    return steps.fit(chain, Column("image", "image", tuple(images.shape[1:]), "float32"), images.numpy())


def moved(*chain: Step, images: Tensor = IMAGES, keys: Keys | None = KEYS) -> Tensor:
    return steps.apply(fitted(chain, images), images, keys)


def test_a_flip_is_torchs_flip_bit_for_bit() -> None:
    found = moved(step("RandomFlip", direction="both", p=0.5))
    kinds = {(): 0, (3,): 0, (2,): 0, (2, 3): 0}
    for image, before in zip(found, IMAGES, strict=True):
        same = [axes for axes in kinds if image.equal(before.flip([axis - 1 for axis in axes]))]
        assert len(same) == 1
        kinds[same[0]] += 1
    assert all(kinds.values())
    assert moved(step("RandomFlip", p=1.0)).equal(IMAGES.flip(3))
    assert moved(
        step("RandomFlip", direction="vertical", p=1.0), images=IMAGES[:1], keys=Keys(0, 0, torch.tensor([3]))
    ).equal(IMAGES[:1].flip(2))


def test_a_random_crop_is_a_slice_from_all_over() -> None:
    found = moved(step("RandomCrop", size=(16, 22), padding=1))
    padded = torch.nn.functional.pad(IMAGES, (1, 1, 1, 1))
    places = set()
    for image, before in zip(found, padded, strict=True):
        here = [(y, x) for y in range(7) for x in range(7) if image.equal(before[:, y : y + 16, x : x + 22])]
        assert len(here) == 1
        places.add(here[0])
    assert {y for y, _x in places} == {x for _y, x in places} == set(range(7))
    assert moved(step("RandomCrop", size=(16, 22)), keys=None).equal(IMAGES[:, :, 2:18, 2:24])


def test_fixed_moves_are_slices_and_padding() -> None:
    assert moved(step("CenterCrop", size=(10, 16)), keys=None).equal(IMAGES[:, :, 5:15, 5:21])
    assert moved(step("Crop", size=(10, 9), top=3, left=5)).equal(IMAGES[:, :, 3:13, 5:14])
    padded = moved(step("PadImage", pixels=(1, 2), value=0.5))
    assert padded.equal(torch.nn.functional.pad(IMAGES, (2, 2, 1, 1), value=0.5))
    assert moved(step("PadImage", size=(24, 30))).equal(torch.nn.functional.pad(IMAGES, (2, 2, 2, 2)))


@pytest.mark.parametrize(
    ("mode", "filter"), [("bilinear", Image.Resampling.BILINEAR), ("nearest", Image.Resampling.NEAREST)]
)
@pytest.mark.parametrize("size", [(9, 13), (33, 40)])
def test_resize_is_pillows(mode: str, filter: Image.Resampling, size: tuple[int, int]) -> None:
    found = moved(step("Resize", size=size, mode=mode))
    oracle = Image.fromarray(IMAGES[0, 0].numpy()).resize(size[::-1], filter)
    assert np.allclose(found[0, 0], np.asarray(oracle), atol=1e-5)


def test_a_rotation_turns_about_the_middle_as_pillow_does() -> None:
    image = torch.nn.functional.interpolate(torch.rand(1, 1, 5, 5), (41, 41), mode="bilinear")
    chain = fitted((step("RandomRotation", degrees=90),), image)
    matrix = augment.motion(chain, (41, 41), Keys(0, 0, torch.tensor([2])), 1).matrix[0]
    degrees = float(torch.rad2deg(torch.atan2(matrix[0, 1], matrix[0, 0])))
    found = steps.apply(chain, image, Keys(0, 0, torch.tensor([2])))[0, 0].numpy()
    oracle = np.asarray(Image.fromarray(image[0, 0].numpy()).rotate(degrees, Image.Resampling.BILINEAR))
    inner = slice(12, 29)
    assert abs(degrees) > 5
    assert np.allclose(found[inner, inner], oracle[inner, inner], atol=1e-3)


def test_beyond_a_turned_image_there_are_zeros_or_its_reflection() -> None:
    light = 0.5 + IMAGES / 2
    assert (moved(step("RandomRotation", degrees=90), images=light) == 0).any()
    assert (moved(step("RandomRotation", degrees=90, outside="reflection"), images=light) > 0.49).all()


def test_movements_that_follow_each_other_find_pixels_once() -> None:
    chain = fitted(
        (
            step("RandomFlip"),
            step("RandomRotation"),
            step("RandomCrop", size=16),
            step("ColourJitter"),
            step("RandomFlip"),
        )
    )
    assert [len(run) for run in augment.runs(chain)] == [3, 1, 1]
    mixed = fitted((step("RandomRotation"), step("RandomAffine", outside="reflection")))
    assert len(list(augment.runs(mixed))) == 2


@pytest.mark.parametrize("name", ["flip", "crop", "resized crop", "rotation", "affine", "all"])
def test_moves_depend_on_the_key_alone(name: str) -> None:
    whole = moved(*CHAINS[name])
    order = torch.randperm(COUNT)
    parts = [moved(*CHAINS[name], images=IMAGES[part], keys=Keys(4, 0, part)) for part in torch.split(order, 7)]
    assert torch.cat(parts).equal(whole[order])
    assert not torch.allclose(moved(*CHAINS[name], keys=Keys(4, 1, KEYS.samples)), whole, atol=1e-3)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("keys", [KEYS, None], ids=["training", "resting"])
def test_the_size_is_what_the_plan_says(name: str, keys: Keys | None) -> None:
    planned = steps.after(Column("image", "image", (3, *SIZE), "float32"), CHAINS[name])
    found = moved(*CHAINS[name], keys=keys)
    assert planned.shape == tuple(found.shape[1:])
    motion = augment.motion(fitted(CHAINS[name]), SIZE, keys, COUNT)
    assert (motion.after, motion.matrix.shape) == (found.shape[2:], (COUNT, 2, 3))


# ---------------------------------------------------------------------------------------------------------- motion


def boxes() -> Tensor:
    """A box in each image, of whole pixels."""
    random = np.random.default_rng(1)
    top, left = random.integers(4, 9, COUNT), random.integers(4, 12, COUNT)
    high, wide = random.integers(5, 9, COUNT), random.integers(5, 11, COUNT)
    return torch.from_numpy(np.stack([left, top, left + wide, top + high], 1)).float()


def drawn_as_pixels(found: Tensor) -> Tensor:
    images = torch.zeros(COUNT, 1, *SIZE)
    for image, (left, top, right, bottom) in zip(images, found.int().tolist(), strict=True):
        image[:, top:bottom, left:right] = 1
    return images


def bounds(image: Tensor) -> list[int]:
    """The box of the bright pixels of an image."""
    rows, columns = image.any(1).nonzero()[:, 0], image.any(0).nonzero()[:, 0]
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


@pytest.mark.parametrize("keys", [KEYS, None], ids=["training", "resting"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_box_and_a_mask_follow_the_image(name: str, keys: Keys | None) -> None:
    chain = tuple(step for step in CHAINS[name] if type(step).__name__ != "ColourJitter")
    whole = boxes()
    images = drawn_as_pixels(whole)
    motion = augment.motion(fitted(chain, images), SIZE, keys, COUNT)
    bright = moved(*chain, images=images, keys=keys)[:, 0] > 0.5
    found, labels, mask = motion.boxes(
        whole[:, None], torch.full((COUNT, 1), 7), torch.ones(COUNT, 1, dtype=torch.bool)
    )
    assert mask.sum() > COUNT * 0.7
    # a box that is turned twice, or cut after it was turned, encloses a little more than the pixels do
    slack = 1.01 if name != "all" else 5
    for place in mask[:, 0].nonzero()[:, 0].tolist():
        away = [abs(a - b) for a, b in zip(found[place, 0].tolist(), bounds(bright[place]), strict=True)]
        assert max(away) <= slack, (place, away)
    assert (labels == torch.where(mask, 7, 0)).all()
    assert (found[~mask] == 0).all()
    masks = motion.masks(images[:, 0].long(), fill=0)
    assert masks.dtype == torch.int64
    agree = (masks == bright).float().mean()
    assert (
        agree == 1
        if all(augment.FIXED.get(type(each).__name__, (0, ""))[1] == "whole pixels" for each in chain)
        else agree > 0.97
    )


def test_masks_move_bit_for_bit_with_flips_and_crops_and_are_filled_elsewhere() -> None:
    chain = fitted((step("RandomFlip", direction="both"), step("RandomCrop", size=(18, 24), padding=5)))
    masks = torch.randint(0, 5, (COUNT, *SIZE))
    found = augment.motion(chain, SIZE, KEYS, COUNT).masks(masks)
    image = steps.apply(chain, (masks[:, None] + 1).float(), KEYS)[:, 0] - 1
    assert torch.where(found == 255, -1, found).equal(image.long())
    assert (found == 255).any()
    assert (augment.motion(chain, SIZE, KEYS, COUNT).masks(masks, fill=0) == 255).sum() == 0


def test_a_mask_shows_nothing_that_a_step_before_has_cut_away() -> None:
    chain = fitted((step("CenterCrop", size=10), step("RandomRotation", degrees=45)))
    masks = torch.ones(COUNT, *SIZE, dtype=torch.int64)
    found = augment.motion(chain, SIZE, KEYS, COUNT).masks(masks)
    image = steps.apply(chain, torch.ones(COUNT, 3, *SIZE), KEYS)[:, 0]
    assert ((found == 1) == (image > 0.5)).float().mean() > 0.98


def test_boxes_that_leave_the_image_are_masked_out() -> None:
    chain = fitted((step("Crop", size=(10, 10), top=0, left=0),))
    whole = torch.tensor([[[2.0, 2, 8, 8], [9.5, 0, 20, 10], [12, 12, 15, 15], [6, 6, 14, 14], [1, 1, 1, 5]]])
    mask = torch.tensor([[True, True, True, True, True]])
    found, labels, mask = augment.motion(chain, SIZE, None, 1).boxes(whole, torch.arange(1, 6)[None], mask)
    assert mask.tolist() == [[True, False, False, True, False]]
    assert labels.tolist() == [[1, 0, 0, 4, 0]]
    assert found[0, 3].tolist() == [6, 6, 10, 10]
    assert found[0, 1].tolist() == [0, 0, 0, 0]


def test_stored_pixels_become_numbers_before_they_move() -> None:
    stored = (IMAGES * 16).to(torch.uint8)
    chain = steps.fit(
        (step("CenterCrop", size=8), step("Standardize")),
        Column("image", "image", (3, *SIZE), "float32"),
        stored.numpy(),
        white=16,
    )
    found = steps.apply(chain, stored)
    plain = stored[:, :, 6:14, 9:17].float() / 16
    assert torch.allclose(
        found,
        (plain - plain.mean((0, 2, 3), keepdim=True)) / plain.std((0, 2, 3), correction=0, keepdim=True),
        atol=1e-4,
    )
    assert steps.apply([], stored).equal(stored.float() / 255)
