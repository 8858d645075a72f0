from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from app.canvas import viewer
from app.panels import palette as palettes
from app.panels.palette import MIME, Palette
from engine import ops
from tests.app.gestures import LEFT, words_in


@pytest.fixture
def palette(qtbot: QtBot) -> Palette:
    panel = Palette()
    qtbot.addWidget(panel)
    panel.resize(216, 700)
    panel.show()
    return panel


def items(palette: Palette) -> list[QTreeWidgetItem]:
    return [palette.tree.topLevelItem(place) for place in range(palette.tree.topLevelItemCount())]  # type: ignore[misc]


def listed(palette: Palette) -> list[str]:
    return [item.text(0) for item in items(palette)]


def test_every_op_stands_under_its_group_in_the_groups_order(palette: Palette) -> None:
    assert listed(palette) == list(ops.GROUPS)
    found = {item.child(row).text(0): item.text(0) for item in items(palette) for row in range(item.childCount())}
    assert found == {name: op.group for name, op in ops.OPS.items()}


@pytest.mark.parametrize(
    ("typed", "first"),
    [("linear", "Linear"), ("dense", "Linear"), ("fc", "Linear"), ("conv 2d", "Conv2d"), ("max pool", "Max")],
)
def test_typing_finds_ops_by_name_and_synonym(palette: Palette, typed: str, first: str) -> None:
    QTest.keyClicks(palette.search, typed)
    assert listed(palette)[0] == first


def test_what_nothing_matches_is_said(palette: Palette) -> None:
    QTest.keyClicks(palette.search, "zzzz")
    assert listed(palette) == []
    assert "No op is called that." in words_in(palette)
    palette.search.clear()
    assert listed(palette) == list(ops.GROUPS)
    assert "No op is called that." not in words_in(palette)


def test_enter_chooses_the_best_match_and_a_double_click_any(palette: Palette, qtbot: QtBot) -> None:
    QTest.keyClicks(palette.search, "conv2d")
    with qtbot.waitSignal(palette.op_chosen) as chosen:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert chosen.args == ["Conv2d"]
    place = palette.tree.visualItemRect(items(palette)[0]).center()
    QTest.mouseClick(palette.tree.viewport(), LEFT, pos=place)
    with qtbot.waitSignal(palette.op_chosen) as chosen:
        QTest.mouseDClick(palette.tree.viewport(), LEFT, pos=place)
    assert chosen.args == ["Conv2d"]


def test_enter_on_an_empty_search_chooses_nothing(palette: Palette, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(palette.op_chosen):
        QTest.keyClick(palette.search, Qt.Key.Key_Return)


def test_a_folded_group_stays_folded_after_a_search(palette: Palette) -> None:
    items(palette)[1].setExpanded(False)
    QTest.keyClicks(palette.search, "relu")
    palette.search.clear()
    assert [item.isExpanded() for item in items(palette)[:3]] == [True, False, True]


def test_an_op_is_dragged_out_as_the_canvas_expects_it(palette: Palette, monkeypatch: pytest.MonkeyPatch) -> None:
    carried: list[bytes] = []

    class Drag(QDrag):
        def exec(self, *_actions: object) -> Qt.DropAction:  # type: ignore[override]  # ends at once
            carried.append(bytes(self.mimeData().data(viewer.MIME).data()))
            return Qt.DropAction.IgnoreAction

    monkeypatch.setattr(palettes, "QDrag", Drag)
    QTest.keyClicks(palette.search, "conv2d")
    place = palette.tree.visualItemRect(items(palette)[0]).center()
    QTest.mousePress(palette.tree.viewport(), LEFT, pos=place)
    QTest.mouseMove(palette.tree.viewport(), place + QPoint(40, 20))
    QTest.mouseMove(palette.tree.viewport(), place + QPoint(60, 30))
    assert carried == [b"Conv2d"]
    assert MIME == viewer.MIME


def test_a_tip_says_what_an_op_does(palette: Palette) -> None:
    QTest.keyClicks(palette.search, "conv2d")
    assert ops.OPS["Conv2d"].doc() in items(palette)[0].toolTip(0)
