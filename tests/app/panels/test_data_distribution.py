from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.panels.data_distribution import CHART_HEIGHT, HEAD_HEIGHT, Distribution
from app.theme import theme

CLASSES = {"unit": "", "names": ["cat", "dog"], "parts": {"train": [30, 10], "test": [3, 1]}}
LENGTHS = {"unit": "seconds", "edges": [0.0, 0.5, 1.0], "parts": {"train": [1, 3]}}
WHOLE = {"unit": "boxes", "edges": [-0.5, 0.5, 1.5], "parts": {"train": [2, 5]}}
DAYS = {"unit": "date", "edges": [0.0, 31.0, 59.0], "parts": {"train": [2, 5]}}


@pytest.fixture
def chart(qtbot: QtBot) -> Distribution:
    shown = Distribution()
    qtbot.addWidget(shown)
    shown.resize(200, 100)
    shown.show()
    return shown


def test_each_split_has_its_bars(chart: Distribution) -> None:
    chart.show_distribution(CLASSES)
    assert chart.parts() == ["train", "test"]
    assert chart.height() >= 2 * (CHART_HEIGHT + HEAD_HEIGHT)
    image = chart.grab().toImage()
    bottom = HEAD_HEIGHT + CHART_HEIGHT - 8
    assert image.pixelColor(20, bottom) == QColor(theme().accent)
    assert image.pixelColor(20, HEAD_HEIGHT + 4) == QColor(
        theme().accent
    )  # the larger class is as high as there is room
    assert image.pixelColor(150, HEAD_HEIGHT + 4) != QColor(theme().accent)
    assert image.pixelColor(20, bottom + CHART_HEIGHT + HEAD_HEIGHT) == QColor(theme().ok)


def test_a_bar_says_what_it_counts(chart: Distribution) -> None:
    chart.show_distribution(CLASSES)
    assert chart.words_at(QPoint(10, 30)) == "cat: 30 of train (75.0%)"
    assert chart.words_at(QPoint(190, CHART_HEIGHT + HEAD_HEIGHT + 30)) == "dog: 1 of test (25.0%)"
    assert chart.words_at(QPoint(10, 900)) == ""
    chart.show_distribution(LENGTHS)
    assert chart.words_at(QPoint(190, 30)) == "0.5 to 1 seconds: 3 of train (75.0%)"
    chart.show_distribution(WHOLE)
    assert chart.words_at(QPoint(190, 30)) == "1 boxes: 5 of train (71.4%)"
    chart.show_distribution(DAYS)
    assert chart.words_at(QPoint(10, 30)).startswith("1970-01-01 to 1970-02-01: 2")
    chart.grab()


def test_it_is_hidden_where_there_is_nothing_to_show(chart: Distribution) -> None:
    chart.show_distribution(None)
    assert not chart.isVisible()
    chart.show_distribution({"unit": "", "edges": [], "parts": {"train": []}})
    assert not chart.isVisible()


def test_a_reader_of_the_screen_hears_the_largest_bars(chart: Distribution) -> None:
    chart.show_distribution(CLASSES)
    assert chart.accessibleName() == "train: most, 30, are cat; test: most, 3, are cat"
