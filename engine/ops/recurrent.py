"""Layers that read a sequence step by step, and the cells that do one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32

Traced = Mapping[str, tuple[tuple[int, ...], str]]

Sequence = Annotated[Value, Port(F32, "N/T T/N F")]  # by batch_first
State = Annotated[Value, Port(F32, "S M H")]
CellState = Annotated[Value, Port(F32, "S M C")]

HIDDEN = "Number of features the layer remembers."
NONLINEARITY = "What is applied at each step."


class _Recurrent(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("hidden_size", "num_layers")
    random: ClassVar[bool] = True
    outputs: ClassVar[str] = "output, h_n"
    example = {"input": "float32 2 7 5"}

    hidden_size: int = param(64, HIDDEN, low=1, high=2**20)
    num_layers: int = param(1, "Layers stacked on each other.", low=1, high=1000)
    bidirectional: bool = param(False, "Whether the sequence is read from both ends.")
    dropout: float = param(0.0, "Share dropped between stacked layers while training.", low=0, high=1)
    batch_first: bool = param(True, "Whether the axes are N T F (on) or T N F (off).", advanced=True)
    bias: bool = param(True, "Whether learned numbers are added to each gate.", advanced=True)

    def _recipe(self, input: Value, **states: Value | None) -> Recipe:
        if self.dropout and self.num_layers == 1:
            raise Mistake("dropout works between stacked layers; set num_layers to 2 or more.", param="dropout")
        for name, state in states.items():
            expected = self._state_shape(input, self._width(name))
            if state is not None and state.shape != expected:
                raise Mistake(
                    f"{name} is {list(state.shape)}; it must be {list(expected)}: "
                    "layers x directions, batch, features.",
                    param=name,
                )
        settings = {name: value for name, value in self.changed().items() if name not in ("hidden_size", "batch_first")}
        if self.batch_first:
            settings["batch_first"] = True
        return Recipe(f"nn.{type(self).__name__}", input[2], self.hidden_size, **settings)

    def _width(self, port: str) -> int:
        """The number of features that come through a port."""
        return self.hidden_size

    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _state_shape(self, input: Value, width: int) -> tuple[int, ...]:
        return (self.num_layers * self._directions(), input[0 if self.batch_first else 1], width)

    def trace(self, input: Value, **_states: Value) -> Traced:
        """State the shapes: a run on the meta device would cost 5 ms a time step."""
        shapes = {port: self._state_shape(input, self._width(port)) for port in self.output_ports()}
        shapes["output"] = (*input.shape[:2], self._directions() * self._width("output"))
        return {port: (shape, input.dtype) for port, shape in shapes.items()}


class LSTM(_Recurrent, group="Recurrent"):
    """Reads a sequence with gated long and short memory."""

    synonyms = ("rnn", "sequence", "memory")
    inputs: ClassVar[str] = "input, (h_0, c_0)"
    outputs: ClassVar[str] = "output, (h_n, c_n)"

    proj_size: int = param(
        0, "Number of features the output is projected to; 0 for all of hidden_size.", low=0, advanced=True
    )

    def build(self, input: Sequence, h_0: State | None = None, c_0: CellState | None = None) -> Recipe:
        if self.proj_size >= self.hidden_size:
            raise Mistake(
                f"proj_size is {self.proj_size}; it must be less than hidden_size ({self.hidden_size}).",
                param="proj_size",
            )
        if (h_0 is None) != (c_0 is None):
            raise Mistake("h_0 and c_0 go together: wire both or none.", param="h_0" if h_0 is None else "c_0")
        return self._recipe(input, h_0=h_0, c_0=c_0)

    def _width(self, port: str) -> int:
        return self.hidden_size if port in ("c_0", "c_n") else self.proj_size or self.hidden_size


class GRU(_Recurrent, group="Recurrent"):
    """Reads a sequence with a gated memory, lighter than an LSTM."""

    synonyms = ("rnn", "sequence", "memory")

    def build(self, input: Sequence, h_0: State | None = None) -> Recipe:
        return self._recipe(input, h_0=h_0)


class RNN(_Recurrent, group="Recurrent"):
    """Reads a sequence with a plain recurrent memory (Elman)."""

    synonyms = ("elman", "sequence", "simple rnn")

    nonlinearity: Literal["tanh", "relu"] = param("tanh", NONLINEARITY, advanced=True)

    def build(self, input: Sequence, h_0: State | None = None) -> Recipe:
        return self._recipe(input, h_0=h_0)


class _Cell(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("hidden_size",)
    outputs: ClassVar[str] = "h_1"
    example = {"input": "float32 2 5"}

    hidden_size: int = param(64, HIDDEN, low=1, high=2**20)
    bias: bool = param(True, "Whether learned numbers are added to each gate.", advanced=True)

    def _recipe(self, input: Value, **states: Value | None) -> Recipe:
        for name, state in states.items():
            if state is not None and state.shape != (input[0], self.hidden_size):
                raise Mistake(
                    f"{name} is {list(state.shape)}; it must be {[input[0], self.hidden_size]}: batch, hidden_size.",
                    param=name,
                )
        settings: dict[str, Any] = {name: value for name, value in self.changed().items() if name != "hidden_size"}
        return Recipe(f"nn.{type(self).__name__}", input[1], self.hidden_size, **settings)


Step = Annotated[Value, Port(F32, "N F")]
StepState = Annotated[Value, Port(F32, "N H")]


class LSTMCell(_Cell, group="Recurrent"):
    """One step of an LSTM: reads the step's features and the memory, and gives the new memory."""

    synonyms = ("rnn", "memory", "single step")
    inputs: ClassVar[str] = "input, (h_0, c_0)"
    outputs: ClassVar[str] = "h_1, c_1"

    def build(self, input: Step, h_0: StepState | None = None, c_0: StepState | None = None) -> Recipe:
        if (h_0 is None) != (c_0 is None):
            raise Mistake("h_0 and c_0 go together: wire both or none.", param="h_0" if h_0 is None else "c_0")
        return self._recipe(input, h_0=h_0, c_0=c_0)


class GRUCell(_Cell, group="Recurrent"):
    """One step of a GRU: reads the step's features and the memory, and gives the new memory."""

    synonyms = ("rnn", "memory", "single step")

    def build(self, input: Step, h_0: StepState | None = None) -> Recipe:
        return self._recipe(input, h_0=h_0)


class RNNCell(_Cell, group="Recurrent"):
    """One step of a plain recurrent memory (Elman): reads the step's features and gives the new memory."""

    synonyms = ("elman", "single step", "simple rnn")

    nonlinearity: Literal["tanh", "relu"] = param("tanh", NONLINEARITY, advanced=True)

    def build(self, input: Step, h_0: StepState | None = None) -> Recipe:
        return self._recipe(input, h_0=h_0)
