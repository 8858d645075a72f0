"""Sources of images with boxes or masks. Their readers stand in `engine.data.detection` and `engine.data.masks`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.columns import Fit
from engine.declare import param
from engine.kinds import AnyPath, Column, Columns, FilePath, FolderPath
from engine.ops.source import FIT, Source


class _Images(Source, abstract=True):
    path: AnyPath = param("", "Where the images are.")
    height: int = param(256, "Height that all images are brought to, in pixels.", low=1, high=4096)
    width: int = param(256, "Width that all images are brought to, in pixels.", low=1, high=4096)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")
    fit: Fit = param("stretch", f"{FIT} Boxes and masks follow.")


class _Boxed(_Images, abstract=True):
    reader: ClassVar[str] = "engine.data.detection:Detection"


class PascalVOC(_Boxed, group="Vision"):
    """Images with boxes in Pascal VOC's form: an XML file an image; ImageSets, or folders, keep the parts apart."""

    title = "Boxes: Pascal VOC"
    synonyms = ("detection", "object detection", "bounding boxes", "xml", "labelimg", "annotations")

    path: FolderPath = param("", "Folder that holds Annotations and JPEGImages, or images with their XML files.")


class COCO(_Boxed, group="Vision"):
    """Images with boxes in COCO's form: one JSON file names images, boxes and classes."""

    title = "Boxes: COCO"
    synonyms = ("detection", "object detection", "bounding boxes", "json", "instances")

    path: FilePath = param("", "The JSON file of the training images, such as instances_train2017.json.")
    folder: FolderPath = param("", "Folder of the images; empty: looked for near the JSON file.")
    validation_path: FilePath = param("", "A JSON file whose images are the validation part.")
    test_path: FilePath = param("", "A JSON file whose images are the test part.")


class YOLO(_Boxed, group="Vision"):
    """Images with boxes in YOLO's form: a text file an image, a box a line; folders keep the parts apart."""

    title = "Boxes: YOLO"
    synonyms = ("detection", "object detection", "bounding boxes", "darknet", "ultralytics", "data.yaml")

    path: FolderPath = param("", "Folder that holds images and labels, and data.yaml or classes.txt with the classes.")


class BoxesInTable(_Boxed, group="Vision"):
    """Images with boxes that a table lists, a box a row; a row without numbers is an image without boxes."""

    title = "Boxes: in a table"
    synonyms = ("detection", "object detection", "bounding boxes", "csv", "annotations", "xmin")

    path: FilePath = param("", "The table: CSV, TSV, Parquet, JSON lines or Arrow.")
    folder: FolderPath = param("", "Folder where the images' paths start; empty: the table's.")
    image: Column = param("", "Column that names the images; empty: the first whose values end like image files.")
    label: Column = param("", "Column of the classes; empty: the first whose name says so.")
    box: Columns = param((), "The four columns of numbers; empty: those named so, such as xmin, ymin, xmax, ymax.")
    form: Literal["corners", "corner and size", "centre and size"] = param(
        "corners", "What the four numbers are, where box names the columns."
    )
    validation_path: FilePath = param("", "A second table, whose images are the validation part.", advanced=True)
    test_path: FilePath = param("", "A table whose images are the test part.", advanced=True)


class SegmentationMasks(_Images, group="Vision"):
    """Images with a mask each, which says the class of every pixel; folders of train, validation and test are kept.

    A mask's file has the name of its image. Its pixels are numbers of classes (grey, or with a palette), where 255 does
    not count; yes (255) or no (0); or colours that the table of classes names.
    """

    title = "Images with masks"
    synonyms = ("segmentation", "semantic", "pixels", "palette", "unet")
    reader: ClassVar[str] = "engine.data.masks:SegmentationMasks"

    path: FolderPath = param("", "Folder that holds images and masks, or of the images where masks names the other.")
    masks: FolderPath = param("", "Folder of the masks; empty: looked for beside the images.")
    classes: FilePath = param(
        "", "Names of the classes, one a line, with colour where masks have colours: name,r,g,b; empty: looked for."
    )


class ShapesWithBoxes(Source, group="Generated"):
    """Small images, each of several circles, squares, triangles and crosses, with their boxes and a mask."""

    title = "Shapes with boxes and masks"
    synonyms = ("detection", "segmentation", "bounding boxes", "toy", "vision")
    reader: ClassVar[str] = "engine.data.generated:ShapesWithBoxes"

    samples: int = param(1000, "Number of images.", low=1, high=10**6)
    size: int = param(64, "Height and width of an image, in pixels.", low=24, high=512)
    most: int = param(4, "Most shapes in an image; there may be none.", low=1, high=100)
    colour: Literal["RGB", "grey"] = param("RGB", "Three colour channels, or one grey.")
    noise: float = param(0.05, "How far pixels stray, as a standard deviation; pixels are from 0 to 1.", low=0, high=1)
    seed: int = param(0, "Start of the random draw.", low=0, high=2**32 - 1)
