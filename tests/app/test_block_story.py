"""Random histories over nested blocks: every undo, and every save and load, ends with the identical spec."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from app.document import Document
from app.scope import Scope
from engine import block_edits, edit
from engine.dissolve import dissolve
from engine.problem import Mistake
from engine.spec import BLOCK, Spec, load
from tests.builders import image_classifier

STEPS = 200
Change = Callable[[Spec], Spec]


def some(chance: random.Random, spec: Spec) -> list[str]:
    nodes = list(spec.nodes)
    return chance.sample(nodes, min(len(nodes), chance.randint(1, 4)))


def one(chance: random.Random, spec: Spec, op: str = "") -> str:
    nodes = [node.id for node in spec.nodes.values() if not op or node.op == op]
    if not nodes:
        raise Mistake("There is none.")
    return chance.choice(nodes)


def grouped(chance: random.Random, spec: Spec) -> Spec:
    return block_edits.group(spec, some(chance, spec), block_edits.new_block_name(spec))


def used(chance: random.Random, spec: Spec) -> Spec:
    if not spec.blocks:
        raise Mistake("There is none.")
    return block_edits.use_block(spec, chance.choice(list(spec.blocks)), (chance.randint(0, 900), 40))


def wired(chance: random.Random, spec: Spec) -> Spec:
    target = spec.nodes[one(chance, spec)]
    op = edit.op_of(spec, target)
    ports = list(op.input_ports()) if op else []
    if not ports:
        raise Mistake("It has no port.")
    return edit.connect(spec, one(chance, spec), target.id, chance.choice(ports))


def set_value(chance: random.Random, spec: Spec) -> Spec:
    node = spec.nodes[one(chance, spec)]
    if not node.params:
        raise Mistake("It has no param.")
    return edit.set_param(
        spec, node.id, chance.choice(list(node.params)), chance.choice([1, 8, "same", {"expr": "2*a"}])
    )


def repeated(chance: random.Random, spec: Spec) -> Spec:
    return block_edits.set_repeat(spec, one(chance, spec, BLOCK), chance.randint(1, 4))


def shared(chance: random.Random, spec: Spec) -> Spec:
    return block_edits.set_share_weights(spec, one(chance, spec, BLOCK), chance.random() < 0.5)


def dissolved(chance: random.Random, spec: Spec) -> Spec:
    return dissolve(spec, one(chance, spec, BLOCK))


def pasted(chance: random.Random, spec: Spec) -> Spec:
    return edit.paste(spec, edit.copy(spec, some(chance, spec)), (chance.randint(0, 900), 300))


def removed(chance: random.Random, spec: Spec) -> Spec:
    return edit.remove(spec, some(chance, spec)[:1])


def added(chance: random.Random, spec: Spec) -> Spec:
    return edit.add(spec, chance.choice(["Linear", "ReLU", "Conv2d", "LSTM", "Concat"]), (chance.randint(0, 900), 0))


def renamed(chance: random.Random, spec: Spec) -> Spec:
    if not spec.blocks:
        raise Mistake("There is none.")
    return block_edits.rename_block(spec, chance.choice(list(spec.blocks)), f"Renamed{chance.randint(0, 99)}")


def exposed(chance: random.Random, spec: Spec) -> Spec:
    if not spec.blocks:
        raise Mistake("There is none.")
    block = chance.choice(list(spec.blocks))
    inner = block_edits.inside(spec, block)
    node = inner.nodes[one(chance, inner)]
    if not node.params:
        raise Mistake("It has no param.")
    return block_edits.expose(spec, block, node.id, chance.choice(list(node.params)), f"p{chance.randint(0, 9)}")


IN_SCOPE = [grouped, grouped, used, wired, wired, set_value, repeated, shared, dissolved, pasted, removed, added, added]
OF_ALL = [renamed, exposed, exposed]


def step(document: Document, chance: random.Random) -> bool:
    """One random edit, in the graph or inside a block; whether it was done."""
    if chance.random() < 0.15:
        change = chance.choice(OF_ALL)
        return document.edit(change.__name__, lambda spec: change(chance, spec))
    scope = Scope(document, chance.choice(["", *document.spec.blocks]))
    change = chance.choice(IN_SCOPE)
    return scope.edit(change.__name__, lambda spec: change(chance, spec))


@pytest.mark.parametrize("seed", range(5))
def test_each_undo_and_each_save_and_load_ends_with_the_identical_spec(
    document: Document, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    document.new(image_classifier())
    document.refused.connect(lambda _words: None)
    history, done = [document.spec], 0
    while done < STEPS:
        choice = chance.random()
        stack = document.undo_stack
        if choice < 0.2 and stack.canUndo():
            stack.undo()
            assert document.spec == history[stack.index()]
        elif choice < 0.3 and stack.canRedo():
            stack.redo()
            assert document.spec == history[stack.index()]
        elif choice < 0.36:
            document.save(tmp_path / "story.netloom")
            assert load(tmp_path / "story.netloom") == document.spec
        elif len(document.spec.nodes) > 40:
            document.edit("Begin anew", lambda _spec: image_classifier())
            history[stack.index() :] = [document.spec]
        else:
            if not step(document, chance):
                done += 1
                continue
            history[stack.index() :] = [document.spec]
        done += 1
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
        assert document.spec == history[document.undo_stack.index()]
    assert document.spec == image_classifier()
