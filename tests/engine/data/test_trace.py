from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine import data, edit
from engine.data import steps as column_steps
from engine.data import trace as tracing
from engine.data.browse import browse
from engine.data.keys import Keys
from engine.data.sources import open_source
from engine.data.trace import trace, with_tokens
from engine.problem import Mistake
from tests.engine.data.making import HERE, bound, source, split, steps, table
from tests.engine.data.test_browse import images, sounds

ROWS = "a,b,kind\n" + "".join(f"{i},{i * i},{'xyz'[i % 3]}\n" for i in range(50))


def test_numbers_are_shown_as_training_gets_them(tmp_path: Path) -> None:
    spec = bound(
        steps(table(tmp_path, ROWS, target="kind"), "a", "Standardize", ("Scale", {"factor": 10.0})), "a", "kind"
    )
    train = data.prepare(spec, HERE).splits["train"]["a"]
    for place in (0, 3, len(train)):  # after the last comes the first again
        found = trace(spec, HERE, "a", place)
        assert [stage["op"] for stage in found["stages"]] == ["", "Standardize", "Scale"]
        before, standard, scaled = (stage["value"]["numbers"][0] for stage in found["stages"])
        assert before == found["index"]
        assert scaled == pytest.approx(float(train[place % len(train), 0]), rel=1e-5)
        assert scaled == pytest.approx(10 * standard)
        assert found["note"] == ""
    json.dumps(found, allow_nan=False)


def test_joined_numbers_have_the_names_of_their_columns(tmp_path: Path) -> None:
    stages = trace(table(tmp_path, ROWS, target="kind"), HERE, "features")["stages"]
    assert stages[0]["value"]["names"] == ["a", "b"]
    assert stages[1]["value"]["shape"] == [2]


def test_classes_have_their_name_and_place(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, "a,b\n" + "".join(f"{i % 4 * 5},{i}\n" for i in range(40))), "a", "Index")
    found = trace(spec, HERE, "a", 2)
    (number,) = found["stages"][0]["value"]["numbers"]
    assert found["stages"][1]["value"] == {"text": str(int(number)), "place": int(number) // 5}
    kind = trace(table(tmp_path, ROWS, target="kind"), HERE, "kind")
    assert [stage["value"]["text"] for stage in kind["stages"]] == ["xyz"[kind["index"] % 3]]


def test_dates_and_lists_are_shown_as_people_write_them(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"day": "2020-02-{i % 28 + 1:02}", "bag": {list(range(i % 4 + 1))}, "y": {i}}}\n' for i in range(60)
    )
    (tmp_path / "t.jsonl").write_text(rows)
    only_day = {"year": False, "month": False, "weekday": False, "day": True, "cyclic": False}
    spec = steps(source("Table", tmp_path / "t.jsonl", target="y"), "day", ("DateParts", only_day))
    day, bag = trace(spec, HERE, "day"), trace(spec, HERE, "bag")
    row = day["index"]
    assert day["stages"][0]["value"]["text"] == f"2020-02-{row % 28 + 1:02}"
    assert day["stages"][1]["value"]["numbers"] == [row % 28 + 1]
    assert bag["stages"][0]["value"]["numbers"] == list(range(row % 4 + 1))


def test_a_missing_value_ends_the_way(tmp_path: Path) -> None:
    rows = "text,y\n" + "".join(f"{'' if i % 2 else f'a longer text number {i} of many'},{i}\n" for i in range(40))
    spec = bound(table(tmp_path, rows, texts=["text"]), "y")
    found = [trace(spec, HERE, "text", place) for place in range(6)]
    assert {len(each["stages"]) for each in found} == {1, 3}
    assert {each["stages"][0]["value"].get("missing", False) for each in found} == {True, False}


def test_a_text_is_shown_token_by_token_and_filled_up(tmp_path: Path) -> None:
    rows = "text,y\n" + "".join(f"One two three four,{i}\n" for i in range(30))
    spec = steps(
        table(tmp_path, rows, texts=["text"]), "text", "Tokenize", ("Truncate", {"length": 3}), ("Pad", {"length": 5})
    )
    stages = trace(spec, HERE, "text")["stages"]
    assert stages[0]["value"] == {"text": "One two three four"}
    assert [stage["value"]["tokens"] for stage in stages[1:]] == [
        ["one", "two", "three", "four"],
        ["one", "two", "three"],
        ["one", "two", "three", "<pad>", "<pad>"],
    ]
    page = with_tokens(spec, HERE, browse(spec, HERE, count=2))
    assert page["samples"][1]["tokens"] == {"text": ["one", "two", "three", "<pad>", "<pad>"]}


def test_texts_whose_steps_are_wrong_have_no_tokens(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, "text,y\nsome words,1\n" * 1 + "more words,2\n" * 20, texts=["text"]), "text", "Pad")
    page = with_tokens(spec, HERE, browse(spec, HERE, count=1))
    assert page["samples"][0]["tokens"] == {}
    with pytest.raises(Mistake, match="let its first step be Tokenize"):
        trace(spec, HERE, "text")


def test_an_image_is_shown_after_each_step(tmp_path: Path) -> None:
    spec = steps(images(tmp_path), "image", "Standardize")
    first, second = trace(spec, HERE, "image")["stages"]
    assert first["value"]["shape"] == [3, 16, 16]
    assert first["value"]["range"] == [0.0, 1.0]
    assert second["value"]["range"][0] < -0.9
    picture = Image.open(BytesIO(base64.b64decode(second["value"]["png"])))
    assert picture.size == (16, 16)


def test_random_steps_are_drawn_as_training_draws_them(tmp_path: Path) -> None:
    flipped = steps(images(tmp_path, 6), "image", ("RandomErasing", {"p": 1.0}), "Standardize")
    spec = bound(edit.set_setting(flipped, "training.seed", 3), "image", "label")
    spec = edit.set_setting(spec, "data.batching.shuffle", False)
    rest = trace(spec, HERE, "image", 1)
    assert rest["random"] is True
    assert rest["stages"][0]["value"]["png"] == rest["stages"][1]["value"]["png"]
    drawn = {epoch: trace(spec, HERE, "image", 1, epoch)["stages"][2]["value"] for epoch in (1, 2, 3)}
    assert len({each["png"] for each in drawn.values()}) == 3
    row = trace(spec, HERE, "image", 1)["index"]
    reader = open_source(spec, HERE)
    stored = torch.from_numpy(reader.fetch(np.array([row]), ["image"])["image"])
    fitted = data.prepare(spec, HERE).state["columns"]["image"]["steps"]
    second = column_steps.apply(fitted, stored, Keys(3, 1, torch.tensor([row])))[0]  # epoch 2, counted from 0
    assert drawn[2]["range"] == pytest.approx([float(second.min()), float(second.max())], abs=1e-5)


def test_steps_are_learned_from_what_can_be_read(tmp_path: Path) -> None:
    spec = split(steps(images(tmp_path, 10), "image", "Standardize"), validation=0.1, test=0.1)
    for number in range(1, 10):
        (tmp_path / "dog" / f"{number}.png").write_text("no image")
    found = trace(spec, HERE, "image", 0)
    low, high = found["stages"][1]["value"]["range"]
    assert [stage["op"] for stage in found["stages"]] == ["", "Standardize"]
    assert -4 < low < 0 < high < 4


def test_a_sound_becomes_shorter_and_then_frames(tmp_path: Path) -> None:
    listed = (("Resample", {"rate": 4000}), "Mono", ("TrimPad", {"seconds": 0.5}), ("MelSpectrogram", {"n_mels": 20}))
    spec = steps(sounds(tmp_path), "audio", *listed)
    stages = [stage["value"] for stage in trace(spec, HERE, "audio")["stages"]]
    assert [stage.get("rate") for stage in stages] == [8000, 4000, 4000, 4000, None]
    assert stages[3]["seconds"] == 0.5
    assert stages[4]["shape"] == [1 + (2000 - 0) // 160, 20]
    assert "spectrum" in stages[0]
    assert "peaks" not in stages[4]


def test_a_preview_learns_from_some_samples_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "FITTED_ON", 10)
    found = trace(table(tmp_path, ROWS, target="kind"), HERE, "features")
    assert found["note"] == "Learned from 10 of the 40 training samples; training learns from them all."
    assert trace(table(tmp_path, ROWS, target="kind"), HERE, "kind")["note"] == ""


def test_a_column_that_is_gone_is_said() -> None:
    with pytest.raises(Mistake, match="no column 'gone'"):
        trace(source("Iris"), HERE, "gone")


def test_pictures_of_the_digits_stay_their_shape() -> None:
    value = trace(source("Digits"), HERE, "image", 4)["stages"][0]["value"]
    picture = np.asarray(Image.open(BytesIO(base64.b64decode(value["png"]))))
    assert picture.shape == (8, 8)
