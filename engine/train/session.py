"""A run made ready: settings read, data on the device, graph compiled, optimizer built, data and graph compared."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine import data
from engine.binding import binding_problems, target_classes
from engine.compile import Compiled, compile
from engine.devices import choose
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Batching, Training
from engine.problem import Problem
from engine.program import Feed
from engine.recipes import find
from engine.spec import Spec
from engine.train.meter import Measured, Meter

FUSED = frozenset({"SGD", "Adam", "AdamW"})


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
    splits: Mapping[str, Mapping[str, Tensor]]  # per split a tensor for each feed, in the feeds' order
    optimizer: torch.optim.Optimizer
    device: torch.device
    training: Training
    batching: Batching
    classes: Mapping[str, tuple[str, ...]]  # for each metric the names of its target's classes

    def samples(self, split: str) -> int:
        """How many samples a split has."""
        return len(next(iter(self.splits[split].values()))) if split in self.splits else 0

    def steps(self) -> int:
        """Steps of an epoch."""
        return data.batch_count(self.samples("train"), self.batching.batch_size, drop_last=self.batching.drop_last)

    def training_batches(self, epoch: int, start: int) -> Iterator[list[Tensor]]:
        """The batches of an epoch from step `start` on, in the epoch's own order."""
        order = data.epoch_order(self.training.seed, epoch, self.samples("train")) if self.batching.shuffle else None
        size = self.batching.batch_size
        return data.batches(self.splits["train"], size, order=order, drop_last=self.batching.drop_last, start=start)

    def measure(self, split: str) -> Measured:
        """Losses and metrics over a whole split, the model in evaluation mode; nothing where there is no such split."""
        if split not in self.splits:
            return Measured()
        module, meter = self.compiled.module, Meter(self.compiled.program)
        module.eval()
        with torch.inference_mode():
            for batch in data.batches(self.splits[split], self.batching.batch_size):
                meter.add(module(*batch), len(batch[0]))
        module.train()
        meter.read()
        return meter.measured(self.classes)


def open_session(spec: Spec, folder: Path, *, device: str | None = None) -> Session:
    """Make a spec ready to train; raises Mistake or Refused where something does not go together."""
    training, batching = _settings(spec)
    compiled = compile(spec, seed=training.seed)
    names = _columns(spec, compiled, folder)
    dataset = data.prepare(spec, folder, names)
    _refuse(binding_problems(spec, compiled.report, dataset.columns))
    place = choose(device or training.device)
    compiled.module.to(place)
    _arrange_filters(compiled.module)
    return Session(
        compiled,
        dataset,
        {split: feed_tensors(compiled.feeds, tensors, place) for split, tensors in dataset.splits.items()},
        build_optimizer(spec, compiled, place),
        place,
        training,
        batching,
        target_classes(spec, dataset.columns),
    )


def _arrange_filters(module: nn.Module) -> None:
    """Store the filters of 2-D convolutions channels last, which makes them a fifth faster."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d):
            each.to(memory_format=torch.channels_last)


def _settings(spec: Spec) -> tuple[Training, Batching]:
    """Read settings that the check has found to be right."""
    rest = {name: value for name, value in spec.training.items() if name != "optimizers"}
    training, problems = Training.parse(rest)
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


def feed_tensors(feeds: tuple[Feed, ...], tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Arrange columns in the order of the feeds, on the device."""
    return {feed.node: tensors[str(feed.column)].to(device) for feed in feeds}


def build_optimizer(spec: Spec, compiled: Compiled, device: torch.device) -> torch.optim.Optimizer:
    """Build the spec's optimizer (Adam where it names none), fused where torch can."""
    listed = spec.training.get("optimizers") or [{"op": "Adam", "params": {}}]
    declared, problems = Optimizer.registry[listed[0]["op"]].parse(listed[0].get("params", {}))
    if declared is None:
        raise Refused(Problem(problems[0].message, None, f"training.optimizers.0.params.{problems[0].param}"))
    recipe = declared.build()
    parameters = [each for each in compiled.module.parameters() if each.requires_grad]
    if not parameters:
        raise Refused(Problem("The graph has no weights to train; add a layer such as Linear."))
    fused: dict[str, Any] = {"fused": True} if listed[0]["op"] in FUSED and device.type in ("cpu", "cuda") else {}
    return find(recipe.target)(parameters, *recipe.args, **recipe.kwargs, **fused)  # type: ignore[no-any-return]


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
