"""`python -m tests.bench [NAME ...]`: runs each benchmark in a process of its own and prints one table."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from tests.bench.figure import Figure

HERE = Path(__file__).parent
ONE = "--one"


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all; 1 where a target is missed."""
    if arguments[:1] == [ONE]:
        figures: list[Figure] = importlib.import_module(f"tests.bench.{arguments[1]}").run()
        print(json.dumps([asdict(figure) for figure in figures]))
        return 0
    known = sorted(path.stem for path in HERE.glob("bench_*.py"))
    chosen = [name for name in known if not arguments or name.removeprefix("bench_") in arguments]
    missed = 0
    print(f"{'':58} {'ours':>10} {'theirs':>10} {'unit':12} {'ratio':>6} target")
    for name in chosen:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench", ONE, name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{name} failed:\n{done.stderr}")
            missed += 1
            continue
        for values in json.loads(done.stdout.splitlines()[-1]):
            figure = Figure(**values)
            print(figure.row(), flush=True)
            missed += not figure.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
