"""Metrics of ranking: how high the right items come among all that are scored."""

from __future__ import annotations

from typing import Annotated, Any

from engine.declare import BOOL, FLOAT, INTEGER, Call, Metric, Mistake, Port, Value, param
from engine.ops.loss import sizes

Items = Annotated[Value, Port(FLOAT, "N K")]
Relevance = Annotated[Value, Port((*INTEGER, *FLOAT, *BOOL), "N ...")]


class _Ranking(Metric, abstract=True):
    """Measured on the order of each row's K items.

    It is averaged over the rows that have a right item. target has input's shape and says how relevant each item is
    (0: not at all), or holds the place of the one right item of each row. Items with one score share the middle of
    their ranks.
    """

    key = ("k",)
    higher_is_better = True
    range = (0.0, 1.0)
    example = {"input": "float32 4 6", "target": "int64:0..1 4 6"}

    k: int | None = param(10, "How many of the first items count; empty for all.", low=1)

    def _call(self, function: str, input: Value, target: Value) -> Call:
        if target.shape != input.shape and not (target.ndim == 1 and target.dtype == "int64"):
            raise Mistake(
                f"target is {sizes(target)}; for an input of {sizes(input)} it must be {sizes(input)}, the relevance "
                f"of each item, or int64 of {sizes(input.shape[:1])}, the place of the right item.",
                param="target",
            )
        arguments: list[Any] = [input, target, self.k]
        return Call(f"metrics.{function}", *arguments)


class NDCG(_Ranking, group="Metrics"):
    """How near the order of the items is to the best one, the first places counting most."""

    synonyms = ("normalized discounted cumulative gain", "ranking", "recommender", "search")

    def build(self, input: Items, target: Relevance) -> Call:
        return self._call("ndcg", input, target)


class HitRate(_Ranking, group="Metrics"):
    """Share of rows with a right item among the first k."""

    title = "Hit rate"
    synonyms = ("recall at k", "top k", "ranking", "recommender", "search")
    percent = True

    def build(self, input: Items, target: Relevance) -> Call:
        return self._call("hit_rate", input, target)


class MRR(_Ranking, group="Metrics"):
    """Mean of 1 / the rank of the first right item."""

    synonyms = ("mean reciprocal rank", "ranking", "recommender", "search")

    def build(self, input: Items, target: Relevance) -> Call:
        return self._call("reciprocal_rank", input, target)
