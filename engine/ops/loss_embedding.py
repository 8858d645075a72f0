"""Losses on vectors and scores in pairs and triplets: what belongs together, and what comes first."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from engine.declare import FLOAT, Mistake, Port, Recipe, Value, param
from engine.ops.loss import Number, Reduced, checked_one_dtype, checked_same_shape, sizes

Vectors = Annotated[Value, Port(FLOAT, "N ... D")]
Pairs = Annotated[Value, Port(FLOAT, "N D")]
PerSample = Annotated[Value, Port(FLOAT, "N")]


class CosineEmbeddingLoss(Reduced, group="Losses"):
    """Turns two vectors towards each other where target is 1, and apart where it is -1."""

    synonyms = ("similarity", "siamese", "metric learning")
    example = {"input1": "float32 4 8", "input2": "float32 4 8", "target": "float32:-1..1 4"}

    margin: float = param(0.0, "Cosine below which vectors are far enough apart.", low=-1, high=1)

    def build(self, input1: Pairs, input2: Pairs, target: PerSample) -> Recipe:
        checked_one_dtype(input1, input2, target)
        return Recipe("nn.CosineEmbeddingLoss", **self.changed())


class HingeEmbeddingLoss(Reduced, group="Losses"):
    """Makes distances small where target is 1, and at least a margin where it is -1."""

    synonyms = ("siamese", "similarity", "distance")
    example = {"input": "float32:0..2 4 3", "target": "float32:-1..1 4 3"}

    margin: float = param(1.0, "Distance from which on vectors are far enough apart.")

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        return Recipe("nn.HingeEmbeddingLoss", **self.changed())


class MarginRankingLoss(Reduced, group="Losses"):
    """Asks input1 to exceed input2 by a margin where target is 1, and the other way round where it is -1."""

    synonyms = ("ranking", "pairwise")
    example = {"input1": "float32 4", "input2": "float32 4", "target": "float32:-1..1 4"}

    margin: float = param(0.0, "By how much one score must exceed the other.")

    def build(self, input1: Number, input2: Number, target: Number) -> Recipe:
        checked_same_shape(input1, input2)
        checked_same_shape(input1, target)
        return Recipe("nn.MarginRankingLoss", **self.changed())


class ContrastiveLoss(Reduced, group="Losses"):
    """Pulls two vectors together where target is 1, and pushes them a margin apart where it is 0."""

    synonyms = ("siamese", "similarity", "metric learning")
    example = {"input1": "float32 4 8", "input2": "float32 4 8", "target": "float32:0..1 4"}

    margin: float = param(1.0, "Distance from which on vectors are far enough apart.", low=0)

    def build(self, input1: Pairs, input2: Pairs, target: PerSample) -> Recipe:
        checked_one_dtype(input1, input2, target)
        return Recipe("modules.ContrastiveLoss", **self.changed())


# -------------------------------------------------------------------------------------------------------- triplets


class _Triplet(Reduced, abstract=True):
    example = {"anchor": "float32 4 8", "positive": "float32 4 8", "negative": "float32 4 8"}

    margin: float = param(1.0, "By how much farther the negative must be.", above=0)
    swap: bool = param(
        False, "Whether the positive's distance from the negative counts where it is less.", advanced=True
    )

    def _checked(self, anchor: Value, positive: Value, negative: Value) -> None:
        checked_same_shape(anchor, positive)
        checked_same_shape(anchor, negative)


class TripletMarginLoss(_Triplet, group="Losses"):
    """Asks the anchor to be nearer to the positive than to the negative, by a margin."""

    synonyms = ("metric learning", "face recognition", "embedding")

    p: float = param(2.0, "Kind of distance: 2 is Euclidean, 1 the sum of differences.", above=0)
    eps: float = param(1e-6, "Added to differences so that no distance is zero.", low=0, advanced=True)

    def build(self, anchor: Vectors, positive: Vectors, negative: Vectors) -> Recipe:
        self._checked(anchor, positive, negative)
        return Recipe("nn.TripletMarginLoss", **self.changed())


class TripletMarginWithDistanceLoss(_Triplet, group="Losses"):
    """Asks the anchor to be nearer to the positive than to the negative, by a margin and a distance of choice."""

    synonyms = ("metric learning", "cosine", "embedding")
    key: ClassVar[tuple[str, ...]] = ("distance",)

    distance: Literal["cosine", "euclidean", "manhattan"] = param(
        "cosine", "What far means: the angle, the straight line, or the sum of differences."
    )

    def build(self, anchor: Vectors, positive: Vectors, negative: Vectors) -> Recipe:
        self._checked(anchor, positive, negative)
        settings = self.changed()
        settings.pop("distance", None)
        if self.distance == "cosine":
            settings["distance_function"] = Recipe("modules.CosineDistance")
        elif self.distance == "manhattan":
            settings["distance_function"] = Recipe("nn.PairwiseDistance", p=1.0)
        return Recipe("nn.TripletMarginWithDistanceLoss", **settings)


# ---------------------------------------------------------------------------------------- without labels, ranking


class InfoNCELoss(Reduced, group="Losses"):
    """Makes each vector find its partner among all partners of the batch: contrastive learning."""

    title = "InfoNCE"
    synonyms = ("contrastive", "clip", "simclr", "self-supervised", "nt-xent", "in-batch negatives")
    key: ClassVar[tuple[str, ...]] = ("temperature",)
    example = {"query": "float32 4 8", "positive": "float32 4 8"}

    temperature: float = param(0.1, "Divides the cosines: the smaller, the more the nearest others count.", above=0)
    symmetric: bool = param(True, "Whether partners must find their vectors too, as in CLIP.")

    def build(self, query: Pairs, positive: Pairs) -> Recipe:
        checked_one_dtype(query, positive)
        return Recipe("modules.InfoNCELoss", **self.changed())


class BPRLoss(Reduced, group="Losses"):
    """Asks scores of what was chosen to exceed scores of what was not: Bayesian personalised ranking.

    negative has positive's shape, or one more axis of several negatives to each.
    """

    title = "BPR"
    synonyms = ("ranking", "recommender", "pairwise", "recommendation", "bayesian personalized ranking")
    example = {"positive": "float32 4", "negative": "float32 4"}

    def build(
        self, positive: Annotated[Value, Port(FLOAT, "N ...")], negative: Annotated[Value, Port(FLOAT, "N ...")]
    ) -> Recipe:
        checked_one_dtype(positive, negative)
        if negative.shape != positive.shape and negative.shape[:-1] != positive.shape:
            raise Mistake(
                f"positive is {sizes(positive)} and negative is {sizes(negative)}; negative must have positive's "
                "shape, or one more axis that holds several negatives to each.",
                param="negative",
            )
        return Recipe("modules.BPRLoss", **self.changed())
