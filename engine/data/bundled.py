"""Data that comes with scikit-learn, and random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.sources import Reader
from engine.ops import source as declared

LOADERS = {
    "Digits": "load_digits",
    "Iris": "load_iris",
    "Wine": "load_wine",
    "BreastCancer": "load_breast_cancer",
    "Diabetes": "load_diabetes",
}


class Bundled(Reader):
    """One of scikit-learn's bundled sets: "image" or "features", and "label" or "target"."""

    def __init__(self, source: declared.Source, _folder: Path) -> None:
        from sklearn import datasets  # takes a second to import

        name = type(source).__name__
        bunch: Any = getattr(datasets, LOADERS[name])()
        if name == "Digits":
            features = Column("image", "image", (1, 8, 8), "float32", low=0.0, high=1.0)
            values = (bunch.images / 16).astype(np.float32)[:, None]
        else:
            parts = tuple(map(str, bunch.feature_names))
            features = Column("features", "number", (len(parts),), "float32", parts=parts)
            values = bunch.data.astype(np.float32)
            self.standardised = ("features",)
        if name == "Diabetes":
            target = Column("target", "number", (1,), "float32")
            answers = bunch.target.astype(np.float32)[:, None]
        else:
            classes = tuple(map(str, bunch.target_names))
            target = Column("label", "category", (), "int64", classes=classes)
            answers = bunch.target.astype(np.int64)
        self.target = target.name
        super().__init__((features, target), {features.name: values, target.name: answers})


class RandomNumbers(Reader):
    """Features drawn from the normal distribution, and targets drawn evenly between 0 and 1."""

    def __init__(self, source: declared.RandomNumbers, _folder: Path) -> None:
        random = np.random.default_rng(source.seed)
        features = random.standard_normal((source.samples, source.features), dtype=np.float32)
        targets = random.random((source.samples, source.targets), dtype=np.float32)
        columns = (
            Column("features", "number", (source.features,), "float32"),
            Column("target", "number", (source.targets,), "float32"),
        )
        self.target = "target"
        super().__init__(columns, {"features": features, "target": targets})
