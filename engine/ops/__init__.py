"""The catalogue: importing this package registers every declared thing. No module here imports torch."""

from engine import plugins
from engine.declare import Declared, Op
from engine.ops import (  # noqa: F401  # each registers its declarations
    activation,
    adaptive_pooling,
    adaptive_softmax,
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
    sorting,
    source,
    transformer,
    trigonometry,
    unpooling,
    vision,
)

OPS: dict[str, type[Op]] = Op.registry
PLUGIN_NOTES = plugins.load(OPS)  # what is wrong with ops of installed packages, a sentence each

# A group's place in the palette is its place here.
_GROUPS = (
    "Inputs and outputs",
    "Create",
    "Linear",
    "Embedding",
    "Convolution",
    "Pooling",
    "Padding",
    "Activation",
    "Normalization",
    "Regularization",
    "Recurrent",
    "Attention",
    "Shape",
    "Indexing",
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


def search(words: str, among: dict[str, type[Declared]] | None = None) -> list[str]:
    """List the names that match `words`, best first: by name, then by synonym, then by description."""
    wanted = words.lower().split()
    found = []
    for name, declared in (OPS if among is None else among).items():
        rank = _rank(wanted, name, declared)
        if rank is not None:
            found.append((rank, len(name), name))
    return [name for _rank, _length, name in sorted(found)]


def _rank(wanted: list[str], name: str, declared: type[Declared]) -> int | None:
    fold = name.lower()
    phrase = "".join(wanted)
    if not phrase:
        return 9
    synonyms = [each.lower() for each in declared.synonyms]
    if fold == phrase:
        return 0
    if fold.startswith(phrase):
        return 1
    if phrase in (each.replace(" ", "") for each in synonyms):
        return 2
    if phrase in fold:
        return 3
    text = " ".join([fold, declared.title.lower(), declared.group.lower(), *synonyms])
    if all(word in text for word in wanted):
        return 4
    if all(word in text + " " + declared.doc().lower() for word in wanted):
        return 5
    return 6 if _is_subsequence(phrase, fold) else None


def _is_subsequence(letters: str, word: str) -> bool:
    rest = iter(word)
    return len(letters) >= 3 and all(letter in rest for letter in letters)
