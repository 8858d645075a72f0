"""A run made ready: settings read, data on the device, graph compiled, optimizers built, data and graph compared."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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
    splits: Mapping[str, Mapping[str, data.Values]]  # per split a tensor for each feed, in the feeds' order
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

    def samples(self, split: str) -> int:
        """How many samples a split has."""
        return len(next(iter(self.splits[split].values()))) if split in self.splits else 0

    def steps(self) -> int:
        """Steps of an epoch."""
        return _steps(self.samples("train"), self.batching)

    def training_batches(self, epoch: int, start: int) -> Iterator[list[Tensor]]:
        """The batches of an epoch from step `start` on, in the epoch's own order."""
        order, size = self._order(epoch), self.batching.batch_size
        return data.batches(self.splits["train"], size, order=order, drop_last=self.batching.drop_last, start=start)

    def _order(self, epoch: int) -> Tensor | None:
        """The order of an epoch's samples, None for that of the data."""
        if not self.batching.shuffle:
            return None
        lengths = data.lengths_of(self.splits["train"]) if self.batching.by_length else None
        if lengths is None:
            return data.epoch_order(self.training.seed, epoch, self.samples("train"))
        return data.bucketed_order(self.training.seed, epoch, lengths, self.batching.batch_size)

    def _sorted(self, split: str) -> Tensor | None:
        """The order in which least is filled up, None where all samples are of one size.

        How far samples are filled up changes what a mean over time says, so it is to be alike in training and here.
        """
        lengths = data.lengths_of(self.splits[split]) if self.batching.by_length else None
        return None if lengths is None else lengths.argsort(stable=True)

    def begin_training(self) -> None:
        """Put the model into training mode, but for the nodes that rest."""
        self.compiled.module.train()
        for each in self.resting:
            each.eval()

    def measure(self, split: str) -> Measured:
        """Losses and metrics over a whole split, the model in evaluation mode; nothing where there is no such split."""
        if split not in self.splits:
            return Measured()
        module, meter = self.compiled.module, Meter(self.compiled.program)
        module.eval()
        with torch.inference_mode():
            for batch in data.batches(self.splits[split], self.batching.batch_size, order=self._sorted(split)):
                meter.add(module(*batch), len(batch[0]))
        self.begin_training()
        meter.read()
        return meter.measured(self.classes)


def _steps(samples: int, batching: Batching) -> int:
    return data.batch_count(samples, batching.batch_size, drop_last=batching.drop_last)


def open_session(spec: Spec, folder: Path, *, device: str | None = None, trained: bool = False) -> Session:
    """Make a spec ready to train; raises Mistake or Refused where something does not go together.

    A `trained` one has weights to come, so none are drawn, and no file that they began from is needed.
    """
    training, batching = _settings(spec)
    compiled = compile(spec, seed=None if trained else training.seed, folder=folder)
    names = _columns(spec, compiled, folder)
    dataset = data.prepare(spec, folder, names)
    _refuse(binding_problems(spec, compiled.report, dataset.columns))
    place = choose(device or training.device)
    entries, problems = read_optimizers(spec, list(compiled.program.losses))
    _refuse(problems)
    module = compiled.module.to(place)
    if not any(entry.optimizer.repeats for entry in entries):  # LBFGS flattens gradients as they lie
        _arrange_filters(module)
    splits = {split: feed_tensors(compiled.feeds, tensors, place) for split, tensors in dataset.splits.items()}
    samples = len(next(iter(splits["train"].values())))
    session = Session(
        compiled,
        dataset,
        splits,
        build_turns(
            compiled.spec,
            entries,
            module,
            compiled.program.losses,
            steps=_steps(samples, batching) * training.epochs,
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


def feed_tensors(
    feeds: tuple[Feed, ...], columns: Mapping[str, data.Values], device: torch.device
) -> dict[str, data.Values]:
    """Arrange columns, and what ports tell of their samples, in the order of the feeds, on the device."""
    placed = {name: columns[name].to(device) for name in dict.fromkeys(str(feed.column) for feed in feeds)}
    return {feed.name: _fed(feed, placed[str(feed.column)]) for feed in feeds}


def _fed(feed: Feed, column: data.Values) -> data.Values:
    return column.port(feed.port) if isinstance(column, data.Ragged) else column


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
