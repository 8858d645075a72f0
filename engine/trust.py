"""Which Python code the user has trusted. Kept among the user's data and never in a project: a file cannot vouch for
itself.

Trust is of a text: one letter changed, and it must be given anew. The file holds the texts' SHA-256 alone.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock

from engine.expand import expand
from engine.python_code import TEMPLATE, hash_of
from engine.spec import Spec, write_atomically

KEY = "trusted"
LOCK_SECONDS = 5.0
OURS = frozenset({hash_of(TEMPLATE)})  # what a new node holds


def trust_file() -> Path:
    """Where the hashes are kept."""
    return platformdirs.user_data_path("netloom") / "trusted_code.json"


def is_trusted(code: str) -> bool:
    """Whether the user has trusted this very text."""
    found = hash_of(code)
    return found in OURS or found in _hashes()


def trust(*codes: str) -> None:
    """Trust texts from now on; raises OSError where that cannot be written down."""
    _write(frozenset(map(hash_of, codes)), frozenset())


def forget(*codes: str) -> None:
    """Trust texts no longer."""
    _write(frozenset(), frozenset(map(hash_of, codes)))


def codes_in(spec: Spec) -> list[str]:
    """The code of every Python node of a spec, in blocks too, once each."""
    return list(dict.fromkeys(_codes(spec)))


def trust_spec(spec: Spec) -> None:
    """Trust the code of every Python node of a spec."""
    if codes := [code for code in codes_in(spec) if not is_trusted(code)]:
        trust(*codes)


def _codes(spec: Spec) -> Iterator[str]:
    scopes = [spec.nodes, *(block.nodes for block in spec.blocks.values()), expand(spec).spec.nodes]
    for nodes in scopes:
        for node in nodes.values():
            code = node.params.get("code")
            if node.op == "Python" and isinstance(code, str):
                yield code


def _write(added: frozenset[str], gone: frozenset[str]) -> None:
    path = trust_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
        hashes = (_hashes() | added) - gone
        text = json.dumps({KEY: sorted(hashes)}, indent=2) + "\n"
        write_atomically(path, lambda stream: stream.write(text.encode()))


def _hashes() -> frozenset[str]:
    path = trust_file()
    try:
        facts = path.stat()
    except OSError:
        return frozenset()
    return _read(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@functools.lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int, _size: int, _inode: int) -> frozenset[str]:
    """Read the file as it stands; a damaged one trusts nothing."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return frozenset()
    listed = data.get(KEY) if isinstance(data, dict) else None
    return frozenset(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else frozenset()
