"""`python -m engine` is the command line; `python -m engine serve` is the window's helper process."""

import sys

from engine.cli import main
from engine.serve import serve

if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1:] == ["serve"] else main())
