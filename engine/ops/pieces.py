"""Ops that take parts of a tensor along an axis, or add to its ends."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from engine.declare import Call, Mistake, Op, Value, param, show_value
from engine.kinds import FixedShape
from engine.ops.axes import checked_axis, counted, fitting, is_free, shown
from engine.ops.ports import Anything

MOST_PIECES = 8
PIECES = ", ".join(f"output_{place}" for place in range(1, MOST_PIECES + 1))


def _first(count: int) -> str:
    """The pattern of the first output ports."""
    return "".join(f"output_{place}," for place in range(1, count + 1))


class Select(Op, group="Shape"):
    """Picks one position along an axis, such as a sequence's last step."""

    synonyms = ("index", "last step", "first token", "cls token", "torch.select")
    key: ClassVar[tuple[str, ...]] = ("dim", "index")
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "Axis to pick along; it is removed.", low=-16, high=15)
    index: int = param(-1, "Position to pick; negative counts from the last.")

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        if not -size <= self.index < size:
            raise Mistake(f"index is {self.index}, but axis {self.dim} has {size} positions.", param="index")
        return Call("torch.select", input, self.dim, self.index)


class Narrow(Op, group="Shape"):
    """Takes a run of positions along an axis, from a start and of a length."""

    synonyms = ("part", "window", "cut", "torch.narrow")
    key: ClassVar[tuple[str, ...]] = ("dim", "start", "length")
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "Axis to take from.", low=-16, high=15)
    start: int = param(0, "First position; negative counts from the last.")
    length: int = param(1, "How many positions.", low=1)

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        if not -size <= self.start < size:
            raise Mistake(f"start is {self.start}, but axis {self.dim} has {size} positions.", param="start")
        first = self.start + size if self.start < 0 else self.start
        if first + self.length > size:
            words = f"length is {self.length}, but only {size - first} of the {size} positions of axis {self.dim}"
            raise Mistake(f"{words} are left from start on.", param="length")
        return Call("torch.narrow", input, self.dim, self.start, self.length)


class Slice(Op, group="Shape"):
    """Takes positions along an axis from a start to a stop, every step-th."""

    synonyms = ("range of positions", "every second", "shift", "crop", "subsample", "[start:stop:step]")
    key: ClassVar[tuple[str, ...]] = ("dim", "start", "stop", "step")
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "Axis to take from.", low=-16, high=15)
    start: int = param(0, "First position; negative counts from the last.")
    stop: int | None = param(None, "Position before which to stop; negative counts from the last, empty is the end.")
    step: int = param(1, "Positions between one and the next.", low=1)

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        for name, place in (("start", self.start), ("stop", self.stop)):
            if place is not None and not -size <= place <= size:
                raise Mistake(f"{name} is {place}, but axis {self.dim} has {size} positions.", param=name)
        if not range(size)[self.start : self.stop]:
            words = f"start is {self.start} and stop is {show_value(self.stop)}, which leaves none"
            raise Mistake(f"{words} of the {size} positions of axis {self.dim}.", param="start")
        return Call("modules.sliced", input, self.dim, self.start, self.stop, self.step)

    def summary(self) -> str:
        step = f":{self.step}" if self.step != 1 else ""
        return f"dim {self.dim}, {self.start or ''}:{'' if self.stop is None else self.stop}{step}"


class Chunk(Op, group="Shape"):
    """Cuts a tensor along an axis into equal pieces, such as queries, keys and values."""

    synonyms = ("split", "divide", "qkv", "unbind", "halves", "torch.chunk", "torch.tensor_split")
    outputs: ClassVar[str] = PIECES
    key: ClassVar[tuple[str, ...]] = ("chunks", "dim")
    example = {"input": "float32 2 6"}

    chunks: int = param(2, "Number of pieces.", low=2, high=MOST_PIECES)
    dim: int = param(-1, "Axis to cut along; negative counts from the last.", low=-16, high=15)

    def returns(self) -> str:
        return _first(self.chunks)

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        if is_free(size):  # pieces may differ by one, but there are always as many
            return Call("torch.tensor_split", input, self.chunks, dim=self.dim)
        if size % self.chunks:
            words = f"chunks is {self.chunks}, which does not divide the {size} positions of axis {self.dim}"
            raise Mistake(f"{words}; set a divisor, or use Split.", param="chunks")
        return Call("torch.chunk", input, self.chunks, dim=self.dim)


class Split(Op, group="Shape"):
    """Cuts a tensor along an axis into pieces of chosen sizes."""

    synonyms = ("divide", "parts", "torch.split")
    outputs: ClassVar[str] = PIECES
    key: ClassVar[tuple[str, ...]] = ("split_sizes", "dim")
    example = {"input": "float32 2 6"}

    split_sizes: FixedShape = param((1, -1), "Size of each piece; one may be -1, for what is left.")
    dim: int = param(-1, "Axis to cut along; negative counts from the last.", low=-16, high=15)

    def returns(self) -> str:
        return _first(len(self.split_sizes))

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        return Call("torch.split", input, self._sizes(size), dim=self.dim)

    def _sizes(self, whole: int) -> tuple[int, ...]:
        sizes = self.split_sizes
        text = f"split_sizes is {show_value(sizes)}"
        if not 1 <= len(sizes) <= MOST_PIECES:
            raise Mistake(f"{text}; it must name 1 to {MOST_PIECES} pieces.", param="split_sizes")
        if sizes.count(-1) > 1:
            raise Mistake(f"{text}; only one size may be -1.", param="split_sizes")
        if 0 in sizes:
            raise Mistake(f"{text}; each piece needs at least 1 position.", param="split_sizes")
        if -1 in sizes and is_free(whole):
            words = f"{text}, but axis {self.dim} has the size {whole}, which varies"
            raise Mistake(f"{words}, so what is left is not known; use Slice for the last piece.", param="split_sizes")
        rest = whole - sum(size for size in sizes if size != -1)
        if rest < 1 if -1 in sizes else rest != 0:
            want = f"fewer than {whole}" if -1 in sizes else str(whole)
            raise Mistake(
                f"{text}; together the sizes must be {want}, as axis {self.dim} is long.", param="split_sizes"
            )
        return tuple(rest if size == -1 else size for size in sizes)


class Pad(Op, group="Padding"):
    """Adds positions at the ends of axes."""

    synonyms = ("border", "margin", "zero padding", "torch.nn.functional.pad")
    key: ClassVar[tuple[str, ...]] = ("pad", "mode")
    example = {"input": "float32 2 3 4"}

    pad: FixedShape = param(
        (1, 1), "Positions before and behind the last axis, then before and behind the one before it."
    )
    mode: Literal["constant", "reflect", "replicate", "circular"] = param(
        "constant", "What is added: a number, the inside mirrored, the edge repeated, or the other end."
    )
    value: float = param(0.0, "The number added in mode constant.")

    def build(self, input: Anything) -> Call:
        self._check(input)
        if self.mode == "constant":
            more: dict[str, Any] = {} if self.value == 0 else {"value": fitting(self.value, input)}
            return Call("nn.functional.pad", input, self.pad, **more)
        if input.dtype == "bool" and self.mode != "circular":
            raise Mistake("input is bool, which mode cannot mirror or repeat; put a Cast before it.", param="mode")
        return Call("nn.functional.pad", input, self.pad, mode=self.mode)

    def _check(self, input: Value) -> None:
        text = f"pad is {show_value(self.pad)}"
        axes = len(self.pad) // 2
        if len(self.pad) % 2 or not self.pad:
            raise Mistake(f"{text}; it must hold two numbers for each axis that grows.", param="pad")
        if any(size < 0 for size in self.pad):
            raise Mistake(f"{text}; each number must be at least 0. Use Narrow to cut.", param="pad")
        if axes > input.ndim:
            raise Mistake(f"{text}, for {counted(axes)}, but input has {counted(input.ndim)}.", param="pad")
        if self.mode == "constant":
            return
        if axes > 3 or input.ndim not in (axes + 1, axes + 2):
            raise Mistake(
                f"{text}, for {counted(axes)}; in mode {self.mode}, input must have {axes + 1} or {axes + 2} axes "
                f"(it is {shown(input)}).",
                param="pad",
            )
        for axis in range(1, axes + 1):
            most = {"reflect": input[-axis] - 1, "circular": input[-axis]}.get(self.mode)
            if most is not None and max(self.pad[2 * axis - 2 : 2 * axis]) > most:
                raise Mistake(
                    f"{text}; in mode {self.mode}, at most {most} can be added to an axis of {input[-axis]}.",
                    param="pad",
                )
