from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.data_helper import DataHelper
from app.document import Document
from app.panels.data_pages import MOST_PAGES, PAGE
from app.panels.data_rows import cell_words
from app.panels.data_samples import SampleBrowser, main_column, seen_at_once, shown_in_rows
from engine import edit
from engine.columns import Column
from engine.data import report as data_report
from engine.spec import Spec
from tests.app.gestures import words_in
from tests.app.panels.samples import Answering, pictures, read, table_of

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def engine() -> Answering:
    return Answering()


@pytest.fixture
def browser(document: Document, engine: Answering, qtbot: QtBot) -> SampleBrowser:
    shown = SampleBrowser(DataHelper(document, engine))
    qtbot.addWidget(shown)
    shown.resize(800, 500)
    shown.show()
    return shown


def browse(browser: SampleBrowser, document: Document, engine: Answering, spec: Spec) -> None:
    read(document, spec)
    browser.show_data(document.data_report)
    engine.answer()
    browser.grab()
    engine.answer()


def choose(combo: Any, data: str) -> None:
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())


def test_a_table_is_shown_as_rows_that_are_read_as_they_are_seen(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path, 20_000))
    assert browser.stack.currentWidget() is browser.rows
    model = browser.rows.model()
    assert [model.headerData(place, Qt.Orientation.Horizontal) for place in range(3)] == ["kind", "age", "town"]
    assert [model.index(5, place).data() for place in range(3)] == ["z", "5", "t1"]
    assert "20,000 samples" in words_in(browser)
    before = {each["start"] for each in engine.asked("browse")}
    assert len(before) <= 2
    browser.rows.scrollTo(model.index(15_000, 0))
    browser.grab()
    assert model.index(15_000, 1).data() == "…"
    engine.answer()
    assert model.index(15_000, 1).data() == str(15_000 % 90)
    assert len(engine.asked("browse")) < 8


def test_a_split_and_a_class_are_chosen(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path))
    assert [browser.parts.itemText(place) for place in range(4)] == ["All samples", "train", "validation", "test"]
    choose(browser.parts, "validation")
    engine.answer()
    assert browser.pages.total == 20
    choose(browser.classes, "y")
    engine.answer()
    model = browser.rows.model()
    assert {model.index(row, 0).data() for row in range(model.rowCount())} == {"y"}
    browser.show_data(document.data_report)  # read anew: what is chosen stays
    engine.answer()
    assert (browser.parts.currentData(), browser.classes.currentData()) == ("validation", "y")
    assert browser.pages.total == model.rowCount()


def test_images_are_shown_as_tiles_and_opened_larger(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, pictures(tmp_path))
    gallery = browser.gallery
    assert browser.stack.currentWidget() is gallery
    assert gallery.across() == gallery.viewport().width() // 128
    QTest.mouseClick(gallery.viewport(), LEFT, pos=gallery.rect_of(1).center())
    assert gallery.current == 1
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    QTest.keyClick(gallery, Qt.Key.Key_End)
    assert gallery.current == 9
    QTest.keyClick(gallery, Qt.Key.Key_Home)
    QTest.keyClick(gallery, Qt.Key.Key_Down)
    assert gallery.current == gallery.across()
    QTest.keyClick(gallery, Qt.Key.Key_Space)
    engine.answer()
    viewer = browser.viewer
    assert viewer.isVisible()
    index = browser.pages.sample(gallery.across())["index"]  # type: ignore[index]
    assert f"{index + 1} of 10" in words_in(viewer)
    assert "12 × 8 pixels" in words_in(viewer)
    QTest.keyClick(viewer, Qt.Key.Key_Left)
    engine.answer()
    assert f"{gallery.across()} of 10" in words_in(viewer)
    viewer.grab()
    QTest.keyClick(viewer, Qt.Key.Key_Space)
    assert not viewer.isVisible()
    QTest.mouseDClick(gallery.viewport(), LEFT, pos=gallery.rect_of(0).center())
    assert viewer.isVisible()
    viewer.close()


def test_rows_are_there_for_images_too(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, pictures(tmp_path))
    QTest.mouseClick(browser._views.button(1), LEFT)
    assert browser.stack.currentWidget() is browser.rows
    browser.grab()
    row = browser.rows.model()
    assert not row.index(0, 0).data(Qt.ItemDataRole.DecorationRole).isNull()
    assert row.index(0, 1).data() in ("cat", "dog")


def test_an_image_that_cannot_be_read_says_why(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    spec = pictures(tmp_path)
    (tmp_path / "pictures" / "cat" / "2.png").write_text("none")
    browse(browser, document, engine, spec)
    errors = [sample["error"] for place in range(10) if "error" in (sample := browser.pages.sample(place) or {})]
    assert len(errors) == 1 and "2.png" in errors[0]


def test_texts_are_shown_and_cut_into_tokens(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(
        "said,kind\n" + "".join(f"Hello there number {i},{'ab'[i % 2]}\n" for i in range(40))
    )
    params = {"path": str(tmp_path / "t.csv"), "target": "kind", "texts": ["said"]}
    browse(browser, document, engine, edit.set_source(Spec(), "Table", params))
    assert browser.stack.currentWidget() is browser.gallery
    assert "tokens" not in (browser.pages.sample(0) or {})
    QTest.mouseClick(browser.tokens, LEFT, pos=browser.tokens.rect().center())
    browser.tokens.setChecked(True)
    engine.answer()
    assert browser.pages.sample(3)["tokens"]["said"][:3] == ["hello", "there", "number"]  # type: ignore[index]
    browser.grab()
    browser.gallery.opened.emit(0)
    engine.answer()
    assert "Hello there number 0" in words_in(browser.viewer)
    browser.viewer._as_tokens.setChecked(True)
    browser.viewer.grab()
    assert "Hello there number 0" not in words_in(browser.viewer)
    browser.viewer.close()


def test_what_cannot_be_read_is_said(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path))
    (tmp_path / "people.csv").unlink()
    choose(browser.parts, "train")
    engine.answer()
    assert "does not exist" in words_in(browser)
    browser.show_data(None)
    assert browser.pages.total == 0


def test_an_answer_for_an_earlier_choice_is_dropped(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path))
    choose(browser.parts, "test")
    choose(browser.parts, "train")
    assert "Reading samples" in words_in(browser)
    engine.answer()
    assert browser.pages.total == 160


def test_no_more_pages_are_kept_than_are_worth_it(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path, PAGE * (MOST_PAGES + 10)))
    for page in range(MOST_PAGES + 10):
        browser.pages.sample(page * PAGE)
        engine.answer()
    assert len(browser.pages._pages) == MOST_PAGES


def test_a_quick_scroll_asks_for_what_is_seen_last(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    browse(browser, document, engine, table_of(tmp_path, 6000))
    before = len(engine.asked("browse"))
    for place in range(600, 6000, PAGE):
        browser.pages.sample(place)
    engine.answer()
    assert [each["start"] for each in engine.asked("browse")[before:]] == [600, 5940]


def column(name: str, kind: Any, **more: Any) -> Column:
    return Column(name, kind, more.pop("shape", ()), "float32", **more)


def test_samples_are_recognised_by_what_is_seen_or_heard() -> None:
    image, text, number = column("i", "image"), column("t", "text"), column("n", "number")
    assert main_column([number, text, image]) is image
    assert main_column([number]) is None
    assert seen_at_once([number, text], text)
    assert not seen_at_once([column(f"n{i}", "number") for i in range(9)] + [text], text)
    joined = column("features", "number", shape=(2,), parts=("a", "b"))
    assert shown_in_rows([joined, column("a", "number"), column("b", "number")])[0].name == "a"
    assert shown_in_rows([joined])[0].name == "features"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (2.5, "2.5"),
        (1_260_759_144.0, "1,260,759,144"),
        ([0.0, 1.0, 1.0], "b, c"),
        ([0.5, None, 1.0], "0.5, , 1"),
        ({"seconds": 0.5, "rate": 8000}, "0.5 s, 8,000 Hz"),
        ({"boxes": [[0, 0, 1, 1]], "labels": ["x"]}, "1 box"),
        ("two\nlines", "two lines"),
    ],
)
def test_cells_are_written_for_people(value: Any, words: str) -> None:
    assert cell_words(column("genres", "number", shape=(3,), parts=("a", "b", "c")), value) == words


def test_every_kind_of_sample_can_be_drawn(
    browser: SampleBrowser, document: Document, engine: Answering, tmp_path: Path
) -> None:
    """Boxes and masks lie over the picture they follow."""
    spec = pictures(tmp_path)
    read(document, spec)
    report = data_report(spec, tmp_path)
    over = [column("boxes", "boxes", classes=("cat",), follows="image"), column("mask", "mask", follows="image")]
    columns = [*report.columns.values(), *over]
    browse(browser, document, engine, spec)
    browser.gallery.show_columns(columns, columns[0], tokens=False)
    sample = browser.pages.sample(0)
    assert sample is not None
    plain = browser.gallery.grab().toImage()
    shown = {"boxes": [[1, 1, 5, 6]], "labels": ["cat"], "height": 8, "width": 8}
    sample["values"] |= {"boxes": shown, "mask": sample["values"]["image"]}
    assert browser.gallery.grab().toImage() != plain
