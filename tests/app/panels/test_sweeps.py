from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.space_box import Chooser
from app.panels.sweep_plots import CAPTIONS, SweepPlots, _Scale
from app.panels.sweeps import TABS, SweepPanel
from app.panels.trial_table import COURSE
from app.scope import Scope
from app.sweeper import Sweeper
from app.window import Window
from engine import edit
from engine.block_edits import group
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
    monkeypatch.setattr("engine.detached.subprocess.Popen", Started)


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


VARY = "Vary in a sweep…"


def varied_by(window: Window, *widgets: QWidget) -> list[str]:
    """The paths that are varied once each widget's menu has been used."""
    for widget in widgets:
        (action,) = widget.actions()
        assert action.text() == VARY
        action.trigger()
        assert window.bottom.tabText(window.bottom.currentIndex()) == "Sweeps"
        window.show_panel("Problems")
    return [each["path"] for each in listed_space(window.document.spec)]


def test_every_setting_of_training_and_data_is_varied_from_where_it_stands(window: Window) -> None:
    spec = edit.set_default_init(edit.set_schedule(swept(), 0, "StepLR"), "Normal")
    window.document.new(edit.add_optimizer(spec, "SGD"))
    box, panel = window.training.optimizers, window.training
    optimizer, schedule, init = box.optimizer.form, box.schedule.form, panel._init.form
    assert optimizer is not None
    assert schedule is not None
    assert init is not None
    assert varied_by(
        window, optimizer.fields["lr"], box.optimizer.box, schedule.fields["gamma"], box.schedule.box, box._every,
        init.fields["std"], panel._init.box, panel._batch.fields["batch_size"], panel._more.fields["clip_norm"],
        window.data_panel._split.fields["validation"],
    ) == [
        LR, "training.optimizers.0.op", "training.optimizers.0.schedule.params.gamma",
        "training.optimizers.0.schedule.op", "training.optimizers.0.every", "training.init.params.std",
        "training.init.op", "data.batching.batch_size", "training.clip_norm", "data.split.validation",
    ]  # fmt: skip


def test_a_node_inside_a_block_is_varied_with_its_op_and_its_weights(window: Window) -> None:
    window.document.new(group(swept(), ["linear_1", "dropout_1", "tanh_1"], "Part"))
    window.inspector.show_nodes(["part_1"])
    assert window.inspector._use is not None
    assert varied_by(window, window.inspector._use._repeat) == ["nodes.part_1.repeat"]
    window.inspector.show_scope(Scope(window.document, "Part"))
    window.inspector.show_nodes(["tanh_1"])
    (facts,) = [each for each in window.inspector.findChildren(QLabel) if each.text().startswith("tanh_1 ·")]
    assert varied_by(window, facts)[-1] == "blocks.Part.nodes.tanh_1.op"
    window.inspector.show_nodes(["linear_1"])
    form, weights = window.inspector.form, window.inspector._weights
    assert form is not None
    assert weights is not None
    varied = varied_by(window, form.fields["out_features"], weights._form.fields["lr_factor"])
    assert varied[-2:] == [
        f"blocks.Part.nodes.linear_1.{each}" for each in ("params.out_features", "weights.lr_factor")
    ]


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


def typed(panel: SweepPanel, place: int, text: str, qtbot: QtBot) -> None:
    """Type a range without leaving its line."""
    panel.activateWindow()
    line = panel.space.ranges[place]
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    line.selectAll()
    QTest.keyClicks(line, text)


@pytest.mark.parametrize("place", [0, 1])
def test_a_range_that_is_removed_while_the_cursor_is_in_it_leaves_the_others_as_they_are(
    panel: SweepPanel, document: Document, qtbot: QtBot, place: int
) -> None:
    kept = listed_space(document.spec)[1 - place]
    typed(panel, place, "0.5..0.75", qtbot)
    path = listed_space(document.spec)[place]["path"]
    remove = next(each for each in panel.findChildren(QToolButton) if each.toolTip() == f"Vary {path} no longer")
    remove.click()
    assert listed_space(document.spec) == [kept]
    assert document.undo_stack.count() == 1


@pytest.mark.parametrize("space", [(f"{WIDTH}=4..12",), (f"{LR}=0.001..1:log", f"{WIDTH}=4..12")])
def test_what_is_being_typed_does_not_reach_another_project(
    panel: SweepPanel, document: Document, qtbot: QtBot, space: tuple[str, ...]
) -> None:
    typed(panel, 0, "3..5", qtbot)
    other = swept(*space)
    document.new(other)
    for line in panel.space.ranges:
        line.editingFinished.emit()
    assert document.spec == other


def test_an_undo_shows_the_range_as_it_was_in_the_line_that_has_the_cursor(
    panel: SweepPanel, document: Document, qtbot: QtBot
) -> None:
    typed(panel, 1, "8, 16", qtbot)
    line = panel.space.ranges[1]
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert line.text() == "8,16"
    document.undo_stack.undo()
    assert line.hasFocus()
    assert line.text() == "4..12:int"


def test_settings_are_found_by_their_names(document: Document, panel: SweepPanel, qtbot: QtBot) -> None:
    chooser = Chooser(document.spec, panel)
    shown = [item.text(0) for item in chooser._items()]
    assert "Batch size" in shown
    chooser.search.setText("dropout prob")
    assert [item.text(0) for item in chooser._items() if not item.isHidden()] == ["Probability"]
    with qtbot.waitSignal(chooser.chosen) as chosen:
        chooser.search.returnPressed.emit()
    assert chosen.args == ["nodes.dropout_1.params.p"]


def test_what_no_list_names_is_varied_by_its_path(panel: SweepPanel, document: Document, qtbot: QtBot) -> None:
    chooser = Chooser(document.spec, panel)
    chooser.search.setText("training.devise")
    assert "did you mean 'device'?" in words_in(chooser)
    chooser.search.setText("nothing")
    assert "A path, such as training.epochs, names any value." in words_in(chooser)
    chooser.search.setText("training.device")
    assert not chooser._offer.isHidden()
    assert chooser._offer.text(0) == "Vary training.device"
    with qtbot.waitSignal(chooser.chosen) as chosen:
        chooser.search.returnPressed.emit()
    panel.vary(*chosen.args)
    assert panel.space.ranges[-1].text() == "auto,cpu,cuda"


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


def test_words_and_nothing_stand_on_their_axis_in_the_order_of_the_range() -> None:
    path = "training.clip_norm"
    trials = [Trial(number, "finished", {path: value}, 0.5) for number, value in enumerate((5.0, None, 0.1))]
    scale = _Scale(path, Trials("loss", higher=False, wanted=3, ranges={path: "null,0.1,5.0,10.0"}), trials)
    assert scale.ticks() == [(0.0, "none"), (0.5, "0.1"), (1.0, "5")]
    op = "nodes.relu_1.op"
    alone = _Scale(op, Trials("loss", higher=False, wanted=3), [Trial(0, "finished", {op: "ReLU"}, 0.5)])
    assert alone.ticks() == [(0.5, "ReLU")]


def lines_in(panel: SweepPanel) -> list[pg.PlotCurveItem]:
    """The lines of the plot on show, the topmost first."""
    return [each for each in panel.plots.view.scene().items() if isinstance(each, pg.PlotCurveItem)]


def many(count: int) -> Trials:
    values = ({LR: 0.001 * (1 + place % 7), WIDTH: 4 + place % 9} for place in range(count))
    trials = (Trial(place, "finished", each, place / count, (0.5,)) for place, each in enumerate(values))
    return replace(TRIALS, trials=tuple(trials))


def test_plots_are_drawn_only_while_they_are_on_show(
    panel: SweepPanel, sweeper: Sweeper, document: Document, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    folder = told_sweep(sweeper, document.spec)
    panel._list()
    panel.tabs.setCurrentIndex(TABS.index("History"))
    qtbot.waitUntil(panel.plots.isVisible)
    drawn: list[int] = []
    monkeypatch.setattr(SweepPlots, "_draw_history", lambda _plots, trials, _scored: drawn.append(len(trials.trials)))
    panel._show_sweep()
    assert drawn == [4]
    panel.tabs.setCurrentIndex(TABS.index("Trials"))
    folder.write_trials(many(9))
    panel._show_sweep()
    assert drawn == [4]
    panel.tabs.setCurrentIndex(TABS.index("History"))
    qtbot.waitUntil(lambda: len(drawn) > 1)
    assert drawn == [4, 9]


def test_many_trials_side_by_side_are_few_items_with_the_best_on_top(
    panel: SweepPanel, sweeper: Sweeper, document: Document, qtbot: QtBot
) -> None:
    told_sweep(sweeper, document.spec, many(100))
    panel._list()
    panel.tabs.setCurrentIndex(TABS.index("Parallel"))
    qtbot.waitUntil(lambda: bool(lines_in(panel)))
    best, *others = lines_in(panel)
    assert len(others) < 12
    assert sum(int(np.isnan(each.yData).sum()) for each in (best, *others)) == 100
    assert best.yData[2] == 1.0
    assert max(each.yData[2::4].max() for each in others) < 1.0


def test_params_that_the_ops_of_a_trial_do_not_have_stand_nowhere(panel: SweepPanel) -> None:
    op, gamma = "training.optimizers.0.schedule.op", "training.optimizers.0.schedule.params.gamma"
    tried: tuple[dict[str, Any], ...] = ({op: None}, {op: "StepLR", gamma: 0.5}, {op: "StepLR", gamma: 0.1})
    trials = Trials(
        "loss",
        higher=False,
        wanted=3,
        trials=tuple(Trial(number, "finished", values, 0.5 + number) for number, values in enumerate(tried)),
        ranges={op: "null,StepLR", gamma: "0.1,0.5"},
    )
    scale = _Scale(gamma, trials, trials.trials)
    assert [scale.of(each) for each in trials.trials] == [pytest.approx(math.nan, nan_ok=True), 1.0, 0.0]
    assert [text for _place, text in scale.ticks()] == ["0.1", "0.3", "0.5"]
    assert _Scale(gamma, trials, trials.trials[:1]).ticks() == []
    for place in range(1, len(TABS)):
        panel.tabs.setCurrentIndex(place)
        panel.plots.show_trials(trials)
    panel.table.show_trials(trials)
    assert [cell(panel.table, row, COURSE + 2).text() for row in range(3)] == ["", "0.5", "0.1"]


def test_whole_numbers_are_written_out_on_their_axis() -> None:
    path = "data.batching.batch_size"
    trials = [Trial(number, "finished", {path: value}, 0.5) for number, value in enumerate((512, 1280, 2048))]
    scale = _Scale(path, Trials("loss", higher=False, wanted=3, ranges={path: "512..2048:int"}), trials)
    assert scale.ticks() == [(0.0, "512"), (0.5, "1280"), (1.0, "2048")]


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
