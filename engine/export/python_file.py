"""Stand-alone Python source: one readable line a node, no import but PyTorch, the same numbers bit for bit."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine import edit
from engine.compile import inference, lower
from engine.declare import Recipe
from engine.export import safetensors_file
from engine.export.classes import Writer, plain
from engine.export.formats import Project
from engine.export.own_code import OwnCode, packages_of
from engine.export.own_source import DEFINITIONS, copied_source
from engine.problem import Mistake
from engine.program import Feed, Program, Step
from engine.recipes import build
from engine.spec import Spec, write_atomically
from engine.train.predict import class_names

RESERVED = frozenset(
    {
        "self",
        "torch",
        "nn",
        "Tensor",
        "json",
        "math",
        "Path",
        "Model",
        "load_model",
        "read_safetensors",
        "CLASSES",
        "class_names",
        "F",
        *DEFINITIONS,
    }
)
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
          "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}  # fmt: skip


def write(project: Project, path: Path) -> list[Path]:
    """Write the module, and beside it the weights where there are any."""
    weights = path.with_suffix(".safetensors")
    text = source(project.spec, weights.name, project.state)
    write_atomically(path, lambda stream: stream.write(text.encode()))
    return [path] if project.weights is None else [path, *safetensors_file.write(project, weights)]


def source(spec: Spec, weights: str, state: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Write the inference model of a spec as Python; `weights` names the file that it loads by default.

    Where `state`, what the data of a run taught, has the names of classes that are predicted, so has the source.
    """
    whole = lower(spec)
    if not whole.outputs:
        raise Mistake("The graph has no Output, so there is nothing to export; wire an Output to the prediction.")
    program = inference(whole)
    packages = packages_of(whole.steps)
    writer = Writer(spec, program, RESERVED | {each.partition(".")[0] for each in packages})
    model = writer.classes(whole, _weighted)
    own = copied_source("\n".join(model))
    classes = _classes(spec, state, program)
    head = _head(spec, program, weights, _imports(own, writer.own_code, packages), _needs(writer.own_code, packages))
    return "\n".join([*head, *own, *writer.own_code.lines(), *model, *_names(classes), *_foot(program, weights)]) + "\n"


def _imports(own: list[str], codes: OwnCode, packages: list[str]) -> list[str]:
    """The import lines, in the order of the files that people write."""
    used = codes.names_used()
    lines = ["import json", *(["import math"] if "math" in used or any("math." in line for line in own) else [])]
    lines += ["from pathlib import Path", "", "import torch", *(f"import {each}" for each in packages)]
    lines.append("from torch import Tensor, nn")
    return [*lines, *(["from torch.nn import functional as F"] if "F" in used else [])]


def _needs(codes: OwnCode, packages: list[str]) -> str:
    """What the source needs beside Python, in words."""
    more = sorted({each.partition(".")[0] for each in packages} | set(codes.packages()))
    return f"PyTorch and {', '.join(more)}" if more else "PyTorch alone"


def _head(spec: Spec, program: Program, weights: str, imports: list[str], needs: str) -> Iterator[str]:
    names = ", ".join(_feed_name(feed) for feed in program.feeds)
    yield f'"""{plain(spec.name)}: a PyTorch model, written by Netloom. It needs {needs}.'
    yield ""
    yield f"    model = load_model({weights!r})"
    yield f"    outputs = model({names})"
    yield ""
    for feed in program.feeds:
        yield f"{_feed_name(feed)}: {feed.dtype}, {_sizes(feed.shape)}"
    for name in program.outputs:
        yield f"outputs[{name!r}]: {plain(edit.title(spec, name) or 'a prediction')}"
    yield '"""'
    yield ""
    yield from imports
    yield ""
    yield ""


def _sizes(shape: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _feed_name(feed: Feed) -> str:
    return _variable(feed.name)


def _variable(name: str) -> str:
    return f"{name}_" if name in RESERVED or keyword.iskeyword(name) else name


def _weighted(step: Step) -> bool:
    """Whether a step has weights, which the weights file names even where no output needs them."""
    return isinstance(step.recipe, Recipe) and bool(build(step.recipe).state_dict())


def _classes(spec: Spec, state: Mapping[str, Any], program: Program) -> dict[str, list[str]]:
    """The names of the classes of each output whose answer is one."""
    outputs = [name for name in program.outputs if spec.nodes[name].decode is not None and state]
    found = {name: class_names(spec, state, name) for name in outputs}
    return {name: names for name, names in found.items() if names}


def _names(classes: Mapping[str, list[str]]) -> Iterator[str]:
    if not classes:
        return
    yield f'''

CLASSES = {{
{chr(10).join(f"    {name!r}: {names!r}," for name, names in classes.items())}
}}


def class_names(outputs: dict[str, Tensor]) -> dict[str, list[str]]:
    """Return the names of the classes that are predicted, one a sample, of each output that has classes."""
    best = {{name: outputs[name].argmax(1).flatten().tolist() for name in CLASSES}}
    return {{name: [CLASSES[name][place] for place in places] for name, places in best.items()}}'''


def _foot(program: Program, weights: str) -> Iterator[str]:
    sizes = {name: 2 for feed in program.feeds for name in feed.shape if isinstance(name, str)}
    samples = [f"torch.zeros({_trial(feed, sizes)}, dtype=torch.{feed.dtype})" for feed in program.feeds]
    dtypes = ", ".join(f'"{name}": torch.{dtype}' for name, dtype in DTYPES.items())
    yield f'''

DTYPES = {{
    {dtypes.replace(', "I16"', ',{n}    "I16"').replace("{n}", chr(10))},
}}


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Read a safetensors file: a header of JSON, then the numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    aliases = json.loads(header.pop("__metadata__", {{}}).get("netloom", "{{}}")).get("aliases", {{}})
    tensors = {{}}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data[start:end] or bytearray(8), dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat[: torch.Size(entry["shape"]).numel()].reshape(entry["shape"])
    return tensors | {{name: tensors[first] for name, first in aliases.items()}}


def load_model(weights: str | Path = {weights!r}) -> Model:
    """Return the trained model, ready to predict."""
    model = Model()
    model.load_state_dict(read_safetensors(weights))
    return model.eval()


if __name__ == "__main__":
    weights = Path(__file__).with_name({weights!r})
    model = load_model(weights) if weights.exists() else Model().eval()
    with torch.inference_mode():
        outputs = model({", ".join(samples)})
    for name, tensor in outputs.items():
        print(name, tuple(tensor.shape), tensor.dtype)'''


def _trial(feed: Feed, sizes: Mapping[str, int]) -> str:
    shape = [sizes[size] if isinstance(size, str) else size for size in feed.shape]
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
