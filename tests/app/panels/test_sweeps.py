from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.space_box import Chooser
from app.panels.sweep_plots import CAPTIONS, SweepPlots
from app.panels.sweeps import TABS, SweepPanel
from app.panels.trial_table import COURSE
from app.sweeper import Sweeper
from app.window import Window
from engine.spec import Spec
from engine.sweep.folder import SweepFolder, Trial, Trials
from engine.sweep.plan import listed_space, planned
from engine.values import value_at
from tests.app.gestures import button, cell, press, words_in
from tests.engine.sweep.making import LR, WIDTH, swept

TRIALS = Trials(
    metric="accuracy",
    higher=True,
    wanted=5,
    trials=(
        Trial(0, "finished", {LR: 0.001, WIDTH: 4}, 0.5, (0.25, 0.5), "trials/0000", 3.0),
        Trial(1, "finished", {LR: 0.1, WIDTH: 8}, 0.75, (0.5, 0.75), "trials/0001", 4.0),
        Trial(2, "pruned", {LR: 0.01, WIDTH: 8}, 0.125, (0.125,), "trials/0002", 1.0),
        Trial(3, "failed", {LR: 1.0, WIDTH: 12}, None, (), "trials/0003", 1.0, "The loss became NaN."),
    ),
    why="It was stopped.",
    ranges={LR: "0.001..1:log", WIDTH: "4..12:int"},
)


class Started:
    """Stands for the process of a sweep."""

    status: int | None = None
    commands: list[list[str]]

    def __init__(self, command: list[str], **_: Any) -> None:
        Started.commands.append(command)

    def poll(self) -> int | None:
        return Started.status


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    Started.status, Started.commands = None, []
    monkeypatch.setattr("app.sweeper.subprocess.Popen", Started)


@pytest.fixture
def sweeper(document: Document) -> Sweeper:
    document.new(swept(f"{LR}=0.001..1:log", f"{WIDTH}=4..12"))
    return Sweeper(document)


@pytest.fixture
def panel(document: Document, sweeper: Sweeper, qtbot: QtBot) -> SweepPanel:
    shown = SweepPanel(document, sweeper)
    qtbot.addWidget(shown)
    shown.resize(1200, 400)
    shown.show()
    return shown


def told_sweep(sweeper: Sweeper, spec: Spec, trials: Trials | None = TRIALS) -> SweepFolder:
    folder = SweepFolder(sweeper.sweeps_folder / "a")
    folder.begin_sweep(spec, sweeper.sweeps_folder)
    if trials is not None:
        folder.write_trials(trials)
    return folder


def column(panel: SweepPanel, place: int) -> list[str]:
    return [cell(panel.table, row, place).text() for row in range(panel.table.rowCount())]


# ----------------------------------------------------------------------------------------------------------- the space


def test_without_sweeps_the_panel_says_what_they_are(panel: SweepPanel) -> None:
    assert "A sweep trains the project many times" in words_in(panel)


def test_a_param_is_varied_from_the_inspector_and_undone(window: Window) -> None:
    window.document.new(swept())
    window.inspector.show_nodes(["linear_1"])
    assert window.inspector.form is not None
    label = next(each for each in window.inspector.form._rows["out_features"] if each.actions())
    (action,) = label.actions()
    assert action.text() == "Vary in a sweep…"
    action.trigger()
    assert window.bottom.tabText(window.bottom.currentIndex()) == "Sweeps"
    assert [each["path"] for each in listed_space(window.document.spec)] == [WIDTH]
    assert [line.text() for line in window.sweeps.space.ranges] == ["8..32:int:log"]
    window.document.undo_stack.undo()
    assert window.sweeps.space.ranges == []


def test_a_range_is_typed_as_on_the_command_line_and_a_wrong_one_stays_with_its_reason(
    panel: SweepPanel, document: Document
) -> None:
    line = panel.space.ranges[1]
    line.setText("8,16,24")
    line.editingFinished.emit()
    assert [each.range.grid() for each in planned(document.spec).space][1] == [8, 16, 24]
    line.setText("8..4")
    line.editingFinished.emit()
    assert "high must be greater" in words_in(panel)
    assert [each.range.grid() for each in planned(document.spec).space][1] == [8, 16, 24]
    line.setText("0..4")
    line.editingFinished.emit()
    assert "out_features is 0; it must be at least 1." in words_in(panel)


def test_settings_are_found_by_their_names(document: Document, panel: SweepPanel, qtbot: QtBot) -> None:
    chooser = Chooser(document.spec, panel)
    shown = [item.text(0) for item in chooser._items()]
    assert "Batch size" in shown
    chooser.search.setText("dropout prob")
    assert [item.text(0) for item in chooser._items() if not item.isHidden()] == ["Probability"]
    with qtbot.waitSignal(chooser.chosen) as chosen:
        chooser.search.returnPressed.emit()
    assert chosen.args == ["nodes.dropout_1.params.p"]


# ----------------------------------------------------------------------------------------------------------- the sweep


def test_a_sweep_is_started_followed_and_stopped(
    panel: SweepPanel, sweeper: Sweeper, document: Document, qtbot: QtBot
) -> None:
    press(panel, "Start sweep")
    folder = sweeper.folder
    assert folder is not None
    assert folder.spec() == document.spec
    assert Started.commands[0][-5:] == ["sweep", "--resume", str(folder.path), "--watched", "--json"]
    assert "Starting…" in words_in(panel)
    folder.write_trials(TRIALS)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 4)
    press(panel, "Stop sweep")
    assert folder.stop_requested()
    Started.status = 0
    qtbot.waitUntil(lambda: not sweeper.running)
    assert "4 of 5 trials · best accuracy 0.75 (trial 1) · it was stopped" in words_in(panel)
    folder.clear_stop()
    press(panel, "Resume")
    assert Started.commands[1] == Started.commands[0]
    sweeper.leave()


def test_a_sweep_that_cannot_begin_says_why(panel: SweepPanel, sweeper: Sweeper, qtbot: QtBot) -> None:
    press(panel, "Start sweep")
    assert sweeper.folder is not None
    sweeper.folder.log.write_text("netloom: sweep.metric is 'x', which the project does not measure.\n")
    Started.status = 2
    qtbot.waitUntil(lambda: not sweeper.running)
    assert "The sweep ended: sweep.metric is 'x', which the project does not measure." in words_in(panel)


def test_a_project_without_a_space_starts_nothing(panel: SweepPanel, document: Document) -> None:
    document.new(swept())
    press(panel, "Start sweep")
    assert "needs a setting to vary" in words_in(panel)
    assert Started.commands == []


def test_trials_stand_in_rows_and_the_best_stands_out(panel: SweepPanel, sweeper: Sweeper, document: Document) -> None:
    told_sweep(sweeper, document.spec)
    panel._list()
    assert column(panel, 1) == ["finished", "finished, best", "pruned", "failed"]
    assert column(panel, 2) == ["0.5", "0.75", "0.125", ""]
    assert cell(panel.table, 1, COURSE).data(Qt.ItemDataRole.UserRole) == [0.5, 0.75]
    panel.table.sortItems(4, Qt.SortOrder.DescendingOrder)
    assert column(panel, 4) == ["1", "0.1", "0.01", "0.001"]
    panel.table.selectRow(0)
    assert "The loss became NaN." in words_in(panel)


def test_the_values_of_a_trial_become_the_projects_and_are_undone(
    panel: SweepPanel, sweeper: Sweeper, document: Document, qtbot: QtBot
) -> None:
    folder = told_sweep(sweeper, document.spec)
    panel._list()
    before = document.spec
    panel.table.selectRow(1)
    press(panel, "Use these values")
    assert (value_at(document.spec, LR), value_at(document.spec, WIDTH)) == (0.1, 8)
    assert document.undo_stack.undoText() == "Use the values of trial 1"
    document.undo_stack.undo()
    assert document.spec == before
    with qtbot.waitSignal(panel.run_chosen) as chosen:
        press(panel, "Show its curves")
    assert chosen.args[0].path == folder.path / "trials" / "0001"


def test_a_damaged_file_of_trials_is_told(
    panel: SweepPanel, sweeper: Sweeper, document: Document, qtbot: QtBot
) -> None:
    folder = told_sweep(sweeper, document.spec)
    (folder.path / "trials.json").write_text('{"trials": [{}]}')
    with qtbot.waitSignal(panel.refused) as refused:
        panel._list()
    assert "is damaged" in refused.args[0]
    assert button(panel, "Resume").isEnabled()


# ----------------------------------------------------------------------------------------------------------- the plots


def test_every_plot_is_drawn_and_a_brush_leaves_the_trials_that_pass_it(
    panel: SweepPanel, sweeper: Sweeper, document: Document
) -> None:
    told_sweep(sweeper, document.spec)
    panel._list()
    for place, name in enumerate(TABS[1:], 1):
        panel.tabs.setCurrentIndex(place)
        assert CAPTIONS[name] in words_in(panel)
    panel.tabs.setCurrentIndex(TABS.index("Parallel"))
    panel.plots._brush(1.1, 0.9, 1.0)
    hidden = [panel.table.isRowHidden(row) for row in range(4)]
    assert hidden == [True, False, False, True]
    panel.plots._brush(1.1, 0.5, 0.5)
    assert not any(panel.table.isRowHidden(row) for row in range(4))


def test_what_matters_is_asked_of_the_helper(
    panel: SweepPanel, sweeper: Sweeper, document: Document, qtbot: QtBot
) -> None:
    folder = told_sweep(sweeper, document.spec)
    panel._list()
    with qtbot.waitSignal(panel.importance_wanted) as wanted:
        panel.tabs.setCurrentIndex(TABS.index("Importance"))
    assert wanted.args == [str(folder.journal)]
    panel.show_importance({"error": "There are no trials yet."})
    assert "There are no trials yet." in words_in(panel)
    panel.show_importance({"importance": {LR: 0.75, WIDTH: 0.25}})
    assert "There are no trials yet." not in words_in(panel)


def test_before_the_first_score_the_plots_say_so(qtbot: QtBot) -> None:
    plots = SweepPlots()
    qtbot.addWidget(plots)
    plots.show()
    plots.show_trials(None)
    plots.show_kind("History")
    assert "The plots grow as trials come to an end." in words_in(plots)
