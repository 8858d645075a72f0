from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Runs the studio as a user starts it; what stands in WORK happens once its window is open.
STUDIO = """
import sys
from PySide6.QtCore import QTimer
import app.main
from app.engine_process import EngineProcess
from app.window import Window
from engine import edit

EngineProcess.start = lambda process: None
EngineProcess.request = lambda *_, **__: 0

def begin(window):
    WORK

Window.begin = begin
print("ended", app.main.main(sys.argv[1:]))
"""


def studio(work: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = STUDIO.replace("WORK", work.replace("\n", "\n    "))
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("This plugin does not support")]


def test_a_file_named_on_the_command_line_is_opened_and_the_studio_ends_without_a_word() -> None:
    example = str(ROOT / "resources" / "examples" / "iris.netloom")
    work = """
print("nodes", len(window.canvas.cards))
window.document.edit("Add", lambda spec: edit.add(spec, "Linear"))
window._may_leave = lambda: True  # unsaved changes are discarded
window.close()"""
    done = studio(work, example)
    assert said(done) == [], done.stderr
    assert done.stdout.splitlines() == ["nodes 10", "ended 0"]


def test_a_fault_of_our_own_is_said_and_logged_and_the_studio_goes_on(tmp_path: Path) -> None:
    work = """
def fail():
    raise ZeroDivisionError("halved too often")
def close():
    print(window.messages.text())
    window.close()
QTimer.singleShot(0, fail)
QTimer.singleShot(100, close)"""
    done = studio(work)
    message, end = done.stdout.splitlines()
    assert message.startswith("Something in Netloom went wrong (ZeroDivisionError: halved too often).")
    assert end == "ended 0"
    (log,) = tmp_path.rglob("studio.log")
    assert "halved too often" in log.read_text()
    assert "Traceback" in log.read_text()


def test_a_file_that_does_not_exist_is_said_in_the_window(tmp_path: Path) -> None:
    done = studio("print(window.messages.text())\nwindow.close()", str(tmp_path / "gone.netloom"))
    assert done.stdout.splitlines()[0] == f"{tmp_path / 'gone.netloom'} does not exist."
