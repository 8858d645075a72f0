from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.messages import MessageBar
from tests.app.gestures import press


def test_a_message_shows_until_it_is_closed_or_another_comes(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    assert bar.text() == ""
    bar.show_message("The disk is full.")
    bar.show_message("It is still full.", "warning")
    assert bar.text() == "It is still full."
    bar.hide()
    assert bar.text() == ""


def test_a_message_may_bring_what_to_do_and_goes_when_it_is_done(qtbot: QtBot) -> None:
    bar, done = MessageBar(), []
    qtbot.addWidget(bar)
    bar.show_message("There is unsaved work.", "info", "Recover it", lambda: done.append(1))
    press(bar, "Recover it")
    assert done == [1]
    assert bar.text() == ""


def test_an_action_that_brings_the_next_message_leaves_it_shown(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message("It failed.", "error", "Try again", lambda: bar.show_message("It failed again."))
    press(bar, "Try again")
    assert bar.text() == "It failed again."
