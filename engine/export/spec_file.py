"""The graph spec as a project file."""

from __future__ import annotations

from pathlib import Path

from engine import spec as specs
from engine.export.formats import Project


def write(project: Project, path: Path) -> list[Path]:
    """Write the project file."""
    specs.save(project.spec, path)
    return [path]
