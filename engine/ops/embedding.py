"""Learned vectors for indices: words, categories, users."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from engine.declare import INDEX, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32


class _Lookup(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("num_embeddings", "embedding_dim")

    num_embeddings: int = param(1000, "Number of different indices: each must be below it.", low=1, high=2**31)
    embedding_dim: int = param(64, "Length of each vector.", low=1, high=2**20)
    max_norm: float | None = param(
        None, "Length to which longer vectors are cut when they are looked up; empty for none.", above=0, advanced=True
    )
    norm_type: float = param(2.0, "Power of the norm that max_norm measures by.", above=0, advanced=True)
    scale_grad_by_freq: bool = param(
        False, "Whether an index that comes often in a batch learns no faster for it.", advanced=True
    )
    sparse: bool = param(
        False,
        "Whether gradients hold the used vectors alone: for huge tables, with SGD, Adagrad or SparseAdam.",
        advanced=True,
    )

    def _recipe(self) -> Recipe:
        padding = self.padding_idx  # type: ignore[attr-defined]  # each subclass declares it
        if padding is not None and padding >= self.num_embeddings:
            raise Mistake(
                f"padding_idx is {padding}; it must be less than num_embeddings ({self.num_embeddings}).",
                param="padding_idx",
            )
        if self.sparse and self.scale_grad_by_freq:
            raise Mistake("sparse and scale_grad_by_freq do not go together; turn one of them off.", param="sparse")
        sizes = ("num_embeddings", "embedding_dim")
        settings: dict[str, Any] = {name: value for name, value in self.changed().items() if name not in sizes}
        return Recipe(f"nn.{type(self).__name__}", self.num_embeddings, self.embedding_dim, **settings)


class Embedding(_Lookup, group="Embedding"):
    """Looks up a learned vector for each index."""

    synonyms = ("lookup", "word vectors", "category", "token")
    example = {"input": "int64 2 7"}

    padding_idx: int | None = param(None, "Index whose vector stays zero; empty for none.", low=0, advanced=True)

    def build(self, input: Annotated[Value, Port(INDEX, "...")]) -> Recipe:
        return self._recipe()


class EmbeddingBag(_Lookup, group="Embedding"):
    """Looks up a learned vector for each index and merges those of a bag: a sentence's words, a user's purchases."""

    synonyms = ("lookup", "bag of words", "fasttext", "recommender")
    key: ClassVar[tuple[str, ...]] = ("num_embeddings", "embedding_dim", "mode")
    example = {"input": "int64 2 7"}

    mode: Literal["mean", "sum", "max"] = param("mean", "How the vectors of a bag become one.")
    padding_idx: int | None = param(None, "Index that is left out of every bag; empty for none.", low=0, advanced=True)
    include_last_offset: bool = param(
        False, "Whether the last of offsets is the end of the last bag rather than the start of one.", advanced=True
    )

    def build(
        self,
        input: Annotated[Value, Port(INDEX, "...")],
        offsets: Annotated[Value, Port(INDEX, "B")] | None = None,
        per_sample_weights: Annotated[Value, Port(F32, "...")] | None = None,
    ) -> Recipe:
        self._checked_bags(input, offsets)
        if per_sample_weights is not None:
            self._checked_weights(input, per_sample_weights)
        if self.mode == "max" and (self.sparse or self.scale_grad_by_freq):
            name = "sparse" if self.sparse else "scale_grad_by_freq"
            raise Mistake(f'mode "max" works without {name} only; turn it off or take another mode.', param=name)
        return self._recipe()

    def _checked_bags(self, input: Value, offsets: Value | None) -> None:
        if input.ndim not in (1, 2):
            words = "a bag a row (N L), or all bags end to end (L) with offsets"
            raise Mistake(f"input has {input.ndim} axes; it must be {words}.", param="input")
        if input.ndim == 2 and offsets is not None:
            words = "unwire offsets, or flatten input"
            raise Mistake(f"input has a bag in each row, so offsets say nothing; {words}.", param="offsets")
        if input.ndim == 1 and offsets is None:
            words = "wire offsets, the place where each bag starts"
            raise Mistake(f"input holds all bags end to end; {words}.", param="offsets")
        if offsets is not None and offsets.dtype != input.dtype:
            words = f"offsets are {offsets.dtype} and input is {input.dtype}; both must be one type."
            raise Mistake(words, param="offsets")
        if offsets is not None and self.include_last_offset and offsets[0] < 2:
            raise Mistake(
                "offsets hold one number; with include_last_offset there must be two or more.", param="offsets"
            )

    def _checked_weights(self, input: Value, weights: Value) -> None:
        if weights.shape != input.shape:
            words = f"per_sample_weights is {list(weights.shape)} and input is {list(input.shape)}"
            raise Mistake(f"{words}; there must be a weight for each index.", param="per_sample_weights")
        if self.mode != "sum":
            words = f'per_sample_weights count with mode "sum" only, and mode is "{self.mode}".'
            raise Mistake(words, param="per_sample_weights")
