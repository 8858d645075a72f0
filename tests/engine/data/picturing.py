"""Small sets of images with boxes, one scene in every form, for the tests of detection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.engine.data.making import write_image

SIZE = (40, 20)
Scene = Mapping[str, Sequence[tuple[str, int, int, int, int]]]
SCENE: Scene = {
    "a": [("cat", 4, 2, 14, 12), ("dog", 20, 4, 36, 16)],
    "b": [],
    "c": [("dog", 0, 0, 40, 20)],
    "d": [("cat", 10, 10, 20, 20)],
}
CLASSES = ["cat", "dog"]


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def images(folder: Path, scene: Scene = SCENE) -> None:
    for name in scene:
        write_image(folder / f"{name}.png", (90, 60, 30), size=SIZE)


def xml(boxes: Sequence[Sequence[Any]], name: str = "x.png", size: tuple[int, int] = SIZE) -> str:
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object>"
        for label, x1, y1, x2, y2 in boxes
    )
    whole = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation><filename>{name}</filename>{whole}{objects}</annotation>"


def voc(home: Path, scene: Scene = SCENE) -> Path:
    images(home / "JPEGImages", scene)
    for name, boxes in scene.items():
        write_text(home / "Annotations" / f"{name}.xml", xml(boxes, f"{name}.png"))
    return home


def coco_data(scene: Scene = SCENE) -> dict[str, Any]:
    listed = [(image, box) for image, boxes in enumerate(scene.values()) for box in boxes]
    return {
        "images": [
            {"id": number, "file_name": f"{name}.png", "width": SIZE[0], "height": SIZE[1]}
            for number, name in enumerate(scene)
        ],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": 7 + CLASSES.index(label),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "iscrowd": 0,
            }
            for number, (image, (label, x1, y1, x2, y2)) in enumerate(listed)
        ],
        "categories": [{"id": 8, "name": "dog"}, {"id": 7, "name": "cat"}],
    }


def coco(home: Path, scene: Scene = SCENE) -> Path:
    images(home / "train", scene)
    return write_text(home / "annotations" / "instances_train.json", json.dumps(coco_data(scene)))


def yolo(home: Path, scene: Scene = SCENE) -> Path:
    images(home / "images", scene)
    for name, boxes in scene.items():
        lines = [
            f"{CLASSES.index(label)} {(x1 + x2) / 80} {(y1 + y2) / 40} {(x2 - x1) / 40} {(y2 - y1) / 20}\n"
            for label, x1, y1, x2, y2 in boxes
        ]
        if lines:
            write_text(home / "labels" / f"{name}.txt", "".join(lines))
    write_text(home / "data.yaml", "# a set\ntrain: images\nval: images\nnc: 2\nnames: ['cat', 'dog']  # two\n")
    return home


def box_table(home: Path, scene: Scene = SCENE) -> Path:
    images(home / "pictures", scene)
    rows = [
        f"pictures/{name}.png,{x1},{y1},{x2},{y2},{label}\n" for name in scene for label, x1, y1, x2, y2 in scene[name]
    ]
    rows += [f"pictures/{name}.png,,,,,\n" for name, boxes in scene.items() if not boxes]
    return write_text(home / "boxes.csv", "file,XMin,YMin,XMax,YMax,class\n" + "".join(rows))


FORMS = {"PascalVOC": voc, "COCO": coco, "YOLO": yolo, "BoxesInTable": box_table}
