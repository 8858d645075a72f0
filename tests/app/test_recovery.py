from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from app.document import Document
from app.recovery import Recovery
from app.settings import data_folder
from engine import edit
from engine.spec import encode
from tests.builders import image_classifier


@pytest.fixture
def recovery(document: Document) -> Recovery:
    return Recovery(document)


def left(name: str, text: str) -> Path:
    """What another studio has left behind."""
    folder = data_folder() / "recovery"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(text)
    return folder / f"{name}.json"


def record(path: str | None = None) -> str:
    return json.dumps({"path": path, "spec": encode(image_classifier())})


def copies() -> list[Path]:
    return list((data_folder() / "recovery").glob("*.json"))


def test_unsaved_work_is_written_aside_until_it_is_saved(
    recovery: Recovery, document: Document, tmp_path: Path
) -> None:
    recovery.write()
    assert copies() == []
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    recovery.write()
    (file,) = copies()
    assert json.loads(file.read_text())["spec"] == encode(document.spec)
    written = file.stat().st_mtime_ns
    recovery.write()
    assert file.stat().st_mtime_ns == written
    document.save(tmp_path / "p.netloom")
    assert copies() == []
    document.undo_stack.undo()
    recovery.write()
    assert len(copies()) == 1
    document.new()
    assert copies() == []
    recovery.forget()
    assert list((data_folder() / "recovery").iterdir()) == []


def test_work_of_a_studio_that_is_no_longer_alive_is_found(recovery: Recovery) -> None:
    file = left("4000000", record("/home/ada/cats.netloom"))
    assert recovery.find() == (image_classifier(), Path("/home/ada/cats.netloom"), file)


def test_work_of_a_living_studio_is_left_alone(recovery: Recovery) -> None:
    file = left("4000000", record())
    with FileLock(file.with_suffix(".lock")):
        assert recovery.find() is None
    found = recovery.find()
    assert found is not None
    assert found[1] is None


def test_own_work_is_not_offered_to_oneself(recovery: Recovery, document: Document) -> None:
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    recovery.write()
    assert recovery.find() is None
    recovery.forget()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"path": null}', '{"path": 3, "spec": {}}', '{"spec": {"format": 99}}']
)
def test_a_damaged_copy_is_passed_over_and_removed(recovery: Recovery, text: str) -> None:
    damaged, whole = left("1", text), left("2", record())
    found = recovery.find()
    assert found is not None
    assert found[2] == whole
    assert not damaged.exists()


def test_a_disk_that_takes_nothing_disturbs_no_one(recovery: Recovery, document: Document) -> None:
    data_folder().parent.mkdir(parents=True, exist_ok=True)
    data_folder().write_text("in the way")
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    recovery.write()
    assert recovery.find() is None
    recovery.forget()
