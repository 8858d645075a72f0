"""Data that comes with scikit-learn, and random numbers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Held, Reader, class_column, image_column
from engine.data.steps import STANDARDIZE
from engine.ops import source as declared

LOADERS = {
    "Digits": "load_digits",
    "Iris": "load_iris",
    "Wine": "load_wine",
    "BreastCancer": "load_breast_cancer",
    "Diabetes": "load_diabetes",
}


class Bundled(Held):
    """One of scikit-learn's bundled sets: "image" or "features", and "label" or "target"."""

    def __init__(self, source: declared.Source, _folder: Path) -> None:
        from sklearn import datasets  # takes more than a second to import

        name = type(source).__name__
        raw = {"scaled": False} if name == "Diabetes" else {}
        bunch = getattr(datasets, LOADERS[name])(**raw)
        if name == "Digits":
            self.white = 16.0
            features, values = image_column("image", (1, 8, 8)), bunch.images.astype(np.uint8)[:, None]
        else:
            parts, values = tuple(map(str, bunch.feature_names)), bunch.data
            features = Column("features", "number", (len(parts),), "float32", parts=parts, default=STANDARDIZE)
        if name == "Diabetes":
            target, answers = Column("target", "number", (1,), "float32"), bunch.target[:, None]
        else:
            target, answers = class_column("label", [*map(str, bunch.target_names)]), bunch.target.astype(np.int64)
        self.target = target.name
        super().__init__((features, target), {features.name: values, target.name: answers})


class RandomNumbers(Reader):
    """Features drawn from the normal distribution, and targets drawn evenly between 0 and 1.

    Drawn block by block when fetched, so that a large set costs nothing until it is used.
    """

    BLOCK = 4096  # samples that are drawn together

    def __init__(self, source: declared.RandomNumbers, _folder: Path) -> None:
        self._source = source
        self.target = "target"
        self.columns = {
            "features": Column("features", "number", (source.features,), "float32"),
            "target": Column("target", "number", (source.targets,), "float32", low=0.0, high=1.0),
        }

    def __len__(self) -> int:
        return self._source.samples

    def held(self, _name: str) -> None:
        return None

    def fetch(self, indices: Array, names: Collection[str]) -> dict[str, Array]:
        found = {name: np.empty((len(indices), *self.columns[name].shape), np.float32) for name in names}
        for name, values in found.items():
            for block in np.unique(indices // self.BLOCK):
                among = indices // self.BLOCK == block
                values[among] = self._drawn(name, int(block))[indices[among] % self.BLOCK]
        return found

    def _drawn(self, name: str, block: int) -> Array:
        random = np.random.default_rng([self._source.seed, block, ("features", "target").index(name)])
        count = min(self.BLOCK, len(self) - block * self.BLOCK)
        if name == "target":
            return random.random((count, self._source.targets), dtype=np.float32)
        return random.standard_normal((count, self._source.features), dtype=np.float32)
