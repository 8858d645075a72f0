"""A picture of the graph as PNG, drawn from its SVG by resvg."""

from __future__ import annotations

from pathlib import Path

import resvg_py

from engine.check import check
from engine.export.formats import Project
from engine.picture import svg
from engine.spec import write_atomically

SCALE = 2.0
MOST_PIXELS = 16_000  # of a side


def write(project: Project, path: Path) -> list[Path]:
    """Draw the graph at twice its size, smaller where it is huge."""
    text = svg(project.spec, check(project.spec))
    data = resvg_py.svg_to_bytes(svg_string=text, zoom=_scale(text), sans_serif_family="DejaVu Sans")
    write_atomically(path, lambda stream: stream.write(data))
    return [path]


def _scale(text: str) -> float:
    _, _, width, height = (float(each) for each in text.split('viewBox="', 1)[1].split('"', 1)[0].split())
    return min(SCALE, MOST_PIXELS / max(width, height))
