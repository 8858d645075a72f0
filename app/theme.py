"""The look: one accent, calm grounds, enough contrast; light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from engine.colours import DTYPE, FAMILY, UNKNOWN

ICONS = Path(__file__).parents[1] / "resources" / "icons"
SPACE = 8  # pixels: the grid that all distances are multiples of
Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a theme, as "#rrggbb"."""

    dark: bool
    window: str
    panel: str
    field: str
    canvas: str
    grid: str
    card: str
    card_edge: str
    text: str
    dim: str
    line: str
    accent: str
    accent_text: str
    error: str
    warning: str
    ok: str
    selection: str


LIGHT = Theme(
    dark=False,
    window="#eceef1",
    panel="#f7f8fa",
    field="#ffffff",
    canvas="#f1f3f6",
    grid="#e2e6eb",
    card="#ffffff",
    card_edge="#cbd1d9",
    text="#1d2430",
    dim="#596273",
    line="#d3d8df",
    accent="#2563d9",
    accent_text="#ffffff",
    error="#c22f2f",
    warning="#8f5a00",
    ok="#1f7a36",
    selection="#cfe0ff",
)
DARK = Theme(
    dark=True,
    window="#16191e",
    panel="#1e2228",
    field="#14171b",
    canvas="#171a1f",
    grid="#20242b",
    card="#262b33",
    card_edge="#3d4551",
    text="#e8ebf0",
    dim="#a2acba",
    line="#343b46",
    accent="#5b93ff",
    accent_text="#0b1220",
    error="#ff8a80",
    warning="#f2b84b",
    ok="#63c774",
    selection="#26406f",
)


class _Themes(QObject):
    """Tells when the theme has changed, and holds which one is worn."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.worn = LIGHT
        self.following = False


themes = _Themes()


def theme() -> Theme:
    """The theme that is worn."""
    return themes.worn


def family(group: str) -> str:
    """The colour of an op's group."""
    return FAMILY.get(group, UNKNOWN)[theme().dark]


def dtype_colour(dtype: str) -> str:
    """The colour of a tensor's dtype; grey for one that is not known."""
    return DTYPE.get(dtype, UNKNOWN)[theme().dark]


def mono(size_delta: int = 0) -> QFont:
    """The fixed-width font for shapes and numbers."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSize(max(6, QGuiApplication.font().pointSize() + size_delta))
    return font


def smaller(font: QFont) -> QFont:
    """The same font for what stands in the background."""
    less = QFont(font)
    less.setPointSizeF(max(6.0, font.pointSizeF() - 1))
    return less


def apply(app: QApplication, choice: Choice = "system") -> None:
    """Dress the application; "system" follows the system's colour scheme as it changes."""
    hints = app.styleHints()
    schemes = {"system": Qt.ColorScheme.Unknown, "light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    hints.setColorScheme(schemes[choice])
    if not themes.following:
        themes.following = True
        hints.colorSchemeChanged.connect(lambda scheme: _wear(app, DARK if scheme == Qt.ColorScheme.Dark else LIGHT))
    dark = choice == "dark" or (choice == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
    _wear(app, DARK if dark else LIGHT)


def _wear(app: QApplication, worn: Theme) -> None:
    themes.worn = worn
    app.setPalette(_palette(worn))
    check = (ICONS / f"check-{'dark' if worn.dark else 'light'}.svg").as_posix()
    app.setStyleSheet(_STYLE.format(check=check, **{name: getattr(worn, name) for name in Theme.__slots__}))
    themes.changed.emit()


def _palette(worn: Theme) -> QPalette:
    roles = QPalette.ColorRole
    palette = QPalette()
    colours = {
        roles.Window: worn.panel,
        roles.WindowText: worn.text,
        roles.Base: worn.field,
        roles.AlternateBase: worn.panel,
        roles.Text: worn.text,
        roles.Button: worn.panel,
        roles.ButtonText: worn.text,
        roles.BrightText: worn.error,
        roles.ToolTipBase: worn.card,
        roles.ToolTipText: worn.text,
        roles.PlaceholderText: worn.dim,
        roles.Highlight: worn.accent,
        roles.HighlightedText: worn.accent_text,
        roles.Link: worn.accent,
        roles.Accent: worn.accent,
        roles.Mid: worn.line,
        roles.Dark: worn.line,
    }
    for role, colour in colours.items():
        palette.setColor(role, QColor(colour))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        faded = QColor(worn.dim)
        faded.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    return palette


_STYLE = """
QMainWindow, QMainWindow::separator {{ background: {window}; }}
QMainWindow::separator {{ width: 4px; height: 4px; }}
QToolTip {{ background: {card}; color: {text}; border: 1px solid {card_edge}; padding: 4px; }}
QDockWidget {{ color: {dim}; font-weight: 600; }}
QDockWidget::title {{ background: {panel}; padding: 6px 8px; border-bottom: 1px solid {line}; }}
QMainWindow > QToolBar {{ border-bottom: 1px solid {line}; }}
QToolBar {{ background: {panel}; border: none; padding: 4px 8px; spacing: 2px; }}
QToolBar[flat="true"] {{ background: transparent; padding: 0; }}
QToolButton {{ border: none; border-radius: 4px; padding: 4px; }}
QToolButton:hover {{ background: {selection}; }}
QToolButton:pressed, QToolButton:checked {{ background: {selection}; }}
QMenuBar {{ background: {panel}; border-bottom: 1px solid {line}; }}
QStatusBar {{ background: {panel}; border-top: 1px solid {line}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QToolButton {{ padding: 0 4px; color: {accent}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QCheckBox::indicator, QAbstractItemView::indicator, QMenu::indicator {{ width: 14px; height: 14px;
    border: 1px solid {dim}; border-radius: 3px; background: {field}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QMenu::indicator:checked {{ background: {accent};
    border-color: {accent}; image: url({check}); }}
QCheckBox::indicator:focus {{ border-color: {accent}; }}
QTabBar::tab {{ background: {panel}; color: {dim}; padding: 6px 12px; border: none;
    border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {line}; }}
QScrollArea {{ border: none; }}
QTableView {{ selection-background-color: {selection}; selection-color: {text}; }}
QPushButton[primary="true"] {{ background: {accent}; color: {accent_text}; border: none; border-radius: 4px;
    padding: 6px 16px; font-weight: 600; }}
QPushButton[primary="true"]:hover {{ background: {accent}; border: 1px solid {text}; padding: 5px 15px; }}
QPushButton[primary="true"]:disabled {{ background: {line}; color: {dim}; }}
QLabel[dim="true"] {{ color: {dim}; }}
QLabel[error="true"] {{ color: {error}; }}
QLabel[heading="true"] {{ font-weight: 600; }}
"""
