from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import data
from engine.spec import Spec
from tests.engine.data.making import HERE, refusal, source, split, write_image

ROWS = "file,kind,size\n" + "".join(f"pictures/{i}.png,{'cat' if i % 2 else 'dog'},{i}\n" for i in range(6))


def pictures(home: Path, text: str = ROWS, **params: Any) -> Spec:
    for i in range(6):
        write_image(home / "pictures" / f"{i}.png", (255, 0, 0) if i % 2 else (0, 0, 255))
    (home / "table.csv").write_text(text)
    return source("ImagesInTable", home / "table.csv", **{"height": 4, "width": 5, "target": "kind", **params})


def test_images_stand_beside_the_other_columns(tmp_path: Path) -> None:
    dataset = data.prepare(split(pictures(tmp_path), validation=0.0, test=0.0), HERE)
    assert dataset.columns["image"].shape == (3, 4, 5)
    assert dataset.columns["kind"].classes == ("cat", "dog")
    train = dataset.splits["train"]
    assert train["image"][:, 0].amax((1, 2)).tolist() == [0, 1, 0, 1, 0, 1]
    assert train["kind"].tolist() == [1, 0] * 3
    assert "file" not in dataset.columns
    assert data.report(pictures(tmp_path), HERE).samples[1]["kind"] == "cat"


def test_paths_start_at_a_folder_that_is_named(tmp_path: Path) -> None:
    text = ROWS.replace("pictures/", "")
    message, param = refusal(pictures(tmp_path, text))
    assert param == "data.source.params.folder"
    assert "table.csv, row 2: file names 0.png" in message
    assert not data.report(pictures(tmp_path, text, folder=str(tmp_path / "pictures")), HERE).problems


@pytest.mark.parametrize(
    ("text", "params", "words"),
    [
        (ROWS, {"image": "fil"}, "no column 'fil' (did you mean 'file'?)"),
        (ROWS, {"image": "file", "target": "file"}, "is the target too"),
        (ROWS.replace("pictures/3.png", ""), {"image": "file"}, "row 5: file is empty"),
        (ROWS.replace("3.png", "9.png"), {}, "row 5: file names pictures/9.png"),
        (ROWS.replace("size", "image"), {}, "has a column image beside file"),
        ("kind,size\na,1\nb,2\n", {}, "no column of paths of images"),
    ],
)
def test_a_faulty_table_is_refused_with_its_row(tmp_path: Path, text: str, params: dict[str, str], words: str) -> None:
    assert words in refusal(pictures(tmp_path, text, **params))[0]


def test_an_image_that_is_damaged_is_named(tmp_path: Path) -> None:
    spec = pictures(tmp_path)
    (tmp_path / "pictures" / "3.png").write_bytes(b"no image")
    assert any("3.png is no image" in note for note in data.prepare(spec, HERE).notes)
