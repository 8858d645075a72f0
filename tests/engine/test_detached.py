from __future__ import annotations

import os
import subprocess
from pathlib import Path

from engine.detached import start, start_logged


def test_what_a_process_says_goes_to_its_log_behind_what_is_there_or_in_its_place(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    assert start_logged(["no-such-verb"], log).wait(60) == 2
    said = log.read_text()
    assert said.startswith("before\n")
    assert "no-such-verb" in said
    assert start_logged(["no-such-verb"], log, "wb").wait(60) == 2
    assert "before" not in log.read_text()


def test_a_process_lives_in_a_session_of_its_own_and_takes_what_it_is_told() -> None:
    process = start(["wait"], subprocess.DEVNULL, stdin=subprocess.PIPE)
    try:
        assert os.getsid(process.pid) == process.pid
    finally:
        process.kill()
        process.communicate()
