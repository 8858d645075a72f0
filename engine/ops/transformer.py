"""The Transformer: its encoder, its decoder, and their layers, each as PyTorch builds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import Op, Port, Recipe, Value, param
from engine.ops.attention import (
    BATCH_FIRST,
    Mask,
    Masks,
    OtherPadding,
    Padding,
    Query,
    checked_batches,
    checked_heads,
)  # fmt: skip
from engine.ops.ports import F32

Other = Annotated[Value, Port(F32, "N/S S/N E")]

LAYERS = "Layers stacked on each other; all start with the same weights."
CAUSAL = "Whether each step gathers from itself and those before it alone."
MEMORY_CAUSAL = "Whether each step gathers from memory up to its own place alone."
MOST_LAYERS = 512

SELF = Masks("src_mask", "src_key_padding_mask", "is_causal")
ENCODER = Masks("mask", "src_key_padding_mask", "is_causal", detects=True)
TARGET = Masks("tgt_mask", "tgt_key_padding_mask", "tgt_is_causal")
TARGETS = Masks("tgt_mask", "tgt_key_padding_mask", "tgt_is_causal", detects=True)
SOURCES = Masks("src_mask", "src_key_padding_mask", "src_is_causal", detects=True)
MEMORY = Masks("memory_mask", "memory_key_padding_mask", "memory_is_causal")


class _Transformer(Op, abstract=True):
    """Shared by all: the params of one layer. Their width (PyTorch's d_model) is that of what flows in."""

    key: ClassVar[tuple[str, ...]] = ("nhead", "dim_feedforward")
    random: ClassVar[bool] = True

    nhead: int = param(8, "Heads of the attention; their number must divide the features.", low=1)
    dim_feedforward: int = param(2048, "Features between the two dense layers.", low=1, high=2**20)
    dropout: float = param(0.1, "Share dropped while training.", low=0, high=1)
    activation: Literal["relu", "gelu"] = param("relu", "Activation between the two dense layers.")
    norm_first: bool = param(False, "Whether norms stand before attention and dense layers; deep stacks learn better.")
    layer_norm_eps: float = param(1e-5, "Added to the norms' variance.", above=0, advanced=True)
    batch_first: bool = param(True, BATCH_FIRST, advanced=True)
    bias: bool = param(True, "Whether dense layers, projections and norms add learned numbers.", advanced=True)

    def _settings(self) -> dict[str, Any]:
        """What a layer is built with beside its width and its heads."""
        names = ("dim_feedforward", "dropout", "activation", "layer_norm_eps", "norm_first", "bias")
        settings = {name: value for name, value in self.changed().items() if name in names}
        return {**settings, "batch_first": True} if self.batch_first else settings

    def _norm(self, width: int) -> Recipe:
        eps = {} if self.layer_norm_eps == 1e-5 else {"eps": self.layer_norm_eps}
        return Recipe("nn.LayerNorm", width, **eps, **({} if self.bias else {"bias": False}))

    def _encoder(self, width: int, layers: int, *, norm: bool) -> Recipe:
        """An encoder without its shortcut for padded batches, which warns and zeroes padded steps in evaluation."""
        layer = Recipe("nn.TransformerEncoderLayer", width, self.nhead, **self._settings())
        norms = (self._norm(width),) if norm else ()
        return Recipe("nn.TransformerEncoder", layer, layers, *norms, enable_nested_tensor=False)


class _Encoding(_Transformer, abstract=True):
    synonyms = ("bert", "self attention", "vit", "gpt")

    is_causal: bool = param(False, CAUSAL)

    def trace(self, src: Value, **_masks: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shape: it is that of src."""
        return {"output": (src.shape, src.dtype)}

    def _forward(self, masks: Masks, src: Value, mask: Value | None, padding: Value | None) -> dict[str, Any]:
        checked_heads(src, "nhead", self.nhead)
        return masks.keywords(self, self.nhead, src, src, {masks.mask: mask, masks.padding: padding})


class TransformerEncoderLayer(_Encoding, group="Attention"):
    """Self-attention and two dense layers: one layer of a Transformer's encoder."""

    inputs: ClassVar[str] = "src, *, src_mask, src_key_padding_mask"
    example = {"src": "float32 2 7 16"}

    def build(self, src: Query, src_mask: Mask | None = None, src_key_padding_mask: Padding | None = None) -> Recipe:
        forward = self._forward(SELF, src, src_mask, src_key_padding_mask)
        recipe = Recipe("nn.TransformerEncoderLayer", src[2], self.nhead, **self._settings())
        return recipe.called_with(**forward)


class TransformerEncoder(_Encoding, group="Attention"):
    """A stack of self-attention layers that reads a sequence: BERT, a vision Transformer, or, made causal, GPT."""

    inputs: ClassVar[str] = "src, *, mask, src_key_padding_mask"
    key: ClassVar[tuple[str, ...]] = ("num_layers", "nhead", "dim_feedforward")
    example = {"src": "float32 2 7 16"}

    num_layers: int = param(6, LAYERS, low=1, high=MOST_LAYERS)
    norm: bool = param(False, "Whether a LayerNorm follows the last layer, as norm_first needs.")

    def build(self, src: Query, mask: Mask | None = None, src_key_padding_mask: Padding | None = None) -> Recipe:
        forward = self._forward(ENCODER, src, mask, src_key_padding_mask)
        return self._encoder(src[2], self.num_layers, norm=self.norm).called_with(**forward)


class _Decoding(_Transformer, abstract=True):
    synonyms = ("cross attention", "seq2seq", "translation", "detr")
    inputs: ClassVar[str] = "tgt, memory, *, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask"
    example = {"tgt": "float32 2 5 16", "memory": "float32 2 7 16"}

    tgt_is_causal: bool = param(False, CAUSAL)
    memory_is_causal: bool = param(False, MEMORY_CAUSAL, advanced=True)

    def trace(self, tgt: Value, **_others: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shape: it is that of tgt."""
        return {"output": (tgt.shape, tgt.dtype)}

    def _forward(self, masks: Masks, tgt: Value, memory: Value, given: Mapping[str, Value | None]) -> dict[str, Any]:
        checked_heads(tgt, "nhead", self.nhead)
        checked_batches(tgt, memory, batch_first=self.batch_first)
        own = masks.keywords(self, self.nhead, tgt, tgt, given)
        return {**own, **MEMORY.keywords(self, self.nhead, tgt, memory, given)}


class TransformerDecoderLayer(_Decoding, group="Attention"):
    """Self-attention, attention to a memory, and two dense layers: one layer of a Transformer's decoder."""

    def build(
        self,
        tgt: Query,
        memory: Other,
        tgt_mask: Mask | None = None,
        memory_mask: Mask | None = None,
        tgt_key_padding_mask: Padding | None = None,
        memory_key_padding_mask: OtherPadding | None = None,
    ) -> Recipe:
        given = {
            "tgt_mask": tgt_mask, "memory_mask": memory_mask, "tgt_key_padding_mask": tgt_key_padding_mask,
            "memory_key_padding_mask": memory_key_padding_mask,
        }  # fmt: skip
        forward = self._forward(TARGET, tgt, memory, given)
        recipe = Recipe("nn.TransformerDecoderLayer", tgt[2], self.nhead, **self._settings())
        return recipe.called_with(**forward)


class TransformerDecoder(_Decoding, group="Attention"):
    """A stack of layers that writes a sequence while it looks at a memory, such as an encoder's output."""

    key: ClassVar[tuple[str, ...]] = ("num_layers", "nhead", "dim_feedforward")

    num_layers: int = param(6, LAYERS, low=1, high=MOST_LAYERS)
    norm: bool = param(False, "Whether a LayerNorm follows the last layer, as norm_first needs.")

    def build(
        self,
        tgt: Query,
        memory: Other,
        tgt_mask: Mask | None = None,
        memory_mask: Mask | None = None,
        tgt_key_padding_mask: Padding | None = None,
        memory_key_padding_mask: OtherPadding | None = None,
    ) -> Recipe:
        given = {
            "tgt_mask": tgt_mask, "memory_mask": memory_mask, "tgt_key_padding_mask": tgt_key_padding_mask,
            "memory_key_padding_mask": memory_key_padding_mask,
        }  # fmt: skip
        forward = self._forward(TARGETS, tgt, memory, given)
        layer = Recipe("nn.TransformerDecoderLayer", tgt[2], self.nhead, **self._settings())
        norms = (self._norm(tgt[2]),) if self.norm else ()
        return Recipe("nn.TransformerDecoder", layer, self.num_layers, *norms).called_with(**forward)


class Transformer(_Transformer, group="Attention"):
    """Encoder and decoder in one: reads the sequence `src` and writes the sequence `tgt`."""

    synonyms = ("seq2seq", "translation", "attention is all you need")
    inputs: ClassVar[str] = (
        "src, tgt, *, src_mask, tgt_mask, memory_mask, src_key_padding_mask, tgt_key_padding_mask, "
        "memory_key_padding_mask"
    )
    key: ClassVar[tuple[str, ...]] = ("num_encoder_layers", "num_decoder_layers", "nhead")
    example = {"src": "float32 2 7 16", "tgt": "float32 2 5 16"}

    num_encoder_layers: int = param(6, "Layers of the encoder; all start with weights of their own.",
                                    low=1, high=MOST_LAYERS)  # fmt: skip
    num_decoder_layers: int = param(6, "Layers of the decoder; all start with weights of their own.",
                                    low=1, high=MOST_LAYERS)  # fmt: skip
    src_is_causal: bool = param(False, "Whether each step of src gathers from itself and those before it alone.",
                                advanced=True)  # fmt: skip
    tgt_is_causal: bool = param(False, "Whether each step of tgt gathers from itself and those before it alone.")
    memory_is_causal: bool = param(False, MEMORY_CAUSAL, advanced=True)

    def build(
        self,
        src: Other,
        tgt: Query,
        src_mask: Mask | None = None,
        tgt_mask: Mask | None = None,
        memory_mask: Mask | None = None,
        src_key_padding_mask: OtherPadding | None = None,
        tgt_key_padding_mask: Padding | None = None,
        memory_key_padding_mask: OtherPadding | None = None,
    ) -> Recipe:
        checked_heads(tgt, "nhead", self.nhead)
        checked_batches(src, tgt, batch_first=self.batch_first)
        given = {
            "src_mask": src_mask, "tgt_mask": tgt_mask, "memory_mask": memory_mask,
            "src_key_padding_mask": src_key_padding_mask, "tgt_key_padding_mask": tgt_key_padding_mask,
            "memory_key_padding_mask": memory_key_padding_mask,
        }  # fmt: skip
        forward = {
            **SOURCES.keywords(self, self.nhead, src, src, given),
            **TARGETS.keywords(self, self.nhead, tgt, tgt, given),
            **MEMORY.keywords(self, self.nhead, tgt, src, given),
        }
        layers = (self.num_encoder_layers, self.num_decoder_layers)
        custom = {"custom_encoder": self._encoder(src[2], layers[0], norm=True)} if self._is_special(given) else {}
        recipe = Recipe("nn.Transformer", tgt[2], self.nhead, *layers, **self._settings(), **custom)
        return recipe.called_with(**forward)

    def _is_special(self, given: Mapping[str, Value | None]) -> bool:
        """Whether PyTorch's own encoder would take its shortcut for padded batches, or warn that it cannot."""
        plain = self.batch_first and self.bias and not self.norm_first and self.nhead % 2 == 0
        return not plain or given["src_key_padding_mask"] is not None

    def trace(self, src: Value, tgt: Value, **_masks: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shape: it is that of tgt."""
        return {"output": (tgt.shape, tgt.dtype)}
