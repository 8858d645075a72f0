from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from engine import edit
from engine.events import Changed, Continued, Epoch, Event, Failed, Finished, Paused, Started, Stopped
from engine.runs import (
    INDEX,
    About,
    Runs,
    Summary,
    data_words,
    environment_changes,
    name_of,
    read_about,
    summaries,
    tags_of,
    write_about,
)
from engine.spec import Spec
from engine.train.folder import Run
from tests.app.story import FINISHED, STARTED, WHOLE, epoch, lived_before, progress, told_run


def only(folder: Path) -> Summary:
    (found,) = summaries(folder)
    return found


def test_a_run_is_told_at_a_glance(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", *WHOLE)
    found = only(tmp_path)
    assert (found.run, found.name, found.state, found.graph, found.nodes) == (run, "a", "finished", "untitled", 9)
    assert (found.epoch, found.epochs, found.parameters, found.device, found.seconds) == (4, 4, 2610, "cpu", 65.0)
    assert (found.metric, found.test["accuracy"]) == ("accuracy", 0.875)
    assert found.best == pytest.approx(0.75)
    assert found.started == 1_700_000_000.0


def test_the_values_of_the_best_epoch_count_and_not_those_of_the_last(tmp_path: Path) -> None:
    told_run(tmp_path / "a", STARTED, epoch(1), epoch(2), epoch(3, best=False))
    assert only(tmp_path).scores == epoch(2).validation


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "crashed"),
        ((STARTED, epoch(1)), "crashed"),
        ((STARTED, epoch(1), Stopped("a", 1)), "stopped"),
        ((Failed("Wrong."),), "failed"),
        (WHOLE, "finished"),
    ],
)
def test_every_end_of_a_run_is_told(tmp_path: Path, events: tuple[object, ...], state: str) -> None:
    lived_before(told_run(tmp_path / "a", *events))  # type: ignore[arg-type]  # events of several kinds
    assert only(tmp_path).state == state


def test_a_run_whose_lock_is_held_is_running_and_one_just_made_is_starting(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a")
    assert only(tmp_path).state == "starting"
    run.append(STARTED)
    with run.locked():
        assert only(tmp_path).state == "running"
        assert only(tmp_path).at_work
    assert only(tmp_path).state == "crashed"


def test_a_run_that_rests_is_paused_until_it_goes_on(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", STARTED, Paused(1, 3))
    with run.locked():
        assert only(tmp_path).state == "paused"
        assert only(tmp_path).at_work
        run.append(Continued(1, 3))
        run.append(Changed("Training 9 epochs now.", 1, 3, 9))
        assert (only(tmp_path).state, only(tmp_path).epochs) == ("running", 9)
        run.append(Paused(1, 4))
    assert only(tmp_path).state == "crashed"


def test_a_run_that_goes_on_after_its_end_is_not_finished_any_more(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", *WHOLE)
    runs = Runs(tmp_path)
    assert runs.read()[0].state == "finished"
    run.append(Started("run", "cpu", 9, 4, 10, {}, 2610, {"accuracy": True}))
    run.append(Epoch(5, {"accuracy": 0.99}, {"accuracy": 0.95}, 1.0, 1.0, True))
    with run.locked():
        again = runs.again(run)
    assert (again.state, again.epoch, again.epochs, again.best) == ("running", 5, 9, 0.95)


@pytest.mark.parametrize("last", [FINISHED, Stopped("a", 4), Failed("Wrong.")])
def test_a_run_that_had_ended_is_at_work_from_the_moment_that_its_lock_is_held(tmp_path: Path, last: Event) -> None:
    run = told_run(tmp_path / "a", STARTED, last)
    runs = Runs(tmp_path)
    ended = runs.read()[0].state
    with run.locked():
        assert (runs.again(run).state, runs.read()[0].at_work) == ("running", True)
    assert runs.again(run).state == ended


def test_why_a_run_failed_is_told_until_it_goes_on(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", STARTED, Failed("The disk is full."))
    assert only(tmp_path).message == "The disk is full."
    run.append(STARTED)
    run.append(FINISHED)
    assert only(tmp_path).message == ""


def test_a_value_that_is_no_number_is_no_best_value(tmp_path: Path) -> None:
    told_run(tmp_path / "a", STARTED, Epoch(1, {"accuracy": math.nan}, {}, 1.0, 1.0, True))
    found = only(tmp_path)
    assert found.best is None
    assert json.loads(json.dumps(found.encode(), allow_nan=False))["best"] == {"accuracy": None}


# ------------------------------------------------------------------------------------------------------ the index


def test_the_index_tells_the_same_as_the_folders_and_reads_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        told_run(tmp_path / name, *WHOLE)
    first = summaries(tmp_path)
    assert (tmp_path / INDEX).is_file()
    with monkeypatch.context() as patch:
        patch.setattr(Run, "spec", lambda _run: pytest.fail("read again"))
        patch.setattr("engine.runs.decode_events", lambda _data: pytest.fail("read again"))
        assert summaries(tmp_path) == first


def test_events_that_come_later_are_taken_in_and_a_half_line_waits(tmp_path: Path) -> None:
    run, runs = told_run(tmp_path / "a", STARTED, progress(1, 3), epoch(1)), Runs(tmp_path)
    assert runs.read()[0].epoch == 1
    run.append(epoch(2))
    with (run.path / "events.jsonl").open("a") as stream:
        stream.write('{"event": "finished"')
    assert runs.read()[0].epoch == 2
    with (run.path / "events.jsonl").open("a") as stream:
        stream.write(', "run": "a", "test": {}, "epochs": 2, "best_epoch": 2, "seconds": 7.5}\n')
    assert (runs.read()[0].state, runs.read()[0].seconds) == ("finished", 7.5)


def test_events_that_were_written_anew_are_read_anew(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", *WHOLE)
    runs = Runs(tmp_path)
    runs.read()
    (run.path / "events.jsonl").write_text("")
    run.append(STARTED)
    assert runs.read()[0].epoch == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0, "runs": {}}', '{"format": 1, "runs": {"a": {"x": 1}}}'])
def test_an_index_that_is_damaged_or_of_another_version_is_not_read(tmp_path: Path, text: str) -> None:
    told_run(tmp_path / "a", *WHOLE)
    (tmp_path / INDEX).write_text(text)
    assert only(tmp_path).state == "finished"


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    told_run(tmp_path / "a", *WHOLE)
    monkeypatch.setattr("engine.runs.write_atomically", refuse)
    assert only(tmp_path).state == "finished"


def test_reading_may_be_cut_short_and_goes_on_the_next_time(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        told_run(tmp_path / name, *WHOLE)
    runs = Runs(tmp_path)
    assert (runs.read(-1.0), runs.behind) == ([], True)
    assert (len(runs.read()), runs.behind) == (3, False)


def test_a_long_run_is_read_in_portions_and_listed_once_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived_before(told_run(tmp_path / "a", *WHOLE[:-1]))
    (expected,) = summaries(tmp_path)
    (tmp_path / INDEX).unlink()
    monkeypatch.setattr("engine.runs.PORTION", 100)
    clock = iter(range(100))
    monkeypatch.setattr("engine.runs.time.monotonic", lambda: next(clock))
    runs = Runs(tmp_path)
    read: list[list[Summary]] = []
    while not read or runs.behind:
        read.append(runs.read(2.5))
    assert len(read) > 2
    assert read == [[]] * (len(read) - 1) + [[expected]]
    assert (tmp_path / INDEX).is_file()


def test_new_runs_are_read_however_many_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        told_run(tmp_path / f"known{number}", *WHOLE)
    runs = Runs(tmp_path)
    runs.read()
    told_run(tmp_path / "new", *WHOLE)
    clock = iter(range(1000))
    monkeypatch.setattr("engine.runs.time.monotonic", lambda: next(clock))
    assert len([runs.read(3.0) for _ in range(3)][-1]) == 10


def test_runs_that_are_grouped_in_folders_are_found_and_the_newest_comes_first(tmp_path: Path) -> None:
    for place, name in enumerate(("old", "sweep/middle", "new")):
        run = told_run(tmp_path / name, *WHOLE)
        os.utime(run.path / "spec.json", (1000 + place, 1000 + place))
    assert [found.run.name for found in summaries(tmp_path)] == ["new", "middle", "old"]
    assert [found.run.name for found in summaries(tmp_path)] == ["new", "middle", "old"]  # by the index


def test_a_run_without_a_readable_spec_is_listed(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", *WHOLE)
    (run.path / "spec.json").write_text("{")
    assert (only(tmp_path).graph, only(tmp_path).state) == ("", "finished")


# ------------------------------------------------------------------------------------------------- what users say


def test_what_is_said_of_a_run_is_kept_in_its_folder(tmp_path: Path) -> None:
    run = told_run(tmp_path / "a", *WHOLE)
    assert read_about(run) == About()
    about = About("the good one", ("baseline", "café"), "two\nlines")
    write_about(run, about)
    assert read_about(run) == about
    found = only(tmp_path)
    assert (found.name, found.about, name_of(run)) == ("the good one", about, "the good one")


@pytest.mark.parametrize("text", ["{", "[]", '{"title": null, "tags": "x"}', '{"tags": null}'])
def test_what_is_said_in_a_damaged_file_is_nothing(tmp_path: Path, text: str) -> None:
    run = told_run(tmp_path / "a")
    (run.path / "about.json").write_text(text)
    assert read_about(run) == About()


@pytest.mark.parametrize(
    ("text", "tags"), [("", ()), (" , ", ()), ("a", ("a",)), ("a, b c ,a,", ("a", "b c")), ("é", ("é",))]
)
def test_tags_are_parted_by_commas_and_the_same_one_counts_once(text: str, tags: tuple[str, ...]) -> None:
    assert tags_of(text) == tags


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("Iris", {}, "Iris"),
        ("Table", {"path": "/data/adult/adult-train.csv.gz", "target": "x"}, "adult-train.csv.gz"),
        ("ImageFolder", {"path": "pets/"}, "pets"),
        ("RandomNumbers", {"samples": 5}, "RandomNumbers"),
    ],
)
def test_data_is_named_by_its_file_or_by_its_source(kind: str, params: dict[str, object], words: str) -> None:
    assert data_words(edit.set_source(Spec(), kind, params)) == words


def test_a_spec_without_data_names_none() -> None:
    assert data_words(Spec()) == ""


def test_what_has_changed_since_a_run_is_said_in_sentences() -> None:
    then = {"torch": "2.12", "python": "3.11.2", "device": "cuda:0", "folder": "/a"}
    now = {"torch": "2.13", "python": "3.11.2", "device": "cpu", "folder": "/b", "numpy": "2"}
    assert environment_changes(then, now) == [
        "PyTorch was 2.12; it is 2.13 now.",
        "The device was cuda:0; it is cpu now.",
    ]
    assert environment_changes({}, now) == []


def test_a_finished_run_says_its_own_time(tmp_path: Path) -> None:
    told_run(tmp_path / "a", STARTED, epoch(1), epoch(2))
    told_run(tmp_path / "b", STARTED, epoch(1), Finished("b", {}, 1, 1, 99.0))
    assert {found.run.name: found.seconds for found in summaries(tmp_path)} == {"a": 4.0, "b": 99.0}
