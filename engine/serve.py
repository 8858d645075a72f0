"""The window's helper process: requests and replies as JSON lines on stdin and stdout.

Work that takes a while tells how far it has come, in lines that hold "progress", before its reply.

A reader thread takes the requests in, so that a newer check can put an end to an older one.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from engine import spec as specs
from engine.problem import Mistake
from engine.progress import watched
from engine.python_code import fault_words
from engine.train.folder import Run

COUNTED_AT_ONCE = 100  # nodes whose graph passes are run with each check; it takes some 4 ms

Request = dict[str, Any]
Reply = Mapping[str, Any]


def serve() -> int:
    """Answer requests until stdin ends; whatever else prints goes to stderr."""
    replies, sys.stdout = sys.stdout, sys.stderr
    server = Server(sys.stdin, replies)
    server.run()
    return 0


class Server:
    """Answers one request after the other; checks are dropped when a newer one waits."""

    def __init__(self, requests: IO[str], replies: IO[str]) -> None:
        self._requests, self._replies = requests, replies
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._newest_check = -1
        self._works: dict[str, Callable[[Request], Reply]] = {
            "check": self._check,
            "passes": self._passes,
            "data": _data,
            "browse": _browse,
            "look": _look,
            "sound": _sound,
            "trace": _trace,
            "distributions": _distributions,
            "guess": _guess,
            "export": _export,
            "devices": _devices,
            "curve": _curve,
            "find_lr": _find_lr,
            "find_batch": _find_batch,
            "importance": _importance,
            "changes": _changes,
        }

    def run(self) -> None:
        """Read and answer until the requests end."""
        threading.Thread(target=self._read, daemon=True).start()
        from engine.check import Checker  # takes torch's seconds: the window may send requests meanwhile

        self._checker = Checker()
        self._send({"ready": True, "pid": os.getpid()})
        while (request := self._waiting.get()) is not None:
            self._answer(request)

    def _read(self) -> None:
        for line in self._requests:
            request = _parsed(line)
            if request.get("do") == "check":
                self._newest_check = request["id"]
            self._waiting.put(request)
        self._waiting.put(None)

    def _answer(self, request: Request) -> None:
        work = self._works.get(request.get("do", ""))
        try:
            with watched(lambda headway: self._send({"id": request.get("id"), "progress": headway.encode()})):
                reply = work(request) if work else {"error": f"There is no request {request.get('do')!r}."}
        except Mistake as mistake:
            reply = {"error": mistake.message}
        except MemoryError:
            reply = {"error": "There is not enough memory for this."}
        except OSError as error:
            reply = {"error": f"{error.filename or 'A file'}: {error.strerror or error}."}
        except Exception as error:  # code of a Python node may raise anything; the rest are bugs
            if (words := fault_words(error)) is None:
                raise
            reply = {"error": words}
        self._send({"id": request.get("id"), **reply})

    def _send(self, reply: Reply) -> None:
        with self._sending:  # threads of a download tell how far they are
            self._replies.write(json.dumps(reply, ensure_ascii=False) + "\n")
            self._replies.flush()

    def _check(self, request: Request) -> Reply:
        from engine.check import Stopped  # loaded by now
        from engine.compile import explain  # as it needs what the check has loaded

        spec = specs.decode(request["spec"])
        try:
            folder = Path(request["folder"]) if "folder" in request else None
            sizes = request.get("sizes")
            report = self._checker.check(spec, lambda: self._newest_check != request["id"], folder, sizes)
        except Stopped:
            return {"stale": True}
        if not report.problems and len(report.nodes) <= COUNTED_AT_ONCE:
            with suppress(Mistake):  # nothing to train or to predict, so nothing to improve
                report = replace(report, optimised=explain(spec, self._checker)[0])
        return {"report": report.encode()}

    def _passes(self, request: Request) -> Reply:
        """Tell what the graph passes do; for large graphs the check does not count that with every edit."""
        from engine.compile import explain  # as it needs what the check has loaded

        spec, only = specs.decode(request["spec"]), request.get("only")
        if only not in (None, "training", "inference"):
            return {"error": f"There are no passes for {only!r}; they are for training or inference."}
        if self._checker.check(spec, sizes=request.get("sizes")).problems:
            return {"error": "The graph has problems; mend them first."}
        optimised, ran = explain(spec, self._checker, only)
        return {"optimised": optimised.encode(), "passes": [each.encode() for each in ran]}


def _parsed(line: str) -> Request:
    try:
        request = json.loads(line)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _data(request: Request) -> Reply:
    from engine.data import report  # loads torch and the readers only when asked for

    return {"data": report(specs.decode(request["spec"]), Path(request["folder"])).encode()}


def _browse(request: Request) -> Reply:
    from engine.data.browse import browse  # loads torch and the readers only when asked for
    from engine.data.trace import with_tokens  # as above

    spec, folder = _project(request)
    page = browse(spec, folder, request["part"], request["class"], request["start"], request["count"])
    return with_tokens(spec, folder, page) if request.get("tokens") else page


def _look(request: Request) -> Reply:
    from engine.data.browse import look  # as above
    from engine.data.trace import with_tokens  # as above

    spec, folder = _project(request)
    return with_tokens(spec, folder, {"samples": [look(spec, folder, request["index"])]})


def _sound(request: Request) -> Reply:
    from engine.data.browse import sound  # as above

    return sound(*_project(request), request["column"], request["index"])


def _trace(request: Request) -> Reply:
    from engine.data.trace import trace  # as above

    return trace(*_project(request), request["column"], request["place"], request.get("epoch"))


def _distributions(request: Request) -> Reply:
    from engine.data.distribution import distributions  # as above

    return distributions(*_project(request))


def _project(request: Request) -> tuple[specs.Spec, Path]:
    return specs.decode(request["spec"]), Path(request["folder"])


def _guess(request: Request) -> Reply:
    from engine.data.guess import guess  # loads the readers only when asked for

    return {"guesses": [each.encode() for each in guess(Path(request["path"]))]}


def _export(request: Request) -> Reply:
    from engine.export import export  # loads torch only when asked for

    source = Path(request["run"]) if "run" in request else specs.decode(request["spec"])
    done = export(source, request["format"], Path(request["path"]), folder=Path(request["folder"]))
    return {"done": [str(path) for path in done]}


def _devices(_request: Request) -> Reply:
    from engine.devices import devices  # loads torch only when asked for

    return {"devices": [{"name": each.name, "description": each.description} for each in devices()]}


def _curve(request: Request) -> Reply:
    from engine.train.schedules import preview  # loads torch only when asked for

    return {"curve": preview(request["schedule"], request["lr"], request["steps_per_epoch"], request["epochs"])}


def _find_lr(request: Request) -> Reply:
    from engine.train.finder import find_lr  # loads torch only when asked for

    spec, folder = specs.decode(request["spec"]), Path(request["folder"])
    return {"swept": find_lr(spec, folder, optimizer=request["optimizer"]).encode()}


def _find_batch(request: Request) -> Reply:
    from engine.train.batchfinder import find_batch_size  # loads torch only when asked for

    return {"fitted": find_batch_size(specs.decode(request["spec"]), Path(request["folder"])).encode()}


def _importance(request: Request) -> Reply:
    from engine.sweep.study import importances  # loads Optuna and scikit-learn only when asked for

    return {"importance": importances(Path(request["journal"]))}


def _changes(request: Request) -> Reply:
    from engine.train.again import changes  # loads torch only when asked for

    return {"changes": changes(Run(Path(request["run"])))}
