"""Opening data by its path: what a file or folder looks like becomes the source, and the user may say otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.sections import dim
from app.theme import SPACE
from engine import edit
from engine.kinds import Path as PathKind
from engine.ops.source import Source

HUB = "hub:"  # begins the name of a data set of a hub, which is no path


class OpenBox(QWidget):
    """A button for a file or a folder, and a line to type or paste where data is; a file may be dropped here too.

    Below, once something was chosen, stands what it looks like and what else it may be.
    """

    path_chosen = Signal(str)
    taken = Signal()  # a source was chosen for what was found

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._asked = ""
        self._guesses: Sequence[Mapping[str, Any]] = ()
        self._words = dim()
        self._others = CalmComboBox()
        self._others.setToolTip("What else it may be")
        self._others.activated.connect(self._take)
        button = QPushButton(icon("open"), "Open a file or folder…")
        button.setToolTip("Looks at data and chooses the source that reads it; you may change the guess")
        menu = QMenu(button)
        menu.addAction("A file or archive…", self._choose_file)
        menu.addAction("A folder…", self._choose_folder)
        button.setMenu(menu)
        self.line = QLineEdit()
        self.line.setPlaceholderText("or paste a path, or hub:owner/name")
        self.line.setToolTip(
            "Type or paste a path, or hub:owner/name for a data set of the Hugging Face hub, and press Enter"
        )
        self.line.setAccessibleName("Path of the data")
        self.line.returnPressed.connect(self._look_typed)
        self.setAcceptDrops(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        for widget in (button, self.line, self._words, self._others):
            column.addWidget(widget)
        document.replaced.connect(self._forget)
        self._forget()

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open data", str(self._document.folder))
        self.look_at(path)

    def _choose_folder(self) -> None:
        self.look_at(QFileDialog.getExistingDirectory(self, "Open a folder of data", str(self._document.folder)))

    def _look_typed(self) -> None:
        self.look_at(self._whole(self.line.text().strip().strip("\"'")))

    def _whole(self, text: str) -> str:
        """What was typed as a whole path, which begins in the project's folder; what is of a hub stays."""
        if not text or text.startswith(HUB):
            return text
        return str(self._document.folder / Path(text).expanduser())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a file or a folder."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at what was dropped."""
        self.look_at(event.mimeData().urls()[0].toLocalFile())

    def look_at(self, path: str) -> None:
        """Ask what lies at a path, or what a hub has under a name; the answer comes to `show_guesses`."""
        if path:
            self._show((), f"Looking at {path if path.startswith(HUB) else Path(path).name}…")
            self._asked = path
            self.path_chosen.emit(path)

    def show_guesses(self, path: str, answer: Mapping[str, Any]) -> None:
        """Take the likeliest source in, and offer the others; an answer for another path than the last is dropped."""
        if path != self._asked:
            return
        guesses = answer.get("guesses", ())
        self._show(guesses, answer.get("error", "It could not be looked at."))
        if guesses:
            self._take(0)
            self.taken.emit()

    def _show(self, guesses: Sequence[Mapping[str, Any]], words: str) -> None:
        self._guesses = guesses
        self._others.clear()
        self._others.addItems([self._name(each) for each in guesses])
        self._others.setVisible(len(guesses) > 1)
        self._words.setText(guesses[0]["words"] if guesses else words)
        self._words.setVisible(bool(self._words.text()))

    def _name(self, guess: Mapping[str, Any]) -> str:
        title = Source.registry[guess["kind"]].title
        name = Path(str(guess["params"].get("path", ""))).name
        return f"{title}: {name}" if name else title

    def _take(self, place: int) -> None:
        guess = self._guesses[place]
        kind, params = guess["kind"], self._relative(guess)
        self._words.setText(guess["words"])
        self._document.edit(f"Open as {Source.registry[kind].title}", lambda spec: edit.set_source(spec, kind, params))

    def _relative(self, guess: Mapping[str, Any]) -> dict[str, Any]:
        """The params, with paths in the folder of a project that is saved relative to it."""
        declared, folder = Source.registry[guess["kind"]].params(), self._document.folder
        params = dict(guess["params"])
        for name, value in params.items():
            inside = self._document.path is not None and isinstance(declared[name].kind, PathKind)
            if inside and Path(value).is_relative_to(folder):
                params[name] = str(Path(value).relative_to(folder))
        return params

    def _forget(self) -> None:
        self._asked = ""
        self._show((), "")
