"""The view: panning, zooming, selecting, moving cards and drawing wires with the mouse. It tells; it edits nothing."""

from __future__ import annotations

from typing import Any

from NodeGraphQt.widgets.viewer import NodeViewer
from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView

from app.canvas.card import Card
from app.canvas.wire import LooseWire, Wire
from app.theme import theme
from engine.card import Socket

MIME = "application/x-netloom-op"
ZOOM_STEP = 1.2
LEAST_ZOOM, MOST_ZOOM = 0.05, 2.5
FIT_ZOOM = 1.0  # fitting never enlarges beyond this
MARGIN = 48.0
WORLD = 200_000.0
GRID = 32
HINT = "Drag an op here from the left,\nor press Tab and type its name."


class GraphScene(QGraphicsScene):
    """A plain scene; NodeGraphQt's own draws a grid and starts its own wires."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer)
        self._viewer = viewer
        self.setSceneRect(-WORLD, -WORLD, 2 * WORLD, 2 * WORLD)

    def viewer(self) -> Viewer:
        """The view, as NodeGraphQt's items ask for it."""
        return self._viewer


class _Drag:
    """A wire being drawn: from an output or, backwards, from an input; `moved` is the wire that was taken up."""

    def __init__(self, card: Card, socket: Socket, *, is_output: bool, moved: Wire | None = None) -> None:
        self.card, self.socket, self.is_output, self.moved = card, socket, is_output, moved


class Viewer(NodeViewer):  # type: ignore[misc]  # NodeGraphQt has no types
    """NodeGraphQt's view with its own gestures replaced: each ends in a signal that the canvas turns into an edit."""

    cards_moved = Signal()
    wire_drawn: Signal[tuple[Card, Socket, Card, Socket]] = Signal(object, object, object, object)  # source, target
    wire_moved: Signal[tuple[Wire, Card | None, Socket | None]] = Signal(object, object, object)
    wire_dropped: Signal[tuple[Card, Socket, bool, QPointF]] = Signal(object, object, bool, QPointF)  # is_output, where
    op_dropped: Signal[tuple[str, QPointF, Wire | None]] = Signal(str, QPointF, object)  # op, where, what is under it
    title_double_clicked: Signal[tuple[Card]] = Signal(object)
    ground_double_clicked = Signal(QPointF)
    tab_pressed = Signal(QPointF)
    nudged = Signal(int, int)
    menu_asked: Signal[tuple[Card | Wire | None, QPoint]] = Signal(object, QPoint)  # what is there, global position

    def __init__(self) -> None:
        super().__init__()
        self._drag: _Drag | None = None
        self._pan_from: QPoint | None = None
        self._space = False
        self._moving = False
        self.accepts: Any = lambda *_: True
        self.mouse = QPointF()
        self.setScene(GraphScene(self))
        self.loose = LooseWire()
        self.scene().addItem(self.loose)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setDragMode(QGraphicsView.DragMode.RubberBandDrag)
        self.setRubberBandSelectionMode(Qt.ItemSelectionMode.IntersectsItemShape)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.resetTransform()
        self.setSceneRect(self.scene().sceneRect())
        self.centerOn(0, 0)

    # --------------------------------------------------------------------------------------------- what is there

    def cards(self) -> list[Card]:
        """The cards on the scene."""
        return [item for item in self.scene().items() if isinstance(item, Card)]

    def socket_at(self, point: QPointF) -> tuple[Card, Socket, bool] | None:
        """The socket near a point of the scene: its card, itself, and whether it is an output."""
        reach = QRectF(point.x() - 14, point.y() - 14, 28, 28)
        for item in self.scene().items(reach):
            if isinstance(item, Card) and (found := item.socket_at(point)):
                return item, *found
        return None

    def card_at(self, point: QPointF) -> Card | None:
        """The card under a point of the scene."""
        found = (item for item in self.scene().items(point) if isinstance(item, Card))
        return next((each for each in found if each.card_rect().contains(each.mapFromScene(point))), None)

    def wire_at(self, point: QPointF) -> Wire | None:
        """The wire under a point of the scene."""
        return next((item for item in self.scene().items(point) if isinstance(item, Wire)), None)

    # ------------------------------------------------------------------------------------------------------ zoom

    def _update_scene(self) -> None:
        """NodeGraphQt refits its range at every step; here the scene is large and the view moves over it."""

    def get_zoom(self) -> float:
        """The scale of the view."""
        return float(self.transform().m11())

    def zoom_by(self, factor: float) -> None:
        """Zoom about the mouse, or the centre where the mouse is elsewhere."""
        scale = min(max(self.get_zoom() * factor, LEAST_ZOOM), MOST_ZOOM) / self.get_zoom()
        QGraphicsView.scale(self, scale, scale)

    def fit_rect(self, rect: QRectF) -> None:
        """Show a rectangle of the scene whole, no larger than life."""
        rect = rect.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)
        size = self.viewport().size()
        if rect.isEmpty() or size.isEmpty():
            return
        zoom = min(size.width() / rect.width(), size.height() / rect.height(), FIT_ZOOM)
        self.resetTransform()
        QGraphicsView.scale(self, max(zoom, LEAST_ZOOM), max(zoom, LEAST_ZOOM))
        self.centerOn(rect.center())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the scale; NodeGraphQt's view would zoom."""
        QGraphicsView.resizeEvent(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with the wheel."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        self.zoom_by(ZOOM_STEP ** (turned / 120))
        event.accept()

    # ----------------------------------------------------------------------------------------------------- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan, to draw a wire, to move cards or to select."""
        point = self.mapToScene(event.position().toPoint())
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._space):
            self._pan_from = event.position().toPoint()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            return
        if left and (found := self.socket_at(point)):
            self._begin_wire(*found)
            return
        self._moving = left and self.card_at(point) is not None
        QGraphicsView.mousePressEvent(self, _with_control(event))

    def _begin_wire(self, card: Card, socket: Socket, is_output: bool) -> None:
        wire = None
        if not is_output:
            mine = (each for each in card.wires if each.target is card)
            wire = next((each for each in mine if (each.port, each.place) == (socket.port, socket.place)), None)
        if wire is None:
            self._drag = _Drag(card, socket, is_output=is_output)
            return
        start = wire.source.output(wire.output)
        if start is not None:
            wire.setVisible(False)
            self._drag = _Drag(wire.source, start, is_output=True, moved=wire)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what was begun."""
        place = event.position().toPoint()
        self.mouse = self.mapToScene(place)
        if self._pan_from is not None:
            moved = place - self._pan_from
            self._pan_from = place
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            across.setValue(across.value() - moved.x())
            down.setValue(down.value() - moved.y())
            return
        if self._drag is not None:
            self._draw_loose(self.mouse)
            return
        over = self.socket_at(self.mouse) is not None
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if over else Qt.CursorShape.ArrowCursor)
        QGraphicsView.mouseMoveEvent(self, event)

    def _draw_loose(self, point: QPointF) -> None:
        assert self._drag is not None
        drag = self._drag
        found = self._target(point)
        for card in self.cards() if len(self.scene().items()) < 500 else ():
            self._aim(card, None)
        if found is not None:
            self._aim(*found)
        end = point
        if found is not None:
            end = found[0].input_point(found[1]) if drag.is_output else found[0].output_point(found[1])
        if drag.is_output:
            self.loose.draw(drag.card.output_point(drag.socket), end, fits=found is not None)
        else:
            self.loose.draw(end, drag.card.input_point(drag.socket), fits=found is not None)

    def _aim(self, card: Card, socket: Socket | None) -> None:
        if card.aim != socket:
            card.aim = socket
            card.update()

    def _target(self, point: QPointF) -> tuple[Card, Socket] | None:
        """Where the wire being drawn would end: a socket of the other kind, or a card's first fitting one."""
        drag = self._drag
        assert drag is not None
        found = self.socket_at(point)
        if found is not None and found[0] is not drag.card:
            card, socket, is_output = found
            if is_output != drag.is_output:
                return (card, socket) if self._accepted(card, socket) else None
        card_under = self.card_at(point)
        if card_under is None or card_under is drag.card:
            return None
        taken = {(wire.port, wire.place) for wire in card_under.wires if wire.target is card_under}
        sockets = card_under.inputs if drag.is_output else card_under.outputs
        free = [each for each in sockets if (each.port, each.place) not in taken] if drag.is_output else sockets
        return next(((card_under, each) for each in free if self._accepted(card_under, each)), None)

    def _accepted(self, card: Card, socket: Socket) -> bool:
        drag = self._drag
        assert drag is not None
        if drag.is_output:
            return bool(self.accepts(drag.card, drag.socket, card, socket))
        return bool(self.accepts(card, socket, drag.card, drag.socket))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Bring what was begun to its end."""
        if self._pan_from is not None:
            self._pan_from = None
            self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
            return
        if self._drag is not None:
            self._end_wire(self.mapToScene(event.position().toPoint()))
            return
        QGraphicsView.mouseReleaseEvent(self, _with_control(event))
        if self._moving:
            self._moving = False
            self.cards_moved.emit()

    def _refusing(self, point: QPointF) -> tuple[Card, Socket] | None:
        """The socket under the mouse, or one of the card's, that the wire being drawn does not fit."""
        drag, found = self._drag, self.socket_at(point)
        assert drag is not None
        card = found[0] if found else self.card_at(point)
        if card is None or card is drag.card:
            return None
        meant = found is not None and found[2] != drag.is_output
        sockets = [found[1]] if found and meant else card.inputs if drag.is_output else card.outputs
        return next(((card, each) for each in sockets if not self._accepted(card, each)), None)

    def _end_wire(self, point: QPointF) -> None:
        """Tell what became of the wire: drawn, moved, refused by a socket, or dropped on the ground."""
        drag, target, refusing = self._drag, self._target(point), self._refusing(point)
        assert drag is not None
        self._let_go()
        on_ground = self.card_at(point) is None and self.socket_at(point) is None
        moved = drag.moved
        if moved is not None and target is not None:
            if (target[0], target[1].port, target[1].place) != (moved.target, moved.port, moved.place):
                self.wire_moved.emit(moved, *target)
        elif moved is not None and on_ground:
            self.wire_moved.emit(moved, None, None)
        elif (end := target or refusing) is not None:  # what does not fit is refused with a sentence
            self.wire_drawn.emit(
                *((drag.card, drag.socket, *end) if drag.is_output else (*end, drag.card, drag.socket))
            )
        elif on_ground:
            self.wire_dropped.emit(drag.card, drag.socket, drag.is_output, point)

    def _let_go(self) -> None:
        """Put the wire being drawn away; one that was taken up shows again where it was."""
        if self._drag is not None and self._drag.moved is not None:
            self._drag.moved.setVisible(True)
        self._drag = None
        self.loose.setVisible(False)
        for card in self.cards():
            self._aim(card, None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename a card by its title; on the ground, search for an op."""
        point = self.mapToScene(event.position().toPoint())
        card = self.card_at(point)
        if card is not None:
            self.title_double_clicked.emit(card)
        elif self.wire_at(point) is None and event.button() == Qt.MouseButton.LeftButton:
            self.ground_double_clicked.emit(point)

    def contextMenuEvent(self, event: Any) -> None:
        """Ask for a menu of the card or wire under the mouse."""
        point = self.mapToScene(event.pos())
        card = self.card_at(point)
        if card is not None and not card.isSelected():
            self.scene().clearSelection()
            card.setSelected(True)
        self.mouse = point
        self.menu_asked.emit(card or self.wire_at(point), event.globalPos())

    # -------------------------------------------------------------------------------------------------- keyboard

    def event(self, event: QEvent) -> bool:
        """Take Tab before it moves the focus."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab:
            self.tab_pressed.emit(self.mouse)
            return True
        return bool(QGraphicsView.event(self, event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space pans, arrows nudge, Escape gives a wire up."""
        arrows = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = True
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif event.key() in arrows and self.scene().selectedItems():
            self.nudged.emit(*arrows[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Escape and self._drag is not None:
            self._let_go()
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Let go of the ground."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        event.ignore()

    def focusInEvent(self, event: Any) -> None:
        """Leave out NodeGraphQt's own menus."""
        QGraphicsView.focusInEvent(self, event)

    def focusOutEvent(self, event: Any) -> None:
        """Leave out NodeGraphQt's own menus."""
        self._space = False
        QGraphicsView.focusOutEvent(self, event)

    # ----------------------------------------------------------------------------------------------------- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome an op from the palette."""
        if event.mimeData().hasFormat(MIME):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Welcome an op from the palette."""
        if event.mimeData().hasFormat(MIME):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell which op was dropped where."""
        op = bytes(event.mimeData().data(MIME).data()).decode(errors="replace")
        point = self.mapToScene(event.position().toPoint())
        event.acceptProposedAction()
        self.op_dropped.emit(op, point, self.wire_at(point))

    # -------------------------------------------------------------------------------------------------- painting

    def drawBackground(self, painter: QPainter, rect: QRectF | Any) -> None:
        """Draw the ground with a faint grid."""
        worn = theme()
        painter.fillRect(rect, QColor(worn.canvas))
        if self.get_zoom() < 0.35:
            return
        left, top = int(rect.left()) // GRID * GRID, int(rect.top()) // GRID * GRID
        lines = [QLineF(x, rect.top(), x, rect.bottom()) for x in range(left, int(rect.right()) + GRID, GRID)]
        lines += [QLineF(rect.left(), y, rect.right(), y) for y in range(top, int(rect.bottom()) + GRID, GRID)]
        pen = QPen(QColor(worn.grid), 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines(lines)

    def paintEvent(self, event: Any) -> None:
        """Draw the scene, and on an empty one how to begin."""
        QGraphicsView.paintEvent(self, event)
        if len(self.scene().items()) > 1:
            return
        painter = QPainter(self.viewport())
        font = painter.font()
        font.setPointSize(font.pointSize() + 3)
        painter.setFont(font)
        painter.setPen(QColor(theme().dim))
        painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, HINT)
        painter.end()


def _with_control(event: QMouseEvent) -> QMouseEvent:
    """The same event with Ctrl where Shift is held: Shift adds to the selection as well."""
    if event.button() != Qt.MouseButton.LeftButton or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        return event
    return QMouseEvent(
        event.type(),
        event.position(),
        event.scenePosition(),
        event.globalPosition(),
        event.button(),
        event.buttons(),
        Qt.KeyboardModifier.ControlModifier,
    )
