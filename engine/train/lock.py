"""Looks at locks without being in the way of those who take them."""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock, Timeout

if sys.platform != "win32":
    import fcntl


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of this file, which falls with the process; reading the file will do.

    A lock that may not even be looked at, as another user's, counts as free.
    """
    try:
        return path.exists() and _is_held(path)
    except OSError:
        return False


if sys.platform == "win32":  # knows no lock that is shared

    def _is_held(path: Path) -> bool:
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True

else:

    def _is_held(path: Path) -> bool:
        """Whether the lock cannot be shared; several may look at once, and none of them writes."""
        with path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # the second on some network drives
                return True
        return False
