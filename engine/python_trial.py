"""Python nodes in the check: tried in a process of their own, which is stopped where the code does not end."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any

from engine.count import Cost, cost
from engine.declare import Recipe, Value
from engine.ops.python import Python
from engine.problem import Fix, Mistake, Problem
from engine.python_node import FILE, UNTRUSTED, refuse_untrusted
from engine.recipes import arguments
from engine.sizes import Names
from engine.spec import Node
from engine.trust import is_trusted
from engine.weights import Held

START_SECONDS = 120.0
LOAD_SECONDS = 20.0  # for a code's imports and the making of its layer
RUN_SECONDS = 15.0  # for all its runs
GRACE_SECONDS = 2.0
META, CPU = "meta", "cpu"
UNKNOWN = "K"  # how the check's names begin for sizes that no expression describes
TRUST = "trust_code"  # the action of the fix; no edit, for trust is not kept in the project

Values = Callable[[Names, int], Mapping[str, Any]]
Shapes = Mapping[str, tuple[tuple[int | str, ...], str]]


def trust_problem(node: Node) -> Problem | None:
    """Say that a node's code is not trusted yet, with the fix that the user must make; None where it is."""
    if node.op != Python.__name__:
        return None
    code = node.params.get("code")
    if not isinstance(code, str) or is_trusted(code):
        return None
    fix = Fix("Trust this code", TRUST, {"node": node.id, "code": code})
    return Problem(UNTRUSTED, node.id, "code", (fix,))


# ---------------------------------------------------------------------------------------------------------- worker


class Worker:
    """The process that tries code; started when first asked, and anew where it had to be stopped."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request; the reply holds "error" where the code failed, hung or ended the process."""
        with self._lock:
            line = self._line(request)
            if not line and self._ended_idle():
                line = self._line(request)
            if line.startswith("{"):
                reply: dict[str, Any] = json.loads(line)
                return reply
            rest = self._rest() if line else []
            self.close()
        return {"error": _stuck(rest) if line else _ENDED, "fatal": True}

    def _line(self, request: Mapping[str, Any]) -> str:
        """The first line of the reply; "" where the process ends without one."""
        self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            return ""
        seconds: float = request["load_seconds"] + request["run_seconds"] + GRACE_SECONDS
        return self._next(seconds, late="Timeout")

    def _ended_idle(self) -> bool:
        """Whether the process had ended by itself, for want of work."""
        assert self._process is not None
        return self._process.wait() == 0

    def _rest(self) -> list[str]:
        """What the process told before it ended, of where it hung."""
        lines = []
        while line := self._next(GRACE_SECONDS):
            lines.append(line)
        return lines

    def _next(self, seconds: float, late: str = "") -> str:
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return late

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        script = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import engine.python_worker as w; w.main()"
        self._lines = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl+C is for us; it ends with its stdin
        )
        assert self._process.stdout is not None
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines), daemon=True).start()
        if not self._next(START_SECONDS):
            self.close()
            raise Mistake("The process that tries Python nodes did not start; try again.", param="code")

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()


_ENDED = "The code ended the process that tried it; it must not exit, and no library it uses may crash."


def _pass_on(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put("")


def _stuck(rest: list[str]) -> str:
    """Say where the code was when its time was up, from what faulthandler wrote."""
    inside = [line for line in rest if f'File "{FILE}' in line]
    where = f"; it was at line {inside[0].split('line ')[1].split()[0].rstrip(',')}" if inside else ""
    return f"The code did not come to an end in time{where}. Does it loop for ever, or wait for something?"


@functools.cache
def worker() -> Worker:
    """The one worker of this process: starting one takes torch's seconds."""
    return Worker()


# ----------------------------------------------------------------------------------------------------------- trial


class PythonTrial:
    """One Python node at work; has what the check's own trials have.

    It is tried on the meta device, at sizes small enough for code that goes through them step by step. Code that needs
    numbers gets small real tensors; code that these sizes are too small for gets the check's own.
    """

    def __init__(self, op: Python, recipe: Recipe, values: Values) -> None:
        self._op, self._recipe, self._values = op, recipe, values
        self._device = META
        self._known: dict[tuple[int, int], Shapes] = {}
        self.weights = Held()
        self.weight_bytes = 0

    def begin(self, names: Names, runs: int) -> Names:
        """Try the code; returns the sizes at which it works. Raises Mistake where it does not."""
        refuse_untrusted(self._recipe.args[0])
        near = moderate(names)
        reply = self._ask(near, range(runs))
        if reply.get("meta"):
            self._device = CPU
            reply = self._ask(near, range(runs))
        elif "error" in reply and names and "fatal" not in reply:
            further = self._ask(names, range(runs))
            near, reply = (near, reply) if "error" in further else (names, further)
        if "error" in reply:
            raise Mistake(reply["error"], param="code")
        tensors, buffers = (
            {name: tuple(shape) for name, shape in reply[kind].items()} for kind in ("tensors", "buffers")
        )
        self.weights = Held(tensors, frozenset(reply["matrices"]), buffers=buffers)
        self.weight_bytes = reply["bytes"]
        self._known = {(id(near), run): self._shapes(found) for run, found in enumerate(reply["runs"])}
        return near

    def run(self, names: Names, run: int) -> Shapes:
        """Run the code at the sizes of one run; returns {port: (shape, dtype)}."""
        known = self._known.get((id(names), run))
        if known is not None:
            return known
        reply = self._ask(names, [run])
        if "error" in reply:
            raise Mistake(reply["error"], param="code")
        return self._shapes(reply["runs"][0])

    def cost(self, names: Callable[[int], Names]) -> Cost:
        """Tell what the code costs; `names` gives the free sizes at a number of samples."""
        multiplies = bool(self.weights.matrices)
        return cost(self._op, lambda samples: self._values(names(samples), 0), self._measured, multiplies=multiplies)

    def _measured(self, values: Mapping[str, Any], samples: int) -> Cost:
        request = self._request([{port: _plain(value) for port, value in values.items()}])
        reply = worker().ask({**request, "samples": samples})
        if "error" in reply:
            raise Mistake(reply["error"], param="code")
        reads, gives = frozenset(reply["reads"]), frozenset(reply["gives"])
        views = tuple((port, source) for port, source in reply["views"])
        return Cost(reply["macs"], reply["inside"], reads, gives, views)

    def _shapes(self, found: Sequence[Any]) -> Shapes:
        ports = type(self._op).output_ports()
        return {port: (tuple(shape), dtype) for port, (shape, dtype) in zip(ports, found, strict=True)}

    def _ask(self, names: Names, runs: Iterable[int]) -> dict[str, Any]:
        given = [{port: _plain(value) for port, value in self._values(names, run).items()} for run in runs]
        return worker().ask(self._request(given))

    def _request(self, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the worker is asked: to call the code once with each of these values by port."""
        code, params, outputs = self._recipe.args
        positional, _keywords = arguments(type(self._op), {port: port for port in runs[0]})
        return {
            "code": code,
            "params": params,
            "forward": self._recipe.forward,
            "names": outputs,
            "device": self._device,
            "runs": runs,
            "positional": list(positional),
            "load_seconds": LOAD_SECONDS,
            "run_seconds": RUN_SECONDS,
        }


def _plain(value: Value | list[Value]) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {"shape": list(map(int, value.shape)), "dtype": value.dtype}


def moderate(names: Names) -> Names:
    """Sizes for the same free names that are small; no name's are a whole multiple of another's, give or take."""
    return {
        name: tried if name.startswith(UNKNOWN) else (61 + 6 * place, 82 + 20 * place, 127 + 53 * place)
        for place, (name, tried) in enumerate(names.items())
    }
