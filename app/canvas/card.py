"""A node on the canvas: a compact card with its title, key params, ports, shape, and what it costs."""

from __future__ import annotations

from typing import Any

from NodeGraphQt.qgraphics.node_abstract import AbstractNodeItem
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.wire import Wire
from app.icons import group_icon, icon
from app.theme import dtype_colour, family, mono, theme
from engine import card, edit
from engine.blocks import op_of
from engine.card import Socket
from engine.picture import counts_of, foot, summary
from engine.problem import Problem
from engine.report import NodeReport
from engine.spec import Node, Spec

RADIUS = 6.0
STRIPE = 4.0
DOT = 5.0  # radius of a port
REACH = 12.0  # how far from a port a press still means it
PAD = 14.0
ICON = 16.0
BADGE = 18.0
COARSE, PLAIN = 0.45, 0.22  # scales below which small text, and all text, is left out


class Card(AbstractNodeItem):  # type: ignore[misc]  # NodeGraphQt has no types
    """Draws one node. Its ports are drawn too, not items of their own, so that large graphs stay quick."""

    def __init__(self, spec: Spec, node: Node) -> None:
        super().__init__(node.id)
        self.id = node.id
        self.setCacheMode(QGraphicsItem.CacheMode.NoCache)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemSendsGeometryChanges)
        self.setAcceptHoverEvents(True)
        self.wires: set[Wire] = set()
        self.problems: tuple[Problem, ...] = ()
        self.report: NodeReport | None = None
        self.aim: Socket | None = None  # the socket that a wire being drawn would go to
        self._hovered = False
        self._kind: tuple[str, str] = ("", "")
        self._room = 1  # lines in the foot; those that a check has filled stay while its words are out of date
        self.show_node(spec, node)

    def show_node(self, spec: Spec, node: Node) -> None:
        """Take on a node's params, ports, title and place."""
        self.prepareGeometryChange()
        self.node = node
        self.op = op = op_of(spec, node)
        given, name = edit.title(spec, node.id), card.op_name(node)
        self.title = given or name
        self.group = op.group if op else ""
        self._second = " ".join(each for each in (name if given and given != name else "", summary(spec, node)) if each)
        self.inputs, self.outputs = card.inputs(spec, node), card.outputs(spec, node)
        self._optional = {name for name, port in op.input_ports().items() if port.optional} if op else set()
        if self._kind != (node.op, node.block):
            self._kind, self._room = (node.op, node.block), 1
        self._has_rows, self._least_height = bool(card.rows(spec, node)), card.height(spec, node)
        self._write_foot()
        self.width = card.WIDTH
        place = QPointF(*edit.position(spec, node.id))
        if place != self.pos():
            self.setPos(place)
        self._describe()
        self.update()

    def show_report(self, report: NodeReport | None, problems: tuple[Problem, ...]) -> None:
        """Take on what a check found; a node that could not be checked keeps no old shape."""
        if (report, problems) != (self.report, self.problems):
            self.report, self.problems = report, problems
            self._write_foot()
            self._describe()
            self.update()

    def _write_foot(self) -> None:
        """Write the lines of the foot; the card keeps the height that it once had."""
        self.prepareGeometryChange()
        self.foot = foot(self.node, self.report)
        self._room = max(self._room, len(self.foot))
        self.height = self._least_height + card.FOOT_LINE * (self._room - 1)

    def _describe(self) -> None:
        op = self.op
        said = [problem.message for problem in self.problems]
        if not said:
            said = [
                f"{self.node.id}: {op.doc()}" if op else self.node.id,
                *(counts_of(self.report) if self.report else ()),
            ]
        self.setToolTip("\n".join(said))

    # ------------------------------------------------------------------------------------------------- geometry

    def boundingRect(self) -> QRectF:
        """The card, its ports and its badge."""
        edge = BADGE / 2 + 2
        return QRectF(-edge, -edge, card.WIDTH + 2 * edge, self.height + 2 * edge)

    def card_rect(self) -> QRectF:
        """The card itself."""
        return QRectF(0, 0, card.WIDTH, self.height)

    def title_rect(self) -> QRectF:
        """Where the title is written."""
        return QRectF(PAD + ICON + 4, 8, card.WIDTH - 2 * PAD - ICON, 26)

    def input_point(self, socket: Socket) -> QPointF:
        """Where a wire into a socket ends, in the scene."""
        return QPointF(self.mapToScene(QPointF(0, socket.y)))

    def output_point(self, socket: Socket) -> QPointF:
        """Where a wire from a socket starts, in the scene."""
        return QPointF(self.mapToScene(QPointF(card.WIDTH, socket.y)))

    def socket_at(self, point: QPointF) -> tuple[Socket, bool] | None:
        """The socket near a point of the scene and whether it is an output, or None."""
        local = self.mapFromScene(point)
        sides = [(local.x(), self.inputs, False), (local.x() - card.WIDTH, self.outputs, True)]
        for distance, sockets, is_output in sides:
            if abs(distance) <= REACH:
                near = min(sockets, key=lambda socket: abs(socket.y - local.y()), default=None)
                if near is not None and abs(near.y - local.y()) <= REACH:
                    return near, is_output
        return None

    def input(self, port: str, place: int | None) -> Socket:
        """The socket of a wire."""
        return next(each for each in self.inputs if (each.port, each.place) == (port, place))

    def output(self, port: str) -> Socket | None:
        """The socket of an output; "" is the first."""
        return next((each for each in self.outputs if port in ("", each.port)), None)

    def dtype(self, output: str) -> str:
        """The dtype that flows from an output, "" while it is not known."""
        tensors = self.report.outputs if self.report else {}
        name = output or next(iter(tensors), "")
        return tensors[name].dtype if name in tensors else ""

    # --------------------------------------------------------------------------------------------------- events

    def itemChange(self, change: QGraphicsItem.GraphicsItemChange, value: Any) -> Any:
        """Snap to the grid while dragged, and take the wires along."""
        if change == QGraphicsItem.GraphicsItemChange.ItemPositionHasChanged:
            for wire in self.wires:
                wire.redraw()
        return super().itemChange(change, value)

    def hoverEnterEvent(self, event: Any) -> None:
        """Show the names of the ports."""
        self._hovered = True
        self.update()
        super().hoverEnterEvent(event)

    def hoverLeaveEvent(self, event: Any) -> None:
        """Hide them again."""
        self._hovered = False
        self.update()
        super().hoverLeaveEvent(event)

    # -------------------------------------------------------------------------------------------------- painting

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        """Draw the card, with less of it the smaller it is."""
        worn = theme()
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        rect = self.card_rect()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(worn.card))
        painter.drawRoundedRect(rect, RADIUS, RADIUS)
        painter.save()
        painter.setClipRect(QRectF(0, 0, STRIPE if scale >= PLAIN else STRIPE * 4, self.height))
        painter.setBrush(QColor(family(self.group)))
        painter.drawRoundedRect(rect, RADIUS, RADIUS)
        painter.restore()
        if scale >= PLAIN:
            self._paint_head(painter, scale)
        if scale >= COARSE:
            self._paint_foot(painter)
            self._paint_labels(painter)
        self._paint_edge(painter, rect)
        if scale >= PLAIN:
            self._paint_sockets(painter)
        if self.problems and scale >= PLAIN:
            badge = QRectF(card.WIDTH - BADGE / 2 - 4, -BADGE / 2 + 2, BADGE, BADGE)
            painter.setBrush(QColor(worn.card))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(badge)
            icon("error", worn.error).paint(painter, badge.toRect())

    def _paint_edge(self, painter: QPainter, rect: QRectF) -> None:
        worn = theme()
        colour, width = worn.card_edge, 1.0
        if self.problems:
            colour, width = worn.error, 1.6
        if self.isSelected():
            colour, width = worn.accent, 2.0
        pen = QPen(QColor(colour), width)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect, RADIUS, RADIUS)

    def _paint_head(self, painter: QPainter, scale: float) -> None:
        worn = theme()
        group_icon(self.group).paint(painter, QRectF(PAD, 13, ICON, ICON).toRect())
        font = _font(13, bold=True)
        rect = self.title_rect()
        painter.setFont(font)
        painter.setPen(QColor(worn.text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, _elided(self.title, font, rect.width()))
        if self._second and scale >= COARSE:
            small = _font(11)
            second = QRectF(PAD, 34, card.WIDTH - 2 * PAD, 18)
            painter.setFont(small)
            painter.setPen(QColor(worn.dim))
            painter.drawText(second, Qt.AlignmentFlag.AlignVCenter, _elided(self._second, small, second.width()))

    def _paint_foot(self, painter: QPainter) -> None:
        worn = theme()
        top = self.height - card.foot_height(self._room)
        painter.setPen(QPen(QColor(worn.line), 1))
        painter.drawLine(QPointF(STRIPE, top), QPointF(card.WIDTH, top))
        font = mono()
        font.setPixelSize(11)
        painter.setFont(font)
        rect = QRectF(PAD, top, card.WIDTH - 2 * PAD, card.FOOT)
        for place, line in enumerate(self.foot):
            painter.setPen(QColor(worn.dim if place else worn.text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, _elided(line, font, rect.width()))
            rect.translate(0, card.FOOT_LINE)

    def _paint_labels(self, painter: QPainter) -> None:
        if not self._has_rows:
            return
        painter.setFont(_font(11))
        half = card.WIDTH / 2 - PAD
        for socket in self.inputs:
            painter.setPen(QColor(theme().dim if socket.port in self._optional or socket.free else theme().text))
            room = half * 1.3 if len(self.outputs) > 1 else 2 * half
            rect = QRectF(PAD, socket.y - card.ROW / 2, room, card.ROW)
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, _elided(card.label(socket), painter.font(), room))
        painter.setPen(QColor(theme().dim))
        for socket in self.outputs if len(self.outputs) > 1 else ():
            rect = QRectF(card.WIDTH / 2, socket.y - card.ROW / 2, half, card.ROW)
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, socket.port)

    def _paint_sockets(self, painter: QPainter) -> None:
        worn = theme()
        joined = {(wire.port, wire.place): wire for wire in self.wires if wire.target is self}
        for socket in self.inputs:
            wire = joined.get((socket.port, socket.place))
            colour = dtype_colour(wire.dtype() if wire else "")
            painter.setPen(QPen(QColor(colour), 1.6))
            hollow = wire is None
            painter.setBrush(QBrush(QColor(worn.card if hollow else colour)))
            optional = socket.port in self._optional or socket.free
            self._dot(painter, QPointF(0, socket.y), socket, DOT - 1.5 if hollow and optional else DOT)
        for socket in self.outputs:
            colour = dtype_colour(self.dtype(socket.port))
            painter.setPen(QPen(QColor(worn.card), 1.0))
            painter.setBrush(QBrush(QColor(colour)))
            self._dot(painter, QPointF(card.WIDTH, socket.y), socket, DOT)

    def _dot(self, painter: QPainter, centre: QPointF, socket: Socket, radius: float) -> None:
        aimed = self.aim is not None and self.aim == socket
        if aimed:
            painter.setBrush(QColor(theme().accent))
        painter.drawEllipse(centre, radius + 3 * aimed, radius + 3 * aimed)


def _font(pixels: int, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(pixels)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def _elided(text: str, font: QFont, width: float) -> str:
    return QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, width)
