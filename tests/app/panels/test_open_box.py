from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QUrl
from PySide6.QtWidgets import QComboBox, QFileDialog
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.open_box import OpenBox
from app.window import Window
from engine import edit
from engine.data.guess import guess
from engine.spec import Spec
from tests.app.gestures import drop, words_in, write

FLOWERS = "length,species\n" + "".join(f"{i},{'xyz'[i % 3]}\n" for i in range(30))
DAYS = "day,a\n" + "".join(f"2024-01-{i + 1:02},{i * i}\n" for i in range(20))


@pytest.fixture
def box(document: Document, qtbot: QtBot) -> OpenBox:
    shown = OpenBox(document)
    qtbot.addWidget(shown)
    shown.show()
    return shown


def answer(path: Path) -> dict[str, object]:
    return {"guesses": [each.encode() for each in guess(path)]}


def test_the_likeliest_source_is_taken_in_as_one_edit(box: OpenBox, document: Document, tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    document.save(tmp_path / "p.netloom")
    asked: list[str] = []
    box.path_chosen.connect(asked.append)
    box.look_at(str(path))
    assert asked == [str(path)]
    assert "Looking at flowers.csv" in words_in(box)
    box.show_guesses(str(path), answer(path))
    params = {"path": "flowers.csv", "target": "species"}  # relative to the project's folder
    assert document.spec.data == edit.set_source(Spec(), "Table", params).data
    assert "This looks like a table of 30 rows" in words_in(box)
    assert not box.findChild(QComboBox).isVisible()
    document.undo_stack.undo()
    assert document.spec.data == {}


def test_the_user_may_say_otherwise(box: OpenBox, document: Document, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS)
    box.look_at(str(path))
    box.show_guesses(str(path), answer(path))
    assert document.spec.data["source"]["kind"] == "TimeSeries"
    others = box.findChild(QComboBox)
    assert others.isVisible()
    assert [others.itemText(place) for place in range(others.count())] == ["Time series: days.csv", "Table: days.csv"]
    others.activated.emit(1)
    assert document.spec.data["source"]["kind"] == "Table"
    assert "a table of 20 rows" in words_in(box)


def test_an_answer_for_an_earlier_path_or_project_is_dropped(box: OpenBox, document: Document, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS)
    box.look_at(str(path))
    box.look_at(str(tmp_path / "other.csv"))
    box.show_guesses(str(path), answer(path))
    assert document.spec == Spec()
    box.look_at(str(path))
    document.new()
    box.show_guesses(str(path), answer(path))
    assert document.spec == Spec()


def test_what_is_no_data_is_told(box: OpenBox, document: Document, tmp_path: Path) -> None:
    box.look_at(str(tmp_path))
    box.show_guesses(str(tmp_path), {"error": f"{tmp_path} holds nothing that can be read as data: it is empty."})
    assert "holds nothing that can be read as data" in words_in(box)
    assert document.spec == Spec()
    box.look_at("")  # a dialog that was cancelled
    assert "holds nothing" in words_in(box)


def test_a_path_or_the_name_of_a_hub_is_typed_or_pasted(box: OpenBox, document: Document, tmp_path: Path) -> None:
    document.save(tmp_path / "p.netloom")
    asked: list[str] = []
    box.path_chosen.connect(asked.append)
    for text in (" hub:owner/name ", "data/days.csv", f'"{tmp_path}/days.csv"', "~/days.csv"):
        write(box.line, text)
    box.line.clear()
    box.line.returnPressed.emit()
    home = str(Path.home() / "days.csv")
    assert asked == ["hub:owner/name", str(tmp_path / "data" / "days.csv"), f"{tmp_path}/days.csv", home]


def test_what_a_hub_is_asked_for_is_named_in_full(box: OpenBox) -> None:
    box.look_at("hub:owner/name")
    assert "Looking at hub:owner/name…" in words_in(box)


def test_a_file_is_dropped(box: OpenBox, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "days.csv"))])
    asked: list[str] = []
    box.path_chosen.connect(asked.append)
    assert drop(box, data, QPoint(10, 10))
    assert asked == [str(tmp_path / "days.csv")]


def test_the_data_is_shown_once_it_was_taken_in(box: OpenBox, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS)
    box.look_at(str(path))
    with qtbot.waitSignal(box.taken):
        box.show_guesses(str(path), answer(path))
    box.look_at("gone")
    with qtbot.assertNotEmitted(box.taken):
        box.show_guesses("gone", {"error": "gone does not exist."})


def test_the_window_asks_its_helper_what_lies_at_a_path(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args, **_kept: (str(path), ""))
    window.data_panel.open_box._choose_file()
    qtbot.waitUntil(lambda: window.document.data_report is not None, timeout=30_000)
    assert window.document.spec.data["source"]["params"]["target"] == "species"
    report = window.document.data_report
    assert report is not None
    assert report.splits == {"train": 24, "validation": 3, "test": 3}
