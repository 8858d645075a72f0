"""How fast data comes against PyTorch's own way by hand, and how much memory large sets take."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from engine import data, edit
from engine.data.prepare import batching_of
from engine.spec import Spec
from tests.bench.figure import Figure

ROUNDS = 5
ROWS, FEATURES = 5_000_000, 20
IMAGES, FEW_IMAGES = 20_000, 2_000
SIDE = 128
WORKERS = 2
CPU = torch.device("cpu")


def _source(kind: str, path: Path, **params: Any) -> Spec:
    spec = edit.set_source(Spec(), kind, {"path": str(path), **params})
    return edit.set_setting(spec, "data.split", {"validation": 0.0, "test": 0.0})


def _loader(spec: Spec, columns: list[str]) -> data.Loader:
    made = data.prepare(spec, Path(), columns)
    return data.Loader(
        data.Flow(made.splits, made.rows, made.tails, made.weights, made.cache), batching_of(spec), CPU, 0
    )


def _rate(batches: Iterable[Any]) -> float:
    begun, count = time.perf_counter(), 0
    for _batch in batches:
        count += 1
    return count / (time.perf_counter() - begun)


def _in_turn(ours: Callable[[int], Iterable[Any]], theirs: Callable[[], Iterable[Any]]) -> tuple[float, float]:
    """Batches a second of both, measured one after the other several times."""
    pairs = [(_rate(ours(epoch)), _rate(theirs())) for epoch in range(ROUNDS + 1)][1:]
    return median(each[0] for each in pairs), median(each[1] for each in pairs)


def _mnist(home: Path) -> Figure:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (60_000, 28, 28), dtype=np.uint8), random.integers(0, 10, 60_000)
    np.savez(home / "mnist.npz", x=images, y=labels)
    loader = _loader(
        edit.set_setting(_source("Arrays", home / "mnist.npz"), "data.batching.batch_size", 64), ["x", "y"]
    )
    tensors = TensorDataset(torch.from_numpy(images[:, None] / np.float32(255)), torch.from_numpy(labels))
    ours, theirs = _in_turn(loader.training, lambda: DataLoader(tensors, batch_size=64, shuffle=True))
    return Figure("data: MNIST in memory, batch 64", ours, "batches/s", 5.0, "higher", theirs)


class _ByHand(Dataset[tuple[Tensor, int]]):
    """The steps as one writes them by hand: decode, resize, flip, crop, normalise."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        path = self._paths[place]
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        if np.random.random() < 0.5:
            pixels = pixels[:, ::-1]
        top, left = np.random.randint(0, 17, 2)
        pixels = np.pad(pixels, ((8, 8), (8, 8), (0, 0)))[top : top + SIDE, left : left + SIDE]
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float().div_(255)
        return tensor.sub_(0.45).div_(0.25), int(path.parent.name)


def _photographs(home: Path, count: int, size: tuple[int, int]) -> Path:
    """Photograph-like JPEG files in two classes."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (64, 12, 16, 3), dtype=np.uint8)
    folder = home / f"photographs{count}"
    for number in range(count):
        path = folder / str(number % 2) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse[number % 64]).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


def _folder(home: Path) -> Figure:
    folder = _photographs(home, 1000, (500, 375))
    spec = _source("ImageFolder", folder, height=SIDE, width=SIDE)
    chain = [
        {"op": "RandomFlip", "params": {}},
        {"op": "RandomCrop", "params": {"size": SIDE, "padding": 8}},
        {"op": "Scale", "params": {"factor": 4.0, "offset": -1.8}},
    ]
    spec = edit.set_setting(spec, "data.columns", {"image": {"steps": chain}})
    loader = _loader(edit.set_setting(spec, "data.batching", {"cache": "none", "workers": WORKERS}), ["image", "label"])
    by_hand = _ByHand(sorted(folder.glob("*/*.jpg")))
    theirs = DataLoader(by_hand, batch_size=32, shuffle=True, num_workers=WORKERS, persistent_workers=True)
    rates = _in_turn(loader.training, lambda: theirs)
    loader.close()
    return Figure(
        "data: decode and augment 1,000 photographs, 2 workers", rates[0], "batches/s", 1.0, "higher", rates[1]
    )


# ------------------------------------------------------------------------------------- in processes of their own


def _child(*arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_data", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _peak() -> float:
    """The most memory that this process had, in MiB, mapped files included."""
    return _mib("VmHWM")


def _mib(name: str) -> float:
    """A figure of the system on this process, in MiB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(lines[name].split()[0]) / 1024


def _train_table(path: str, cache: str) -> dict[str, float]:
    """Train a small network on a table for some seconds."""
    spec = _source("Table", Path(path), target="y")
    spec = edit.set_setting(spec, "data.batching", {"cache": cache, "batch_size": 1024})
    loader = _loader(spec, ["features", "y"])
    model = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer, criterion, seen = torch.optim.Adam(model.parameters(), fused=True), nn.CrossEntropyLoss(), 0
    batches = loader.training(0)
    next(batches)
    begun = time.perf_counter()
    for inputs, labels in batches:
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()
        seen += len(labels)
    return {"rate": seen / (time.perf_counter() - begun), "peak": _peak()}


def _read_images(path: str, cache: str) -> dict[str, float]:
    spec = edit.set_setting(_source("ImageFolder", Path(path)), "data.batching", {"cache": cache, "workers": 0})
    loader = _loader(spec, ["image", "label"])
    return {"rate": _rate(loader.training(0)), "peak": _peak(), "own": _mib("RssAnon")}


def _table(home: Path) -> list[Figure]:
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(0)
    columns = {f"x{place}": random.standard_normal(ROWS, dtype=np.float32) for place in range(FEATURES)}
    columns["y"] = (columns["x0"] + columns["x1"] > 0).astype(np.int64)
    path = home / "table.parquet"
    parquet.write_table(pa.table(columns), path)
    mapped, held = _child("table", path, "disk"), _child("table", path, "memory")
    return [
        Figure("data: memory for a table of 5 million rows", mapped["peak"], "MiB", 1536, "lower"),
        Figure(
            "data: training from it, mapped against in memory", mapped["rate"], "samples/s", 0.9, "higher", held["rate"]
        ),
    ]


def _many_images(home: Path) -> list[Figure]:
    many, few = _photographs(home, IMAGES, (64, 64)), _photographs(home, FEW_IMAGES, (64, 64))
    found = []
    for cache, figure in (("none", "peak"), ("disk", "own")):  # the system takes mapped pages back when it needs them
        peaks = [_child("images", folder, cache)[figure] for folder in (many, few)]
        name = f"data: memory for 20,000 images against 2,000, cache {cache}"
        found.append(Figure(name, peaks[0], "MiB", 1.25, "lower", peaks[1]))
    return found


def run() -> list[Figure]:
    """Measure what comes from memory, from files, and from more than there is memory for."""
    with tempfile.TemporaryDirectory() as home:
        return [_mnist(Path(home)), _folder(Path(home)), *_table(Path(home)), *_many_images(Path(home))]


if __name__ == "__main__":
    work = {"table": _train_table, "images": _read_images}[sys.argv[1]]
    print(json.dumps(work(*sys.argv[2:])))
