"""CSV, Parquet, JSON lines and Arrow files as tables of pyarrow, and their columns as arrays."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import bigtable
from engine.data.sources import Array, reading, refuse
from engine.declare import did_you_mean
from engine.problem import Fix, Mistake

DELIMITERS = (",", ";", "\t", "|")
IN_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
WHAT = "CSV, Parquet, JSON lines or Arrow file"
ENDINGS = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson", ".arrow", ".feather", ".ipc")
JSON_ENDINGS = (".jsonl", ".ndjson")
ARROW_ENDINGS = (".arrow", ".feather", ".ipc")
TABBED = (".tsv", ".tab")
SAMPLE_BYTES = 2**16  # of a CSV, read to find out how it is written
SAMPLE_LINES = 20


@dataclass(frozen=True)
class TableFile:
    """A table, and the number that its first row has for the user (a CSV's header is row 1)."""

    table: Any
    first_row: int
    large: bool = False  # whether it is mapped into memory rather than held there

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.table.column_names)


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written."""

    delimiter: str
    header: bool
    decimal: str
    quotes: bool = True  # whether a value may stand in quotation marks; else they are letters like others


def ending(path: Path) -> str:
    """How a file's name ends, without what says that it is zipped."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def read_table(path: Path, delimiter: str = "auto", header: str = "auto") -> TableFile:
    """Read a table, gzipped or not; raises Mistake that names the file, and the row, where it cannot be.

    `delimiter` is one of DELIMITERS or "auto"; `header`, whether the first row names the columns, "auto", "yes" or
    "no"; both matter to a CSV alone.
    """
    if path.is_dir():
        raise refuse(f"{path} is a folder; choose a {WHAT} in it.")
    with reading(path), path.open("rb") as stream:
        start = stream.read(6)
    read = _read(path, start, delimiter, header)
    twice = next((name for name in read.names if read.names.count(name) > 1), None)
    if twice is not None:
        raise refuse(f"{path} has the column {twice!r} more than once; rename one of them.")
    if read.table.num_rows == 0:
        raise refuse(f"{path} names columns and has no rows.")
    return read


def _read(path: Path, start: bytes, delimiter: str, header: str) -> TableFile:
    zipped, kind = start[:2] == b"\x1f\x8b", ending(path)
    if start[:4] == b"PAR1" or kind in (".parquet", ".pq"):
        return _parquet(path)
    if start == b"ARROW1" or start[:4] == b"FEA1" or kind in ARROW_ENDINGS:
        return TableFile(_arrow(path, start), 1, bigtable.is_large(path))
    if start[:2] == b"PK":
        raise refuse(f"{path} is an archive or an Excel workbook, no CSV; save it as CSV.")
    if kind in JSON_ENDINGS:
        return _json_lines(path, zipped)
    if kind in TABBED and delimiter == "auto":
        delimiter = "\t"
    return _csv(path, zipped, delimiter, header)


def _arrow(path: Path, start: bytes) -> Any:
    import pyarrow as pa  # takes a moment to import

    if not start:
        raise refuse(f"{path} is empty; choose a file with columns and rows.")
    if start[:4] == b"FEA1":
        raise refuse(f"{path} is of Feather's first version, which is no longer read; save it anew as Feather.")
    with _explained(path, "an Arrow file"):
        opened = pa.ipc.open_file if start == b"ARROW1" else pa.ipc.open_stream
        with pa.memory_map(str(path)) as mapped, opened(mapped) as stream:
            read = stream.read_all()
        read.validate(full=True)  # a damaged file may name bytes that are not there
        return read


def _json_lines(path: Path, zipped: bool) -> TableFile:
    import pyarrow as pa  # takes a moment to import
    from pyarrow import json as arrow

    _text(_start(path, zipped), path)

    def stream() -> Any:
        return pa.input_stream(str(path), compression="gzip" if zipped else None)

    blocks = arrow.ReadOptions(block_size=bigtable.BLOCK)

    def batches(_types: bigtable.Types) -> Iterator[Any]:
        with stream() as start, arrow.open_json(start, blocks) as opened:
            wide = [(each.name, pa.float64() if each.type == pa.int64() else each.type) for each in opened.schema]
        with (
            stream() as whole,
            arrow.open_json(whole, blocks, arrow.ParseOptions(explicit_schema=pa.schema(wide))) as opened,
        ):
            for batch in opened:
                batch.validate(full=True)  # whether texts are UTF-8
                yield batch

    with reading(path):
        try:
            if bigtable.is_large(path):
                return TableFile(bigtable.rewritten(path, "JSON lines", batches), 1, large=True)
            with stream() as whole:
                read = arrow.read_json(whole, blocks)
            read.validate(full=True)  # whether texts are UTF-8
            return TableFile(read, 1)
        except pa.ArrowInvalid as error:
            raise _faulty_line(path, zipped, str(error)) from None


def _faulty_line(path: Path, zipped: bool, words: str) -> Mistake:
    """The Mistake for JSON lines that pyarrow refuses: the first line that is no object, or whose types differ."""
    kinds: dict[str, tuple[str, int]] = {}
    with (gzip.open if zipped else open)(path, "rb") as stream:
        for row, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except ValueError as error:
                said = "text that is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"no JSON ({error})"
                return refuse(f"{path}: row {row} is {said}; each line must be an object {{column: value}}.")
            if not isinstance(found, dict):
                return refuse(f"{path}: row {row} is no object; each line must be one, {{column: value}}.")
            for name, value in found.items():
                kind = _json_kind(value)
                known, first = kinds.setdefault(name, (kind, row)) if value is not None else (kind, row)
                if known != kind:
                    said = f"{name} is {known} in row {first} and {kind} in row {row}"
                    return refuse(f"{path}: {said}; make them alike.")
    return refuse(f"{path} cannot be read as JSON lines: {words.rstrip('.')}.")


def _json_kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing")


def _parquet(path: Path) -> TableFile:
    from pyarrow import parquet  # takes a moment to import

    def batches(_types: bigtable.Types) -> Iterator[Any]:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(bigtable.ROWS)

    with _explained(path, "a Parquet file"):
        facts = parquet.read_metadata(path)
        size = sum(facts.row_group(place).total_byte_size for place in range(facts.num_row_groups))
        if max(size, 8 * facts.num_rows * facts.num_columns) > bigtable.LARGE:
            return TableFile(bigtable.rewritten(path, "Parquet", batches), 1, large=True)
        return TableFile(parquet.read_table(path, partitioning=None), 1)


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    """Turn pyarrow's errors into a Mistake."""
    import pyarrow as pa  # takes a moment to import

    with reading(path):
        try:
            yield
        except pa.ArrowMemoryError:
            raise refuse(f"{path} cannot be read as {what}: it is damaged, or too large for this memory.") from None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowSerializationError) as error:
            words = str(error).split("\n")[0].rstrip(".")
            raise refuse(f"{path} cannot be read as {what}: {words}.") from None


# ------------------------------------------------------------------------------------------------------------- CSV


def _csv(path: Path, zipped: bool, delimiter: str, header: str) -> TableFile:
    import pyarrow as pa  # takes a moment to import
    from pyarrow import csv as arrow

    def stream() -> Any:
        return pa.input_stream(str(path), compression="gzip" if zipped else None)

    text = _text(_start(path, zipped), path)
    dialect = _dialect(text, delimiter, header, path)

    parsing = arrow.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char='"' if dialect.quotes else False,
        newlines_in_values=dialect.quotes and text.count('"') > 0,
    )
    nulls = [*MISSING, *(f" {each}" for each in MISSING)]

    def table(threads: bool) -> Any:
        with stream() as whole:
            return arrow.read_csv(
                whole,
                arrow.ReadOptions(autogenerate_column_names=not dialect.header, use_threads=threads),
                parsing,
                arrow.ConvertOptions(null_values=nulls, decimal_point=dialect.decimal),
            )

    def batches(types: bigtable.Types) -> Iterator[Any]:
        reading = arrow.ReadOptions(autogenerate_column_names=not dialect.header, block_size=bigtable.BLOCK)
        converting = arrow.ConvertOptions(
            null_values=nulls, decimal_point=dialect.decimal, column_types=dict(types), strings_can_be_null=True
        )
        with stream() as whole, arrow.open_csv(whole, reading, parsing, converting) as opened:
            yield from _of_one_type(opened)

    with _explained(path, "a CSV"):
        try:
            large = bigtable.is_large(path)
            read = bigtable.rewritten(path, asdict(dialect), batches, dialect.decimal) if large else table(threads=True)
        except pa.ArrowInvalid:
            read = _named_row(lambda: table(threads=False), path, dialect)
    names = [name.strip() or f"column_{place}" for place, name in enumerate(read.column_names, 1)]
    if not dialect.header:
        names = [f"column_{place}" for place in range(1, len(names) + 1)]
    return TableFile(read.rename_columns(names), 2 if dialect.header else 1, large)


def _of_one_type(opened: Any) -> Iterator[Any]:
    """The batches of a CSV; raises WrongType where a value does not fit the type that the first rows gave."""
    import pyarrow as pa  # loaded by now

    try:
        yield from opened
    except pa.ArrowInvalid as error:
        if "CSV conversion error" in str(error):
            raise bigtable.WrongType from None
        raise


def _named_row(read: Any, path: Path, dialect: Dialect) -> Any:
    """Read in one thread, where pyarrow says which row is at fault."""
    import pyarrow as pa  # loaded by now

    try:
        return read()
    except pa.ArrowInvalid as error:
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        if found is None:
            raise
        row, expected, got = map(int, found.groups())
        words = f"{path}: row {row} has {got} values, and the first row has {expected}"
        raise refuse(f"{words}; is {_name(dialect.delimiter)} the delimiter? If so, mend that row.") from None


def _name(delimiter: str) -> str:
    return "the tab" if delimiter == "\t" else f'"{delimiter}"'


def _start(path: Path, zipped: bool) -> bytes:
    try:
        with reading(path), (gzip.open if zipped else open)(path, "rb") as stream:
            return stream.read(SAMPLE_BYTES)
    except (EOFError, zlib.error) as error:
        raise refuse(f"{path} is cut off or damaged ({str(error).rstrip('.')}); fetch it again.") from None


def _text(data: bytes, path: Path) -> str:
    """The start of a file as text; raises Mistake where it is none."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse(f"{path} is UTF-16 text; save it as UTF-8.")
    if b"\0" in data:
        raise refuse(f"{path} is no text file, so no CSV; choose a {WHAT}.")
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refuse(f"{path} is not UTF-8 text (line {line}, byte {error.start}); save it as UTF-8.") from None
    if not text.strip():
        raise refuse(f"{path} is empty; choose a file with a header and rows.")
    return text


def _dialect(text: str, delimiter: str, header: str, path: Path) -> Dialect:
    widths = {each: _width(text, each) for each in DELIMITERS}
    best = max(DELIMITERS, key=lambda each: widths[each])
    if delimiter == "auto":
        delimiter = best
    elif widths[delimiter] < 2 <= widths[best]:
        words = f"{path} has one column when it is split at {IN_WORDS[delimiter]}; it looks split at {IN_WORDS[best]}."
        fix = Fix("Find the delimiter", "set_setting", {"path": "data.source.params.delimiter", "value": "auto"})
        raise refuse(words, "delimiter", (fix,))
    rows = _rows(text, delimiter)
    named = header == "yes" or (header == "auto" and not _is_data(rows[0]) and not _recurs(rows))
    commas = delimiter != "," and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text)
    return Dialect(delimiter, named, "," if commas else ".", not _has_loose_quotes(text, delimiter))


def _has_loose_quotes(text: str, delimiter: str) -> bool:
    """Whether quotation marks stand within values of a tab-separated file, which has no need of them round values."""
    if delimiter != "\t":
        return False
    cells = (cell for line in text.splitlines() for cell in line.split(delimiter))
    return any('"' in cell and not cell.startswith('"') for cell in cells)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The first rows, without one that is cut off."""
    lines = [line for line in text.splitlines(keepends=True) if line.strip()]
    whole = lines[:-1] if len(lines) > 1 and not text.endswith("\n") and len(text) >= SAMPLE_BYTES // 4 else lines
    try:
        return list(csv.reader(whole[:SAMPLE_LINES], delimiter=delimiter)) or [[]]
    except csv.Error:
        return [[]]


def _width(text: str, delimiter: str) -> int:
    """How many columns the delimiter makes, 1 where the rows differ."""
    widths = {len(row) for row in _rows(text, delimiter)}
    return widths.pop() if len(widths) == 1 else 1


def _is_data(row: Sequence[str]) -> bool:
    """Whether a first row is no header: it holds numbers other than 0, 1, 2, ..."""
    numbers = [float(cell) for cell in row if is_number(cell)]
    return bool(numbers) and numbers != [numbers[0] + place for place in range(len(row))]


def _recurs(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row is no header: a word of it stands below in the same column."""
    first, *rest = rows
    return any(
        cell.strip() and any(row[place : place + 1] == [cell] for row in rest) for place, cell in enumerate(first)
    )


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


# --------------------------------------------------------------------------------------------------------- columns


def is_numeric(kind: Any) -> bool:
    """Whether a pyarrow type holds numbers."""
    from pyarrow import types  # loaded by now

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind))


def is_time(kind: Any) -> bool:
    """Whether a pyarrow type holds days or moments."""
    from pyarrow import types  # loaded by now

    return bool(types.is_date(kind) or types.is_timestamp(kind))


def is_text(kind: Any) -> bool:
    """Whether a pyarrow type holds texts or true and false."""
    from pyarrow import types  # loaded by now

    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind))


def numbers(column: Any) -> Array:
    """A column's numbers in double precision; NaN where one is missing or infinite. Moments become days since 1970."""
    import pyarrow as pa  # loaded by now

    kind = column.type
    if is_time(kind):
        column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    column = column.cast(pa.float64(), safe=False)
    values = np.array(column.to_numpy(), dtype=np.float64)  # pyarrow writes NaN where there is none
    values[~np.isfinite(values)] = np.nan
    return values / 86_400_000 if is_time(kind) else values


def infinite(column: Any) -> tuple[int, int] | None:
    """How many of a column's numbers are infinite, and the place of the first; None where none is."""
    from pyarrow import compute, types  # loaded by now

    if not types.is_floating(column.type):
        return None
    found = compute.is_inf(column)
    count = compute.sum(found).as_py()
    return (int(count), int(compute.index(found, True).as_py())) if count else None


def texts(column: Any) -> Any:
    """A column's values as texts without blanks around them; null where one is missing."""
    import pyarrow as pa  # loaded by now
    from pyarrow import compute

    if is_numeric(column.type):
        known = class_texts(numbers(column))
        return pa.chunked_array([pa.array(known, pa.string())])
    column = compute.utf8_trim_whitespace(column.cast(pa.string()))
    return compute.if_else(compute.is_in(column, value_set=pa.array(MISSING)), None, column)


def class_texts(values: Array) -> list[str | None]:
    """Write numbers as class names, None for NaN."""
    return [None if each != each else str(int(each)) if each.is_integer() else repr(each) for each in values.tolist()]


def places(column: Any, classes: Sequence[str]) -> Array:
    """The place of each text of a column among the classes: -1 where it is missing, -2 where it is none of them."""
    import pyarrow as pa  # loaded by now
    from pyarrow import compute

    found = compute.index_in(column, value_set=pa.array(classes, pa.string()))
    array = np.array(found.fill_null(-2).to_numpy(), dtype=np.int64)
    array[np.asarray(column.is_null().to_numpy())] = -1
    return array


def first_text(column: Any) -> tuple[int, str] | None:
    """The index and the text of a column's first value that is no number, None where there is none."""
    for index, text in enumerate(column.to_pylist()):
        if text is not None and not is_number(text):
            return index, text
    return None


def not_text(path: Path, name: str, column: Any, first_row: int) -> Mistake:
    """The Mistake for a column whose texts are not UTF-8."""
    for place, value in enumerate(column.to_pylist()):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            words = f"{path}: row {place + first_row}, column {name}, has text that is not UTF-8"
            return refuse(f"{words}; save the file as UTF-8.")
    return refuse(f"{path}: the column {name} holds bytes and no text; leave it out of the file.")


def joined(parts: Sequence[tuple[Path, TableFile]]) -> tuple[Any, tuple[str, ...]]:
    """Put tables with the same columns one below the other; returns the table and notes on what was made alike.

    Raises Mistake where one lacks a column of the first.
    """
    import pyarrow as pa  # loaded by now

    (first_path, first), *others = parts
    if not others:
        return first.table, ()
    tables: list[Any] = [first.table]
    notes: tuple[str, ...] = ()
    for path, other in others:
        lacking = next((name for name in first.names if name not in other.names), None)
        if lacking is not None:
            known = did_you_mean(lacking, other.names)
            raise refuse(f"{path} has no column {lacking!r}{known}, which {first_path.name} has.")
        table = other.table.select(first.names)
        for place, name in enumerate(first.names):
            column, words = _alike(first.table.column(name), table.column(name), name, path)
            table, notes = table.set_column(place, name, column), (*notes, *words)
        tables.append(table)
    return pa.concat_tables(tables, promote_options="permissive"), notes


def _alike(first: Any, column: Any, name: str, path: Path) -> tuple[Any, tuple[str, ...]]:
    """A column as one of the first table: of its type, and without the full stops that UCI's Adult has in its test."""
    from pyarrow import compute  # loaded by now

    if not is_text(first.type) or str(first.type) == "bool":
        if is_text(column.type) and not is_text(first.type):
            found = first_text(texts(column))
            if found is not None:
                raise refuse(f"{path}: {name} holds numbers, and the value {found[1]!r} is none; mend it.")
        return column, ()
    known, trimmed = set(texts(first).unique().to_pylist()), texts(column)
    stopped = [each for each in trimmed.unique().drop_null().to_pylist() if each not in known]
    if not stopped or not all(each.endswith(".") and each[:-1] in known for each in stopped):
        return column if column.type == first.type else trimmed, ()
    words = f"The values of {name} end with a full stop in {path.name}; it is taken away."
    return compute.utf8_rtrim(trimmed, "."), (words,)
