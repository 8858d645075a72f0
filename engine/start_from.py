"""Starting from the weights of another run, or of a file: for every node at once, by its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors

from engine.edit_settings import set_init
from engine.ops.initializer import FromFile
from engine.problem import Mistake
from engine.spec import SLASH, Spec
from engine.train.folder import Run

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Begun:
    """A spec whose nodes begin from a file: the nodes all of whose weights do, and those of which some do not."""

    spec: Spec
    begun: tuple[str, ...]
    anew: tuple[str, ...]

    def words(self) -> str:
        """What begins from the file, in a sentence."""
        rest = f"; {', '.join(self.anew)} {'begins' if len(self.anew) == 1 else 'begin'} anew" if self.anew else ""
        return f"{', '.join(self.begun)} {'begins' if len(self.begun) == 1 else 'begin'} from the file{rest}."


def weights_of(path: Path) -> Path:
    """The file with the weights: that of a run folder, or the file itself; raises Mistake where there is none."""
    file = Run(path).weights if path.is_dir() else path
    if not file.is_file():
        what = "has no weights yet" if path.is_dir() else "does not exist"
        raise Mistake(f"{path} {what}; choose a run that has trained an epoch, or a safetensors file.")
    return file.resolve()


def shapes_in(path: Path) -> Shapes:
    """The tensors of a safetensors file and their shapes; raises Mistake where it is none."""
    try:
        with safetensors.safe_open(path, framework="np") as stored:
            return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118  # no mapping
    except (safetensors.SafetensorError, OSError) as error:
        raise Mistake(f"{path} is no whole safetensors file: {error}.") from None


def start_from(spec: Spec, path: Path, held: Mapping[str, Shapes]) -> Begun:
    """Let every node begin from the tensors of a run or a file that are named after it and have its shapes.

    `held` are the tensors of each node, as the check found them. What is in a block begins as it did, for its
    initializers stand for all uses of the block. Raises Mistake where nothing fits.
    """
    file = weights_of(path)
    found = shapes_in(file)
    begun: list[str] = []
    anew: list[str] = []
    for node, tensors in held.items():
        if not tensors or SLASH in node or node not in spec.nodes:
            continue
        fitting = [tensor for tensor, shape in tensors.items() if found.get(f"{node}.{tensor}") == tuple(shape)]
        for tensor in fitting:
            params = {"path": str(file), "name": f"{node}.{tensor}"}
            spec = set_init(spec, node, tensor, {"op": FromFile.__name__, "params": params})
        (begun if len(fitting) == len(tensors) else anew).append(node)
    if not begun:
        raise Mistake(f"{file} holds no weights of the names and shapes of these nodes: {', '.join(anew) or 'none'}.")
    return Begun(spec, tuple(begun), tuple(anew))
