"""Softmax over very many classes: the frequent ones are weighed at once, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from engine.declare import INT64, Loss, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32

Features = Annotated[Value, Port(F32, "N F")]


class _Adaptive(Op, abstract=True):
    """The params of both; classes must be ordered by how often they come, the most frequent first."""

    key: ClassVar[tuple[str, ...]] = ("n_classes", "cutoffs")

    n_classes: int = param(10_000, "Number of classes, the most frequent first.", low=2, high=2**31)
    cutoffs: tuple[int, ...] = param((100, 1000), "Classes at which one cluster ends and the next begins.", low=1)
    div_value: float = param(4.0, "How many times fewer features each further cluster is given.", above=0)
    head_bias: bool = param(False, "Whether the frequent classes have a learned number added.", advanced=True)

    def _recipe(self, target: str, input: Value) -> Recipe:
        places = (0, *self.cutoffs, self.n_classes)
        if not self.cutoffs or any(one >= other for one, other in pairwise(places)):
            raise Mistake(
                f"cutoffs must be one or more classes in rising order, below n_classes ({self.n_classes}).",
                param="cutoffs",
            )
        if input[1] // self.div_value ** len(self.cutoffs) < 1:
            raise Mistake(
                f"input has {input[1]} features, which div_value {self.div_value:g} leaves none of for the last of "
                f"{len(self.cutoffs)} clusters; make it smaller or cutoffs fewer.",
                param="div_value",
            )
        settings: dict[str, Any] = self.changed()
        more = {name: settings[name] for name in ("div_value", "head_bias") if name in settings}
        return Recipe(target, input[1], self.n_classes, list(self.cutoffs), **more)


class AdaptiveLogSoftmax(_Adaptive, group="Linear"):
    """Weighs features into log probabilities of very many classes, rare ones with fewer weights."""

    synonyms = ("large vocabulary", "language model", "hierarchical softmax", "AdaptiveLogSoftmaxWithLoss")
    example = {"input": "float32 4 64"}

    def build(self, input: Features) -> Recipe:
        return self._recipe("modules.AdaptiveLogSoftmax", input)


class AdaptiveLogSoftmaxWithLoss(Loss, _Adaptive, group="Losses"):
    """Layer and loss in one for very many classes: only the target's cluster is computed."""

    synonyms = ("large vocabulary", "language model", "hierarchical softmax", "cross entropy")
    outputs: ClassVar[str] = "output, loss"
    example = {"input": "float32 4 64", "target": "int64 4"}

    def build(self, input: Features, target: Annotated[Value, Port(INT64, "N")]) -> Recipe:
        return self._recipe("nn.AdaptiveLogSoftmaxWithLoss", input)

    def trace(self, input: Value, target: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shapes: which cluster a target is in cannot be looked up on the meta device."""
        return {"output": (target.shape, input.dtype), "loss": ((), input.dtype)}
