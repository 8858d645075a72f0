"""What the two halves of the program may import, read from their source and seen in a process of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QT = {"PySide6", "PySide2", "PyQt5", "PyQt6", "Qt", "qtpy", "NodeGraphQt", "qtawesome", "pyqtgraph", "shiboken6"}
TORCH = {"torch", "torchvision", "torchaudio", "safetensors"}
PLAIN = ["spec", "edit", "migrate", "problem", "events", "declare", "kinds", "layout", "picture", "card", "columns",
         "report", "validate", "binding", "examples", "colours", "train.folder", "train.queue", "runs", "comparison",
         "export.formats", "ops", "values", "sweep.plan", "sweep.choosing", "sweep.folder"]  # fmt: skip


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The names of all that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def test_nothing_in_the_engine_imports_qt() -> None:
    assert modules("engine")
    assert {path.name: tops(path) & QT for path in modules("engine") if tops(path) & QT} == {}


def test_the_engine_imports_the_window_only_to_open_it() -> None:
    importing = [path.relative_to(ROOT).as_posix() for path in modules("engine") if "app" in tops(path)]
    assert importing == ["engine/cli/__init__.py"]


def test_nothing_in_the_window_imports_torch() -> None:
    assert modules("app")
    assert {path.name: tops(path) & TORCH for path in modules("app") if tops(path) & TORCH} == {}


def test_only_the_canvas_imports_nodegraphqt() -> None:
    importing = {path.parent.name for path in modules("app") if tops(path) & {"NodeGraphQt", "Qt"}}
    assert importing == {"canvas"}


def test_only_plotting_imports_pyqtgraph() -> None:
    plotting = [path.name for path in modules("app") if "pyqtgraph" in tops(path)]
    assert plotting == ["curves.py", "rate_plot.py", "sweep_plots.py"]


def test_ops_import_no_torch() -> None:
    assert {path.name for path in (ROOT / "engine" / "ops").glob("*.py") if tops(path) & TORCH} == set()


def loaded_after(script: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after a script."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-W", "ignore", "-c", script + "\nimport sys; print('LOADED', *sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return {name.partition(".")[0] for name in line.split()[1:]}


OPEN_WINDOW = """
from PySide6.QtWidgets import QApplication
qt = QApplication([])
import app.main
from app.window import Window
from app.settings import Settings
from engine.examples import find_example
window = Window(Settings())
window.show()
window.open_file(find_example("digits_cnn"))
qt.processEvents()
window.curves.show()
window.export()
assert len(window.canvas.cards) == 14
window.close()
"""


def test_a_window_at_work_has_not_loaded_torch() -> None:
    assert loaded_after(OPEN_WINDOW) & {"torch", "sklearn", "pyarrow"} == set()


def test_the_window_opens_without_loading_what_plots() -> None:
    script = OPEN_WINDOW.replace("window.curves.show()\n", "")
    assert loaded_after(script) & {"pyqtgraph", "numpy"} == set()


def test_the_plain_half_of_the_engine_loads_neither_torch_nor_qt() -> None:
    script = "\n".join(f"import engine.{name}" for name in PLAIN)
    assert loaded_after(script) & ({"torch", "numpy"} | QT) == set()


@pytest.mark.parametrize("verb", ["ops --json", "templates --json", "--help"])
def test_a_verb_that_needs_no_torch_loads_none(verb: str) -> None:
    script = f"from engine.cli import main\ntry: main({verb.split()!r})\nexcept SystemExit: pass\nprint()"
    assert loaded_after(script) & ({"torch"} | QT) == set()
