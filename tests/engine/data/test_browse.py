from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from engine import data, edit
from engine.data.browse import browse, heat, look, outline, shares, sound
from engine.data.guess import guess
from engine.data.sources import open_source
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, source, split, steps, table

ROWS = "a,b,kind\n" + "".join(f"{i},{'' if i == 7 else i * 2},{'xyz'[i % 3]}\n" for i in range(60))


def picture(shown: dict[str, str]) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(shown["png"])))


def test_pages_hold_each_sample_once(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS, target="kind")
    pages = [browse(spec, HERE, start=start, count=25) for start in (0, 25, 50, 75)]
    assert {page["total"] for page in pages} == {60}
    indices = [sample["index"] for page in pages for sample in page["samples"]]
    assert indices == list(range(60))
    assert pages[0]["samples"][8]["values"]["a"] == 8.0
    assert pages[0]["samples"][7]["values"]["b"] is None
    assert "row 9" in pages[0]["samples"][7]["where"]
    json.dumps(pages, allow_nan=False)


def test_a_part_has_the_samples_that_training_gets(tmp_path: Path) -> None:
    spec = bound(split(table(tmp_path, ROWS, target="kind", missing="drop rows"), seed=3), "a", "b", "kind")
    prepared = data.prepare(steps(spec, "a"), HERE).splits
    for part, columns in prepared.items():
        page = browse(steps(spec, "a"), HERE, part, count=100)
        shown = [sample["values"]["a"] for sample in page["samples"]]
        assert shown == columns["a"][:, 0].tolist()
        assert 7.0 not in shown  # lacks a value, and is left out


def test_a_class_has_its_samples_alone(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS, target="kind", missing="drop rows")
    page = browse(spec, HERE, "train", "y", count=100)
    assert {sample["values"]["kind"] for sample in page["samples"]} == {"y"}
    assert page["total"] == len(page["samples"]) == data.report(spec, HERE).splits["train"] // 3
    with pytest.raises(Mistake, match="no class 'w'"):
        browse(spec, HERE, "", "w")


def test_numbers_that_became_classes_can_be_chosen_by(tmp_path: Path) -> None:
    spec = steps(
        table(tmp_path, "a,y\n" + "".join(f"{i},{i % 3 + 0.5}\n" for i in range(30)), target="y"), "y", "Index"
    )
    page = browse(spec, HERE, "", "1.5")
    assert {sample["values"]["y"] for sample in page["samples"]} == {1.5}
    assert page["total"] == 10


def test_all_samples_are_shown_where_they_cannot_be_shared_out(tmp_path: Path) -> None:
    spec = bound(table(tmp_path, ROWS), "b")
    assert browse(spec, HERE)["total"] == 60
    with pytest.raises(Mistake, match="lack a value"):
        browse(spec, HERE, "train")


def test_the_split_is_kept_until_a_setting_changes_it(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS, missing="drop rows")
    reader = open_source(spec, HERE)
    first = shares(spec, reader)
    assert shares(spec, reader) is first
    assert shares(split(spec, seed=5), reader) is not first


def images(folder: Path, count: int = 4) -> Spec:
    for name, colour in (("cat", (255, 0, 0)), ("dog", (0, 0, 255))):
        (folder / name).mkdir()
        for number in range(count):
            Image.new("RGB", (40, 20), colour).save(folder / name / f"{number}.png")
    return source("ImageFolder", folder, height=16, width=16)


def test_classes_that_lie_one_by_one_come_mixed(tmp_path: Path) -> None:
    spec = images(tmp_path, 20)
    labels = [sample["values"]["label"] for sample in browse(spec, HERE)["samples"]]
    assert sorted(labels) == ["cat"] * 20 + ["dog"] * 20
    assert len(set(labels[:20])) == 2
    assert [sample["values"]["label"] for sample in browse(spec, HERE)["samples"]] == labels


def test_an_image_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    spec = images(tmp_path)
    (tmp_path / "dog" / "1.png").write_text("no image")
    samples = browse(spec, HERE)["samples"]
    (bad,) = [each for each in samples if "error" in each]
    assert "1.png" in bad["error"]
    assert bad["values"] == {"label": "dog"}
    assert len([each for each in samples if "image" in each["values"]]) == 7


def test_a_sample_is_looked_at_closely_with_its_facts(tmp_path: Path) -> None:
    spec = images(tmp_path)
    found = look(spec, HERE, 5)
    assert picture(found["values"]["image"]).size == (16, 16)
    facts = dict(found["facts"])
    assert facts["Sample"] == "6 of 8"
    assert facts["From"] == str(tmp_path / "dog" / "1.png")
    assert facts["Split"] in ("train", "validation", "test")
    assert facts["Size of the file"] == "40 × 20 pixels"
    assert facts["image"] == "3 × 16 × 16 as the network gets it"
    with pytest.raises(Mistake, match="no sample 9"):
        look(spec, HERE, 8)


def sounds(folder: Path) -> Spec:
    wave = np.sin(np.arange(4000) / 8000 * 2 * np.pi * 1000)
    for name in ("high", "low"):
        (folder / name).mkdir()
        for number in range(3):
            soundfile.write(folder / name / f"{number}.wav", wave[: 2000 + 500 * number] / 2, 8000)
    return source("AudioFolder", folder)


def test_a_sound_is_played_as_it_was_recorded(tmp_path: Path) -> None:
    spec = sounds(tmp_path)
    found = sound(spec, HERE, "audio", 2)
    assert (found["rate"], found["channels"]) == (8000, 1)
    played = np.frombuffer(base64.b64decode(found["pcm"]), "<i2") / 32767
    recorded, _rate = soundfile.read(tmp_path / "high" / "2.wav")
    assert np.abs(played - recorded).max() < 1e-3
    with pytest.raises(Mistake, match="label holds no sounds"):
        sound(spec, HERE, "label", 0)


def test_a_sound_has_an_outline_and_its_spectrum(tmp_path: Path) -> None:
    shown = look(sounds(tmp_path), HERE, 0)["values"]["audio"]
    assert max(shown["peaks"]) == pytest.approx(0.5, abs=0.01)
    pixels = np.asarray(picture({"png": shown["spectrum"]}), np.float64).sum(axis=2)
    loudest = len(pixels) - 1 - int(pixels[:, pixels.shape[1] // 2].argmax())
    assert loudest / (len(pixels) - 1) * 4000 == pytest.approx(1000, abs=40)  # the tone that was written


def test_an_outline_keeps_the_largest_swing() -> None:
    wave = np.zeros((1000, 2))
    wave[777, 1] = -0.75
    assert outline(wave, 10) == [0.0] * 7 + [0.75, 0.0, 0.0]
    assert outline(wave[:3], 10) == [0.0, 0.0, 0.0]


def test_silence_has_a_spectrum_to_show() -> None:
    assert picture({"png": heat(np.zeros((5, 9)))}).size == (5, 9)


@pytest.mark.parametrize(
    ("name", "column", "shown"),
    [
        ("tabular_adult", "column_2", "State-gov"),
        ("text_sms_spam", "column_1", "ham"),
        ("recsys_ml_latest_small", "item", "31 Dangerous Minds (1995)"),
    ],
)
def test_real_data_is_browsed(data_folder: Callable[[str], Path], name: str, column: str, shown: Any) -> None:
    first = guess(data_folder(name))[0]
    spec = edit.set_source(Spec(), first.kind, first.params)
    page = browse(spec, HERE)
    assert page["samples"][0]["values"][column] == shown
    parts = {part: browse(spec, HERE, part, count=1)["total"] for part in ("train", "validation", "test")}
    assert parts == data.report(spec, HERE).splits


def test_images_are_chosen_by_the_class_of_a_box(data_folder: Callable[[str], Path]) -> None:
    first = guess(data_folder("detection_bccd"))[0]
    spec = edit.set_source(Spec(), first.kind, first.params)
    page = browse(spec, HERE, "test", "Platelets", count=100)
    assert 0 < page["total"] < browse(spec, HERE, "test")["total"]
    assert all("Platelets" in sample["values"]["boxes"]["labels"] for sample in page["samples"])
