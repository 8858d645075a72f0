"""Samples as tiles: pictures with boxes and masks, waves, and texts; drawn only where they are seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from app.panels.data_draw import (
    class_colour,
    draw_boxes,
    draw_chips,
    draw_mask,
    draw_picture,
    draw_wave,
    mask_of,
    pixmap_of,
)
from app.panels.data_pages import Pages, Sample
from app.panels.data_rows import cell_words
from app.theme import SPACE, mono, smaller, theme, themes
from engine.columns import Column

SIZES = {"image": QSize(128, 144), "audio": QSize(208, 92), "text": QSize(0, 56)}  # a width of 0: a row of its own
LABELS = ("category", "boxes")  # kinds of column that are said in a tile
MARK = 4  # pixels of the bar that has the colour of a class


class Gallery(QAbstractScrollArea):
    """Tiles in rows; the arrows move, Space, Enter or a double click opens."""

    opened = Signal(int)
    chosen = Signal(int)

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages
        self._main: Column | None = None
        self._beside: list[Column] = []
        self._tokens = False
        self.current = -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Samples")
        pages.changed.connect(self._begin)
        pages.arrived.connect(self.viewport().update)
        themes.changed.connect(self.viewport().update)

    def show_columns(self, columns: Sequence[Column], main: Column | None, *, tokens: bool) -> None:
        """Say which column the tiles show, and which others stand beside it."""
        self._main, self._tokens = main, tokens
        self._beside = over_order(
            each for each in columns if main is not None and each.name != main.name and not each.parts
        )
        self._measure()

    def _begin(self) -> None:
        self.current = -1
        self.verticalScrollBar().setValue(0)
        self._measure()

    # -------------------------------------------------------------------------------------------------- geometry

    def _tile(self) -> QSize:
        """The size of a tile, as wide as the tiles of a row share the room."""
        size = SIZES.get(self._main.kind if self._main else "image", SIZES["text"])
        width = max(1, self.viewport().width())
        return QSize(width // max(1, width // (size.width() or width)), size.height())

    def across(self) -> int:
        """Tiles in a row."""
        return max(1, self.viewport().width() // self._tile().width())

    def _measure(self) -> None:
        tile, bar = self._tile(), self.verticalScrollBar()
        rows = -(-self._pages.total // self.across())
        bar.setRange(0, max(0, rows * tile.height() - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(1, tile.height() // 3))
        self.viewport().update()

    def rect_of(self, place: int) -> QRect:
        """Where a tile is in the viewport."""
        tile, across = self._tile(), self.across()
        corner = QPoint(
            place % across * tile.width(), place // across * tile.height() - self.verticalScrollBar().value()
        )
        return QRect(corner, tile)

    def place_at(self, point: QPoint) -> int:
        """The tile at a point of the viewport, -1 for none."""
        tile, across = self._tile(), self.across()
        column = point.x() // tile.width()
        place = (point.y() + self.verticalScrollBar().value()) // tile.height() * across + column
        return place if column < across and 0 <= place < self._pages.total else -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the tiles in anew."""
        super().resizeEvent(event)
        self._measure()

    # ----------------------------------------------------------------------------------------------------- gestures

    def choose(self, place: int) -> None:
        """Make a tile the current one, and bring it into view."""
        if not self._pages.total:
            return
        self.current = min(max(0, place), self._pages.total - 1)
        rect, bar = self.rect_of(self.current), self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height())
        self.chosen.emit(self.current)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move among the tiles, or open one."""
        rows = max(1, self.viewport().height() // self._tile().height())
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.across(),
            Qt.Key.Key_Down: self.across(),
            Qt.Key.Key_PageUp: -rows * self.across(),
            Qt.Key.Key_PageDown: rows * self.across(),
            Qt.Key.Key_Home: -self._pages.total,
            Qt.Key.Key_End: self._pages.total,
        }
        if event.key() in steps:
            self.choose(self.current + steps[Qt.Key(event.key())] if self.current >= 0 else 0)
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current >= 0:
            self.opened.emit(self.current)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a tile."""
        place = self.place_at(event.position().toPoint())
        if place >= 0:
            self.choose(place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open a tile."""
        place = self.place_at(event.position().toPoint())
        if place >= 0:
            self.opened.emit(place)

    def viewportEvent(self, event: Any) -> bool:
        """Say where the sample under the mouse comes from."""
        if isinstance(event, QHelpEvent):
            place = self.place_at(event.pos())
            sample = self._pages.sample(place) if place >= 0 else None
            if sample is not None:
                QToolTip.showText(event.globalPos(), f"{sample['where']}\n{self._label(sample)}".strip(), self)
            return True
        return super().viewportEvent(event)

    # -------------------------------------------------------------------------------------------------------- draw

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the tiles that are seen."""
        painter = QPainter(self.viewport())
        across, height, top = self.across(), self._tile().height(), self.verticalScrollBar().value()
        first = top // height * across
        last = min(self._pages.total, ((top + self.viewport().height()) // height + 1) * across)
        for place in range(first, last):
            rect = self.rect_of(place).adjusted(2, 2, -2, -2)
            if place == self.current:
                painter.fillRect(rect, QColor(theme().selection))
            sample = self._pages.sample(place)
            if sample is None:
                painter.fillRect(rect.adjusted(6, 6, -6, -6), QColor(theme().line))
            else:
                painter.save()
                self._draw(painter, rect, sample)
                painter.restore()
            if place == self.current and self.hasFocus():
                painter.setPen(QPen(QColor(theme().accent), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(rect.adjusted(0, 0, -1, -1))
        painter.end()

    def _draw(self, painter: QPainter, rect: QRect, sample: Sample) -> None:
        if "error" in sample or self._main is None:
            painter.setPen(QColor(theme().error))
            flags = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere
            painter.drawText(rect.adjusted(6, 6, -6, -6), flags, str(sample.get("error", "")))
            return
        value = sample["values"].get(self._main.name)
        match self._main.kind:
            case "image":
                self._draw_image(painter, rect, sample, value)
            case "audio":
                self._draw_sound(painter, rect, sample, value)
            case _:
                self._draw_text(painter, rect, sample, value)

    def _draw_image(self, painter: QPainter, rect: QRect, sample: Sample, value: Any) -> None:
        if value:
            body = rect.adjusted(6, 6, -6, -22)
            place = draw_picture(painter, body, pixmap_of(value["png"]))
            for column in self._beside:
                draw_over(painter, place, column, sample["values"].get(column.name), named=False)
        self._draw_label(painter, QRect(rect.left() + 6, rect.bottom() - 19, rect.width() - 12, 18), sample)

    def _draw_sound(self, painter: QPainter, rect: QRect, sample: Sample, value: Any) -> None:
        if value:
            draw_wave(painter, rect.adjusted(8, 8, -8, -26), value["peaks"])
        foot = QRect(rect.left() + 8, rect.bottom() - 21, rect.width() - 16, 18)
        self._draw_label(painter, foot, sample)
        painter.setPen(QColor(theme().dim))
        painter.setFont(smaller(self.font()))
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight, f"{value['seconds']:.2f} s" if value else "missing")

    def _draw_text(self, painter: QPainter, rect: QRect, sample: Sample, value: Any) -> None:
        body = rect.adjusted(8, 4, -8, -4)
        label = self._label(sample)
        if label:
            head = QRect(body.left(), body.top(), min(120, body.width() // 4), 18)
            self._draw_label(painter, head, sample)
            body.setLeft(head.right() + SPACE)
        tokens = sample.get("tokens", {}).get(self._main.name) if self._main else None
        if self._tokens and tokens is not None:
            painter.setFont(mono(-2))
            draw_chips(painter, body, tokens)
        else:
            painter.setPen(QColor(theme().text if value is not None else theme().dim))
            shown = "missing" if value is None else " ".join(str(value).split())
            painter.drawText(body, Qt.TextFlag.TextWordWrap, shown)
        painter.fillRect(QRect(rect.left(), rect.bottom() + 1, rect.width(), 1), QColor(theme().line))

    def _draw_label(self, painter: QPainter, rect: QRect, sample: Sample) -> None:
        """The classes of a sample, with the first one's colour before them."""
        label = self._label(sample)
        if not label:
            return
        inner = QRect(rect)
        column = next((each for each in self._beside if each.kind == "category"), None)
        if column is not None:
            colour = class_colour(str(sample["values"].get(column.name)), column.classes)
            painter.fillRect(QRect(rect.left(), rect.top() + 2, MARK, rect.height() - 6), colour)
            inner.adjust(MARK + 4, 0, 0, 0)
        painter.setPen(QColor(theme().text))
        shown = painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, shown)

    def _label(self, sample: Sample) -> str:
        """The classes of a sample in words, or how many boxes it has."""
        values = [(each, sample["values"].get(each.name)) for each in self._beside if each.kind in LABELS]
        return ", ".join(cell_words(column, value) for column, value in values if value is not None)


def over_order(columns: Iterable[Column]) -> list[Column]:
    """Columns in the order in which they are drawn over a picture: masks first, so that they hide no box."""
    return sorted(columns, key=lambda each: each.kind != "mask")


def draw_over(painter: QPainter, place: QRect, column: Column, value: Any, *, named: bool) -> None:
    """Draw what a column says of a picture over it: boxes, or a mask."""
    if not value:
        return
    if column.kind == "mask" and "png" in value:
        draw_mask(painter, place, mask_of(value["png"]))
    elif column.kind == "boxes":
        draw_boxes(painter, place, value, classes=column.classes, named=named)
