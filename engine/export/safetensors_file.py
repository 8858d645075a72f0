"""Trained weights as a safetensors file."""

from __future__ import annotations

from pathlib import Path

from engine.export.formats import Project
from engine.export.state_file import beside
from engine.spec import write_atomically
from engine.train.checkpoint import load_tensors


def write(project: Project, path: Path) -> list[Path]:
    """Copy the weights, once they were found to be whole, and what the data taught."""
    assert project.weights is not None
    load_tensors(project.weights)
    data = project.weights.read_bytes()
    write_atomically(path, lambda stream: stream.write(data))
    return [path, *beside(project, path)]
