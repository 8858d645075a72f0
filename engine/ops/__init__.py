"""The catalogue: importing this package registers every declared thing. No module here imports torch."""

import functools
import re
from collections.abc import Mapping

from engine import plugins
from engine.declare import Declared, Op
from engine.ops import (  # noqa: F401  # each registers its declarations
    activation,
    adaptive_pooling,
    algebra,
    arithmetic,
    attention,
    boxes,
    complex,
    convolution,
    create,
    distance,
    elementwise,
    embedding,
    graph,
    imaging,
    indexing,
    initializer,
    linear,
    logic,
    loss,
    loss_boxes,
    loss_class,
    loss_embedding,
    loss_sequence,
    masks,
    metric,
    metric_boxes,
    metric_class,
    metric_ranking,
    metric_text,
    normalization,
    optimizer,
    padding,
    pieces,
    pooling,
    positions,
    python,
    recurrent,
    reduction,
    regularization,
    scan,
    schedule,
    settings,
    shape,
    signal,
    softmax,
    sorting,
    source,
    source_audio,
    source_hub,
    source_text,
    source_vision,
    steps,
    sweep,
    transformer,
    trigonometry,
    unpooling,
    vision,
)

OPS: dict[str, type[Op]] = Op.registry
plugins.load(OPS)

# A group's place in the palette is its place here.
_GROUPS = (
    "Inputs and outputs",
    "Linear",
    "Convolution",
    "Pooling",
    "Activation",
    "Normalization",
    "Regularization",
    "Recurrent",
    "Attention",
    "Embedding",
    "Padding",
    "Shape",
    "Indexing",
    "Create",
    "Math",
    "Logic",
    "Reduction",
    "Linear algebra",
    "Vision",
    "Boxes",
    "Signal",
    "Code",
    "Losses",
    "Metrics",
)
GROUPS = plugins.groups(_GROUPS, OPS)


def search(words: str, among: Mapping[str, type[Declared]] | None = None) -> list[str]:
    """List the names that match `words`, best first: by name, then by synonym, then by description.

    Only where nothing matches are names listed that have the letters in this order.
    """
    wanted = _folded(words).split()
    phrase = "".join(wanted)
    known = OPS if among is None else among
    ranks = {name: _rank(wanted, phrase, name, declared) for name, declared in known.items()}
    found = [(rank, len(name), name) for name, rank in ranks.items() if rank is not None]
    if not found:
        found = [(0, len(name), name) for name in known if _is_subsequence(phrase, name.lower())]
    return [name for _rank, _length, name in sorted(found)]


def _rank(wanted: list[str], phrase: str, name: str, declared: type[Declared]) -> int | None:
    fold = name.lower()
    if fold == phrase or not phrase:
        return 0
    synonyms = [_folded(each) for each in declared.synonyms]
    if any(phrase in (each, each.rpartition(".")[2]) for each in (synonym.replace(" ", "") for synonym in synonyms)):
        return 1
    if fold.startswith(phrase):
        return 2
    if any(word.startswith(phrase) for word in _words(name)):
        return 3
    if phrase in fold:
        return 4
    text = " ".join([fold, declared.title.lower(), declared.group.lower(), *synonyms])
    if all(word in text for word in wanted):
        return 5
    return 6 if all(word in f"{text} {_folded(declared.doc())}" for word in wanted) else None


def _folded(text: str) -> str:
    return text.lower().replace("-", " ").replace("_", " ")


@functools.cache
def _words(name: str) -> tuple[str, ...]:
    """The words of a name: batch, norm of BatchNorm2d; rms, norm of RMSNorm."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name) if len(word) > 1)


def _is_subsequence(letters: str, word: str) -> bool:
    rest = iter(word)
    return len(letters) >= 3 and all(letter in rest for letter in letters)
