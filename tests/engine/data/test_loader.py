from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine import data, edit
from engine.data.prepare import batching_of
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, source, split, steps, table
from tests.engine.data.test_audio import tones

CPU = torch.device("cpu")
ELSEWHERE = [{"cache": "disk"}, {"cache": "none", "workers": 0}, {"cache": "none", "workers": 2}]


def pictures(folder: Path, count: int = 12) -> Spec:
    """Small images of noise in two classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(path)
    return source("ImageFolder", folder / "pictures", height=8, width=8)


def with_batching(spec: Spec, **settings: Any) -> Spec:
    return edit.set_setting(spec, "data.batching", {"batch_size": 3, **settings})


def loader(spec: Spec, seed: int = 0) -> data.Loader:
    made = data.prepare(spec, HERE)
    flow = data.Flow(made.splits, made.rows, made.tails, made.weights, made.cache, made.where)
    return data.Loader(flow, batching_of(spec), CPU, seed)


def epoch(spec: Spec, number: int = 0, start: int = 0) -> list[list[torch.Tensor]]:
    made = loader(spec)
    try:
        return list(made.training(number, start))
    finally:
        made.close()


def same(first: list[list[torch.Tensor]], second: list[list[torch.Tensor]]) -> bool:
    flat = [(one, two) for pair in zip(first, second, strict=True) for one, two in zip(*pair, strict=True)]
    return all(torch.equal(one, two) for one, two in flat)


@pytest.mark.parametrize("settings", ELSEWHERE)
def test_batches_are_the_same_wherever_samples_are_kept(tmp_path: Path, settings: dict[str, Any]) -> None:
    spec = pictures(tmp_path)
    kept = epoch(with_batching(spec, cache="memory"), 1)
    assert kept[0][0].shape == (3, 3, 8, 8)
    assert kept[0][0].dtype == torch.float32
    assert same(epoch(with_batching(spec, **settings), 1), kept)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_an_epoch_that_goes_on_yields_the_rest_of_it(tmp_path: Path, cache: str) -> None:
    spec = with_batching(pictures(tmp_path), cache=cache, workers=0)
    assert same(epoch(spec, 2, start=2), epoch(spec, 2)[2:])


def test_pixels_that_are_decoded_once_are_taken_from_the_disk_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = with_batching(pictures(tmp_path), cache="disk")
    first = epoch(spec)
    monkeypatch.setattr("engine.data.images.decode_one", lambda *_: pytest.fail("decoded again"))
    monkeypatch.setattr(
        "engine.data.images.decode", lambda paths, shape, _fit: (np.zeros((len(paths), *shape), np.uint8), {})
    )
    assert same(epoch(spec), first)
    assert same(epoch(edit.set_setting(spec, "data.split.seed", 0)), first)


def test_an_image_that_changes_is_decoded_anew(tmp_path: Path) -> None:
    spec = with_batching(pictures(tmp_path), cache="disk", shuffle=False)
    first = epoch(spec)
    for path in (tmp_path / "pictures").glob("*/*.png"):
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    again = epoch(spec)
    assert first[0][0].any()
    assert not again[0][0].any()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_read_is_left_out_of_its_batch_and_told_once(tmp_path: Path, workers: int) -> None:
    spec = with_batching(pictures(tmp_path), cache="none", workers=workers, shuffle=False)
    whole = epoch(spec)
    bad = data.prepare(spec, HERE).rows["train"][1]
    path = sorted((tmp_path / "pictures").glob("*/*.png"))[bad]
    path.write_bytes(b"no image")
    made = loader(spec)
    batches = list(made.training(0))
    assert [len(batch[0]) for batch in batches] == [2, *(len(batch[0]) for batch in whole[1:])]
    assert torch.equal(batches[0][0], whole[0][0][[0, 2]])
    assert torch.equal(batches[0][1], whole[0][1][[0, 2]])
    assert made.news() == (f"1 sample is left out: {path} is no image of a known format; mend or remove it.",)
    list(made.training(1))
    assert made.news() == ()
    made.close()


def test_a_kept_image_that_is_damaged_stays_known_as_such(tmp_path: Path) -> None:
    spec = with_batching(pictures(tmp_path), cache="disk")
    (tmp_path / "pictures" / "a" / "4.png").write_bytes(b"no image")
    for _again in range(2):
        made = data.prepare(spec, HERE)
        assert sum(map(len, made.rows.values())) == 11
        assert any("1 image is left out" in note for note in made.notes)


def test_balanced_sampling_draws_all_classes_equally_often(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{number},{'rare' if number % 20 == 0 else 'common'}\n" for number in range(2000))
    spec = with_batching(table(tmp_path, text, target="y"), batch_size=100, sampling="balanced")
    labels = torch.cat([batch[1] for number in range(5) for batch in epoch(spec, number)])
    assert labels.double().mean() == pytest.approx(0.5, abs=0.03)
    assert same(epoch(spec, 3), epoch(spec, 3))


def test_weighted_sampling_draws_in_proportion_to_a_column(tmp_path: Path) -> None:
    text = "x,w\n" + "".join(f"{number},{(0, 1, 3)[number % 3]}\n" for number in range(900))
    spec = steps(with_batching(table(tmp_path, text), batch_size=100, sampling="weighted", weights="w"), "x")
    batches = [batch for number in range(5) for batch in epoch(spec, number)]
    drawn = torch.cat([dict(zip(("features", "x", "w"), batch, strict=True))["x"] for batch in batches]).flatten() % 3
    assert not (drawn == 0).any()
    assert (drawn == 2).double().mean() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampling": "balanced"}, "has no such target"),
        ({"sampling": "weighted"}, "No column is chosen"),
        ({"sampling": "weighted", "weights": "z"}, "'z' is none"),
    ],
)
def test_sampling_that_cannot_be_is_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(Mistake, match=words):
        data.prepare(with_batching(table(tmp_path, "x,y\n1,2\n3,4\n5,6\n"), **settings), HERE)


def test_stages_tell_how_long_reading_takes_and_what_would_help(tmp_path: Path) -> None:
    spec = with_batching(pictures(tmp_path), cache="none", workers=0)
    made = loader(spec)
    list(made.training(0))
    assert [each.name for each in made.stages.stages()] == ["read", "batch", "copy", "model"]
    assert all(each.samples_per_second > 0 for each in made.stages.stages())
    assert made.stages.waited > 0.5
    assert "reading is the bottleneck" in made.advice()
    made.close()


def test_what_is_in_memory_gives_no_advice(tmp_path: Path) -> None:
    made = loader(with_batching(pictures(tmp_path), cache="memory"))
    for _batch in made.training(0):
        sum(range(100_000))  # a model at work
    assert made.advice() == ""


@pytest.mark.parametrize("settings", ELSEWHERE)
def test_random_steps_change_images_alike_wherever_they_are_kept(tmp_path: Path, settings: dict[str, Any]) -> None:
    plain = pictures(tmp_path)
    chain = ("RandomFlip", ("RandomCrop", {"size": 8, "padding": 2}), "ColourJitter", "Standardize")
    spec = steps(plain, "image", *chain)
    kept = with_batching(spec, cache="memory")
    first = epoch(kept, 1)
    assert same(epoch(with_batching(spec, **settings), 1), first)
    assert same(epoch(kept, 1, start=1), first[1:])
    assert not torch.equal(epoch(kept, 2)[0][0], first[0][0])


def test_random_choices_follow_the_sample_and_not_the_batch(tmp_path: Path) -> None:
    spec = steps(pictures(tmp_path), "image", ("RandomFlip", {"p": 0.5}), ("RandomRotation", {"degrees": 20}))

    def by_sample(size: int) -> dict[int, torch.Tensor]:
        made = data.prepare(with_batching(spec, batch_size=size), HERE)
        order = data.epoch_order(0, 1, len(made.rows["train"]))
        images = torch.cat([batch[0] for batch in epoch(with_batching(spec, batch_size=size), 1)])
        return {int(place): image for place, image in zip(order, images, strict=True)}

    one, four = by_sample(1), by_sample(4)
    assert all(torch.equal(one[place], four[place]) for place in one)


def test_what_is_measured_on_rests(tmp_path: Path) -> None:
    plain = with_batching(pictures(tmp_path), cache="memory")
    random = steps(plain, "image", ("RandomFlip", {"p": 1.0}), "ColourJitter")
    made, rested = (loader(spec) for spec in (plain, random))
    assert same(list(made.measuring("test")), list(rested.measuring("test")))


@pytest.mark.parametrize("settings", [{"cache": "disk"}, {"cache": "none", "workers": 0}])
def test_sounds_that_change_at_random_are_alike_wherever_they_are_kept(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    tones(tmp_path)
    chain = ("Resample", "Mono", ("RandomShift", {"seconds": 0.01}), "RandomNoise", "MelSpectrogram", "MaskFrames")
    spec = steps(source("AudioFolder", tmp_path), "audio", *chain)
    first = epoch(with_batching(spec, cache="memory"), 1)
    assert same(epoch(with_batching(spec, shuffle=True, **settings), 1), first)
    assert not torch.equal(epoch(with_batching(spec, cache="memory"), 2)[0][0], first[0][0])


def test_a_number_that_a_random_step_makes_unfit_is_named_by_its_row(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{-9 if number == 7 else 9},{number}\n" for number in range(20))
    spec = with_batching(split(steps(table(tmp_path, text), "x", ("GaussianNoise", {"std": 0.1}), "Log"), test=0.0))
    made = data.prepare(spec, HERE, ["x"])
    flow = data.Flow(made.splits, made.rows, made.tails, where=made.where)
    held = "train" if 7 in made.rows["train"] else "validation"
    with pytest.raises(Mistake, match=r"row 9: .*logarithm"):
        list(data.Loader(flow, batching_of(spec), CPU, 0).measuring(held))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_a_step_cannot_take_is_named_where_it_is_read(workers: int) -> None:
    spec = steps(source("RandomNumbers", samples=50), "features", "Log")
    made = loader(with_batching(spec, cache="none", workers=workers))
    with pytest.raises(Mistake, match=r"sample \d+: .*logarithm"):
        list(made.training(0))
    made.close()


def test_a_worker_that_is_killed_is_told_in_a_sentence(tmp_path: Path) -> None:
    made = loader(with_batching(pictures(tmp_path), cache="none", workers=1))
    batches = made.training(0)
    next(batches)
    for worker in made._reading._loader._iterator._workers:  # type: ignore[union-attr]  # as the system would choose it
        worker.kill()
    with pytest.raises(Mistake, match="ended by the system"):
        list(batches)


@pytest.mark.parametrize("settings", ELSEWHERE)
def test_reading_leaves_the_draws_of_the_network_alone(tmp_path: Path, settings: dict[str, Any]) -> None:
    made = loader(with_batching(pictures(tmp_path), **settings))
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    for number in range(2):
        list(made.training(number))
    assert torch.equal(torch.rand(3), wanted)
    made.close()


def test_parts_are_the_same_where_an_image_cannot_be_read(tmp_path: Path) -> None:
    spec = pictures(tmp_path, 40)
    whole = data.prepare(with_batching(spec, cache="memory"), HERE).rows
    (tmp_path / "pictures" / "a" / "4.png").write_bytes(b"no image")
    for cache in ("memory", "disk", "none"):
        rows = data.prepare(with_batching(spec, cache=cache), HERE).rows
        assert all(set(rows[part]) <= set(whole[part]) for part in whole)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_data_of_which_nothing_can_be_read_is_refused(tmp_path: Path, cache: str) -> None:
    spec = steps(pictures(tmp_path), "image", "Standardize")
    for path in (tmp_path / "pictures").glob("*/*.png"):
        path.write_bytes(b"no image")
    for each in (spec, steps(spec, "image")):
        with pytest.raises(Mistake, match="None of the"):
            epoch(with_batching(each, cache=cache, workers=0))


def test_a_sample_that_is_drawn_again_changes_in_another_way(tmp_path: Path) -> None:
    text = "x,w\n1,1\n2,0\n3,0\n4,0\n"
    spec = with_batching(
        steps(split(table(tmp_path, text), validation=0.0, test=0.0), "x", ("GaussianNoise", {"std": 1.0})),
        sampling="weighted",
        weights="w",
        batch_size=4,
    )
    made = data.prepare(spec, HERE, ["x"])
    flow = data.Flow(made.splits, made.rows, made.tails, made.weights, made.cache, made.where)
    (batch,) = data.Loader(flow, batching_of(spec), CPU, 0).training(0)
    assert len(set(batch[0].flatten().tolist())) == 4


def test_a_run_that_goes_on_keeps_what_its_steps_learned(tmp_path: Path) -> None:
    spec = steps(with_batching(table(tmp_path, "x,y\n1,2\n3,4\n5,6\n7,8\n9,1\n2,3\n")), "x", "Standardize")
    first = data.prepare(spec, HERE, ["x"])
    (tmp_path / "table.csv").write_text("x,y\n100,2\n300,4\n500,6\n700,8\n900,1\n2,3\n")
    again = data.prepare(spec, HERE, ["x"], first.state)
    assert again.state["columns"]["x"]["steps"] == first.state["columns"]["x"]["steps"]


def test_letting_go_ends_workers_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    made = loader(with_batching(pictures(tmp_path), cache="none", workers=2))
    batches = made.training(0)
    next(batches)
    workers = made._reading._loader._iterator._workers  # type: ignore[union-attr]  # what the system knows of
    made.close()
    for worker in workers:
        worker.join(5)
        assert not worker.is_alive()
    del batches


def test_a_batch_that_cannot_be_read_is_counted_so_that_an_epoch_goes_on_at_the_right_one(tmp_path: Path) -> None:
    spec = with_batching(pictures(tmp_path), cache="none", batch_size=1)
    loaded = loader(spec)
    order = loaded._order(0)
    assert order is not None
    whole = epoch(spec)
    made = data.prepare(spec, HERE)
    broken = sorted(tmp_path.rglob("*.png"))[int(made.rows["train"][order[1]])]
    broken.write_bytes(broken.read_bytes()[:40])
    given = iter(loaded.training(0))
    places = []
    for _batch in given:
        places.append(loaded.place)
    loaded.close()
    assert places == [1, *range(3, len(whole) + 1)]
    assert same(epoch(spec, 0, places[1]), whole[places[1] :])


def test_an_epoch_goes_on_to_its_end_where_nothing_of_the_rest_can_be_read(tmp_path: Path) -> None:
    spec = with_batching(pictures(tmp_path), cache="none", batch_size=1)
    loaded = loader(spec)
    order, count = loaded._order(0), loaded.steps()
    assert order is not None
    made = data.prepare(spec, HERE)
    for place in order[-2:]:
        sorted(tmp_path.rglob("*.png"))[int(made.rows["train"][place])].write_bytes(b"no image")
    assert list(loaded.training(0, count - 2)) == []
    assert loaded.place == count
    loaded.close()
