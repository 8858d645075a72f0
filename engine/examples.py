"""The example projects that ship with Netloom; they are the templates of `netloom new`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.declare import did_you_mean
from engine.problem import Mistake
from engine.spec import SUFFIX, load

FOLDER = Path(__file__).parents[1] / "resources" / "examples"
ORDER = ("digits_cnn", "two_layer", "iris", "diabetes_regression", "lstm_sequence", "mnist_cnn")


@dataclass(frozen=True, slots=True)
class Example:
    """An example: its name, one sentence about it, its file."""

    name: str
    about: str
    path: Path


def examples() -> list[Example]:
    """List the examples, the easiest to begin with first."""
    found = []
    for path in FOLDER.glob(f"*{SUFFIX}"):
        about = load(path).extra.get("about", "")
        found.append(Example(path.stem, str(about), path))
    return sorted(found, key=lambda each: ORDER.index(each.name) if each.name in ORDER else len(ORDER))


def find_example(name: str) -> Path:
    """Return the file of an example; raises Mistake where there is none of that name."""
    path = FOLDER / f"{name}{SUFFIX}"
    if not path.is_file():
        known = [each.stem for each in FOLDER.glob(f"*{SUFFIX}")]
        raise Mistake(f"There is no template {name!r}{did_you_mean(name, known)}; see `netloom templates`.")
    return path
