"""A trained run at work: measured on a split, and asked about new samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine import data
from engine.binding import class_ports
from engine.blocks import port_name
from engine.compile import Compiled, compile
from engine.data.text import text_of
from engine.expand import expand
from engine.problem import Mistake
from engine.spec import Spec, source_id
from engine.train.checkpoint import load_weights
from engine.train.folder import Run
from engine.train.meter import Measured
from engine.train.session import feed_tensors, open_session

BATCH = 256
SOFTMAXES = ("Softmax", "LogSoftmax")


def evaluate(run: Run, split: str = "test", *, device: str | None = None) -> Measured:
    """Measure a run's best weights on a split: losses and metrics, and the tables of those that are tables."""
    folder = Path(run.environment().get("folder", "."))
    session = open_session(run.spec(), folder, device=device, trained=run.data_state())
    splits = session.dataset.splits
    if split not in splits:
        raise Mistake(f"The data has no {split} split; it has {', '.join(splits)}.")
    load_weights(session.compiled.module, run.weights)
    with session.at_work():
        return session.measure(split)


def load_model(run: Run) -> Compiled:
    """Compile a run's graph for inference, with its best weights."""
    return load_pair(run.spec(), run.weights)


def load_pair(spec: Spec, weights: Path) -> Compiled:
    """Compile a spec for inference and load weights exported with it."""
    compiled = compile(spec, only="inference")
    load_weights(compiled.module, weights)
    compiled.module.eval()
    return compiled


def predict(run: Run, samples: Path | Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield {output: value} for each new sample: rows of columns, or a file of the source's kind or of JSON.

    An output with an Argmax decoder is the class's name, or of an image the number of each pixel's class; every other
    one is its numbers. Inputs must be bound.
    """
    spec, state, compiled = run.spec(), run.data_state(), load_model(run)
    names = list(dict.fromkeys(str(feed.column) for feed in compiled.feeds))
    tensors = (
        data.read_file(spec, state, samples, names, Path(run.environment().get("folder", ".")))
        if isinstance(samples, Path)
        else data.read_rows(state, samples, names)
    )
    yield from answers(spec, state, compiled, tensors)


def answers(
    spec: Spec, state: Mapping[str, Any], compiled: Compiled, columns: Mapping[str, data.Values]
) -> Iterator[dict[str, Any]]:
    """Run prepared columns through a model and decode what comes out, a dictionary a sample.

    An answer goes by its Output's name, or by its id where that has none or shares it with another.
    """
    names = [port_name(spec.nodes[output]) for output in compiled.program.outputs]
    called = dict(zip(compiled.program.outputs, names, strict=True)) if len(set(names)) == len(names) else {}
    inputs = feed_tensors(compiled.feeds, columns, torch.device("cpu"))
    waiting: dict[int, dict[str, Any]] = {}
    told = 0
    with torch.inference_mode():
        for indices in _alike(list(inputs.values())):
            outputs = compiled.module(*next(data.batches(inputs, BATCH, order=indices)))
            decoded = {name: _decoded(spec, state, name, each) for name, each in outputs.items()}
            for place, index in enumerate(indices.tolist()):
                waiting[index] = {called.get(name, name): values[place] for name, values in decoded.items()}
            while told in waiting:
                yield waiting.pop(told)
                told += 1


def _alike(inputs: Sequence[data.Values]) -> Iterator[Tensor]:
    """Yield batches of samples, by their indices, that need no filling up: an answer is not to depend on the others."""
    lengths = [each.counts for each in inputs if isinstance(each, data.Ragged) and each.width is None]
    if not lengths:
        yield from torch.split(torch.arange(len(inputs[0])), BATCH)
        return
    groups = torch.unique(torch.stack(lengths, 1), dim=0, return_inverse=True)[1]
    for group in range(int(groups.max()) + 1):
        yield from torch.split((groups == group).nonzero()[:, 0], BATCH)


def _decoded(spec: Spec, state: Mapping[str, Any], output: str, tensor: Tensor) -> list[Any]:
    decode = spec.nodes[output].decode
    if decode is None:
        flat = tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]
        return [row[0] if len(row) == 1 else row for row in flat.tolist()] if tensor.ndim < 3 else tensor.tolist()
    best = tensor.argmax(1)
    best = best.flatten() if best.numel() == len(best) else best
    if best.ndim > 2:  # an image of classes: a name for each pixel would be long
        return best.tolist()
    column = _target(spec, state, output)
    if column is not None and column["kind"] == "text" and best.ndim == 2:
        return [text_of(column["steps"], each) for each in best.tolist()]
    classes = class_names(spec, state, output)
    return [_named(each, classes) for each in best.tolist()]


def _named(index: Any, classes: Sequence[str]) -> Any:
    """The class of an index, its number where it has no name; a list of them for a list."""
    if isinstance(index, list):
        return [_named(each, classes) for each in index]
    return classes[index] if index < len(classes) else index


def class_names(spec: Spec, state: Mapping[str, Any], output: str) -> list[str]:
    """The class names of an output: those of the column that a loss or a metric compares the same scores with."""
    column = _target(spec, state, output)
    return list(column["classes"]) if column is not None else []


def _target(spec: Spec, state: Mapping[str, Any], output: str) -> Mapping[str, Any] | None:
    """What is kept of the column that a loss or a metric compares an output's scores with, None where nothing does."""
    spec = expand(spec).spec
    wire = _scores(spec, spec.nodes[output].inputs["input"])
    for node in spec.nodes.values():
        ports = class_ports(node)
        if ports is None or _scores(spec, node.inputs.get(ports[0])) != wire:
            continue
        target = spec.nodes.get(source_id(str(node.inputs.get(ports[1]))))
        column = state["columns"].get(target.params.get("column")) if target is not None else None
        if column and (column["classes"] or column["kind"] == "text"):
            return column  # type: ignore[no-any-return]  # of JSON
    return None


def _scores(spec: Spec, wire: Any) -> Any:
    """Where scores come from that a softmax made probabilities of, its order being theirs."""
    while isinstance(wire, str) and spec.nodes[source_id(wire)].op in SOFTMAXES:
        wire = spec.nodes[source_id(wire)].inputs.get("input")
    return wire
