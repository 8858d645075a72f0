"""Ops of installed packages, found by the entry-point group `netloom.ops`.

An entry point names a module, whose import declares ops, or a function that is called and does. The ops name what they
build as "package.module:Name". What is broken is left out with a sentence; it never keeps the catalogue from loading.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from engine.declare import Loss, Metric, Op
from engine.spec import BLOCK

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "netloom.ops"
HEADING = "Installed"  # in the palette, for ops that name no group
FILES = (".dist-info", ".egg-info")


def load(registry: dict[str, type[Op]]) -> tuple[str, ...]:
    """Declare the ops of all installed packages in the registry; returns what went wrong, a sentence each."""
    if not _are_any():
        return ()
    from importlib.metadata import entry_points  # takes longer to import than the catalogue's own search

    notes: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        notes += _load_one(entry, registry)
    if notes:
        import logging  # takes a moment, and is seldom needed

        for note in notes:
            logging.getLogger(__name__).warning(note)
    return tuple(notes)


def package_of(op: type[Op]) -> str:
    """The package that an op comes from; "" where it is our own."""
    package = op.__module__.partition(".")[0]
    return "" if package == "engine" else package


def _are_any() -> bool:
    """Whether any installed package declares ops: a look into the folders, without reading all they hold."""
    return any(_declares(path) for folder in sys.path for path in _packages(folder or "."))


def _packages(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            yield from [each.path for each in found if each.name.endswith(FILES)]
    except OSError:
        return


def _declares(path: str) -> bool:
    try:
        with open(os.path.join(path, "entry_points.txt"), "rb") as file:
            return GROUP.encode() in file.read()
    except OSError:
        return False


def _load_one(entry: EntryPoint, registry: dict[str, type[Op]]) -> Iterator[str]:
    """Declare the ops of one entry point; yields why some, or all, are left out."""
    name = f"{entry.dist.name if entry.dist else 'A package'} ({entry.value})"
    before = dict(registry)
    try:
        loaded = entry.load()
        if callable(loaded) and not isinstance(loaded, type):
            loaded()
    except (Exception, SystemExit) as error:  # whatever an installed package raises, the catalogue must load
        _put_back(registry, before)
        yield f"The ops of the package {name} cannot be loaded: {_words(error)}."
        return
    declared = {key: op for key, op in registry.items() if before.get(key) is not op}
    _put_back(registry, before)
    for key, op in declared.items():
        if key in before or key == BLOCK:
            yield f"The op {key} of the package {name} is left out: there is an op of this name already."
        elif words := _refusal(op):
            yield f"The op {key} of the package {name} is left out: {words}."
        else:
            op.group = op.group or _heading(op)
            registry[key] = op
    if not declared and not any(op.__module__ == entry.module for op in registry.values()):
        yield f"The package {name} declares no ops; a subclass of engine.declare.Op declares one."


def _heading(op: type[Op]) -> str:
    return "Losses" if issubclass(op, Loss) else "Metrics" if issubclass(op, Metric) else HEADING


def _put_back(registry: dict[str, type[Op]], before: Mapping[str, type[Op]]) -> None:
    registry.clear()
    registry.update(before)


def _refusal(op: type[Op]) -> str | None:
    """Say what makes a declaration unfit to be shown; None where it is fit."""
    try:
        if not op.doc() or op.doc().startswith(f"{op.__name__}("):  # what a dataclass gives itself
            return "it has no docstring, whose first sentence says what it does"
        if not isinstance(op.group, str) or not all(isinstance(each, str) for each in op.synonyms):
            return "its group and its synonyms must be texts"
        if not callable(getattr(op, "build", None)):
            return "it has no method build"
        _instance, problems = op.parse(op.defaults())
        if problems:
            return f"its own defaults are refused ({problems[0].message.rstrip('.')})"
        for port in op.input_ports().values():
            if not port.port.dtypes:
                return f"its port {port.name} takes no dtype"
        op.output_ports()
        op.source_of()
    except Exception as error:  # as above
        return f"it is declared wrongly, {_words(error)}"
    return None


def _words(error: BaseException) -> str:
    said = str(error).strip().split("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def groups(known: Iterable[str], registry: Mapping[str, type[Op]]) -> tuple[str, ...]:
    """The palette's groups: the known ones, then those that packages bring."""
    known = tuple(known)
    return (*known, *dict.fromkeys(op.group for op in registry.values() if op.group not in known))
