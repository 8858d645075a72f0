"""Icons by what they mean, all of one font: Phosphor, as QtAwesome ships it."""

from __future__ import annotations

import functools
from typing import Any

from PySide6.QtGui import QIcon

from app.theme import family, theme, themes

FONT = ("ph", "phosphor-1.3.0.ttf", "phosphor-charmap-1.3.0.json")

NAMES = {
    "new": "file-plus", "open": "folder-open", "save": "floppy-disk", "export": "export",
    "undo": "arrow-counter-clockwise", "redo": "arrow-clockwise", "cut": "scissors", "copy": "copy",
    "paste": "clipboard", "duplicate": "copy-simple", "delete": "trash", "train": "play", "stop": "stop",
    "resume": "play-circle", "fit": "corners-out", "tidy": "tree-structure", "search": "magnifying-glass",
    "settings": "gear", "data": "database", "curves": "chart-line", "problems": "warning-circle",
    "runs": "clock-counter-clockwise", "log": "terminal-window", "error": "x-circle", "warning": "warning",
    "ok": "check-circle", "info": "info", "close": "x", "add": "plus", "reset": "arrow-u-up-left",
    "help": "question", "folder": "folder", "image": "image", "zoom_in": "magnifying-glass-plus",
    "zoom_out": "magnifying-glass-minus", "chevron_right": "caret-right", "chevron_down": "caret-down",
    "node": "squares-four", "palette": "list", "training": "gauge", "fix": "wrench", "home": "house",
    "block": "stack-simple", "expose": "link-simple", "back": "arrow-left", "forward": "arrow-right",
    "up": "arrow-up", "down": "arrow-down",
    "shuffle": "shuffle", "prefetch": "fast-forward", "cache": "hard-drive", "batch": "stack", "steps": "sliders",
    "next": "skip-forward", "draw": "dice-five", "chart": "chart-bar", "samples": "grid-four",
    "number": "hash", "category": "tag", "date": "calendar-blank", "mask": "intersect", "boxes": "bounding-box",
    "text": "text-aa", "audio": "waves", "sequence": "list-numbers",
    "compare": "columns", "queue": "queue", "pause": "pause",
}  # fmt: skip

GROUPS = {
    "Inputs and outputs": "sign-in", "Create": "plus-circle", "Linear": "rows", "Embedding": "book-open",
    "Convolution": "grid-four", "Pooling": "funnel-simple", "Padding": "frame-corners", "Activation": "lightning",
    "Normalization": "sliders-horizontal", "Regularization": "drop", "Recurrent": "arrows-clockwise",
    "Attention": "eye", "Shape": "cube", "Indexing": "selection", "Math": "math-operations", "Logic": "git-branch",
    "Reduction": "arrows-in", "Linear algebra": "table", "Vision": "image", "Boxes": "bounding-box",
    "Signal": "waves", "Blocks": "stack", "Code": "code", "Losses": "target", "Metrics": "gauge",
}  # fmt: skip


@functools.cache
def _font() -> Any:
    """The one icon font; QtAwesome's own start would load a dozen."""
    from qtawesome.iconic_font import IconicFont  # takes a moment: only when the first icon is drawn

    return IconicFont(FONT)


@functools.cache
def _icon(glyph: str, colour: str, dim: str, selected: str) -> QIcon:
    return _font().icon(f"ph.{glyph}", color=colour, color_disabled=dim, color_selected=selected)  # type: ignore[no-any-return]


def icon(name: str, colour: str | None = None) -> QIcon:
    """The icon of that meaning, in the text's colour or another ("#rrggbb")."""
    return _icon(NAMES[name], colour or theme().text, theme().line, theme().accent_text)


def group_icon(group: str) -> QIcon:
    """The icon of an op's group, in the group's colour."""
    return _icon(GROUPS.get(group, "cube"), family(group), theme().line, theme().accent_text)


themes.changed.connect(_icon.cache_clear)
