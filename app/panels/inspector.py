"""The inspector: what is selected, and the form to change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.code import CodeLines
from app.fields.editors import CalmComboBox, NumberEditor
from app.fields.form import LABEL_WIDTH, offer_to_vary
from app.icons import group_icon, icon
from app.panels.block_box import BlockBox, UseBox
from app.panels.help_box import HelpBox
from app.panels.sections import ProblemBox, clear, dim, heading, scrolled, settle
from app.panels.share_box import ShareBox
from app.panels.weights_box import WeightsBox
from app.scope import Scope
from app.theme import SPACE, mono
from engine import card, edit, kinds
from engine.block_edits import expose
from engine.blocks import op_of
from engine.declare import FACTOR, Loss, Op
from engine.ops import OPS
from engine.picture import counts_of
from engine.problem import Fix
from engine.sharing import SHARE
from engine.spec import BLOCK, Node

DECODERS: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("The numbers as they are", None),
    ("The class with the highest score (Argmax)", {"op": "Argmax", "params": {}}),
)


class Inspector(QWidget):
    """Shows the selected node; several, as a count; none, as the project or the open block."""

    block_opened = Signal(Scope)
    block_wanted = Signal()
    vary_wanted = Signal(str)  # the path of a setting that a sweep is to vary
    page_wanted = Signal(str)  # the op whose entry of the reference is to be opened

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._scope = Scope(document)
        self._ids: list[str] = []
        self._shape: tuple[Any, ...] | None = None
        self.form: Form | None = None
        self._use: UseBox | None = None
        self._weights: WeightsBox | None = None
        self._share: ShareBox | None = None
        self._help: HelpBox | None = None
        self._column = QVBoxLayout()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(self._column))
        document.changed.connect(lambda _spec: self._refresh())
        document.report_changed.connect(lambda _report: self._refresh_report())
        document.data_changed.connect(lambda _data: self._refresh())
        self._refresh()

    def show_scope(self, scope: Scope) -> None:
        """Show nodes of another canvas from now on."""
        self._scope, self._ids, self._shape = scope, [], None
        self._refresh()

    def show_nodes(self, ids: Sequence[str]) -> None:
        """Show what is selected."""
        self._ids = list(ids)
        self._refresh()

    # ----------------------------------------------------------------------------------------------------- build

    def _refresh(self) -> None:
        """Show the present spec: rebuild where another node or another op is shown, else put in the values."""
        nodes = [self._scope.spec.nodes[each] for each in self._ids if each in self._scope.spec.nodes]
        shape = tuple((node.id, node.op, node.block, tuple(sorted(node.params)), self._params(node)) for node in nodes)
        if shape != self._shape:
            place = self._typing_place()
            self._shape = shape
            self._build(nodes)
            QTimer.singleShot(0, self, lambda: self._type_on(place))
        if len(nodes) == 1:
            self._put(nodes[0])
        elif not nodes:
            self._put_none()

    def _params(self, node: Node) -> tuple[str, ...]:
        """The params that a node's declaration has; code declares its own."""
        op = op_of(self._scope.spec, node)
        return tuple(op.params()) if op is not None else ()

    def _typing_place(self) -> int | None:
        """Where in its code the user is typing, for a form that takes this one's place; None where that is not so."""
        lines = self.form.findChild(CodeLines) if self.form is not None else None
        if lines is None or not lines.hasFocus():
            return None
        lines.blockSignals(True)  # it would tell its text once more when it goes, over what an undo has put in place
        return lines.textCursor().position()

    def _type_on(self, place: int | None) -> None:
        """Let the user go on typing in a form that was built anew."""
        lines = self.form.findChild(CodeLines) if self.form is not None and place is not None else None
        if lines is not None and place is not None:
            cursor = lines.textCursor()
            cursor.setPosition(min(place, len(lines.toPlainText())))
            lines.setTextCursor(cursor)
            lines.setFocus()

    def _put_none(self) -> None:
        """Show the block or the project, where nothing is selected."""
        if self._scope.block:
            self._block.refresh()
        else:
            self._put_project()

    def _build(self, nodes: list[Node]) -> None:
        clear(self._column)
        self.form = self._weights = self._share = self._help = None
        if len(nodes) == 1:
            self._build_node(nodes[0])
        elif nodes:
            self._column.addWidget(heading(f"{len(nodes)} nodes are selected"))
            ops = ", ".join(sorted({node.op for node in nodes}))
            self._column.addWidget(dim(f"{ops}. Move, copy, duplicate or delete them together."))
            make = QPushButton(icon("block"), "Make block")
            make.setToolTip("Put these nodes into a block, to fold them away, repeat them and use them again")
            make.clicked.connect(self.block_wanted)
            self._column.addWidget(make)
        elif self._scope.block:
            self._block = BlockBox(self._scope)
            self._column.addWidget(self._block)
        else:
            self._build_project()
        self._column.addStretch(1)
        settle(self._column)

    def _build_project(self) -> None:
        self._column.addWidget(heading("Project"))
        self._name = QLineEdit()
        self._name.setPlaceholderText("untitled")
        self._name.editingFinished.connect(self._rename_project)
        self._column.addWidget(self._name)
        self._totals = dim()
        self._column.addWidget(self._totals)
        self._column.addWidget(dim("Select a node to see and change it."))

    def _rename_project(self) -> None:
        name = self._name.text()
        self._document.edit("Rename project", lambda spec: edit.set_name(spec, name))

    def _build_node(self, node: Node) -> None:
        op = op_of(self._scope.spec, node)
        top = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(group_icon(op.group if op else "").pixmap(20, 20))
        self._title = QLineEdit()
        self._title.setPlaceholderText(card.op_name(node))
        self._title.setToolTip("The node's title on the canvas")
        self._title.editingFinished.connect(lambda: self._set_title(node.id))
        top.addWidget(mark)
        top.addWidget(self._title)
        row = QWidget()
        row.setLayout(top)
        top.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(row)
        self._column.addWidget(dim(op.doc() if op else f"This version has no op {node.op}."))
        facts = dim(" · ".join(each for each in (node.id, op.source_of() if op else "") if each))
        facts.setFont(mono(-1))
        if node.op in OPS:
            facts.setToolTip("The node's id, and what it is in PyTorch")
            offer_to_vary(lambda: self._vary(node.id, "op"), facts)
        self._column.addWidget(facts)
        self._problems = ProblemBox(self._fix)
        self._column.addWidget(self._problems)
        if op is not None:
            self._build_form(node, op)
            if node.op != BLOCK:
                help_box = HelpBox(op)
                help_box.page_wanted.connect(self.page_wanted)
                self._help = help_box
        for name in node.params:
            if op is None or name not in op.params():
                self._column.addWidget(self._unknown(node.id, name))
        self._ports = QVBoxLayout()
        self._ports.setContentsMargins(0, 0, 0, 0)
        holder = QWidget()
        holder.setLayout(self._ports)
        self._column.addWidget(holder)
        if self._help is not None:
            self._column.addWidget(self._help)

    def _build_form(self, node: Node, op: type[Op]) -> None:
        self._use = None
        if node.op == BLOCK:
            self._use = UseBox(self._scope, node.id)
            self._use.varied.connect(lambda below: self._vary(node.id, below))
            self._use.opened.connect(lambda: self.block_opened.emit(self._scope.opened(node.id)))
            self._column.addWidget(self._use)
        names = self._block_params if self._scope.block else None
        bound = (
            ("column", "shape", "dtype", "ports") if self._scope.block and node.op == "Input" else ()
        )  # comes from outside
        self.form = Form(
            op,
            node.params,
            folder=self._document.folder,
            columns=self._column_names,
            without=bound,
            taken_from=names,
            can_vary=True,
        )
        self.form.varied.connect(lambda name: self._vary(node.id, f"params.{name}"))
        self.form.exposed.connect(lambda name: self._expose(node.id, name))
        self.form.changed.connect(lambda name, value, _final: self._set(node.id, name, value))
        self.form.reset.connect(lambda name: self._reset(node.id, name))
        if op.params():
            self._column.addWidget(heading("Params"))
            self._column.addWidget(self.form)
        extra = QFormLayout()
        extra.setContentsMargins(0, 0, 0, 0)
        if issubclass(op, Loss):
            self._factor = NumberEditor(FACTOR, kinds.Float(), optional=False)
            self._factor.setToolTip(FACTOR.doc)
            offer_to_vary(lambda: self._vary(node.id, "factor"), self._factor)
            self._factor.edited.connect(lambda value, _final: self._set_factor(node.id, value))
            extra.addRow(_label("Factor"), self._factor)
        if node.op == "Output" and not self._scope.block:
            self._decode = CalmComboBox()
            self._decode.addItems([words for words, _decode in DECODERS])
            self._decode.setToolTip("How the tensor becomes an answer when the model predicts")
            self._decode.activated.connect(lambda place: self._set_decode(node.id, place))
            extra.addRow(_label("Answer"), self._decode)
        if extra.rowCount():
            holder = QWidget()
            holder.setLayout(extra)
            self._column.addWidget(holder)
        self._share, self._weights = ShareBox(self._scope, node.id), WeightsBox(self._scope, node.id)
        self._weights.varied.connect(lambda below: self._vary(node.id, below))
        for box in (self._share, self._weights):
            box.hide()
            self._column.addWidget(box)

    def _vary(self, node: str, below: str) -> None:
        """Ask for a sweep over what stands below a node."""
        scope = f"blocks.{self._scope.block}." if self._scope.block else ""
        self.vary_wanted.emit(f"{scope}nodes.{node}.{below}")

    def _unknown(self, node: str, name: str) -> QWidget:
        button = QPushButton(icon("delete"), f"Remove the unknown param {name}")
        button.clicked.connect(lambda: self._reset(node, name))
        return button

    def _block_params(self) -> list[str]:
        block = self._document.spec.blocks.get(self._scope.block)
        return list(block.params) if block else []

    def _expose(self, node: str, param: str) -> None:
        block = self._scope.block
        known = self._document.spec.blocks[block].params
        name = next(
            each
            for number in range(1, len(known) + 2)
            if (each := f"{param}_{number}" if number > 1 else param) not in known
        )
        self._document.edit(f"Set {param} at each use", lambda spec: expose(spec, block, node, param, name))

    def _column_names(self) -> list[str]:
        report = self._document.data_report
        return list(report.columns) if report else []

    # ------------------------------------------------------------------------------------------------------- put

    def _put_project(self) -> None:
        spec, report = self._document.spec, self._document.report
        if self._name.text() != spec.name and not self._name.hasFocus():
            self._name.setText(spec.name)
        about = spec.extra.get("about", "")
        count = len(spec.nodes)
        counts = f"{count} node{'s' * (count != 1)}"
        counts += f", {report.parameters:,} parameters" if self._document.checked else ""
        self._totals.setText(f"{about}\n\n{counts}" if about else counts)

    def _put(self, node: Node) -> None:
        given = edit.title(self._scope.spec, node.id)
        if not self._title.hasFocus() or not self._title.isModified():
            self._title.setText(given)
        if self.form is not None:
            self.form.set_values(node.params)
            if self._use is not None:
                self._use.show_node(node)
        op = op_of(self._scope.spec, node)
        if op is not None and issubclass(op, Loss):
            self._factor.show_value(node.factor)
        if node.op == "Output" and not self._scope.block:
            decodes = [decode for _words, decode in DECODERS]
            plain = dict(node.decode) if node.decode is not None else None
            self._decode.setCurrentIndex(decodes.index(plain) if plain in decodes else -1)
        self._refresh_report()

    def _refresh_report(self) -> None:
        """Show what the check says of the node."""
        nodes = [self._scope.spec.nodes[each] for each in self._ids if each in self._scope.spec.nodes]
        if not nodes:
            self._put_none()
        if len(nodes) != 1:
            return
        problems = [each for each in self._scope.report.problems if each.node == nodes[0].id]
        self._problems.show_problems(problems)
        if self.form is not None:
            self.form.set_problems({each.param: each.message for each in problems if each.param})
            if self._use is not None:
                self._use.set_problem(next((each.message for each in problems if each.param == "repeat"), None))
        self._show_weights(nodes[0], {each.param: each.message for each in problems if each.param})
        self._show_ports(nodes[0])

    def _show_weights(self, node: Node, problems: dict[str, str]) -> None:
        """Show the weights settings of a node that has weights, or settings of them."""
        if self._weights is None or self._share is None:
            return
        report = self._scope.report.nodes.get(node.id)
        self._share.show_node(node)
        self._weights.setVisible(bool(node.weights.keys() - {SHARE} or (report and report.parameters)))
        self._weights.show_node(node, report)
        self._weights.set_problems(problems)

    def _show_ports(self, node: Node) -> None:
        clear(self._ports)
        op = op_of(self._scope.spec, node)
        report = self._scope.report.nodes.get(node.id)
        if op is None:
            return
        lines = [
            (port.name, _ends(node, port.name) or "not wired", _accepts(port)) for port in op.input_ports().values()
        ]
        if lines:
            self._ports.addWidget(heading("Inputs"))
        for name, wired, accepts in lines:
            self._ports.addWidget(self._port(name, wired, accepts))
        outputs = card.outputs_of(self._scope.spec, node) if op.output_ports() else ()
        if outputs:
            self._ports.addWidget(heading("Outputs"))
        for name in outputs:
            tensor = report.outputs.get(name) if report else None
            self._ports.addWidget(self._port(name, f"{tensor}  {tensor.dtype}" if tensor else "not known yet", ""))
        if report is not None and (counts := list(counts_of(report))):
            self._ports.addWidget(heading("Costs"))
            self._ports.addWidget(dim("\n".join(counts)))
        settle(self._ports)

    def _port(self, name: str, text: str, tip: str) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        label, value = QLabel(name), QLabel(text)
        label.setMinimumWidth(SPACE * 13)
        value.setFont(mono(-1))
        value.setWordWrap(True)
        line.addWidget(label)
        line.addWidget(value, 1)
        row.setToolTip(tip)
        return row

    # ----------------------------------------------------------------------------------------------------- edits

    def _set(self, node: str, name: str, value: Any) -> None:
        data = self._document.data_report
        bindable = data.columns.get(value) if data and name == "column" and isinstance(value, str) else None
        if bindable is not None:
            self._scope.edit(f"Bind {node}", lambda spec: edit.bind(spec, node, bindable))
            return
        change = lambda spec: edit.set_param(spec, node, name, value)  # used once, below
        self._scope.edit(f"Set {name} of {node}", change, merge=f"{node}.{name}")

    def _reset(self, node: str, name: str) -> None:
        self._scope.edit(f"Reset {name} of {node}", lambda spec: edit.reset_param(spec, node, name))

    def _set_title(self, node: str) -> None:
        text = self._title.text()
        self._title.setModified(False)
        self._scope.edit(f"Rename {node}", lambda spec: edit.set_title(spec, node, text))

    def _set_factor(self, node: str, value: Any) -> None:
        if FACTOR.refuse(value) is None:
            change = lambda spec: edit.set_factor(spec, node, float(value))  # used once, below
            self._scope.edit(f"Set factor of {node}", change, merge=f"{node}.factor")

    def _set_decode(self, node: str, place: int) -> None:
        self._scope.edit(f"Set answer of {node}", lambda spec: edit.set_decode(spec, node, DECODERS[place][1]))

    def _fix(self, fix: Fix) -> None:
        self._document.mend(fix)


def _label(text: str) -> QLabel:
    """A label as wide as those of the params above."""
    label = QLabel(text)
    label.setMinimumWidth(LABEL_WIDTH)
    return label


def _ends(node: Node, port: str) -> str:
    wires = node.inputs.get(port, ())
    return wires if isinstance(wires, str) else ", ".join(wires)


def _accepts(port: Any) -> str:
    marks = " (optional)" if port.optional else ""
    return f"Takes {port.port.axes} of {' or '.join(port.port.dtypes)}{marks}"
