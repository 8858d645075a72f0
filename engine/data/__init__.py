"""Data: sources opened, split and prepared as tensors, described for people, and taken in batches."""

from engine.data.batching import batch_count, batches, bucketed_order, epoch_order, lengths_of
from engine.data.incoming import read_file, read_rows, restore, unit
from engine.data.prepare import Dataset, columns_of, prepare
from engine.data.ragged import Ragged, Values
from engine.data.report import report

__all__ = [
    "Dataset",
    "Ragged",
    "Values",
    "batch_count",
    "batches",
    "bucketed_order",
    "columns_of",
    "epoch_order",
    "lengths_of",
    "prepare",
    "read_file",
    "read_rows",
    "report",
    "restore",
    "unit",
]
