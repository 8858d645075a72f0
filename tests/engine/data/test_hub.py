from __future__ import annotations

import errno
import io
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import soundfile
from datasets import Audio, ClassLabel, Features, Image, List, Translation, Value
from PIL import Image as Picture

from engine import data
from engine.data.guess import guess
from engine.data.hubfiles import PARQUET_COPY, hub_name
from engine.data.sources import close_source, open_source
from engine.problem import Mistake
from engine.progress import Headway, watched
from engine.spec import Spec
from tests.engine.data.fakehub import SET, FakeHub, serving, turn_to
from tests.engine.data.making import HERE, bound, refusal, source

WORDS = "the quick brown fox jumps over number"


def lines(count: int) -> bytes:
    return b"text,label\n" + b"".join(f"{WORDS} {row},{row % 2}\n".encode() for row in range(count))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a set of two splits."""
    with serving(FakeHub({"README.md": b"# A set\n", "train.csv": lines(40), "test.csv": lines(10)})) as served:
        turn_to(served, tmp_path / "cache", monkeypatch)
        yield served
    close_source()


def hub_spec(**params: Any) -> Spec:
    return source("HubDataset", name=SET, **params)


def local(folder: Path, columns: dict[str, Any], features: Features | None = None, **params: Any) -> Spec:
    """A spec for a set in a folder, as `datasets` writes it, and its caches beside."""
    folder.mkdir(exist_ok=True)
    schema = features.arrow_schema if features is not None else None
    pq.write_table(pa.table(columns, schema=schema), folder / "train.parquet")
    return source("HubDataset", name=str(folder), **params)


# --------------------------------------------------------------------------------------------------------- fetching


def test_a_set_is_fetched_and_its_splits_are_kept_apart(hub: FakeHub) -> None:
    report = data.report(hub_spec(target="label"), HERE)
    assert not report.problems
    assert report.splits == {"train": 36, "validation": 4, "test": 10}
    assert {name: column.kind for name, column in report.columns.items()} == {"label": "category", "text": "text"}
    assert report.samples[0]["text"] == f"{WORDS} 0"


def test_what_was_fetched_is_read_without_a_network_and_that_is_told(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.report(hub_spec(target="label"), HERE)
    close_source()
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    report = data.report(hub_spec(target="label"), HERE)
    assert report.splits["test"] == 10
    assert f"{SET} is read from the cache, for HF_HUB_OFFLINE is set." in report.notes
    assert hub.asked == []


def test_a_set_that_is_neither_cached_nor_in_reach_is_told_with_what_to_do(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    message, param = refusal(hub_spec())
    assert param == "data.source.params.name"
    assert f"{SET} is not in the cache" in message
    assert "unset it once" in message
    monkeypatch.delenv("HF_DATASETS_OFFLINE")
    monkeypatch.setattr("engine.data.hubfiles._reached", lambda _endpoint: False)
    assert "the Hugging Face hub cannot be reached; connect to the network once" in refusal(hub_spec())[0]


def test_a_download_tells_how_far_it_has_come_and_that_it_is_done(hub: FakeHub) -> None:
    told: list[Headway] = []
    with watched(told.append):
        data.report(hub_spec(), HERE)
    downloads = [each for each in told if each.what == f"Downloading {SET}"]
    assert downloads[-1].done == downloads[-1].total == len(hub.files["train.csv"]) + len(hub.files["test.csv"])
    assert told[-1] == Headway("")


def test_a_download_that_is_cut_off_goes_on_where_it_was(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)
    hub.cut_at = 500
    assert not data.report(hub_spec(), HERE).problems
    assert any(each.endswith("from 500") for each in hub.asked)


def test_nothing_of_the_libraries_is_printed(hub: FakeHub, capfd: pytest.CaptureFixture[str]) -> None:
    data.report(hub_spec(), HERE)
    assert capfd.readouterr() == ("", "")


# --------------------------------------------------------------------------------------------------------- refusing


def test_a_name_that_the_hub_does_not_know_is_told_with_near_ones(hub: FakeHub) -> None:
    with pytest.raises(Mistake, match=r"shows no data set 'owner/sett'; it has owner/set; mend the name") as caught:
        guess(Path("hub:owner/sett"))
    assert caught.value.fixes[0].arguments["value"] == SET


@pytest.mark.parametrize("name", ["a/b/c", "owner/set?x", "ö/x"])
def test_what_is_no_name_is_not_asked_for(hub: FakeHub, name: str) -> None:
    assert "write it as the hub does" in refusal(source("HubDataset", name=name))[0]
    assert hub.asked == []


def test_a_set_that_asks_for_leave_is_told_with_the_way_to_it(hub: FakeHub) -> None:
    hub.refusal = (401, "GatedRepo")
    assert (
        "ask for it at https://huggingface.co/datasets/owner/set, then log in with `hf auth login` or set HF_TOKEN"
        in (refusal(hub_spec())[0])
    )


def test_code_of_the_hub_is_never_run(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["set.py"] = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    with pytest.raises(Mistake, match="no code of the hub is run") as caught:
        open_source(hub_spec(), HERE)
    assert caught.value.fixes[0].arguments["value"] == PARQUET_COPY
    assert not (tmp_path / "ran").exists()


class _Trap:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def test_a_pickle_of_the_hub_is_never_read(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hub.files = {"train.pkl": pickle.dumps(_Trap())}
    refusal(hub_spec())
    assert not (tmp_path / "ran").exists()


def test_a_config_is_asked_for_where_there_are_several(hub: FakeHub) -> None:
    hub.files["README.md"] = (
        b"---\nconfigs:\n- config_name: one\n  data_files: train.csv\n- config_name: two\n  data_files: test.csv\n---\n"
    )
    message, param = refusal(hub_spec())
    assert (message, param) == (f"{SET} has several configs; set config; it has one, two.", "data.source.params.config")
    assert "no config 'tow' (did you mean 'two'?)" in refusal(hub_spec(config="tow"))[0]
    assert data.report(hub_spec(config="two"), HERE).splits["train"] == 8
    assert [each.params["config"] for each in guess(Path(f"hub:{SET}"))] == ["one", "two"]


def test_an_unknown_split_or_column_is_told_with_those_there_are(hub: FakeHub) -> None:
    assert refusal(hub_spec(test="tset"))[0] == f"{SET} has no split 'tset' (did you mean 'test'?); it has train, test."
    assert "no column 'lable' (did you mean 'label'?)" in refusal(hub_spec(target="lable"))[0]


def test_a_full_disk_is_told_with_its_folder(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
    message = refusal(hub_spec())[0]
    assert f"{SET} does not fit on the disk of {tmp_path / 'cache'}" in message
    assert "set HF_HOME to a folder on another disk" in message


def failing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every download end in an error."""

    def fetch(*_args: Any, **_keywords: Any) -> None:
        raise error

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)


def test_a_disk_that_the_library_finds_too_small_is_told_with_what_is_needed(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(OSError("Not enough disk space. Needed: 12.5 GiB (download: 5 GiB, generated: 7.5 GiB)"), monkeypatch)
    assert "GiB free, and 12.5 GiB are needed; make room" in refusal(hub_spec())[0]


def test_a_connection_that_breaks_is_told(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(httpx2.RemoteProtocolError("peer closed connection"), monkeypatch)
    words = "the connection to the Hugging Face hub broke (peer closed connection); try again, and the download goes on"
    assert words in refusal(hub_spec())[0]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "is no folder" in refusal(source("HubDataset", name=str(tmp_path / "nothing")))[0]
    assert "No data set is named" in refusal(source("HubDataset"))[0]


# ---------------------------------------------------------------------------------------------------------- columns


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the library's caches."""
    turn_to(FakeHub({}), tmp_path / "cache", monkeypatch)
    return tmp_path


def test_classes_stand_in_the_order_of_the_hub(cache: Path) -> None:
    features = Features({"x": Value("float64"), "y": ClassLabel(names=["zebra", "ape", "cat"])})
    spec = local(cache / "set", {"x": np.arange(30.0), "y": [0, 1] * 15}, features, target="y")
    column = data.report(spec, HERE).columns["y"]
    assert column.classes == ("zebra", "ape", "cat")
    assert column.counts == (15, 15, 0)


def picture(grey: int) -> bytes:
    stream = io.BytesIO()
    Picture.new("RGB", (8, 6), (grey, grey, grey)).save(stream, "PNG")
    return stream.getvalue()


def test_images_are_decoded_when_they_are_fetched(cache: Path) -> None:
    pictures = [{"bytes": picture(10 * row), "path": None} for row in range(10)]
    features = Features({"picture": Image(), "y": ClassLabel(names=["a", "b"])})
    columns = {"picture": pictures, "y": [0, 1] * 5}
    spec = local(cache / "set", columns, features, target="y", height=6, width=8)
    reader = open_source(spec, HERE)
    assert reader.columns["picture"].shape == (3, 6, 8)
    fetched = reader.fetch(np.array([7, 2]), ["picture"])["picture"]
    scale = 1.0 if fetched.dtype == np.uint8 else 255.0
    assert np.allclose(fetched[0] * scale, 70, atol=0.5)
    assert np.allclose(fetched[1] * scale, 20, atol=0.5)
    assert reader.held("picture") is None


def test_a_picture_that_is_none_is_named_by_its_row(cache: Path) -> None:
    features = Features({"picture": Image(), "y": ClassLabel(names=["a", "b"])})
    pictures = [{"bytes": b"no picture", "path": None}] * 10
    spec = local(cache / "set", {"picture": pictures, "y": [0, 1] * 5}, features, target="y")
    assert "row 1, picture is no image of a known format" in refusal(spec)[0]


def test_a_set_does_not_choose_what_is_read_of_this_machine(cache: Path) -> None:
    secret = cache / "mine.png"
    secret.write_bytes(picture(9))
    features = Features({"picture": Image(), "y": ClassLabel(names=["a", "b"])})
    pictures = [{"bytes": None, "path": str(secret)}] * 10
    spec = local(cache / "set", {"picture": pictures, "y": [0, 1] * 5}, features, target="y")
    assert f"row 1, picture names {secret}, which is no file of the set" in refusal(spec)[0]


def test_a_folder_of_images_is_read_as_the_library_reads_it(cache: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        path = cache / "set" / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(50 if "cat" in name else 200))
    report = data.report(source("HubDataset", name=str(cache / "set"), target="label"), HERE)
    assert not report.problems
    assert report.columns["label"].classes == ("cat", "dog")
    assert all("png" in sample["image"] for sample in report.samples)


def wave(rate: int, seconds: float) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(round(rate * seconds)) / 9), rate, format="WAV")
    return stream.getvalue()


def test_sounds_are_read_and_bad_ones_left_out(cache: Path) -> None:
    sounds = [{"bytes": wave(8000, 0.1 + 0.01 * row), "path": None} for row in range(12)]
    sounds[3] = {"bytes": b"no sound", "path": None}
    features = Features({"sound": Audio(), "y": ClassLabel(names=["a", "b"])})
    spec = local(cache / "set", {"sound": sounds, "y": [0, 1] * 6}, features, target="y")
    report = data.report(spec, HERE)
    assert report.columns["sound"].kind == "audio"
    assert any(note.startswith("1 sound is left out: row 4, sound cannot be decoded") for note in report.notes)
    dataset = data.prepare(bound(spec, "sound", "y"), HERE)
    lengths = sorted(int(each) for split in dataset.splits.values() for each in split["sound"].counts)
    assert lengths == sorted(round(8000 * (0.1 + 0.01 * row)) for row in range(12) if row != 3)


def test_a_sound_and_its_words_differ_in_length_by_names_of_their_own(cache: Path) -> None:
    sounds = [{"bytes": wave(8000, 0.1), "path": None}] * 30
    features = Features({"sound": Audio(), "said": Value("string")})
    words = [f"{WORDS} and so on {row}" for row in range(30)]
    report = data.report(local(cache / "set", {"sound": sounds, "said": words}, features), HERE)
    assert (report.columns["sound"].shape, report.columns["said"].shape) == (("T_sound",), ("T",))


def test_images_alone_are_a_set(cache: Path) -> None:
    pictures = [{"bytes": picture(9), "path": None}] * 10
    report = data.report(local(cache / "set", {"picture": pictures}, Features({"picture": Image()})), HERE)
    assert (report.problems, list(report.columns), report.splits["train"]) == ((), ["picture"], 8)


def test_lists_objects_and_translations_become_columns(cache: Path) -> None:
    columns = {
        "track": [[1.0] * (row % 3 + 1) for row in range(12)],
        "place": [{"x": row, "y": -row} for row in range(12)],
        "words": [["a", "b"]] * 12,
        "translation": [{"en": f"hello {row}", "fr": f"salut {row}"} for row in range(12)],
    }
    features = Features(
        {
            "track": List(Value("float32")),
            "place": {"x": Value("int64"), "y": Value("int64")},
            "words": List(Value("string")),
            "translation": Translation(["en", "fr"]),
        }
    )
    report = data.report(local(cache / "set", columns, features), HERE)
    kinds = {name: column.kind for name, column in report.columns.items()}
    assert kinds["track"] == "sequence"
    assert (kinds["place_x"], kinds["place_y"]) == ("number", "number")
    assert (kinds["en"], kinds["fr"]) == ("text", "text")
    assert "words" not in kinds
    assert any(note.startswith("words holds lists of string") for note in report.notes)


def test_a_test_split_without_answers_is_left_out(hub: FakeHub) -> None:
    hub.files["README.md"] = (
        b"---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n  - name: label\n"
        b"    dtype:\n      class_label:\n        names:\n          '0': bad\n          '1': good\n---\n"
    )
    hub.files["test.csv"] = b"text,label\n" + b"the quick brown fox,-1\n" * 10
    report = data.report(hub_spec(target="label"), HERE)
    assert report.columns["label"].classes == ("bad", "good")
    assert "test has no values of label and is left out." in report.notes
    assert sum(report.splits.values()) == 40


def test_a_set_is_guessed_with_its_target(hub: FakeHub) -> None:
    (found,) = guess(Path(f"hub:{SET}"))
    assert found.kind == "HubDataset"
    assert found.params == {"name": SET, "target": "label"}
    assert found.words.endswith("(train 40, test 10); label may be what to predict.")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hub:owner/set", "owner/set"),
        ("hub:imdb", "imdb"),
        ("https://huggingface.co/datasets/owner/set", "owner/set"),
        ("hf://datasets/owner/set/", "owner/set"),
        ("owner/set", ""),
        ("/home/hub:me/set.csv", ""),
    ],
)
def test_a_set_of_the_hub_is_told_from_a_path(text: str, name: str) -> None:
    assert hub_name(text) == name


def test_a_table_of_the_hub_trains_like_one_of_a_file(cache: Path, tmp_path: Path) -> None:
    columns = {"x": np.arange(30.0), "kind": [f"{'ab'[row % 2]}" for row in range(30)]}
    hub_set = data.prepare(bound(local(cache / "set", columns, target="kind"), "features", "kind"), HERE)
    pa.csv.write_csv(pa.table(columns), tmp_path / "t.csv")
    plain = data.prepare(bound(source("Table", tmp_path / "t.csv", target="kind"), "features", "kind"), HERE)
    for part in ("train", "validation", "test"):
        for name in ("features", "kind"):
            assert (hub_set.splits[part][name] == plain.splits[part][name]).all()
