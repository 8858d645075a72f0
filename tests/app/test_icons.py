from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from app import theme
from app.icons import GROUPS, NAMES, group_icon, icon
from engine import ops


def inked(image: QImage) -> set[str]:
    """The colours of the pixels that are fully covered."""
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    colours = (image.pixelColor(x, y) for x, y in points)
    return {colour.name() for colour in colours if colour.alpha() == 255}


@pytest.mark.parametrize("name", NAMES)
def test_every_icon_is_in_the_font(name: str) -> None:
    assert inked(icon(name, "#ff0000").pixmap(96, 96).toImage()) == {"#ff0000"}


def test_every_group_of_ops_has_an_icon_in_its_colour() -> None:
    assert set(ops.GROUPS) <= set(GROUPS)
    for group in ops.GROUPS:
        assert inked(group_icon(group).pixmap(96, 96).toImage()) == {QColor(theme.family(group)).name()}


def test_icons_follow_the_theme(qapp: QApplication) -> None:
    theme.apply(qapp, "dark")
    assert inked(icon("train").pixmap(96, 96).toImage()) == {theme.DARK.text}
    theme.apply(qapp, "light")
    assert inked(icon("train").pixmap(96, 96).toImage()) == {theme.LIGHT.text}
