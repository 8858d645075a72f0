"""A run made ready: settings read, data on the device, graph compiled, optimizers built, data and graph compared."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
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
from engine.program import LOSS, Feed, Program
from engine.spec import Spec
from engine.train import classweights, precision
from engine.train.averaging import Average
from engine.train.checkpoint import Progressed, Stateful
from engine.train.compiled import TAKES_TIME, CompiledForward
from engine.train.ending import Ending
from engine.train.gradients import Gradients, careful_stepper
from engine.train.guard import Guard
from engine.train.meter import Measured, Meter
from engine.train.optimizers import Acting, Acts, Forward, Step, build_turns, stepper
from engine.train.parts import Weights
from engine.train.precision import Precision
from engine.training import score_problem, smoothed
from engine.trust import codes_in
from engine.validate import run_settings
from engine.weights import Shape

UNSAFE_IN_HALF = {"BCELoss": "BCEWithLogitsLoss"}  # on GPUs torch refuses them in autocast; and what to take instead


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
    flow: data.Flow
    ending: Ending
    best_by: tuple[str, bool]  # the score that says which epoch is best, and whether a higher one is better
    precision: Precision
    plain: Forward  # the forward pass, in the run's precision
    forward: Forward  # the same as training steps take it, perhaps compiled
    gradients: Gradients
    average: Average | None
    weights: Weights
    notes: tuple[str, ...]  # what was found in the data and in the settings
    resting: Sequence[nn.Module] = ()  # stay in evaluation mode while the others train

    @property
    def acting(self) -> list[Acting]:
        """The optimizers, in the order in which they act."""
        return [acting for turn in self.turns for acting in turn.acting]

    @property
    def extras(self) -> Mapping[str, Stateful]:
        """What has a state beside the weights and the optimizers, for a checkpoint."""
        found: dict[str, Stateful] = {"gradients": self.gradients, "ending": self.ending}
        return found if self.average is None else found | {"average": self.average}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Set torch's switches as the run needs them; at the end they are as before, and no worker reads data."""
        with closing(self.loader), precision.switched(self.training, self.precision):
            yield

    def begin(self, progressed: Progressed) -> None:
        """Take note that the run goes on from here."""
        self.ending.begin(progressed.seconds)
        if progressed.epochs:
            self.ending.reach(progressed.epochs)
            self.gradients.run_batches = self.ending.run_batches

    def prepare(self) -> None:
        """Compile what is to be compiled as when the run began, where it goes on from a later step."""
        if isinstance(self.forward, CompiledForward) and not self.forward.is_prepared:
            self.forward.prepare(next(self.loader.training(0)))

    def extend(self, epochs: int) -> None:
        """Go on to the end of this epoch, which is after the one where the run was to end."""
        self.ending.extend(epochs)
        self.gradients.run_batches = self.ending.run_batches

    def guard(self) -> Guard:
        """What watches the steps of this run for numbers that are not finite."""
        optimizers = [acting.optimizer for acting in self.acting]
        coded = bool(codes_in(self.compiled.spec))
        return Guard(self.compiled.module, optimizers, self.device, scaled=self.gradients.are_scaled, coded=coded)

    def stepper(self, guard: Guard | None = None) -> Step:
        """The function that takes one step of training; a guard sees loss and gradients before each optimizer does."""
        if self.gradients.are_plain:
            return stepper(self.forward, self.turns, guard)
        return careful_stepper(self.forward, self.turns, self.gradients, guard)

    def forget_gradients(self) -> None:
        """Leave out the gradients of a step that was broken off, and what was added up for it."""
        self.gradients.forget()
        for acting in self.acting:
            acting.optimizer.zero_grad(set_to_none=True)

    def news(self) -> tuple[str, ...]:
        """What should be known that was not known before, told once."""
        compiling = self.forward.news() if isinstance(self.forward, CompiledForward) else ()
        return (*compiling, *self.loader.news())

    def rates(self) -> dict[str, float]:
        """The learning rate of each optimizer as it is now."""
        return {acting.name: acting.rate for acting in self.acting}

    def begin_training(self) -> None:
        """Put the model into training mode, but for the nodes that rest."""
        self.compiled.module.train()
        for each in self.resting:
            each.eval()

    def measure(self, split: str) -> Measured:
        """Losses and metrics over a whole split; nothing where there is no such split."""
        meter = Meter(self.compiled.program)
        for _step in self.measuring(split, meter):
            pass
        return meter.measured(self.classes)

    def measuring(self, split: str, meter: Meter) -> Iterator[int]:
        """Measure a split, the model in evaluation mode; yields after each batch how many were added to the meter."""
        if not self.loader.samples(split):
            return
        self.compiled.module.eval()
        try:
            for step, batch in enumerate(self.loader.measuring(split), 1):
                with torch.inference_mode():  # not around the yield: what is done there may write to tensors
                    meter.add(self.plain(*batch), len(batch[0]))
                yield step
        finally:
            self.begin_training()

    @contextmanager
    def kept_in_place(self) -> Iterator[None]:
        """Let the weights that are kept stand in the graph: their moving average where there is one."""
        if self.average is None:
            yield
            return
        with self.weights.aside():
            self.average.take_place()
            yield

    def kept_weights(self) -> dict[str, Tensor]:
        """The model's state, the moving average in the place of the weights where there is one."""
        module = self.compiled.module
        return module.state_dict() if self.average is None else self.average.instead(module)


def open_session(
    spec: Spec,
    folder: Path,
    *,
    device: str | None = None,
    trained: Mapping[str, Any] | None = None,
    coming: Mapping[str, Shape] | None = None,
) -> Session:
    """Make a spec ready to train; raises Mistake or Refused where something does not go together.

    One that was `trained` before, with this state of its data, has weights to come: none are drawn, no file that they
    began from is needed, and its data is as it was then. Of a changed one the nodes whose tensors are all `coming`,
    which gives their shapes by name, need no file.
    """
    training, batching = _settings(spec)
    spec = smoothed(spec, training.label_smoothing)
    compiled = compile(spec, seed=training.seed if trained is None else None, folder=folder, coming=coming)
    names = _columns(spec, compiled, folder)
    dataset = data.prepare(spec, folder, names, trained)
    _refuse(binding_problems(spec, compiled.report, dataset.columns))
    place = choose(device or training.device)
    entries, problems = read_optimizers(spec, list(compiled.program.losses))
    _refuse(problems)
    weighed = _balanced(spec, compiled, dataset) if training.class_weights == "balanced" else ()
    module = compiled.module.to(place)
    if not any(entry.optimizer.repeats for entry in entries):  # LBFGS flattens gradients as they lie
        _arrange_filters(module)
    flow = _flow(compiled.feeds, dataset, batching, place)
    loader = data.Loader(flow, batching, place, training.seed)
    ending, best_by = _ending(training, compiled.program, loader.steps())
    turns = build_turns(
        compiled.spec,
        entries,
        module,
        compiled.program.losses,
        steps=ending.updates(training.accumulate),
        epochs=ending.epochs,
        higher_is_better=_higher_is_better(compiled.program),
    )
    used = precision.chosen(training.precision, place)
    _refuse(list(_unsafe(spec, used, place)))
    plain = _in_precision(module, used, place)
    average = None if training.ema_decay is None else Average(module, training.ema_decay)
    session = Session(
        compiled=compiled,
        dataset=dataset,
        loader=loader,
        turns=turns,
        device=place,
        training=training,
        batching=batching,
        classes=target_classes(compiled.spec, dataset.columns),
        flow=flow,
        ending=ending,
        best_by=best_by,
        precision=used,
        plain=plain,
        forward=_compiled(compiled, plain) if training.compile else plain,
        gradients=Gradients(
            training,
            [turn.weights for turn in turns],
            batch_size=batching.batch_size,
            epoch_batches=loader.steps(),
            run_batches=ending.run_batches,
            scaler=used.scaler(place),
            average=average,
        ),
        average=average,
        weights=Weights(module),
        notes=(*dataset.notes, *([used.note] if used.note else ()), *([TAKES_TIME] * training.compile), *weighed),
        resting=[module.get_submodule(path) for path in _resting(compiled)],
    )
    session.begin_training()
    return session


def _ending(training: Training, program: Program, epoch_batches: int) -> tuple[Ending, tuple[str, bool]]:
    """When the run ends; and the score that says which epoch is best, with whether a higher one is better."""
    best_by = _score(program, "best_metric", training.best_metric)
    name, higher = _score(program, "stop_metric", training.stop_metric) if training.stop_metric else best_by
    return Ending(training, epoch_batches, name, higher_is_better=higher), best_by


def _balanced(spec: Spec, compiled: Compiled, dataset: data.Dataset) -> tuple[str, ...]:
    """Give the losses weights that balance the classes; returns a note for each that goes without."""
    training = dataset.splits.get("train", {})
    found, notes = classweights.class_weights(spec, compiled.report, dataset.columns, training)
    for loss, (name, weights) in found.items():
        classweights.give(compiled.module.get_submodule(module_path(loss)), name, weights)
    return notes


def _compiled(compiled: Compiled, plain: Forward) -> CompiledForward:
    """The forward pass compiled, for any size where the Inputs name free sizes beside the number of samples."""
    varied = len(compiled.report.sizes) > 1
    return CompiledForward(compiled.module, plain, list(compiled.program.losses), varied=varied)


def _in_precision(module: nn.Module, used: Precision, device: torch.device) -> Forward:
    """The forward pass of a module in a precision."""
    if used.half is None:
        return module.forward

    def forward(*batch: Tensor) -> Mapping[str, Tensor]:
        with torch.autocast(device.type, used.half):
            return module(*batch)  # type: ignore[no-any-return]  # a module answers with anything

    return forward


def _unsafe(spec: Spec, used: Precision, device: torch.device) -> Iterator[Problem]:
    """Yield a problem for each loss that a GPU does not compute in half precision."""
    for node in spec.nodes.values():
        if used.half is not None and device.type == "cuda" and node.op in UNSAFE_IN_HALF:
            words = f"{node.op} loses too much in half precision; take {UNSAFE_IN_HALF[node.op]} in its place, on raw"
            yield Problem(f"{words} scores, or compute in float32.", node.id)


def _score(program: Program, setting: str, name: str) -> tuple[str, bool]:
    """The score that a setting names, and whether a higher one is better; by default the first metric, or the loss."""
    name = program.score(name)
    metrics = {
        each: metric.higher_is_better
        for each, metric in program.metrics.items()
        if metric.higher_is_better is not None and metric.table() is None
    }
    if name != LOSS and name not in program.losses and name not in metrics:
        raise Refused(score_problem(setting, name, [LOSS, *program.losses, *metrics]))
    return name, metrics.get(name, False)


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
