"""Files written beside training: a slow disk keeps nothing waiting but the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Writer(Generic[T]):
    """Runs one piece of work after the other in a thread of its own; a newer one takes the place of one that waits.

    So at most one is held in memory beside the one that is being written. The thread is no daemon: Python ends those
    in the middle of PyTorch's code, which aborts the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Callable[[], T] | None = None
        self._done: list[T] = []
        self._fault: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done and nothing waits."""
        with self._changed:
            return self._thread is None

    def put(self, work: Callable[[], T]) -> None:
        """Have a piece of work done next."""
        with self._changed:
            self._waiting = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="writer")
                self._thread.start()

    def take(self) -> list[T]:
        """The results that have come since they were last taken; raises what a piece of work raised."""
        with self._changed:
            done, self._done = self._done, []
            fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        return done

    def flush(self) -> list[T]:
        """Wait until all is done, then as `take`."""
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None)
        return self.take()

    def _work(self) -> None:
        while True:
            with self._changed:
                work, self._waiting = self._waiting, None
                if work is None:
                    self._thread = None
                    self._changed.notify_all()
                    return
            try:
                result = work()
            except Exception as error:  # it is raised where the results are taken
                with self._changed:
                    self._fault = self._fault or error
            else:
                with self._changed:
                    self._done.append(result)
