from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from app.panels.data_draw import chips_height, class_colour, draw_bars, draw_chips, fitted, mask_of, pixmap_of
from app.panels.data_gallery import over_order
from engine.columns import Column


def png(pixels: np.ndarray) -> str:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def test_the_background_of_a_mask_lets_the_picture_through(qtbot: QtBot) -> None:
    image = mask_of(png(np.array([[[0, 0, 0], [128, 0, 0]]]))).toImage()
    assert image.pixelColor(0, 0).alpha() == 0
    assert image.pixelColor(1, 0) == QColor(128, 0, 0)


def test_masks_are_drawn_before_boxes() -> None:
    columns = [Column(kind, kind, (), "float32") for kind in ("boxes", "mask", "category")]  # type: ignore[arg-type]
    assert [each.kind for each in over_order(columns)] == ["mask", "boxes", "category"]


def test_a_picture_keeps_its_shape(qtbot: QtBot) -> None:
    place = fitted(pixmap_of(png(np.zeros((10, 20)))), QRect(0, 0, 100, 100))
    assert (place.width(), place.height()) == (100, 50)
    assert place.center() == QRect(0, 0, 100, 100).center()


def test_classes_have_colours_of_their_own() -> None:
    names = ["cat", "dog", "cow"]
    assert len({class_colour(name, names).name() for name in names}) == 3
    assert class_colour("bird") == class_colour("bird")


def test_bars_are_as_high_as_their_counts(qtbot: QtBot) -> None:
    image = QImage(30, 20, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    draw_bars(painter, QRect(0, 0, 30, 20), [0, 5, 10], QColor("red"))
    painter.end()
    heights = [sum(image.pixelColor(x, y) == QColor("red") for y in range(20)) for x in (4, 14, 24)]
    assert heights == [0, 10, 20]


def test_tokens_are_drawn_as_far_as_there_is_room(qtbot: QtBot) -> None:
    image = QImage(120, 40, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    tokens = ["token"] * 50
    drawn = draw_chips(painter, QRect(0, 0, 120, 40), tokens)
    needed = chips_height(painter.fontMetrics(), tokens, 120)
    painter.end()
    assert 1 < drawn < 50
    assert needed > 40
