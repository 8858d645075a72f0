"""The canvas widget: shows the document's spec, applies its differences, and turns gestures into edits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import QLineEdit, QMenu, QVBoxLayout, QWidget

from app.canvas.card import Card
from app.canvas.search import Search
from app.canvas.viewer import ZOOM_STEP, Viewer
from app.canvas.wire import Wire
from app.document import Document
from app.icons import icon
from app.scope import Scope, scope_of
from app.theme import themes
from engine import edit, validate
from engine.block_edits import group, new_block_name, use_block
from engine.blocks import block_op, holds
from engine.card import HEADER, WIDTH, Socket
from engine.declare import Op
from engine.dissolve import dissolve
from engine.ops import OPS
from engine.problem import Fix, Mistake
from engine.report import Report
from engine.spec import BLOCK, SLASH, Spec, source_id, source_port

FLASH_MS = 900
GAP = 48
WireKey = tuple[str, str, int | None, str]  # node, port, place, wire


@dataclass(frozen=True)
class _Pending:
    """What a search was opened for: where the op goes, and what it is wired to."""

    pos: QPointF
    source: str = ""
    target: tuple[str, str, int | None] | None = None
    after: str = ""
    replaced: str = ""


class Canvas(QWidget):
    """Shows the graph of a document and edits it by mouse and keyboard."""

    selection_changed: Signal[tuple[list[str]]] = Signal(list)
    hinted = Signal(str)
    block_opened = Signal(Scope)

    def __init__(self, document: Document, scope: Scope | None = None) -> None:
        super().__init__()
        self._document = document
        self.scope = scope or Scope(document)
        self._spec = Spec()
        self._left = False
        self.cards: dict[str, Card] = {}
        self.wires: dict[WireKey, Wire] = {}
        self._selected: list[str] = []
        self._pasted_at: QPointF | None = None
        self._pending = _Pending(QPointF())
        self.viewer = Viewer()
        self.viewer.accepts = self._accepts
        self.search = Search(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.viewer)
        self.setFocusProxy(self.viewer)
        self._connect()
        self._show()

    def _connect(self) -> None:
        viewer, document = self.viewer, self._document
        viewer.cards_moved.connect(self._move)
        viewer.wire_drawn.connect(self._wire)
        viewer.wire_moved.connect(self._rewire)
        viewer.wire_dropped.connect(self._search_for_wire)
        viewer.op_dropped.connect(self._drop)
        viewer.title_double_clicked.connect(self._enter)
        viewer.ground_double_clicked.connect(lambda point: self._search(_Pending(self._centred(point))))
        viewer.tab_pressed.connect(lambda _point: self.open_search())
        viewer.nudged.connect(self._nudge)
        viewer.menu_asked.connect(self._menu)
        viewer.scene().selectionChanged.connect(self._selection)
        self.search.chosen.connect(self._found)
        document.changed.connect(lambda _spec: self._show())
        document.report_changed.connect(lambda _report: None if self._left else self._report(self.scope.report))
        document.replaced.connect(self._replaced)
        themes.changed.connect(self._redraw)

    def show_scope(self, scope: Scope) -> None:
        """Show the same block as another of its uses has it."""
        self.scope = scope
        self._show()

    def follow_rename(self) -> bool:
        """Find the block again that was renamed: it has the nodes that are shown."""
        for name, block in self._document.spec.blocks.items():
            if block.nodes is self._spec.nodes:
                self.show_scope(scope_of(self._document, name))
                return True
        return False

    def leave(self) -> None:
        """Hear of nothing any more: the canvas is closed."""
        self._left = True

    def fit_later(self) -> None:
        """Show everything once the canvas has its size."""
        QTimer.singleShot(0, self, self.fit)

    # -------------------------------------------------------------------------------------------- what it shows

    def _show(self) -> None:
        """Apply the difference between what is shown and the present spec."""
        if self._left or not self.scope.exists:
            return
        before, self._spec = self._spec, self.scope.spec
        spec = self._spec
        scene = self.viewer.scene()
        scene.blockSignals(True)
        for gone in [node for node in self.cards if node not in spec.nodes]:
            self._remove_card(gone)
        moved: set[str] = set()  # nodes with other outputs than before
        for node in spec.nodes.values():
            card = self.cards.get(node.id)
            outputs = card.outputs if card is not None else []
            if card is None:
                card = self.cards[node.id] = Card(spec, node)
                scene.addItem(card)
            elif card.node is not node or before.canvas.get(node.id) is not spec.canvas.get(node.id):
                card.show_node(spec, node)
                if card.outputs != outputs:
                    moved.add(node.id)
        self._show_wires(spec, before, moved)
        scene.blockSignals(False)
        if bool(before.nodes) != bool(spec.nodes):
            self.viewer.viewport().update()  # the hint of an empty canvas comes or goes
        self._report(self.scope.report)
        self._selection()

    def _remove_card(self, node: str) -> None:
        card = self.cards.pop(node)
        for key, wire in list(self.wires.items()):
            if wire in card.wires:
                self._remove_wire(key)
        self.viewer.scene().removeItem(card)

    def _remove_wire(self, key: WireKey) -> None:
        wire = self.wires.pop(key)
        wire.detach()
        self.viewer.scene().removeItem(wire)

    def _show_wires(self, spec: Spec, before: Spec, moved: set[str]) -> None:
        changed = {node.id for node in spec.nodes.values() if before.nodes.get(node.id) is not node}
        if moved:
            changed |= {node.id for node in spec.nodes.values() if not moved.isdisjoint(node.sources())}
        wanted = {
            (node, port, place, wire)
            for node in changed
            for port, place, wire in spec.nodes[node].wires()
            if self._drawable(wire)
        }
        for key in [key for key in self.wires if key[0] in changed and key not in wanted]:
            self._remove_wire(key)
        for key in wanted:
            if key in self.wires:
                self.wires[key].redraw()
                continue
            node, port, place, wire = key
            drawn = Wire(self.cards[source_id(wire)], source_port(wire), self.cards[node], port, place)
            self.wires[key] = drawn
            self.viewer.scene().addItem(drawn)
        for node in changed:
            for wire_item in self.cards[node].wires:
                wire_item.redraw()

    def _drawable(self, wire: str) -> bool:
        card = self.cards.get(source_id(wire))
        return card is not None and card.output(source_port(wire)) is not None

    def _report(self, report: Report) -> None:
        """Write shapes and problems on the cards."""
        problems: dict[str, tuple[Any, ...]] = {}
        for problem in report.problems:
            if problem.node is not None:
                card_id, _, inside = problem.node.partition(SLASH)
                told = replace(problem, message=f"{inside}: {problem.message}") if inside else problem
                problems[card_id] = (*problems.get(card_id, ()), told)
        for node, card in self.cards.items():
            card.show_report(report.nodes.get(node), problems.get(node, ()))

    def _replaced(self) -> None:
        """Show another document whole, once its cards are there."""
        self._pasted_at = None
        self.fit_later()

    def _redraw(self) -> None:
        self.viewer.viewport().update()

    # ------------------------------------------------------------------------------------------------ selection

    def selected(self) -> list[str]:
        """The ids of the selected nodes, in the spec's order."""
        return [node for node, card in self.cards.items() if card.isSelected()]

    def select(self, ids: Iterable[str]) -> None:
        """Select these nodes and nothing else."""
        wanted = set(ids)
        scene = self.viewer.scene()
        scene.blockSignals(True)
        scene.clearSelection()
        for node in wanted & self.cards.keys():
            self.cards[node].setSelected(True)
        scene.blockSignals(False)
        self._selection()

    def select_all(self) -> None:
        """Select every node."""
        self.select(self.cards)

    def _selection(self) -> None:
        selected = self.selected()
        if selected != self._selected:
            self._selected = selected
            self.selection_changed.emit(selected)

    def show_node(self, node: str) -> None:
        """Bring a node to the middle and select it."""
        if node in self.cards:
            self.select([node])
            card = self.cards[node]
            self.viewer.centerOn(card.sceneBoundingRect().center())
            self.viewer.setFocus()

    # ----------------------------------------------------------------------------------------------------- view

    def fit(self) -> None:
        """Show the selected nodes, or all, whole."""
        chosen = [self.cards[node] for node in self.selected()] or list(self.cards.values())
        rect = QRectF()
        for card in chosen:
            rect = rect.united(card.card_rect().translated(card.pos()))
        self.viewer.fit_rect(rect)

    def zoom_in(self) -> None:
        """Zoom in a step."""
        self.viewer.zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out a step."""
        self.viewer.zoom_by(1 / ZOOM_STEP)

    def image(self) -> QImage:
        """The whole graph as an image."""
        rect = self.viewer.scene().itemsBoundingRect().adjusted(-24, -24, 24, 24)
        image = QImage((rect.size() * 2).toSize(), QImage.Format.Format_ARGB32)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.viewer.scene().render(painter, QRectF(image.rect()), rect)
        painter.end()
        return image

    # ------------------------------------------------------------------------------------------------- gestures

    def _edit(self, text: str, change: Callable[[Spec], Spec]) -> list[str]:
        """Make an edit; select and return the nodes it added."""
        before = self.scope.spec
        if not self.scope.edit(text, change):
            return []
        added = edit.new_nodes(before, self.scope.spec)
        if added:
            self.select(added)
        return added

    def _move(self) -> None:
        moved = {
            node: card.pos().toTuple()
            for node, card in self.cards.items()
            if card.isSelected() and card.pos().toTuple() != edit.position(self._spec, node)
        }
        if not moved:
            return
        name = f"Move {next(iter(moved))}" if len(moved) == 1 else f"Move {len(moved)} nodes"
        if not self._edit(name, lambda spec: edit.move(spec, moved)):  # type: ignore[arg-type]  # pairs of floats
            for node in moved:
                self.cards[node].setPos(QPointF(*edit.position(self._spec, node)))

    def _nudge(self, across: int, down: int) -> None:
        places = {node: edit.position(self._spec, node) for node in self.selected()}
        moved = {node: (x + across * edit.GRID, y + down * edit.GRID) for node, (x, y) in places.items()}
        self.scope.edit("Nudge", lambda spec: edit.move(spec, moved), merge=f"nudge {sorted(moved)}")

    def _accepts(self, source: Card, output: Socket, target: Card, socket: Socket) -> bool:
        """Whether a wire would go: no circle, and a dtype that the port takes."""
        if source is target or validate.would_cycle(self._spec, source.id, target.id):
            return False
        op = target.op
        port = op.input_ports().get(socket.port) if op else None
        dtype = source.dtype(output.port)
        return port is not None and (not dtype or dtype in port.port.dtypes)

    def _wire(self, source: Card, output: Socket, target: Card, socket: Socket) -> None:
        if not self._accepts(source, output, target, socket):
            self._document.refused.emit(self._why_not(source, output, target, socket))
            return
        wire, place = f"{source.id}.{output.port}", socket.place
        self._edit(f"Wire {target.id}", lambda spec: edit.connect(spec, wire, target.id, socket.port, place))

    def _why_not(self, source: Card, output: Socket, target: Card, socket: Socket) -> str:
        if source is target or validate.would_cycle(self._spec, source.id, target.id):
            return f"A wire from {source.id} to {target.id} would run in a circle."
        op = target.op
        dtypes = op.input_ports()[socket.port].port.dtypes if op and socket.port in op.input_ports() else ()
        return (
            f"{source.id} gives {source.dtype(output.port)}, and {socket.port} of {target.id} takes "
            f"{' or '.join(dtypes)}; put a Cast between them."
        )

    def _rewire(self, wire: Wire, target: Card | None, socket: Socket | None) -> None:
        source, node = f"{wire.source.id}.{wire.output}".rstrip("."), wire.target.id

        def change(spec: Spec) -> Spec:
            if target is not None and socket is not None and (target.id, socket.port) == (node, wire.port):
                return edit.connect(
                    edit.disconnect(spec, node, wire.port, wire.place), source, node, socket.port, socket.place
                )
            if target is not None and socket is not None:
                spec = edit.connect(spec, source, target.id, socket.port, socket.place)
            return edit.disconnect(spec, node, wire.port, wire.place)

        self._edit("Move wire" if target else "Remove wire", change)

    def _drop(self, op: str, point: QPointF, wire: Wire | None) -> None:
        """Add an op where it was dropped; on a wire it goes between."""
        declared = self._declared(op)
        if declared is None:
            self._document.refused.emit(f"There is no op {op!r}.")
            return
        pos: Any = self._centred(point).toTuple()
        if wire is not None and op in OPS and declared.output_ports() and declared.input_ports():
            node, port, place = wire.target.id, wire.port, wire.place
            self._edit(f"Insert {op}", lambda spec: edit.insert(spec, op, node, port, place, pos=pos))
        else:
            self._edit(f"Add {op}", lambda spec: _added(spec, op, pos))
        self.viewer.setFocus()

    def _declared(self, name: str) -> type[Op] | None:
        """The declaration of an op, or of a block of the project."""
        return OPS.get(name) or (block_op(self._spec, name) if name in self._spec.blocks else None)

    def add_op(self, op: str) -> None:
        """Add an op right of the selected node, wired to it where that fits; else in the middle of the view."""
        self._pending = self._beside_selected() or _Pending(self._centred(self._middle()))
        self._found(op)

    def _beside_selected(self) -> _Pending | None:
        selected = self.selected()
        if len(selected) != 1:
            return None
        card = self.cards[selected[0]]
        pos = QPointF(card.pos().x() + WIDTH + GAP, card.pos().y())
        while self.viewer.card_at(pos + QPointF(8, 8)) is not None:
            pos += QPointF(0, card.height + 32)
        return _Pending(pos, source=card.id if card.outputs else "")

    def _middle(self) -> QPointF:
        return QPointF(self.viewer.mapToScene(self.viewer.viewport().rect().center()))

    def _centred(self, point: QPointF) -> QPointF:
        return point - QPointF(WIDTH / 2, HEADER / 2)

    # ---------------------------------------------------------------------------------------------------- search

    def open_search(self) -> None:
        """Search for an op to add: beside the selected node, else at the mouse."""
        inside = self.viewer.viewport().rect().contains(self.viewer.mapFromScene(self.viewer.mouse))
        point = self.viewer.mouse if inside else self._middle()
        self._search(self._beside_selected() or _Pending(self._centred(point)))

    def _search_for_wire(self, card: Card, socket: Socket, is_output: bool, point: QPointF) -> None:
        if is_output:
            self._search(_Pending(point - QPointF(0, HEADER / 2), source=f"{card.id}.{socket.port}"))
        else:
            pos = point - QPointF(WIDTH, HEADER / 2)
            self._search(_Pending(pos, target=(card.id, socket.port, socket.place)))

    def _search(self, pending: _Pending) -> None:
        self._pending = pending
        place = self.viewer.mapFromScene(pending.pos)
        inside = self.viewer.viewport().rect()
        place.setX(min(max(place.x(), 8), max(8, inside.width() - self.search.width() - 8)))
        place.setY(min(max(place.y(), 8), max(8, inside.height() - self.search.height() - 8)))
        self.search.open_at(self.viewer.viewport().mapToGlobal(place), self._fits, self._blocks())

    def _blocks(self) -> dict[str, type[Op]]:
        """The blocks that can be added here: those that do not hold this one."""
        names = [name for name in self._spec.blocks if not holds(self._spec.blocks, name, self.scope.block)]
        return {name: block_op(self._spec, name) for name in names}

    def _fits(self, op: str) -> bool:
        """Whether an op can be wired as the search was opened for."""
        declared, pending = self._declared(op), self._pending
        if declared is None:
            return False
        if pending.replaced and op not in OPS:
            return False
        if pending.target is not None:
            return bool(declared.output_ports())
        if pending.after:
            return bool(declared.output_ports()) and bool(declared.input_ports())
        if pending.source and "." in pending.source:
            return self._takes(op, pending.source) is not None
        return True

    def _takes(self, op: str, wire: str) -> str | None:
        """The first port of an op that takes what flows through a wire."""
        card = self.cards.get(source_id(wire))
        dtype = card.dtype(source_port(wire)) if card else ""
        declared = self._declared(op)
        ports = declared.input_ports().values() if declared else ()
        return next((each.name for each in ports if not dtype or dtype in each.port.dtypes), None)

    def _found(self, op: str) -> None:
        """Add the op that was chosen, wired as the search was opened for."""
        pending = self._pending
        if pending.replaced:
            self.scope.edit(f"Replace {pending.replaced}", lambda spec: edit.replace_op(spec, pending.replaced, op))
            return
        if pending.after:
            self._edit(f"Insert {op}", lambda spec: _insert_after(spec, op, pending.after, pending.pos))
            return
        pos: Any = pending.pos.toTuple()

        def change(spec: Spec) -> Spec:
            new = edit.new_id(spec, op)
            added = _added(spec, op, pos)
            port = self._takes(op, pending.source) if pending.source else None
            if port is not None:
                added = edit.connect(added, pending.source, new, port)
            if pending.target is not None:
                added = edit.connect(added, new, *pending.target)
            return added

        self._edit(f"Add {op}", change)
        self.viewer.setFocus()

    # ---------------------------------------------------------------------------------------- clipboard, deleting

    def delete(self) -> None:
        """Delete the selected nodes and wires."""
        nodes = self.selected()
        wires = [key for key, wire in self.wires.items() if wire.isSelected() and key[0] not in nodes]
        if not nodes and not wires:
            return

        def change(spec: Spec) -> Spec:
            for node, port, place, _wire in sorted(wires, key=lambda key: -(key[2] or 0)):
                spec = edit.disconnect(spec, node, port, place)
            return edit.remove(spec, nodes)

        what = nodes[0] if len(nodes) == 1 else f"{len(nodes)} nodes" if nodes else "wire"
        self.scope.edit(f"Delete {what}", change)

    def copy(self) -> None:
        """Put the selected nodes on the clipboard."""
        if nodes := self.selected():
            QGuiApplication.clipboard().setText(edit.copy(self._spec, nodes))
            self._pasted_at = None

    def cut(self) -> None:
        """Put the selected nodes on the clipboard and delete them."""
        self.copy()
        self.delete()

    def paste(self) -> None:
        """Add the nodes on the clipboard at the mouse; again and again a little further."""
        text = QGuiApplication.clipboard().text()
        inside = self.viewer.viewport().rect().contains(self.viewer.mapFromScene(self.viewer.mouse))
        point = self._pasted_at or (self.viewer.mouse if inside else self._middle())
        if self._edit("Paste", lambda spec: edit.paste(spec, text, point.toTuple())):  # type: ignore[arg-type]
            self._pasted_at = point + QPointF(32, 32)

    def duplicate(self) -> None:
        """Add copies of the selected nodes, wired to the same sources."""
        if nodes := self.selected():
            self._edit("Duplicate", lambda spec: edit.duplicate(spec, nodes))

    def tidy(self) -> None:
        """Place all nodes by the layered layout."""
        if self.scope.edit("Tidy", edit.tidy):
            self.viewer.scene().clearSelection()
            self.fit()

    # --------------------------------------------------------------------------------------------------- blocks

    def make_block(self) -> None:
        """Make a block of the selected nodes; its name is changed in the inspector."""
        nodes = self.selected()
        name = new_block_name(self._document.spec)
        if not nodes:
            self._document.refused.emit("Select the layers that the block is to hold.")
            return
        self._edit(f"Make block {name}", lambda spec: group(spec, nodes, name))

    def dissolve_block(self) -> None:
        """Put the nodes of the selected blocks in their place."""
        chosen = [node for node in self.selected() if self._spec.nodes[node].op == BLOCK]
        if not chosen:
            self._document.refused.emit("Select a block to dissolve.")
        for node in chosen:
            self._edit(f"Dissolve {node}", functools.partial(dissolve, node=node))

    def open_block(self) -> None:
        """Open the selected block in a tab of its own."""
        chosen = [node for node in self.selected() if self._spec.nodes[node].op == BLOCK]
        if chosen:
            self.block_opened.emit(self.scope.opened(chosen[0]))

    # ----------------------------------------------------------------------------------------------- name, menu

    def rename(self) -> None:
        """Rename the selected node in place."""
        if nodes := self.selected():
            self._rename(self.cards[nodes[0]])

    def _enter(self, card: Card) -> None:
        """A double click opens a block, and renames every other node."""
        if card.node.op == BLOCK:
            self.block_opened.emit(self.scope.opened(card.id))
        else:
            self._rename(card)

    def _rename(self, card: Card) -> None:
        line = _TitleLine(card.title, self.viewer.viewport())
        rect = self.viewer.mapFromScene(card.mapRectToScene(card.title_rect())).boundingRect()
        line.setGeometry(rect.adjusted(-4, -2, 4, 2))
        line.setMinimumWidth(120)
        line.selectAll()
        line.show()
        line.setFocus()

        def done() -> None:
            text, node = line.text(), card.id
            line.deleteLater()
            if text.strip() != card.title and node in self.scope.spec.nodes:
                self.scope.edit(f"Rename {node}", lambda spec: edit.set_title(spec, node, text))
            self.viewer.setFocus()

        line.editingFinished.connect(done, Qt.ConnectionType.SingleShotConnection)

    def _menu(self, item: Card | Wire | None, place: QPoint) -> None:
        menu = QMenu(self)
        if isinstance(item, Card):
            self._fill_card_menu(menu, item)
        elif isinstance(item, Wire):
            menu.addAction(icon("add"), "Insert op…", lambda: self._search(self._on_wire(item)))
            menu.addAction(icon("delete"), "Remove wire", lambda: self._rewire(item, None, None))
        else:
            menu.addAction(icon("add"), "Add op…", self.open_search)
            menu.addAction(icon("paste"), "Paste", self.paste)
            menu.addAction(icon("tidy"), "Tidy", self.tidy)
            menu.addAction(icon("fit"), "Fit", self.fit)
        menu.exec(place)

    def _on_wire(self, wire: Wire) -> _Pending:
        middle = wire.path().pointAtPercent(0.5)
        source = f"{wire.source.id}.{wire.output}".rstrip(".")
        return _Pending(self._centred(middle), source=source, target=(wire.target.id, wire.port, wire.place))

    def _fill_card_menu(self, menu: QMenu, card: Card) -> None:
        for problem in card.problems:
            for fix in problem.fixes:
                menu.addAction(icon("fix"), fix.text, functools.partial(self._fix, fix))
        if menu.actions():
            menu.addSeparator()
        if card.node.op == BLOCK:
            menu.addAction(icon("open"), "Open block", self.open_block)
            menu.addAction("Dissolve block", self.dissolve_block)
            menu.addSeparator()
        menu.addAction("Rename", lambda: self._rename(card))
        after = _Pending(card.pos() + QPointF(WIDTH + GAP, 0), after=card.id)
        behind = QAction("Insert op after…", menu)
        behind.setEnabled(bool(card.outputs))
        behind.triggered.connect(lambda: self._search(after))
        menu.addAction(behind)
        menu.addAction("Replace with…", lambda: self._search(_Pending(card.pos(), replaced=card.id)))
        menu.addSeparator()
        menu.addAction(icon("block"), "Make block", self.make_block)
        menu.addAction(icon("copy"), "Copy", self.copy)
        menu.addAction(icon("duplicate"), "Duplicate", self.duplicate)
        menu.addAction(icon("delete"), "Delete", self.delete)

    def _fix(self, fix: Fix) -> None:
        self._document.mend(fix)


class _TitleLine(QLineEdit):
    """Where a title is edited in place; Escape gives the new one up."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(title, parent)
        self._title = title

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back to the title there was, and end."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._title)
            self.editingFinished.emit()
        else:
            super().keyPressEvent(event)


def _added(spec: Spec, name: str, pos: Any) -> Spec:
    """Add an op, or a use of a block."""
    return edit.add(spec, name, pos) if name in OPS else use_block(spec, name, pos)


def _insert_after(spec: Spec, op: str, node: str, pos: QPointF) -> Spec:
    """Put an op behind a node: it takes over all wires from the node's first output."""
    declared = OPS[op] if op in OPS else block_op(spec, op)
    new = edit.new_id(spec, op)
    port = next(iter(declared.input_ports()))
    if not declared.output_ports():
        raise Mistake(f"{op} has no output, so nothing can stand behind it.")
    wires = [
        (target.id, name, place)
        for target in spec.nodes.values()
        for name, place, wire in target.wires()
        if wire == node
    ]
    spec = edit.connect(_added(spec, op, pos.toTuple()), node, new, port)
    for target, name, place in wires:
        spec = edit.connect(spec, new, target, name, place)
    return spec
