"""Positions told to networks that do not know of order."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import ANY, FLOAT, INTEGER, Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.axes import checked_axis, is_free
from engine.ops.ports import F32

BASE = "Longest wave, as a multiple of the shortest."


class SinusoidalPositions(Op, group="Embedding"):
    """Adds sines and cosines of many wavelengths to a sequence, which tell each position."""

    synonyms = ("positional encoding", "position embedding", "transformer", "sine")
    example = {"input": "float32 2 5 8"}

    base: float = param(10000.0, BASE, above=0, advanced=True)

    def build(self, input: Annotated[Value, Port(FLOAT, "N T E")]) -> Call:
        return Call("modules.add_sinusoids", input, **self.changed())


class LearnedPositions(Op, group="Embedding"):
    """Adds a learned vector for each position to a sequence."""

    synonyms = ("positional embedding", "position embedding", "transformer", "gpt", "bert")
    key: ClassVar[tuple[str, ...]] = ("max_length",)
    example = {"input": "float32 2 5 8"}

    max_length: int = param(512, "Positions that are learned; no sequence may be longer.", low=1, high=2**24)

    def build(self, input: Annotated[Value, Port(F32, "N T E")]) -> Recipe:
        length = input[1]
        if not is_free(length) and length > self.max_length:
            words = f"max_length is {self.max_length}, but input has {length} positions"
            raise Mistake(f"{words}; raise it.", param="max_length")
        return Recipe("modules.LearnedPositions", self.max_length, input[2])

    def trace(self, input: Value) -> dict[str, tuple[tuple[int | str, ...], str]]:
        return {"output": (input.shape, input.dtype)}


class RotaryPositions(Op, group="Attention"):
    """Rotates the features of queries or keys by angles that grow with the position."""

    synonyms = ("rope", "rotary embedding", "positional encoding", "position embedding", "llama")
    example = {"input": "float32 2 4 5 8"}

    base: float = param(10000.0, BASE, above=0, advanced=True)
    interleaved: bool = param(
        False, "Whether neighbouring features are pairs, or those of the two halves.", advanced=True
    )

    def build(self, input: Annotated[Value, Port(FLOAT, "... T E")]) -> Call:
        if input[-1] % 2:
            raise Mistake(f"input has {input[-1]} features; their number must be even, to pair them.", param="input")
        return Call("modules.rotate_by_position", input, **self.changed())


class AlibiBias(Op, group="Attention"):
    """Makes what attention scores lose with distance, for each head: a mask to be added."""

    synonyms = ("alibi", "linear bias", "relative position", "positional encoding", "position bias")
    key: ClassVar[tuple[str, ...]] = ("num_heads",)
    example = {"input": "float32 2 5 8"}

    num_heads: int = param(8, "Number of heads.", low=1, high=2**12)
    dim: int = param(1, "Axis of input along which positions lie.", low=-16, high=15)

    def build(self, input: Annotated[Value, Port(ANY, "...")]) -> Call:
        checked_axis(self.dim, input)
        return Call("modules.alibi_bias", input, self.num_heads, self.dim)


class SinusoidalEmbedding(Op, group="Embedding"):
    """Turns each number, such as a time step of a diffusion model, into sines and cosines of many wavelengths."""

    synonyms = ("time embedding", "timestep", "fourier features", "diffusion", "positional encoding")
    key: ClassVar[tuple[str, ...]] = ("embedding_dim",)
    example = {"input": "int64:0..99 2"}

    embedding_dim: int = param(64, "Numbers that each becomes.", low=1, high=2**20)
    base: float = param(10000.0, BASE, above=0, advanced=True)

    def build(self, input: Annotated[Value, Port((*FLOAT, *INTEGER), "...")]) -> Call:
        more = {} if self.base == 10000 else {"base": self.base}
        return Call("modules.sinusoidal_embedding", input, self.embedding_dim, **more)
