"""Settings of training that do not go together, judged without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.declare import did_you_mean
from engine.ops import OPS
from engine.ops.settings import Training
from engine.optimizers import Entry
from engine.problem import Fix, Problem
from engine.program import LOSS
from engine.spec import Node, Spec

SCORES = ("best_metric", "stop_metric")
SMOOTHING = "label_smoothing"  # as a setting, and as a param of losses


def training_problems(
    spec: Spec, training: Training, entries: Sequence[Entry], losses: Sequence[str], metrics: Sequence[str]
) -> Iterator[Problem]:
    """Yield what does not go together in the settings, the optimizers and the losses and metrics of a spec.

    Where a graph has no metric node it is measured by its losses' own metrics, whose names are not known here.
    """
    yield from _repeat_problems(training, entries)
    yield from _sparse_problems(spec, training)
    yield from _smoothing_problems(spec, training)
    for setting in SCORES:
        name = getattr(training, setting)
        if metrics and name and name not in (LOSS, *losses, *metrics):
            yield score_problem(setting, name, (LOSS, *losses, *metrics))


def smoothed(spec: Spec, share: float) -> Spec:
    """The spec whose losses that know label smoothing have this much of it where they have none set."""
    if not share:
        return spec
    blocks = {name: replace(block, nodes=_smoothed(block.nodes, share)) for name, block in spec.blocks.items()}
    return replace(spec, nodes=_smoothed(spec.nodes, share), blocks=blocks)


def _smoothed(nodes: Mapping[str, Node], share: float) -> dict[str, Node]:
    return {
        id: replace(node, params={**node.params, SMOOTHING: share})
        if _takes_smoothing(node) and not node.params.get(SMOOTHING)
        else node
        for id, node in nodes.items()
    }


def _takes_smoothing(node: Node) -> bool:
    return node.op in OPS and SMOOTHING in OPS[node.op].params()


def _smoothing_problems(spec: Spec, training: Training) -> Iterator[Problem]:
    nodes = [*spec.nodes.values(), *(node for block in spec.blocks.values() for node in block.nodes.values())]
    if training.label_smoothing and not any(map(_takes_smoothing, nodes)):
        words = (
            f"{SMOOTHING} is {training.label_smoothing:g}, but no loss of the graph knows it, as CrossEntropyLoss does"
        )
        yield Problem(f"{words}; set it to 0.", None, f"training.{SMOOTHING}", (_reset(SMOOTHING),))


def score_problem(setting: str, name: str, known: Sequence[str]) -> Problem:
    """The problem of a setting that names what is not measured."""
    path = f"training.{setting}"
    words = f"{setting} is {name!r}, which is not measured{did_you_mean(name, known)}; choose one of {', '.join(known)}"
    return Problem(f"{words}, or leave it empty.", None, path, (_reset(setting),))


def _reset(setting: str) -> Fix:
    return Fix(
        f"Reset {setting}", "set_setting", {"path": f"training.{setting}", "value": Training.defaults()[setting]}
    )


def _repeat_problems(training: Training, entries: Sequence[Entry]) -> Iterator[Problem]:
    for entry in entries:
        if entry.optimizer.repeats and training.accumulate > 1:
            words = f"{entry.op} runs the network several times for each batch and cannot add batches up"
            yield Problem(f"{words}; set accumulate to 1.", None, "training.accumulate", (_reset("accumulate"),))
        if entry.optimizer.repeats and training.precision == "fp16":
            words = (
                f"{entry.op} runs the network several times for each batch, which does not go with the scaled losses"
            )
            fix = Fix("Compute in bf16", "set_setting", {"path": "training.precision", "value": "bf16"})
            yield Problem(f"{words} of fp16; choose bf16 or float32.", None, "training.precision", (fix,))


def _sparse_problems(spec: Spec, training: Training) -> Iterator[Problem]:
    node = next((node for node in spec.nodes.values() if node.params.get("sparse") is True), None)
    if node is None:
        return
    for setting in ("accumulate", "clip_norm", "clip_value"):
        if getattr(training, setting) != Training.defaults()[setting]:
            fix = Fix(f"Turn sparse off at {node.id}", "set_param", {"node": node.id, "name": "sparse", "value": False})
            words = f"{node.id} has sparse gradients, which {setting} cannot treat; turn sparse off, or {setting}."
            yield Problem(words, None, f"training.{setting}", (fix, _reset(setting)))
