from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.run_table import COLUMNS, HEADINGS, NAME, NOTES, TAGS
from app.panels.runs import NONE_LEFT, OTHER, RunList
from engine.events import Failed, Stopped
from engine.runs import About, read_about, write_about
from engine.spec import save
from engine.train.folder import Run
from tests.app.gestures import press, words_in
from tests.app.story import STARTED, WHOLE, epoch, lived_before, told_run
from tests.builders import image_classifier


@pytest.fixture
def runs(document: Document, qtbot: QtBot) -> RunList:
    panel = RunList(document)
    qtbot.addWidget(panel)
    panel.resize(1000, 260)
    panel.show()
    return panel


def text(runs: RunList, row: int, title: str) -> str:
    return str(runs.filter.index(row, COLUMNS[title]).data())


def column(runs: RunList, title: str) -> list[str]:
    return [text(runs, row, title) for row in range(runs.filter.rowCount())]


def select(runs: RunList, *names: str) -> None:
    """Select the runs of these names, as clicks with Ctrl do."""
    flags = QItemSelectionModel.SelectionFlag
    runs.table.selectionModel().clearSelection()
    for row, name in enumerate(column(runs, NAME)):
        if name in names:
            runs.table.selectionModel().select(runs.filter.index(row, 0), flags.Select | flags.Rows)


def write_cell(runs: RunList, row: int, title: str, words: str) -> bool:
    """Type into a cell."""
    return runs.filter.setData(runs.filter.index(row, COLUMNS[title]), words)


def offered(runs: RunList) -> set[str]:
    """What can be done."""
    return {name for name, action in runs._actions.items() if action.isEnabled()}


def test_without_runs_the_list_says_what_will_be_here(runs: RunList) -> None:
    assert "No runs yet." in words_in(runs)
    assert not runs.table.isVisible()


def test_a_run_is_told_in_a_row(runs: RunList, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    told = {heading.title: text(runs, 0, heading.title) for heading in HEADINGS}
    assert told.pop("Started").startswith("2023-11-1")
    assert told == {
        "Run": "a", "State": "finished", "Epoch": "4 of 4", "Best": "accuracy 0.75", "Test": "accuracy 0.875",
        "Time": "1:05", "Graph": "untitled · 9 nodes", "Data": "", "Device": "cpu", "Tags": "", "Notes": "",
    }  # fmt: skip


def test_a_new_run_shows_by_itself(runs: RunList, qtbot: QtBot, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    told_run(tmp_path / "runs" / "b", STARTED)
    qtbot.waitUntil(lambda: set(column(runs, NAME)) == {"a", "b"})


def test_a_run_at_work_is_looked_at_again_and_again(
    runs: RunList, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.panels.runs.FOLLOW_MS", 10)
    run = told_run(tmp_path / "runs" / "a", STARTED)
    with run.locked():
        runs.refresh()
        assert column(runs, "State") == ["running"]
        run.append(epoch(1))
        run.append(epoch(2))
        qtbot.waitUntil(lambda: column(runs, "Epoch") == ["2 of 4"])
    qtbot.waitUntil(lambda: column(runs, "State") == ["crashed"])


def test_ticked_runs_are_told_and_stay_ticked(runs: RunList, qtbot: QtBot, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    place = runs.filter.index(0, 0)
    with qtbot.waitSignal(runs.shown_changed) as shown:
        runs.filter.setData(place, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    assert shown.args == [[run]]
    runs.refresh()
    assert place.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    with qtbot.waitSignal(runs.shown_changed) as shown:
        runs.filter.setData(place, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert shown.args == [[]]


def test_the_selection_outlives_a_refresh(runs: RunList, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        told_run(tmp_path / "runs" / name, *WHOLE)
    runs.refresh()
    select(runs, "a", "c")
    told_run(tmp_path / "runs" / "d", *WHOLE)
    shutil.rmtree(tmp_path / "runs" / "b")
    runs.refresh()
    assert {summary.name for summary in runs.selected()} == {"a", "c"}


# ------------------------------------------------------------------------------------------------- sort and filter


@pytest.mark.parametrize(
    ("title", "order"), [("Run", ["A10", "a9", "b"]), ("Epoch", ["b", "a9", "A10"]), ("Best", ["b", "a9", "A10"])]
)
def test_every_column_sorts_by_what_it_means(runs: RunList, tmp_path: Path, title: str, order: list[str]) -> None:
    told_run(tmp_path / "runs" / "A10", STARTED, *map(epoch, range(1, 12)))
    told_run(tmp_path / "runs" / "a9", STARTED, epoch(1), epoch(2))
    told_run(tmp_path / "runs" / "b", STARTED, epoch(1))
    runs.refresh()
    runs.table.sortByColumn(COLUMNS[title], Qt.SortOrder.AscendingOrder)
    assert column(runs, NAME) == order


def test_the_filter_wants_every_word_a_state_and_a_tag(runs: RunList, tmp_path: Path) -> None:
    write_about(told_run(tmp_path / "runs" / "one", *WHOLE), About("", ("wide",), "a good run"))
    write_about(told_run(tmp_path / "runs" / "two", STARTED, Failed("Wrong.")), About("", ("wide", "deep"), ""))
    told_run(tmp_path / "runs" / "three", *WHOLE)
    runs.refresh()
    for typed, names in (("t", {"one", "two", "three"}), ("GOOD one", {"one"}), ("wide", {"one", "two"}),
                         ("wide good", {"one"}), ("failed", {"two"}), ("", {"one", "two", "three"})):  # fmt: skip
        runs.search.setText(typed)
        assert set(column(runs, NAME)) == names
    assert [runs.states.itemText(place) for place in range(runs.states.count())] == [
        "All states", "finished", "failed"]  # fmt: skip
    runs.states.setCurrentText("finished")
    runs.states.activated.emit(1)
    assert set(column(runs, NAME)) == {"one", "three"}
    runs.tags.setCurrentText("wide")
    runs.tags.activated.emit(1)
    assert column(runs, NAME) == ["one"]
    runs.search.setText("nothing like it")
    assert NONE_LEFT in words_in(runs)


def test_the_runs_of_another_folder_can_be_shown(
    runs: RunList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_run(tmp_path / "elsewhere" / "b", *WHOLE)
    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "elsewhere"))
    runs.folders.setCurrentText(OTHER)
    runs.folders.activated.emit(runs.folders.currentIndex())
    assert (column(runs, NAME), runs.folders.currentText()) == (["b"], "elsewhere")
    runs.folders.setCurrentIndex(0)
    runs.folders.activated.emit(0)
    assert column(runs, NAME) == ["a"]


# --------------------------------------------------------------------------------------------- name, tags and notes


def test_name_tags_and_notes_are_edited_in_place_and_kept(runs: RunList, qtbot: QtBot, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    with qtbot.waitSignal(runs.described) as described:
        assert write_cell(runs, 0, NAME, " the good one ")
    assert described.args == [run]
    assert write_cell(runs, 0, TAGS, "wide, deep,, wide")
    assert write_cell(runs, 0, NOTES, "Wider than before")
    assert read_about(run) == About("the good one", ("wide", "deep"), "Wider than before")
    assert (text(runs, 0, NAME), text(runs, 0, TAGS)) == ("the good one", "wide, deep")
    assert not write_cell(runs, 0, NAME, "the good one")
    assert write_cell(runs, 0, NAME, "")
    assert text(runs, 0, NAME) == "a"
    assert not runs.filter.flags(runs.filter.index(0, COLUMNS["State"])) & Qt.ItemFlag.ItemIsEditable


def test_what_cannot_be_written_down_is_said(
    runs: RunList, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    monkeypatch.setattr(Run, "write_json", refuse)
    with qtbot.waitSignal(runs.refused) as refused:
        assert not write_cell(runs, 0, NAME, "b")
    assert "Read-only file system" in refused.args[0]
    assert text(runs, 0, NAME) == "a"


# --------------------------------------------------------------------------------------------------------- buttons


def test_what_can_be_done_depends_on_the_runs(runs: RunList, tmp_path: Path) -> None:
    finished = lived_before(told_run(tmp_path / "runs" / "finished", *WHOLE))
    finished.weights.write_bytes(b"")
    told_run(tmp_path / "runs" / "stopped", STARTED, Stopped("stopped", 0), checkpoint=True)
    working = told_run(tmp_path / "runs" / "working", STARTED)
    with working.locked():
        runs.refresh()
        always = {"again", "use", "spec", "folder"}
        assert offered(runs) == set()
        select(runs, "stopped")
        assert offered(runs) == always | {"resume", "delete"}
        select(runs, "finished")
        assert offered(runs) == always | {"export", "delete"}
        select(runs, "working")
        assert offered(runs) == always
        select(runs, "finished", "stopped")
        assert offered(runs) == {"compare", "delete"}
        select(runs, "finished", "working")
        assert offered(runs) == {"compare"}


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("Resume", "resume_chosen"),
        ("Train again", "again_chosen"),
        ("Use these settings", "use_chosen"),
        ("Open its graph", "spec_chosen"),
    ],
)
def test_buttons_tell_the_selected_run(runs: RunList, qtbot: QtBot, tmp_path: Path, name: str, signal: str) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 0), checkpoint=True)
    runs.refresh()
    select(runs, "a")
    with qtbot.waitSignal(getattr(runs, signal)) as chosen:
        press(runs, name)
    assert chosen.args == [run]


def test_the_menu_offers_the_same_in_words(runs: RunList, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("a", "b"):
        told_run(tmp_path / "runs" / name, *WHOLE)
    runs.refresh()
    select(runs, "a", "b")
    runs._show_menu(QPoint(5, 5))
    (menu,) = (each for each in runs.findChildren(QMenu) if each.isVisible())
    assert [each.text() for each in menu.actions() if each.isEnabled()] == ["Compare", "Move to trash"]
    with qtbot.waitSignal(runs.compare_chosen) as chosen:
        menu.actions()[0].trigger()
    assert {summary.name for summary in chosen.args[0]} == {"a", "b"}
    menu.close()


def test_runs_go_to_the_trash_without_a_question_for_they_can_come_back(
    runs: RunList, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        told_run(tmp_path / "runs" / name, *WHOLE)
    trashed: list[str] = []

    def trash(path: str) -> None:
        trashed.append(path)
        shutil.rmtree(path)

    monkeypatch.setattr("app.panels.runs.send2trash", trash)
    runs.refresh()
    runs.model.tick(Run(tmp_path / "runs" / "a"))
    select(runs, "a", "b")
    with qtbot.waitSignal(runs.told) as told:
        runs._act("delete")
    assert {Path(path).name for path in trashed} == {"a", "b"}
    assert told.args == ["Moved 2 runs to the trash"]
    assert column(runs, NAME) == ["c"]
    assert runs.model.runs_ticked() == []


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_where_there_is_no_trash_it_is_asked_before_a_run_is_lost_for_good(
    runs: RunList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    def refuse(_path: str) -> None:
        raise OSError("no trash here")

    asked: list[str] = []

    def ask(_parent: object, _title: str, question: str, **_more: object) -> QMessageBox.StandardButton:
        asked.append(question)
        return QMessageBox.StandardButton[answer]

    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    monkeypatch.setattr("app.panels.runs.send2trash", refuse)
    monkeypatch.setattr(QMessageBox, "question", ask)
    runs.refresh()
    select(runs, "a")
    runs._act("delete")
    assert "a cannot be moved to the trash: no trash here." in asked[0]
    assert run.path.exists() == (answer == "No")


def test_another_project_shows_its_own_runs(runs: RunList, document: Document, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    told_run(tmp_path / "other" / "runs" / "b", *WHOLE)
    runs.refresh()
    runs.model.tick(Run(tmp_path / "runs" / "a"))
    save(image_classifier(), tmp_path / "other" / "p.netloom")
    document.open(tmp_path / "other" / "p.netloom")
    assert column(runs, NAME) == ["b"]
    assert runs.model.runs_ticked() == []


def test_a_damaged_run_is_listed_all_the_same(runs: RunList, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED)
    (run.path / "events.jsonl").write_bytes(
        b'{"event": "epoch"}\n\xff\xfe\n[1]\nnull\n{"event": "epoch", "epoch": "x"}\n'
    )
    runs.refresh()
    assert column(runs, NAME) == ["a"]


def test_a_run_that_is_at_work_again_is_offered_neither_to_be_resumed_nor_for_the_trash(
    runs: RunList, tmp_path: Path, qtbot: QtBot
) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 1), checkpoint=True)
    runs.refresh()
    with run.locked():
        select(runs, "a")
        assert not {"resume", "delete"} & offered(runs)
        assert text(runs, 0, "State") == "running"
    select(runs, "a")
    assert {"resume", "delete"} <= offered(runs)
    with run.locked(), qtbot.waitSignal(runs.refused) as refused:
        runs._act("delete")
    assert refused.args == ["a is being trained and stays; stop it before it goes to the trash."]
    assert run.path.is_dir()
