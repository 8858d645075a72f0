"""Steps that prepare a column: numbers, categories, dates and images. At work they stand in `engine.data.steps`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from engine.columns import ColumnKind
from engine.declare import Declared, param
from engine.kinds import Size2

IMAGE: tuple[ColumnKind, ...] = ("image",)
NUMBER: tuple[ColumnKind, ...] = ("number",)
Outside = Literal["zeros", "reflection"]
OUTSIDE = "What is seen where there was no image: zeros, or the image mirrored at its edge."


class Step(Declared, family="step"):
    """Prepares a column; what it learns from the training split is kept with the model.

    `kinds` are the kinds of column it works on. One that `learns` measures the training split. A `random` one draws
    anew for each sample and epoch while a network trains, and rests elsewhere. `unit_pixels` says that it takes pixels
    from 0 to 1, so that nothing may scale them before.
    """

    kinds: ClassVar[tuple[ColumnKind, ...]] = ("number", "image")
    random: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    unit_pixels: ClassVar[bool] = False

    def makes(self, kind: ColumnKind) -> ColumnKind:
        """The kind of column that it makes of one."""
        return kind

    def written(self) -> dict[str, Any]:
        """The step as a spec writes it."""
        values = {name: getattr(self, name) for name in self.params()}
        params = {name: list(each) if isinstance(each, tuple) else each for name, each in values.items()}
        return {"op": type(self).__name__, "params": params}


# --------------------------------------------------------------------------------------------------------- numbers


class Standardize(Step, group="Numbers"):
    """Brings numbers to mean 0 and standard deviation 1, measured on the training split."""

    synonyms = ("normalize", "z-score", "scale", "mean", "imagenet")
    learns: ClassVar[bool] = True

    measured: Literal["training split", "ImageNet"] = param(
        "training split",
        "Where mean and deviation come from; ImageNet's are what networks trained on its images expect.",
        advanced=True,
    )


class MinMax(Step, group="Numbers"):
    """Brings numbers into a range; the least and the greatest are those of the training split."""

    title = "Min-max"
    synonyms = ("normalize", "rescale", "range", "minmaxscaler")
    learns: ClassVar[bool] = True

    low: float = param(0.0, "What the least number becomes.")
    high: float = param(1.0, "What the greatest number becomes.")


class Scale(Step, group="Numbers"):
    """Multiplies by a factor and adds an offset."""

    synonyms = ("normalize", "rescale", "divide")

    factor: float = param(1 / 255, "What each number is multiplied by.")
    offset: float = param(0.0, "What is added then.")


class Log(Step, group="Numbers"):
    """Takes the natural logarithm, so that numbers of many sizes come near each other."""

    synonyms = ("logarithm", "log1p", "skewed", "ln")
    kinds: ClassVar[tuple[ColumnKind, ...]] = NUMBER

    offset: float = param(0.0, "What is added before; 1 lets zeros have a logarithm.")


class Clip(Step, group="Numbers"):
    """Brings numbers beyond a limit to the limit."""

    synonyms = ("clamp", "limit", "outliers", "winsorize")

    low: float | None = param(0.0, "The least number; empty for no limit.")
    high: float | None = param(None, "The greatest number; empty for no limit.")


class Bucketise(Step, group="Numbers"):
    """Puts numbers into buckets and gives the place of each one's bucket, counted from 0.

    A number on the border of two buckets belongs to the upper one.
    """

    synonyms = ("bucketize", "bin", "discretize", "histogram", "quantiles", "intervals")
    learns: ClassVar[bool] = True
    kinds: ClassVar[tuple[ColumnKind, ...]] = NUMBER

    by: Literal["quantiles", "equal widths", "edges"] = param(
        "quantiles",
        "Buckets of equally many samples, or of equal width, of the training split; or between given edges.",
    )
    count: int = param(10, "Number of buckets, unless edges are given.", low=2, high=1000)
    edges: tuple[float, ...] = param((), "Borders between the buckets, ascending, where they are given.")
    gives: Literal["categories", "numbers"] = param("categories", "Whether buckets are classes, or numbers.")

    def makes(self, kind: ColumnKind) -> ColumnKind:
        return "category" if self.gives == "categories" else kind


class Difference(Step, group="Numbers"):
    """Gives how much each moment of a window differs from the one before; the first has none and falls away."""

    synonyms = ("diff", "change", "increments", "stationary", "returns")
    kinds: ClassVar[tuple[ColumnKind, ...]] = NUMBER


class FillMissing(Step, group="Numbers"):
    """Puts a value where one is missing, measured on the training split or given."""

    title = "Fill missing"
    synonyms = ("impute", "nan", "empty")
    learns: ClassVar[bool] = True
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("number", "category", "date")

    value: Literal["mean", "zero", "most common", "constant"] = param(
        "mean", "What is put there; a category takes its most common."
    )
    constant: float = param(0.0, "The number put there, where it is a constant.")


# ------------------------------------------------------------------------------------------- categories and dates


class Index(Step, group="Categories"):
    """Makes classes of numbers: each different number becomes one class."""

    synonyms = ("classes", "categorical", "label encode", "codes")
    kinds: ClassVar[tuple[ColumnKind, ...]] = NUMBER

    def makes(self, kind: ColumnKind) -> ColumnKind:
        return "category"


class OneHot(Step, group="Categories"):
    """Makes a vector of each class: 1 at the class's place, 0 elsewhere."""

    title = "One-hot"
    synonyms = ("dummy", "indicator", "categorical", "one hot encode")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("category",)

    def makes(self, kind: ColumnKind) -> ColumnKind:
        return "number"


class DateParts(Step, group="Dates"):
    """Makes numbers of dates: the year, the month and what else is asked for, in this order."""

    title = "Date parts"
    synonyms = ("datetime", "calendar", "season", "time of day", "cyclic")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("date",)

    year: bool = param(True, "Whether the year is given.")
    month: bool = param(True, "Whether the month is given, 1 to 12.")
    day: bool = param(False, "Whether the day of the month is given, 1 to 31.")
    weekday: bool = param(True, "Whether the day of the week is given, from 0 for Monday to 6.")
    hour: bool = param(False, "Whether the hour is given, from 0 to below 24, minutes as its fractions.")
    day_of_year: bool = param(False, "Whether the day of the year is given, 1 to 366.")
    cyclic: bool = param(
        True, "Whether all but the year are sine and cosine of where they stand in their round, so that its ends meet."
    )

    def makes(self, kind: ColumnKind) -> ColumnKind:
        return "number"


# ---------------------------------------------------------------------------------------------------------- images


class Resize(Step, group="Images"):
    """Brings images to another size."""

    synonyms = ("scale", "height", "width", "interpolate", "resolution")
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE

    size: Size2 = param(224, "Height and width of each image, in pixels.", low=1, high=2**14)
    mode: Literal["bilinear", "nearest"] = param(
        "bilinear", "How pixels are found: as the mean of those around, or as the nearest one."
    )


class CenterCrop(Step, group="Images"):
    """Cuts out the middle of images."""

    title = "Centre crop"
    synonyms = ("cut", "middle", "center")
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE

    size: Size2 = param(224, "Height and width of the part, in pixels.", low=1, high=2**14)


class Crop(Step, group="Images"):
    """Cuts a part at a fixed place out of images."""

    synonyms = ("cut", "region", "window")
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE

    size: Size2 = param(224, "Height and width of the part, in pixels.", low=1, high=2**14)
    top: int = param(0, "Pixels above the part.", low=0, high=2**14)
    left: int = param(0, "Pixels left of the part.", low=0, high=2**14)


class PadImage(Step, group="Images"):
    """Puts pixels of one value around images."""

    title = "Pad image"
    synonyms = ("border", "margin", "letterbox", "pad")
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE

    size: Size2 | None = param(
        None, "Height and width to fill up to, the image in the middle; empty to add pixels.", low=1, high=2**14
    )
    pixels: Size2 = param(
        4, "Pixels added at top and bottom, and at the sides, where no size is given.", low=0, high=4096
    )
    value: float = param(0.0, "Value of the pixels added.")


class Greyscale(Step, group="Images"):
    """Makes one channel of red, green and blue, as bright as they look to the eye."""

    synonyms = ("grayscale", "gray", "grey", "black and white", "luminance", "monochrome")
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE


# ---------------------------------------------------------------------------------------------------------- random


class _RandomImage(Step, abstract=True):
    kinds: ClassVar[tuple[ColumnKind, ...]] = IMAGE
    random: ClassVar[bool] = True


class RandomFlip(_RandomImage, group="Random"):
    """Mirrors some training images."""

    title = "Random flip"
    synonyms = ("augment", "augmentation", "mirror", "horizontal flip", "vertical flip")

    direction: Literal["horizontal", "vertical", "both"] = param(
        "horizontal", "What changes sides: left and right, top and bottom, or each of the two by itself."
    )
    p: float = param(0.5, "Share of the images that are mirrored.", low=0, high=1)


class RandomCrop(_RandomImage, group="Random"):
    """Cuts a part at a random place out of each training image; elsewhere, its middle."""

    title = "Random crop"
    synonyms = ("augment", "augmentation", "cut", "shift")

    size: Size2 = param(28, "Height and width of the part, in pixels.", low=1, high=2**14)
    padding: Size2 = param(0, "Pixels of zeros put at top and bottom, and at the sides, first.", low=0, high=4096)


class RandomResizedCrop(_RandomImage, group="Random"):
    """Cuts a part of random size, shape and place out of each training image and resizes it; elsewhere, its middle."""

    title = "Random resized crop"
    synonyms = ("augment", "augmentation", "zoom", "inception crop", "aspect ratio")

    size: Size2 = param(224, "Height and width of the result, in pixels.", low=1, high=2**14)
    scale: tuple[float, float] = param((0.08, 1.0), "Least and greatest share of the image's area.", above=0, high=1)
    ratio: tuple[float, float] = param((0.75, 1.3333), "Least and greatest width over height.", above=0, high=100)


class RandomRotation(_RandomImage, group="Random"):
    """Turns training images about their middle."""

    title = "Random rotation"
    synonyms = ("augment", "augmentation", "rotate", "turn", "angle")

    degrees: float = param(15.0, "Greatest angle, to either side.", low=0, high=180)
    outside: Outside = param("zeros", OUTSIDE)


class RandomAffine(_RandomImage, group="Random"):
    """Turns, shifts, scales and shears training images about their middle."""

    title = "Random affine"
    synonyms = ("augment", "augmentation", "rotate", "translate", "zoom", "shear", "shift")

    degrees: float = param(10.0, "Greatest angle, to either side.", low=0, high=180)
    translate: float = param(0.1, "Greatest shift, as a share of height and width.", low=0, high=1)
    scale: tuple[float, float] = param((0.9, 1.1), "Least and greatest factor of the size.", above=0, high=100)
    shear: float = param(0.0, "Greatest angle of the shear, to either side.", low=0, below=90)
    outside: Outside = param("zeros", OUTSIDE)


class ColourJitter(_RandomImage, group="Random"):
    """Changes brightness, contrast, saturation and hue of training images, in this order."""

    title = "Colour jitter"
    synonyms = ("augment", "augmentation", "color jitter", "brightness", "contrast", "saturation", "hue")
    unit_pixels: ClassVar[bool] = True

    brightness: float = param(0.2, "The factor is from 1 - this to 1 + this.", low=0, high=1)
    contrast: float = param(0.2, "The factor is from 1 - this to 1 + this.", low=0, high=1)
    saturation: float = param(0.2, "The factor is from 1 - this to 1 + this; one channel has none.", low=0, high=1)
    hue: float = param(0.0, "Greatest turn of the hue, as a share of the colour circle.", low=0, high=0.5)


class RandomGreyscale(_RandomImage, group="Random"):
    """Takes the colour from some training images."""

    title = "Random greyscale"
    synonyms = ("augment", "augmentation", "grayscale", "gray", "black and white")

    p: float = param(0.1, "Share of the images that lose their colour.", low=0, high=1)


class RandomErasing(_RandomImage, group="Random"):
    """Covers a rectangle of some training images."""

    title = "Random erasing"
    synonyms = ("augment", "augmentation", "cutout", "occlusion", "dropout")

    p: float = param(0.5, "Share of the images that have a part covered.", low=0, high=1)
    area: tuple[float, float] = param((0.02, 0.33), "Least and greatest share of the image's area.", above=0, high=1)
    ratio: tuple[float, float] = param((0.3, 3.3), "Least and greatest height over width.", above=0, high=100)
    value: float = param(0.0, "What the pixels become.")


class GaussianBlur(_RandomImage, group="Random"):
    """Blurs some training images."""

    title = "Gaussian blur"
    synonyms = ("augment", "augmentation", "smooth", "focus", "defocus")

    p: float = param(0.5, "Share of the images that are blurred.", low=0, high=1)
    sigma: tuple[float, float] = param((0.1, 2.0), "Least and greatest width of the blur, in pixels.", above=0, high=50)


class GaussianNoise(Step, group="Random"):
    """Adds noise of a normal distribution to training samples."""

    title = "Gaussian noise"
    synonyms = ("augment", "augmentation", "jitter", "normal", "random")
    random: ClassVar[bool] = True

    std: float = param(0.05, "Standard deviation of the noise, in the units of the values.", low=0)
