"""What ends a run before its time, in sentences: where, what, and what to try."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.amounts import memory
from engine.events import Event, Failed
from engine.expand import expand
from engine.optimizers import read_optimizers
from engine.problem import Fix, Mistake, Problem
from engine.python_node import fault_of, node_at_work, node_of
from engine.spec import Spec
from engine.train.checkpoint import FULL
from engine.train.folder import Run
from engine.train.guard import Culprit
from engine.train.precision import indeterminate
from engine.train.session import Refused, Session

GENTLER = 0.1  # of the learning rate, where numbers left their range
BATCH_SIZE = "data.batching.batch_size"
FROM_ZERO = ("Divide", "Log", "Log1p", "Log2", "Log10", "Power", "Reciprocal", "Sqrt")  # fail at zero, or below


class Broken(Exception):  # a fault whose last event is known where it happens
    """A fault that ends the run with this event."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


def recorded(run: Run, events: Iterator[Event]) -> Iterator[Event]:
    """Write each event down before it is handed on; a full disk does not keep it from the reader."""
    for event in events:
        try:
            run.append(event)
        except OSError:
            if not isinstance(event, Failed):
                yield Failed(f"{run.path} cannot be written to; make room, or copy the run elsewhere, then resume it.")
                return
        yield event


def guarded(events: Iterator[Event]) -> Iterator[Event]:
    """Turn what users can mend into a last event that says how."""
    try:
        yield from events
    except Broken as broken:
        yield broken.failed
    except Refused as refused:
        problem = refused.problem
        yield Failed(problem.message, problem.node, problem.param, fixes=problem.fixes)
    except Mistake as mistake:
        yield _refused(mistake)
    except MemoryError:
        yield Failed(_OUT_OF_MEMORY)
    except OSError as error:
        yield Failed(_FULL if error.errno in FULL else f"A file could not be written or read: {error}.")
    except RuntimeError as error:  # torch raises it for most of what goes wrong in a kernel
        known = indeterminate(error)
        words = _OUT_OF_MEMORY if is_out_of_memory(error) else _torch_words(error)
        yield Failed(words) if known is None else _refused(known)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        yield Failed(
            "A batch of one sample reached a batch normalisation, which needs two or more: "
            "raise batch_size, or turn drop_last on.",
            fixes=(_LEAVE_OUT_LAST,),
        )


_OUT_OF_MEMORY = "There is not enough memory: lower batch_size, make the network smaller, or train on another device."
_FULL = "The disk is full: make room, then resume the run. Its last checkpoint is whole."


_LEAVE_OUT_LAST = Fix(
    "Leave out a last, smaller batch", "set_setting", {"path": "data.batching.drop_last", "value": True}
)


def _refused(mistake: Mistake) -> Failed:
    return Failed(mistake.message, None, mistake.param, fixes=mistake.fixes)


def _torch_words(error: RuntimeError) -> str:
    return f"PyTorch stopped the training: {str(error).splitlines()[0].rstrip('.')}."


def _setting(path: str, value: object) -> dict[str, object]:
    return {"path": path, "value": value}


def placed(spec: Spec, events: Iterator[Event]) -> Iterator[Event]:
    """Say of what the code of a Python node raises at which node and in which line it was."""
    try:
        yield from events
    except (Refused, Broken, MemoryError, torch.OutOfMemoryError):
        raise
    except Mistake as mistake:
        node = node_at_work(mistake)
        if node is None:
            raise
        raise Refused(mistake.problem(node)) from None
    except Exception as error:  # code may raise anything; what is not a node's goes on its way
        fault = fault_of(error)
        if fault is None:
            raise
        raise Refused(Problem(fault.message, node_of(expand(spec).spec, fault), "code")) from error


# ---------------------------------------------------------------------------------------------------------- memory


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host had no memory left."""
    words = str(error).split("\n")[0].lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in words


def out_of_memory(session: Session, epoch: int, step: int) -> Failed:
    """The event of a step for which there was not enough memory."""
    size = session.batching.batch_size
    words = f"A batch of {size:,} samples needs more memory than {session.device} has"
    if session.device.type == "cuda":
        free, whole = torch.cuda.mem_get_info(session.device)
        words += f": of its {memory(whole)}, {memory(free)} are free"
    if size == 1:
        return Failed(f"{words}. Make the network smaller, or train on another device.", None, None, epoch, step)
    half = size // 2
    words = f"{words}. Try batches of {half:,}, a smaller network, or another device; then go on where it stopped."
    fix = Fix(f"Halve the batches to {half:,} samples", "set_setting", _setting(BATCH_SIZE, half))
    return Failed(words, None, BATCH_SIZE, epoch, step, (fix,))


# --------------------------------------------------------------------------------------------------- device asserts


def is_device_assert(error: BaseException) -> bool:
    """Whether a kernel on a GPU refused a number; no more can be done with the GPU in this process then."""
    return "device-side assert" in str(error)


def device_assert(session: Session, epoch: int, step: int) -> Failed:
    """The event of a number that a kernel refused: nearly always an index out of its range."""
    columns = [f"{each.column} ({each.node})" for each in session.compiled.feeds if each.dtype.startswith("int")]
    looked_at = f"Look at {', '.join(columns)}: " if columns else ""
    words = (
        f"The GPU refused a number in epoch {epoch + 1}, most likely a class or an index outside its range. "
        f"{looked_at}classes and indices count from 0 to one less than their number. On the CPU the same training "
        "names the node. The last checkpoint is kept."
    )
    fix = Fix("Train on the CPU", "set_setting", _setting("training.device", "cpu"))
    return Failed(words, None, "training.device", epoch, step, (fix,))


# ------------------------------------------------------------------------------------------------ numbers not finite

_GENTLER_WORDS = "a learning rate ten times smaller, standardised columns, or normalisation layers"


def not_finite(session: Session, spec: Spec, culprit: Culprit | None, epoch: int, step: int) -> Failed:
    """The event of a loss or a gradient that became NaN or infinite in a step, counted from 0."""
    where = f"in epoch {epoch + 1}, step {step + 1}"
    kept = "The weights from before that step are kept in a checkpoint."
    if len(session.turns) > 1:
        kept = f"{kept[:-1]}, but for those of an optimizer that had taken its part of the step."
    fixes = _gentler(session, spec)
    if culprit is None:
        words = f"The loss became NaN or infinite {where}, which did not happen again when the step was repeated."
        return Failed(f"{words} Try {_GENTLER_WORDS}. {kept}", None, None, epoch, step, fixes)
    node = culprit.node
    if culprit.where == "given":
        feed = next((each for each in session.compiled.feeds if node in (each.node, each.name)), None)
        column = f"column {feed.column} " if feed is not None and feed.column else "the data "
        words = f"The loss became NaN or infinite {where}: {column}holds a number that is not finite. Leave its sample "
        return Failed(f"{words}out, or fill it. {kept}", feed.node if feed else node, None, epoch, step)
    met = "gives the first number" if culprit.where == "output" else "gives the first gradient"
    op = session.compiled.spec.nodes[node].op if node in session.compiled.spec.nodes else ""
    tried = _GENTLER_WORDS
    if op in FROM_ZERO:
        tried = f"a Clamp before {node} that keeps it from zero and below, or {tried}"
    words = f"The loss became NaN or infinite {where}: {node} {met} that is not finite. Try {tried}."
    return Failed(f"{words} {kept}", node, None, epoch, step, fixes)


def _gentler(session: Session, spec: Spec) -> tuple[Fix, ...]:
    """The fix that makes the learning rates of all optimizers ten times smaller."""
    entries, _problems = read_optimizers(spec, list(session.compiled.program.losses))
    steps = [
        {
            "edit": "set_setting",
            "arguments": _setting(f"{each.path}.params.lr", float(f"{each.optimizer.lr * GENTLER:.6g}")),
        }
        for each in entries
    ]
    return (Fix("Make the learning rate ten times smaller", "in_turn", {"steps": steps}),)
