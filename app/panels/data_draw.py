"""Drawing what samples hold: pictures with their boxes and masks, waves, tokens, and bars of a distribution."""

from __future__ import annotations

import base64
import functools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPixmap, QPolygonF

from app.theme import SPACE, mono, theme

KEPT_PIXMAPS = 512
CHIP_HEIGHT, CHIP_GAP = 20, 4
BACKGROUND = "#000000"  # how masks draw their first class
MASK_SHARE = 0.45  # how much of a mask covers the image below it
CLASS_COLOURS = (
    ("#2563d9", "#5b93ff"),
    ("#c2570c", "#f59a4a"),
    ("#1f7a36", "#63c774"),
    ("#b5379b", "#ea7fd3"),
    ("#0f7f84", "#3fc6c9"),
    ("#8a6d1f", "#d1b155"),
    ("#6d4bd0", "#a78bfa"),
    ("#b3263a", "#ff8a94"),
)
PART_COLOURS = {"train": "accent", "validation": "warning", "test": "ok", "all": "accent"}


@functools.lru_cache(maxsize=KEPT_PIXMAPS)
def pixmap_of(png: str) -> QPixmap:
    """The picture of base64 text of a PNG."""
    pixmap = QPixmap()
    pixmap.loadFromData(base64.b64decode(png))
    return pixmap


def class_colour(name: str, classes: Sequence[str] = ()) -> QColor:
    """The colour of a class: that of its place among its classes, or one drawn from its name."""
    place = classes.index(name) if name in classes else zlib.crc32(name.encode())
    return QColor(CLASS_COLOURS[place % len(CLASS_COLOURS)][theme().dark])


def part_colour(part: str) -> QColor:
    """The colour of a part of the samples."""
    return QColor(getattr(theme(), PART_COLOURS.get(part, "accent")))


# -------------------------------------------------------------------------------------------------------- pictures


def fitted(pixmap: QPixmap, rect: QRect) -> QRect:
    """Where a picture lies in a rectangle: as large as it can be, in the middle."""
    size = pixmap.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRect(0, 0, max(1, size.width()), max(1, size.height()))
    place.moveCenter(rect.center())
    return place


def draw_picture(painter: QPainter, rect: QRect, pixmap: QPixmap) -> QRect:
    """Draw a picture in a rectangle, small ones with their pixels as squares; returns where it lies."""
    place = fitted(pixmap, rect)
    smooth = place.width() <= 2 * pixmap.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawPixmap(place, pixmap)
    return place


@functools.lru_cache(maxsize=KEPT_PIXMAPS)
def mask_of(png: str) -> QPixmap:
    """The picture of a mask; its first class, which is black, lets through what lies below."""
    pixmap = QPixmap(pixmap_of(png))
    pixmap.setMask(pixmap.createMaskFromColor(QColor(BACKGROUND), Qt.MaskMode.MaskInColor))
    return pixmap


def draw_mask(painter: QPainter, place: QRect, pixmap: QPixmap) -> None:
    """Draw a mask over the picture that lies at a place."""
    painter.save()
    painter.setOpacity(MASK_SHARE)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawPixmap(place, pixmap)
    painter.restore()


def size_of(value: Mapping[str, Any]) -> tuple[float, float]:
    """Height and width of the image that boxes are of."""
    return max(1, value["height"]), max(1, value["width"])


def draw_boxes(
    painter: QPainter, place: QRect, value: Mapping[str, Any], *, classes: Sequence[str] = (), named: bool = True
) -> None:
    """Draw boxes over the picture that lies at a place, each in its class's colour, with its name where asked for."""
    height, width = size_of(value)
    across, down = place.width() / width, place.height() / height
    painter.save()
    painter.setFont(mono(-2))
    for (left, top, right, bottom), label in zip(value["boxes"], value["labels"], strict=False):
        colour = class_colour(str(label), classes)
        box = QRectF(QPointF(left * across, top * down), QPointF(right * across, bottom * down))
        box.translate(place.topLeft())
        painter.setPen(QPen(colour, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        if named:
            _draw_name(painter, box.topLeft(), str(label), colour, place)
    painter.restore()


def _draw_name(painter: QPainter, corner: QPointF, name: str, colour: QColor, place: QRect) -> None:
    metrics = painter.fontMetrics()
    ground = QRectF(0, 0, metrics.horizontalAdvance(name) + SPACE, metrics.height())
    ground.moveBottomLeft(corner)
    if ground.top() < place.top():
        ground.moveTop(corner.y())
    painter.fillRect(ground, colour)
    painter.setPen(QColor(theme().accent_text))
    painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, name)


# ---------------------------------------------------------------------------------------------------------- sounds


def draw_wave(painter: QPainter, rect: QRect, peaks: Sequence[float], played: float = 0.0) -> None:
    """Draw the outline of a wave in a rectangle; what was `played`, a share of it, stands out."""
    if not peaks:
        return
    loudest = max(*peaks, 1e-6)
    middle, step = rect.center().y() + 0.5, rect.width() / len(peaks)
    upper = [
        QPointF(rect.left() + step * (place + 0.5), middle - rect.height() / 2 * peak / loudest)
        for place, peak in enumerate(peaks)
    ]
    lower = [QPointF(point.x(), 2 * middle - point.y()) for point in reversed(upper)]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme().accent), 1))
    painter.setBrush(QColor(theme().accent))
    painter.drawPolygon(QPolygonF([*upper, *lower]))
    painter.restore()
    if 0 < played < 1:
        x = rect.left() + round(rect.width() * played)
        painter.fillRect(QRect(x, rect.top(), 2, rect.height()), QColor(theme().text))


# ---------------------------------------------------------------------------------------------------------- tokens


def chip_width(metrics: QFontMetrics, token: str) -> int:
    """How wide the chip of a token is."""
    return metrics.horizontalAdvance(token) + SPACE


def draw_chips(painter: QPainter, rect: QRect, tokens: Sequence[str]) -> int:
    """Draw tokens as chips, line by line, as many as there is room for; returns how many were drawn."""
    metrics = painter.fontMetrics()
    x, y = rect.left(), rect.top()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for count, token in enumerate(tokens):
        width = min(chip_width(metrics, token), rect.width())
        if x > rect.left() and x + width > rect.right():
            x, y = rect.left(), y + CHIP_HEIGHT + CHIP_GAP
        if y + CHIP_HEIGHT > rect.bottom() + 1:
            painter.restore()
            return count
        _draw_chip(painter, QRectF(x + 0.5, y + 0.5, width - 1, CHIP_HEIGHT - 1), token)
        x += width + CHIP_GAP
    painter.restore()
    return len(tokens)


def _draw_chip(painter: QPainter, box: QRectF, token: str) -> None:
    special = token.startswith("<") and token.endswith(">")
    painter.setPen(QColor(theme().card_edge))
    painter.setBrush(QColor(theme().line if special else theme().card))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(QColor(theme().dim if special else theme().text))
    shown = painter.fontMetrics().elidedText(token, Qt.TextElideMode.ElideRight, int(box.width()) - 4)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


def chips_height(metrics: QFontMetrics, tokens: Sequence[str], width: int) -> int:
    """How high chips become in a width."""
    x, lines = 0, 1
    for token in tokens:
        step = min(chip_width(metrics, token), width)
        if x and x + step > width:
            x, lines = 0, lines + 1
        x += step + CHIP_GAP
    return lines * (CHIP_HEIGHT + CHIP_GAP)


# ------------------------------------------------------------------------------------------------------------ bars


def draw_bars(painter: QPainter, rect: QRect, counts: Sequence[float], colour: QColor) -> None:
    """Draw counts as bars side by side, the largest as high as the rectangle."""
    most = max(counts, default=0)
    if not most:
        return
    step = rect.width() / len(counts)
    gap = 1 if step > 3 else 0
    for place, count in enumerate(counts):
        if count:
            height = max(1, round(rect.height() * count / most))
            left, right = rect.left() + round(step * place), rect.left() + round(step * (place + 1))
            painter.fillRect(QRect(left, rect.bottom() + 1 - height, max(1, right - left - gap), height), colour)


def totals(distribution: Mapping[str, Any]) -> list[int]:
    """The counts of a distribution, all parts together."""
    return [sum(each) for each in zip(*distribution["parts"].values(), strict=True)]
