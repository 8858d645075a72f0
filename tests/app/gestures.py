"""What a user's hands do: press, drag, drop and type. Scene points are turned into the view's pixels."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from app.canvas import Canvas
from app.canvas.card import Card
from engine.card import HEADER

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def drag(widget: QWidget, start: QPoint, end: QPoint, *, keys: Qt.KeyboardModifier = NONE) -> None:
    """Press at one place, move in a few steps, release at another."""
    QTest.mousePress(widget, LEFT, keys, start)
    for part in (1, 2, 3, 4):
        QTest.mouseMove(widget, start + (end - start) * part / 4)
    QTest.mouseRelease(widget, LEFT, keys, end)


def pixel(canvas: Canvas, point: QPointF) -> QPoint:
    """The pixel of the view that shows a point of the scene."""
    return canvas.viewer.mapFromScene(point)


def drag_scene(canvas: Canvas, start: QPointF, end: QPointF) -> None:
    """Drag on the canvas, from one point of the scene to another."""
    drag(canvas.viewer.viewport(), pixel(canvas, start), pixel(canvas, end))


def body(card: Card) -> QPointF:
    """A point of a card's head, away from its ports."""
    return card.mapToScene(QPointF(60, HEADER / 2))


def output_of(canvas: Canvas, node: str, port: str = "") -> QPointF:
    """Where a node's output stands."""
    card = canvas.cards[node]
    socket = card.output(port)
    assert socket is not None
    return card.output_point(socket)


def input_of(canvas: Canvas, node: str, port: str, place: int | None = None) -> QPointF:
    """Where a node's input stands."""
    card = canvas.cards[node]
    return card.input_point(card.input(port, place))


def click_node(canvas: Canvas, node: str, keys: Qt.KeyboardModifier = NONE) -> None:
    """Click on a node's card."""
    QTest.mouseClick(canvas.viewer.viewport(), LEFT, keys, pixel(canvas, body(canvas.cards[node])))


def drop(widget: QWidget, data: QMimeData, place: QPoint) -> bool:
    """Carry a drag's data over a widget and let go; returns whether it was welcome."""
    actions = Qt.DropAction.CopyAction
    entering = QDragEnterEvent(place, actions, data, LEFT, NONE)
    entering.setAccepted(False)
    QApplication.sendEvent(widget, entering)
    if not entering.isAccepted():
        return False
    QApplication.sendEvent(widget, QDragMoveEvent(place, actions, data, LEFT, NONE))
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), actions, data, LEFT, NONE))
    return True


def write(widget: QWidget, text: str) -> None:
    """Replace what stands in an editor by typing, and press Enter."""
    target = widget.focusProxy() or widget
    QTest.keyClick(target, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(target, text)
    QTest.keyClick(target, Qt.Key.Key_Return)


def button(widget: QWidget, text: str) -> QAbstractButton:
    """The one visible button of that text."""
    QApplication.processEvents()  # lets what was just added come to show
    (found,) = (
        each for each in widget.findChildren(QAbstractButton) if each.text() == text and each.isVisibleTo(widget)
    )
    return found


def press(widget: QWidget, text: str) -> None:
    """Click the button of that text."""
    QTest.mouseClick(button(widget, text), LEFT)


def words_in(widget: QWidget) -> str:
    """All that the visible labels of a panel say."""
    QApplication.processEvents()  # as above
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))
