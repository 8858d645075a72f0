"""Colours that cards and pictures share: of op groups and of dtypes, each for a light and a dark ground."""

from __future__ import annotations

FAMILY: dict[str, tuple[str, str]] = {
    "Inputs and outputs": ("#5b6675", "#a3adba"),
    "Create": ("#6b5b4b", "#c2ab93"),
    "Linear": ("#2f6fde", "#6ea3ff"),
    "Embedding": ("#1d6fa5", "#5fb4ea"),
    "Convolution": ("#7a4fd3", "#ab8bff"),
    "Pooling": ("#0f8a8f", "#3fc6c9"),
    "Padding": ("#5a7d7c", "#9cc4c2"),
    "Activation": ("#c2570c", "#f59a4a"),
    "Normalization": ("#2c8a3d", "#63c774"),
    "Regularization": ("#8a6d1f", "#d1b155"),
    "Recurrent": ("#b5379b", "#ea7fd3"),
    "Attention": ("#c22f5c", "#ff7d9f"),
    "Shape": ("#4a7186", "#8db7cc"),
    "Indexing": ("#3d7f63", "#7fc7a6"),
    "Math": ("#5f6fb2", "#9aa9ea"),
    "Logic": ("#8c5a9e", "#caa0da"),
    "Reduction": ("#4f66c4", "#93a6f7"),
    "Linear algebra": ("#3a5fa0", "#86abe8"),
    "Vision": ("#8d4fb8", "#c596ec"),
    "Boxes": ("#a3561c", "#e3a06a"),
    "Signal": ("#0d7f86", "#4cc9d0"),
    "Blocks": ("#3b4252", "#c9d1e0"),
    "Code": ("#6a6f1f", "#bcc25a"),
    "Losses": ("#c0392b", "#ff8a7a"),
    "Metrics": ("#4f7d13", "#a2cf5b"),
}

DTYPE: dict[str, tuple[str, str]] = {
    "float32": ("#2f6fde", "#6ea3ff"),
    "float64": ("#1b4fa8", "#9cc1ff"),
    "float16": ("#0f8a8f", "#3fc6c9"),
    "bfloat16": ("#0f8a8f", "#3fc6c9"),
    "int64": ("#2c8a3d", "#63c774"),
    "int32": ("#4f7d13", "#a2cf5b"),
    "int16": ("#4f7d13", "#a2cf5b"),
    "int8": ("#8a6d1f", "#d1b155"),
    "uint8": ("#8a6d1f", "#d1b155"),
    "bool": ("#b5379b", "#ea7fd3"),
    "complex64": ("#c2570c", "#f59a4a"),
    "complex128": ("#8f3f06", "#ffbb7d"),
}

UNKNOWN = ("#8a93a0", "#77808c")
