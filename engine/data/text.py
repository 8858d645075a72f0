"""Texts as numbers: vocabularies learned from the training split, and texts cut into tokens with them."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.ragged import Array, Flat, bounds
from engine.ops.source_text import Pad, Tokenize
from engine.ops.steps import Step
from engine.problem import Fix, Mistake

Fitted = Mapping[str, Any]

SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")
PAD, UNKNOWN, START, END = range(len(SPECIAL))
DEFAULT: tuple[Mapping[str, Any], ...] = (
    {"op": "Tokenize", "params": {}},
    {"op": "Truncate", "params": {}},
)
PORTS = "ids, length"


def text_column(name: str, size: str = "T") -> Column:
    """A column of texts; `size` names how many tokens each has."""
    return Column(name, "text", (size,), "int64", default=DEFAULT, ports=PORTS, fill=PAD)


def array_of(texts: Sequence[str | None]) -> Array:
    """Texts as an array that is indexed like those of numbers; None where one is missing."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def lengths(texts: Array) -> tuple[float, ...]:
    """Characters of the shortest, the middle and the longest text."""
    counts = [len(each) for each in texts if each is not None]
    return (float(min(counts)), float(np.median(counts)), float(max(counts))) if counts else ()


# ------------------------------------------------------------------------------------------------------- planning


def after(column: Column, steps: Sequence[Step]) -> Column:
    """The column as it leaves its steps; how many tokens there are is not known here.

    Raises Mistake where the steps do not make numbers of the texts.
    """
    where = f"data.columns.{column.name}.steps"
    if not steps or not isinstance(steps[0], Tokenize):
        words = f"{column.name} is text, and a network takes numbers; let its first step be Tokenize."
        value = [dict(each) for each in DEFAULT]
        fix = Fix("Tokenize it", "set_setting", {"path": where, "value": value})
        raise Mistake(words, param=where, fixes=() if steps else (fix,))
    if sum(isinstance(step, Tokenize) for step in steps) > 1:
        raise Mistake(f"Tokenize on {column.name} stands twice; remove one.", param=where)
    width = next((step.length for step in reversed(steps) if isinstance(step, Pad)), None)
    shape = column.shape if width is None else (width,)
    return replace(column, shape=shape, low=0.0, high=None, steps=tuple(type(step).__name__ for step in steps))


def known(column: Column, fitted: Sequence[Fitted]) -> Column:
    """The column with what its vocabulary tells: how many tokens there are."""
    return replace(column, high=float(len(vocabulary(fitted)) - 1))


# --------------------------------------------------------------------------------------------- fitting and applying


def fit(steps: Sequence[Step], name: str, training: Iterable[str]) -> list[dict[str, Any]]:
    """Learn what the steps of a text column need from its training texts: a vocabulary."""
    return [
        {
            "op": type(step).__name__,
            "params": {param: getattr(step, param) for param in step.params()},
            "state": {"tokenizer": _learned(step, name, training)} if isinstance(step, Tokenize) else {},
        }
        for step in steps
    ]


def _learned(step: Tokenize, name: str, training: Iterable[str]) -> dict[str, Any]:
    """A vocabulary in the form of Hugging Face's tokenizers, as JSON."""
    inner = _inner_letters(training, step.lower) if step.by == "WordPiece" else []
    tokenizer, trainer = _untrained(step, inner)
    tokenizer.train_from_iterator(training, trainer)
    learned: dict[str, Any] = json.loads(tokenizer.to_str())
    learned["added_tokens"] = [each for each in learned["added_tokens"] if each["content"] in SPECIAL]
    if tokenizer.get_vocab_size() <= len(SPECIAL):
        words = f"{name} has no token that stands {step.minimum} times in the training split; lower minimum."
        raise Mistake(words, param=f"data.columns.{name}.steps")
    return learned


def _inner_letters(training: Iterable[str], lower: bool) -> list[str]:
    """The letters within words as WordPiece writes them, in their own order.

    Its trainer would number them as a hash table has them, which is another order each time, and break ties by that.
    """
    found: set[str] = set()
    for each in training:
        text = unicodedata.normalize("NFC", each)
        found.update(re.findall(r"(?<=\S)\S", text.lower() if lower else text))
    return [f"##{letter}" for letter in sorted(found)]


def _untrained(step: Tokenize, inner: Sequence[str]) -> tuple[Any, Any]:
    """A tokenizer with no vocabulary yet, and what trains it; `inner` are tokens that it begins with."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # used here alone

    unknown = SPECIAL[UNKNOWN]
    limits: dict[str, Any] = {"vocab_size": step.size, "min_frequency": step.minimum, "show_progress": False}
    limits["special_tokens"] = [*SPECIAL, *inner]
    tokenizer: Any
    trainer: Any
    match step.by:
        case "BPE":
            tokenizer, trainer = Tokenizer(models.BPE(unk_token=unknown)), trainers.BpeTrainer(**limits)
            tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        case "WordPiece":
            tokenizer, trainer = Tokenizer(models.WordPiece(unk_token=unknown)), trainers.WordPieceTrainer(**limits)
            tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
        case "characters":
            tokenizer, trainer = Tokenizer(models.WordLevel(unk_token=unknown)), trainers.WordLevelTrainer(**limits)
            tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
            tokenizer.decoder = decoders.Fuse()
        case _:
            tokenizer, trainer = Tokenizer(models.WordLevel(unk_token=unknown)), trainers.WordLevelTrainer(**limits)
            tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    forms = [normalizers.NFC(), *([normalizers.Lowercase()] if step.lower else [])]
    tokenizer.normalizer = normalizers.Sequence(forms)
    return tokenizer, trainer


def vocabulary(fitted: Sequence[Fitted]) -> dict[str, int]:
    """The tokens that the steps of a column learned, with their numbers."""
    return _tokenizer(fitted).get_vocab()  # type: ignore[no-any-return]


def _tokenizer(fitted: Sequence[Fitted]) -> Any:
    from tokenizers import Tokenizer  # used here alone

    try:
        return Tokenizer.from_str(json.dumps(fitted[0]["state"]["tokenizer"]))
    except (KeyError, IndexError, Exception) as error:  # the library raises a bare Exception for what it cannot read
        raise Mistake(f"The vocabulary kept with the model is damaged: {str(error).rstrip('.')}.") from None


def apply(fitted: Sequence[Fitted], texts: Sequence[str]) -> tuple[Flat, int]:
    """Turn texts into the numbers of their tokens; also returns how many texts a limit has cut."""
    ids = _encoded(fitted, texts)
    ends, cut = fitted[0]["params"]["ends"], np.zeros(len(ids), bool)
    for step in fitted[1:]:
        length = step["params"]["length"]
        cut |= ids.lengths > length
        ids = _shortened(ids, length, step["params"].get("keep", "beginning"), ends)
    return ids, int(cut.sum())


def _encoded(fitted: Sequence[Fitted], texts: Sequence[str]) -> Flat:
    encoded = _tokenizer(fitted).encode_batch_fast(list(texts), add_special_tokens=False)
    ends = fitted[0]["params"]["ends"]
    first, last = [START] * ends.startswith("start"), [END] * ends.endswith("end")
    tokens = [[*first, *(each.ids or [UNKNOWN]), *last] for each in encoded]
    offsets = bounds(np.array([len(each) for each in tokens], np.int64))
    return Flat(np.fromiter(itertools.chain.from_iterable(tokens), np.int64, int(offsets[-1])), offsets)


def _shortened(ids: Flat, length: int, keep: str, ends: str) -> Flat:
    """Cut each text to a length; the tokens for start and end stay at their places."""
    counts = np.minimum(ids.lengths, length)
    starts = ids.offsets[:-1] if keep == "beginning" else ids.offsets[1:] - counts
    found = ids.taken(starts, counts)
    if ends.startswith("start"):
        found.values[found.offsets[:-1]] = START
    if ends.endswith("end"):
        found.values[found.offsets[1:] - 1] = END
    return found


def width(fitted: Sequence[Fitted]) -> int | None:
    """The one length that Pad gives all texts, None where they differ."""
    return next((step["params"]["length"] for step in reversed(fitted) if step["op"] == "Pad"), None)


def text_of(fitted: Sequence[Fitted], ids: Iterable[int]) -> str:
    """The text that tokens stand for, up to the one for the end, the special ones left out."""
    tokenizer = _tokenizer(fitted)
    ids = itertools.takewhile(lambda each: each != END, ids)
    kept = [each for each in ids if each >= len(SPECIAL)]
    return str(tokenizer.decode(kept, skip_special_tokens=False))
