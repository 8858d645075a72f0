"""Starting from the weights of another run, or of a file: for every node at once, by its id, in blocks too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.edit_settings import set_init
from engine.ops.initializer import FromFile
from engine.problem import Mistake
from engine.report import NodeReport
from engine.spec import SLASH, Spec
from engine.tensorfile import shapes_in
from engine.train.folder import Run

TRAINED = "weights."  # what the names of weights begin with in a checkpoint, which holds more


@dataclass(frozen=True, slots=True)
class Begun:
    """A spec whose nodes begin from a file: all of what some hold, a part of what others do, nothing of the rest.

    A use of a block, or a round of it, stands for all inside where that is alike.
    """

    spec: Spec
    begun: tuple[str, ...]
    partly: tuple[str, ...]
    anew: tuple[str, ...]

    def words(self) -> str:
        """What begins from the file, in a sentence."""
        ways = ((self.begun, "from the file"), (self.partly, "from the file in part"), (self.anew, "anew"))
        told = (f"{', '.join(nodes)} {'begins' if len(nodes) == 1 else 'begin'} {how}" for nodes, how in ways if nodes)
        return f"{'; '.join(told)}."


def weights_of(path: Path) -> Path:
    """The file with the weights: that of a run folder, or the file itself; raises Mistake where there is none."""
    file = Run(path).weights if path.is_dir() else path
    if not file.is_file():
        what = "has no weights yet" if path.is_dir() else "does not exist"
        raise Mistake(f"{path} {what}; choose a run that has trained an epoch, or a safetensors file.")
    return file.resolve()


def start_from(spec: Spec, path: Path, nodes: Mapping[str, NodeReport]) -> Begun:
    """Let every node begin from the tensors of a run or a file that are named after it and have its shapes.

    `nodes` are as the check found them. What is in a block is set at its use, so that each use has its own numbers.
    Of a checkpoint the weights are taken. What does not fit begins from no other file either. Raises Mistake where
    nothing fits.
    """
    file = weights_of(path)
    found = shapes_in(file)
    fits: dict[str, list[bool]] = {}
    for node, report in nodes.items():
        for tensor, shape in {**report.tensors, **report.buffers}.items():
            name = f"{node}.{tensor}".replace(SLASH, ".")
            stored = next((each for each in (name, TRAINED + name) if found.get(each) == tuple(shape)), None)
            fits.setdefault(node, []).append(stored is not None)
            holder, _, within = name.partition(".")
            if stored is not None:
                params = {"path": str(file), "name": stored}
                spec = set_init(spec, holder, within, {"op": FromFile.__name__, "params": params})
            elif _is_from_file(spec, holder, within):
                spec = set_init(spec, holder, within, None)
    begun = _named(fits, [node for node, each in fits.items() if all(each)])
    partly = _named(fits, [node for node, each in fits.items() if any(each) and not all(each)])
    anew = _named(fits, [node for node, each in fits.items() if not any(each)])
    if not begun and not partly:
        raise Mistake(f"{file} holds no weights of the names and shapes of these nodes: {', '.join(anew) or 'none'}.")
    return Begun(spec, begun, partly, anew)


def _is_from_file(spec: Spec, node: str, tensor: str) -> bool:
    """Whether a tensor begins from a file, as after an earlier start."""
    inits = spec.nodes[node].weights.get("init")
    init = inits.get(tensor) if isinstance(inits, Mapping) else None
    return isinstance(init, Mapping) and init.get("op") == FromFile.__name__


def _named(whole: Iterable[str], some: list[str]) -> tuple[str, ...]:
    """The names of some nodes of a whole, those of blocks and rounds where all that is inside is among them."""
    rest = set(whole) - set(some)
    mixed = {path for node in rest for path in _around(node)}
    return tuple(dict.fromkeys(next((path for path in _around(node) if path not in mixed), node) for node in some))


def _around(node: str) -> Iterator[str]:
    """Yield the paths of the uses of blocks around a node, and of their rounds, the outermost first."""
    parts = node.split(SLASH)
    yield from (SLASH.join(parts[:place]) for place in range(1, len(parts)))
