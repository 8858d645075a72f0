"""Data that comes with scikit-learn, and random numbers."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Held, Reader, class_column, image_column, reading
from engine.data.steps import STANDARDIZE
from engine.ops import source as declared
from engine.problem import Mistake

MEASURES = (
    *"radius texture perimeter area smoothness compactness concavity".split(),
    *("concave points", "symmetry", "fractal dimension"),
)
NAMES: dict[str, Sequence[str]] = {
    "Iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "Wine": "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols "
    "proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline".split(),
    "BreastCancer": [
        *(f"mean {each}" for each in MEASURES),
        *(f"{each} error" for each in MEASURES),
        *(f"worst {each}" for each in MEASURES),
    ],
    "Diabetes": "age sex bmi bp s1 s2 s3 s4 s5 s6".split(),
}
FILES = {"Iris": "iris.csv", "Wine": "wine_data.csv", "BreastCancer": "breast_cancer.csv"}


class Bundled(Held):
    """One of scikit-learn's bundled sets: "image" or "features", and "label" or "target".

    Its files are read without importing scikit-learn, which takes more than a second.
    """

    def __init__(self, source: declared.Source, _folder: Path) -> None:
        name = type(source).__name__
        if name == "Digits":
            table = _table("digits.csv.gz", ",")
            features, values = image_column("image", (1, 8, 8)), table[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8)
            target, answers = class_column("label", [str(digit) for digit in range(10)]), table[:, -1].astype(np.int64)
            self.white = 16.0
        elif name == "Diabetes":
            features, values = _features(name), _table("diabetes_data_raw.csv.gz", None)
            target, answers = (
                Column("target", "number", (1,), "float32"),
                _table("diabetes_target.csv.gz", None)[:, None],
            )
        else:
            table = _table(FILES[name], ",", skipped=1)
            features, values = _features(name), table[:, :-1]
            target, answers = class_column("label", _classes(FILES[name])), table[:, -1].astype(np.int64)
        self.target = target.name
        super().__init__((features, target), {features.name: values, target.name: answers})


def _features(name: str) -> Column:
    parts = tuple(NAMES[name])
    return Column("features", "number", (len(parts),), "float32", parts=parts, default=STANDARDIZE)


def _path(file: str) -> Path:
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise Mistake("This data comes with scikit-learn, which is not installed.", param="data.source")
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / file


def _table(file: str, delimiter: str | None, *, skipped: int = 0) -> Array:
    path = _path(file)
    with reading(path):
        return np.loadtxt(path, delimiter=delimiter, skiprows=skipped)


def _classes(file: str) -> list[str]:
    """The class names, which stand behind the counts in the first line."""
    path = _path(file)
    with reading(path), path.open(encoding="utf-8") as stream:
        return stream.readline().strip().split(",")[2:]


class RandomNumbers(Reader):
    """Features drawn from the normal distribution, and targets drawn evenly between 0 and 1.

    Drawn block by block when fetched, so that a large set costs nothing until it is used.
    """

    BLOCK_NUMBERS = 2**20  # that are drawn together

    def __init__(self, source: declared.RandomNumbers, _folder: Path) -> None:
        self._source = source
        self._block = max(1, self.BLOCK_NUMBERS // max(source.features, source.targets))  # samples drawn together
        self.target = "target"
        self.columns = {
            "features": Column("features", "number", (source.features,), "float32"),
            "target": Column("target", "number", (source.targets,), "float32", low=0.0, high=1.0),
        }

    def __len__(self) -> int:
        return self._source.samples

    def held(self, _name: str) -> None:
        return None

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        found = np.empty((len(indices), *self.columns[name].sizes), np.float32)
        order = np.argsort(indices, kind="stable")
        blocks, starts = np.unique(indices[order] // self._block, return_index=True)
        for block, places in zip(blocks.tolist(), np.split(order, starts[1:]), strict=True):
            found[places] = self._drawn(name, block)[indices[places] % self._block]
        return found, {}

    def _drawn(self, name: str, block: int) -> Array:
        random = np.random.default_rng([self._source.seed, block, ("features", "target").index(name)])
        count = min(self._block, len(self) - block * self._block)
        if name == "target":
            return random.random((count, self._source.targets), dtype=np.float32)
        return random.standard_normal((count, self._source.features), dtype=np.float32)
