"""The process in which the check tries Python nodes: it may hang, crash or be stopped without harm.

Requests and replies are JSON lines; whatever the code prints goes to stderr. A request is tried on the meta device, or
with small real tensors. When it takes too long the process ends itself, having told where it was. Whether a code is
trusted is judged by who asks.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import IO, Any

import torch
from torch import Tensor, nn

from engine.count import measured
from engine.initial import held
from engine.ops.python import Python
from engine.problem import Mistake
from engine.python_node import fault_of, made, returned, words_of

IDLE_SECONDS = 300.0
MEMORY = 4 * 2**30  # bytes that a code may take beyond what the process has at its start
META = "meta"


def main() -> None:
    """Answer requests until there are none."""
    requests, replies = _own_streams()
    _limit_memory()
    torch.set_num_threads(1)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    work = _Work(replies)
    _send(replies, {"ready": True})
    while True:
        try:
            line = waiting.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            os._exit(0)
        _send(replies, work.answer(json.loads(line)))


def _own_streams() -> tuple[IO[str], IO[str]]:
    """Keep stdin and stdout for ourselves: the code's go to nothing and to stderr."""
    requests, replies = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin, sys.stdout = open(os.devnull, encoding="utf-8"), sys.stderr  # noqa: SIM115  # for the process' life
    return requests, replies


def _read(requests: IO[str], waiting: queue.SimpleQueue[str]) -> None:
    for line in requests:
        waiting.put(line)
    os._exit(0)  # who asked has gone


def _send(replies: IO[str], reply: Mapping[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _limit_memory() -> None:
    try:
        import resource  # Unix alone has it

        with open("/proc/self/statm", encoding="ascii") as facts:
            now = int(facts.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return


class _Work:
    """Builds a node and calls it; the last one built is kept, since it is asked for again with other sizes."""

    def __init__(self, replies: IO[str]) -> None:
        self._replies = replies
        self._built: tuple[Any, nn.Module] | None = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Build and call; what goes wrong is told, with the line where it is known."""
        try:
            with self._within(request["load_seconds"]):
                module = self._module(request)
            with self._within(request["run_seconds"]):
                if "samples" in request:
                    return self._cost(module, request)
                runs = [self._run(module, request, given) for given in request["runs"]]
        except Mistake as mistake:
            return {"error": mistake.message}
        except BaseException as error:  # whatever the code does, it must not end the check
            return self._told(error)
        weights = held(Python, module)
        return {
            "runs": runs,
            "tensors": {name: list(shape) for name, shape in weights.tensors.items()},
            "matrices": sorted(weights.matrices),
            "buffers": {name: list(shape) for name, shape in weights.buffers.items()},
            "bytes": sum(each.nbytes for each in module.state_dict().values()),
        }

    def _told(self, error: BaseException) -> dict[str, Any]:
        self._built = None
        fault, words = fault_of(error), words_of(error)
        if isinstance(error, MemoryError) or "can't allocate memory" in words:
            return {"error": f"The code needs more than {MEMORY >> 30} GiB of memory in the check."}
        message = fault.message if fault else f"The code raises {words}."
        return {"error": message, "meta": META in words.lower()}

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """End the process where the code takes longer, and write where it was instead of a reply."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._replies)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _module(self, request: Mapping[str, Any]) -> nn.Module:
        key = (request["code"], request["params"], request["device"])
        if self._built is None or self._built[0] != key:
            self._built = None
            with torch.device(META) if request["device"] == META else nullcontext():
                self._built = (key, made(request["code"], [(name, value) for name, value in request["params"]]))
        return self._built[1]

    def _run(self, module: nn.Module, request: Mapping[str, Any], given: Mapping[str, Any]) -> list[Any]:
        torch.manual_seed(0)
        tensors = _called(module, request, _given(given, request["device"])).values()
        return [[list(each.shape), str(each.dtype).removeprefix("torch.")] for each in tensors]

    def _cost(self, module: nn.Module, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run the code once as training does; what it multiplies and keeps, as a `Cost` says it."""
        tensors = _given(request["runs"][0], request["device"])
        for each in (one for value in tensors.values() for one in (value if isinstance(value, list) else [value])):
            each.requires_grad_(each.is_floating_point() or each.is_complex())
        found = measured(module, tensors, lambda given: _called(module, request, given), request["samples"])
        return {**asdict(found), "reads": sorted(found.reads), "gives": sorted(found.gives)}


def _given(given: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Tensors by input port."""
    return {port: _tensors(each, device) for port, each in given.items()}


def _called(module: nn.Module, request: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """What the code makes of tensors by input port, by output port."""
    positional = request["positional"]
    named = {port: value for port, value in tensors.items() if port not in positional}
    result = module(*(tensors[port] for port in positional), **named, **request["forward"])
    return dict(zip(request["names"], returned(result, request["names"]), strict=True))


def _tensors(given: Any, device: str) -> Tensor | list[Tensor]:
    """A tensor of {"shape", "dtype"}, or a list of tensors of a list of these."""
    if isinstance(given, list):
        return [_tensor(each["shape"], each["dtype"], device) for each in given]
    return _tensor(given["shape"], given["dtype"], device)


def _tensor(shape: Sequence[int], dtype: str, device: str) -> Tensor:
    """On the meta device without numbers, else random ones; whole numbers are ones, which index and count alike."""
    kind = getattr(torch, dtype)
    if device == META:
        return torch.empty(tuple(shape), dtype=kind, device=META)
    if kind.is_floating_point or kind.is_complex:
        return torch.randn(tuple(shape), dtype=torch.complex64 if kind.is_complex else torch.float32).to(kind)
    return torch.ones(tuple(shape), dtype=kind)


if __name__ == "__main__":
    main()
