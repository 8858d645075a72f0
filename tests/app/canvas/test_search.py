from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.canvas.search import Search
from engine.ops import OPS
from tests.app.gestures import words_in


@pytest.fixture
def search(qtbot: QtBot) -> Iterator[Search]:
    holder = QWidget()
    qtbot.addWidget(holder)
    opened = Search(holder)
    opened.open_at(QPoint(), lambda _op: True)
    yield opened
    opened.close()


def names(search: Search) -> list[str]:
    return [search.list.item(row).text() for row in range(search.list.count())]


def test_all_ops_are_offered_before_a_letter_is_typed(search: Search) -> None:
    assert set(names(search)) == set(OPS)
    assert names(search)[0] == "Input"


@pytest.mark.parametrize(("typed", "first"), [("conv2", "Conv2d"), ("dense", "Linear"), ("relu", "ReLU")])
def test_the_best_match_comes_first_and_is_described(search: Search, typed: str, first: str) -> None:
    QTest.keyClicks(search.line, typed)
    assert names(search)[0] == first
    assert OPS[first].doc() in words_in(search)


def test_arrows_walk_the_list_around_its_ends(search: Search, qtbot: QtBot) -> None:
    QTest.keyClicks(search.line, "conv")
    found = names(search)
    QTest.keyClick(search.line, Qt.Key.Key_Up)
    assert search.list.currentItem().text() == found[-1]
    QTest.keyClick(search.line, Qt.Key.Key_Down)
    QTest.keyClick(search.line, Qt.Key.Key_Tab)
    with qtbot.waitSignal(search.chosen) as chosen:
        QTest.keyClick(search.line, Qt.Key.Key_Return)
    assert chosen.args == [found[1]]


def test_only_what_fits_is_offered_and_nothing_is_chosen_where_nothing_does(search: Search, qtbot: QtBot) -> None:
    search.open_at(QPoint(), lambda op: op == "Linear")
    assert names(search) == ["Linear"]
    QTest.keyClicks(search.line, "conv")
    assert names(search) == []
    assert "No op of this name fits here." in words_in(search)
    with qtbot.assertNotEmitted(search.chosen):
        QTest.keyClick(search.line, Qt.Key.Key_Return)


def test_a_click_chooses(search: Search, qtbot: QtBot) -> None:
    QTest.keyClicks(search.line, "gelu")
    place = search.list.visualItemRect(search.list.item(0)).center()
    with qtbot.waitSignal(search.chosen) as chosen:
        QTest.mouseClick(search.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == ["GELU"]
    assert not search.isVisible()
