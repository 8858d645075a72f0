"""Colours that cards and pictures share: of op groups and of dtypes, each for a light and a dark ground."""

from __future__ import annotations

FAMILY: dict[str, tuple[str, str]] = {
    "Inputs and outputs": ("#5b6675", "#a3adba"),
    "Linear": ("#2f6fde", "#6ea3ff"),
    "Convolution": ("#7a4fd3", "#ab8bff"),
    "Pooling": ("#0f8a8f", "#3fc6c9"),
    "Activation": ("#c2570c", "#f59a4a"),
    "Normalization": ("#2c8a3d", "#63c774"),
    "Regularization": ("#8a6d1f", "#d1b155"),
    "Recurrent": ("#b5379b", "#ea7fd3"),
    "Attention": ("#c22f5c", "#ff7d9f"),
    "Shape": ("#4a7186", "#8db7cc"),
    "Math": ("#5f6fb2", "#9aa9ea"),
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
}

UNKNOWN = ("#8a93a0", "#77808c")
