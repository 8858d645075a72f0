from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from engine import edit
from engine.columns import Column, DataReport
from engine.problem import Mistake, Problem
from engine.report import Report
from engine.spec import Spec, load, save
from tests.builders import image_classifier


def test_every_edit_is_one_step_back_and_forth(document: Document) -> None:
    specs = [document.spec]
    for op in ("Input", "Linear", "ReLU"):
        assert document.edit(f"Add {op}", lambda spec, op=op: edit.add(spec, op))
        specs.append(document.spec)
    for spec in specs[-2::-1]:
        document.undo_stack.undo()
        assert document.spec is spec
    for spec in specs[1:]:
        document.undo_stack.redo()
        assert document.spec is spec
    assert document.undo_stack.text(0) == "Add Input"


def test_steps_of_one_key_become_one_and_fall_away_where_nothing_is_changed(document: Document) -> None:
    document.new(image_classifier())

    def set_epochs(epochs: int) -> None:
        document.edit("Set epochs", lambda spec: edit.set_setting(spec, "training.epochs", epochs), merge="epochs")

    for epochs in (1, 12, 123):
        set_epochs(epochs)
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert document.spec == image_classifier()
    document.edit("Set name", lambda spec: edit.set_name(spec, "other"), merge="name")
    document.edit("Set name", lambda spec: edit.set_name(spec, image_classifier().name), merge="name")
    assert document.undo_stack.count() == 0
    assert not document.dirty


def test_steps_of_different_keys_stay_apart(document: Document) -> None:
    for name in ("epochs", "seed", "epochs"):
        path = f"training.{name}"
        value = document.undo_stack.count() + 2
        document.edit(f"Set {name}", lambda s, path=path, value=value: edit.set_setting(s, path, value), merge=path)
    assert document.undo_stack.count() == 3


def test_what_makes_no_sense_is_refused_with_a_sentence_and_changes_nothing(document: Document, qtbot: QtBot) -> None:
    document.new(image_classifier())
    with qtbot.waitSignal(document.refused) as refused:
        assert not document.edit("Wire", lambda spec: edit.connect(spec, "linear_1", "conv2d_1", "input"))
    assert "circle" in refused.args[0]
    assert document.spec == image_classifier()
    assert document.undo_stack.count() == 0


def test_an_edit_that_changes_nothing_is_no_step(document: Document) -> None:
    document.new(image_classifier())
    assert not document.edit("Set name", lambda spec: edit.set_name(spec, spec.name))
    assert not document.dirty


def test_a_saved_document_is_clean_and_undo_makes_it_dirty_again(document: Document, tmp_path: Path) -> None:
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    assert document.dirty
    document.save(tmp_path / "p.netloom")
    assert not document.dirty
    assert load(tmp_path / "p.netloom") == document.spec
    document.undo_stack.undo()
    assert document.dirty
    document.undo_stack.redo()
    assert not document.dirty


def test_a_save_that_fails_leaves_the_document_dirty_and_the_file_whole(document: Document, tmp_path: Path) -> None:
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    with pytest.raises(OSError):
        document.save(tmp_path / "missing" / "p.netloom")
    assert document.dirty
    assert document.path is None


def test_a_file_that_cannot_be_read_leaves_the_open_project_as_it_is(document: Document, tmp_path: Path) -> None:
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    before = document.spec
    (tmp_path / "p.netloom").write_text('{"format": 99}')
    with pytest.raises(Mistake, match="newer Netloom"):
        document.open(tmp_path / "p.netloom")
    assert document.spec is before
    assert document.undo_stack.count() == 1


def test_runs_and_relative_paths_start_beside_the_projects_file(document: Document, tmp_path: Path) -> None:
    assert document.runs_folder == tmp_path / "runs"
    (tmp_path / "work").mkdir()
    save(image_classifier(), tmp_path / "work" / "p.netloom")
    document.open(tmp_path / "work" / "p.netloom")
    assert document.folder == tmp_path / "work"
    assert document.runs_folder == tmp_path / "work" / "runs"


def test_recovered_work_is_unsaved_work(document: Document, tmp_path: Path) -> None:
    document.recover(image_classifier(), tmp_path / "p.netloom")
    assert document.dirty
    assert document.path == tmp_path / "p.netloom"


def test_problems_of_graph_and_data_and_of_their_going_together_are_joined(document: Document) -> None:
    from engine.check import check  # torch's seconds only where they are needed

    document.new(image_classifier())
    document.set_report(check(document.spec))
    assert document.report.problems == ()
    image = Column("picture", "image", (1, 8, 8), "float32")
    spoilt = Problem("a.csv does not exist.", None, "data.source.params.path")
    document.set_data(DataReport("Table", {"picture": image}, problems=(spoilt,)))
    assert spoilt in document.report.problems
    assert [each.node for each in document.report.problems if each.node] == ["input_1", "input_2"]
    document.set_data(None)
    assert document.report.problems == ()


def test_a_problem_that_check_and_data_both_find_is_told_once(document: Document) -> None:
    where = "data.source.params.path"
    document.set_report(Report(problems=(Problem("path is 3; it must be text.", None, where),)))
    document.set_data(DataReport("Table", problems=(Problem("3 is no path.", None, where),)))
    assert len(document.report.problems) == 1


def test_another_project_forgets_steps_reports_and_data(document: Document) -> None:
    document.edit("Add", lambda spec: edit.add(spec, "Linear"))
    document.set_report(Report(problems=(Problem("wrong"),)))
    document.set_data(DataReport("Iris"))
    document.new()
    assert document.spec == Spec()
    assert document.report == Report()
    assert document.data_report is None
    assert not document.undo_stack.canUndo()
