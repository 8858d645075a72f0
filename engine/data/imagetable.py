"""Images that a table names, and the table's other columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.data import tablefile
from engine.data.images import SUFFIXES, decode
from engine.data.sources import Array, folder_of_named, image_column, located_file, reading, refuse
from engine.data.table import Table, known_column
from engine.data.tablefile import TableFile
from engine.ops import source as declared
from engine.problem import Mistake

IMAGE = "image"
LOOKED_AT = 100  # values of a column, to find out whether they name images


class ImagesInTable(Table):
    """The column "image" (channels, height, width; pixels from 0 to 1), and the table's other columns."""

    by_class = True

    def __init__(self, source: declared.ImagesInTable, folder: Path) -> None:
        self._path = located_file(source.path, folder, tablefile.WHAT)
        read = tablefile.read_table(self._path)
        self._files = [(self._path, read.first_row, 0)]
        self.drops_missing = source.missing == "drop rows"
        self.target = known_column(source.target, read.names, "target")
        column = known_column(source.image, read.names, "image") or image_column_of(read)
        if not column:
            raise refuse(f"{self._path} has no column of paths of images; set image to the one that names them.", IMAGE)
        if column == self.target:
            raise refuse(f"{column} names the images, and is the target too; choose another target.", "target")
        home = folder_of_named(source.folder, folder, self._path, "folder where the images' paths start")
        self._images = self._found(read.table.column(column), column, home)
        rest = read.table.drop_columns([column])
        if IMAGE in rest.column_names:
            raise refuse(f"{self._path} has a column image beside {column}, which names the images; rename it.", IMAGE)
        columns = self._filled(TableFile(rest, read.first_row), ())
        self._rows = read.table.num_rows
        shape = (3 if source.colour == "RGB" else 1, source.height, source.width)
        self.columns = {IMAGE: image_column(IMAGE, shape, source.fit)} | columns

    def _found(self, column: Any, name: str, home: Path) -> list[Path]:
        """The file of each row; raises Mistake with the first row that names none."""
        paths = []
        with reading(home):
            for row, text in enumerate(tablefile.texts(column).to_pylist()):
                if text is None:
                    raise self._lost(row, f"{name} is empty")
                path = home / text
                if not path.is_file():
                    raise self._lost(row, f"{name} names {text}, and {path} does not exist")
                paths.append(path)
        return paths

    def _lost(self, row: int, words: str) -> Mistake:
        todo = "mend the row, or set folder to where the paths start"
        return refuse(f"{self._path.name}, {self.where(row)}: {words}; {todo}.", "folder")

    def files(self, name: str) -> Sequence[Path]:
        return self._images if name == IMAGE else ()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name == IMAGE:
            image = self.columns[IMAGE]
            return decode([self._images[index] for index in indices], image.sizes, image.fit)
        return super().read(indices, name)


def rows_of(source: declared.ImagesInTable, path: Path) -> list[dict[str, Any]]:
    """The rows of a new table of images; a path starts at the table's folder."""
    read = tablefile.read_table(path)
    column = source.image if source.image in read.names else image_column_of(read)
    if not column:
        raise refuse(f"{path} has no column of paths of images.", IMAGE)
    rows: list[dict[str, Any]] = read.table.to_pylist()
    return [{**row, IMAGE: str(path.parent / str(row[column]).strip())} for row in rows]


def image_column_of(read: TableFile) -> str:
    """The first column whose values end like image files, "" where there is none."""
    for name in read.names:
        if tablefile.is_text(read.table.schema.field(name).type) and _names_images(
            read.table.column(name).slice(0, LOOKED_AT).to_pylist()
        ):
            return name
    return ""


def _names_images(values: Sequence[Any]) -> bool:
    known = [each for each in values if isinstance(each, str)]
    return bool(known) and all(Path(each.strip()).suffix.lower() in SUFFIXES for each in known)
