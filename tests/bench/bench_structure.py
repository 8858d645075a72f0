"""ResNet-50 and a vision transformer as graphs of blocks: their check, and their speed beside PyTorch by hand."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine import edit
from engine.compile import compile
from engine.spec import Spec, save
from tests import architectures
from tests.bench.bench_check import _Helper
from tests.bench.figure import Figure

ROUNDS, EDITS = 9, 5  # of each the best counts, for what else the machine does takes its time from both
ROOT = Path(__file__).parents[2]

BY_HAND = """
import torch
from tests.bench.bench_structure import ResNet50
with torch.device("meta"):
    model = ResNet50()
    assert model(torch.empty(2, 3, 224, 224)).shape == (2, 1000)
"""


# --------------------------------------------------------------------------------------------------- written by hand


def _conv(channels: int, out: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False)


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if channels != 4 * width or stride != 1:
            self.shortcut = nn.Sequential(_conv(channels, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        result: Tensor = self.relu(self.bn3(self.conv3(y)) + self.shortcut(x))
        return result


class ResNet50(nn.Module):
    """ResNet-50 as PyTorch programmers write it."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        blocks, channels = [], 64
        for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for place in range(depth):
                blocks.append(Bottleneck(channels, width, stride if place == 0 else 1))
                channels = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.pool, self.flatten, self.head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.flatten(self.pool(self.blocks(self.stem(x)))))
        return result


class EncoderLayer(nn.Module):
    """Attention and dense layers, each behind a normalisation."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.drop1, self.drop2 = nn.Dropout(0.0), nn.Dropout(0.0)
        self.wide, self.act, self.narrow = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.drop1(self.attention(y, y, y, need_weights=False)[0])
        result: Tensor = x + self.drop2(self.narrow(self.act(self.wide(self.norm2(x)))))
        return result


class ViT(nn.Module):
    """A vision transformer with patches of 16 x 16 pixels."""

    def __init__(self, classes: int, size: int, width: int = 768, layers: int = 12) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, width))
        self.positions = nn.Parameter(torch.randn((size // 16) ** 2 + 1, width) * 0.02)
        self.layers = nn.Sequential(*(EncoderLayer(width, width // 64) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.token.expand(len(x), 1, -1), x], 1) + self.positions
        result: Tensor = self.head(self.norm(self.layers(x)).select(1, 0))
        return result


# ----------------------------------------------------------------------------------------------------- measured


def _seconds(*arguments: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def _cold_check() -> Figure:
    """A whole process that checks ResNet-50, against one that runs the module once on the meta device."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "resnet50.netloom"
        save(architectures.resnet50(), path)
        pairs = [(_seconds("-m", "engine", "check", str(path)), _seconds("-c", BY_HAND)) for _ in range(EDITS)]
    ours, theirs = (min(column) for column in zip(*pairs, strict=True))
    return Figure("check of ResNet-50 from cold, with the process", ours, "s", 3, "lower", theirs)


def _edits() -> Figure:
    """The longest round trip among edits of the widths of stages, each of which reaches all that is behind it."""
    helper, spec = _Helper(), architectures.resnet50()
    helper.check(spec)
    seconds: dict[str, float] = {}
    for width in range(EDITS):
        for stage in ("stage_1", "stage_2", "stage_3", "stage_4"):
            taken = helper.check(edit.set_param(spec, stage, "width", 40 + width))
            seconds[stage] = min(taken, seconds.get(stage, taken))
    helper.close()
    return Figure("check round trip, a stage's width in ResNet-50", max(seconds.values()) * 1000, "ms", 60, "lower")


def _step(module: Callable[[Tensor], Any], images: Tensor) -> float:
    """Seconds of a forward and a backward pass."""
    begun = time.perf_counter()
    module(images).sum().backward()
    return time.perf_counter() - begun


def _speed(name: str, spec: Spec, by_hand: nn.Module, images: Tensor) -> Figure:
    compiled = compile(spec, only="inference", seed=0).module.train()

    def ours(tensor: Tensor) -> Any:
        (scores,) = compiled(tensor).values()
        return scores

    by_hand.train()
    assert sum(each.numel() for each in compiled.parameters()) == sum(each.numel() for each in by_hand.parameters())
    pairs = [(_step(ours, images), _step(by_hand, images)) for _ in range(ROUNDS)]
    mine, theirs = (len(images) / min(column) for column in zip(*pairs, strict=True))
    return Figure(name, mine, "samples/s", 0.98, "higher", theirs)


def run() -> list[Figure]:
    """Measure checks, then a training step of both networks beside those written by hand."""
    images, (layers, width) = torch.randn(8, 3, 96, 96), (4, 384)
    vit, by_hand = architectures.vit_b16(1000, 96, width, layers), ViT(1000, 96, width, layers)
    return [
        _cold_check(),
        _edits(),
        _speed("forward and backward of ResNet-50, batch 8", architectures.resnet50(1000, 96), ResNet50(), images),
        _speed("forward and backward of a ViT of 4 layers, batch 8", vit, by_hand, images),
    ]
