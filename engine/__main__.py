"""`python -m engine` is the command line; with `serve` it is the window's helper, with `wait` its next trainer."""

import sys

from engine.cli import main
from engine.serve import serve
from engine.wait import wait

if __name__ == "__main__":
    sys.exit({"serve": serve, "wait": wait}[sys.argv[1]]() if sys.argv[1:] in (["serve"], ["wait"]) else main())
