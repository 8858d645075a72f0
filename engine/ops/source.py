"""Data sources. Their readers stand in `engine.data`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.columns import Fit
from engine.declare import Declared, param
from engine.kinds import AnyPath, Column, Columns, FilePath, FolderPath

FIT = "How images of another form are brought to this size: stretched, with black edges (pad), or their middle (crop)."


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


class _Points(Source, abstract=True):
    reader: ClassVar[str] = "engine.data.generated:Points"

    samples: int = param(1000, "Number of points.", low=2, high=10**7)


class Moons(_Points, group="Generated"):
    """Points of the plane on two half circles that reach into each other, a class each."""

    synonyms = ("half circles", "toy", "two moons")

    noise: float = param(0.1, "How far points stray from their half circle, as a standard deviation.", low=0, high=10)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Circles(_Points, group="Generated"):
    """Points of the plane on two circles, one inside the other, a class each."""

    synonyms = ("rings", "toy")

    inner: float = param(0.5, "Radius of the inner circle; the outer one's is 1.", above=0, below=1)
    noise: float = param(0.1, "How far points stray from their circle, as a standard deviation.", low=0, high=10)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Spirals(_Points, group="Generated"):
    """Points of the plane on spirals that wind around each other, a class each."""

    synonyms = ("toy", "swirl")

    arms: int = param(2, "Number of spirals.", low=2, high=100)
    turns: float = param(1.5, "How often a spiral winds around the middle.", above=0, high=20)
    noise: float = param(0.03, "How far points stray from their spiral, as a standard deviation.", low=0, high=10)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Blobs(_Points, group="Generated"):
    """Clouds of points around random centres, a class each."""

    synonyms = ("clusters", "gaussians", "toy")

    classes: int = param(3, "Number of clouds.", low=2, high=1000)
    features: int = param(2, "Numbers in a sample.", low=1, high=10**4)
    spread: float = param(1.0, "Standard deviation of a cloud; centres lie between -10 and 10.", low=0, high=100)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Shapes(Source, group="Generated"):
    """Small images, each of one circle, square, triangle or cross, a class each, in any size, place and brightness."""

    synonyms = ("images", "figures", "toy", "vision")
    reader: ClassVar[str] = "engine.data.generated:Shapes"

    samples: int = param(1000, "Number of images.", low=4, high=10**6)
    size: int = param(32, "Height and width of an image, in pixels.", low=12, high=256)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")
    noise: float = param(0.05, "How far pixels stray, as a standard deviation; pixels are from 0 to 1.", low=0, high=1)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class ReversedSequences(Source, group="Generated"):
    """Random sequences of symbols, and the same backwards: to try networks that read and write sequences."""

    title = "Reversed sequences"
    synonyms = ("seq2seq", "translation", "toy", "copy")
    reader: ClassVar[str] = "engine.data.generated:ReversedSequences"

    samples: int = param(1000, "Number of sequences.", low=1, high=10**6)
    length: int = param(8, "Symbols in a sequence.", low=1, high=1000)
    symbols: int = param(10, "Number of different symbols; they are 1, 2, ..., and 0 stands for the start.", low=2)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)


class Table(Source, group="Files"):
    """Rows of a CSV, TSV, Parquet, JSON lines or Arrow file, each column by its name."""

    synonyms: ClassVar[tuple[str, ...]] = ("csv", "parquet", "tsv", "jsonl", "ndjson", "feather", "spreadsheet")
    reader: ClassVar[str] = "engine.data.table:Table"

    path: FilePath = param("", "The file, gzipped or not, or in a zip or tar.")
    features: Columns = param((), 'Number columns that the column "features" joins; empty for all but the target.')
    target: str = param("", "Column to predict; text, true/false and a few whole numbers become classes.")
    texts: Columns = param((), "Columns read as texts, beside those whose values are long and mostly different.")
    delimiter: Literal["auto", ",", ";", "\t", "|"] = param("auto", "What separates the columns of a CSV.")
    header: Literal["auto", "yes", "no"] = param("auto", "Whether a CSV's first row names the columns.")
    missing: Literal["refuse", "drop rows"] = param("refuse", "What happens to rows that lack a value.")
    validation_path: FilePath = param("", "A second file, whose rows are the validation part.", advanced=True)
    test_path: FilePath = param("", "A file whose rows are the test part.", advanced=True)


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
    fit: Fit = param("stretch", FIT)


class ImagesInTable(Source, group="Files"):
    """Images that a table names in a column of paths, with the table's other columns beside them."""

    title = "Images in a table"
    synonyms = ("pictures", "photos", "csv", "annotations")
    reader: ClassVar[str] = "engine.data.imagetable:ImagesInTable"

    path: FilePath = param("", "The table: CSV, TSV, Parquet, JSON lines or Arrow.")
    image: Column = param("", "Column that names the images; empty: the first whose values end like image files.")
    folder: FolderPath = param("", "Folder where the named paths start; empty: the table's.")
    target: Column = param("", "Column to predict.")
    height: int = param(64, "Height that all images are resized to, in pixels.", low=1, high=4096)
    width: int = param(64, "Width that all images are resized to, in pixels.", low=1, high=4096)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")
    fit: Fit = param("stretch", FIT)
    missing: Literal["refuse", "drop rows"] = param("refuse", "What happens to rows that lack a value.")


class Ratings(Source, group="Files"):
    """Who rated what and how: a table of ratings, and tables of facts about users and items beside it."""

    synonyms = ("recommendation", "recommender", "movielens", "collaborative filtering", "implicit")
    reader: ClassVar[str] = "engine.data.ratings:Ratings"

    path: FilePath = param("", "The table of ratings.")
    user: Column = param("", "Column of users; empty: the first whose name says so.")
    item: Column = param("", "Column of items; empty: the first whose name says so.")
    rating: Column = param("", "Column of ratings; empty: the first whose name says so.")
    time: Column = param("", "Column of the time of each rating; empty: the first whose name says so, or none.")
    users: FilePath = param("", "A table of facts about users, with the same column of users.")
    items: FilePath = param("", "A table of facts about items, such as genres, with the same column of items.")
    separator: str = param(
        "|", "What separates several values in a cell, such as genres; each value becomes 0 or 1.", advanced=True
    )
    missing: Literal["refuse", "drop rows"] = param("refuse", "What happens to ratings that lack a value.")
    negatives: int = param(
        0,
        "Items drawn beside each rating that its user has not rated, new ones in each epoch: their rating is 0, and "
        "that of what was rated 1; 0 leaves the ratings as they are.",
        low=0,
        high=1000,
    )


class TimeSeries(Source, group="Files"):
    """Windows over the rows of a table in the order of time: "past" rows, and the "future" that follows them."""

    title = "Time series"
    synonyms = ("forecast", "windows", "csv", "sensor", "weather")
    reader: ClassVar[str] = "engine.data.series:TimeSeries"

    path: FilePath = param("", "The table: CSV, TSV, Parquet, JSON lines or Arrow.")
    time: Columns = param(
        (), "Column of the time, or several such as year, month, day and hour; empty: the rows stand in order."
    )
    columns: Columns = param((), "Columns that a network sees; empty: all of numbers or of few classes.")
    targets: Columns = param((), "Columns of numbers to predict; empty: the last column of numbers that it sees.")
    length: int = param(24, "Rows of a window.", low=1, high=10**6)
    horizon: int = param(1, "Rows after the window that are predicted.", low=1, high=10**6)
    stride: int = param(1, "Rows from one window to the next.", low=1, high=10**6)
    missing: Literal["refuse", "drop rows", "last value", "zero"] = param(
        "refuse", "Missing values: refused, windows with them left out, or filled with the last known value or 0."
    )


class SeriesFile(Source, group="Files"):
    """Series with a class each, in .ts or .arff files as of the UCR and UEA archives, train and test apart."""

    title = "Series files"
    synonyms = ("ucr", "uea", "ts", "arff", "aeon", "sktime", "time series classification")
    reader: ClassVar[str] = "engine.data.seriesfile:SeriesFile"

    path: AnyPath = param("", "The folder of NAME_TRAIN.ts and NAME_TEST.ts (or .arff), or one file.")
