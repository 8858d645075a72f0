"""A program as nested scopes: the graph, and the rounds of each block's use, with what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.program import Program, Ref, Step
from engine.spec import SLASH


@dataclass
class Scope:
    """The steps right inside a scope and the uses of blocks in it, in the order in which they are needed.

    `path` is "" for the graph, "encoder/0" for a round. `inputs` are the tensors from outside, `outputs` those that
    the outside needs.
    """

    path: str
    block: str = ""
    parts: list[Step | Use] = field(default_factory=list)
    inputs: list[Ref] = field(default_factory=list)
    outputs: list[Ref] = field(default_factory=list)

    def local(self, node: str) -> str:
        """A node's id as it reads inside: "encoder/0/attn" is "attn"."""
        return node.removeprefix(self.path + SLASH) if self.path else node

    def holds(self, node: str) -> bool:
        """Whether a node stands inside, deeper down too."""
        return not self.path or node.startswith(self.path + SLASH)

    def steps(self) -> Iterator[Step]:
        """Every step inside, deeper down too."""
        for part in self.parts:
            if isinstance(part, Step):
                yield part
            else:
                for each in part.rounds:
                    yield from each.steps()


@dataclass
class Use:
    """One Block node: its rounds in a row."""

    path: str
    rounds: list[Scope] = field(default_factory=list)


def scoped(program: Program, blocks: Mapping[str, str]) -> Scope:
    """Arrange a program's steps as nested scopes; `blocks` maps the path of each use to its block's name."""
    root = Scope("")
    known: dict[str, Scope] = {"": root}
    for step in program.steps:
        _scope_of(step.node, known, blocks).parts.append(step)
    for scope in known.values():
        if scope.path:
            _find_ends(scope, program)
    _sort(root)
    return root


def _scope_of(node: str, known: dict[str, Scope], blocks: Mapping[str, str]) -> Scope:
    parts = node.split(SLASH)
    scope = known[""]
    for place in range(0, len(parts) - 1, 2):
        use_path, path = SLASH.join(parts[: place + 1]), SLASH.join(parts[: place + 2])
        if path not in known:
            use = next((each for each in scope.parts if isinstance(each, Use) and each.path == use_path), None)
            if use is None:
                use = Use(use_path)
                scope.parts.append(use)
            known[path] = Scope(path, blocks.get(use_path, "Block"))
            use.rounds.append(known[path])
        scope = known[path]
    return scope


def _find_ends(scope: Scope, program: Program) -> None:
    inputs: dict[Ref, None] = {}
    for step in scope.steps():
        inputs.update((ref, None) for ref in step.refs() if not scope.holds(ref.node))
    outputs: dict[Ref, None] = {}
    for step in program.steps:
        if not scope.holds(step.node):
            outputs.update((ref, None) for ref in step.refs() if scope.holds(ref.node))
    outputs.update((ref, None) for ref in program.outputs.values() if scope.holds(ref.node))
    scope.inputs, scope.outputs = list(inputs), list(outputs)


def _sort(scope: Scope) -> None:
    """Put each part behind what it needs: a use may have begun before a step that another part of it waits for."""
    for part in scope.parts:
        for each in part.rounds if isinstance(part, Use) else ():
            _sort(each)
    waiting, ready = list(scope.parts), []
    made: set[str] = set()
    mine = {each.node for each in scope.steps()}
    while waiting:
        part = next((each for each in waiting if _needs(each) & mine <= made | _makes(each)), waiting[0])
        waiting.remove(part)
        ready.append(part)
        made |= _makes(part)
    scope.parts = ready


def _makes(part: Step | Use) -> set[str]:
    return {part.node} if isinstance(part, Step) else {step.node for each in part.rounds for step in each.steps()}


def _needs(part: Step | Use) -> set[str]:
    steps: Sequence[Step] = [part] if isinstance(part, Step) else [s for each in part.rounds for s in each.steps()]
    return {ref.node for step in steps for ref in step.refs()} - _makes(part)
