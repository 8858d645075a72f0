"""Data: sources opened, split and prepared as tensors, and taken in batches."""

from engine.data.batching import batch_count, batches, epoch_order
from engine.data.prepare import Dataset, prepare, read_file, read_rows, report

__all__ = ["Dataset", "batch_count", "batches", "epoch_order", "prepare", "read_file", "read_rows", "report"]
