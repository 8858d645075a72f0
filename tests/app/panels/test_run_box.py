from __future__ import annotations

import pytest

from app.panels.run_box import duration


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (65.4, "1:05"), (3725, "1:02:05")])
def test_durations_read_as_clocks_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words
