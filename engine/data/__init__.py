"""Data: sources opened, split and prepared as tensors, described for people, and taken in batches."""

from engine.data.batching import batch_count, batches, bytes_of, lengths_of
from engine.data.incoming import read_file, read_rows, restore, unit
from engine.data.live import Live, Values
from engine.data.loader import Flow, Loader
from engine.data.orders import epoch_order
from engine.data.prepare import Dataset, columns_of, prepare
from engine.data.ragged import Picked, Ragged
from engine.data.report import report

__all__ = [
    "Dataset",
    "Flow",
    "Live",
    "Loader",
    "Picked",
    "Ragged",
    "Values",
    "batch_count",
    "batches",
    "bytes_of",
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
