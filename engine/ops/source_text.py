"""Sources of text, and the steps that make numbers of it. Their readers stand in `engine.data.textfiles`."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.columns import ColumnKind
from engine.declare import param
from engine.kinds import AnyPath, FolderPath
from engine.ops.source import Source
from engine.ops.steps import Step

Encoding = Literal["UTF-8", "UTF-16", "Windows-1252"]


class TextFolder(Source, group="Text"):
    """A folder with a folder of text files for each class; train, validation and test folders above are kept apart."""

    title = "Text folder"
    synonyms = ("documents", "txt", "reviews", "sentiment", "newsgroups")
    reader: ClassVar[str] = "engine.data.textfiles:TextFolder"

    path: FolderPath = param("", "Folder that holds the class folders.")
    encoding: Encoding = param("UTF-8", "How the files write letters.", advanced=True)


class TextLines(Source, group="Text"):
    """A folder with a text file for each class, a sample a line; train, validation and test folders are kept apart."""

    title = "Lines of text"
    synonyms = ("sentences", "txt", "polarity", "sentiment")
    reader: ClassVar[str] = "engine.data.textfiles:TextLines"

    path: FolderPath = param("", "Folder that holds a file for each class.")
    encoding: Encoding = param("UTF-8", "How the files write letters.", advanced=True)


class ParallelText(Source, group="Text"):
    """Texts in two languages, line by line: two files, or one with a tab between the two; zipped or not."""

    title = "Parallel text"
    synonyms = ("translation", "sentence pairs", "tatoeba", "seq2seq", "bilingual")
    reader: ClassVar[str] = "engine.data.textfiles:ParallelText"

    path: AnyPath = param("", "The file of both, or of the texts to translate from; a zip may hold it.")
    target: AnyPath = param("", "The file of the translations, where they stand in one of their own.")
    columns: tuple[int, int] = param(
        (1, 2), "Places of the two texts in a line of the one file, counted from 1.", low=1, high=1000
    )
    most: int | None = param(None, "Pairs taken, from the first on; empty for all.", low=1)
    encoding: Encoding = param("UTF-8", "How the files write letters.", advanced=True)


class Tokenize(Step, group="Text"):
    """Cuts texts into tokens and numbers them; which tokens there are is learned from the training split.

    The first four are kept for filling up (0), for what is not known (1), for the start (2) and for the end (3).
    """

    synonyms = ("vocabulary", "words", "characters", "subwords", "bpe", "wordpiece", "ids")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("text",)

    by: Literal["words", "characters", "BPE", "WordPiece"] = param(
        "words", "What a token is: words and signs, single characters, or parts of words that are common."
    )
    size: int = param(10_000, "Most tokens of the vocabulary, the rarest left out.", low=5, high=10**7)
    minimum: int = param(1, "Times a token must be in the training split.", low=1, high=10**6)
    lower: bool = param(True, "Whether capital letters count as small ones.")
    ends: Literal["none", "start", "end", "start and end"] = param(
        "none", "Special tokens put round each text, as a network that writes text needs them."
    )


class Truncate(Step, group="Text"):
    """Cuts texts that are longer than a limit."""

    synonyms = ("cut", "limit", "shorten", "maximum length")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("text",)

    length: int = param(256, "Most tokens of a text.", low=1, high=10**7)
    keep: Literal["beginning", "end"] = param("beginning", "Which part of a longer text stays.")


class Pad(Step, group="Text"):
    """Makes all texts one length: longer ones are cut, shorter ones filled up."""

    synonyms = ("fixed length", "fill", "padding")
    kinds: ClassVar[tuple[ColumnKind, ...]] = ("text",)

    length: int = param(64, "Tokens of each text.", low=1, high=10**7)
