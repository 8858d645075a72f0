from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.runs import HEADINGS, RunList, facts
from engine.events import Failed, Stopped
from engine.spec import save
from tests.app.gestures import button, press, words_in
from tests.app.story import STARTED, WHOLE, epoch, lived_before, told_run
from tests.builders import image_classifier


@pytest.fixture
def runs(document: Document, qtbot: QtBot) -> RunList:
    panel = RunList(document)
    qtbot.addWidget(panel)
    panel.resize(800, 260)
    panel.show()
    return panel


def rows(runs: RunList) -> list[list[str]]:
    table = runs.table
    return [[table.item(row, column).text() for column in range(len(HEADINGS))] for row in range(table.rowCount())]


def test_without_runs_the_list_says_what_will_be_here(runs: RunList) -> None:
    assert "No runs yet." in words_in(runs)


def test_a_run_is_told_in_a_row(runs: RunList, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    ((name, state, epochs, best, test, device, begun),) = rows(runs)
    assert (name, state, epochs) == ("a", "finished", "4 of 4")
    assert (best, test, device) == ("accuracy 0.75", "accuracy 0.875", "cpu")
    assert begun.startswith("2023-11-1")


@pytest.mark.parametrize(
    ("events", "state", "epochs"),
    [
        ((), "lost", "0 of ?"),
        ((STARTED, epoch(1)), "lost", "1 of 4"),
        ((STARTED, epoch(1), Stopped("a", 1)), "stopped", "1 of 4"),
        ((Failed("Wrong."),), "failed", "0 of ?"),
    ],
)
def test_every_end_of_a_run_is_told(tmp_path: Path, events: tuple[object, ...], state: str, epochs: str) -> None:
    run = lived_before(told_run(tmp_path / "a", *events))  # type: ignore[arg-type]  # events of several kinds
    assert facts(run)[1:3] == (state, epochs)


def test_a_new_run_shows_by_itself(runs: RunList, document: Document, qtbot: QtBot, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    told_run(tmp_path / "runs" / "b", STARTED)
    qtbot.waitUntil(lambda: {row[0] for row in rows(runs)} == {"a", "b"})


def test_ticked_runs_are_told_and_stay_ticked(runs: RunList, qtbot: QtBot, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    runs.refresh()
    with qtbot.waitSignal(runs.shown_changed) as shown:
        runs.table.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert shown.args == [[run]]
    runs.refresh()
    assert runs.table.item(0, 0).checkState() == Qt.CheckState.Checked
    with qtbot.waitSignal(runs.shown_changed) as shown:
        runs.table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    assert shown.args == [[]]


def test_what_can_be_done_depends_on_the_run(runs: RunList, tmp_path: Path) -> None:
    finished = told_run(tmp_path / "runs" / "finished", *WHOLE)
    finished.weights.write_bytes(b"")
    lived_before(finished)
    told_run(tmp_path / "runs" / "stopped", STARTED, Stopped("stopped", 0), checkpoint=True)
    runs.refresh()
    texts = ("Resume", "Open its graph", "Export…", "Show folder", "Move to trash")
    assert not any(button(runs, text).isEnabled() for text in texts)
    runs.table.selectRow(0)
    assert [button(runs, text).isEnabled() for text in texts] == [True, True, False, True, True]
    runs.table.selectRow(1)
    assert [button(runs, text).isEnabled() for text in texts] == [False, True, True, True, True]
    with finished.locked():
        runs.refresh()
        assert runs.chosen() == finished
    assert [row[1] for row in rows(runs)] == ["stopped", "finished"]


@pytest.mark.parametrize(
    ("text", "signal"), [("Resume", "resume_chosen"), ("Open its graph", "spec_chosen"), ("Export…", "export_chosen")]
)
def test_buttons_tell_the_selected_run(runs: RunList, qtbot: QtBot, tmp_path: Path, text: str, signal: str) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 0), checkpoint=True)
    run.weights.write_bytes(b"")
    runs.refresh()
    runs.table.selectRow(0)
    with qtbot.waitSignal(getattr(runs, signal)) as chosen:
        press(runs, text)
    assert chosen.args == [run]


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_a_run_goes_to_the_trash_only_when_asked_twice(
    runs: RunList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    trashed: list[str] = []
    monkeypatch.setattr("app.panels.runs.send2trash", trashed.append)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton[answer])
    runs.refresh()
    runs.table.selectRow(0)
    press(runs, "Move to trash")
    assert trashed == ([str(run.path)] if answer == "Yes" else [])


def test_a_trash_that_fails_is_told(
    runs: RunList, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str) -> None:
        raise OSError("no trash here")

    told_run(tmp_path / "runs" / "a", *WHOLE)
    monkeypatch.setattr("app.panels.runs.send2trash", refuse)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    runs.refresh()
    runs.table.selectRow(0)
    with qtbot.waitSignal(runs.refused) as refused:
        press(runs, "Move to trash")
    assert refused.args == ["a cannot be moved to the trash: no trash here."]
    assert len(rows(runs)) == 1


def test_another_project_shows_its_own_runs(runs: RunList, document: Document, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "a", *WHOLE)
    told_run(tmp_path / "other" / "runs" / "b", *WHOLE)
    runs.refresh()
    save(image_classifier(), tmp_path / "other" / "p.netloom")
    document.open(tmp_path / "other" / "p.netloom")
    assert [row[0] for row in rows(runs)] == ["b"]


def test_a_damaged_run_is_listed_all_the_same(runs: RunList, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED)
    (run.path / "events.jsonl").write_bytes(
        b'{"event": "epoch"}\n\xff\xfe\n[1]\nnull\n{"event": "epoch", "epoch": "x"}\n'
    )
    runs.refresh()
    assert rows(runs)[0][0] == "a"
