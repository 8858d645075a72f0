from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.panels.export import NOW, ExportDialog
from engine.export.formats import FORMATS
from engine.train.folder import Run
from tests.app.gestures import press, words_in


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return [Run(tmp_path / "runs" / name) for name in ("new", "old")]


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path, runs: list[Run]) -> ExportDialog:
    holder = QWidget()
    qtbot.addWidget(holder)
    shown = ExportDialog(holder, runs, runs[1], tmp_path, "net")
    qtbot.addWidget(shown)
    shown.holder = holder  # type: ignore[attr-defined]  # kept alive as long
    shown.show()
    return shown


def choose_format(dialog: ExportDialog, name: str) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData(name))


def test_every_format_is_offered_with_what_it_is_and_a_file_of_its_suffix(dialog: ExportDialog, tmp_path: Path) -> None:
    assert [dialog.format.itemData(place) for place in range(dialog.format.count())] == list(FORMATS)
    for name, each in FORMATS.items():
        choose_format(dialog, name)
        assert dialog.path.text() == str(tmp_path / f"net{each.suffix}")
        assert each.about in words_in(dialog)


def test_the_chosen_run_stands_first_and_the_untrained_graph_is_there_too(dialog: ExportDialog) -> None:
    assert [dialog.source.itemText(place) for place in range(dialog.source.count())] == ["new", "old", NOW]
    assert dialog.source.currentText() == "old"


def test_weights_of_an_untrained_graph_are_refused_with_what_to_do(dialog: ExportDialog) -> None:
    choose_format(dialog, "safetensors")
    assert dialog.button.isEnabled()
    dialog.source.setCurrentIndex(2)
    assert not dialog.button.isEnabled()
    assert "train first" in dialog.answer.text()
    choose_format(dialog, "svg")
    assert dialog.button.isEnabled()
    assert dialog.answer.text() == ""


def test_an_export_tells_source_format_and_file_and_waits_for_its_answer(
    dialog: ExportDialog, qtbot: QtBot, runs: list[Run], tmp_path: Path
) -> None:
    choose_format(dialog, "python")
    with qtbot.waitSignal(dialog.accepted_export) as accepted:
        press(dialog, "Export")
    assert accepted.args == [runs[1], "python", tmp_path / "net.py"]
    assert not dialog.button.isEnabled()
    dialog.show_answer("Wrote net.py.")
    assert dialog.button.isEnabled()
    assert "Wrote net.py." in words_in(dialog)


def test_the_untrained_graph_is_told_as_no_run(dialog: ExportDialog, qtbot: QtBot) -> None:
    dialog.source.setCurrentIndex(2)
    choose_format(dialog, "svg")
    with qtbot.waitSignal(dialog.accepted_export) as accepted:
        press(dialog, "Export")
    assert accepted.args[0] is None


def test_a_file_is_browsed_for(dialog: ExportDialog, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dialog.path.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    press(dialog, "Browse…")
    assert dialog.path.text() == before
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("/else/a.py", ""))
    press(dialog, "Browse…")
    assert dialog.path.text() == "/else/a.py"
