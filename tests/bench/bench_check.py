"""The check's round trip through the helper process: sent to received, for edits of random nodes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median
from typing import Any

from engine import edit
from engine.report import Report
from engine.spec import Node, Spec, encode
from tests.bench.figure import Figure

EDITS = 25


def _chain(count: int, width: int = 64) -> Spec:
    """Blocks of Linear (back to the width), ReLU, LayerNorm, Add: an edit of a Linear reaches its block alone."""
    linear, norm = edit.OPS["Linear"].defaults(), edit.OPS["LayerNorm"].defaults()
    nodes = [Node("input_1", "Input", {"column": None, "shape": ["N", width], "dtype": "float32"})]
    last = "input_1"
    for place in range((count - 2) // 4):
        ids = [f"{name}_{place}" for name in ("wide", "relu", "narrow", "add")]
        nodes += [
            Node(ids[0], "Linear", {**linear, "out_features": 96}, {"input": last}),
            Node(ids[1], "ReLU", {}, {"input": ids[0]}),
            Node(ids[2], "Linear", {**linear, "out_features": width}, {"input": ids[1]}),
            Node(ids[3], "Add", {}, {"input": ids[2], "other": last}),
        ]
        last = ids[3]
    assert norm
    return Spec().with_nodes([*nodes, Node("output_1", "Output", {}, {"input": last})])


def _plain_chain(count: int) -> Spec:
    """Ops that keep the shape they get: an edit of the Input reaches every node."""
    nodes = [Node("input_1", "Input", {"column": None, "shape": ["N", 64], "dtype": "float32"})]
    ops = ("ReLU", "Tanh", "LayerNorm", "Dropout", "GELU")
    for place in range(count - 2):
        op = ops[place % len(ops)]
        params = {**edit.OPS[op].defaults(), **({"p": 0.001 * (place % 900)} if op == "Dropout" else {})}
        nodes.append(Node(f"n{place}", op, params, {"input": nodes[-1].id}))
    return Spec().with_nodes([*nodes, Node("output_1", "Output", {}, {"input": nodes[-1].id})])


class _Helper:
    """The helper process as the window uses it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "engine", "serve"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()
        self._sent = 0

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def check(self, spec: Spec) -> float:
        """Seconds from a spec to its report."""
        assert self._process.stdin is not None
        begun = time.perf_counter()
        self._sent += 1
        line = json.dumps({"id": self._sent, "do": "check", "spec": {**encode(spec), "canvas": {}}}, ensure_ascii=False)
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        report = Report.decode(self._read()["report"])
        seconds = time.perf_counter() - begun
        assert not report.problems
        return seconds

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _edits(helper: _Helper, count: int) -> float:
    """The median round trip in milliseconds over edits of random layers' widths."""
    spec, chance = _chain(count), random.Random(0)
    helper.check(spec)
    wide = [node for node in spec.nodes if node.startswith("wide")]
    seconds = []
    for width in range(EDITS):
        spec = edit.set_param(spec, chance.choice(wide), "out_features", 100 + width)
        seconds.append(helper.check(spec))
    return median(seconds) * 1000


def run() -> list[Figure]:
    """Measure graphs of 100 and 1,000 nodes, and an edit that reaches all of 1,000."""
    helper = _Helper()
    figures = [
        Figure("check round trip, an edit in 100 nodes", _edits(helper, 100), "ms", 50, "lower"),
        Figure("check round trip, an edit in 1,000 nodes", _edits(helper, 1000), "ms", 150, "lower"),
    ]
    spec = _plain_chain(1000)
    helper.check(spec)
    first = spec.nodes["input_1"]
    wider = replace(first, params={**first.params, "shape": ["N", 80]})
    whole = helper.check(spec.with_nodes([wider, *list(spec.nodes.values())[1:]]))
    helper.close()
    return [*figures, Figure("check round trip, an edit that reaches 1,000 nodes", whole, "s", 4, "lower")]
