"""Data sources, and the steps that prepare their columns. Their readers stand in `engine.data`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.columns import ColumnKind
from engine.declare import Declared, param
from engine.kinds import AnyPath, Columns, FilePath, FolderPath


class Source(Declared, family="source"):
    """Where samples come from. `reader` names the class that reads them, "module:Class"."""

    reader: ClassVar[str]


class _Bundled(Source, abstract=True):
    reader: ClassVar[str] = "engine.data.bundled:Bundled"


class Digits(_Bundled, group="scikit-learn"):
    """1,797 handwritten digits as 8x8 grey images, 10 classes."""

    synonyms = ("handwriting", "images")


class Iris(_Bundled, group="scikit-learn"):
    """150 flowers of 3 species, 4 measures each."""

    synonyms = ("flowers",)


class Wine(_Bundled, group="scikit-learn"):
    """178 wines of 3 growers, 13 measures each."""


class BreastCancer(_Bundled, group="scikit-learn"):
    """569 tumours, harmful or not, 30 measures each."""

    title = "Breast cancer"


class Diabetes(_Bundled, group="scikit-learn"):
    """442 patients, 10 measures each, and how far their illness went: a regression."""


class RandomNumbers(Source, group="Generated"):
    """Random features and a random target: to try a network without data."""

    title = "Random numbers"
    reader: ClassVar[str] = "engine.data.bundled:RandomNumbers"

    samples: int = param(100, "Number of samples.", low=1, high=10**8)
    features: int = param(10, "Numbers in a sample.", low=1, high=10**6)
    targets: int = param(1, "Numbers in a target.", low=1, high=10**6)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Table(Source, group="Files"):
    """Rows of a CSV or Parquet file, each column by its name."""

    synonyms = ("csv", "parquet", "tsv", "spreadsheet")
    reader: ClassVar[str] = "engine.data.table:Table"

    path: FilePath = param("", "The file.")
    features: Columns = param((), 'Number columns that the column "features" joins; empty for all but the target.')
    target: str = param("", "Column to predict; text, true/false and a few whole numbers become classes.")
    texts: Columns = param((), "Columns read as texts, beside those whose values are long and mostly different.")
    delimiter: Literal["auto", ",", ";", "\t", "|"] = param("auto", "What separates the columns of a CSV.")
    header: Literal["auto", "yes", "no"] = param("auto", "Whether a CSV's first row names the columns.")
    missing: Literal["refuse", "drop rows"] = param("refuse", "What happens to rows that lack a value.")


class Idx(Source, group="Files"):
    """MNIST's files: images and labels in IDX form, gzipped or not, train and test apart."""

    title = "IDX files"
    synonyms = ("mnist", "ubyte", "fashion")
    reader: ClassVar[str] = "engine.data.idx:Idx"

    path: FolderPath = param("", "Folder of the four files, train-images-idx3-ubyte(.gz) and so on.")


class Arrays(Source, group="Files"):
    """NumPy arrays: a .npz of several, or a folder of .npy files; each is a column."""

    title = "NumPy arrays"
    synonyms = ("npy", "npz")
    reader: ClassVar[str] = "engine.data.arrays:Arrays"

    path: AnyPath = param("", "The .npz or .npy file, or a folder of .npy files.")


class ImageFolder(Source, group="Files"):
    """A folder with a folder of images for each class; train, validation and test folders above are kept apart."""

    title = "Image folder"
    synonyms = ("pictures", "photos", "png", "jpeg")
    reader: ClassVar[str] = "engine.data.images:ImageFolder"

    path: FolderPath = param("", "Folder that holds the class folders.")
    height: int = param(64, "Height that all images are resized to, in pixels.", low=1, high=4096)
    width: int = param(64, "Width that all images are resized to, in pixels.", low=1, high=4096)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")


class Step(Declared, family="step"):
    """Prepares a column; what it learns from the training split is kept with the model.

    `kinds` are the kinds of column it works on.
    """

    kinds: ClassVar[tuple[ColumnKind, ...]] = ("number", "image")


class Standardize(Step, group="Numbers"):
    """Brings numbers to mean 0 and standard deviation 1, measured on the training split."""

    synonyms = ("normalize", "z-score", "scale")


class Scale(Step, group="Numbers"):
    """Multiplies by a factor and adds an offset."""

    synonyms = ("normalize", "rescale", "divide")

    factor: float = param(1 / 255, "What each number is multiplied by.")
    offset: float = param(0.0, "What is added then.")


class FillMissing(Step, group="Numbers"):
    """Puts a value where one is missing, measured on the training split."""

    title = "Fill missing"
    synonyms = ("impute", "nan", "empty")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("number", "category")

    value: Literal["mean", "zero", "most common"] = param(
        "mean", "What is put there; a category takes its most common."
    )


class Index(Step, group="Categories"):
    """Makes classes of numbers: each different number becomes one class."""

    synonyms = ("classes", "categorical", "label encode", "codes")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("number",)
