from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import data, fixes
from engine.data.idx import read_idx
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, idx_folder, image_folder, source, split, steps, table, write_image

FLOWERS = "length,width,colour,kind\n" + "".join(f"{i},{i / 2},{'rg'[i % 2]}ed,{'xyz'[i % 3]}\n" for i in range(30))
WANTED = ["features", "colour"]


@pytest.fixture
def flowers(tmp_path: Path) -> tuple[Spec, data.Dataset]:
    spec = split(table(tmp_path, FLOWERS, target="kind"), validation=0.0, test=0.0)
    return spec, data.prepare(spec, HERE)


def same(found: dict[str, torch.Tensor], dataset: data.Dataset, place: int) -> bool:
    """Whether the first new sample is the training sample at a place."""
    train = dataset.splits["train"]
    return all(torch.allclose(tensor[0], train[name][place], atol=1e-5) for name, tensor in found.items())


@pytest.mark.parametrize(
    "row",
    [
        {"length": 7, "width": 3.5, "colour": "ged"},
        {"features": [7, 3.5], "colour": "ged"},
        {"length": "7", "width": " 3.5 ", "colour": " ged", "kind": None, "other": 1},
    ],
)
def test_raw_rows_become_what_the_model_was_trained_on(flowers: tuple[Spec, data.Dataset], row: dict[str, Any]) -> None:
    assert same(data.read_rows(flowers[1].state, [row], WANTED), flowers[1], 7)


def test_a_saved_state_reads_rows_like_a_fresh_one(flowers: tuple[Spec, data.Dataset]) -> None:
    state = json.loads(json.dumps(flowers[1].state))
    assert same(data.read_rows(state, [{"length": 8, "width": 4, "colour": "red"}], WANTED), flowers[1], 8)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"length": 7, "colour": "red"}, "Sample 2: there is no value for 'width'"),
        ({"lenght": 7, "colour": "red"}, "no value for 'features' (or for its parts length, width)"),
        ({"length": 7, "width": "wide", "colour": "red"}, "Sample 2: width is 'wide'; it must be a number."),
        ({"length": 7, "width": None, "colour": "red"}, "Sample 2: width has no value"),
        ({"features": [7], "colour": "red"}, "Sample 2: features has 1 numbers; it must have 2."),
        ({"features": [[7], 2], "colour": "red"}, "features must be 2 numbers"),
        ({"features": [7, 2], "colour": "rad"}, "colour is 'rad' (did you mean 'red'?)"),
        ({"features": [7, 2], "colour": None}, "Sample 2: colour has no value"),
    ],
)
def test_a_faulty_row_is_named_with_its_column(
    flowers: tuple[Spec, data.Dataset], row: dict[str, Any], words: str
) -> None:
    right = {"length": 7, "width": 3.5, "colour": "red"}
    with pytest.raises(Mistake) as caught:
        data.read_rows(flowers[1].state, [right, row], WANTED)
    assert words in caught.value.message


def test_what_is_missing_in_a_row_is_filled_where_the_model_has_learnt_to(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, "a,b\n" + "1,4\n3,\n" * 10), "features", "FillMissing")
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE, ["features"])
    assert data.read_rows(dataset.state, [{"a": None, "b": "NA"}], ["features"])["features"].tolist() == [[2.0, 4.0]]


def test_a_column_the_run_never_saw_is_refused(flowers: tuple[Spec, data.Dataset]) -> None:
    with pytest.raises(Mistake, match="was not trained with a column 'colours'"):
        data.read_rows(flowers[1].state, [{}], ["colours"])
    with pytest.raises(Mistake, match="no samples"):
        data.read_rows(flowers[1].state, [], WANTED)


def test_tables_and_json_files_are_read(tmp_path: Path, flowers: tuple[Spec, data.Dataset]) -> None:
    spec, dataset = flowers
    rows = [{"length": 7, "width": 3.5, "colour": "ged"}, {"length": 8, "width": 4, "colour": "red"}]
    (tmp_path / "new.csv").write_text("colour,width,length\nged,3.5,7\nred,4,8\n")
    (tmp_path / "new.json").write_text(json.dumps(rows))
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "one.json").write_text(json.dumps(rows[0]))
    for name in ("new.csv", "new.json", "new.jsonl", "one.json"):
        found = data.read_file(spec, dataset.state, tmp_path / name, WANTED)
        assert same(found, dataset, 7)
        assert len(found["colour"]) == (1 if name == "one.json" else 2)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("new.csv", "colour,width\nred,3\n", "no column 'length'"),
        ("new.csv", "colour,width,length\nred,3,4\nred,x,5\n", "row 3: width is 'x'"),
        ("new.csv", "colour,width,length\nblue,3,4\n", "row 2: colour is 'blue'"),
        ("new.csv", "colour,width,length\nred,,4\n", "row 2: width has no value"),
        ("new.csv", "", "is empty"),
        ("new.json", "{", "is no JSON"),
        ("new.json", "[1, 2]", "must hold an object"),
        ("new.json", "[]", "must hold an object"),
        ("new.png", "no image", "no image alone|holds images alone"),
        ("new.npz", "nothing", "is no NumPy file"),
    ],
)
def test_a_faulty_file_of_new_samples_is_refused(
    tmp_path: Path, flowers: tuple[Spec, data.Dataset], name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(Mistake) as caught:
        data.read_file(flowers[0], flowers[1].state, tmp_path / name, WANTED)
    assert any(each in caught.value.message for each in words.split("|"))
    assert str(tmp_path / name) in caught.value.message


def test_a_file_of_new_samples_that_is_missing_is_refused(tmp_path: Path, flowers: tuple[Spec, data.Dataset]) -> None:
    with pytest.raises(Mistake, match="does not exist"):
        data.read_file(flowers[0], flowers[1].state, tmp_path / "gone.csv", WANTED)


def test_a_csv_of_named_features_serves_a_bundled_set(tmp_path: Path) -> None:
    spec = source("Iris")
    dataset = data.prepare(spec, HERE)
    names = dataset.columns["features"].parts
    (tmp_path / "new.csv").write_text(",".join(names) + "\n5.1,3.5,1.4,0.2\n")
    found = data.read_file(spec, dataset.state, tmp_path / "new.csv", ["features"])
    row = data.read_rows(dataset.state, [{"features": [5.1, 3.5, 1.4, 0.2]}], ["features"])
    assert torch.allclose(found["features"], row["features"])


def test_images_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    home = idx_folder(tmp_path)
    spec = split(source("Idx", home), validation=0.0)
    dataset = data.prepare(spec, HERE)
    stored = read_idx(home / "train-images-idx3-ubyte.gz")
    np.save(tmp_path / "many.npy", stored)
    np.save(tmp_path / "one.npy", stored[0])
    np.savez(tmp_path / "set.npz", image=stored[:, None])
    (tmp_path / "rows.json").write_text(
        json.dumps([{"image": stored[0].tolist()}, {"image": (stored[1] / 255).tolist()}])
    )
    for name, count in (
        ("many.npy", 20),
        ("one.npy", 1),
        ("set.npz", 20),
        ("rows.json", 2),
        ("train-images-idx3-ubyte.gz", 20),
    ):
        found = data.read_file(spec, dataset.state, tmp_path / name, ["image"])["image"]
        assert torch.allclose(found, dataset.splits["train"]["image"][:count], atol=1e-6), name


def test_a_picture_is_brought_to_the_size_and_colours_of_the_model(tmp_path: Path) -> None:
    spec = source("Digits")
    state = data.prepare(spec, HERE).state
    path = write_image(tmp_path / "a.png", (255, 255, 255), size=(30, 20))
    text = base64.b64encode(path.read_bytes()).decode()
    for found in (
        data.read_file(spec, state, path, ["image"]),
        data.read_file(spec, state, tmp_path, ["image"]),
        data.read_rows(state, [{"image": str(path)}], ["image"]),
        data.read_rows(state, [{"image": {"png": text}}], ["image"]),
        data.read_rows(state, [{"image": [[16] * 8] * 8}], ["image"]),
        data.read_rows(state, [{"image": [[[1.0] * 8] * 8]}], ["image"]),
    ):
        assert found["image"].shape == (1, 1, 8, 8)
        assert (found["image"] == 1).all()


def test_samples_of_a_report_can_be_predicted(tmp_path: Path) -> None:
    spec = split(source("ImageFolder", image_folder(tmp_path, {"cat": 3, "dog": 3})), validation=0.0, test=0.0)
    dataset, report = data.prepare(spec, HERE), data.report(spec, HERE)
    found = data.read_rows(dataset.state, report.samples, ["image", "label"])
    assert torch.allclose(found["image"], dataset.splits["train"]["image"], atol=0.01)
    assert found["label"].equal(dataset.splits["train"]["label"])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"image": [[0, 1], [1, 0]]}, "image has 1 × 2 × 2 numbers; it must have 1 × 8 × 8"),
        ({"image": [[0, 1], [1]]}, "lists of equal length"),
        ({"image": "gone.png"}, "gone.png does not exist"),
        ({"image": {"png": "???"}}, "no base64"),
        ({"image": {"png": "AAAA"}}, "the image is no image of a known format"),
    ],
)
def test_a_faulty_picture_in_a_row_is_refused(row: dict[str, Any], words: str) -> None:
    state = data.prepare(source("Digits"), HERE).state
    with pytest.raises(Mistake) as caught:
        data.read_rows(state, [row], ["image"])
    assert caught.value.message.startswith("Sample 1: ")
    assert words in caught.value.message


def test_the_fix_for_missing_values_keeps_other_steps(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, "pm2.5,b\n1,2\n,3\n" + "4,5\n" * 9), "pm2.5", "Standardize")
    with pytest.raises(Mistake) as caught:
        data.prepare(spec, HERE, ["pm2.5"])
    fixed = fixes.apply(spec, caught.value.fixes[1])
    assert [step["op"] for step in fixed.data["columns"]["pm2.5"]["steps"]] == ["FillMissing", "Standardize"]
    assert data.prepare(fixed, HERE, ["pm2.5"]).splits["train"]


# ------------------------------------------------------------------------------------- sources with their own files


def whole(spec: Spec) -> data.Dataset:
    return data.prepare(split(spec, validation=0.0, test=0.0), HERE)


def test_the_last_window_of_a_new_table_is_predicted_from(tmp_path: Path) -> None:
    days = "day,a,wind\n" + "".join(f"2024-01-{i + 1:02},{i},{'NES'[i % 3]}\n" for i in range(20))
    (tmp_path / "old.csv").write_text(days)
    spec = source("TimeSeries", tmp_path / "old.csv", time=["day"], length=3)
    dataset = whole(spec)
    (tmp_path / "new.csv").write_text("day,wind,a\n2024-02-02,N,8\n2024-02-03,S,9\n2024-01-01,N,6\n2024-02-01,N,7\n")
    past = data.read_file(spec, dataset.state, tmp_path / "new.csv", ["past"])["past"]
    columns = data.restore(dataset.state, "past", past)
    assert columns[0, :, 0].tolist() == pytest.approx([7, 8, 9], abs=1e-4)
    assert columns[0, :, 1:].round().tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
    for text, words in (
        ("day,a\n2024-01-01,1\n", "a window takes 3"),
        ("day,b\n" + "2024-01-01,1\n" * 3, "column 'a'"),
    ):
        (tmp_path / "new.csv").write_text(text)
        with pytest.raises(Mistake, match=words):
            data.read_file(spec, dataset.state, tmp_path / "new.csv", ["past"])


def test_new_series_are_filled_up_to_the_length_trained_on(tmp_path: Path) -> None:
    head = "@classLabel true up down\n@data\n"
    (tmp_path / "old.ts").write_text(head + "1,2,3:up\n3,2,1:down\n" * 5)
    spec = source("SeriesFile", tmp_path / "old.ts")
    state = whole(spec).state
    (tmp_path / "new.ts").write_text(head + "7,8:up\n")
    assert data.read_file(spec, state, tmp_path / "new.ts", ["series"])["series"].tolist() == [[[7, 8, 0]]]
    (tmp_path / "new.ts").write_text(head + "7,8,9,10:up\n")
    with pytest.raises(Mistake, match="row 3 has 1 × 4 values; the model was trained on 1 × 3"):
        data.read_file(spec, state, tmp_path / "new.ts", ["series"])


def test_new_ratings_come_by_the_names_of_their_table(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(
        "userId,movieId,rating\n" + "".join(f"{i % 3},{i % 4},{i % 5}\n" for i in range(12))
    )
    spec = source("Ratings", tmp_path / "old.csv")
    state = whole(spec).state
    (tmp_path / "new.csv").write_text("movieId,userId\n3,1\n0,2\n")
    found = data.read_file(spec, state, tmp_path / "new.csv", ["user", "item"])
    assert {name: each.tolist() for name, each in found.items()} == {"user": [1, 2], "item": [3, 0]}
    (tmp_path / "new.csv").write_text("movieId,userId\n3,1\n9,2\n")
    with pytest.raises(Mistake, match="Sample 2: item is '9', which the training data does not have"):
        data.read_file(spec, state, tmp_path / "new.csv", ["user", "item"])


def test_new_images_named_in_a_table_are_read(tmp_path: Path) -> None:
    for i in range(4):
        write_image(tmp_path / f"{i}.png", (255 * (i % 2), 0, 0))
    (tmp_path / "old.csv").write_text("file,kind\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(4)))
    spec = source("ImagesInTable", tmp_path / "old.csv", target="kind", height=4, width=4)
    dataset = whole(spec)
    (tmp_path / "new.csv").write_text("file\n1.png\n2.png\n")
    found = data.read_file(spec, dataset.state, tmp_path / "new.csv", ["image"])["image"]
    assert torch.equal(found, dataset.splits["train"]["image"][1:3])
