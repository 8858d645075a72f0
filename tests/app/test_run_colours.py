from __future__ import annotations

from pathlib import Path

from app import theme
from app.run_colours import COLOURS, RunColours
from engine.train.folder import Run


def test_each_run_keeps_its_colour_until_it_is_given_back() -> None:
    colours, (a, b, c) = RunColours(), (Run(Path(name)) for name in "abc")
    first = [colours.colour(run).name() for run in (a, b, a)]
    assert first == [COLOURS[0][0], COLOURS[1][0], COLOURS[0][0]]
    colours.release(a)
    assert colours.colour(c).name() == COLOURS[0][0]
    assert colours.colour(b).name() == COLOURS[1][0]
    colours.release(Run(Path("never")))


def test_a_second_line_of_a_run_has_the_next_colour() -> None:
    assert RunColours().colour(Run(Path("a")), further=True).name() == COLOURS[1][0]


def test_the_dark_theme_has_its_own_colours(qapp: object) -> None:
    colours, run = RunColours(), Run(Path("a"))
    theme.apply(qapp, "dark")  # type: ignore[arg-type]  # the application
    assert colours.colour(run).name() == COLOURS[0][1]
    theme.apply(qapp, "light")  # type: ignore[arg-type]  # as above
