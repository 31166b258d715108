"""Plain threads over compiled functions that release the GIL.

Numba's own parallel loops are not used: they add seconds to the compilation, their OpenMP layer
does not survive a fork, and the work here falls into pieces that need no more than a counter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Task = Callable[[], None]


class _Helper:
    """A thread that waits for tasks; it is kept, as starting one takes longer than many a task."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[tuple[Task, SimpleQueue[BaseException | None]]] = SimpleQueue()
        Thread(target=self._serve, name="imssa_sim kernels", daemon=True).start()

    def _serve(self) -> None:
        while True:
            task, done = self.tasks.get()
            error = None
            try:
                task()
            except BaseException as raised:  # handed to the caller
                error = raised
            _idle.append(self)
            done.put(error)
            del task, done, error  # nothing is held while waiting


_idle: list[_Helper] = []
os.register_at_fork(after_in_child=_idle.clear)  # threads do not survive a fork


def run_threads(threads: int, task: Task) -> None:
    """Call ``task`` on several threads at once, this one among them, and wait for all.

    The calls share out the work among themselves, by a counter.
    """
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    for _ in range(threads - 1):
        try:
            helper = _idle.pop()
        except IndexError:
            helper = _Helper()
        helper.tasks.put((task, done))
    try:
        task()
    finally:
        errors = [done.get() for _ in range(threads - 1)]
    for error in errors:
        if error is not None:
            raise error
