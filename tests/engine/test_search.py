from __future__ import annotations

import pytest

from engine.ops import search


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("add", "Add"), ("cat", "Concat"), ("max", "Max"), ("softmax", "Softmax"), ("norm", "Norm"), ("conv", "Conv1d"),
        ("dense", "Linear"), ("fc", "Linear"), ("relu", "ReLU"), ("lstm", "LSTM"), ("dropout", "Dropout"), ("mean", "Mean"),
        ("self attention", "MultiheadAttention"), ("embedding", "Embedding"), ("f1", "F1"), ("residual", "Add"),
        ("cross entropy", "CrossEntropyLoss"), ("noise", "RandomNormal"), ("slice", "Slice"),
    ],
)  # fmt: skip
def test_the_obvious_op_comes_first(words: str, first: str) -> None:
    assert search(words)[0] == first
