"""Wires between cards, and the one that follows the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsPathItem, QStyleOptionGraphicsItem, QWidget

from app.theme import theme
from engine.card import route

if TYPE_CHECKING:
    from app.canvas.card import Card

BEHIND_CARDS, ABOVE_CARDS = -1.0, 10.0
PICK_WIDTH = 12.0


def wire_path(start: QPointF, end: QPointF) -> QPainterPath:
    """The way of a wire."""
    path = QPainterPath(start)
    for one, two, three in route(start.toTuple(), end.toTuple()):  # type: ignore[arg-type]  # pairs of floats
        path.cubicTo(*one, *two, *three)
    return path


class Wire(QGraphicsPathItem):
    """A wire from an output of one card into a socket of another."""

    def __init__(self, source: Card, output: str, target: Card, port: str, place: int | None) -> None:
        super().__init__()
        self.source, self.output, self.target, self.port, self.place = source, output, target, port, place
        self._hovered = False
        self.setZValue(BEHIND_CARDS)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setAcceptHoverEvents(True)
        source.wires.add(self)
        target.wires.add(self)
        self.redraw()

    def redraw(self) -> None:
        """Follow the cards."""
        socket = self.source.output(self.output)
        if socket is None:
            return
        end = self.target.input_point(self.target.input(self.port, self.place))
        self.setPath(wire_path(self.source.output_point(socket), end))

    def detach(self) -> None:
        """Let go of both cards, before the wire is taken off the scene."""
        self.source.wires.discard(self)
        self.target.wires.discard(self)

    def dtype(self) -> str:
        """What flows through it, "" while that is not known."""
        return self.source.dtype(self.output)

    def shape(self) -> QPainterPath:
        """A broader line, that is easy to hit."""
        stroker = QPainterPathStroker()
        stroker.setWidth(PICK_WIDTH)
        return stroker.createStroke(self.path())

    def boundingRect(self) -> QRectF:
        """The line with its width."""
        return self.path().controlPointRect().adjusted(-4, -4, 4, 4)

    def hoverEnterEvent(self, event: Any) -> None:
        """Say what flows through it."""
        self._hovered = True
        tensors = self.source.report.outputs if self.source.report else {}
        tensor = tensors.get(self.output or next(iter(tensors), ""))
        flows = f": {tensor} {tensor.dtype}" if tensor else ""
        self.setToolTip(f"{self.source.id} → {self.target.id}.{self.port}{flows}")
        self.update()
        super().hoverEnterEvent(event)

    def hoverLeaveEvent(self, event: Any) -> None:
        """Fall back into line."""
        self._hovered = False
        self.update()
        super().hoverLeaveEvent(event)

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        """Draw the line, in the accent colour where it is selected."""
        worn = theme()
        colour = QColor(worn.accent if self.isSelected() else worn.text if self._hovered else worn.dim)
        if not self.isSelected() and not self._hovered:
            colour.setAlpha(170)
        painter.setPen(QPen(colour, 2.4 if self.isSelected() or self._hovered else 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self.path())


class LooseWire(QGraphicsPathItem):
    """The wire that follows the mouse while it is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(ABOVE_CARDS)
        self.setVisible(False)

    def draw(self, start: QPointF, end: QPointF, *, fits: bool) -> None:
        """Lead from an output to an input; in the accent colour where it would fit."""
        pen = QPen(QColor(theme().accent if fits else theme().dim), 2.0)
        if not fits:
            pen.setStyle(Qt.PenStyle.DashLine)
        self.setPen(pen)
        self.setPath(wire_path(start, end))
        self.setVisible(True)
