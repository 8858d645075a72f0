from __future__ import annotations

import csv
import functools
import math
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.panels.curves import Curves
from engine.events import Epoch, Event
from engine.train.folder import Run
from tests.app.gestures import press, words_in
from tests.app.story import STARTED, WHOLE, epoch, progress, told_run


@pytest.fixture
def curves(qtbot: QtBot) -> Curves:
    panel = Curves()
    qtbot.addWidget(panel)
    panel.resize(900, 300)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def points(curves: Curves, metric: str, split: str) -> list[tuple[float, float]]:
    """The points that a line of the first run draws, a value for each epoch."""
    item = next(item for (_run, name, part), item in curves._items.items() if (name, part) == (metric, split))
    x, y = item.getOriginalDataset()
    return [] if x is None else list(zip(x.tolist(), y.tolist(), strict=True))


def followed(curves: Curves, run: Run) -> Run:
    """A run whose events come by themselves from now on."""
    curves.follow(run, run.told_bytes())
    return run


def tell(curves: Curves, run: Run, *events: Event) -> None:
    """Have a run that is followed tell events."""
    for event in events:
        run.append(event)
    curves.take(list(events), run.told_bytes())


def legend(curves: Curves) -> str:
    return curves.legend.text()


def grown(curves: Curves, count: int) -> bool:
    """Whether the loss has so many points."""
    return "train" in legend(curves) and len(points(curves, "loss", "train")) == count


def test_before_the_first_run_the_panel_says_what_will_grow_here(curves: Curves) -> None:
    assert "the curves of the loss" in words_in(curves)


def test_a_finished_run_shows_every_epoch_of_every_metric(curves: Curves, tmp_path: Path, qtbot: QtBot) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    qtbot.waitUntil(lambda: len(curves._plots) == 2)
    assert points(curves, "loss", "train") == [(1, 1), (2, 1 / 2), (3, 1 / 3), (4, 1 / 4)]
    assert [x for x, _ in points(curves, "accuracy", "validation")] == [1, 2, 3, 4]
    assert list(curves._plots) == ["loss", "accuracy"]


def test_lines_grow_while_a_run_tells(curves: Curves, tmp_path: Path, qtbot: QtBot) -> None:
    run = followed(curves, told_run(tmp_path / "a"))
    tell(curves, run, STARTED)
    tell(curves, run, progress(1, 5))
    qtbot.waitUntil(lambda: "loss" in curves._plots)
    assert points(curves, "loss", "steps") == [(0.5, 1.0)]
    for number in (1, 2, 3):
        tell(curves, run, epoch(number))
        qtbot.waitUntil(functools.partial(grown, curves, number))


def test_what_comes_while_the_panel_is_hidden_is_drawn_when_it_shows(
    curves: Curves, tmp_path: Path, qtbot: QtBot
) -> None:
    run = followed(curves, told_run(tmp_path / "a"))
    curves.hide()
    tell(curves, run, STARTED, epoch(1), epoch(2))
    curves.show()
    qtbot.waitUntil(lambda: "loss" in curves._plots and len(points(curves, "loss", "train")) == 2)


def test_a_run_that_goes_on_continues_its_lines(curves: Curves, tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", STARTED, epoch(1), epoch(2))
    followed(curves, followed(curves, run))
    tell(curves, run, epoch(3))
    curves._catch_up()
    assert [x for x, _ in points(curves, "loss", "train")] == [1, 2, 3]


def test_several_runs_are_told_apart_by_name_and_colour(curves: Curves, tmp_path: Path) -> None:
    curves.show_runs([told_run(tmp_path / name, *WHOLE) for name in ("first", "second")])
    assert "first" in legend(curves) and "second" in legend(curves)
    pens = {run.name: item.opts["pen"].color().name() for (run, name, split), item in curves._items.items()
            if (name, split) == ("loss", "train")}  # fmt: skip
    assert pens["first"] != pens["second"]
    curves.show_runs([])
    assert curves._plots == {}
    assert "the curves of the loss" in words_in(curves)


def test_the_run_that_is_followed_stays_shown_beside_the_ticked_ones(curves: Curves, tmp_path: Path) -> None:
    run, other = (told_run(tmp_path / name, *WHOLE) for name in ("followed", "other"))
    followed(curves, run)
    curves.show_runs([other])
    assert {run.name for run, _name, _split in curves._items} == {"followed", "other"}


def test_a_value_that_is_not_finite_is_a_gap(curves: Curves, tmp_path: Path) -> None:
    bad = Epoch(2, {"loss": math.nan}, {}, 1.0, 1.0, best=False)
    curves.show_runs([told_run(tmp_path / "a", STARTED, epoch(1), bad, epoch(3))])
    values = [y for _, y in points(curves, "loss", "train")]
    assert math.isnan(values[1])
    assert values[2] == pytest.approx(1 / 3)
    curves.view.viewport().repaint()


def test_the_slider_smooths_what_is_drawn_and_leaves_the_points(curves: Curves, tmp_path: Path) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    before = points(curves, "loss", "train")
    curves.smoothing.setValue(90)
    assert points(curves, "loss", "train") != before
    assert points(curves, "loss", "train")[0] == before[0]
    curves.smoothing.setValue(0)
    assert points(curves, "loss", "train") == before


def test_only_losses_get_a_logarithmic_axis(curves: Curves, tmp_path: Path, qtbot: QtBot) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    qtbot.waitUntil(lambda: len(curves._plots) == 2)
    curves.logarithmic.setChecked(True)
    scales = {name: plot.getAxis("left").logMode for name, plot in curves._plots.items()}
    assert scales == {"loss": True, "accuracy": False}


def test_the_values_under_the_mouse_are_read(curves: Curves, tmp_path: Path) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    curves._hover(curves._plots["loss"].vb.mapViewToScene(curves._plots["loss"].vb.viewRect().center()))
    assert "loss train" in curves.readout.text()
    words = curves._values_at(2.1)
    assert words.startswith("epoch 2.10   loss train 0.5   ")
    assert "loss validation 0.45" in words


def test_points_are_saved_as_a_table_and_plots_as_a_picture(
    curves: Curves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "curves.csv"), ""))
    press(curves, "CSV…")
    with (tmp_path / "curves.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16
    assert rows[1] == {"run": "a", "metric": "loss", "split": "train", "epoch": "2", "value": "0.5"}
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "curves.png"), ""))
    press(curves, "PNG…")
    assert QImage(str(tmp_path / "curves.png")).width() == 2 * curves.view.width()


def test_a_dialog_that_is_cancelled_saves_nothing(
    curves: Curves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves.show_runs([told_run(tmp_path / "a", *WHOLE)])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    press(curves, "CSV…")
    press(curves, "PNG…")
    assert {path.name for path in tmp_path.iterdir()} <= {"a", ".user"}


def test_a_learning_rate_that_changes_is_drawn_step_by_step(curves: Curves, tmp_path: Path, qtbot: QtBot) -> None:
    run = followed(curves, told_run(tmp_path / "a", STARTED))
    for step, rate in ((1, 0.1), (2, 0.1), (3, 0.1), (4, 0.05)):
        tell(curves, run, replace(progress(1, step), learning_rates={"main": rate}))
    qtbot.waitUntil(lambda: "learning rate" in curves._plots)
    assert points(curves, "learning rate", "train") == [(0.1, 0.1), (0.3, 0.1), (0.4, 0.05)]


def test_a_run_that_is_long_is_read_bit_by_bit_and_every_point_is_drawn(
    curves: Curves, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.panels.points.PORTION", 300)
    monkeypatch.setattr("app.panels.curves.BUSY_SECONDS", -1.0)
    steps = [progress(number, step) for number in range(1, 4) for step in range(1, 11)]
    run = told_run(tmp_path / "a", STARTED, *steps)
    curves.show_runs([run])
    assert curves._plots == {}
    monkeypatch.setattr("app.panels.curves.BUSY_SECONDS", 0.0001)
    expected = [event.epoch - 1 + event.step / 10 for event in steps]
    qtbot.waitUntil(lambda: "loss" in curves._plots and len(points(curves, "loss", "steps")) == len(steps))
    assert [x for x, _ in points(curves, "loss", "steps")] == expected


def test_a_long_run_can_be_followed_while_it_is_read(
    curves: Curves, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.panels.curves.BUSY_SECONDS", -1.0)
    run = followed(curves, told_run(tmp_path / "a", STARTED, epoch(1)))
    tell(curves, run, epoch(2))
    followed(curves, run)
    tell(curves, run, epoch(3))
    monkeypatch.setattr("app.panels.curves.BUSY_SECONDS", 0.02)
    qtbot.waitUntil(functools.partial(grown, curves, 3))
    assert [x for x, _ in points(curves, "loss", "train")] == [1, 2, 3]


def test_a_line_that_a_run_takes_back_is_drawn_no_more(curves: Curves, tmp_path: Path, qtbot: QtBot) -> None:
    run = followed(curves, told_run(tmp_path / "a"))
    tell(curves, run, STARTED, progress(1, 5), epoch(1))
    qtbot.waitUntil(functools.partial(grown, curves, 1))
    tell(curves, run, STARTED, progress(1, 2))
    qtbot.waitUntil(lambda: {split for _run, _name, split in curves._items} == {"steps"})
    assert points(curves, "loss", "steps") == [(0.2, 1.0)]


def test_the_plots_stay_while_other_runs_are_shown_and_go_with_their_metric(
    curves: Curves, tmp_path: Path, qtbot: QtBot
) -> None:
    first, second = (told_run(tmp_path / name, *WHOLE) for name in ("first", "second"))
    plain = told_run(tmp_path / "plain", STARTED, Epoch(1, {"loss": 1.0}, {}, 1.0, 1.0, best=True))
    curves.show_runs([first])
    qtbot.waitUntil(lambda: len(curves._plots) == 2)
    plots = dict(curves._plots)
    curves.show_runs([second])
    assert curves._plots == plots
    assert {run.name for run, _name, _split in curves._items} == {"second"}
    assert all(len(plot.listDataItems()) == 2 for plot in plots.values())
    curves.show_runs([plain])
    assert list(curves._plots) == ["loss"]
    assert points(curves, "loss", "train") == [(1.0, 1.0)]
