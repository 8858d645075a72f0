"""A run made ready: settings read, data on the device, graph compiled, optimizers built, data and graph compared."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine import data
from engine.binding import binding_problems, target_classes
from engine.compile import Compiled, compile, module_path
from engine.devices import choose
from engine.ops.settings import Batching, Training
from engine.optimizers import read_optimizers
from engine.problem import Problem
from engine.program import Feed, Program
from engine.spec import Spec
from engine.train.meter import Measured, Meter
from engine.train.optimizers import Acting, Acts, build_turns
from engine.validate import run_settings


class Refused(Exception):  # a user's mistake found while a run is made ready
    """A problem that keeps a run from starting."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class Session:
    """All that a training loop works with."""

    compiled: Compiled
    dataset: data.Dataset
    loader: data.Loader
    turns: Sequence[Acts]
    device: torch.device
    training: Training
    batching: Batching
    classes: Mapping[str, tuple[str, ...]]  # for each metric the names of its target's classes
    resting: Sequence[nn.Module] = ()  # stay in evaluation mode while the others train

    @property
    def acting(self) -> list[Acting]:
        """The optimizers, in the order in which they act."""
        return [acting for turn in self.turns for acting in turn.acting]

    def rates(self) -> dict[str, float]:
        """The learning rate of each optimizer as it is now."""
        return {acting.name: acting.rate for acting in self.acting}

    def begin_training(self) -> None:
        """Put the model into training mode, but for the nodes that rest."""
        self.compiled.module.train()
        for each in self.resting:
            each.eval()

    def measure(self, split: str) -> Measured:
        """Losses and metrics over a whole split, the model in evaluation mode; nothing where there is no such split."""
        if not self.loader.samples(split):
            return Measured()
        module, meter = self.compiled.module, Meter(self.compiled.program)
        module.eval()
        with torch.inference_mode():
            for batch in self.loader.measuring(split):
                meter.add(module(*batch), len(batch[0]))
        self.begin_training()
        meter.read()
        return meter.measured(self.classes)


def open_session(
    spec: Spec, folder: Path, *, device: str | None = None, trained: Mapping[str, Any] | None = None
) -> Session:
    """Make a spec ready to train; raises Mistake or Refused where something does not go together.

    One that was `trained` before, with this state of its data, has weights to come: none are drawn, no file that they
    began from is needed, and its data is as it was then.
    """
    training, batching = _settings(spec)
    compiled = compile(spec, seed=training.seed if trained is None else None, folder=folder)
    names = _columns(spec, compiled, folder)
    dataset = data.prepare(spec, folder, names, trained)
    _refuse(binding_problems(spec, compiled.report, dataset.columns))
    place = choose(device or training.device)
    entries, problems = read_optimizers(spec, list(compiled.program.losses))
    _refuse(problems)
    module = compiled.module.to(place)
    if not any(entry.optimizer.repeats for entry in entries):  # LBFGS flattens gradients as they lie
        _arrange_filters(module)
    loader = data.Loader(_flow(compiled.feeds, dataset, batching, place), batching, place, training.seed)
    session = Session(
        compiled,
        dataset,
        loader,
        build_turns(
            compiled.spec,
            entries,
            module,
            compiled.program.losses,
            steps=loader.steps() * training.epochs,
            epochs=training.epochs,
            higher_is_better=_higher_is_better(compiled.program),
        ),
        place,
        training,
        batching,
        target_classes(compiled.spec, dataset.columns),
        [module.get_submodule(path) for path in _resting(compiled)],
    )
    session.begin_training()
    return session


def _higher_is_better(program: Program) -> bool:
    name = program.leading_metric()
    return name is not None and bool(program.metrics[name].higher_is_better)


def _resting(compiled: Compiled) -> Iterator[str]:
    """Yield the paths of the modules that stay in evaluation mode."""
    known = dict(compiled.module.named_modules())
    for node in compiled.spec.nodes.values():
        path = module_path(node.id)
        if node.weights.get("mode") == "eval" and path in known:
            yield path


def _arrange_filters(module: nn.Module) -> None:
    """Store the filters of 2-D convolutions channels last, which makes them a fifth faster."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d):
            each.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has it, its stub has not


def _settings(spec: Spec) -> tuple[Training, Batching]:
    """Read settings that the check has found to be right."""
    training, problems = Training.parse(run_settings(spec))
    if training is None:
        raise Refused(Problem(problems[0].message, None, f"training.{problems[0].param}"))
    batching, problems = Batching.parse(spec.data.get("batching", {}))
    if batching is None:
        raise Refused(Problem(problems[0].message, None, f"data.batching.{problems[0].param}"))
    return training, batching


def _columns(spec: Spec, compiled: Compiled, folder: Path) -> list[str]:
    """The columns that the graph's live Inputs are bound to."""
    if not compiled.feeds:
        raise Refused(Problem("The graph has no Input, so no data reaches its loss; add one and bind it to a column."))
    _refuse(binding_problems(spec, compiled.report, data.columns_of(spec, folder)))
    return [str(feed.column) for feed in compiled.feeds]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Refused(problems[0])


def _flow(feeds: tuple[Feed, ...], dataset: data.Dataset, batching: Batching, device: torch.device) -> data.Flow:
    """What batches come from: the columns of the feeds, on the device where they are to lie there."""
    used = list(dict.fromkeys(str(feed.column) for feed in feeds))
    place = device if _is_resident(dataset, used, batching, device) else torch.device("cpu")
    return data.Flow(
        {split: feed_tensors(feeds, columns, place) for split, columns in dataset.splits.items()},
        dataset.rows,
        {feed.name: dataset.tails[str(feed.column)] for feed in feeds if feed.column in dataset.tails},
        dataset.weights,
        dataset.cache,
        dataset.where,
        [(_ports(feeds, feed), dataset.movers[str(feed.column)]) for feed in feeds if _moves(feed, dataset)],
    )


def _moves(feed: Feed, dataset: data.Dataset) -> bool:
    return not feed.is_beside and feed.column in dataset.movers


def _ports(feeds: Sequence[Feed], first: Feed) -> dict[str, str]:
    """The feed of each port of an Input."""
    return {feed.port: feed.name for feed in feeds if feed.node == first.node}


def _is_resident(dataset: data.Dataset, used: Sequence[str], batching: Batching, device: torch.device) -> bool:
    """Whether the columns lie on the device while it trains, so that no batch is copied."""
    if device.type == "cpu" or batching.resident != "auto":
        return batching.resident != "host"
    needed = sum(data.bytes_of(columns[name]) for columns in dataset.splits.values() for name in used)
    return needed <= torch.cuda.mem_get_info(device)[0] // 2


def feed_tensors(feeds: tuple[Feed, ...], columns: Mapping[str, data.Values], device: torch.device) -> dict[str, Any]:
    """Arrange columns, and the what ports tell of their samples, in the order of the feeds, on the device."""
    placed = {name: columns[name].to(device) for name in dict.fromkeys(str(feed.column) for feed in feeds)}
    return {feed.name: _fed(feed, placed[str(feed.column)]) for feed in feeds}


def _fed(feed: Feed, column: data.Values) -> data.Values:
    return column.port(feed.port) if isinstance(column, data.Ragged | data.Live) else column


def environment(device: torch.device, folder: Path) -> dict[str, Any]:
    """What a run's numbers depend on beside its spec and its data."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "folder": str(folder.resolve()),
    }
