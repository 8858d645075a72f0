"""Tensors on the disk, and the state of a run to go on from. Safetensors and JSON; no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor, nn

from engine.problem import Mistake
from engine.spec import write_atomically
from engine.train.folder import Run
from engine.train.optimizers import Acting

ALIASES = "aliases"
POINTER = "last.json"
TENSOR = "tensor"  # key of what stands for a tensor in JSON


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors atomically; those that share memory are written once, with a table of the other names."""
    written: dict[str, Tensor] = {}
    names: dict[tuple[int, tuple[int, ...], tuple[int, ...]], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() and key in names:
            aliases[name] = names[key]
            continue
        names[key] = name
        written[name] = tensor.detach().cpu().contiguous()
    data = save(written, metadata={ALIASES: json.dumps(aliases)})
    write_atomically(path, lambda stream: stream.write(data))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors; raises Mistake where the file is missing or damaged."""
    if not path.is_file():
        raise Mistake(f"{path} does not exist.")
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # no mapping
            aliases = json.loads((stored.metadata() or {}).get(ALIASES, "{}"))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise Mistake(f"{path} is no whole safetensors file: {error}.") from None
    return tensors | {name: tensors[first] for name, first in aliases.items()}


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into a module; raises Mistake where they do not fit."""
    tensors = load_tensors(path)
    wanted = module.state_dict()
    lacking, extra = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if lacking or extra:
        words = f"it lacks {lacking[0]}" if lacking else f"it holds {extra[0]}, which the graph does not have"
        raise Mistake(f"{path} does not fit the graph: {words}.")
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            sizes = f"{tuple(tensors[name].shape)} in the file and {tuple(tensor.shape)} in the graph"
            raise Mistake(f"{path} does not fit the graph: {name} is {sizes}.")
    module.load_state_dict(tensors)


class Stateful(Protocol):
    """A part of a run with a state of its own: JSON with tensors among it."""

    def state(self) -> dict[str, Any]: ...

    def load(self, state: Mapping[str, Any]) -> None: ...


@dataclass
class Progressed:
    """How far a run has come: whole epochs, steps of the next, what was measured, which epoch was best."""

    epoch: int = 0
    step: int = 0
    totals: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    best_score: float | None = None
    seconds: float = 0.0
    states: dict[str, dict[str, Tensor]] = field(default_factory=dict)  # of the metrics that gather


def save_checkpoint(
    run: Run, module: nn.Module, acting: Sequence[Acting], progressed: Progressed, extras: Mapping[str, Stateful] = {}
) -> Path:
    """Write the whole state of a run; the one before stays until this is on the disk. Returns the tensors' path."""
    tensors = {f"weights.{name}": each for name, each in module.state_dict().items()}
    optimizers = {
        each.name: _taken_apart(each.optimizer.state_dict(), f"optimizer.{place}", tensors)
        for place, each in enumerate(acting)
    }
    for node, gathered in progressed.states.items():
        tensors |= {f"metrics.{node}.{key}": value for key, value in gathered.items()}
    states = {name: _taken_apart(each.state(), f"extras.{name}", tensors) for name, each in extras.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    path = run.checkpoints / f"{progressed.epoch:05d}-{progressed.step:07d}.safetensors"
    save_tensors(path, tensors)
    pointer = {
        "tensors": path.name,
        "spec": "spec.json",
        "progress": {name: value for name, value in vars(progressed).items() if name != "states"},
        "optimizers": optimizers,
        "schedules": {each.name: each.schedule.state() for each in acting if each.schedule is not None},
        "extras": states,
    }
    run.write_json(f"checkpoints/{POINTER}", pointer)
    for old in run.checkpoints.glob("*.safetensors"):
        if old != path:
            old.unlink()
    return path


def _taken_apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Turn a state into JSON: each tensor goes into `tensors` and leaves its name in its place."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {key: _taken_apart(each, f"{name}.{key}", tensors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_apart(each, f"{name}.{place}", tensors) for place, each in enumerate(value)]
    return value


def _put_together(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]].clone()  # memory of its own: sums depend on how numbers are aligned
        return {key: _put_together(each, tensors) for key, each in value.items()}
    return [_put_together(each, tensors) for each in value] if isinstance(value, list) else value


def load_checkpoint(
    run: Run, module: nn.Module, acting: Sequence[Acting], extras: Mapping[str, Stateful] = {}
) -> Progressed:
    """Restore the state that `save_checkpoint` wrote; raises Mistake where there is none."""
    try:
        pointer = json.loads((run.checkpoints / POINTER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Mistake(f"{run.path} has no checkpoint to go on from; train it anew.") from None
    if pointer.get("optimizers", {}).keys() != {each.name for each in acting}:
        raise Mistake(f"The checkpoint of {run.path} is of other optimizers than its spec; train it anew.")
    tensors = load_tensors(run.checkpoints / pointer["tensors"])
    weights = {name.removeprefix("weights."): each for name, each in tensors.items() if name.startswith("weights.")}
    module.load_state_dict(weights)
    for each in acting:
        state = _put_together(pointer["optimizers"][each.name], tensors)
        state["state"] = {int(index): values for index, values in state["state"].items()}
        each.optimizer.load_state_dict(state)
        _arrange_as_weights(each.optimizer)
        if each.schedule is not None:
            each.schedule.load(pointer["schedules"][each.name])
    for name, state in pointer.get("extras", {}).items():
        if name in extras:
            extras[name].load(_put_together(state, tensors))
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    progressed = Progressed(**pointer["progress"])
    for name, tensor in tensors.items():
        if name.startswith("metrics."):
            _, node, key = name.split(".", 2)
            progressed.states.setdefault(node, {})[key] = tensor
    return progressed


def _arrange_as_weights(optimizer: torch.optim.Optimizer) -> None:
    """Store each state tensor in the layout of its weights: fused kernels step through both side by side."""
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[key] = torch.empty_like(parameter).copy_(value)
