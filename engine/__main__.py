"""`python -m engine` is the command line.

`python -m engine serve` is the window's helper process, `python -m engine trials` trains the trials of a sweep.
"""

import sys

from engine.cli import main
from engine.serve import serve
from engine.sweep import worker


def run(arguments: list[str]) -> int:
    """Do what the arguments name."""
    match arguments:
        case ["serve"]:
            return serve()
        case ["trials", *rest]:
            return worker.main(rest)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
