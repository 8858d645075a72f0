from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.panels.start import StartPage
from engine.examples import examples
from engine.spec import save
from tests.app.gestures import button, press, words_in
from tests.builders import image_classifier


@pytest.fixture
def start(qtbot: QtBot) -> StartPage:
    page = StartPage([])
    qtbot.addWidget(page)
    page.resize(1000, 800)
    page.show()
    return page


def test_every_example_has_a_picture_and_a_sentence(start: StartPage, qtbot: QtBot) -> None:
    assert len(start.findChildren(QToolButton)) == len(examples())
    for example in examples():
        card = button(start, example.name.replace("_", " "))
        assert not card.icon().isNull()
        assert example.about in words_in(start)
        with qtbot.waitSignal(start.example_chosen) as chosen:
            card.click()
        assert chosen.args == [example.path]


def test_a_project_is_begun_or_opened(start: StartPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(start.new_chosen):
        press(start, "New project")
    with qtbot.waitSignal(start.open_chosen):
        press(start, "Open…")


def test_recent_files_are_listed_and_opened(start: StartPage, qtbot: QtBot, tmp_path: Path) -> None:
    assert "Recent" not in words_in(start)
    save(image_classifier(), tmp_path / "cats.netloom")
    start.show_recent([tmp_path / "cats.netloom"])
    assert "Recent" in words_in(start)
    with qtbot.waitSignal(start.file_chosen) as chosen:
        press(start, f"cats    {tmp_path}")
    assert chosen.args == [tmp_path / "cats.netloom"]
