"""Stand-alone Python source: one readable line a node, no import but PyTorch, the same numbers bit for bit."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import edit
from engine.compile import build_modules, inference, lower
from engine.declare import Call, Pattern, Recipe, Torch
from engine.export import safetensors_file
from engine.export.formats import Project
from engine.export.own_source import DEFINITIONS, copied_source
from engine.problem import Mistake
from engine.program import Feed, Program, Ref, Step
from engine.spec import Spec, write_atomically

OWN = "modules."
RESERVED = frozenset(
    {"self", "torch", "nn", "Tensor", "json", "math", "Path", "Model", "load_model", "read_safetensors", *DEFINITIONS}
)
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
          "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}  # fmt: skip


def write(project: Project, path: Path) -> list[Path]:
    """Write the module, and beside it the weights where there are any."""
    weights = path.with_suffix(".safetensors")
    text = source(project.spec, weights.name)
    write_atomically(path, lambda stream: stream.write(text.encode()))
    return [path] if project.weights is None else [path, *safetensors_file.write(project, weights)]


def source(spec: Spec, weights: str) -> str:
    """Write the inference model of a spec as Python; `weights` names the file that it loads by default."""
    whole = lower(spec)
    if not whole.outputs:
        raise Mistake("The graph has no Output, so there is nothing to export; wire an Output to the prediction.")
    program = inference(whole)
    model = list(_Writer(spec, program).model(whole))
    own = copied_source("\n".join(model))
    return "\n".join([*_head(spec, program, weights, own), *own, *model, *_foot(program, weights)]) + "\n"


def _plain(text: str) -> str:
    """Text that is safe in a comment or a docstring."""
    return "".join(letter for letter in text if letter.isprintable()).replace("\\", "/").replace('"', "'")


def _head(spec: Spec, program: Program, weights: str, own: list[str]) -> Iterator[str]:
    names = ", ".join(_feed_name(feed) for feed in program.feeds)
    yield f'"""{_plain(spec.name)}: a PyTorch model, written by Netloom. It needs PyTorch alone.'
    yield ""
    yield f"    model = load_model({weights!r})"
    yield f"    outputs = model({names})"
    yield ""
    for feed in program.feeds:
        yield f"{_feed_name(feed)}: {feed.dtype}, {_sizes(feed.shape)}"
    for name in program.outputs:
        yield f"outputs[{name!r}]: {_plain(edit.title(spec, name) or 'a prediction')}"
    yield '"""'
    yield ""
    yield "import json"
    if any("math." in line for line in own):
        yield "import math"
    yield "from pathlib import Path"
    yield ""
    yield "import torch"
    yield "from torch import Tensor, nn"
    yield ""
    yield ""


def _sizes(shape: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _feed_name(feed: Feed) -> str:
    return _variable(feed.node)


def _variable(name: str) -> str:
    return f"{name}_" if name in RESERVED or keyword.iskeyword(name) else name


class _Writer:
    """Writes the class, with a variable for every tensor."""

    def __init__(self, spec: Spec, program: Program) -> None:
        self._spec, self._program = spec, program
        self._used = {ref for step in program.steps for ref in step.refs()} | set(program.outputs.values())

    def model(self, whole: Program) -> Iterator[str]:
        title = _plain(self._spec.name)
        yield "class Model(nn.Module):"
        yield f'    """The graph {title}."""'
        yield ""
        yield "    def __init__(self) -> None:"
        yield "        super().__init__()"
        for step in whole.steps:
            if isinstance(step.recipe, Recipe) and (step in self._program.steps or _weighted(step)):
                yield f"        self.{step.node} = {_called(step.recipe)}{self._comment(step)}"
        parameters = ", ".join(f"{_feed_name(feed)}: Tensor" for feed in self._program.feeds)
        yield ""
        yield (
            f"    def forward(self, {parameters}) -> dict[str, Tensor]:"
            if parameters
            else ("    def forward(self) -> dict[str, Tensor]:")
        )
        for step in self._program.steps:
            yield f"        {self._line(step)}"
        outputs = ", ".join(f"{name!r}: {self._name(ref)}" for name, ref in self._program.outputs.items())
        yield f"        return {{{outputs}}}"

    def _comment(self, step: Step) -> str:
        title = edit.title(self._spec, step.node)
        return f"  # {_plain(title)}" if title else ""

    def _name(self, ref: Ref) -> str:
        return _variable(f"{ref.node}_{ref.port}" if ref.port not in ("", "output") else ref.node)

    def _line(self, step: Step) -> str:
        return f"{self._assigned(step, step.outputs)} = {self._call(step)}"

    def _assigned(self, step: Step, tree: Pattern) -> str:
        if isinstance(step.outputs, str):
            return _variable(step.node)
        if isinstance(tree, str):
            ref = Ref(step.node, tree)
            return self._name(ref) if ref in self._used else "_"
        return ", ".join(self._part(step, part) for part in tree) + "," * (len(tree) == 1)

    def _part(self, step: Step, part: Pattern) -> str:
        if isinstance(part, str):
            return self._assigned(step, part)
        inner = self._assigned(step, part)
        return "_" if set(inner) <= set("_, ") else f"({inner})"

    def _call(self, step: Step) -> str:
        if isinstance(step.recipe, Recipe):
            return f"self.{step.node}({self._arguments(step.args, step.kwargs)})"
        return self._function(step.recipe.target, step.args, step.kwargs)

    def _function(self, target: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        if target.startswith("."):
            return f"{self._value(args[0])}{target}({self._arguments(args[1:], kwargs)})"
        return f"{target.removeprefix(OWN)}({self._arguments(args, kwargs)})"

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        named = [f"{name}={self._value(value)}" for name, value in kwargs.items()]
        return ", ".join([*map(self._value, args), *named])

    def _value(self, value: Any) -> str:
        if isinstance(value, Ref):
            return self._name(value)
        if isinstance(value, Call):
            return self._function(value.target, value.args, value.kwargs)
        if isinstance(value, list):
            return f"[{', '.join(map(self._value, value))}]"
        if isinstance(value, tuple):
            return f"({', '.join(map(self._value, value))}{',' * (len(value) == 1)})"
        return _literal(value)


def _weighted(step: Step) -> bool:
    """Whether a step has weights, which the weights file names even where no output needs them."""
    return bool(build_modules(Program(steps=(step,)))[step.node].state_dict())


def _called(recipe: Recipe | Call) -> str:
    arguments = [*map(_literal, recipe.args), *(f"{name}={_literal(value)}" for name, value in recipe.kwargs.items())]
    return f"{recipe.target.removeprefix(OWN)}({', '.join(arguments)})"


def _literal(value: Any) -> str:
    """Write a constant: a plain value, one of torch's, or a call that makes one."""
    if isinstance(value, Torch):
        return value.name
    if isinstance(value, Recipe | Call):
        return _called(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return f"[{', '.join(map(_literal, value))}]" if isinstance(value, list) else repr(value)


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
    aliases = json.loads(header.pop("__metadata__", {{}}).get("aliases", "{{}}"))
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
