"""Data: sources opened, split and prepared as tensors, described for people, and taken in batches."""

from engine.data.batching import batch_count, batches, epoch_order
from engine.data.incoming import read_file, read_rows, restore, unit
from engine.data.prepare import Dataset, columns_of, prepare
from engine.data.report import report

__all__ = [
    "Dataset",
    "batch_count",
    "batches",
    "columns_of",
    "epoch_order",
    "prepare",
    "read_file",
    "read_rows",
    "report",
    "restore",
    "unit",
]
