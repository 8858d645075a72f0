"""Tables: CSV and Parquet files, read by pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Reader, located, refuse_path
from engine.declare import did_you_mean
from engine.ops import source as declared
from engine.problem import Mistake

FEATURES = "features"
MOST_CLASSES = 1000
MOST_WHOLE_NUMBERS = 50  # a target of so few whole numbers is read as classes
DELIMITERS = (",", ";", "\t", "|")


class Table(Reader):
    """Each column by its name, numbers with a size of 1, and "features" with the chosen numbers side by side."""

    file_kinds = "a CSV or Parquet file"

    def __init__(self, source: declared.Table, folder: Path) -> None:
        path = located(source.path, folder, "file")
        table = read_table(path, source.delimiter)
        if table.num_rows == 0:
            raise refuse_path(f"{path} has a header and no rows.")
        self.target = _known(source.target, table.column_names, "target") if source.target else ""
        columns: dict[str, Column] = {}
        arrays: dict[str, Array] = {}
        for name in table.column_names:
            read = _category(table, name) if _is_class(table, name, self.target) else _number(table, name)
            if read is not None:
                columns[name], arrays[name] = read
        names = [_known(name, table.column_names, "features") for name in source.features]
        for name in names:
            _refuse_text(table, name, path)
        names = names or [name for name, each in columns.items() if each.kind == "number" and name != self.target]
        if names and FEATURES not in columns:
            joined = Column(FEATURES, "number", (len(names),), "float32", parts=tuple(names))
            columns = {FEATURES: joined, **columns}
            arrays[FEATURES] = np.concatenate([arrays[name] for name in names], axis=1)
        self.standardised = tuple(
            name for name, each in columns.items() if each.kind == "number" and name != self.target
        )
        self.notes = tuple(
            f"The column {name} is of type {table.schema.field(name).type} and is left out."
            for name in table.column_names
            if name not in columns
        )
        if self.target and self.target not in columns:
            words = (
                f"target is {self.target!r}, a column with more than {MOST_CLASSES} different texts; choose another."
            )
            raise Mistake(words, param="data.source.params.target")
        if not columns:
            raise refuse_path(f"{path} has no column of numbers or of classes.")
        super().__init__(tuple(columns.values()), arrays)

    @classmethod
    def read_file(cls, source: declared.Source, path: Path, columns: Mapping[str, Column]) -> dict[str, Array]:
        """Read the wanted columns of a table like the one trained on."""
        assert isinstance(source, declared.Table)
        table = read_table(path, source.delimiter)
        arrays = {}
        for name, column in columns.items():
            parts = column.parts or (name,)
            for part in parts:
                if part not in table.column_names:
                    raise Mistake(f"{path} lacks the column {part!r}{did_you_mean(part, table.column_names)}.")
            if column.kind == "category":
                arrays[name] = _indexed(table, name, column.classes)
                continue
            for part in parts:
                _refuse_text(table, part, path)
            arrays[name] = np.concatenate([_floats(table, part) for part in parts], axis=1)
        return arrays


def read_table(path: Path, delimiter: str) -> Any:
    """Read a CSV or Parquet file as a pyarrow Table; raises Mistake where it cannot be."""
    import pyarrow as pa  # takes a moment to import
    from pyarrow import csv, parquet

    if path.is_dir():
        raise refuse_path(f"{path} is a folder; choose a CSV or Parquet file.")
    try:
        if path.suffix in (".parquet", ".pq"):
            table = parquet.read_table(path)
        else:
            parse = csv.ParseOptions(delimiter=_delimiter(path) if delimiter == "auto" else delimiter)
            convert = csv.ConvertOptions(strings_can_be_null=True)
            table = csv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, UnicodeDecodeError, EOFError) as error:
        words = str(error).split("\n")[0].rstrip(".")
        words = "it is empty" if "Empty CSV" in words else words
        raise refuse_path(f"{path} cannot be read as a table: {words}.") from None
    except OSError as error:
        raise refuse_path(f"{path} cannot be read: {error.strerror or error}.") from None
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        raise refuse_path(f"{path} has the column {min(twice)!r} more than once; rename one of them.")
    return table


def _delimiter(path: Path) -> str:
    """The delimiter that splits the header most."""
    import gzip

    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        header = stream.readline(2**20).decode(errors="replace")
    return max(DELIMITERS, key=header.count)


def _known(name: str, names: Sequence[str], param: str) -> str:
    if name not in names:
        words = f"{param} names {name!r}, a column the table lacks{did_you_mean(name, names)}."
        raise Mistake(words, param=f"data.source.params.{param}")
    return name


def _is_number(table: Any, name: str) -> bool:
    import pyarrow.types as types

    kind = table.schema.field(name).type
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind))


def _is_class(table: Any, name: str, target: str) -> bool:
    import pyarrow.types as types

    kind = table.schema.field(name).type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind) or types.is_dictionary(kind):
        return True
    if name != target or not types.is_integer(kind):
        return False
    return len(table.column(name).unique()) <= MOST_WHOLE_NUMBERS


def _number(table: Any, name: str) -> tuple[Column, Array] | None:
    if not _is_number(table, name):
        return None
    return Column(name, "number", (1,), "float32"), _floats(table, name)


def _floats(table: Any, name: str) -> Array:
    import pyarrow as pa

    column = table.column(name).cast(pa.float64())
    values = column.to_numpy(zero_copy_only=False) if column.null_count == 0 else column.fill_null(np.nan).to_numpy()
    return np.asarray(values, dtype=np.float32)[:, None]


def _category(table: Any, name: str) -> tuple[Column, Array] | None:
    texts = _texts(table, name)
    classes = sorted({text for text in texts.unique().to_pylist() if text is not None}, key=_by_number)
    if not 0 < len(classes) <= MOST_CLASSES:
        return None
    column = Column(name, "category", (), "int64", classes=tuple(classes))
    return column, _indexed(table, name, column.classes)


def _by_number(text: str) -> tuple[int, float, str]:
    digits = text.lstrip("-")
    return (0, float(text), text) if digits.isdigit() else (1, 0.0, text)


def _texts(table: Any, name: str) -> Any:
    import pyarrow as pa

    return table.column(name).cast(pa.string())


def _indexed(table: Any, name: str, classes: Sequence[str]) -> Array:
    """The place of each text among the classes; -1 where a value is missing."""
    import pyarrow as pa
    from pyarrow import compute

    texts = _texts(table, name)
    places = compute.index_in(texts, value_set=pa.array(list(classes), pa.string()))
    array = np.asarray(places.fill_null(-1).to_numpy(), dtype=np.int64)
    unknown = (array < 0) & ~np.asarray(texts.is_null().to_numpy())
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise Mistake(f"Row {row + 1} has {texts[row].as_py()!r} in {name}, a class the model does not know.")
    return array


def _refuse_text(table: Any, name: str, path: Path) -> None:
    if _is_number(table, name):
        return
    texts = table.column(name).to_pylist()
    row = next((place for place, text in enumerate(texts) if text is not None and not _reads_as_number(text)), 0)
    words = f"{path.name}: the column {name} must hold numbers, and row {row + 1} has {texts[row]!r}."
    raise Mistake(words, param="data.source.params.features")


def _reads_as_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True
