"""Attention between sequences."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32

MASK = ("bool", "float32")


class MultiheadAttention(Op, group="Attention"):
    """Lets each position of `query` gather from all positions of `key` and `value`, in several heads."""

    synonyms = ("self attention", "transformer", "mha", "multi-head")
    outputs: ClassVar[str] = "output, weights"
    key: ClassVar[tuple[str, ...]] = ("num_heads",)
    random: ClassVar[bool] = True
    example = {"query": "float32 2 7 16", "key": "float32 2 5 16", "value": "float32 2 5 16"}

    num_heads: int = param(8, "Heads; their number must divide the features of query.", low=1)
    dropout: float = param(0.0, "Share of the attention weights dropped while training.", low=0, high=1)
    need_weights: bool = param(False, "Whether the attention weights come out too, averaged over the heads.")
    bias: bool = param(True, "Whether the projections add learned numbers.", advanced=True)
    add_bias_kv: bool = param(False, "Whether a learned position is added to key and value.", advanced=True)
    add_zero_attn: bool = param(False, "Whether a position of zeros is added to key and value.", advanced=True)

    def build(
        self,
        query: Annotated[Value, Port(F32, "N T E")],
        key: Annotated[Value, Port(F32, "N S K")],
        value: Annotated[Value, Port(F32, "N S V")],
        key_padding_mask: Annotated[Value, Port(MASK, "N S")] | None = None,
        attn_mask: Annotated[Value, Port(MASK, "...")] | None = None,
    ) -> Recipe:
        width = query[2]
        if width % self.num_heads:
            raise Mistake(
                f"num_heads is {self.num_heads}, which does not divide the {width} features of query.",
                param="num_heads",
            )
        settings = {
            name: setting for name, setting in self.changed().items() if name not in ("num_heads", "need_weights")
        }
        if (key[2], value[2]) != (width, width):
            settings.update(kdim=key[2], vdim=value[2])
        recipe = Recipe("nn.MultiheadAttention", width, self.num_heads, batch_first=True, **settings)
        return recipe if self.need_weights else recipe.called_with(need_weights=False)
