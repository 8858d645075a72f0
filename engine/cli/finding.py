"""Verbs that find settings: the learning rate and the batch size."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from engine.amounts import memory
from engine.cli.overrides import load_with
from engine.cli.projects import trusted
from engine.spec import Spec

if TYPE_CHECKING:
    from engine.train.batchfinder import Fitted
    from engine.train.finder import Swept

SHOWN = 20  # rates of a curve that are printed
REASONS = {
    "memory": "larger ones do not fit into memory",
    "samples": "it holds all training samples",
    "time": "larger ones take seconds for a step",
}


def find_lr(arguments: argparse.Namespace) -> int:
    """Sweep the learning rate and print the curve and what it suggests."""
    from engine.train.finder import find_lr as work  # torch's seconds only where they are needed

    spec, folder = _project(arguments)
    swept = work(spec, folder, optimizer=arguments.optimizer, device=arguments.device)
    if arguments.json:
        print(json.dumps(swept.encode()))
    else:
        _print_curve(swept)
    return 0


def _print_curve(swept: Swept) -> None:
    stride = max(1, len(swept.rates) // SHOWN)
    for rate, loss in list(zip(swept.rates, swept.smoothed, strict=True))[::stride]:
        print(f"  {rate:8.2g}  {loss:.4g}")
    if swept.suggestion is None:
        print("The loss falls at no rate; look at the data and the graph, or sweep again with larger batches.")
        return
    print(f"The loss falls fastest at {swept.suggestion:g}. To take it:")
    print(f"  netloom train ... --set training.optimizers.{swept.optimizer}.params.lr={swept.suggestion:g}")


def find_batch(arguments: argparse.Namespace) -> int:
    """Try batch sizes and print what came of each."""
    from engine.train.batchfinder import find_batch_size as work  # torch's seconds only where they are needed

    spec, folder = _project(arguments)
    fitted = work(spec, folder, device=arguments.device)
    if arguments.json:
        print(json.dumps(fitted.encode()))
    else:
        _print_sizes(fitted)
    return 0


def _print_sizes(fitted: Fitted) -> None:
    for each in fitted.tried:
        speed = f"{each.samples_per_second:12,.0f} samples/s  {memory(each.bytes)}" if each.fits else "does not fit"
        print(f"  {each.batch_size:8,}  {speed}")
    print(
        f"The largest is {fitted.largest:,}: {REASONS[fitted.reason]}. Nearly as fast as any is {fitted.suggestion:,}:"
    )
    print(f"  netloom train ... --set data.batching.batch_size={fitted.suggestion}")


def _project(arguments: argparse.Namespace) -> tuple[Spec, Path]:
    """The project, and where relative paths of its data start."""
    spec = load_with(arguments.file, arguments.set)
    trusted(arguments, spec)
    return spec, arguments.file.resolve().parent
