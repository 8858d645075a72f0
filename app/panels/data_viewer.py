"""One sample closely: its picture, sound or text as large as there is room for, with its facts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.data_helper import DataHelper
from app.icons import icon
from app.panels.data_draw import chips_height, draw_chips, draw_picture, draw_wave, pixmap_of
from app.panels.data_gallery import draw_over, over_order
from app.panels.data_pages import Pages
from app.panels.data_rows import cell_words
from app.panels.sections import Words, dim
from app.sound import Player, why_silent
from app.theme import SPACE, mono, themes
from engine.columns import Column

SIZE, FACTS_WIDTH = QSize(880, 600), 256
TOPIC, SOUND_TOPIC = "look", "sound"
OVERLAYS = ("boxes", "mask")


class Viewer(QDialog):
    """Shows the sample at a place among those that are browsed; the arrows go to the ones beside it."""

    def __init__(self, helper: DataHelper, pages: Pages, parent: QWidget) -> None:
        super().__init__(parent)
        self._helper, self._pages = helper, pages
        self._columns: Sequence[Column] = ()
        self._place, self._index = -1, -1
        self._player = Player(self)
        self.setWindowTitle("Sample")
        self.resize(SIZE)
        self.canvas, self._text = _Canvas(), _Tokens()
        self._overlays = QCheckBox("Boxes and masks")
        self._overlays.setChecked(True)
        self._overlays.toggled.connect(self.canvas.show_overlays)
        self._as_tokens = QCheckBox("Tokens")
        self._as_tokens.toggled.connect(self._text.show_tokens)
        self.play = QPushButton(icon("train"), "Play")
        self.play.clicked.connect(self._play_or_stop)
        self._player.moved.connect(self._moved)
        self._facts = QGridLayout()
        self._error = Words()
        self._error.setProperty("error", True)
        self._count, self._silent = dim(), Words()
        self._silent.setProperty("dim", True)
        self._lay_out()
        themes.changed.connect(self.canvas.update)

    def _lay_out(self) -> None:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self._text)
        left = QVBoxLayout()
        left.addWidget(self._error)
        left.addWidget(self.canvas, 1)
        left.addWidget(self._scroll, 1)
        facts = QWidget()
        facts.setFixedWidth(FACTS_WIDTH)
        right = QVBoxLayout(facts)
        right.setContentsMargins(0, 0, 0, 0)
        self._facts.setHorizontalSpacing(SPACE)
        self._facts.setColumnStretch(1, 1)
        right.addLayout(self._facts)
        for widget in (self._overlays, self._as_tokens, self.play, self._silent):
            right.addWidget(widget)
        right.addStretch(1)
        right.addLayout(self._steps())
        row = QHBoxLayout(self)
        row.setSpacing(2 * SPACE)
        row.addLayout(left, 1)
        row.addWidget(facts)

    def _steps(self) -> QHBoxLayout:
        row = QHBoxLayout()
        for name, words, by in (("back", "The sample before (Left)", -1), ("forward", "The next sample (Right)", 1)):
            button = QToolButton()
            button.setIcon(icon(name))
            button.setToolTip(words)
            button.clicked.connect(lambda _=False, by=by: self._go(by))
            row.addWidget(button)
        row.addWidget(self._count, 1)
        return row

    # ------------------------------------------------------------------------------------------------------ show

    def show_place(self, place: int, columns: Sequence[Column]) -> None:
        """Show the sample at a place, once it is known which one that is."""
        self._place, self._columns = place, columns
        sample = self._pages.sample(place)
        if sample is None:
            return
        self._player.stop()
        self._index = sample["index"]
        self._count.setText(f"{place + 1:,} of {self._pages.total:,}")
        self._helper.ask(TOPIC, self._take, "look", index=self._index)
        self.show()
        self.raise_()

    def _go(self, by: int) -> None:
        place = self._place + by
        if 0 <= place < self._pages.total:
            self.show_place(place, self._columns)

    def _take(self, answer: Mapping[str, Any]) -> None:
        if "samples" not in answer:
            self._error.setText(str(answer.get("error", "")))
            return
        self._error.setText("")
        (sample,) = answer["samples"]
        self.show_sample(sample)

    def show_sample(self, sample: Mapping[str, Any]) -> None:
        """Show a sample as the engine tells it."""
        values = sample["values"]
        picture = self._first("image", values)
        sound = self._first("audio", values)
        text = self._first("text", values)
        over = [(each, values.get(each.name)) for each in over_order(self._columns) if each.kind in OVERLAYS]
        self.canvas.show_value(values.get(picture or sound or ""), over)
        self.canvas.setVisible(bool(picture or sound))
        self._text.show_text(str(values.get(text or "") or ""), sample.get("tokens", {}).get(text, ()))
        self._scroll.setVisible(not (picture or sound) and bool(text))
        self._overlays.setVisible(bool(picture) and any(value for _column, value in over))
        self._as_tokens.setVisible(self._scroll.isVisibleTo(self) and bool(sample.get("tokens", {}).get(text)))
        self.play.setVisible(bool(sound))
        self.play.setEnabled(not why_silent())
        self.play.setToolTip("Play the sound (P)")
        self._silent.setText(why_silent() if sound else "")
        shown = {picture, text}
        told = [
            (each.name, cell_words(each, values.get(each.name))) for each in self._columns if each.name not in shown
        ]
        self._show_facts([*sample["facts"], *((name, words) for name, words in told if words)])

    def _first(self, kind: str, values: Mapping[str, Any]) -> str | None:
        """The first column of a kind of which the sample has a value."""
        names = (each.name for each in self._columns if each.kind == kind)
        return next((name for name in names if values.get(name) is not None), None)

    def _show_facts(self, facts: Sequence[Sequence[str]]) -> None:
        while self._facts.count():
            item = self._facts.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, (name, words) in enumerate(facts):
            value = QLabel(_breakable(words))
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label = dim(name)
            label.setWordWrap(False)
            self._facts.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)

    # ------------------------------------------------------------------------------------------------------ sound

    def _play_or_stop(self) -> None:
        if self._player.playing:
            self._player.stop()
            return
        column = next((each.name for each in self._columns if each.kind == "audio"), "")
        self._helper.ask(SOUND_TOPIC, self._play, "sound", column=column, index=self._index)

    def _play(self, answer: Mapping[str, Any]) -> None:
        if "pcm" not in answer:
            self._error.setText(str(answer.get("error", "")))
            return
        self._error.setText(self._player.play(base64.b64decode(answer["pcm"]), answer["rate"], answer["channels"]))

    def _moved(self, share: float) -> None:
        self.canvas.show_played(share)
        self.play.setText("Stop" if self._player.playing else "Play")
        self.play.setIcon(icon("stop" if self._player.playing else "train"))

    # ---------------------------------------------------------------------------------------------------- gestures

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the samples beside this one, play, or close."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self._go(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_P and self.play.isVisible() and self.play.isEnabled():
            self._play_or_stop()
        elif event.key() == Qt.Key.Key_Space:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Be silent."""
        self._player.stop()
        super().closeEvent(event)


def _breakable(words: str) -> str:
    """A path in which a line may be broken behind each folder."""
    return words.replace("/", "/\u200b")


class _Canvas(QWidget):
    """A picture with what lies over it, or a wave above its spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self._value: Mapping[str, Any] = {}
        self._over: Sequence[tuple[Column, Any]] = ()
        self._overlays, self._played = True, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_value(self, value: Any, over: Sequence[tuple[Column, Any]]) -> None:
        """Show a picture or a sound."""
        self._value, self._over, self._played = value or {}, over, 0.0
        self.update()

    def show_overlays(self, shown: bool) -> None:
        """Show or hide what lies over the picture."""
        self._overlays = shown
        self.update()

    def show_played(self, share: float) -> None:
        """Mark how far the sound was played."""
        self._played = share
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter, value = QPainter(self), self._value
        if "png" in value:
            place = draw_picture(painter, self.rect(), pixmap_of(value["png"]))
            for column, each in self._over if self._overlays else ():
                draw_over(painter, place, column, each, named=True)
        elif "peaks" in value:
            half = self.height() // 2
            draw_wave(painter, QRect(0, 0, self.width(), half - SPACE), value["peaks"], self._played)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(QRect(0, half, self.width(), self.height() - half), pixmap_of(value["spectrum"]))
        painter.end()


class _Tokens(QWidget):
    """A text as it is, or as its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._tokens: Sequence[str] = ()
        column = QVBoxLayout(self)
        column.addWidget(self._label)

    def show_text(self, text: str, tokens: Sequence[str]) -> None:
        """Show a text."""
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setText(text)
        self._tokens = tokens
        self._fit()

    def show_tokens(self, shown: bool) -> None:
        """Show the tokens in place of the text."""
        self._label.setVisible(not shown)
        self._fit()

    def _fit(self) -> None:
        high = chips_height(self.fontMetrics(), self._tokens, self.width()) if self._label.isHidden() else 0
        self.setMinimumHeight(high)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the tokens where they are wanted."""
        if self._label.isHidden():
            painter = QPainter(self)
            painter.setFont(mono(-1))
            draw_chips(painter, self.rect(), self._tokens)
            painter.end()
