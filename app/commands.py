"""Undo commands: one for every edit, holding the spec before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from engine.spec import Spec

if TYPE_CHECKING:
    from app.document import Document

EDIT_ID = 1


class EditCommand(QUndoCommand):
    """An edit of the spec; those with the same merge key become one step."""

    def __init__(self, document: Document, text: str, after: Spec, merge: str | None) -> None:
        super().__init__(text)
        self._document = document
        self._before, self._after = document.spec, after
        self._merge = merge

    def redo(self) -> None:
        """Put the spec after the edit in place."""
        self._document.show(self._after)

    def undo(self) -> None:
        """Put the spec before the edit back."""
        self._document.show(self._before)

    def id(self) -> int:
        """Commands of one id may be merged."""
        return EDIT_ID if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take in a following edit of the same key."""
        if not isinstance(other, EditCommand) or other._merge != self._merge:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True
