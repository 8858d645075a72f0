"""What one canvas shows: the graph itself, or the inside of a block as one of its uses has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.document import Document
from engine.block_edits import in_block, inside, uses
from engine.expand import home
from engine.report import Report
from engine.spec import SLASH, Spec

GRAPH = "Graph"


class Scope:
    """A block of a document, `block` "" for the graph itself; `path` leads to the use whose shapes are shown.

    A path names uses and rounds from outside in, such as "encoder/0/attention/0". Edits made through a scope change
    the block, and so all its uses.
    """

    def __init__(self, document: Document, block: str = "", path: str = "") -> None:
        self.document, self.block, self.path = document, block, path
        self._of: tuple[Spec, Spec] | None = None
        self._told: tuple[Report, Report] | None = None

    @property
    def exists(self) -> bool:
        """Whether the block is still there."""
        return not self.block or self.block in self.document.spec.blocks

    @property
    def spec(self) -> Spec:
        """The nodes of the scope, as a spec."""
        whole = self.document.spec
        if not self.block or not self.exists:
            return whole if not self.block else Spec()
        if self._of is None or self._of[0] is not whole:
            self._of = whole, inside(whole, self.block)
        return self._of[1]

    @property
    def report(self) -> Report:
        """What the check found of the scope's nodes; of a block that nothing uses it knows nothing."""
        whole = self.document.report
        if not self.block:
            return whole
        if self._told is None or self._told[0] is not whole:
            self._told = whole, self._part(whole)
        return self._told[1]

    def _part(self, whole: Report) -> Report:
        prefix = self.path + SLASH
        nodes = {path.removeprefix(prefix): node for path, node in whole.nodes.items() if path.startswith(prefix)}
        problems = [
            replace(problem, node=node)
            for problem in whole.problems
            if problem.node and (node := self._here(problem.node))
        ]
        return Report(nodes if self.path else {}, tuple(problems))

    def _here(self, path: str) -> str:
        """A node's path as this scope has it, from a block inside it on too; "" where it is none of its nodes."""
        parts = path.split(SLASH)
        for place in range(0, len(parts), 2):
            block, node = home(self.document.spec, SLASH.join(parts[: place + 1]))
            if block == self.block and node:
                return SLASH.join([node, *parts[place + 1 :]])
        return ""

    def edit(self, text: str, change: Callable[[Spec], Spec], merge: str | None = None) -> bool:
        """Make an edit of the scope's nodes as one undo step; returns whether it was done."""
        key = f"{self.block}:{merge}" if merge else None
        return self.document.edit(text, lambda spec: in_block(spec, self.block, change), key)

    def path_of(self, node: str) -> str:
        """The path of a node of this scope in the whole graph."""
        return f"{self.path}{SLASH}{node}" if self.path else node

    def opened(self, node: str) -> Scope:
        """The scope inside a Block node of this one."""
        known = not self.block or self.path
        return Scope(self.document, self.spec.nodes[node].block, f"{self.path_of(node)}{SLASH}0" if known else "")

    def crumbs(self) -> list[tuple[str, str, str]]:
        """The way here: (what stands there, its block, its path) for each scope around, this one last."""
        crumbs = [(GRAPH, "", "")]
        parts = self.path.split(SLASH) if self.path else []
        for place in range(2, len(parts) + 1, 2):
            path = SLASH.join(parts[:place])
            block, _node = home(self.document.spec, f"{path}{SLASH}x")
            crumbs.append((parts[place - 2], block, path))
        return crumbs if self.path or not self.block else [*crumbs, (self.block, self.block, "")]


def scope_of(document: Document, block: str) -> Scope:
    """The scope of a block, by way of its first use in the graph where it has one."""
    if not block:
        return Scope(document)
    path, found = "", block
    seen: set[str] = set()
    while found and found not in seen:
        seen.add(found)
        used = uses(document.spec, found)
        if not used:
            return Scope(document, block)
        found, node = used[0]
        path = f"{node}{SLASH}0{SLASH}{path}" if path else f"{node}{SLASH}0"
    return Scope(document, block, path)
