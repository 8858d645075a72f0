"""The example projects that ship with Netloom; they are the templates of `netloom new`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.declare import did_you_mean
from engine.problem import Mistake
from engine.spec import SUFFIX, load

FOLDER = Path(__file__).parents[1] / "resources" / "examples"
ORDER = (
    "digits_cnn", "two_layer", "iris", "diabetes_regression", "lstm_sequence", "mnist_cnn", "digits_gan",
    "resnet18", "resnet50", "vgg16", "mobilenet_v3_small", "vit_b16", "gpt", "unet", "transformer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """An example: its name, one sentence about it, its file, and whether it names data to train on."""

    name: str
    about: str
    path: Path
    trains: bool


def examples() -> list[Example]:
    """List the examples, the easiest to begin with first."""
    found = []
    for path in FOLDER.glob(f"*{SUFFIX}"):
        spec = load(path)
        found.append(Example(path.stem, str(spec.extra.get("about", "")), path, bool(spec.data.get("source"))))
    return sorted(found, key=lambda each: ORDER.index(each.name) if each.name in ORDER else len(ORDER))


def find_example(name: str) -> Path:
    """Return the file of an example; raises Mistake where there is none of that name."""
    path = FOLDER / f"{name}{SUFFIX}"
    if not path.is_file():
        known = [each.stem for each in FOLDER.glob(f"*{SUFFIX}")]
        raise Mistake(f"There is no template {name!r}{did_you_mean(name, known)}; see `netloom templates`.")
    return path
