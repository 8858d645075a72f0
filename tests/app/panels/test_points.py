from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from app.panels.points import Line, Points, smoothed
from engine.events import Started, Stopped
from engine.train.folder import Run
from tests.app.story import STARTED, epoch, progress, told_run


def read(run: Run) -> Points:
    points = Points(run.told_bytes())
    while points.is_behind:
        points.read_on(run)
    return points


@pytest.mark.parametrize("portion", [1, 100, 1000, 100_000])
def test_the_points_are_the_same_however_a_run_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    steps = [progress(number, step) for number in (1, 2) for step in range(1, 11)]
    run = told_run(tmp_path / "a", STARTED, *steps, epoch(1), epoch(2))
    with (run.path / "events.jsonl").open("a") as stream:
        stream.write('{"event": "epo')
    monkeypatch.setattr("app.panels.points.PORTION", portion)
    points = read(run)
    assert list(points.lines["loss", "steps"].x) == [event.epoch - 1 + event.step / 10 for event in steps]
    assert list(points.lines["loss", "train"].y) == [1, 1 / 2]


def test_what_comes_while_a_run_is_read_follows_what_was_read(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", STARTED, epoch(1))
    points = Points(run.told_bytes())
    points.come([epoch(2)], points.end + 10)
    assert not points.lines
    points.read_on(run)
    assert (list(points.lines["loss", "train"].x), points.offset) == ([1, 2], points.end)


def test_a_run_that_goes_on_from_before_its_last_point_tells_it_anew(tmp_path: Path) -> None:
    again = Started("run", "cpu", 4, 0, 10, {}, 1, step=4)
    run = told_run(tmp_path / "a", STARTED, *(progress(1, step) for step in range(1, 9)), epoch(1), Stopped("a", 1))
    run.append(again)
    run.append(progress(1, 5))
    points = read(run)
    assert list(points.lines["loss", "steps"].x) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert ("loss", "train") not in points.lines


def test_a_level_stretch_is_its_two_ends() -> None:
    line = Line()
    for x, y in ((1, 5.0), (2, 5.0), (3, 5.0), (4, 6.0)):
        line.stretch(x, y)
    assert (list(line.x), list(line.y)) == ([1, 3, 4], [5.0, 5.0, 6.0])


def test_smoothing_is_an_average_without_a_bias_at_its_start() -> None:
    constant = np.full(5, 3.0)
    assert smoothed(constant, 0.9) == pytest.approx(constant)
    values = np.array([1.0, 2.0, math.nan, 4.0])
    smooth = smoothed(values, 0.5)
    assert smooth[0] == pytest.approx(1.0)
    assert smooth[1] == pytest.approx((0.25 * 1 + 0.5 * 2) / 0.75)
    assert math.isnan(smooth[2])
    assert smooth[3] == pytest.approx((0.125 * 1 + 0.25 * 2 + 0.5 * 4) / 0.875)
    assert smoothed(values, 0) is values
