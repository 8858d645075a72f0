"""Attention as a function, and the masks that guide it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from engine.declare import ANY, FLOAT, INDEX, Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.axes import checked_axis, checked_same_dtype, joined_batch, shown

Form = Literal["blocked", "allowed", "added"]

FORM = (
    "Blocked: true where attention may not look, for MultiheadAttention. Allowed: true where it may, for "
    "ScaledDotProductAttention. Added: 0 or minus infinity, for both."
)


class ScaledDotProductAttention(Op, group="Attention"):
    """Lets each query gather the values whose keys are like it; it has no weights of its own."""

    synonyms = ("sdpa", "flash attention", "softmax(qk)v", "torch.nn.functional.scaled_dot_product_attention")
    key: ClassVar[tuple[str, ...]] = ("is_causal",)
    random: ClassVar[bool] = True
    example = {"query": "float32 2 4 7 8", "key": "float32 2 4 5 8", "value": "float32 2 4 5 8"}

    dropout_p: float = param(0.0, "Share of the attention weights dropped while training.", low=0, below=1)
    is_causal: bool = param(False, "Whether each query sees only the positions up to its own.")
    scale: float | None = param(
        None, "Factor of the products; empty for 1 / the root of the features.", above=0, advanced=True
    )
    enable_gqa: bool = param(False, "Whether a few heads of key and value serve all heads of query.", advanced=True)

    def build(
        self,
        query: Annotated[Value, Port(FLOAT, "... T E")],
        key: Annotated[Value, Port(FLOAT, "... S E")],
        value: Annotated[Value, Port(FLOAT, "... S V")],
        attn_mask: Annotated[Value, Port(("bool", *FLOAT), "... T S")] | None = None,
    ) -> Recipe | Call:
        checked_same_dtype(query, key, value)
        self._check_heads(query, key, value)
        if attn_mask is not None:
            self._check_mask(query, attn_mask)
        settings = self.changed()
        if self.dropout_p:
            return Recipe("modules.ScaledDotProductAttention", **settings)
        inputs = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
        return Call("nn.functional.scaled_dot_product_attention", *inputs, **settings)

    def _check_heads(self, query: Value, key: Value, value: Value) -> None:
        if not self.enable_gqa:
            joined_batch(query, key)
            joined_batch(query, value)
            joined_batch(key, value)
            return
        if query.ndim < 4 or {query.ndim} != {key.ndim, value.ndim} or key[-3] != value[-3]:
            raise Mistake(
                f"query is {shown(query)}, key is {shown(key)} and value is {shown(value)}; with enable_gqa each must "
                "be N H T E, key and value with as many heads.",
                param="key",
            )
        if query[-3] % key[-3]:
            words = (
                f"query has {query[-3]} heads and key has {key[-3]}; with enable_gqa the second must divide the first."
            )
            raise Mistake(words, param="key")

    def _check_mask(self, query: Value, mask: Value) -> None:
        if self.is_causal:
            words = "is_causal is true, but a mask is wired to attn_mask; put both into the mask, with CausalMask"
            raise Mistake(f"{words} and LogicalAnd.", param="is_causal")
        if mask.dtype not in ("bool", query.dtype):
            raise Mistake(
                f"attn_mask is {mask.dtype}; it must be bool or {query.dtype}, as query is.", param="attn_mask"
            )
        sizes = zip(reversed(mask.shape[:-2]), reversed(query.shape[:-2]), strict=False)
        if mask.ndim > query.ndim or any(one not in (1, two) for one, two in sizes):
            raise Mistake(
                f"attn_mask is {shown(mask)} and query is {shown(query)}; before T S, each size of the mask must be 1 "
                "or that of query, counted from the last (put an Unsqueeze before it).",
                param="attn_mask",
            )


class CausalMask(Op, group="Attention"):
    """Makes the mask with which each position attends to itself and those before it."""

    synonyms = ("look-ahead mask", "autoregressive", "triangular mask", "sliding window")
    key: ClassVar[tuple[str, ...]] = ("form",)
    example = {"input": "float32 2 5 8"}

    dim: int = param(1, "Axis of input that is as long as the mask.", low=-16, high=15)
    form: Form = param("blocked", FORM)
    window: int | None = param(None, "How many positions each sees, itself and those before it; empty for all.", low=1)

    def build(self, input: Annotated[Value, Port(ANY, "...")]) -> Call:
        checked_axis(self.dim, input)
        more = {} if self.window is None else {"window": self.window}
        return Call("modules.causal_mask", input, self.dim, self.form, **more)


class PaddingMask(Op, group="Attention"):
    """Makes the mask of each sequence's padding from the lengths."""

    synonyms = ("length mask", "key padding mask", "sequence mask")
    key: ClassVar[tuple[str, ...]] = ("form",)
    example = {"lengths": "int64:1..5 2", "input": "float32 2 5 8"}

    dim: int = param(1, "Axis of input along which the sequences lie.", low=-16, high=15)
    form: Form = param("blocked", FORM)

    def build(
        self,
        lengths: Annotated[Value, Port(INDEX, "N")],
        input: Annotated[Value, Port(ANY, "N ...")],
    ) -> Call:
        checked_axis(self.dim, input)
        return Call("modules.padding_mask", lengths, input, self.dim, self.form)


class TokenMask(Op, group="Attention"):
    """Makes the mask of each sequence's padding from its token indices."""

    synonyms = ("padding mask", "key padding mask", "pad index")
    key: ClassVar[tuple[str, ...]] = ("padding_idx", "form")
    example = {"tokens": "int64:0..3 2 5"}

    padding_idx: int = param(0, "Index of the padding token.", low=-(2**31), high=2**31 - 1)
    form: Form = param("blocked", FORM)

    def build(self, tokens: Annotated[Value, Port(INDEX, "...")]) -> Call:
        return Call("modules.token_mask", tokens, self.padding_idx, self.form)
