"""Attention between sequences. In a mask, true hides a position, and a float is added to its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from engine.declare import Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.axes import dividing, is_free
from engine.ops.ports import F32
from engine.sizes import Tried

# A sequence is N T E, or T N E with batch_first off; the other one of an attention is N S E or S N E.
Query = Annotated[Value, Port(F32, "N/T T/N E")]
Mask = Annotated[Value, Port(("bool", "float32"), "...")]
Padding = Annotated[Value, Port(("bool", "float32"), "N T")]
OtherPadding = Annotated[Value, Port(("bool", "float32"), "N S")]

BATCH_FIRST = "Whether the axes are N T E (on) or T N E (off)."


@dataclass(frozen=True, slots=True)
class Masks:
    """The ports and params that mask one attention, by name.

    `detects` is on where PyTorch, unless told, compares the mask's numbers with a causal one on every call.
    """

    mask: str
    padding: str
    causal: str
    detects: bool = False

    def keywords(
        self, op: Op, heads: int, query: Value, key: Value, given: Mapping[str, Value | None]
    ) -> dict[str, Any]:
        """Check what is wired to the ports; returns the keywords of a causal mask where the op asks for one."""
        mask, padding = given[self.mask], given[self.padding]
        batch_first: bool = op.batch_first  # type: ignore[attr-defined]  # all attentions have it
        batch, steps = (0, 1) if batch_first else (1, 0)
        if padding is not None and padding.shape != (key[batch], key[steps]):
            raise Mistake(
                f"{self.padding} is {list(padding.shape)}; it must be {[key[batch], key[steps]]}, "
                f"a number for each step of {key.port}.",
                param=self.padding,
            )
        if mask is not None:
            self._checked_mask(mask, padding, (_times(heads, query[batch]), query[steps], key[steps]))
        if not getattr(op, self.causal):
            return {self.causal: False} if mask is not None and self.detects else {}
        if mask is not None:
            words = f"{self.causal} is on and {self.mask} is wired; turn it off, or unwire the mask."
            raise Mistake(words, param=self.mask)
        target = "modules.hidden_steps" if padding is None or padding.dtype == "bool" else "modules.hidden_bias"
        axis = () if batch_first else (0,)
        return {self.mask: Call(target, query, key, *axis), self.causal: True}

    def _checked_mask(self, mask: Value, padding: Value | None, shape: tuple[int, int, int]) -> None:
        if mask.shape not in (shape, shape[1:]):
            raise Mistake(
                f"{self.mask} is {list(mask.shape)}; it must be {list(shape[1:])}, from step to step, "
                f"or {list(shape)} with a mask for each sample and head.",
                param=self.mask,
            )
        if padding is not None and padding.dtype != mask.dtype:
            raise Mistake(
                f"{self.mask} is {mask.dtype} and {self.padding} is {padding.dtype}; both must be one type.",
                param=self.padding,
            )


def _times(heads: int, batch: int) -> int:
    return Tried(heads * batch, f"{heads}*{batch}") if is_free(batch) else heads * batch


def checked_heads(query: Value, name: str, heads: int) -> None:
    """Raise Mistake where the heads do not share the features out evenly."""
    if query[2] % heads:
        words = f"{name} is {heads}, which does not divide the {query[2]} features of {query.port}"
        raise Mistake(f"{words}; {dividing(query[2], heads)}.", param=name)


def checked_batches(query: Value, key: Value, *, batch_first: bool) -> None:
    """Raise Mistake where two sequences differ in their batch."""
    axis = 0 if batch_first else 1
    if query[axis] != key[axis]:
        raise Mistake(
            f"{query.port} has a batch of {query[axis]} and {key.port} of {key[axis]} (axis {axis}); "
            "they must be equal.",
            param=key.port,
        )


MASKS = Masks("attn_mask", "key_padding_mask", "is_causal")


class MultiheadAttention(Op, group="Attention"):
    """Lets each position of `query` gather from all positions of `key` and `value`, in several heads."""

    synonyms = ("self attention", "transformer", "mha", "multi-head")
    inputs: ClassVar[str] = "query, key, value, *, key_padding_mask, attn_mask"
    outputs: ClassVar[str] = "output, weights"
    key: ClassVar[tuple[str, ...]] = ("num_heads",)
    random: ClassVar[bool] = True
    example = {"query": "float32 2 7 16", "key": "float32 2 5 16", "value": "float32 2 5 16"}

    num_heads: int = param(8, "Heads; their number must divide the features of query.", low=1)
    dropout: float = param(0.0, "Share of the attention weights dropped while training.", low=0, high=1)
    is_causal: bool = param(False, "Whether each step gathers from itself and those before it alone.")
    need_weights: bool = param(False, "Whether the attention weights come out too.")
    average_attn_weights: bool = param(
        True, "Whether the weights that come out are averaged over the heads.", advanced=True
    )
    bias: bool = param(True, "Whether the projections add learned numbers.", advanced=True)
    add_bias_kv: bool = param(False, "Whether a learned position is added to key and value.", advanced=True)
    add_zero_attn: bool = param(False, "Whether a position of zeros is added to key and value.", advanced=True)
    batch_first: bool = param(True, BATCH_FIRST, advanced=True)

    def build(
        self,
        query: Query,
        key: Annotated[Value, Port(F32, "N/S S/N K")],
        value: Annotated[Value, Port(F32, "N/S S/N V")],
        key_padding_mask: OtherPadding | None = None,
        attn_mask: Mask | None = None,
    ) -> Recipe:
        checked_heads(query, "num_heads", self.num_heads)
        checked_batches(query, key, batch_first=self.batch_first)
        masks = {"key_padding_mask": key_padding_mask, "attn_mask": attn_mask}
        forward = MASKS.keywords(self, self.num_heads, query, key, masks)
        if self.add_bias_kv or self.add_zero_attn or self.need_weights or key_padding_mask is not None:
            forward.pop("is_causal", None)  # a hint that would hide the added position, or that goes unused
        if not self.need_weights:
            forward["need_weights"] = False
        elif not self.average_attn_weights:
            forward["average_attn_weights"] = False
        constructed = ("dropout", "bias", "add_bias_kv", "add_zero_attn")
        settings = {name: setting for name, setting in self.changed().items() if name in constructed}
        if (key[2], value[2]) != (query[2], query[2]):
            settings.update(kdim=key[2], vdim=value[2])
        if self.batch_first:
            settings["batch_first"] = True
        return Recipe("nn.MultiheadAttention", query[2], self.num_heads, **settings).called_with(**forward)
