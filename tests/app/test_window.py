from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from app import theme
from app.actions import ACTIONS
from app.settings import Settings, data_folder
from app.window import PANELS, Window
from engine import edit
from engine.events import Progress, Stage
from engine.examples import find_example
from engine.problem import Problem
from engine.report import Report
from engine.spec import load, save
from engine.train.commands import Inbox
from tests.app.conftest import EngineHere
from tests.app.gestures import drop, press, words_in, write
from tests.app.story import STARTED, WHOLE, told_run
from tests.builders import image_classifier


def action(window: Window, text: str) -> QAction:
    """The one action of a menu's text."""
    (found,) = {each for each in window.findChildren(QAction) if each.text().replace("&", "") == text}
    return found


def answer(monkeypatch: pytest.MonkeyPatch, choice: str) -> list[str]:
    """Answer the question about unsaved changes; gives the texts of the boxes that were shown."""
    asked: list[str] = []

    def reply(box: QMessageBox) -> QMessageBox.StandardButton:
        asked.append(box.text())
        return QMessageBox.StandardButton[choice]

    class Box(QMessageBox):
        exec = reply  # type: ignore[assignment]  # answers at once

    monkeypatch.setattr("app.window.QMessageBox", Box)
    return asked


def save_as(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))


def make_dirty(window: Window) -> None:
    window.document.edit("Add", lambda spec: edit.add(spec, "Linear"))


# ------------------------------------------------------------------------------------------------------ actions


def test_every_action_calls_what_it_names_and_no_keys_are_taken_twice(window: Window) -> None:
    for each in ACTIONS:
        assert callable(attrgetter(each.slot)(window)), each.slot
    keys = [key.toString() for each in window.findChildren(QAction) for key in each.shortcuts()]
    assert len(keys) == len(set(keys))


def test_every_action_of_the_toolbar_has_an_icon_and_a_tip(window: Window) -> None:
    shown = [each for each in window.toolbar.actions() if each.text() and not each.isSeparator()]
    assert len(shown) >= 10
    assert all(not each.icon().isNull() and each.toolTip() for each in shown)


def test_undo_and_redo_are_bound_to_the_document(window: Window) -> None:
    make_dirty(window)
    window.activateWindow()
    QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Undo))
    assert window.document.spec.nodes == {}
    QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Redo))
    assert list(window.document.spec.nodes) == ["linear_1"]


def test_keys_typed_into_a_field_stay_in_the_field(window: Window) -> None:
    make_dirty(window)
    window.canvas.select(["linear_1"])
    assert window.inspector.form is not None
    line = window.inspector.form.fields["out_features"].findChild(QLineEdit)
    line.setFocus()
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    assert list(window.document.spec.nodes) == ["linear_1"]
    assert line.text() == ""


def test_help_lists_the_keyboard_shortcuts(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Box(QMessageBox):
        @staticmethod
        def information(_parent: object, _title: str, text: str) -> None:  # type: ignore[override]  # shows nothing
            shown.append(text)

    monkeypatch.setattr("app.window.QMessageBox", Box)
    action(window, "Keyboard shortcuts").trigger()
    assert "<b>Ctrl+E</b>" in shown[0]
    assert "Export…" in shown[0]


# ------------------------------------------------------------------------------------------------------ panels


def test_panels_come_to_the_front_as_they_are_needed(window: Window) -> None:
    for dock, tabs in (("Side panel", window.side), ("Bottom panel", window.bottom)):
        assert [tabs.tabText(place) for place in range(tabs.count())] == PANELS[dock]
        for name in PANELS[dock]:
            window.show_panel(name)
            assert tabs.tabText(tabs.currentIndex()) == name
    window.docks["Bottom panel"].hide()
    window.show_panel("Log")
    assert window.docks["Bottom panel"].isVisible()


def test_a_selected_node_is_inspected(window: Window) -> None:
    window.document.new(image_classifier())
    window.show_panel("Training")
    window.canvas.select(["conv2d_1"])
    assert window.side.currentWidget() is window.inspector
    assert "conv2d_1" in words_in(window.inspector)


def test_edits_are_checked_and_told_in_the_status_line_and_the_tab(window: Window, qtbot: QtBot) -> None:
    window.document.new(image_classifier())
    qtbot.waitUntil(lambda: "9 nodes · 2,610 parameters" in words_in(window.statusBar()))
    assert "No problems" in words_in(window.statusBar())
    window.document.edit("Break", lambda spec: edit.set_param(spec, "conv2d_1", "stride", 0))
    qtbot.waitUntil(lambda: "1 problem" in words_in(window.statusBar()))
    assert window.bottom.tabText(0) == "Problems (1)"
    assert window.canvas.cards["conv2d_1"].problems


def test_a_problem_leads_to_its_field_or_its_panel(window: Window) -> None:
    window.document.new(image_classifier())
    window.show_start()
    window.problems.choose(Problem("Wrong.", "conv2d_1", "stride"))
    assert window.stack.currentWidget() is window.tabs
    assert window.canvas.selected() == ["conv2d_1"]
    assert window.side.currentWidget() is window.inspector
    for path, panel in (("training.epochs", window.training), ("data.source.params.path", window.data_panel)):
        window.problems.choose(Problem("Wrong.", None, path))
        assert window.side.currentWidget() is panel


def test_the_data_takes_the_place_of_the_graph_and_gives_it_back(window: Window) -> None:
    window.docks["Ops"].hide()
    action(window, "Data").trigger()
    assert window.stack.currentWidget() is window.data_page
    assert window.side.currentWidget() is window.data_panel
    assert not window.docks["Bottom panel"].isVisible()
    window.data_page.left.emit()
    assert window.stack.currentWidget() is window.tabs
    assert window.docks["Bottom panel"].isVisible()
    assert not window.docks["Ops"].isVisible()  # was closed before
    window.show_data_page()
    window.show_data_page()
    action(window, "Data").trigger()
    assert window.docks["Bottom panel"].isVisible()


def test_a_node_that_is_gone_to_is_shown_on_the_graph(window: Window) -> None:
    window.document.new(image_classifier())
    window.show_data_page()
    window.problems.choose(Problem("Wrong.", "conv2d_1", "stride"))
    assert window.stack.currentWidget() is window.tabs


def test_a_stage_of_the_data_leads_to_its_settings(window: Window) -> None:
    window.show_data_page()
    window.data_page.flow.cards["model"].click()
    assert window.side.currentWidget() is window.training
    for stage in ("source", "cache", "shuffle", "batch", "prefetch"):
        window.show_panel("Training")
        window.data_page.flow.cards[stage].click()
        assert window.side.currentWidget() is window.data_panel
    assert window.stack.currentWidget() is window.data_page


def test_a_run_tells_the_data_page_what_its_stages_give(window: Window) -> None:
    stages = (Stage("read", 1000.0, 0.5),)
    window.runner.told.emit(Progress(1, 1, 10, {"loss": 1.0}, 100.0, 9.0, waited=0.4, stages=stages))
    assert window.data_page.flow.cards["source"].rate == "1.0k/s"
    assert window.data_page.flow.cards["model"].rate == "waits 40%, 100/s"


def test_data_that_is_dropped_is_opened(window: Window, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "a.csv").write_text("age,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.csv"))])
    assert drop(window, data, QPoint(300, 300))
    qtbot.waitUntil(lambda: window.data_page.samples.pages.known, timeout=30_000)
    assert window.document.spec.data["source"]["kind"] == "Table"
    assert window.stack.currentWidget() is window.data_page
    assert window.data_page.samples.pages.total == 30


def test_a_refused_edit_is_said_in_the_status_line(window: Window) -> None:
    window.document.edit("Wire", lambda spec: edit.connect(spec, "a", "b", "input"))
    assert "There is no node" in window.statusBar().currentMessage()


def test_an_op_chosen_in_the_palette_comes_beside_the_selected_node(window: Window) -> None:
    window.show_start()
    window.palette_panel.op_chosen.emit("Input")
    window.palette_panel.op_chosen.emit("Linear")
    assert window.stack.currentWidget() is window.tabs
    assert window.document.spec.nodes["linear_1"].inputs == {"input": "input_1"}


def test_find_puts_the_cursor_into_the_palettes_search(window: Window) -> None:
    window.docks["Ops"].hide()
    action(window, "Find op").trigger()
    assert window.docks["Ops"].isVisible()
    assert window.palette_panel.search.hasFocus() or not window.isActiveWindow()


def test_curves_are_made_when_their_tab_is_opened(window: Window) -> None:
    assert window._curves is None
    window.bottom.setCurrentIndex(PANELS["Bottom panel"].index("Curves"))
    assert window.curves.isVisible()


def test_a_theme_is_chosen_in_the_menu_and_remembered(window: Window) -> None:
    window.document.new(image_classifier())
    action(window, "Dark theme").trigger()
    assert theme.theme() is theme.DARK
    assert window.settings.theme() == "dark"
    window.grab()
    action(window, "Light theme").trigger()
    assert theme.theme() is theme.LIGHT


# ------------------------------------------------------------------------------------------------------- files


def test_a_project_is_saved_opened_and_named_in_the_title(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dirty(window)
    assert window.isWindowModified()
    save_as(monkeypatch, tmp_path / "cats")
    action(window, "Save").trigger()
    assert load(tmp_path / "cats.netloom") == window.document.spec
    assert window.windowTitle().startswith("cats.netloom")
    assert not window.isWindowModified()
    window.new()
    assert window.windowTitle().startswith("untitled")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "cats.netloom"), ""))
    action(window, "Open…").trigger()
    assert list(window.document.spec.nodes) == ["linear_1"]
    assert window.settings.recent() == [tmp_path / "cats.netloom"]


def test_a_save_that_fails_is_said_and_loses_nothing(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dirty(window)
    save_as(monkeypatch, tmp_path / "missing" / "cats.netloom")
    window.save()
    assert "cannot be saved" in window.messages.text()
    assert "save it elsewhere" in window.messages.text()
    assert window.document.dirty
    save_as(monkeypatch, tmp_path / "cats.netloom")
    press(window.messages, "Save as…")
    assert not window.document.dirty


@pytest.mark.parametrize(("choice", "left"), [("Cancel", False), ("Discard", True), ("Save", True)])
def test_unsaved_changes_are_asked_about(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str, left: bool
) -> None:
    save(image_classifier(), tmp_path / "cats.netloom")
    window.open_file(tmp_path / "cats.netloom")
    make_dirty(window)
    asked = answer(monkeypatch, choice)
    window.new()
    assert asked == ["cats.netloom has unsaved changes."]
    assert (window.document.path is None) == left
    assert ("linear_2" in load(tmp_path / "cats.netloom").nodes) == (choice == "Save")


def test_a_save_that_is_cancelled_keeps_the_project_open(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dirty(window)
    answer(monkeypatch, "Save")
    save_as(monkeypatch, "")
    window.new()
    assert list(window.document.spec.nodes) == ["linear_1"]
    assert not window.close()
    assert window.isVisible()


def test_a_file_that_cannot_be_opened_is_said_and_leaves_the_project(window: Window, tmp_path: Path) -> None:
    window.document.new(image_classifier())
    (tmp_path / "bad.netloom").write_text("{")
    window.open_file(tmp_path / "bad.netloom")
    assert "bad.netloom: The file is damaged or cut off" in window.messages.text()
    assert window.document.spec == image_classifier()


def test_an_example_opens_as_an_untitled_copy(window: Window) -> None:
    window.start.example_chosen.emit(find_example("iris"))
    assert window.document.path is None
    assert window.document.spec == load(find_example("iris"))
    assert window.stack.currentWidget() is window.tabs


def test_a_dropped_project_opens(window: Window, tmp_path: Path, qtbot: QtBot) -> None:
    save(image_classifier(), tmp_path / "cats.netloom")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "cats.netloom"))])
    assert drop(window, data, QPoint(300, 300))
    qtbot.waitUntil(lambda: window.document.path == tmp_path / "cats.netloom")


def test_recent_files_stand_in_the_menu(window: Window, tmp_path: Path) -> None:
    window._recent.aboutToShow.emit()
    assert [each.text() for each in window._recent.actions()] == ["No files yet"]
    save(image_classifier(), tmp_path / "cats.netloom")
    window.open_file(tmp_path / "cats.netloom")
    window.new()
    window._recent.aboutToShow.emit()
    (entry,) = window._recent.actions()
    entry.trigger()
    assert window.document.path == tmp_path / "cats.netloom"


# -------------------------------------------------------------------------------------------------------- runs


def test_a_project_that_cannot_be_trained_is_told_why(window: Window) -> None:
    action(window, "Train").trigger()
    assert "Nothing to train yet" in window.messages.text()
    assert window.side.currentWidget() is window.training
    assert not window.runner.running


def test_a_run_that_starts_brings_its_curves_to_the_front(window: Window, qtbot: QtBot) -> None:
    run = told_run(data_folder() / "runs" / "a", STARTED, *WHOLE[1:3])
    window.runner.follow(run)
    assert window.bottom.currentWidget() is window.curves.parentWidget()
    assert "Training: a" in words_in(window.toolbar)
    qtbot.waitUntil(lambda: len(window.curves._plots) == 2)
    run.append(WHOLE[-1])
    qtbot.waitUntil(lambda: not window.runner.running)
    assert "Training: a" not in words_in(window.toolbar)
    assert window.runs.model.summaries()[0].state == "finished"


def test_ticked_runs_show_their_curves(window: Window) -> None:
    runs = [told_run(data_folder() / "runs" / name, *WHOLE) for name in ("a", "b")]
    window.runs.refresh()
    for run in runs:
        window.runs.model.tick(run)
    assert {run.name for run, *_ in window.curves._items} == {"a", "b"}


def test_the_graph_is_exported_and_the_dialog_says_where(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.document.new(image_classifier())
    action(window, "Export…").trigger()
    dialog = window._export_dialog
    assert dialog is not None
    dialog.format.setCurrentIndex(dialog.format.findData("svg"))
    dialog.path.setText(str(tmp_path / "net.svg"))
    press(dialog, "Export")
    qtbot.waitUntil(lambda: dialog.answer.text() == f"Wrote net.svg to {tmp_path}.")
    assert (tmp_path / "net.svg").read_text().startswith("<svg")
    dialog.path.setText(str(tmp_path / "missing" / "net.svg"))
    press(dialog, "Export")
    qtbot.waitUntil(lambda: "does not exist" in dialog.answer.text())
    dialog.close()


# ------------------------------------------------------------------------------------------------ from day to day


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Callable[[], Window]:
    monkeypatch.setattr("app.window.EngineProcess", EngineHere)

    def opened() -> Window:
        shown = Window(Settings())
        qtbot.addWidget(shown, before_close_func=lambda each: each.document.undo_stack.setClean())
        shown.show()
        return shown

    return opened


def test_the_layout_of_the_window_is_remembered(another: Callable[[], Window]) -> None:
    first = another()
    first.resize(780, 740)  # smaller than the off-screen screen
    first.docks["Ops"].hide()
    first.close()
    second = another()
    assert (second.width(), second.height()) == (780, 740)
    assert not second.docks["Ops"].isVisible()
    assert second.docks["Side panel"].isVisible()


def test_unsaved_work_of_a_crash_is_offered_and_taken_up(another: Callable[[], Window]) -> None:
    crashed = another()
    crashed.document.new(image_classifier())
    make_dirty(crashed)
    crashed.recovery.write()
    assert crashed.recovery._lock is not None
    crashed.recovery._lock.release()  # as the system does when a process ends
    shown = another()
    shown.offer_recovered()
    assert "unsaved changes" in shown.messages.text()
    press(shown.messages, "Recover them")
    assert shown.document.spec == crashed.document.spec
    assert shown.document.dirty
    assert len(list((data_folder() / "recovery").glob("*.json"))) == 1
    shown.document.undo_stack.setClean()
    shown.close()


def test_a_window_that_closes_leaves_the_run_alone(another: Callable[[], Window]) -> None:
    run = told_run(data_folder() / "runs" / "a", STARTED)
    shown = another()
    shown.runner.follow(run)
    shown.close()
    assert not Inbox(run.path).take()
    assert not shown.runner.running


def test_a_helper_that_is_lost_is_said(window: Window) -> None:
    window.checks.lost.emit("The helper process ended unexpectedly.")
    assert window.messages.text() == "The helper process ended unexpectedly."
    window.checks.printed.emit("Segmentation fault\n")
    assert "Segmentation fault" in window.log.text.toPlainText()


def test_devices_are_named_once_they_are_known(window: Window, qtbot: QtBot) -> None:
    window.begin()
    qtbot.waitUntil(lambda: "auto uses" in words_in(window.training))


def test_an_empty_report_counts_nothing(window: Window) -> None:
    window.document.set_report(Report())
    assert window.bottom.tabText(0) == "Problems"
    assert "0 nodes · 0 parameters" in words_in(window.statusBar())


def test_the_project_is_renamed_in_the_inspector(window: Window) -> None:
    write(window.inspector.findChild(QLineEdit), "cats")
    assert window.document.spec.name == "cats"
