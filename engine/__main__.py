"""`python -m engine` is the command line.

`python -m engine serve` is the window's helper process, `wait` its next trainer, `trials` trains those of a sweep.
"""

import sys

from engine.cli import main
from engine.serve import serve
from engine.sweep import worker
from engine.wait import wait


def run(arguments: list[str]) -> int:
    """Do what the arguments name."""
    match arguments:
        case ["serve"]:
            return serve()
        case ["wait"]:
            return wait()
        case ["trials", *rest]:
            return worker.main(rest)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
