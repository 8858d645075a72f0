from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas import Canvas
from app.canvas.viewer import MOST_ZOOM, Viewer
from engine.spec import Spec
from tests.app.gestures import LEFT, NONE, body, click_node, drag, output_of, pixel
from tests.builders import chain

Show = Callable[[Spec], Canvas]


def turn_wheel(viewer: Viewer, place: QPoint, angle: int) -> None:
    viewport = viewer.viewport()
    over = QPointF(viewport.mapToGlobal(place))
    phase, button = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
    QTest.mouseMove(viewport, place)
    event = QWheelEvent(QPointF(place), over, QPoint(), QPoint(0, angle), button, NONE, phase, False)
    QApplication.sendEvent(viewport, event)


def test_the_wheel_zooms_within_limits(show: Show) -> None:
    viewer = show(chain("ReLU")).viewer
    before = viewer.get_zoom()
    turn_wheel(viewer, QPoint(300, 300), 120)
    assert viewer.get_zoom() == pytest.approx(before * 1.2)
    for _ in range(20):
        turn_wheel(viewer, QPoint(300, 300), 240)
    assert viewer.get_zoom() == pytest.approx(MOST_ZOOM)


@pytest.mark.parametrize("how", ["space", "middle"])
def test_the_ground_is_dragged_with_space_or_the_middle_button(show: Show, how: str) -> None:
    viewer = show(chain("ReLU")).viewer
    before = viewer.mapToScene(QPoint(400, 300))
    if how == "space":
        QTest.keyPress(viewer, Qt.Key.Key_Space)
        drag(viewer.viewport(), QPoint(400, 300), QPoint(460, 320))
        QTest.keyRelease(viewer, Qt.Key.Key_Space)
    else:
        QTest.mousePress(viewer.viewport(), Qt.MouseButton.MiddleButton, NONE, QPoint(400, 300))
        QTest.mouseMove(viewer.viewport(), QPoint(460, 320))
        QTest.mouseRelease(viewer.viewport(), Qt.MouseButton.MiddleButton, NONE, QPoint(460, 320))
    moved = viewer.mapToScene(QPoint(460, 320)) - before
    assert abs(moved.x()) < 2
    assert abs(moved.y()) < 2


def test_space_let_go_selects_again(show: Show) -> None:
    canvas = show(chain("ReLU"))
    QTest.keyPress(canvas.viewer, Qt.Key.Key_Space)
    QTest.keyRelease(canvas.viewer, Qt.Key.Key_Space)
    click_node(canvas, "relu_1")
    assert canvas.selected() == ["relu_1"]


def test_fitting_shows_all_and_never_larger_than_life(show: Show) -> None:
    canvas = show(chain(*["ReLU"] * 30))
    viewer = canvas.viewer
    seen = viewer.mapToScene(viewer.viewport().rect()).boundingRect()
    assert all(seen.contains(each.card_rect().translated(each.pos())) for each in canvas.cards.values())
    canvas.select(["relu_3"])
    canvas.fit()
    assert viewer.get_zoom() == pytest.approx(1.0)
    assert viewer.mapToScene(viewer.viewport().rect()).boundingRect().contains(body(canvas.cards["relu_3"]))


def test_an_empty_graph_can_be_fitted(show: Show) -> None:
    canvas = show(Spec())
    canvas.fit()
    canvas.viewer.fit_rect(QRectF())
    canvas.viewer.viewport().repaint()
    assert canvas.viewer.get_zoom() <= 1


def test_a_double_click_on_the_ground_searches(show: Show) -> None:
    canvas = show(chain("ReLU"))
    ground = pixel(canvas, body(canvas.cards["relu_1"]) + QPointF(0, 250))
    QTest.mouseDClick(canvas.viewer.viewport(), LEFT, NONE, ground)
    assert canvas.search.isVisible()
    canvas.search.close()


def test_a_right_click_selects_the_card_and_asks_for_its_menu(show: Show, qtbot: QtBot) -> None:
    canvas = show(chain("ReLU"))
    canvas.viewer.menu_asked.disconnect()
    place = pixel(canvas, body(canvas.cards["relu_1"]))
    with qtbot.waitSignal(canvas.viewer.menu_asked) as asked:
        reason = QContextMenuEvent.Reason.Mouse
        QApplication.sendEvent(
            canvas.viewer.viewport(), QContextMenuEvent(reason, place, canvas.viewer.viewport().mapToGlobal(place))
        )
    assert asked.args is not None
    assert asked.args[0] is canvas.cards["relu_1"]
    assert canvas.selected() == ["relu_1"]


def test_a_wire_on_its_way_marks_where_it_would_end(show: Show) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    view = canvas.viewer.viewport()
    target = canvas.cards["tanh_1"]
    QTest.mousePress(view, LEFT, NONE, pixel(canvas, output_of(canvas, "input_1")))
    QTest.mouseMove(view, pixel(canvas, target.input_point(target.inputs[0])))
    assert target.aim == target.inputs[0]
    assert canvas.viewer.loose.isVisible()
    QTest.mouseRelease(view, LEFT, NONE, pixel(canvas, body(canvas.cards["input_1"])))
    assert target.aim is None
    assert not canvas.viewer.loose.isVisible()
