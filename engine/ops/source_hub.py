"""Data sets of the Hugging Face hub. Their reader stands in `engine.data.hub`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.declare import param
from engine.kinds import Column, Columns
from engine.ops.source import Source


class HubDataset(Source, group="Hugging Face"):
    """A data set of the Hugging Face hub, by its name; fetched once, then read from the cache."""

    title = "Hugging Face dataset"
    synonyms = ("hub", "huggingface", "datasets", "download", "parquet", "imdb", "glue")
    reader: ClassVar[str] = "engine.data.hub:Hub"

    name: str = param("", "Name on the hub, owner/name or name; or the path of a folder that holds such a set.")
    config: str = param("", "Which of its subsets, where it has several; empty for its default.")
    target: Column = param("", "Column to predict.")
    features: Columns = param((), 'Number columns that the column "features" joins; empty for all but the target.')
    texts: Columns = param((), "Columns read as texts, beside those whose values are long and mostly different.")
    train: str = param("", 'Its split to train on; empty for "train", or its first.')
    validation: str = param("", 'Its split to validate on; empty for "validation" or one named like it, if any.')
    test: str = param("", 'Its split to test on; empty for "test", if any.')
    height: int = param(64, "Height that all images are resized to, in pixels.", low=1, high=4096)
    width: int = param(64, "Width that all images are resized to, in pixels.", low=1, high=4096)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")
    missing: Literal["refuse", "drop rows"] = param("refuse", "What happens to rows that lack a value.")
    revision: str = param("", "Branch, tag or commit; empty for the newest.", advanced=True)
