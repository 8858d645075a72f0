"""All actions of the window in one table: id, text, shortcut, icon."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QKeySequence

Keys = QKeySequence.StandardKey


@dataclass(frozen=True, slots=True)
class Spec:
    """An action: where its menu has it, what it is called, its keys and its icon. `slot` is a method of the window."""

    menu: str
    text: str
    slot: str
    keys: Keys | str | None = None
    icon: str = ""
    toolbar: bool = False
    separated: bool = False  # whether a line stands before it


ACTIONS: tuple[Spec, ...] = (
    Spec("File", "&New", "new", Keys.New, "new", toolbar=True),
    Spec("File", "&Open…", "open", Keys.Open, "open", toolbar=True),
    Spec("File", "&Start page", "show_start", "Ctrl+Shift+N", "home"),
    Spec("File", "&Save", "save", Keys.Save, "save", toolbar=True, separated=True),
    Spec("File", "Save &as…", "save_as", "Ctrl+Shift+S"),
    Spec("File", "&Export…", "export", "Ctrl+E", "export", toolbar=True),
    Spec("File", "&Quit", "close", Keys.Quit, separated=True),
    Spec("Edit", "Cu&t", "canvas.cut", Keys.Cut, "cut", separated=True),
    Spec("Edit", "&Copy", "canvas.copy", Keys.Copy, "copy"),
    Spec("Edit", "&Paste", "canvas.paste", Keys.Paste, "paste"),
    Spec("Edit", "&Duplicate", "canvas.duplicate", "Ctrl+D", "duplicate"),
    Spec("Edit", "De&lete", "canvas.delete", Keys.Delete, "delete"),
    Spec("Edit", "Select &all", "canvas.select_all", Keys.SelectAll),
    Spec("Edit", "&Rename", "canvas.rename", "F2", separated=True),
    Spec("Edit", "&Add op…", "canvas.open_search", "Ctrl+Space", "add"),
    Spec("Edit", "Make &block", "canvas.make_block", "Ctrl+G", "block", separated=True),
    Spec("Edit", "Open bloc&k", "canvas.open_block", "Ctrl+Down"),
    Spec("Edit", "Dissol&ve block", "canvas.dissolve_block", "Ctrl+Shift+G"),
    Spec("Edit", "Ti&dy", "canvas.tidy", "Ctrl+L", "tidy", toolbar=True),
    Spec("View", "&Fit", "canvas.fit", "Ctrl+0", "fit", toolbar=True),
    Spec("View", "Zoom &in", "canvas.zoom_in", Keys.ZoomIn, "zoom_in", toolbar=True),
    Spec("View", "Zoom &out", "canvas.zoom_out", Keys.ZoomOut, "zoom_out", toolbar=True),
    Spec("View", "&Data", "turn_data_page", "Ctrl+Shift+D", "data", toolbar=True, separated=True),
    Spec("View", "&Graph passes…", "show_passes"),
    Spec("View", "Fi&nd op", "find_op", Keys.Find, "search"),
    Spec("Run", "&Train", "train", "Ctrl+Return", "train"),
    Spec("Run", "Add to &queue", "queue_run", "Ctrl+Alt+Return", "queue"),
    Spec("Run", "&Pause", "runner.pause", "Ctrl+Shift+.", "pause"),
    Spec("Run", "&Go on", "runner.go_on", "Ctrl+Shift+Return", "resume"),
    Spec("Run", "&Stop", "runner.stop", "Ctrl+.", "stop"),
    Spec("Run", "Stop &now", "runner.stop_now"),
    Spec("Help", "&Reference", "show_reference", "Shift+F1", "help"),
    Spec("Help", "&Keyboard shortcuts", "show_shortcuts", "F1"),
    Spec("Help", "&About Netloom", "show_about"),
)
