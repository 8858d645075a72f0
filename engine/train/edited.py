"""Going on with a run whose spec was changed: with the weights of every node that still fits, by id."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from engine.comparison import DATA, GRAPH, optimizers
from engine.compile import module_path
from engine.events import Changed
from engine.ops.settings import Training
from engine.spec import Spec
from engine.train.checkpoint import Progressed, Saved
from engine.train.folder import Run
from engine.train.parts import Optimizing, Random, Weights
from engine.train.session import Session, open_session
from engine.training import SCORES

LENGTHS = ("epochs", "max_steps", "accumulate")  # by which schedules count
NAMED = 5  # nodes in a sentence


def carried(
    run: Run, before: Spec, spec: Spec, found: frozenset[str], saved: Saved, folder: Path, device: str | None
) -> tuple[Session, Progressed, Changed]:
    """Make a spec ready that was changed in what was `found`, to go on from a checkpoint of the one before.

    The new spec is kept in the run. Where the data was changed the epoch begins anew, and where data or graph were,
    which epoch was best is open again.
    """
    weights = saved.parts["weights"]
    coming = {name: tuple(each.shape) for name, each in weights.items()}
    session = open_session(spec, folder, device=device, coming=coming)
    ending, accumulate = session.ending, session.training.accumulate
    module, was = session.compiled.module, saved.progressed
    tensors = _tensors(session, module)
    kept, fresh = Weights(module).carry(weights, tensors)
    names = {name for node in kept for name in tensors[node]}
    same = set() if DATA in found or not _is_alike(before, spec, LENGTHS) else _unchanged(before, spec)
    Optimizing(module, session.acting).carry(saved.parts["optimizers"], names, same)
    Random(session.device).load(saved.parts["random"])
    progressed = Progressed(was.epoch, 0 if DATA in found else was.step, seconds=was.seconds)
    if not found & {DATA, GRAPH} and _is_alike(before, spec, SCORES):
        progressed.best_epoch, progressed.best_score = was.best_epoch, was.best_score
        if "ending" in saved.parts:
            ending.load(saved.parts["ending"])
    if _is_alike(before, spec, ("epochs",)):
        progressed.epochs = was.epochs
    done = progressed.epoch * session.loader.steps() + progressed.step
    session.gradients.steps = updates = ending.updates(accumulate, done)
    if session.average is not None:
        session.average.carry(saved.parts.get("average", {}), names)
    for turn in session.turns:
        for acting in turn.acting:
            if acting.schedule is not None and acting.name not in same:
                acting.schedule.advance(math.ceil(updates / turn.every), progressed.epoch)
                acting.follow()
    run.keep_spec(spec, done)
    run.write_json("data.json", session.dataset.state)
    epochs = progressed.epochs or ending.epochs
    message = _sentence(kept, fresh)
    event = Changed(
        message, progressed.epoch, progressed.step, epochs, session.rates(), tuple(kept), tuple(fresh)
    )  # fmt: skip
    return session, progressed, event


def _tensors(session: Session, module: nn.Module) -> Mapping[str, list[str]]:
    """The names of each node's weights and buffers, for the nodes that have any."""
    paths = {module_path(node): node for node in session.compiled.spec.nodes}
    found: dict[str, list[str]] = {}
    for name in module.state_dict():
        parts = name.split(".")
        owner = next((path for count in range(1, len(parts)) if (path := ".".join(parts[:count])) in paths), None)
        if owner is not None:
            found.setdefault(paths[owner], []).append(name)
    return found


def _unchanged(before: Spec, spec: Spec) -> set[str]:
    """The names of the optimizers whose entry is as before."""
    one, other = optimizers(before), optimizers(spec)
    return {name for name, entry in other.items() if one.get(name) == entry}


def _is_alike(one: Spec, other: Spec, settings: Sequence[str]) -> bool:
    before, now = (Training.defaults() | dict(each.training) for each in (one, other))
    return all(before[name] == now[name] for name in settings)


def _sentence(kept: list[str], fresh: list[str]) -> str:
    """Say which nodes kept their weights and which start anew."""
    went = f"{_listed(kept)} {'goes' if len(kept) == 1 else 'go'} on with what was learned" if kept else ""
    start = f"{_listed(fresh)} {'starts' if len(fresh) == 1 else 'start'} anew" if fresh else ""
    return f"The project was changed: {'; '.join(each for each in (went, start) if each) or 'it has no weights'}."


def _listed(nodes: list[str]) -> str:
    shown = ", ".join(nodes[:NAMED])
    return shown if len(nodes) <= NAMED else f"{shown} and {len(nodes) - NAMED} more"
