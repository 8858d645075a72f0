from __future__ import annotations

import pytest

from engine.ops import OPS, search


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("add", "Add"),
        ("cat", "Concat"),
        ("torch.cat", "Concat"),
        ("max", "Max"),
        ("sum", "Sum"),
        ("softmax", "Softmax"),
        ("norm", "Norm"),
        ("layer norm", "LayerNorm"),
        ("batch-norm", "BatchNorm1d"),
        ("mask", "MaskedFill"),
        ("causal", "CausalMask"),
        ("conv", "Conv2d"),
        ("pool", "MaxPool2d"),
        ("dense", "Linear"),
        ("bmm", "BatchMatMul"),
        ("matmul", "MatMul"),
        ("attention", "MultiheadAttention"),
        ("scaled dot", "ScaledDotProductAttention"),
        ("sdpa", "ScaledDotProductAttention"),
        ("minus", "Subtract"),
        ("mod", "Remainder"),
        ("clip", "Clamp"),
        ("not", "LogicalNot"),
        ("and", "LogicalAnd"),
        ("one-hot", "OneHot"),
        ("onehot", "OneHot"),
        ("lookup", "Embedding"),
        ("residual", "Add"),
        ("detach", "StopGradient"),
        ("view", "Reshape"),
        ("arange", "Range"),
        ("randn", "RandomNormal"),
        ("rope", "RotaryPositions"),
        ("iou", "IoU"),
        ("mel", "MelSpectrogram"),
        ("stft", "STFT"),
        ("ifft", "IFFT"),
        ("vector_norm", "Norm"),
        ("cnv2d", "Conv2d"),
    ],
)
def test_the_obvious_op_comes_first(words: str, first: str) -> None:
    assert search(words)[0] == first


@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_is_found_first_by_its_own_name_however_it_is_spelt(name: str) -> None:
    assert search(name)[0] == name
    assert search(f" {name.upper()} ")[0] == name


@pytest.mark.parametrize("name", sorted(name for name, op in OPS.items() if op.source_of().startswith("torch.")))
def test_an_op_is_found_by_the_name_that_pytorch_gives_it(name: str) -> None:
    function = OPS[name].source_of().rpartition(".")[2]
    assert name in search(function)[:8]


def test_words_of_the_description_find_an_op_after_those_named_so() -> None:
    found = search("probability")
    assert "RandomBernoulli" in found
    assert search("square root")[0] == "Sqrt"


def test_nothing_but_letters_in_order_counts_where_no_word_matches() -> None:
    assert "KthValue" not in search("vae")
    assert search("xqzzy") == []


def test_no_words_list_everything() -> None:
    assert set(search("")) == set(OPS)
    assert search("lin", {"Linear": OPS["Linear"], "Add": OPS["Add"]}) == ["Linear"]
