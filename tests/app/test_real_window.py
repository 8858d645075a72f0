"""The studio on a display of its own, driven by real mouse and keyboard events."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.spec import load

ROOT = Path(__file__).parents[2]
SECONDS = 30.0  # for the studio to open, or for a gesture to take effect, on a machine that may be busy
STEP_SECONDS = 0.01  # between the steps of a drag, so that each is seen

# The studio as it is started by a user, that also answers questions about itself: an expression a line.
STUDIO = """
import json, sys
from PySide6.QtCore import QPoint, QSocketNotifier
import app.main
from app.window import Window

def where(widget, point=None):
    place = widget.mapToGlobal(widget.rect().center() if point is None else point)
    return [place.x(), place.y()]

def scene(point):
    return where(window.canvas.viewer.viewport(), window.canvas.viewer.mapFromScene(point))

def answer():
    print(json.dumps(eval(sys.stdin.readline())), flush=True)

def begin(shown):
    global window, canvas, spec, notifier
    window, canvas = shown, shown.canvas
    shown.resize(1280, 800)
    shown.activateWindow()  # there is no window manager to do it
    notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, shown)
    notifier.activated.connect(answer)
    old(shown)

old, Window.begin = Window.begin, begin
sys.exit(app.main.main(sys.argv[1:]))
"""


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual display."""
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} are not installed; `make test` installs them on Debian and Ubuntu")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as stream:
        number = stream.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Studio:
    """A running studio, its mouse and its keyboard."""

    def __init__(self, display: str, path: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", STUDIO, str(path)],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, expression: str) -> Any:
        """What an expression is worth in the studio."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def wait(self, expression: str) -> None:
        """Wait until an expression comes true."""
        until = time.monotonic() + SECONDS
        while not self.ask(expression):
            assert time.monotonic() < until, f"never came true: {expression}"
            time.sleep(0.02)

    def xdotool(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self._environment, check=True, timeout=SECONDS)

    def drag(self, start: str, end: str) -> None:
        """Drag from one place to another; both are expressions."""
        (x, y), (to_x, to_y) = self.ask(start), self.ask(end)
        self.xdotool("mousemove", x, y, "mousedown", 1)
        for part in range(1, 11):
            at = (x + (to_x - x) * part // 10, y + (to_y - y) * part // 10)
            self.xdotool("mousemove", *at, "sleep", STEP_SECONDS)
        self.xdotool("sleep", 0.1, "mouseup", 1)

    def click(self, place: str) -> None:
        self.xdotool("mousemove", *self.ask(place), "click", 1)

    def type(self, text: str) -> None:
        self.xdotool("type", "--delay", 5, text)

    def key(self, *keys: str) -> None:
        self.xdotool("key", "--delay", 5, *keys)


@pytest.fixture
def studio(display: str, tmp_path: Path) -> Iterator[Studio]:
    shutil.copy(ROOT / "resources" / "examples" / "digits_cnn.netloom", tmp_path / "digits.netloom")
    opened = Studio(display, tmp_path / "digits.netloom")
    yield opened
    if opened.process.poll() is None:
        opened.process.kill()
    opened.process.communicate()


@pytest.mark.xvfb
def test_real_mouse_and_keyboard_events_build_and_save_a_graph(studio: Studio, tmp_path: Path) -> None:
    studio.wait("window.isActiveWindow() and len(canvas.cards) == 14")
    studio.wait("window.training.train.isEnabled()")  # checked, and its data read

    # Ctrl+0 shows the whole graph, Ctrl+F finds an op in the palette, and the mouse drags it to a free place.
    studio.key("ctrl+0")
    studio.key("ctrl+f")
    studio.wait("window.palette_panel.search.hasFocus()")
    studio.type("tanh")
    tree = "window.palette_panel.tree"
    studio.wait(f"{tree}.topLevelItemCount() and {tree}.topLevelItem(0).text(0) == 'Tanh'")
    item = f"where({tree}.viewport(), {tree}.visualItemRect({tree}.topLevelItem(0)).center())"
    studio.drag(item, "scene(canvas.cards['relu_1'].pos() + QPoint(104, 220))")
    studio.wait("'tanh_1' in canvas.cards")

    # The mouse draws two wires.
    for source, target in (("relu_1", "tanh_1"), ("tanh_1", "conv2d_2")):
        start = f"scene(canvas.cards['{source}'].output_point(canvas.cards['{source}'].outputs[0]))"
        end = f"scene(canvas.cards['{target}'].input_point(canvas.cards['{target}'].inputs[0]))"
        studio.drag(start, end)
        studio.wait(f"window.document.spec.nodes['{target}'].inputs == {{'input': '{source}'}}")
    studio.wait("canvas.cards['tanh_1'].report is not None")

    # A click selects a node, and a param is typed in the inspector; Ctrl+Z takes it back, and again.
    studio.click("scene(canvas.cards['conv2d_1'].pos() + QPoint(60, 30))")
    studio.wait("canvas.selected() == ['conv2d_1'] and window.inspector.form is not None")
    field = "window.inspector.form.fields['out_channels']"
    studio.click(f"where({field}, QPoint(20, 12))")
    studio.key("ctrl+a")
    studio.type("48")
    studio.key("Return")
    width = "window.document.spec.nodes['conv2d_1'].params['out_channels']"
    studio.wait(f"{width} == 48")
    studio.click("scene(canvas.cards['conv2d_1'].pos() + QPoint(60, 30))")
    studio.wait("canvas.viewer.hasFocus()")
    studio.key("ctrl+z")
    studio.wait(f"{width} == 32")
    studio.key("ctrl+shift+z")
    studio.wait(f"{width} == 48")

    # Tab searches for an op to put behind the selected node; Delete takes it away, Ctrl+S saves.
    studio.key("Tab")
    studio.wait("canvas.search.isVisible() and canvas.search.line.hasFocus()")
    studio.type("sigmoid")
    studio.key("Return")
    studio.wait("window.document.spec.nodes['sigmoid_1'].inputs == {'input': 'conv2d_1'}")
    studio.key("Delete")
    studio.wait("'sigmoid_1' not in canvas.cards")
    studio.wait("window.document.report.problems == ()")
    studio.key("ctrl+s")
    studio.wait("not window.document.dirty")
    spec = load(tmp_path / "digits.netloom")
    assert spec.nodes["conv2d_2"].inputs == {"input": "tanh_1"}
    assert spec.nodes["conv2d_1"].params["out_channels"] == 48

    # Ctrl+Q ends the studio.
    studio.key("ctrl+q")
    assert studio.process.wait(SECONDS) == 0
