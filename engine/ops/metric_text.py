"""Metrics of sequences of tokens: how well they are foretold, translated or read."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.declare import FLOAT, INDEX, INT64, Call, Metric, Mistake, Port, Recipe, Value, param
from engine.ops.loss import IGNORE_INDEX, checked_class_target, sizes

Tokens = Annotated[Value, Port((*INT64, *FLOAT), "N ...")]
References = Annotated[Value, Port(INT64, "N S")]
Lengths = Annotated[Value, Port(INDEX, "N")]


class Perplexity(Metric, group="Metrics"):
    """Among how many tokens, chosen evenly, the next one would be as hard to tell: 1 is perfect."""

    synonyms = ("language model", "cross entropy", "text")
    higher_is_better = False
    range = (1.0, None)
    finish = "exp"
    classes = ("input", "target")
    example = {"input": "float32 2 6 5", "target": "int64:0..5 2 5"}

    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(
        self, input: Annotated[Value, Port(FLOAT, "N C ...")], target: Annotated[Value, Port(INT64, "N ...")]
    ) -> Call:
        checked_class_target(input, target)
        return Call("metrics.negative_log_likelihood", input, target, self.ignore_index)


class _OfTokens(Metric, abstract=True):
    """Measured on token indices: input is the tokens N T, or scores that are decoded greedily.

    Scores are N C T, as CrossEntropyLoss takes them; decode "ctc" takes N T C, as CTCLoss does, merges repeats and
    drops blanks. A sequence ends at its length, where one is wired, and at the first end index; padding is left out.
    """

    example = {"input": "int64:1..4 2 6", "target": "int64:1..4 2 5"}

    decode: Literal["argmax", "ctc"] = param(
        "argmax", 'How scores become tokens: the highest of each step, or as a network with CTCLoss means them ("ctc").'
    )
    pad_index: int | None = param(None, "Token that fills sequences up; empty where there is none.", low=0)
    end_index: int | None = param(None, "Token at which a sequence ends; empty where there is none.", low=0)
    blank: int = param(0, "Token that stands for none, where decode is ctc.", low=0, advanced=True)

    def _checked(self, input: Value) -> None:
        scores = input.dtype in FLOAT
        if input.ndim != 2 + scores:
            order = "N T C" if self.decode == "ctc" else "N C T"
            raise Mistake(
                f"input is {sizes(input)} {input.dtype}; it must be scores of 3 axes, {order}, or tokens of 2, N T.",
                param="input",
            )
        if scores and self.decode == "ctc" and self.blank >= input[2]:
            raise Mistake(f"blank is {self.blank}, but input has scores for {input[2]} tokens.", param="blank")

    def _recipe(self, measure: str, input: Value, *names: str) -> Recipe:
        self._checked(input)
        names = ("decode", "pad_index", "end_index", "blank", *names)
        return Recipe(measure, **{name: value for name, value in self.changed().items() if name in names})


class CharacterErrorRate(_OfTokens, group="Metrics"):
    """Tokens to change, add and drop until the answer is right, as a share of the target's tokens."""

    title = "Character error rate"
    synonyms = ("cer", "token error rate", "edit distance", "levenshtein", "speech", "ocr", "handwriting")
    higher_is_better = False
    range = (0.0, None)
    percent = True

    def build(
        self,
        input: Tokens,
        target: References,
        input_lengths: Lengths | None = None,
        target_lengths: Lengths | None = None,
    ) -> Recipe:
        return self._recipe("measures.TokenErrorRate", input)


class WordErrorRate(_OfTokens, group="Metrics"):
    """Words to change, add and drop until the answer is right, as a share of the target's words."""

    title = "Word error rate"
    synonyms = ("wer", "edit distance", "levenshtein", "speech")
    higher_is_better = False
    range = (0.0, None)
    percent = True

    space_index: int | None = param(
        None, "Token between words, where tokens are characters; empty where each token is a word.", low=0
    )

    def build(
        self,
        input: Tokens,
        target: References,
        input_lengths: Lengths | None = None,
        target_lengths: Lengths | None = None,
    ) -> Recipe:
        if self.space_index is None:
            return self._recipe("measures.TokenErrorRate", input)
        return self._recipe("measures.WordErrorRate", input, "space_index")


class BLEU(_OfTokens, group="Metrics"):
    """How many runs of tokens a translation shares with its target, short answers counting less."""

    synonyms = ("translation", "text generation", "n-gram")
    key = ("n_gram",)
    higher_is_better = True
    range = (0.0, 1.0)

    n_gram: int = param(4, "Longest run of tokens that is compared.", low=1, high=16)
    smooth: bool = param(False, "Whether runs that never occur still count a little.", advanced=True)

    def build(
        self,
        input: Tokens,
        target: References,
        input_lengths: Lengths | None = None,
        target_lengths: Lengths | None = None,
    ) -> Recipe:
        return self._recipe("measures.BLEU", input, "n_gram", "smooth")
