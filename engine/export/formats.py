"""The formats a project can be exported to. Plain: the window lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.spec import SUFFIX, Spec


@dataclass(frozen=True, slots=True)
class Project:
    """What is exported: a spec, the file of its trained weights where there is one, and what its data taught."""

    spec: Spec
    weights: Path | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, its title and a sentence for people, its file suffix, whether it needs a trained model."""

    name: str
    title: str
    about: str
    suffix: str
    trained: bool = False


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("python", "Python source", "A stand-alone module that needs PyTorch alone, with its weights.", ".py"),
        Format("safetensors", "Weights", "The trained weights, named after the nodes.", ".safetensors", trained=True),
        Format("spec", "Graph spec", "The project as a JSON file.", SUFFIX),
        Format("svg", "SVG picture", "A drawing of the graph, sharp at every size.", ".svg"),
        Format("png", "PNG picture", "A drawing of the graph, in pixels.", ".png"),
    )
}
