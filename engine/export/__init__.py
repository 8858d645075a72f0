"""Exports: graphs and trained models as files, each format a module with one function `write`."""

from __future__ import annotations

import importlib
from pathlib import Path

from engine.declare import did_you_mean
from engine.export.formats import FORMATS, Project
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run


def export(source: Spec | Path, format: str, path: Path, *, folder: Path | None = None) -> list[Path]:
    """Write a spec or a run folder in a format; returns the files written.

    A relative path starts at `folder`. Raises Mistake where the format is unknown, needs trained weights that are not
    there, or the graph has problems.
    """
    if format not in FORMATS:
        raise Mistake(f"There is no format {format!r}{did_you_mean(format, FORMATS)}; there are {', '.join(FORMATS)}.")
    target = (folder / path) if folder else path
    if not target.parent.is_dir():
        raise Mistake(f"The folder {target.parent} does not exist.")
    if target.is_dir():
        raise Mistake(f"{target} is a folder; name a file in it.")
    project = _opened(source)
    if FORMATS[format].trained and project.weights is None:
        raise Mistake(f"{FORMATS[format].title} needs a trained model; export a run.")
    module = importlib.import_module(f"engine.export.{format}_file")
    written: list[Path] = module.write(project, target)
    return written


def _opened(source: Spec | Path) -> Project:
    if isinstance(source, Spec):
        return Project(source)
    run = Run(source)
    if not run.weights.is_file():
        return Project(run.spec())
    return Project(run.spec(), run.weights, run.data_state() if run.learned.is_file() else {})
