"""Layers that read a sequence step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32

Sequence = Annotated[Value, Port(F32, "A B F")]
State = Annotated[Value, Port(F32, "S M H")]


# How many times hidden_size each step computes by products, and keeps for the backward pass beside its new state.
GATES = {"LSTM": (4, 6), "GRU": (3, 6), "RNN": (1, 0)}
FLOAT32_BYTES = 4


class _Recurrent(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("hidden_size", "num_layers")
    random: ClassVar[bool] = True

    hidden_size: int = param(64, "Number of features the layer remembers.", low=1, high=2**20)
    num_layers: int = param(1, "Layers stacked on each other.", low=1, high=1000)
    bidirectional: bool = param(False, "Whether the sequence is read from both ends.")
    dropout: float = param(0.0, "Share dropped between stacked layers while training.", low=0, high=1)
    batch_first: bool = param(True, "Whether the axes are N T F (on) or T N F (off).", advanced=True)
    bias: bool = param(True, "Whether learned numbers are added to each gate.", advanced=True)

    def _recipe(self, target: str, input: Value, **states: Value | None) -> Recipe:
        if self.dropout and self.num_layers == 1:
            raise Mistake("dropout works between stacked layers; set num_layers to 2 or more.", param="dropout")
        expected = self._state_shape(input)
        for name, state in states.items():
            if state is not None and state.shape != expected:
                raise Mistake(
                    f"{name} is {list(state.shape)}; it must be {list(expected)}: layers x directions, batch, hidden_size.",
                    param=name,
                )
        settings = {name: value for name, value in self.changed().items() if name not in ("hidden_size", "batch_first")}
        if self.batch_first:
            settings["batch_first"] = True
        return Recipe(target, input[2], self.hidden_size, **settings)

    def _state_shape(self, input: Value) -> tuple[int, ...]:
        directions = 2 if self.bidirectional else 1
        return (self.num_layers * directions, input[0 if self.batch_first else 1], self.hidden_size)

    def trace(self, input: Value, **_states: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shapes: a run on the meta device would cost 5 ms a time step."""
        directions = 2 if self.bidirectional else 1
        state = (self._state_shape(input), input.dtype)
        output = ((*input.shape[:2], directions * self.hidden_size), input.dtype)
        return {"output": output, **{port: state for port in self.output_ports() if port != "output"}}

    def cost(self, input: Value, **_states: Value) -> tuple[int, int]:
        """State the cost, for the same reason: what a loop over the steps multiplies and keeps."""
        gates, kept = GATES[type(self).__name__]
        hidden = self.hidden_size
        told: int = getattr(self, "proj_size", 0) or hidden
        projected = hidden if told != hidden else 0
        directions = 2 if self.bidirectional else 1
        macs = numbers = 0
        for layer in range(self.num_layers):
            features = directions * told if layer else input[2]
            macs += directions * (gates * hidden * (features + told) + projected * told)
            numbers += directions * (kept * hidden + told + projected) + features
        steps = input[0] * input[1]
        return steps * macs, steps * numbers * FLOAT32_BYTES


class LSTM(_Recurrent, group="Recurrent"):
    """Reads a sequence with gated long and short memory."""

    synonyms = ("rnn", "sequence", "memory")
    inputs: ClassVar[str] = "input, (h_0, c_0)"
    outputs: ClassVar[str] = "output, (h_n, c_n)"
    example = {"input": "float32 2 7 5"}

    def build(self, input: Sequence, h_0: State | None = None, c_0: State | None = None) -> Recipe:
        if (h_0 is None) != (c_0 is None):
            raise Mistake("h_0 and c_0 go together: wire both or none.", param="h_0" if h_0 is None else "c_0")
        return self._recipe("nn.LSTM", input, h_0=h_0, c_0=c_0)


class GRU(_Recurrent, group="Recurrent"):
    """Reads a sequence with a gated memory, lighter than an LSTM."""

    synonyms = ("rnn", "sequence", "memory")
    outputs: ClassVar[str] = "output, h_n"
    example = {"input": "float32 2 7 5"}

    def build(self, input: Sequence, h_0: State | None = None) -> Recipe:
        return self._recipe("nn.GRU", input, h_0=h_0)


class RNN(_Recurrent, group="Recurrent"):
    """Reads a sequence with a plain recurrent memory (Elman)."""

    synonyms = ("elman", "sequence", "simple rnn")
    outputs: ClassVar[str] = "output, h_n"
    example = {"input": "float32 2 7 5"}

    def build(self, input: Sequence, h_0: State | None = None) -> Recipe:
        return self._recipe("nn.RNN", input, h_0=h_0)
