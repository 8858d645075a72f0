"""Files with the boxes of one image each: Pascal VOC's XML and YOLO's lines, and what all forms have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from engine.data.images import SUFFIXES, files_in, halves
from engine.data.sources import reading, refuse
from engine.data.told import PLACES
from engine.problem import Mistake

MOST_LEFT = 0.1  # share of what is at fault, up to which it is left out; beyond it the source is
MOST_BYTES = 2**24  # of an annotation of one image
Corners = tuple[float, float, float, float]

# What may be at fault, and how a note counts it: of one, and of several.
LEFT = {
    "image": ("image that is named is not there", "images that are named are not there"),
    "annotation": ("annotation cannot be read", "annotations cannot be read"),
    "picture": ("image cannot be read", "images cannot be read"),
    "box": ("box lacks numbers or a known class", "boxes lack numbers or a known class"),
    "size": ("box has no size in its image", "boxes have no size in their images"),
}
TODO = {
    "annotation": "mend the files",
    "picture": "mend the files",
    "box": "mend the file",
    "size": "mend the boxes, or choose another form of them",
}


class Box(NamedTuple):
    """A box: its class, its corners x1 y1 x2 y2, and where it stands in its file."""

    label: str
    corners: Corners
    place: str


@dataclass(frozen=True)
class Annotated:
    """An image with its boxes, in pixels, or in shares of the image's size where `shares` says so.

    `size` is (width, height), None where the annotation does not tell; `origin` is the file of the boxes.
    """

    path: Path
    boxes: Sequence[Box]
    origin: str
    size: tuple[int, int] | None = None
    part: int = 0
    shares: bool = False


@dataclass
class Found:
    """Images with boxes as they were read, the classes in their order, and what had to be left out."""

    images: list[Annotated] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    has_parts: bool = False
    further: list[str] = field(default_factory=list)  # notes
    _left: dict[str, list[str]] = field(default_factory=dict)

    def leave(self, what: str, where: str) -> None:
        """Leave out what is at fault; `what` is a key of LEFT."""
        self._left.setdefault(what, []).append(where)

    @property
    def has_faults(self) -> bool:
        """Whether something was left out."""
        return bool(self._left)

    def notes(self) -> tuple[str, ...]:
        """What was left out, a sentence for each kind of fault."""
        return (*(f"Left out: {_counted(what, places)}." for what, places in self._left.items()), *self.further)

    def refuse_too_many(self, home: Path, images: str = "path") -> None:
        """Raise Mistake where so much is at fault that something is wrong with the whole.

        `images` is the param that says where the images are.
        """
        boxes = sum(len(each.boxes) for each in self.images)
        for what, places in self._left.items():
            there = boxes if what in ("box", "size") else len(self.images)
            if len(places) > MOST_LEFT * (there + len(places)):
                words = f"{home}: of {there + len(places):,}, {_counted(what, places)}"
                todo = f"set {images} to where the images are" if what == "image" else TODO[what]
                raise refuse(f"{words}; {todo}.", images if what == "image" else "path")


def _counted(what: str, places: Sequence[str]) -> str:
    return f"{counted(len(places), *LEFT[what])}, first {places[0]}"


def counted(count: int, one: str, several: str) -> str:
    """A count with the words for one, or for several."""
    return f"{count:,} {one if count == 1 else several}"


def classes_in(images: Iterable[Annotated]) -> list[str]:
    """The classes of all boxes in alphabetical order."""
    return sorted({box.label for each in images for box in each.boxes})


def numbers_of(texts: Sequence[str | None]) -> Corners | None:
    """Four numbers, None where they are not."""
    try:
        one, two, three, four = (float(text or "") for text in texts)
    except ValueError:
        return None
    return (one, two, three, four) if np.isfinite([one, two, three, four]).all() else None


# ------------------------------------------------------------------------------------------------------- Pascal VOC


def pascal_voc(home: Path) -> Found:
    """Read a folder of XML files and images."""
    found = Found()
    with reading(home):
        parts = list(halves(home))
        lists = listed(home, "Main")
        found.has_parts = bool(lists) or home not in [half for half, _place in parts]
        bare = sum(_read_half(half, files_in(half), lists, place, found) for half, place in parts)
    if bare:
        words = counted(bare, "image has no XML file and is", "images have no XML file and are")
        found.further.append(f"{words} left out.")
    if not found.images and not found.has_faults:
        raise refuse(f"{home} holds no XML files of boxes with their images; choose the folder above both.")
    found.refuse_too_many(home)
    found.classes = classes_in(found.images)
    return found


def listed(home: Path, task: str) -> dict[str, int]:
    """The part of each image that ImageSets lists for a task, Main or Segmentation, by its name without an ending."""
    places: dict[str, int] = {}
    for name in ("trainval", "train", "val", "test"):  # what trainval lists and no other list does is trained on
        path = home / "ImageSets" / task / f"{name}.txt"
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            places |= {line.split()[0]: PLACES.get(name, 0) for line in lines if line.strip()}
    return places


def _read_half(half: Path, files: Sequence[Path], lists: Mapping[str, int], place: int, found: Found) -> int:
    """Read the images of one part, or those that are listed; returns how many have no annotation."""
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    images = {path.stem: path for path in pictures if not path.parent.name.startswith("Segmentation")}
    annotations = {path.stem: path for path in files if path.suffix.lower() == ".xml"}
    for stem in sorted(annotations.keys() & lists.keys() if lists else annotations):
        path = annotations[stem]
        try:
            name, size, boxes, faults = read_xml(path)
        except Mistake as mistake:
            found.leave("annotation", mistake.message.rstrip("."))
            continue
        image = images.get(stem) or images.get(Path(name).stem)
        if image is None:
            found.leave("image", f"{name or stem}, of {path}")
            continue
        for number in faults:
            found.leave("box", f"box {number} of {path}")
        found.images.append(Annotated(image, boxes, str(path), size, lists.get(stem, place)))
    if lists:
        more = len(annotations.keys() - lists.keys())
        if more:
            words = counted(more, "image is in no list of ImageSets and", "images are in no list of ImageSets and")
            found.further.append(f"{words} left out.")
        for stem in sorted(lists.keys() - annotations.keys()):
            found.leave("annotation", f"{half / 'Annotations' / stem}.xml does not exist")
        return 0
    return len(images.keys() - annotations.keys())


def read_xml(path: Path) -> tuple[str, tuple[int, int] | None, list[Box], list[int]]:
    """Read an annotation: the image's name, its size, the boxes, and the numbers of the boxes that are at fault."""
    if path.stat().st_size > MOST_BYTES:
        raise Mistake(f"{path} is too large for the boxes of one image.")
    data = path.read_bytes()
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data.replace(b"\0", b""), re.IGNORECASE):  # what could grow without end
        raise Mistake(f"{path} declares a document type, which boxes do not need; it is not read.")
    try:
        root = ET.fromstring(data)  # noqa: S314  # without a document type it has no entities to expand
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Mistake(f"{path} is no XML: {error}.") from None
    width, height = (_whole(root.findtext(f"size/{name}")) for name in ("width", "height"))
    boxes, faults = [], []
    for number, each in enumerate(root.iter("object"), 1):
        label = (each.findtext("name") or "").strip()
        corners = numbers_of([each.findtext(f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")])
        if label and corners is not None:
            boxes.append(Box(label, corners, f"box {number}"))
        else:
            faults.append(number)
    return (root.findtext("filename") or "").strip(), (width, height) if width and height else None, boxes, faults


def _whole(text: str | None) -> int:
    try:
        return max(0, int(float(text or 0)))
    except (ValueError, OverflowError):
        return 0


# ------------------------------------------------------------------------------------------------------------- YOLO


def yolo(home: Path) -> Found:
    """Read a folder of images and of text files with a box a line: class, centre and size as shares of the image."""
    found = Found()
    with reading(home):
        names, told = settings(home)
        images = [path for path in files_in(home) if path.suffix.lower() in SUFFIXES]
        labelled = {label_file(path): path for path in images}
        if not any(label.is_file() for label in labelled):
            raise refuse(f"{home} holds no text files of boxes with their images; choose the folder above both.")
        parts = {image: _part(image, home, told) for image in images}
        for label, image in labelled.items():
            _read_labels(image, label, parts[image], names, found)
    found.has_parts = len(set(parts.values())) > 1
    found.refuse_too_many(home)
    found.classes = names or [str(each) for each in range(max(map(int, classes_in(found.images)), default=-1) + 1)]
    return found


def label_file(image: Path) -> Path:
    """The file of an image's boxes: in the folder labels for one in images, else beside it."""
    parts = list(image.parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def _part(image: Path, home: Path, told: Mapping[Path, int]) -> int:
    for folder, place in told.items():
        if image.is_relative_to(folder):
            return place
    return next((PLACES[part.lower()] for part in image.relative_to(home).parts if part.lower() in PLACES), 0)


def _read_labels(image: Path, label: Path, part: int, names: Sequence[str], found: Found) -> None:
    boxes: list[Box] = []
    lines = label.read_text(encoding="utf-8", errors="replace").split("\n") if label.is_file() else []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        read = line_of(line, names)
        if read is None:
            found.leave("box", f"line {number} of {label}")
        else:
            boxes.append(Box(*read, f"line {number}"))
    found.images.append(Annotated(image, boxes, str(label), None, part, shares=True))


def line_of(line: str, names: Sequence[str]) -> tuple[str, Corners] | None:
    """Read a line: a class with centre and size, or with the corners of an outline; None where it is neither."""
    try:
        number, *values = map(float, line.split())
    except ValueError:
        return None
    if not number.is_integer() or not 0 <= number < (len(names) or 10_000) or not np.isfinite(values).all():
        return None
    label = names[int(number)] if names else str(int(number))
    if len(values) in (4, 5):  # a fifth tells how sure a detector was
        x, y, width, height = values[:4]
        return label, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(values) >= 6 and len(values) % 2 == 0:
        across, down = values[::2], values[1::2]
        return label, (min(across), min(down), max(across), max(down))
    return None


def settings(home: Path) -> tuple[list[str], dict[Path, int]]:
    """The names of the classes that a folder's data.yaml or classes.txt tells, and the folders of its parts."""
    for path in sorted([*home.glob("*.yaml"), *home.glob("*.yml")]):
        plain = plain_yaml(path.read_text(encoding="utf-8", errors="replace"))
        names = plain.get("names")
        if isinstance(names, list) and names:
            return _refuse_twice(names, path), dict(_told(home, plain))
    for name in ("classes.txt", "obj.names", "labels/classes.txt"):
        if (home / name).is_file():
            lines = (home / name).read_text(encoding="utf-8", errors="replace").split("\n")
            return _refuse_twice([line.strip() for line in lines if line.strip()], home / name), {}
    return [], {}


def _refuse_twice(names: list[str], path: Path) -> list[str]:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise refuse(f"{path} has the class {twice!r} more than once; rename one of them.")
    return names


def _told(home: Path, plain: Mapping[str, str | list[str]]) -> Iterator[tuple[Path, int]]:
    """Yield the folders that data.yaml names for parts, where they are in this folder; the later ones count first."""
    for key, place in (("test", 2), ("val", 1)):
        text = plain.get(key)
        folder = re.sub(r"^(\.\./|\./)+", "", text) if isinstance(text, str) else ""
        train = plain.get("train")
        if folder and text != train and (home / folder).is_dir() and not Path(folder).is_absolute():
            yield home / folder, place


def plain_yaml(text: str) -> dict[str, str | list[str]]:
    """Read what data.yaml needs of YAML: keys with a value, a list in brackets, or lines with dashes or numbers."""
    found: dict[str, str | list[str]] = {}
    key = ""
    text = re.sub(r"[\[{][^\]}]*[\]}]", lambda listed: listed[0].replace("\n", " "), text)
    for line in text.split("\n"):
        bare = line.split(" #")[0].rstrip()
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        item = re.match(r"\s*-\s+(.*)|\s+['\"]?\d+['\"]?\s*:\s*(.*)", bare)
        head = re.match(r"([\w-]+)\s*:\s*(.*)", bare)
        if head:
            key, value = head[1], head[2].strip()
            listed = re.fullmatch(r"[\[{](.*)[\]}]", value)
            found[key] = [_unquoted(each) for each in listed[1].split(",") if each.strip()] if listed else value
        elif item and key:
            before = found[key]
            found[key] = [*(before if isinstance(before, list) else []), _unquoted(item[1] or item[2] or "")]
    return {name: each if isinstance(each, list) else _unquoted(each) for name, each in found.items()}


def _unquoted(text: str) -> str:
    text = re.sub(r"^\s*\d+\s*:\s*", "", text).strip()  # of {0: cat, 1: dog}
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
