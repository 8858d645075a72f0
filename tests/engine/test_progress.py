from __future__ import annotations

import threading

import pytest

from engine.cli.bar import Bar
from engine.progress import BYTES, Headway, watched, watcher


def test_only_who_watches_is_told_and_only_while_it_does() -> None:
    told: list[Headway] = []
    watcher()(Headway("unheard"))
    with watched(told.append):
        watcher()(Headway("heard", 1, 2))
    watcher()(Headway("unheard"))
    assert told == [Headway("heard", 1, 2)]


def test_a_thread_tells_whom_it_was_given() -> None:
    told: list[Headway] = []
    with watched(told.append):
        tell = watcher()
        thread = threading.Thread(target=lambda: tell(Headway("there")))
        thread.start()
        thread.join()
    assert told == [Headway("there")]


@pytest.mark.parametrize(
    ("headway", "words"),
    [
        (Headway("Downloading a/b", 3 * 2**20, 12 * 2**20, BYTES), "Downloading a/b: 3 MiB of 12 MiB"),
        (Headway("Downloading a/b", 2**10, 0, BYTES), "Downloading a/b: 1 KiB"),
        (Headway("Reading", 1200, 5000, "rows"), "Reading: 1,200 of 5,000"),
        (Headway("Preparing a/b"), "Preparing a/b"),
        (Headway(""), ""),
    ],
)
def test_headway_is_said_in_words_and_crosses_as_json(headway: Headway, words: str) -> None:
    assert headway.words() == words
    assert Headway.decode(headway.encode()) == headway


def test_a_bar_is_drawn_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = Bar()
    bar(Headway("Downloading a/b", 1, 2, BYTES))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for each in (Headway("Downloading a/b", 1, 2, BYTES), Headway("Preparing a/b"), Headway("")):
        bar(each)
    shown = capsys.readouterr()
    assert "Downloading a/b:  50%" in shown.err
    assert "Preparing a/b" in shown.err
    assert shown.out == ""
