from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QFileDialog, QLineEdit, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from app.fields import Field, Form, readable
from app.fields.editors import OWN_SIZE
from app.fields.numbers import NumberBox
from engine import kinds
from engine.declare import Declared, param
from tests.app.gestures import words_in, write


class Everything(Declared, abstract=True):
    """Has a param of every kind; abstract, so that nothing lists it."""

    whole: int = param(3, "A whole number.", low=1, high=99)
    number: float = param(0.5, "A number.", low=0, below=1)
    maybe: int | None = param(None, "A number or nothing.", low=1)
    flag: bool = param(True, "Yes or no.")
    choice: Literal["mean", "sum"] = param("mean", "One of two.")
    size: kinds.Size2 = param(3, "A size.", low=1)
    padding: kinds.Size2 | Literal["same", "valid"] = param("same", "A size or a name.", low=0)
    shape: kinds.NamedShape = param(("N", 1), "A shape.")
    betas: tuple[float, ...] = param((0.9, 0.999), "Numbers.")
    file: kinds.FilePath = param("", "A file.")
    column: kinds.Column | None = param(None, "A column.")
    columns: kinds.Columns = param((), "Columns.")
    word: str = param("", "Text.", advanced=True)


Told = list[tuple[str, Any, bool]]


@pytest.fixture
def form(qtbot: QtBot, tmp_path: Path) -> Form:
    made = Form(Everything, {}, folder=tmp_path, columns=lambda: ["age", "name"])
    qtbot.addWidget(made)
    made.show()
    made.told = told = []  # type: ignore[attr-defined]  # what the form has told
    made.changed.connect(lambda name, value, final: told.append((name, value, final)))
    return made


def told(form: Form) -> Told:
    return form.told  # type: ignore[attr-defined, no-any-return]  # as above


def line_of(field: Field) -> QLineEdit:
    return field.findChildren(QLineEdit)[0]


def boxes(field: Field) -> list[NumberBox]:
    return [box for box in field.findChildren(NumberBox) if box.isVisibleTo(field)]


def test_every_param_has_a_row_with_its_default(form: Form) -> None:
    assert list(form.fields) == list(Everything.params())
    assert all(field.problem() == "" for field in form.fields.values())
    assert line_of(form.fields["shape"]).text() == "N, 1"
    assert line_of(form.fields["betas"]).text() == "0.9, 0.999"


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("whole", "64", 64),
        ("number", "1/4", 0.25),
        ("maybe", "5", 5),
        ("shape", "N, 3, 8", ["N", 3, 8]),
        ("betas", "0.5, 0.9", [0.5, 0.9]),
        ("file", "a.csv", "a.csv"),
        ("column", "height", "height"),
        ("columns", "age, height", ["age", "height"]),
        ("word", "hello", "hello"),
    ],
)
def test_what_is_typed_is_told(form: Form, name: str, typed: str, value: Any) -> None:
    write(line_of(form.fields[name]), typed)
    assert told(form)[-1] == (name, value, True)
    assert form.fields[name].problem() == ""


@pytest.mark.parametrize("typed", ["0.001", "1e-10", "0.50", "1/1000", ".25"])
def test_a_number_can_be_typed_letter_by_letter(form: Form, typed: str) -> None:
    line = line_of(form.fields["number"])
    line.selectAll()
    for place, letter in enumerate(typed, 1):
        QTest.keyClicks(line, letter)
        form.set_values({name: value for name, value, _final in told(form)})  # as it comes back from the spec
        assert line.text() == typed[:place]
    assert form.fields["number"].problem() == ""


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("whole", "0", "whole is 0; it must be at least 1."),
        ("whole", "100", "whole is 100; it must be at most 99."),
        ("whole", "2.5", 'whole is "2.5"; it must be a whole number.'),
        ("number", "1", "number is 1.0; it must be less than 1."),
        ("number", "much", 'number is "much"; it must be a number.'),
        ("maybe", "0", "maybe is 0; it must be at least 1, or must be empty."),
        ("shape", "N, -1", "shape is"),
        ("betas", "0.9, x", "betas is"),
    ],
)
def test_a_wrong_value_stays_as_typed_with_a_sentence_and_is_not_told(
    form: Form, name: str, typed: str, sentence: str
) -> None:
    field = form.fields[name]
    field.set_value(Everything.params()[name].default)
    write(line_of(field), typed)
    assert field.problem().startswith(sentence)
    assert line_of(field).text() == typed
    assert all(Everything.params()[name].refuse(value) is None for name, value, _final in told(form))


def test_a_refused_value_outlasts_reports_and_goes_with_the_next_value_of_the_spec(form: Form) -> None:
    field = form.fields["whole"]
    write(line_of(field), "0")
    form.set_problems({})
    form.set_values({"whole": 3, "number": 0.25})
    assert line_of(field).text() == "0"
    assert field.problem() == "whole is 0; it must be at least 1."
    form.set_values({"whole": 7})
    assert line_of(field).text() == "7"
    assert field.problem() == ""


def test_a_wrong_value_of_the_spec_is_shown_with_its_sentence(form: Form) -> None:
    form.set_values({"whole": "many", "size": [1, 2, 3], "choice": "median"})
    assert form.fields["whole"].problem() == 'whole is "many"; it must be a whole number.'
    assert "size is (1, 2, 3); it must be one whole number, or 2 of them." in form.fields["size"].problem()
    assert "choice" in form.fields["choice"].problem()
    form.set_values({})
    assert form.fields["whole"].problem() == ""


@pytest.mark.parametrize("value", [None, True, 7, -1.5, 2**70, "odd", "", [], [1, "a", None], {"a": 1}], ids=repr)
def test_whatever_a_file_holds_is_shown_and_refused_or_taken(form: Form, value: Any) -> None:
    form.set_values(dict.fromkeys(form.fields, value))
    for name, each in Everything.params().items():
        assert form.fields[name].problem() == (each.refuse(value) or "")
    assert told(form) == []
    form.grab()


def test_an_optional_number_may_be_emptied(form: Form) -> None:
    form.set_values({"maybe": 4})
    line = line_of(form.fields["maybe"])
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    assert told(form)[-1] == ("maybe", None, False)
    assert form.fields["maybe"].problem() == ""


def test_a_tick_and_a_choice_are_told(form: Form) -> None:
    form.fields["flag"].findChild(QCheckBox).click()
    assert told(form)[-1] == ("flag", False, True)
    choose(form.fields["choice"], "sum")
    assert told(form)[-1] == ("choice", "sum", True)


def choose(field: Field, text: str) -> None:
    box = field.findChild(QComboBox)
    place = box.findText(text)
    box.setCurrentIndex(place)
    box.activated.emit(place)


def test_a_size_is_one_number_until_its_axes_are_unlinked(form: Form) -> None:
    field = form.fields["size"]
    assert len(boxes(field)) == 1
    write(boxes(field)[0].lineEdit(), "5")
    assert told(form)[-1][:2] == ("size", 5)
    link = next(each for each in field.findChildren(QToolButton) if each.isCheckable())
    link.click()
    assert told(form)[-1] == ("size", [5, 5], True)
    write(boxes(field)[1].lineEdit(), "7")
    assert told(form)[-1][:2] == ("size", [5, 7])
    link.click()
    assert told(form)[-1] == ("size", 5, True)


def test_a_size_may_be_a_name_or_numbers(form: Form) -> None:
    field = form.fields["padding"]
    assert boxes(field) == []
    choose(field, OWN_SIZE)
    assert told(form)[-1][1] == 1
    assert len(boxes(field)) == 1
    choose(field, "valid")
    assert told(form)[-1][1] == "valid"
    assert boxes(field) == []


def test_a_path_inside_the_project_is_kept_relative(
    form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browse = form.fields["file"].findChild(QToolButton)
    for chosen, kept in ((tmp_path / "data" / "a.csv", "data/a.csv"), (Path("/else/b.csv"), "/else/b.csv")):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, chosen=chosen: (str(chosen), ""))
        browse.click()
        assert told(form)[-1] == ("file", kept, True)
        assert line_of(form.fields["file"]).text() == kept


def test_columns_of_the_data_are_offered(form: Form) -> None:
    form.set_values({})
    box = form.fields["column"].findChild(QComboBox)
    assert [box.itemText(place) for place in range(box.count())] == ["age", "name"]
    choose(form.fields["column"], "age")
    assert told(form)[-1] == ("column", "age", True)
    menu = form.fields["columns"].findChild(QMenu)
    menu.aboutToShow.emit()
    menu.actions()[1].trigger()
    assert told(form)[-1] == ("columns", ["name"], True)


def visible_reset(form: Form, name: str) -> QToolButton | None:
    tip = f"Reset {name} to "
    return next((b for b in form.findChildren(QToolButton) if b.toolTip().startswith(tip) and b.isVisible()), None)


def test_what_differs_from_its_default_can_be_reset(form: Form, qtbot: QtBot) -> None:
    assert visible_reset(form, "whole") is None
    form.set_values({"whole": 4, "betas": [0.9, 0.999]})
    assert visible_reset(form, "betas") is None
    button = visible_reset(form, "whole")
    assert button is not None
    with qtbot.waitSignal(form.reset) as reset:
        button.click()
    assert reset.args == ["whole"]


def test_advanced_params_are_folded_away_until_asked_for_or_set(form: Form, qtbot: QtBot, tmp_path: Path) -> None:
    word = form.fields["word"]
    assert word.isHidden()
    more = next(each for each in form.findChildren(QToolButton) if each.text() == "More (1)")
    more.click()
    assert not word.isHidden()
    unfolded = Form(Everything, {"word": "set"}, folder=tmp_path)
    qtbot.addWidget(unfolded)
    assert not unfolded.fields["word"].isHidden()


def test_what_the_check_says_stands_below_the_field(form: Form) -> None:
    form.set_problems({"whole": "whole must divide 64."})
    assert form.fields["whole"].problem() == "whole must divide 64."
    form.set_problems({})
    assert form.fields["whole"].problem() == ""


def test_the_cursor_stays_while_the_value_comes_back_from_the_spec(form: Form) -> None:
    line = line_of(form.fields["shape"])
    line.selectAll()
    QTest.keyClicks(line, "N, 1,")
    form.set_values({"shape": ["N", 1]})
    assert line.text() == "N, 1,"
    QTest.keyClicks(line, " 28")
    assert told(form)[-1] == ("shape", ["N", 1, 28], False)


def test_names_read_as_words() -> None:
    assert [readable(name) for name in ("kernel_size", "lr", "p")] == ["Kernel size", "Learning rate", "Probability"]


def test_tips_say_what_a_param_means_and_its_bounds(form: Form) -> None:
    assert "A whole number. It must be at least 1, at most 99." in form.fields["whole"].toolTip()


class Grouped(Declared, abstract=True):
    plain: int = param(1, "Above all groups.")
    first: int = param(1, "In a group.", advanced=True, group="Speed")
    second: int = param(2, "In the same.", advanced=True, group="Speed")
    third: int = param(3, "In another.", advanced=True, group="Length")


def test_params_of_a_group_stand_under_one_heading_that_folds_with_them(qtbot: QtBot, tmp_path: Path) -> None:
    form = Form(Grouped, {}, folder=tmp_path)
    qtbot.addWidget(form)
    form.show()
    assert "Speed" not in words_in(form)
    form._more.click()
    words = words_in(form)
    assert words.count("Speed") == words.count("Length") == 1
    assert words.index("Speed") < words.index("First") < words.index("Second") < words.index("Length")


def test_a_param_is_varied_from_the_menu_of_the_line_it_is_typed_in(qtbot: QtBot, tmp_path: Path) -> None:
    form = Form(Everything, {}, folder=tmp_path, can_vary=True)
    qtbot.addWidget(form)
    form.show()
    line = form.fields["number"].findChild(QLineEdit)
    assert line is not None
    line.customContextMenuRequested.emit(QPoint())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    *usual, vary = menu.actions()
    assert len(usual) > 3
    assert vary.text() == "Vary in a sweep…"
    with qtbot.waitSignal(form.varied) as varied:
        vary.trigger()
    assert varied.args == ["number"]
    menu.close()
