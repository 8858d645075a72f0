from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.theme import DARK, LIGHT, Theme, themes
from engine.colours import DTYPE, FAMILY

LEAST_TEXT, LEAST_MARK = 4.5, 3.0  # contrast that WCAG 2 asks of text, and of marks


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    yield qapp
    theme.apply(qapp, "light")


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2: from 1 for the same to 21 for black on white."""

    def luminance(colour: str) -> float:
        parts = [value / 255 for value in QColor(colour).getRgb()[:3]]  # type: ignore[index, operator]  # four numbers
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("worn", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(worn: Theme) -> None:
    for ground, text in product(
        (worn.panel, worn.field, worn.card), (worn.text, worn.dim, worn.error, worn.warning, worn.ok)
    ):
        assert contrast(ground, text) >= LEAST_TEXT, (ground, text)
    assert contrast(worn.accent, worn.accent_text) >= LEAST_TEXT
    assert contrast(worn.selection, worn.text) >= LEAST_TEXT


@pytest.mark.parametrize("worn", [LIGHT, DARK], ids=["light", "dark"])
def test_families_and_dtypes_stand_out_from_the_card(worn: Theme) -> None:
    for name, pair in {**FAMILY, **DTYPE}.items():
        assert contrast(worn.card, pair[worn.dark]) >= LEAST_MARK, name


def test_a_theme_is_worn_by_palette_and_style_and_told(app: QApplication, qtbot: QtBot) -> None:
    with qtbot.waitSignal(themes.changed):
        theme.apply(app, "dark")
    assert theme.theme() is DARK
    assert app.palette().color(QPalette.ColorRole.Window).name() == DARK.panel
    assert DARK.accent in app.styleSheet()
    assert "check-dark.svg" in app.styleSheet()
    theme.apply(app, "light")
    assert theme.theme() is LIGHT
    assert app.palette().color(QPalette.ColorRole.Text).name() == LIGHT.text


def test_the_systems_scheme_is_followed(app: QApplication) -> None:
    theme.apply(app, "system")
    for scheme, worn in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
        app.styleHints().colorSchemeChanged.emit(scheme)  # as the system tells it
        assert theme.theme() is worn


def test_colours_of_what_is_not_known_are_grey() -> None:
    for colour in (theme.dtype_colour("nothing"), theme.family("Nothing")):
        assert QColor(colour).saturation() < 60
