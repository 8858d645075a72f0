"""Cases of attention and the Transformer."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case

SMALL: dict[str, Any] = {"nhead": 4, "dim_feedforward": 8}
PRE_NORM: dict[str, Any] = {**SMALL, "norm_first": True, "activation": "gelu", "bias": False, "layer_norm_eps": 0.01}
SELF = {"query": "float32 2 7 16", "key": "float32 2 7 16", "value": "float32 2 7 16"}


def causal(steps: int, others: int | None = None) -> Tensor:
    """True above the diagonal."""
    return torch.ones(steps, others or steps).triu(1) == 1


def attended(module: Any, query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | float = 0.0) -> Any:
    """Multi-head attention by its formula, and the weights of each head; `hidden` is added to the scores."""
    heads, width = module.num_heads, module.embed_dim // module.num_heads
    weights, biases = module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3)
    q, k, v = (
        nn.functional.linear(each, weight, bias).reshape(*each.shape[:2], heads, width).transpose(1, 2)
        for each, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )
    shares = torch.softmax(q @ k.transpose(2, 3) / width**0.5 + hidden, -1)
    return module.out_proj((shares @ v).transpose(1, 2).flatten(2)), shares


def infinite(hidden: Tensor) -> Tensor:
    return torch.zeros(hidden.shape).masked_fill(hidden, float("-inf"))


def decoded(module: Any, **given: Tensor) -> Any:
    """A module called by keyword, as PyTorch spells them."""
    return module(**given)


def without_warnings(make: Any) -> Any:
    """PyTorch's Transformer warns of a shortcut it does not take; ours does not look for it."""
    with warnings.catch_warnings(action="ignore"):
        return make()


ATTENTION = [
    Case(
        "MultiheadAttention",
        make=lambda: nn.MultiheadAttention(16, 8, batch_first=True),
        call=lambda module, query, key, value: module(query, key, value, need_weights=False),
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 4, "need_weights": True, "average_attn_weights": False},
        make=lambda: nn.MultiheadAttention(16, 4, batch_first=True),
        call=attended,
        tolerance=1e-5,
        name="formula",
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 4, "need_weights": True, "dropout": 0.3},
        inputs={"key_padding_mask": "bool 2 5"},
        make=lambda: nn.MultiheadAttention(16, 4, dropout=0.3, batch_first=True),
        call=lambda module, key_padding_mask, **given: module(**given, key_padding_mask=key_padding_mask),
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 2, "is_causal": True},
        inputs=SELF,
        make=lambda: nn.MultiheadAttention(16, 2, batch_first=True),
        call=lambda module, **given: attended(module, **given, hidden=infinite(causal(7)))[0],
        tolerance=1e-5,
        name="causal formula",
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 2, "is_causal": True, "need_weights": True},
        make=lambda: nn.MultiheadAttention(16, 2, batch_first=True),
        call=lambda module, query, key, value: module(query, key, value, attn_mask=causal(7, 5)),
        name="causal weights",
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 2, "is_causal": True, "add_bias_kv": True, "add_zero_attn": True},
        inputs=SELF,
        make=lambda: nn.MultiheadAttention(16, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True),
        call=lambda module, query, key, value: module(query, key, value, attn_mask=causal(7), need_weights=False),
        name="causal with added positions",
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 2, "is_causal": True},
        inputs={**SELF, "key_padding_mask": "float32 2 7"},
        make=lambda: nn.MultiheadAttention(16, 2, batch_first=True),
        call=lambda module, query, key, value, key_padding_mask: attended(
            module, query, key, value, infinite(causal(7)) + key_padding_mask[:, None, None]
        )[0],
        tolerance=1e-5,
        name="causal with padding",
    ),
    Case(
        "MultiheadAttention",
        params={"num_heads": 4, "batch_first": False, "bias": False},
        inputs={
            "query": "float32 7 2 16",
            "key": "float32 5 2 6",
            "value": "float32 5 2 9",
            "key_padding_mask": "float32 2 5",
            "attn_mask": "float32 8 7 5",
        },
        make=lambda: nn.MultiheadAttention(16, 4, bias=False, kdim=6, vdim=9),
        call=lambda module, **given: module(**given, need_weights=False),
        name="steps first",
    ),
]

ENCODERS = [
    Case("TransformerEncoderLayer", make=lambda: nn.TransformerEncoderLayer(16, 8, batch_first=True)),
    Case(
        "TransformerEncoderLayer",
        params=PRE_NORM,
        inputs={"src_mask": "float32 7 7", "src_key_padding_mask": "float32 2 7"},
        make=lambda: nn.TransformerEncoderLayer(
            16, 4, 8, activation="gelu", layer_norm_eps=0.01, batch_first=True, norm_first=True, bias=False
        ),
        name="masks",
    ),
    Case(
        "TransformerEncoderLayer",
        params={**SMALL, "is_causal": True, "dropout": 0.0, "batch_first": False},
        inputs={"src": "float32 7 2 16"},
        make=lambda: nn.TransformerEncoderLayer(16, 4, 8, 0.0),
        call=lambda module, src: module(src, src_mask=infinite(causal(7))),
        tolerance=1e-5,
        name="causal",
    ),
    Case(
        "TransformerEncoder",
        make=lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 8, batch_first=True), 6),
    ),
    Case(
        "TransformerEncoder",
        params={**PRE_NORM, "num_layers": 2, "norm": True},
        inputs={"mask": "bool 7 7"},
        make=lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                16, 4, 8, activation="gelu", layer_norm_eps=0.01, batch_first=True, norm_first=True, bias=False
            ),
            2,
            nn.LayerNorm(16, 0.01, bias=False),
            enable_nested_tensor=False,
        ),
        name="mask",
    ),
    Case(
        "TransformerEncoder",
        params={**SMALL, "num_layers": 2, "is_causal": True},
        inputs={"src_key_padding_mask": "float32 2 7"},
        make=lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 8, batch_first=True), 2),
        call=lambda module, src, src_key_padding_mask: module(
            src, infinite(causal(7)), src_key_padding_mask, is_causal=True
        ),
        name="causal with padding",
    ),
]

DECODERS = [
    Case("TransformerDecoderLayer", make=lambda: nn.TransformerDecoderLayer(16, 8, batch_first=True)),
    Case(
        "TransformerDecoderLayer",
        params=PRE_NORM,
        inputs={
            "tgt_mask": "float32 8 5 5",
            "memory_mask": "float32 5 7",
            "tgt_key_padding_mask": "float32 2 5",
            "memory_key_padding_mask": "float32 2 7",
        },
        make=lambda: nn.TransformerDecoderLayer(
            16, 4, 8, activation="gelu", layer_norm_eps=0.01, batch_first=True, norm_first=True, bias=False
        ),
        call=decoded,
        name="masks",
    ),
    Case(
        "TransformerDecoder",
        make=lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 8, batch_first=True), 6),
    ),
    Case(
        "TransformerDecoder",
        params={**SMALL, "num_layers": 2, "norm": True, "tgt_is_causal": True, "memory_is_causal": True},
        make=lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 8, batch_first=True), 2, nn.LayerNorm(16)),
        call=lambda module, tgt, memory: module(
            tgt, memory, infinite(causal(5)), infinite(causal(5, 7)), tgt_is_causal=True, memory_is_causal=True
        ),
        name="causal",
    ),
    Case(
        "TransformerDecoder",
        params={**SMALL, "num_layers": 1, "batch_first": False, "dropout": 0.0},
        inputs={"tgt": "float32 5 2 16", "memory": "float32 7 2 16", "tgt_mask": "float32 5 5"},
        make=lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 8, 0.0), 1),
        call=decoded,
        name="steps first",
    ),
    Case("Transformer", make=lambda: nn.Transformer(16, 8, batch_first=True)),
    Case(
        "Transformer",
        params={**SMALL, "num_encoder_layers": 1, "num_decoder_layers": 2, "tgt_is_causal": True},
        inputs={"src_key_padding_mask": "bool 2 7", "memory_key_padding_mask": "bool 2 7"},
        make=lambda: nn.Transformer(16, 4, 1, 2, 8, batch_first=True),
        call=lambda module, src, tgt, **masks: module(
            src, tgt, tgt_mask=infinite(causal(5)), tgt_is_causal=True, **masks
        ),
        name="causal with padding",
    ),
    Case(
        "Transformer",
        params={**SMALL, "num_encoder_layers": 1, "num_decoder_layers": 1, "batch_first": False},
        inputs={"src": "float32 7 2 16", "tgt": "float32 5 2 16", "src_mask": "float32 7 7", "memory_mask": "bool 5 7"},
        make=lambda: without_warnings(lambda: nn.Transformer(16, 4, 1, 1, 8)),
        call=decoded,
        name="steps first",
    ),
]

CASES = [*ATTENTION, *ENCODERS, *DECODERS]
