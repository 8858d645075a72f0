"""A picture of the graph as SVG."""

from __future__ import annotations

from pathlib import Path

from engine.check import check
from engine.export.formats import Project
from engine.picture import svg
from engine.spec import write_atomically


def write(project: Project, path: Path) -> list[Path]:
    """Draw the graph with shapes and parameter counts."""
    text = svg(project.spec, check(project.spec))
    write_atomically(path, lambda stream: stream.write(text.encode()))
    return [path]
