"""First numbers: the weights that modules hold, filled as the spec says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import nn

from engine.declare import Op, Value
from engine.ops import OPS
from engine.ops.initializer import FromFile
from engine.problem import Mistake, Problem
from engine.recipes import call
from engine.spec import SLASH, Spec
from engine.tensorfile import checked_file
from engine.weights import Held, Shape, beginnings, init_problem

LEAST_AXES = 2  # of what the project's default initializer fills
UNFILLED = ("Embedding", "Norm")  # in the names of modules whose weights it leaves alone


def held(op: type[Op] | Op, module: nn.Module | None) -> Held:
    """Tell what weights the module of an op holds, and which buffers are kept with them."""
    if module is None:
        return Held()
    tensors = {name: tuple(each.shape) for name, each in module.named_parameters()}
    matrices = frozenset(name for name, shape in tensors.items() if _is_matrix(module, name, shape))
    sparse = frozenset(tensors) if getattr(op, "sparse", False) is True else frozenset()
    stored = module.state_dict()
    buffers = {name: tuple(each.shape) for name, each in module.named_buffers() if name in stored}
    return Held(tensors, matrices, sparse, buffers)


def _is_matrix(module: nn.Module, name: str, shape: Shape) -> bool:
    owner, _, last = name.rpartition(".")
    kind = type(module.get_submodule(owner)).__name__
    return len(shape) >= LEAST_AXES and "weight" in last and not any(word in kind for word in UNFILLED)


def initialise(spec: Spec, modules: Mapping[str, nn.Module], folder: Path, coming: Mapping[str, Shape]) -> None:
    """Fill weights and buffers of modules as the spec says, in the nodes' order; the rest stays as PyTorch drew it.

    Relative paths start at `folder`. Nodes all of whose tensors are among those `coming`, by name and shape, need no
    file. Raises Mistake where a file does not hold what it should.
    """
    for node in spec.nodes.values():
        module = modules.get(node.id)
        if module is None:
            continue
        weights = held(OPS[node.op], module)
        tensors = dict(module.named_parameters()) | dict(module.named_buffers())
        path = node.id.replace(SLASH, ".")
        shapes = {f"{path}.{name}": shape for name, shape in {**weights.tensors, **weights.buffers}.items()}
        for beginning in beginnings(spec, node, weights):
            tensor = tensors[beginning.tensor]
            words = f"{beginning.tensor} of {node.id}"
            located = beginning.initializer.located(folder)
            if isinstance(located, FromFile) and shapes.items() <= coming.items():
                continue
            try:
                if isinstance(located, FromFile):
                    checked_file(Path(located.path), located.name, words, beginning.shape)
                recipe = located.build(Value(words, beginning.shape, "float32"))
            except Mistake as mistake:
                raise Mistake(str(init_problem(node.id, beginning, mistake)), param=mistake.param) from None
            if recipe is not None:
                call(recipe, {words: tensor})


def file_problems(spec: Spec, weights: Mapping[str, Held], folder: Path) -> Iterator[Problem]:
    """Yield where a file that weights begin from is missing or does not hold what it should."""
    for node, each in weights.items():
        for beginning in beginnings(spec, spec.nodes[node], each):
            initializer = beginning.initializer.located(folder)
            if isinstance(initializer, FromFile):
                try:
                    words = f"{beginning.tensor} of {node}"
                    checked_file(Path(initializer.path), initializer.name, words, beginning.shape)
                except Mistake as mistake:
                    yield init_problem(node, beginning, mistake)
